/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/json.h"
#include "base/wallclock.h"
#include "cli/setup.h"
#include "engine/intake/explain.h"
#include "engine/registry.h"
#include "engine/sql_text.h"

#include <stdio.h>

static const struct db_stmt st_record = {"explain_record", sql_explain_record};

static struct str instant(struct arena *a, int64_t us) {
    char out[40];
    int64_t s = us / WALLCLOCK_US_PER_S - (us % WALLCLOCK_US_PER_S < 0);
    wallclock_format(s, 0, out, sizeof out);
    return str_dup(a, str_from(out));
}

/* Indents each line of a text. */
static void print_lines(struct str text, const char *indent) {
    struct str line;
    while (text.n && str_split(&text, '\n', &line))
        if (line.n)
            printf("%s%.*s\n", indent, STR_FMT(line));
}

static void print_gates(const struct explanation *x) {
    for (size_t i = 0; i < x->n_gates; i++)
        printf("    %s %-12s %.*s\n", x->gates[i].passed ? "+" : "-", x->gates[i].name,
               STR_FMT(x->gates[i].reason));
}

static void print_decision(struct arena *a, const struct explained *x) {
    const struct decision *d = &x->explanation.decision;
    printf("  so: %s%s%.*s\n", outcome_name(d->outcome), d->reason.n ? ": " : "",
           STR_FMT(d->reason));
    if (d->step && d->due_us > x->recorded_us)
        printf("      not before %.*s: quiet hours, or the campaign's send window\n",
               STR_FMT(instant(a, d->due_us)));
    for (size_t i = 0; i < d->n_displaced; i++)
        printf("      the message of %.*s for %.*s, of lower priority, makes room\n",
               STR_FMT(d->displaced[i]->campaign), STR_FMT(instant(a, d->displaced[i]->at_us)));
}

/* ---- journeys, and when a campaign looks next */

static const struct db_stmt st_journeys = {"explain_journeys", sql_explain_journeys};

/* What the step waits for beside the time; only the version in force is at hand. */
static struct str waits_for(struct arena *a, const struct campaign *c, struct str version,
                            struct str step) {
    size_t i = campaign_step(c, step);
    if (!str_eq(str_from(c->version), version) || i == c->n_steps ||
        c->steps[i].kind != STEP_WAIT || c->steps[i].u.wait.kind != WAIT_EVENT)
        return S("waits");
    return str_printf(a, "waits for `%.*s`", STR_FMT(c->steps[i].u.wait.event));
}

static void print_timer(struct arena *a, const struct db_result *r, size_t i) {
    int64_t due = db_timestamptz(r, i, 5);
    if (due == INT64_MIN)
        printf("  has not been looked at yet");
    else if (due == INT64_MAX)
        printf("  is not looked at before something happens");
    else
        printf("  looks at this customer next at %.*s", STR_FMT(instant(a, due)));
    if (!db_is_null(r, i, 2))
        printf(" (since %.*s)", STR_FMT(instant(a, db_timestamptz(r, i, 2))));
    puts(db_bool(r, i, 6) ? "; it is paused" : "");
}

static void print_enrolment(struct arena *a, const struct campaign *c, const struct db_result *r,
                            size_t i) {
    struct str version = db_text(r, i, 1), step = db_text(r, i, 3), detail = db_text(r, i, 9);
    printf("  entered the journey at %.*s (version %.*s); ",
           STR_FMT(instant(a, db_timestamptz(r, i, 2))), STR_FMT(version));
    if (!db_is_null(r, i, 7)) {
        printf("ended at %.*s: %.*s%s%.*s\n", STR_FMT(instant(a, db_timestamptz(r, i, 7))),
               STR_FMT(db_text(r, i, 8)), detail.n ? ", " : "", STR_FMT(detail));
        return;
    }
    printf("%.*s in step `%.*s` until %.*s%s\n", STR_FMT(waits_for(a, c, version, step)),
           STR_FMT(step), STR_FMT(instant(a, db_timestamptz(r, i, 5))),
           db_bool(r, i, 6) ? "; it is paused" : "");
}

static void print_journeys(struct arena *a, const struct campaign *c, const struct db_result *r) {
    for (size_t i = 0; i < db_rows(r); i++) {
        if (!str_eq(db_text(r, i, 0), c->id))
            continue;
        if (str_eq(db_text(r, i, 8), S("timer")))
            print_timer(a, r, i);
        else
            print_enrolment(a, c, r, i);
    }
}

