/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "base/wallclock.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/revision.h"
#include "cli/setup.h"
#include "cli/tally.h"
#include "engine/intake/simulate.h"
#include "engine/registry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define DAYS_MOST 3660
#define DAYS_DEFAULT 30
#define MANY 10 /* messages to a customer: so many and more are one line */

/* One campaign of one version. */
struct tracked {
    int64_t *days;  /* messages a local day of the workspace */
    int64_t mine;   /* of the customer at hand: messages */
    int64_t capped; /* and those that a cap or limit held back */
    int64_t capped_customers, capped_in_vain;
};

/* A decision about the customer at hand. */
struct waiting {
    struct decision decision;
    struct profile profile; /* as it was then */
    int64_t at_us;
};

struct version {
    struct workspace *workspace;
    struct waiting *waiting; /* what is decided later may make one's message give way */
    size_t n_waiting, cap_waiting;
    struct plan_tally tally;
    struct tracked *campaigns; /* side by side with the tally's */
    int64_t messages;          /* of the customer at hand */
    int64_t spread[MANY + 1];  /* customers by the number of their messages */
};

/* A campaign in both versions. */
struct change {
    int64_t gained, lost; /* customers with a message in one version only */
};

struct work {
    struct simulate_options options;
    const struct campaign *only;
    struct version versions[SIMULATE_VERSIONS];
    struct change *changes; /* side by side with the first version's campaigns */
    int64_t first_day, days;
    struct progress *progress;
    const struct tally_file *csv; /* --csv */
    int64_t customers, events;
};

/* ---- while it runs */

static int64_t day_of(const struct workspace *w, int64_t us) {
    struct civil c;
    wallclock_local(w->settings.zone, us / WALLCLOCK_US_PER_S, &c);
    return wallclock_days_from_civil(c.year, c.month, c.day);
}

static void count_message(struct work *w, struct version *v, struct tracked *t, int64_t at_us) {
    int64_t day = day_of(v->workspace, at_us) - w->first_day;
    t->mine++;
    v->messages++;
    if (day >= 0 && day < w->days)
        t->days[day]++;
}

static void give_way(struct version *v, const struct decision *d, struct arena *a) {
    for (size_t i = 0; i < v->n_waiting && d->n_displaced; i++) {
        struct decision *earlier = &v->waiting[i].decision;
        if (earlier->outcome != OUTCOME_SEND || !decide_displaces(d, earlier))
            continue;
        earlier->outcome = OUTCOME_CAPPED;
        earlier->gate = "cap";
        earlier->reason =
            str_printf(a, "gave way to the campaign `%.*s`", STR_FMT(d->campaign->name));
    }
}

static bool on_decision(void *ctx, size_t version, const struct decision *d,
                        const struct profile *p, int64_t at_us, struct arena *scratch,
                        struct err *e) {
    struct work *w = ctx;
    struct version *v = &w->versions[version];
    (void)e; /* what cannot be written is found at the end */
    give_way(v, d, scratch);
    if (v->n_waiting == v->cap_waiting) {
        size_t cap = v->cap_waiting ? v->cap_waiting * 2 : 16;
        v->waiting = arena_grow(scratch, v->waiting, v->n_waiting * sizeof *v->waiting,
                                cap * sizeof *v->waiting);
        v->cap_waiting = cap;
    }
    v->waiting[v->n_waiting++] = (struct waiting){*d, *p, at_us};
    return true;
}

static void count_decision(struct work *w, struct version *v, const struct waiting *x,
                           struct arena *scratch) {
    const struct decision *d = &x->decision;
    struct plan_campaign *c = plan_tally_campaign(&v->tally, d->campaign);
    if (!c)
        return;
    struct tracked *t = &v->campaigns[c - v->tally.campaigns];
    plan_tally_add(&v->tally, d, &x->profile, scratch);
    if (d->outcome == OUTCOME_SEND)
        count_message(w, v, t, d->due_us);
    t->capped += d->outcome == OUTCOME_CAPPED;
    if (v == &w->versions[0])
        tally_line(w->csv, d, &x->profile, x->at_us);
}

static struct tracked *other_of(struct work *w, size_t i) {
    struct version *b = &w->versions[1];
    struct plan_campaign *c =
        plan_tally_campaign(&b->tally, w->versions[0].tally.campaigns[i].campaign);
    return c ? &b->campaigns[c - b->tally.campaigns] : NULL;
}

