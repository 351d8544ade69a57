/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/output.h"
#include "cli/setup.h"
#include "engine/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define EVENTS_MOST 1000000

/* ---- infer */

/* Never over a file that is there. */
static bool write_new(const char *file, struct str text, struct err *e) {
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_set(e, ERR_INPUT, "%s: %s%s", file, strerror(errno),
                       errno == EEXIST ? "; write to another file and compare" : "");
    FILE *f = fdopen(fd, "w");
    bool whole = f && fwrite(text.p, 1, text.n, f) == text.n;
    whole = f && fclose(f) == 0 && whole;
    return whole || err_set(e, ERR_PERMANENT, "%s: %s", file, strerror(errno));
}

static bool infer(const struct args *args, const struct survey *s, struct setup *setup,
                  bool *misfits, struct err *e) {
    (void)misfits;
    const char *file = args_get(args, "out");
    struct buf b = BUF_IN(setup->arena);
    survey_write_catalog(s, &b);
    if (file)
        return write_new(file, buf_str(&b), e);
    return fwrite(b.p, 1, b.n, stdout) == b.n ||
           err_set(e, ERR_PERMANENT, "standard output: %s", strerror(errno));
}

/* ---- check */

static bool print_lines(struct output *o, const struct catalog *c, const struct survey_line *list,
                        size_t n, enum survey_fit which) {
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        const char *declared;
        if (survey_fit(c, &list[i], &declared) != which)
            continue;
        any = true;
        output_row(o, (struct value[]){value_str(list[i].event.n ? list[i].event : S("(customer)")),
                                       value_str(list[i].property), value_str(str_from(declared)),
                                       value_str(list[i].kind), value_int(list[i].count),
                                       value_str(list[i].example)});
    }
    return any;
}

static bool check(const struct args *args, const struct survey *s, struct setup *setup,
                  bool *misfits, struct err *e) {
    static const char *const columns[] = {"event", "property", "declared", "found",
                                          "count", "example",  NULL};
    const struct catalog *c = &setup->workspace->rules.catalog;
    enum output_format format;
    if (!output_format_parse(args_get(args, "format"), &format, e))
        return false;
    struct output *o = output_new(stdout, format);
    output_section(o, "misfits", "Does not fit catalog.yaml", columns);
    *misfits = print_lines(o, c, s->events, s->n_events, SURVEY_MISFIT);
    *misfits = print_lines(o, c, s->attributes, s->n_attributes, SURVEY_MISFIT) || *misfits;
    if (format != OUTPUT_CSV) {
        output_section(o, "undeclared", "Not declared there", columns);
        print_lines(o, c, s->events, s->n_events, SURVEY_UNDECLARED);
        print_lines(o, c, s->attributes, s->n_attributes, SURVEY_UNDECLARED);
    }
    return output_end(o) || err_set(e, ERR_PERMANENT, "standard output: %s", strerror(errno));
}

/* ---- the command */

static bool how_many(const struct args *args, int64_t *most, struct err *e) {
    const char *text = args_get(args, "events");
    *most = EVENTS_MOST;
    return !text || (str_to_int64(str_from(text), most) && *most > 0) ||
           err_set(e, ERR_INPUT, "--events: `%s` is not a number of events", text);
}

static int run(const struct args *args) {
    struct err e = ERR_INIT;
    struct setup setup;
    struct survey survey;
    struct dbsync *db = NULL;
    int64_t most;
    bool misfits = false, inferring = strcmp(args->positional[0], "infer") == 0;
    if (!inferring && strcmp(args->positional[0], "check") != 0)
        return args_usage(args, "`%s` is neither infer nor check", args->positional[0]);
    if (!how_many(args, &most, &e))
        return args_usage(args, "%s", e.text);
    if (!setup_database(args, &setup))
        return EXIT_WRONG;
    bool ok = (db = dbsync_open(setup.conninfo, &e)) &&
              survey_take(db, most, setup.arena, &survey, &e) &&
              (inferring ? infer : check)(args, &survey, &setup, &misfits, &e);
    dbsync_close(db);
    setup_close(&setup);
    if (!ok)
        return setup_fail(args, &e);
    return misfits ? EXIT_WRONG : EXIT_DONE;
}

static const struct command_option options[] = {
    {"out", 'o', "FILE", "infer: write there; a file that is there is left alone"},
    {"events", 0, "N", "look at so many of the latest events (1,000,000)"},
    {"format", 'f', "FORMAT", "check: table (default), json, csv or html"},
    {0},
};

const struct command cmd_catalog = {
    .name = "catalog",
    .arguments = "infer|check",
    .summary = "Writes a first catalog.yaml, or holds the data against it.",
    .about =
        "`infer` looks at what is in the database: events, their properties with types and how\n"
        "often, attributes of customers. `check` counts what does not fit what is declared,\n"
        "with an example each (the id of an event, the key of a customer), and exits with 1\n"
        "if there is any. Events that do not fit are decided on all the same: a condition\n"
        "that reads such a value has no answer for that customer.",
    .example = "  godwit catalog infer --out catalog.yaml\n  godwit catalog check",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