static struct value journeys_json(struct arena *a, const struct campaign *c,
                                  const struct db_result *r) {
    static const char *const names[] = {"version",  "at",    "step",  "wake_at",
                                        "ended_at", "ended", "detail"};
    static const size_t columns[] = {1, 2, 3, 5, 7, 8, 9};
    struct list *all = list_new(a, 2);
    for (size_t i = 0; i < db_rows(r); i++) {
        struct map *m = map_new(a, 8);
        if (!str_eq(db_text(r, i, 0), c->id))
            continue;
        for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
            size_t col = columns[k];
            bool time = col == 2 || col == 5 || col == 7;
            if (db_is_null(r, i, col))
                continue;
            int64_t us = time ? db_timestamptz(r, i, col) : 0;
            if (!time && db_text(r, i, col).n)
                map_set_str(a, m, str_from(names[k]), value_str(str_dup(a, db_text(r, i, col))));
            else if (time && us != INT64_MAX && us != INT64_MIN)
                map_set_str(a, m, str_from(names[k]), value_str(instant(a, us)));
        }
        list_add(a, all, value_map(m));
    }
    return value_list(all);
}

/* ---- */

static const char *starts_with(const struct campaign *c) {
    static const char *const how[] = {[TRIGGER_EVENT] = "an event",
                                      [TRIGGER_ABSENCE] = "an absence",
                                      [TRIGGER_DATE] = "a date",
                                      [TRIGGER_SCHEDULE] = "a schedule, for everybody",
                                      [TRIGGER_ONCE] =
                                          "`godwit send` or its instant, for everybody"};
    return how[c->trigger.kind];
}

static void print_campaign(struct arena *a, const struct explained *x,
                           const struct db_result *journeys) {
    const struct campaign *c = x->campaign;
    printf("\n%.*s (version %s)\n", STR_FMT(c->name), c->version);
    print_journeys(a, c, journeys);
    if (c->trigger.kind != TRIGGER_EVENT) {
        printf("  starts with %s\n", starts_with(c));
        return;
    }
    if (!x->found) {
        printf("  not triggered: no event %.*s of this customer\n", STR_FMT(c->trigger.event));
        return;
    }
    printf("  triggered by %.*s of %.*s (event %lld)\n", STR_FMT(x->event.name),
           STR_FMT(instant(a, x->event.occurred_us)), (long long)x->event.id);
    if (x->refused.n) {
        printf("  the event cannot be used: %.*s\n", STR_FMT(x->refused));
        return;
    }
    if (c->audience)
        printf("  audience %.*s: %s\n", STR_FMT(c->audience_text),
               x->explanation.matched ? "yes" : "no");
    print_lines(x->explanation.why, "    ");
    if (!x->explanation.matched)
        return;
    puts("  gates:");
    print_gates(&x->explanation);
    if (x->explanation.decided)
        print_decision(a, x);
}

static bool print_record(struct dbsync *db, struct arena *a, struct str customer,
                         struct str campaign, struct err *e) {
    struct db_reply *reply;
    struct db_params *p = db_params(a);
    db_param_text(p, customer);
    db_param_text(p, campaign);
    if (!dbsync_query(db, &st_record, p, &reply, e))
        return false;
    const struct db_result *r = reply->result[0];
    puts(db_rows(r) ? "\nOn record, newest first:" : "\nNothing is on record.");
    for (size_t i = 0; i < db_rows(r); i++) {
        printf("  %.*s  %.*s  %.*s", STR_FMT(instant(a, db_timestamptz(r, i, 2))),
               STR_FMT(db_text(r, i, 0)), STR_FMT(db_text(r, i, 1)));
        if (!db_is_null(r, i, 5))
            printf("  message %lld", (long long)db_int(r, i, 5));
        if (!db_is_null(r, i, 3))
            printf("  (%.*s)", STR_FMT(db_text(r, i, 3)));
        putchar('\n');
    }
    db_reply_free(reply);
    return true;
}