static void compare_customer(struct work *w) {
    struct version *a = &w->versions[0];
    for (size_t i = 0; i < a->tally.n_campaigns; i++) {
        struct tracked *other = other_of(w, i);
        bool here = a->campaigns[i].mine > 0, there = other && other->mine > 0;
        w->changes[i].gained += here && !there;
        w->changes[i].lost += there && !here;
    }
}

static void close_customer(struct version *v) {
    v->spread[v->messages < MANY ? v->messages : MANY]++;
    v->messages = 0;
    for (size_t i = 0; i < v->tally.n_campaigns; i++) {
        struct plan_campaign *c = &v->tally.campaigns[i];
        struct tracked *t = &v->campaigns[i];
        c->customers += t->mine > 0;
        c->per_customer = t->mine > c->per_customer ? t->mine : c->per_customer;
        t->capped_customers += t->capped > 0;
        t->capped_in_vain += t->capped > 0 && t->mine == 0;
        t->mine = t->capped = 0;
    }
}

static void on_customer(void *ctx, int64_t customers, int64_t events, struct arena *scratch) {
    struct work *w = ctx;
    for (size_t k = 0; k < w->options.n_versions; k++) {
        struct version *v = &w->versions[k];
        for (size_t i = 0; i < v->n_waiting; i++)
            count_decision(w, v, &v->waiting[i], scratch);
        v->waiting = NULL;
        v->n_waiting = v->cap_waiting = 0;
    }
    if (w->options.n_versions > 1)
        compare_customer(w);
    for (size_t v = 0; v < w->options.n_versions; v++)
        close_customer(&w->versions[v]);
    if (customers % 256 == 0)
        progress_bar(w->progress, S("events"), events, 0, STR_NONE);
}

/* ---- what came of it */

static struct str day_text(struct arena *a, int64_t day) {
    struct civil c;
    wallclock_utc(day * WALLCLOCK_DAY_S, &c);
    return str_printf(a, "%04" PRId64 "-%02d-%02d", c.year, c.month, c.day);
}

static void print_days(const struct work *w, struct output *o, struct arena *a) {
    static const char *const columns[] = {"day", "campaign", "messages", NULL};
    const struct version *v = &w->versions[0];
    output_section(o, "days", "Messages by day", columns);
    for (int64_t day = 0; day < w->days; day++)
        for (size_t i = 0; i < v->tally.n_campaigns; i++) {
            if (!v->campaigns[i].days[day])
                continue;
            struct value cells[] = {value_str(day_text(a, w->first_day + day)),
                                    value_str(v->tally.campaigns[i].campaign->name),
                                    value_int(v->campaigns[i].days[day])};
            output_row(o, cells);
        }
}

static void print_spread(const struct work *w, struct output *o, struct arena *a) {
    static const char *const columns[] = {"messages", "customers", NULL};
    const struct version *v = &w->versions[0];
    output_section(o, "customers", "Customers by the number of their messages", columns);
    for (int i = 0; i <= MANY; i++) {
        struct value cells[] = {value_str(str_printf(a, i < MANY ? "%d" : "%d or more", i)),
                                value_int(v->spread[i])};
        if (v->spread[i])
            output_row(o, cells);
    }
}

static void print_caps(const struct work *w, struct output *o) {
    static const char *const columns[] = {"campaign", "capped", "customers", "who_got_none", NULL};
    const struct version *v = &w->versions[0];
    output_section(o, "caps", "What caps and limits held back", columns);
    for (size_t i = 0; i < v->tally.n_campaigns; i++) {
        const struct plan_campaign *c = &v->tally.campaigns[i];
        struct value cells[] = {
            value_str(c->campaign->name), value_int(c->outcomes[OUTCOME_CAPPED]),
            value_int(v->campaigns[i].capped_customers), value_int(v->campaigns[i].capped_in_vain)};
        if (c->outcomes[OUTCOME_CAPPED])
            output_row(o, cells);
    }
}

static void change_row(struct output *o, struct str name, const struct plan_campaign *here,
                       const struct plan_campaign *there, int64_t gained, int64_t lost) {
    int64_t a = here ? here->outcomes[OUTCOME_SEND] : 0;
    int64_t b = there ? there->outcomes[OUTCOME_SEND] : 0;
    struct value cells[] = {
        value_str(name),
        here ? value_str(str_from(here->campaign->version)) : VALUE_NULL,
        there ? value_str(str_from(there->campaign->version)) : VALUE_NULL,
        value_int(a),
        value_int(b),
        value_int(a - b),
        value_int(gained),
        value_int(lost),
    };
    output_row(o, cells);
}

