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

static void print_campaign(struct arena *a, const struct explained *x) {
    const struct campaign *c = x->campaign;
    printf("\n%.*s (version %s)\n", STR_FMT(c->name), c->version);
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

static struct value explained_json(struct arena *a, const struct explained *x) {
    struct map *m = map_new(a, 8);
    const struct explanation *e = &x->explanation;
    map_set_str(a, m, S("campaign"), value_str(x->campaign->name));
    map_set_str(a, m, S("version"), value_str(str_from(x->campaign->version)));
    map_set_str(a, m, S("triggered"), value_bool(x->found));
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

static bool print_all(const struct args *args, struct dbsync *db, struct arena *a,
                      struct str customer, const struct campaign *campaign,
                      const struct explained *list, size_t n, struct err *e) {
    const char *format = args_get(args, "format");
    if (!format || strcmp(format, "json") != 0) {
        printf("Customer %.*s\n", STR_FMT(customer));
        for (size_t i = 0; i < n; i++)
            print_campaign(a, &list[i]);
        return print_record(db, a, customer, campaign ? campaign->id : STR_NONE, e);
    }
    struct list *all = list_new(a, n);
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < n; i++)
        list_add(a, all, explained_json(a, &list[i]));
    json_write_pretty(&b, value_list(all));
    printf("%.*s\n", (int)b.n, b.p);
    return true;
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
        "values they had, and each gate. Then what is on record.",
    .example = "  godwit explain c-1042\n  godwit explain c-1042 welcome --at 2026-11-01",
    .options = options,
    .least = 1,
    .most = 2,
    .run = run,
};
