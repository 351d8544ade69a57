/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "cli/command.h"
#include "engine/workspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct value diag_value(struct arena *a, const struct diag *x) {
    static const char *const severities[] = {"error", "warning", "note"};
    struct map *m = map_new(a, 8);
    map_set_str(a, m, S("severity"), value_str(str_from(severities[x->severity])));
    map_set_str(a, m, S("file"), value_str(x->place.file));
    map_set_str(a, m, S("line"), value_int(x->place.line));
    map_set_str(a, m, S("column"), value_int(x->place.column));
    map_set_str(a, m, S("length"), value_int(x->place.length));
    map_set_str(a, m, S("message"), value_str(x->text));
    map_set_str(a, m, S("hint"), value_str(x->hint));
    map_set_str(a, m, S("source"), value_str(x->line));
    return value_map(m);
}

static void print_json(struct arena *a, const struct diags *d, struct str summary) {
    struct list *list = list_new(a, d->n);
    struct map *m = map_new(a, 5);
    struct buf out = BUF_IN(a);
    for (size_t i = 0; i < d->n; i++)
        list_add(a, list, diag_value(a, &d->list[i]));
    map_set_str(a, m, S("ok"), value_bool(d->errors == 0));
    map_set_str(a, m, S("errors"), value_int((int64_t)d->errors));
    map_set_str(a, m, S("warnings"), value_int((int64_t)d->warnings));
    map_set_str(a, m, S("summary"), value_str(summary));
    map_set_str(a, m, S("diagnostics"), value_list(list));
    json_write_pretty(&out, value_map(m));
    printf("%.*s\n", STR_FMT(buf_str(&out)));
}

/* "2 errors, 1 warning" */
static struct str outcome(struct arena *a, const struct diags *d) {
    struct buf b = BUF_IN(a);
    if (d->errors)
        buf_printf(&b, "%zu %s", d->errors, d->errors == 1 ? "mistake" : "mistakes");
    else
        buf_add_str(&b, S("no mistakes"));
    if (d->warnings)
        buf_printf(&b, ", %zu %s", d->warnings, d->warnings == 1 ? "warning" : "warnings");
    return buf_str(&b);
}

static void note_no_catalog(struct diags *d) {
    struct diag *x = diags_add(d, DIAG_NOTE, (struct place){.file = S("catalog.yaml")}, STR_NONE,
                               "there is none, so the names and types of events and attributes are "
                               "not checked");
    x->hint = S("declare them there, and misspelt ones are found before anything runs");
}

static int run_check(const struct args *args) {
    const char *format = args_get(args, "format");
    bool json = format && strcmp(format, "json") == 0;
    if (format && !json && strcmp(format, "text") != 0)
        return args_usage(args, "--format is text or json, not `%s`", format);
    struct arena *a = arena_new(0);
    struct diags d;
    diags_init(&d, a);
    struct workspace *w = workspace_load(str_from(args->workspace), &d);
    if (w && !w->rules.catalog.declared)
        note_no_catalog(&d);
    struct str what = outcome(a, &d);
    struct str summary = what;
    if (w) {
        struct str counts = workspace_summary(a, w);
        summary = str_printf(a, "%.*s: %.*s", STR_FMT(counts), STR_FMT(what));
    }
    if (json) {
        print_json(a, &d, summary);
    } else {
        diags_print(&d, stderr, isatty(STDERR_FILENO) && !getenv("NO_COLOR"));
        fprintf(w ? stdout : stderr, "%.*s\n", STR_FMT(summary));
    }
    int status = w ? EXIT_DONE : EXIT_WRONG;
    workspace_release(w);
    arena_free(a);
    return status;
}

const struct command cmd_check = {
    .name = "check",
    .arguments = "",
    .summary = "Says what is wrong in a workspace, all of it at once.",
    .about =
        "Reads godwit.yaml, catalog.yaml, segments.yaml, campaigns/ and templates/ without\n"
        "running anything. Each mistake comes with its file, line and column and with what to\n"
        "write instead. Exit status 1 if there are mistakes; warnings alone give 0.",
    .example = "  godwit check\n  godwit check -C shop --format json",
    .options =
        (const struct command_option[]){
            {"format", 0, "FORMAT", "text (the default) or json"},
            {0},
        },
    .run = run_check,
};
