/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/output.h"
#include "cli/setup.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* One section of the report: a statement whose columns are its columns. */
struct section {
    const char *key, *title;
    struct db_stmt stmt;
    const char *const *columns;
};

static const char *const accounting_columns[] = {"campaign", "version",    "entered", "sent",
                                                 "held_out", "suppressed", "capped",  "failed",
                                                 "in_doubt", "pending",    NULL};
static const char *const journey_columns[] = {"campaign", "version", "entered", "inside", "completed",
                                              "goal",     "exit",    "stopped", "other",  NULL};
static const char *const campaign_columns[] = {
    "campaign", "customers", "sent", "bounced", "doubted", "first_sent_at", "last_sent_at", NULL};
static const char *const funnel_columns[] = {
    "campaign",  "sent",  "delivered",    "opened",     "opened_all", "clicked", "clicked_all",
    "converted", "value", "unsubscribed", "complained", "bounced",    NULL};
static const char *const step_columns[] = {
    "campaign",    "step",      "variant", "channel",      "sent",    "opened", "clicked",
    "clicked_all", "converted", "value",   "unsubscribed", "bounced", NULL};
static const char *const link_columns[] = {"campaign", "step",      "variant",    "url",
                                           "clicks",   "customers", "clicks_all", NULL};
static const char *const bounce_columns[] = {"campaign", "channel", "class",
                                             "reason",   "bounces", NULL};
static const char *const reason_columns[] = {"campaign", "outcome", "reason", "count", NULL};
static const char *const lift_columns[] = {"campaign", "treated",       "treated_rate",
                                           "held_out", "held_out_rate", "lift",
                                           "lift_low", "lift_high",     NULL};
static const char *const value_columns[] = {"campaign",   "treated_value",  "held_out_value",
                                            "value_lift", "value_lift_low", "value_lift_high",
                                            NULL};

#define OF_CAMPAIGN "where $1::text is null or campaign = $1 "
#define LIFT_OF_CAMPAIGN "from godwit.lift(false) " OF_CAMPAIGN "order by campaign"

/* $1 campaign or null. Counts are bigint, rates and values double precision, instants
 * timestamptz. */