static void print_changes(const struct work *w, struct output *o) {
    static const char *const columns[] = {"campaign",         "version",          "against",
                                          "messages",         "messages_against", "difference",
                                          "customers_gained", "customers_lost",   NULL};
    const struct plan_tally *a = &w->versions[0].tally, *b = &w->versions[1].tally;
    output_section(o, "changes", "Beside the other version", columns);
    for (size_t i = 0; i < a->n_campaigns; i++)
        change_row(o, a->campaigns[i].campaign->name, &a->campaigns[i],
                   plan_tally_campaign(b, a->campaigns[i].campaign), w->changes[i].gained,
                   w->changes[i].lost);
    for (size_t i = 0; i < b->n_campaigns; i++) {
        const struct plan_campaign *c = &b->campaigns[i];
        if (!plan_tally_campaign(a, c->campaign))
            change_row(o, c->campaign->name, NULL, c, 0, c->customers);
    }
}

static struct str instant_text(struct arena *a, int64_t us) {
    char text[48];
    wallclock_format(us / WALLCLOCK_US_PER_S, 0, text, sizeof text);
    return str_dup(a, str_from(text));
}

/* CSV holds one table: the campaigns. */
static bool print(const struct work *w, enum output_format format, struct arena *a, struct err *e) {
    struct output *o = output_new(stdout, format);
    struct str from = instant_text(a, w->options.from_us), to = instant_text(a, w->options.to_us);
    output_note(o,
                "%" PRId64 " customers and %" PRId64 " events, as if the campaigns had been live "
                "from %.*s up to %.*s and had sent nothing before. Attributes, addresses and "
                "consents are those of now. Nothing was written or sent.",
                w->customers, w->events, STR_FMT(from), STR_FMT(to));
    tally_campaigns(o, &w->versions[0].tally);
    if (format != OUTPUT_CSV) {
        if (w->options.n_versions > 1)
            print_changes(w, o);
        print_days(w, o, a);
        print_spread(w, o, a);
        tally_reasons(o, &w->versions[0].tally);
        print_caps(w, o);
        tally_lacks(o, &w->versions[0].tally, a);
        tally_variants(o, &w->versions[0].tally);
    }
    return output_end(o) ||
           err_set(e, ERR_PERMANENT, "the result could not be written: %s", strerror(errno));
}

/* ---- */

static bool instant_of(const char *text, const char *option, const struct zone *z, int64_t *us,
                       struct err *e) {
    int64_t seconds;
    uint32_t nanos;
    if (!wallclock_parse(str_from(text), z, &seconds, &nanos, e))
        return err_context(e, "--%s", option);
    *us = seconds * WALLCLOCK_US_PER_S + nanos / 1000;
    return true;
}

static bool span_of(const struct args *args, const struct workspace *w, struct work *x,
                    struct err *e) {
    const char *from = args_get(args, "from"), *to = args_get(args, "to");
    const struct zone *z = w->settings.zone;
    struct simulate_options *o = &x->options;
    o->to_us = wallclock_now();
    if (to && !instant_of(to, "to", z, &o->to_us, e))
        return false;
    o->from_us = calendar_add_days(z, o->to_us, -DAYS_DEFAULT);
    if (from && !instant_of(from, "from", z, &o->from_us, e))
        return false;
    if (o->from_us >= o->to_us)
        return err_set(e, ERR_INPUT, "--from must be before --to");
    x->first_day = day_of(w, o->from_us);
    x->days = day_of(w, o->to_us) - x->first_day + 1;
    return x->days <= DAYS_MOST ||
           err_set(e, ERR_INPUT, "at most %d days can be simulated in one go", DAYS_MOST);
}

static void add_version(struct work *w, struct arena *a, struct workspace *workspace) {
    struct version *v = &w->versions[w->options.n_versions];
    w->options.versions[w->options.n_versions++] = workspace;
    v->workspace = workspace;
    const struct campaign *only =
        w->only ? campaign_set_find(&workspace->rules, w->only->name) : NULL;
    plan_tally_init(&v->tally, workspace, only, a);
    if (w->only && !only)
        v->tally.n_campaigns = 0;
    size_t n = v->tally.n_campaigns;
    v->campaigns = ARENA_ARRAY(a, struct tracked, n + 1);
    for (size_t i = 0; i < n; i++)
        v->campaigns[i].days = ARENA_ARRAY(a, int64_t, (size_t)w->days);
    if (w->options.n_versions == 1)
        w->changes = ARENA_ARRAY(a, struct change, n + 1);
}

