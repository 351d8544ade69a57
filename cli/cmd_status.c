/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/output.h"
#include "cli/setup.h"
#include "engine/sql_text.h"

#include <errno.h>
#include <math.h>

#define COLUMNS_MOST 10

enum cell { END, TEXT, NUMBER, SECONDS, RATE, INSTANT, YES };

/* A section: a statement whose columns are these. */
struct section {
    const char *key, *title;
    struct db_stmt stmt;
    const char *columns[COLUMNS_MOST];
    enum cell cells[COLUMNS_MOST];
    bool always; /* also when there is nothing in it */
};

static const struct section sections[] = {
    {"engines",
     "Engines",
     {"status_engines", sql_status_engines},
     {"engine", "host", "pid", "started_at", "heartbeat_s", "shards", "asleep"},
     {NUMBER, TEXT, NUMBER, INSTANT, SECONDS, NUMBER, YES},
     true},
    {"intake",
     "Events",
     {"status_intake", sql_status_intake},
     {"undecided", "lag_s", "shards_without_engine"},
     {NUMBER, SECONDS, NUMBER},
     true},
    {"later",
     "Due without an event",
     {"status_later", sql_status_later},
     {"steps", "timers", "lag_s", "paused", "runs"},
     {NUMBER, NUMBER, SECONDS, NUMBER, NUMBER},
     true},
    {"channels",
     "Channels",
     {"status_channels", sql_status_channels},
     {"channel", "due", "later", "paused", "sending", "in_doubt", "rate_per_s", "empty_in_s",
      "trouble"},
     {TEXT, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, RATE, SECONDS, TEXT},
     true},
    {"paused",
     "Held back",
     {"status_pauses", sql_status_pauses},
     {"campaign", "since_at", "by", "waiting"},
     {TEXT, INSTANT, TEXT, NUMBER},
     false},
    {"destinations",
     "Domains that refuse us: nothing goes there for now",
     {"status_destinations", sql_status_destinations},
     {"channel", "domain", "until_at", "reason"},
     {TEXT, TEXT, INSTANT, TEXT},
     false},
    {"inbound",
     "Mail that came in, last 24 hours",
     {"status_inbound", sql_status_inbound},
     {"kind", "count", "last_at"},
     {TEXT, NUMBER, INSTANT},
     false},
    {"transactions",
     "Old transactions, which keep the database from cleaning up",
     {"status_transactions", sql_status_transactions},
     {"pid", "database", "program", "state", "age_s"},
     {NUMBER, TEXT, TEXT, TEXT, SECONDS},
     false},
};

static struct value cell(const struct db_result *r, size_t row, size_t col, enum cell kind) {
    int64_t us;
    if (db_is_null(r, row, col))
        return VALUE_NULL;
    switch (kind) {
    case NUMBER:
        return value_int(db_int(r, row, col));
    case SECONDS:
    case RATE:
        return value_double(round(db_float8(r, row, col) * 10) / 10);
    case INSTANT:
        us = db_timestamptz(r, row, col);
        return value_timestamp(us / 1000000 - (us % 1000000 < 0), 0);
    case YES:
        return value_bool(db_bool(r, row, col));
    case TEXT:
    case END:
        break;
    }
    return value_str(db_text(r, row, col));
}

static bool print_section(struct dbsync *db, struct output *o, const struct section *s,
                          const struct db_params *p, bool people, struct err *e) {
    struct db_reply *reply = NULL;
    if (!dbsync_query(db, &s->stmt, p, &reply, e))
        return false;
    const struct db_result *r = reply->result[0];
    if (db_rows(r) || s->always || !people)
        output_section(o, s->key, s->title, s->columns);
    for (size_t i = 0; i < db_rows(r); i++) {
        struct value cells[COLUMNS_MOST];
        for (size_t c = 0; s->columns[c]; c++)
            cells[c] = cell(r, i, c, s->cells[c]);
        output_row(o, cells);
    }
    if (!db_rows(r) && strcmp(s->key, "engines") == 0)
        output_note(o, "No engine runs: `godwit run` starts one.");
    db_reply_free(reply);
    return true;
}

static struct db_params *channels_of(const struct setup *s) {
    const struct settings *settings = &s->workspace->settings;
    struct db_array *names = db_array(s->arena, DB_TEXT, settings->n_channels);
    struct db_params *p = db_params(s->arena);
    for (size_t i = 0; i < settings->n_channels; i++)
        db_array_text(names, settings->channels[i].name);
    db_param_array(p, names);
    return p;
}

static bool print(struct setup *s, struct dbsync *db, enum output_format format, struct err *e) {
    struct db_params *channels = channels_of(s);
    struct output *o = output_new(stdout, format);
    bool ok = true;
    for (size_t i = 0; i < sizeof sections / sizeof *sections && ok; i++)
        ok = print_section(db, o, &sections[i],
                           strcmp(sections[i].key, "channels") == 0 ? channels : NULL,
                           format == OUTPUT_TABLE, e);
    if (!output_end(o) && ok)
        ok = err_set(e, ERR_PERMANENT, "the status could not be written: %s", strerror(errno));
    return ok;
}

static int run(const struct args *args) {
    struct err e = ERR_INIT;
    enum output_format format;
    struct setup s;
    if (!output_format_parse(args_get(args, "format"), &format, &e))
        return args_usage(args, "%s", e.text);
    if (format != OUTPUT_TABLE && format != OUTPUT_JSON)
        return args_usage(args, "--format is table or json");
    if (!setup_database_anyway(args, &s))
        return EXIT_WRONG;
    struct dbsync *db = dbsync_open(s.conninfo, &e);
    bool ok = db && print(&s, db, format, &e);
    dbsync_close(db);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"format", 'f', "FORMAT", "table (default) or json"},
    {0},
};

const struct command cmd_status = {
    .name = "status",
    .arguments = "",
    .summary = "Shows what the engines are doing, and what waits.",
    .about =
        "Engines and their shards; events not decided yet, and the lag; for each channel what\n"
        "is due, what comes later, the rate at which it goes out and when it will be empty;\n"
        "messages in doubt; what is paused; old transactions that keep PostgreSQL from\n"
        "cleaning up.",
    .example = "  godwit status\n  godwit status --format json",
    .options = options,
    .least = 0,
    .most = 0,
    .run = run,
};
