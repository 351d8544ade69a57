/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/output.h"
#include "cli/setup.h"

#include <errno.h>

/* One section of the report: a statement whose columns are its columns. */
struct section {
    const char *key, *title;
    struct db_stmt stmt;
    const char *const *columns;
};

static const char *const accounting_columns[] = {"campaign", "version",    "entered", "sent",
                                                 "held_out", "suppressed", "capped",  "failed",
                                                 "in_doubt", "pending",    NULL};
static const char *const campaign_columns[] = {
    "campaign", "customers", "sent", "bounced", "doubted", "first_sent_at", "last_sent_at", NULL};
static const char *const reason_columns[] = {"campaign", "outcome", "reason", "count", NULL};
static const char *const lift_columns[] = {
    "campaign", "treated", "treated_rate", "held_out", "held_out_rate", "lift", NULL};

/* $1 campaign or null. Counts are bigint, rates double precision, instants timestamptz. */
static const struct section sections[] = {
    {"accounting",
     "Where everyone who entered is",
     {"report_accounting",
      "select campaign, version, entered, sent, held_out, suppressed, capped, failed, in_doubt, "
      "pending from godwit.report_accounting where $1::text is null or campaign = $1 "
      "order by campaign, version"},
     accounting_columns},
    {"campaigns",
     "What was sent",
     {"report_campaigns",
      "select campaign, sum(customers)::bigint, sum(sent)::bigint, sum(bounced)::bigint, "
      "sum(doubted)::bigint, min(first_sent_at), max(last_sent_at) from godwit.report_campaigns "
      "where $1::text is null or campaign = $1 group by campaign order by campaign"},
     campaign_columns},
    {"reasons",
     "Why not, and what went wrong",
     {"report_reasons", "select campaign, outcome, reason, count(*) from ("
                        "  select campaign, outcome, reason from godwit.decisions union all"
                        "  select campaign, status, reason from godwit.messages"
                        "   where status in ('failed', 'cancelled', 'in_doubt', 'deferred')) x "
                        "where $1::text is null or campaign = $1 "
                        "group by campaign, outcome, reason order by campaign, count(*) desc, "
                        "outcome, reason limit 200"},
     reason_columns},
    {"lift",
     "What it changed, against those held out",
     {"report_lift",
      "select campaign, sum(treated)::bigint, (sum(treated_converted) / nullif(sum(treated), 0))"
      "::double precision, sum(held_out)::bigint, "
      "(sum(held_out_converted) / nullif(sum(held_out), 0))::double precision, "
      "(sum(treated_converted) / nullif(sum(treated), 0) - sum(held_out_converted) "
      "/ nullif(sum(held_out), 0))::double precision from godwit.report_lift "
      "where $1::text is null or campaign = $1 group by campaign order by campaign"},
     lift_columns},
};

static struct value cell(const struct db_result *r, size_t row, size_t col, const char *column) {
    struct str name = str_from(column);
    if (db_is_null(r, row, col))
        return VALUE_NULL;
    if (str_ends(name, S("_at"))) {
        int64_t us = db_timestamptz(r, row, col);
        int64_t s = us / 1000000 - (us % 1000000 < 0);
        return value_timestamp(s, 0);
    }
    if (str_ends(name, S("_rate")) || str_eq(name, S("lift")))
        return value_double((double)(int64_t)(db_float8(r, row, col) * 10000 + 0.5) / 10000);
    if (str_eq(name, S("campaign")) || str_eq(name, S("version")) || str_eq(name, S("outcome")) ||
        str_eq(name, S("reason")))
        return value_str(db_text(r, row, col));
    return value_int(db_int(r, row, col));
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

/* CSV holds one table: the accounting. */
static bool print_report(struct dbsync *db, FILE *to, enum output_format format,
                         struct str campaign, struct err *e) {
    struct arena *a = arena_new(0);
    struct db_params *p = db_params(a);
    struct output *o = output_new(to, format);
    bool ok = true;
    db_param_text(p, campaign);
    size_t n = format == OUTPUT_CSV ? 1 : sizeof sections / sizeof *sections;
    for (size_t i = 0; i < n && ok; i++)
        ok = print_section(db, o, &sections[i], p, e);
    if (!output_end(o) && ok)
        ok = err_set(e, ERR_PERMANENT, "the report could not be written: %s", strerror(errno));
    arena_free(a);
    return ok;
}

static bool known_campaign(const struct workspace *w, struct str name, struct err *e) {
    struct str names[256];
    size_t n = 0;
    if (!name.n || campaign_set_find(&w->rules, name))
        return true;
    for (size_t i = 0; i < w->rules.n_campaigns && n < 256; i++)
        names[n++] = w->rules.campaigns[i]->name;
    struct str near = str_nearest(name, names, n);
    return err_set(e, ERR_INPUT, "there is no campaign `%.*s`%s%.*s%s", STR_FMT(name),
                   near.n ? "; did you mean `" : "", STR_FMT(near), near.n ? "`?" : "");
}

static int run(const struct args *args) {
    struct err e = ERR_INIT;
    enum output_format format;
    struct setup s;
    const char *file = args_get(args, "out");
    struct str campaign = str_from(args->n ? args->positional[0] : NULL);
    if (!output_format_parse(args_get(args, "format"), &format, &e))
        return args_usage(args, "%s", e.text);
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    FILE *to = stdout;
    struct dbsync *db = NULL;
    bool ok = known_campaign(s.workspace, campaign, &e);
    if (ok && file && !(to = fopen(file, "w")))
        ok = err_set(&e, ERR_INPUT, "%s: %s", file, strerror(errno));
    if (ok && (db = dbsync_open(s.conninfo, &e)))
        ok = print_report(db, to, format, campaign, &e);
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
    {"out", 'o', "FILE", "write there instead of standard output"},
    {0},
};

const struct command cmd_report = {
    .name = "report",
    .arguments = "[CAMPAIGN]",
    .summary = "Shows what came of the campaigns.",
    .about = "Everyone who entered a campaign is in exactly one column: entered is always the sum\n"
             "of the rest. CSV holds that first table alone; the others are views in SQL,\n"
             "godwit.report_*.",
    .example = "  godwit report\n  godwit report welcome --format html --out welcome.html",
    .options = options,
    .least = 0,
    .most = 1,
    .run = run,
};
