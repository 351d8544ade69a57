/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/csv.h"
#include "base/json.h"
#include "base/wallclock.h"
#include "cli/setup.h"
#include "engine/sql_text.h"

#include <stdio.h>
#include <unistd.h>

#define FOLLOW_S 1
/* Rows get their time when their transaction begins and are seen when it has ended: a little is
 * waited, so that what is followed comes in order and whole. */
#define SETTLE_US (INT64_C(2) * WALLCLOCK_US_PER_S)

static const struct db_stmt st_log = {"log_read", sql_log_read};
static const struct db_stmt st_now = {"log_now", "select now()"};

enum { COLUMNS = 9 };
static const char *const columns[COLUMNS] = {
    "at", "kind", "campaign", "customer", "message_id", "channel", "url", "human", "reason"};
static const int widths[COLUMNS] = {24, 12, 20, 20, 10, 8, 0, 7, 0};

static const char *const kinds[] = {
    "queued",   "deferred",   "sending",    "sent",   "failed", "cancelled", "in_doubt",
    "held_out", "delivered",  "open",       "click",  "bounce", "complaint", "unsubscribe",
    "reply",    "conversion", "suppressed", "capped", "stale",  "error"};
#define KINDS (sizeof kinds / sizeof *kinds)

enum format { TABLE, NDJSON, CSV };

struct log {
    enum format format;
    struct arena *arena; /* of a row */
    struct buf line;
    bool broken; /* nobody reads any more */
};

/* ---- a row */

static struct value cell(struct log *l, const struct db_result *r, size_t c) {
    if (db_is_null(r, 0, c))
        return VALUE_NULL;
    if (c == 0) {
        char at[40];
        int64_t us = db_timestamptz(r, 0, 0), rest = us % WALLCLOCK_US_PER_S;
        rest += rest < 0 ? WALLCLOCK_US_PER_S : 0;
        wallclock_format((us - rest) / WALLCLOCK_US_PER_S, (uint32_t)(rest / 1000) * 1000000, at,
                         sizeof at);
        return value_str(str_dup(l->arena, str_from(at)));
    }
    if (c == 4)
        return value_int(db_int(r, 0, c));
    if (c == 7)
        return value_bool(db_bool(r, 0, c));
    return value_str(db_text(r, 0, c));
}

static struct str plain(struct log *l, struct value v) {
    struct buf b = BUF_IN(l->arena);
    if (value_is(v, V_NULL))
        return S("");
    if (value_is(v, V_STRING))
        return value_text(v);
    json_write(&b, v);
    return buf_str(&b);
}

/* A cell of the table: control characters never reach a terminal. */
static void put_padded(struct buf *out, struct str s, int width) {
    int n = 0;
    for (size_t i = 0; i < s.n;) {
        uint32_t code = 0;
        size_t bytes = str_utf8(str_sub(s, i, s.n), &code);
        bool control = !bytes || code < 0x20 || (code >= 0x7f && code < 0xa0);
        if (control)
            buf_add_char(out, ' ');
        else
            buf_add(out, s.p + i, bytes);
        i += bytes ? bytes : 1;
        n++;
    }
    for (; n < width; n++)
        buf_add_char(out, ' ');
}

static void put_row(struct log *l, const struct value *cells) {
    struct map *m = map_new(l->arena, COLUMNS);
    for (size_t c = 0; c < COLUMNS; c++) {
        struct str text = plain(l, cells[c]);
        if (l->format == NDJSON) {
            map_set_str(l->arena, m, str_from(columns[c]), cells[c]);
        } else if (l->format == CSV) {
            if (c)
                buf_add_char(&l->line, ',');
            csv_write_field(&l->line, text);
        } else if (widths[c] || text.n) {
            put_padded(&l->line, text, widths[c]);
            buf_add_char(&l->line, ' ');
        }
    }
    if (l->format == NDJSON)
        json_write(&l->line, value_map(m));
    while (l->format == TABLE && l->line.n && l->line.p[l->line.n - 1] == ' ')
        l->line.n--;
}

static bool print_line(struct log *l) {
    buf_add_str(&l->line, l->format == CSV ? S("\r\n") : S("\n"));
    l->broken = fwrite(l->line.p, 1, l->line.n, stdout) != l->line.n;
    buf_clear(&l->line);
    arena_reset(l->arena);
    return !l->broken;
}

static bool on_row(void *ctx, const struct db_result *r) {
    struct log *l = ctx;
    struct value cells[COLUMNS];
    for (size_t c = 0; c < COLUMNS; c++)
        cells[c] = cell(l, r, c);
    put_row(l, cells);
    return print_line(l);
}

static void print_head(struct log *l) {
    struct value cells[COLUMNS];
    for (size_t c = 0; c < COLUMNS; c++)
        cells[c] = value_str(str_from(columns[c]));
    if (l->format == NDJSON)
        return;
    put_row(l, cells);
    print_line(l);
}

/* ---- what was asked for */