static const struct section sections[] = {
    {"accounting",
     "Where everyone who entered is",
     {"report_accounting",
      "select campaign, version, entered, sent, held_out, suppressed, capped, failed, in_doubt, "
      "pending from godwit.report_accounting " OF_CAMPAIGN "order by campaign, version"},
     accounting_columns},
    {"campaigns",
     "What was sent",
     {"report_campaigns",
      "select campaign, sum(customers)::bigint, sum(sent)::bigint, sum(bounced)::bigint, "
      "sum(doubted)::bigint, min(first_sent_at), max(last_sent_at) from "
      "godwit.report_campaigns " OF_CAMPAIGN "group by campaign order by campaign"},
     campaign_columns},
    {"journeys",
     "Journeys: who entered, is inside, and how it ended",
     {"report_journeys",
      "select campaign, version, entered, inside, completed, goal, exit, stopped, other "
      "from godwit.report_journeys " OF_CAMPAIGN "order by campaign, version"},
     journey_columns},
    {"funnel",
     "What came of it: messages that people (_all: and machines) opened, clicked, ...",
     {"report_funnel",
      "select campaign, sum(sent)::bigint, sum(delivered)::bigint, sum(opened)::bigint, "
      "sum(opened_all)::bigint, sum(clicked)::bigint, sum(clicked_all)::bigint, sum(converted), "
      "sum(value)::double precision, sum(unsubscribed)::bigint, sum(complained)::bigint, "
      "sum(bounced)::bigint from godwit.report_funnel " OF_CAMPAIGN
      "group by campaign order by campaign"},
     funnel_columns},
    {"steps",
     "By step and variant",
     {"report_steps",
      "select campaign, step, variant, channel, sum(sent)::bigint, sum(opened)::bigint, "
      "sum(clicked)::bigint, sum(clicked_all)::bigint, sum(converted), "
      "sum(value)::double precision, sum(unsubscribed)::bigint, sum(bounced)::bigint "
      "from godwit.report_funnel " OF_CAMPAIGN
      "group by campaign, step, variant, channel order by campaign, step, variant, channel"},
     step_columns},
    {"links",
     "By link",
     {"report_links",
      "select campaign, step, variant, url, sum(clicks)::bigint, sum(customers)::bigint, "
      "sum(clicks_all)::bigint from godwit.report_links " OF_CAMPAIGN
      "group by campaign, step, variant, url order by campaign, sum(clicks) desc, url, step, "
      "variant limit 200"},
     link_columns},
    {"bounces",
     "What came back, and why",
     {"report_bounces",
      "select campaign, channel, class, reason, count(*) from ("
      "  select r.campaign, m.channel, r.details ->> 'class' as class, r.details ->> 'reason' as "
      "reason from godwit.responses r join godwit.messages m on m.shard = r.shard and m.id = "
      "r.message_id where r.kind = 'bounce') x " OF_CAMPAIGN
      "group by campaign, channel, class, reason "
      "order by campaign, count(*) desc, class, reason, channel limit 200"},
     bounce_columns},
    {"reasons",
     "Why not, and what went wrong",
     {"report_reasons",
      "select campaign, outcome, reason, count(*) from ("
      "  select campaign, outcome, reason from godwit.decisions union all"
      "  select campaign, status, reason from godwit.messages"
      "   where status in ('failed', 'cancelled', 'in_doubt', 'deferred')) x " OF_CAMPAIGN
      "group by campaign, outcome, reason order by campaign, count(*) desc, "
      "outcome, reason limit 200"},
     reason_columns},
    {"lift",
     "What it changed, against those held out (low to high: 95 %)",
     {"report_lift", "select campaign, treated, treated_rate::double precision, held_out, "
                     "held_out_rate::double precision, lift::double precision, lift_low, "
                     "lift_high " LIFT_OF_CAMPAIGN},
     lift_columns},
    {"value",
     "What it earned, and how much more a customer than of those held out",
     {"report_value",
      "select campaign, treated_value::double precision, held_out_value::double precision, "
      "value_lift::double precision, value_lift_low::double precision, "
      "value_lift_high::double precision " LIFT_OF_CAMPAIGN},
     value_columns},
};
#define SECTIONS (sizeof sections / sizeof *sections)

static bool is_among(struct str name, const char *const *list) {
    for (; *list; list++)
        if (str_eq(name, str_from(*list)))
            return true;
    return false;
}

static struct value rounded(double x, double unit) {
    return value_double(round(x * unit) / unit);
}

static struct value cell(const struct db_result *r, size_t row, size_t col, const char *column) {
    static const char *const texts[] = {"campaign", "version", "outcome", "reason", "step",
                                        "variant",  "channel", "url",     "class",  NULL};
    static const char *const shares[] = {"treated_rate", "held_out_rate", "lift",
                                         "lift_low",     "lift_high",     NULL};
    static const char *const amounts[] = {
        "converted",      "value",          "treated_value",   "value_lift",
        "held_out_value", "value_lift_low", "value_lift_high", NULL};
    struct str name = str_from(column);
    if (db_is_null(r, row, col))
        return VALUE_NULL;
    if (str_ends(name, S("_at"))) {
        int64_t us = db_timestamptz(r, row, col);
        int64_t s = us / 1000000 - (us % 1000000 < 0);
        return value_timestamp(s, 0);
    }
    if (is_among(name, shares))
        return rounded(db_float8(r, row, col), 10000);
    if (is_among(name, amounts))
        return rounded(db_float8(r, row, col), 100);
    return is_among(name, texts) ? value_str(db_text(r, row, col)) : value_int(db_int(r, row, col));
}

static bool print_section(struct dbsync *db, struct output *o, const struct section *s,
                          const struct db_params *p, struct err *e) {
    struct db_reply *reply;
    if (!dbsync_query(db, &s->stmt, p, &reply, e))
        return false;
    const struct db_result *r = reply->result[0];
    output_section(o, s->key, s->title, s->columns);
    for (size_t i = 0; i < db_rows(r); i++) {
        struct value cells[16];
        for (size_t c = 0; s->columns[c]; c++)
            cells[c] = cell(r, i, c, s->columns[c]);
        output_row(o, cells);
    }
    db_reply_free(reply);
    return true;
}