/* The other version's workspace; its mistakes are said. */
static struct workspace *load_other(const struct args *args, struct arena *a, struct str folder,
                                    struct err *e) {
    struct diags d;
    diags_init(&d, a);
    struct workspace *w = workspace_load(folder, &d);
    if (!w) {
        diags_print(&d, stderr, setup_colour());
        err_set(e, ERR_INPUT, "the workspace of `%s` has mistakes", args_get(args, "against"));
    }
    return w;
}

static bool simulate(struct work *w, struct dbsync *db, struct err *e) {
    w->progress = progress_new(progress_look(stderr));
    bool ok = simulate_run(db, &w->options, &w->customers, &w->events, e);
    progress_end(w->progress, STR_NONE);
    return ok;
}

static bool run_with(const struct args *args, struct setup *s, struct workspace *other,
                     const struct tally_file *csv, enum output_format format, struct err *e) {
    const char *batch = args_get(args, "batch");
    struct work w = {.options = {.fetch = batch ? (size_t)strtoul(batch, NULL, 10) : SIMULATE_FETCH,
                                 .on_decision = on_decision,
                                 .on_customer = on_customer},
                     .csv = csv};
    w.options.ctx = &w;
    if (w.options.fetch < 1 || w.options.fetch > 100000)
        return err_set(e, ERR_INPUT, "--batch is a number from 1 to 100000");
    if (!tally_which(args, s->workspace, &w.only, e) || !span_of(args, s->workspace, &w, e) ||
        !registry_secret(s->conninfo, s->arena, &w.options.secret, e))
        return false;
    add_version(&w, s->arena, s->workspace);
    if (other)
        add_version(&w, s->arena, other);
    struct dbsync *db = dbsync_open(s->conninfo, e);
    bool ok = db && simulate(&w, db, e);
    dbsync_close(db);
    return ok && print(&w, format, s->arena, e);
}

static bool run_against(const struct args *args, struct setup *s, const struct tally_file *csv,
                        enum output_format format, struct err *e) {
    const char *against = args_get(args, "against");
    struct str folder, made;
    struct workspace *other = NULL;
    if (!against)
        return run_with(args, s, NULL, csv, format, e);
    bool ok =
        revision_unpack(s->arena, s->workspace->folder, str_from(against), &folder, &made, e) &&
        (other = load_other(args, s->arena, folder, e)) && run_with(args, s, other, csv, format, e);
    workspace_release(other);
    revision_remove(made);
    return ok;
}

static int run(const struct args *args) {
    struct err e = ERR_INIT, at_end = ERR_INIT;
    enum output_format format;
    struct setup s;
    struct tally_file csv;
    if (!output_format_parse(args_get(args, "format"), &format, &e))
        return args_usage(args, "%s", e.text);
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    bool ok =
        tally_open(&csv, args_get(args, "csv"), &e) && run_against(args, &s, &csv, format, &e);
    if (!tally_close(&csv, &at_end) && ok) {
        e = at_end;
        ok = false;
    }
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"from", 0, "TIME", "the first instant; 30 days before --to by default"},
    {"to", 0, "TIME", "up to but without this instant; now by default"},
    {"against", 'a', "REV", "beside it another version: a git revision, or a folder"},
    {"csv", 0, "FILE", "also write each decision there, one a line"},
    {"format", 'f', "FORMAT", "table (default), json, csv or html"},
    {"batch", 0, "N", "rows that are fetched at a time; the result is the same"},
    {0},
};

const struct command cmd_simulate = {
    .name = "simulate",
    .arguments = "[CAMPAIGN]",
    .summary = "Shows what would have been sent in the past.",
    .about =
        "Takes the events of the database through the very code that decides, under a virtual\n"
        "clock: waits, absences, dates and schedules come due as they would have. Nothing is\n"
        "written or sent, and the same input gives the same result. Shown are the messages a\n"
        "campaign and day, how many a customer gets, why others got none, and what caps held\n"
        "back. A time without a zone is in the workspace's; a date is its 00:00.",
    .example = "  godwit simulate --from 2026-10-01 --to 2026-11-01\n"
               "  godwit simulate winback --from 2026-10-01 --csv decisions.csv\n"
               "  godwit simulate --against HEAD",
    .options = options,
    .least = 0,
    .most = 1,
    .run = run,
};