struct wish {
    struct str campaign, customer, kind;
    int64_t since_us;
    bool follow;
};

static bool read_since(const char *text, const struct zone *zone, int64_t *us, struct err *e) {
    struct err no_span = ERR_INIT;
    int64_t span, seconds;
    uint32_t nanos;
    *us = INT64_MIN;
    if (!text)
        return true;
    if (wallclock_parse_span(str_from(text), &span, &no_span)) {
        *us = wallclock_now() - span;
        return true;
    }
    if (!wallclock_parse(str_from(text), zone, &seconds, &nanos, e))
        return err_set(e, ERR_INPUT,
                       "--since: `%s` is neither a span (`2h`, `30d`) nor a time "
                       "(`2026-11-21T08:00:00Z`)",
                       text);
    *us = seconds * WALLCLOCK_US_PER_S + nanos / 1000;
    return true;
}

static bool read_kind(struct str kind, struct err *e) {
    struct str names[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        names[i] = str_from(kinds[i]);
        if (!kind.p || str_eq(names[i], kind))
            return true;
    }
    struct str near = str_nearest(kind, names, KINDS);
    return err_set(e, ERR_INPUT, "--kind: there is no kind `%.*s`%s%.*s%s", STR_FMT(kind),
                   near.n ? "; did you mean `" : "", STR_FMT(near), near.n ? "`?" : "");
}

static bool read_format(const char *text, enum format *out) {
    static const char *const names[] = {"table", "ndjson", "csv"};
    for (int i = 0; i < 3; i++)
        if (!text || strcmp(text, names[i]) == 0) {
            *out = (enum format)i;
            return true;
        }
    return false;
}

static bool stream(struct dbsync *db, struct log *l, const struct wish *w, int64_t from,
                   int64_t until, struct err *e) {
    struct arena *a = arena_new(512);
    struct db_params *p = db_params(a);
    db_param_text(p, w->campaign);
    db_param_text(p, w->customer);
    db_param_text(p, w->kind);
    db_param_timestamptz(p, from);
    db_param_timestamptz(p, until);
    struct db_call call = {&st_log, p};
    bool ok = dbsync_stream(db, call, on_row, l, e);
    arena_free(a);
    return ok;
}

static bool server_now(struct dbsync *db, int64_t *us, struct err *e) {
    struct db_reply *reply;
    if (!dbsync_query(db, &st_now, NULL, &reply, e))
        return false;
    *us = db_timestamptz(reply->result[0], 0, 0);
    db_reply_free(reply);
    return true;
}

static bool print_log(struct dbsync *db, struct log *l, const struct wish *w, struct err *e) {
    int64_t from = w->since_us, until = INT64_MAX;
    print_head(l);
    do {
        if (w->follow) {
            if (!server_now(db, &until, e))
                return false;
            until -= SETTLE_US;
        }
        if (until > from && !stream(db, l, w, from, until, e))
            return false;
        fflush(stdout);
        from = until > from ? until : from;
    } while (w->follow && !l->broken && sleep(FOLLOW_S) == 0);
    return true;
}

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    struct log l = {.line = BUF_HEAP};
    struct wish w = {.campaign = str_from(args_get(args, "campaign")),
                     .customer = str_from(args_get(args, "customer")),
                     .kind = str_from(args_get(args, "kind")),
                     .follow = args_get(args, "follow") != NULL};
    if (!read_format(args_get(args, "format"), &l.format))
        return args_usage(args, "--format is table, ndjson or csv");
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    l.arena = arena_new(4096);
    struct dbsync *db = NULL;
    bool ok = read_kind(w.kind, &e) &&
              read_since(args_get(args, "since"), s.workspace->settings.zone, &w.since_us, &e) &&
              (db = dbsync_open(s.conninfo, &e)) != NULL && print_log(db, &l, &w, &e);
    dbsync_close(db);
    buf_close(&l.line);
    arena_free(l.arena);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"campaign", 0, "NAME", "of this campaign only"},
    {"customer", 0, "KEY", "of this customer only"},
    {"kind", 0, "KIND", "of this kind only: sent, click, unsubscribe, suppressed, ..."},
    {"since", 0, "TIME", "later than this: 2h, 30d, 2026-11-21 or 2026-11-21T08:00:00Z"},
    {"follow", 0, NULL, "go on with what comes, some two seconds late"},
    {"format", 'f', "FORMAT", "table (default), ndjson or csv"},
    {0},
};

const struct command cmd_log = {
    .name = "log",
    .arguments = "",
    .summary = "Lists messages, responses and decisions as they came.",
    .about = "One line each, oldest first, streamed: memory does not grow with their number. A\n"
             "message stands where it was sent, or queued as long as it is not.",
    .example =
        "  godwit log --since 1h\n  godwit log --campaign welcome --kind click --format ndjson\n"
        "  godwit log --follow",
    .options = options,
    .least = 0,
    .most = 0,
    .run = run,
};
