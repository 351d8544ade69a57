/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/wallclock.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/setup.h"
#include "engine/intake/plan.h"
#include "engine/registry.h"

#include <errno.h>
#include <stdlib.h>

#define DAYS_MOST 3660

static const char *const line_columns[] = {"at",      "customer", "campaign", "version", "step",
                                           "variant", "channel",  "outcome",  "reason",  NULL};
static const char *const campaign_columns[] = {"campaign",  "version",  "send",       "customers",
                                               "most_each", "held_out", "suppressed", "capped",
                                               "failed",    "stale",    "error",      NULL};
static const char *const reason_columns[] = {"campaign", "outcome", "gate",
                                             "count",    "example", NULL};
static const char *const lack_columns[] = {"template", "required", "customers", "first", NULL};
static const char *const variant_columns[] = {"template", "locale", "variant", "messages", NULL};
static const char *const queued_columns[] = {"campaign", "channel", "status", "messages", NULL};

struct work {
    struct progress *progress;
    struct output *lines; /* --csv; NULL: not asked for */
};

static struct value text(struct str s) {
    return s.n ? value_str(s) : VALUE_NULL;
}

static struct value instant(int64_t us) {
    int64_t s = us / WALLCLOCK_US_PER_S - (us % WALLCLOCK_US_PER_S < 0);
    return value_timestamp(s, 0);
}

static bool on_decision(void *ctx, const struct decision *d, const struct profile *p, int64_t at_us,
                        struct err *e) {
    const struct work *w = ctx;
    (void)e; /* what cannot be written is found at the end */
    struct value cells[] = {
        instant(at_us),
        value_str(p->key),
        value_str(d->campaign->name),
        value_str(str_from(d->campaign->version)),
        text(d->step ? d->step->id : STR_NONE),
        VALUE_NULL,
        text(d->channel),
        value_str(str_from(outcome_name(d->outcome))),
        text(d->reason),
    };
    output_row(w->lines, cells);
    return true;
}

static void on_progress(void *ctx, int64_t events) {
    const struct work *w = ctx;
    progress_bar(w->progress, S("events"), events, 0, STR_NONE);
}

/* ---- what came of it */

static void print_campaigns(struct output *o, const struct plan_tally *t) {
    output_section(o, "campaigns", "What would come of the events", campaign_columns);
    for (size_t i = 0; i < t->n_campaigns; i++) {
        const struct plan_campaign *c = &t->campaigns[i];
        struct value cells[] = {
            value_str(c->campaign->name),
            value_str(str_from(c->campaign->version)),
            value_int(c->outcomes[OUTCOME_SEND]),
            value_int(c->customers),
            value_int(c->per_customer),
            value_int(c->outcomes[OUTCOME_HELD_OUT]),
            value_int(c->outcomes[OUTCOME_SUPPRESSED]),
            value_int(c->outcomes[OUTCOME_CAPPED]),
            value_int(c->outcomes[OUTCOME_FAILED]),
            value_int(c->outcomes[OUTCOME_STALE]),
            value_int(c->outcomes[OUTCOME_ERROR]),
        };
        output_row(o, cells);
    }
}

static void print_reasons_of(struct output *o, const struct plan_tally *t,
                             const struct campaign *c) {
    for (size_t i = 0; i < t->n_reasons; i++) {
        const struct plan_reason *r = &t->reasons[i];
        if (r->campaign != c)
            continue;
        struct value cells[] = {value_str(c->name), value_str(str_from(outcome_name(r->outcome))),
                                value_str(str_from(r->gate)), value_int(r->count),
                                text(r->example)};
        output_row(o, cells);
    }
}

static void print_reasons(struct output *o, const struct plan_tally *t) {
    output_section(o, "reasons", "Why not", reason_columns);
    for (size_t i = 0; i < t->n_campaigns; i++)
        print_reasons_of(o, t, t->campaigns[i].campaign);
}

static void print_lacks(struct output *o, const struct plan_tally *t, struct arena *a) {
    output_section(o, "lacking", "Messages that would fail: the template requires what is missing",
                   lack_columns);
    for (size_t i = 0; i < t->n_lacks; i++) {
        const struct plan_lack *l = &t->lacks[i];
        struct buf keys = BUF_IN(a);
        for (size_t k = 0; k < l->n_keys; k++)
            buf_printf(&keys, "%s%.*s", k ? ", " : "", STR_FMT(l->keys[k]));
        if (l->count > (int64_t)l->n_keys)
            buf_add_str(&keys, S(", ..."));
        struct value cells[] = {value_str(l->template), value_str(l->value), value_int(l->count),
                                value_str(buf_str(&keys))};
        output_row(o, cells);
    }
}

static void print_variants(struct output *o, const struct plan_tally *t) {
    output_section(o, "variants", "Which variant of its template each locale would get",
                   variant_columns);
    for (size_t i = 0; i < t->n_variants; i++) {
        const struct plan_variant *v = &t->variants[i];
        struct value cells[] = {value_str(v->template), text(v->locale), value_str(v->variant),
                                value_int(v->messages)};
        output_row(o, cells);
    }
}