/* only: one section, or NULL for all. */
static bool print_report(struct dbsync *db, FILE *to, enum output_format format,
                         const struct section *only, struct str campaign, struct err *e) {
    struct arena *a = arena_new(0);
    struct db_params *p = db_params(a);
    struct output *o = output_new(to, format);
    bool ok = true;
    db_param_text(p, campaign);
    for (size_t i = 0; i < SECTIONS && ok; i++)
        if (!only || only == &sections[i])
            ok = print_section(db, o, &sections[i], p, e);
    if (!output_end(o) && ok)
        ok = err_set(e, ERR_PERMANENT, "the report could not be written: %s", strerror(errno));
    arena_free(a);
    return ok;
}

/* Its id: what its history is kept under. */
static bool find_campaign(const struct workspace *w, const char *name, struct str *id,
                          struct err *e) {
    struct str names[256];
    size_t n = 0;
    *id = STR_NONE;
    if (!name)
        return true;
    const struct campaign *c = campaign_set_find(&w->rules, str_from(name));
    if (c) {
        *id = c->id;
        return true;
    }
    for (size_t i = 0; i < w->rules.n_campaigns && n < 256; i++)
        names[n++] = w->rules.campaigns[i]->name;
    struct str near = str_nearest(str_from(name), names, n);
    return err_set(e, ERR_INPUT, "there is no campaign `%s`%s%.*s%s", name,
                   near.n ? "; did you mean `" : "", STR_FMT(near), near.n ? "`?" : "");
}

/* CSV holds one table: the accounting, unless another is wanted. */
static bool find_section(const char *key, enum output_format format, const struct section **out,
                         struct err *e) {
    struct str keys[SECTIONS];
    *out = format == OUTPUT_CSV ? &sections[0] : NULL;
    if (!key)
        return true;
    for (size_t i = 0; i < SECTIONS; i++) {
        keys[i] = str_from(sections[i].key);
        if (strcmp(key, sections[i].key) == 0) {
            *out = &sections[i];
            return true;
        }
    }
    struct str near = str_nearest(str_from(key), keys, SECTIONS);
    return err_set(e, ERR_INPUT, "--section: there is no section `%s`%s%.*s%s", key,
                   near.n ? "; did you mean `" : "", STR_FMT(near), near.n ? "`?" : "");
}

static int run(const struct args *args) {
    struct err e = ERR_INIT;
    enum output_format format;
    struct setup s;
    const char *file = args_get(args, "out");
    const struct section *only;
    struct str campaign;
    if (!output_format_parse(args_get(args, "format"), &format, &e) ||
        !find_section(args_get(args, "section"), format, &only, &e))
        return args_usage(args, "%s", e.text);
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    FILE *to = stdout;
    struct dbsync *db = NULL;
    bool ok = find_campaign(s.workspace, args->n ? args->positional[0] : NULL, &campaign, &e);
    if (ok && file && !(to = fopen(file, "w")))
        ok = err_set(&e, ERR_INPUT, "%s: %s", file, strerror(errno));
    if (ok && (db = dbsync_open(s.conninfo, &e)))
        ok = print_report(db, to, format, only, campaign, &e);
    else
        ok = false;
    dbsync_close(db);
    if (to && to != stdout && fclose(to) != 0 && ok)
        ok = err_set(&e, ERR_PERMANENT, "%s: %s", file, strerror(errno));
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"format", 'f', "FORMAT", "table (default), json, csv or html"},
    {"section", 's', "SECTION",
     "only this one: accounting, campaigns, journeys, funnel, steps, links, bounces, reasons, lift, value"},
    {"out", 'o', "FILE", "write there instead of standard output"},
    {0},
};

const struct command cmd_report = {
    .name = "report",
    .arguments = "[CAMPAIGN]",
    .summary = "Shows what came of the campaigns.",
    .about = "Everyone who entered a campaign is in exactly one column: entered is always the sum\n"
             "of the rest. CSV holds that first table, or the --section that is named; all are\n"
             "made from views in SQL, godwit.report_*. Lift compares those written to with those\n"
             "held out; when 0 lies between low and high, chance alone could explain it.",
    .example = "  godwit report\n  godwit report welcome --format html --out welcome.html\n"
               "  godwit report --section funnel --format csv",
    .options = options,
    .least = 0,
    .most = 1,
    .run = run,
};