static struct value explained_json(struct arena *a, const struct explained *x,
                                   const struct db_result *journeys) {
    struct map *m = map_new(a, 8);
    const struct explanation *e = &x->explanation;
    map_set_str(a, m, S("campaign"), value_str(x->campaign->name));
    map_set_str(a, m, S("version"), value_str(str_from(x->campaign->version)));
    map_set_str(a, m, S("triggered"), value_bool(x->found));
    map_set_str(a, m, S("journeys"), journeys_json(a, x->campaign, journeys));
    if (!x->found)
        return value_map(m);
    map_set_str(a, m, S("event_id"), value_int(x->event.id));
    map_set_str(a, m, S("event"), value_str(x->event.name));
    map_set_str(a, m, S("occurred_at"), value_str(instant(a, x->event.occurred_us)));
    map_set_str(a, m, S("audience"), value_str(x->campaign->audience_text));
    map_set_str(a, m, S("matched"), value_bool(e->matched));
    map_set_str(a, m, S("why"), value_str(e->why));
    struct list *gates = list_new(a, e->n_gates);
    for (size_t i = 0; i < e->n_gates; i++) {
        struct map *g = map_new(a, 3);
        map_set_str(a, g, S("gate"), value_str(str_from(e->gates[i].name)));
        map_set_str(a, g, S("passed"), value_bool(e->gates[i].passed));
        map_set_str(a, g, S("reason"), value_str(e->gates[i].reason));
        list_add(a, gates, value_map(g));
    }
    map_set_str(a, m, S("gates"), value_list(gates));
    if (e->decided) {
        map_set_str(a, m, S("outcome"), value_str(str_from(outcome_name(e->decision.outcome))));
        map_set_str(a, m, S("reason"), value_str(e->decision.reason));
        if (e->decision.step)
            map_set_str(a, m, S("due_at"), value_str(instant(a, e->decision.due_us)));
    }
    return value_map(m);
}

static void print_json(struct arena *a, const struct explained *list, size_t n,
                       const struct db_result *journeys) {
    struct list *all = list_new(a, n);
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < n; i++)
        list_add(a, all, explained_json(a, &list[i], journeys));
    json_write_pretty(&b, value_list(all));
    printf("%.*s\n", (int)b.n, b.p);
}

static bool print_all(const struct args *args, struct dbsync *db, struct arena *a,
                      struct str customer, const struct campaign *campaign,
                      const struct explained *list, size_t n, struct err *e) {
    const char *format = args_get(args, "format");
    struct str id = campaign ? campaign->id : STR_NONE;
    struct db_reply *journeys;
    struct db_params *p = db_params(a);
    bool json = format && strcmp(format, "json") == 0, ok = true;
    db_param_text(p, customer);
    db_param_text(p, id);
    if (!dbsync_query(db, &st_journeys, p, &journeys, e))
        return false;
    if (json) {
        print_json(a, list, n, journeys->result[0]);
    } else {
        printf("Customer %.*s\n", STR_FMT(customer));
        for (size_t i = 0; i < n; i++)
            print_campaign(a, &list[i], journeys->result[0]);
        ok = print_record(db, a, customer, id, e);
    }
    db_reply_free(journeys);
    return ok;
}

static bool when(const struct args *args, const struct setup *s, int64_t *us, struct err *e) {
    const char *text = args_get(args, "at");
    int64_t seconds;
    uint32_t nanos;
    *us = wallclock_now();
    if (!text)
        return true;
    if (!wallclock_parse(str_from(text), s->workspace->settings.zone, &seconds, &nanos, e))
        return err_context(e, "--at");
    *us = seconds * WALLCLOCK_US_PER_S + nanos / 1000;
    return true;
}

static bool which(const struct args *args, const struct setup *s, const struct campaign **out,
                  struct err *e) {
    *out = NULL;
    if (args->n < 2)
        return true;
    *out = campaign_set_find(&s->workspace->rules, str_from(args->positional[1]));
    return *out || err_set(e, ERR_INPUT, "there is no campaign `%s`", args->positional[1]);
}

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    struct str customer = str_from(args->positional[0]), secret;
    const struct campaign *campaign;
    struct explained *list;
    struct dbsync *db = NULL;
    int64_t at;
    size_t n;
    bool ok =
        when(args, &s, &at, &e) && which(args, &s, &campaign, &e) &&
        registry_secret(s.conninfo, s.arena, &secret, &e) &&
        (db = dbsync_open(s.conninfo, &e)) != NULL &&
        explain_customer(db, s.workspace, customer, campaign, at, secret, s.arena, &list, &n, &e) &&
        print_all(args, db, s.arena, customer, campaign, list, n, &e);
    dbsync_close(db);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"at", 0, "TIME", "as of then: 2026-11-21T08:00:00Z or 2026-11-21"},
    {"format", 'f', "FORMAT", "table (default) or json"},
    {0},
};

const struct command cmd_explain = {
    .name = "explain",
    .arguments = "CUSTOMER [CAMPAIGN]",
    .summary = "Tells why a customer did or did not get a message.",
    .about =
        "For each campaign: the last event that starts it, the parts of its condition with the\n"
        "values they had, and each gate; where the customer is in its journey, and when it looks\n"
        "at them next. Then what is on record.",
    .example = "  godwit explain c-1042\n  godwit explain c-1042 welcome --at 2026-11-01",
    .options = options,
    .least = 1,
    .most = 2,
    .run = run,
};
