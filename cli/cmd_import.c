/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/progress.h"
#include "cli/setup.h"
#include "engine/import/import.h"

#define REJECTS_SHOWN 5 /* the others only go to the file */

struct screen {
    struct progress *progress;
    struct str label; /* "import events" */
    const char *path;
    int64_t rejects;
    struct buf line;
};

static void say(struct screen *s) {
    progress_say(s->progress, buf_str(&s->line));
    buf_clear(&s->line);
}

static void on_start(void *ctx, const struct import_status *i) {
    struct screen *s = ctx;
    if (i->whole)
        return;
    buf_printf(&s->line, "%.*s: %.*s", STR_FMT(s->label), STR_FMT(i->taking));
    say(s);
    if (i->skipped) {
        buf_add_str(&s->line, S("goes on behind the "));
        progress_number(&s->line, i->skipped);
        buf_printf(&s->line, " rows that were worked off by %.*s", STR_FMT(i->earlier));
        say(s);
    }
}

/* How many rows there will be follows from how much of the file the rows so far took; rounded,
 * so that it does not flicker. */
static int64_t expected_rows(const struct import_status *i) {
    int64_t rows = i->skipped + i->rows, unit = 1;
    if (i->size <= 0 || i->bytes <= 0 || i->bytes == i->size)
        return i->size < 0 ? 0 : rows;
    int64_t all = (int64_t)((double)rows * ((double)i->size / (double)i->bytes));
    while (all / unit >= 100)
        unit *= 10;
    all = (all + unit / 2) / unit * unit;
    return all > rows ? all : rows;
}

static void on_chunk(void *ctx, const struct import_status *i) {
    struct screen *s = ctx;
    if (i->rejected) {
        progress_number(&s->line, i->rejected);
        buf_add_str(&s->line, S(" rejected"));
    }
    progress_bar(s->progress, s->label, i->skipped + i->rows, expected_rows(i), buf_str(&s->line));
    buf_clear(&s->line);
}

static void on_reject(void *ctx, int64_t line, const char *reason) {
    struct screen *s = ctx;
    if (s->rejects++ >= REJECTS_SHOWN)
        return;
    buf_printf(&s->line, "%s:%lld: %s", s->path, (long long)line, reason);
    say(s);
}

/* "1 row", "23,570 rows" */
static void add_count(struct buf *out, int64_t n, const char *noun) {
    progress_number(out, n);
    buf_printf(out, " %s%s", noun, n == 1 ? "" : "s");
}

static void summary(struct buf *out, const char *path, const char *noun,
                    const struct import_status *i) {
    if (i->whole) {
        buf_printf(out, "%s was imported whole, ", path);
        add_count(out, i->skipped, "row");
        buf_printf(out, ", by %.*s; nothing is left to do (--again imports it once more)",
                   STR_FMT(i->earlier));
        return;
    }
    add_count(out, i->rows, "row");
    buf_add_str(out, S(" read: "));
    add_count(out, i->rows - i->rejected - i->duplicates, noun);
    buf_add_str(out, S(" imported"));
    if (i->duplicates) {
        buf_add_str(out, S(", "));
        progress_number(out, i->duplicates);
        buf_add_str(out, S(" there already"));
    }
    if (i->rejected) {
        buf_add_str(out, S(", "));
        progress_number(out, i->rejected);
        buf_printf(out, " rejected: see %.*s", STR_FMT(i->rejects));
    }
}

/* ---- */

static int read_kind(const struct args *args, enum import_kind *out) {
    const char *kind = args->positional[0];
    if (strcmp(kind, "customers") == 0)
        *out = IMPORT_CUSTOMERS;
    else if (strcmp(kind, "events") == 0)
        *out = IMPORT_EVENTS;
    else
        return args_usage(args, "imports customers or events, not `%s`", kind);
    const char *for_events = args_get(args, "trigger") ? "trigger" : "name";
    if (*out == IMPORT_CUSTOMERS && args_get(args, for_events))
        return args_usage(args, "--%s is for events", for_events);
    return EXIT_DONE;
}