static void print_queued(struct output *o, const struct plan *plan) {
    output_section(o, "queued", "Already in the outbox", queued_columns);
    for (size_t i = 0; i < plan->n_queued; i++) {
        const struct plan_queued *q = &plan->queued[i];
        struct value cells[] = {value_str(q->campaign), value_str(q->channel), value_str(q->status),
                                value_int(q->messages)};
        output_row(o, cells);
    }
}

/* CSV holds one table: the campaigns. */
static bool print_plan(const struct plan *plan, int days, enum output_format format,
                       struct arena *a, struct err *e) {
    struct output *o = output_new(stdout, format);
    if (days)
        output_note(o,
                    "%lld events of the last %d days, each decided at its own time as if the "
                    "campaigns had been live and had sent nothing before. Attributes, addresses "
                    "and consents are those of now.",
                    (long long)plan->events, days);
    else
        output_note(o, "%lld events are waiting to be decided on. Nothing was written or sent.",
                    (long long)plan->events);
    print_campaigns(o, &plan->tally);
    if (format != OUTPUT_CSV) {
        print_reasons(o, &plan->tally);
        print_lacks(o, &plan->tally, a);
        print_variants(o, &plan->tally);
        print_queued(o, plan);
    }
    return output_end(o) ||
           err_set(e, ERR_PERMANENT, "the plan could not be written: %s", strerror(errno));
}

/* ---- */

static bool which(const struct args *args, const struct workspace *w, const struct campaign **out,
                  struct err *e) {
    *out = NULL;
    if (args->n == 0)
        return true;
    struct str name = str_from(args->positional[0]);
    *out = campaign_set_find(&w->rules, name);
    if (*out)
        return true;
    struct str names[256];
    size_t n = 0;
    for (; n < w->rules.n_campaigns && n < 256; n++)
        names[n] = w->rules.campaigns[n]->name;
    struct str near = str_nearest(name, names, n);
    return err_set(e, ERR_INPUT, "there is no campaign `%.*s`%s%.*s%s", STR_FMT(name),
                   near.n ? "; did you mean `" : "", STR_FMT(near), near.n ? "`?" : "");
}

static bool run_plan(const struct args *args, struct setup *s, struct dbsync *db, int days,
                     FILE *csv, enum output_format format, struct err *e) {
    struct work w = {.progress = progress_new(progress_look(stderr))};
    struct plan_options o = {.now_us = wallclock_now(),
                             .past_us = days * INT64_C(86400) * WALLCLOCK_US_PER_S,
                             .ctx = &w,
                             .on_decision = csv ? on_decision : NULL,
                             .on_progress = on_progress};
    struct plan plan;
    if (csv) {
        w.lines = output_new(csv, OUTPUT_CSV);
        output_section(w.lines, "decisions", "Decisions", line_columns);
    }
    bool ok = which(args, s->workspace, &o.only, e) &&
              registry_secret(s->conninfo, s->arena, &o.secret, e) &&
              plan_run(db, s->workspace, &o, s->arena, &plan, e);
    progress_end(w.progress, STR_NONE);
    if (csv && !output_end(w.lines) && ok)
        ok = err_set(e, ERR_PERMANENT, "%s: %s", args_get(args, "csv"), strerror(errno));
    return ok && print_plan(&plan, days, format, s->arena, e);
}

static bool days_of(const char *given, int *days) {
    char *end = NULL;
    *days = 0;
    if (!given)
        return true;
    long n = strtol(given, &end, 10);
    *days = (int)n;
    return end != given && !*end && n >= 1 && n <= DAYS_MOST;
}

static int run(const struct args *args) {
    struct err e = ERR_INIT;
    enum output_format format;
    struct setup s;
    int days;
    const char *file = args_get(args, "csv");
    if (!output_format_parse(args_get(args, "format"), &format, &e))
        return args_usage(args, "%s", e.text);
    if (!days_of(args_get(args, "days"), &days))
        return args_usage(args, "--days is a number from 1 to %d", DAYS_MOST);
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    struct dbsync *db = dbsync_open(s.conninfo, &e);
    FILE *csv = NULL;
    bool ok = db != NULL;
    if (ok && file && !(csv = fopen(file, "w")))
        ok = err_set(&e, ERR_INPUT, "%s: %s", file, strerror(errno));
    ok = ok && run_plan(args, &s, db, days, csv, format, &e);
    if (csv && fclose(csv) != 0 && ok)
        ok = err_set(&e, ERR_PERMANENT, "%s: %s", file, strerror(errno));
    dbsync_close(db);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"days", 'd', "N", "instead: what the last N days would have led to, had it been live"},
    {"csv", 0, "FILE", "also write each decision there, one a line"},
    {"format", 'f', "FORMAT", "table (default), json, csv or html"},
    {0},
};

const struct command cmd_plan = {
    .name = "plan",
    .arguments = "[CAMPAIGN]",
    .summary = "Shows what would be sent, and sends nothing.",
    .about =
        "Decides on the events that wait for the engine with the very code that decides, and\n"
        "writes and sends nothing: how many of each outcome and why, who lacks what a template\n"
        "requires, and which variant each locale gets. With --days, before a campaign is switched\n"
        "on: the same over the events of the last days.",
    .example = "  godwit plan\n  godwit plan winback --days 30 --csv winback.csv",
    .options = options,
    .least = 0,
    .most = 1,
    .run = run,
};