static void read_options(const struct args *args, const struct setup *s, enum import_kind kind,
                         struct import_options *o) {
    struct str *maps = ARENA_ARRAY(s->arena, struct str, ARGS_MAX);
    size_t n = 0;
    for (const char *map; (map = args_nth(args, "map", (int)n)); n++)
        maps[n] = str_from(map);
    *o = (struct import_options){
        .wish = {.kind = kind,
                 .maps = maps,
                 .n_maps = n,
                 .event_name = str_from(args_get(args, "name")),
                 .catalog = &s->workspace->rules.catalog},
        .path = str_from(args->positional[1]),
        .rejects = str_from(args_get(args, "rejects")),
        .zone = s->workspace->settings.zone,
        .trigger = args_get(args, "trigger") != NULL,
        .again = args_get(args, "again") != NULL,
    };
}

static int import_file(const struct args *args, const struct setup *s,
                       const struct import_options *o) {
    struct screen screen = {.path = args->positional[1]};
    struct import_events events = {on_start, on_chunk, on_reject, &screen};
    struct import_status status;
    struct err e = ERR_INIT;
    struct dbsync *db = dbsync_open(s->conninfo, &e);
    if (!db)
        return setup_fail(args, &e);
    screen.label = str_printf(s->arena, "import %s", args->positional[0]);
    screen.progress = progress_new(progress_look(stderr));
    bool ok = import_run(db, s->arena, o, &events, &status, &e);
    if (ok)
        summary(&screen.line, screen.path, o->wish.kind == IMPORT_CUSTOMERS ? "customer" : "event",
                &status);
    progress_end(screen.progress, buf_str(&screen.line));
    buf_close(&screen.line);
    dbsync_close(db);
    if (!ok) {
        setup_fail(args, &e);
        if (status.resumable && status.rows)
            fputs("What was imported before stays: give the same command again, and it goes on "
                  "from there.\n",
                  stderr);
        return EXIT_WRONG;
    }
    return status.rejected ? EXIT_WRONG : EXIT_DONE;
}

static int run(const struct args *args) {
    struct setup s;
    struct import_options o;
    enum import_kind kind;
    int status = read_kind(args, &kind);
    if (status != EXIT_DONE)
        return status;
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    read_options(args, &s, kind, &o);
    status = import_file(args, &s, &o);
    setup_close(&s);
    return status;
}

static const struct command_option options[] = {
    {"map", 0, "FIELD=COLUMN", "take a field from a column; repeatable"},
    {"name", 0, "EVENT", "the name of all events of the file"},
    {"trigger", 0, NULL, "the events start campaigns; without it they are history"},
    {"rejects", 0, "FILE", "where rejected rows go; FILE.rejected.csv by default"},
    {"again", 0, NULL, "also when the file was imported already"},
    {0},
};

const struct command cmd_import = {
    .name = "import",
    .arguments = "customers|events FILE.csv|-",
    .summary = "Brings customers or events in from a CSV file.",
    .about =
        "Fields of customers: key, email, phone, locale, timezone, attributes.NAME[:TYPE].\n"
        "Fields of events: customer, name, occurred_at, dedupe, properties.NAME[:TYPE].\n"
        "TYPE is string, int, double, bool or timestamp; catalog.yaml's by default. Without "
        "--map,\n"
        "columns that are named like fields are taken. An empty cell leaves its field out. A date\n"
        "without a time is 00:00 in the workspace's time zone.\n\n"
        "Rows that cannot be imported go to a file with line and reason; the others are imported.\n"
        "An import that was interrupted goes on where it stopped when the same command is given\n"
        "again; one from standard input (-) does not. Exit status 1 if rows were rejected.",
    .example = "  godwit import customers people.csv --map key=id --map email=mail \\\n"
               "         --map attributes.country=land\n"
               "  godwit import events orders.csv --name order.placed --map customer=customer \\\n"
               "         --map occurred_at=date --map properties.amount:double=amount",
    .options = options,
    .least = 2,
    .most = 2,
    .run = run,
};
