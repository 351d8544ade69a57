/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "cli/command.h"
#include "cli/test_file.h"
#include "cli/test_run.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_FILES 1024u

struct count {
    size_t files, tests, failed;
};

static void run_file(const struct workspace *w, struct arena *a, const char *path, struct str name,
                     struct diags *d, struct count *n) {
    struct yamlfile file;
    const struct test_case *list;
    size_t n_list, errors = d->errors;
    n->files++;
    if (!yamlfile_load(a, path, name, &file, d))
        return;
    test_file_read(a, &file, w->settings.zone, &list, &n_list, d);
    if (d->errors != errors)
        return; /* running what was misread would only mislead */
    for (size_t i = 0; i < n_list; i++) {
        size_t before = d->errors;
        test_run(w, &file, &list[i], a, d);
        n->tests++;
        n->failed += d->errors != before;
    }
}

static int by_text(const void *a, const void *b) {
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void run_folder(const struct workspace *w, struct arena *a, struct diags *d,
                       struct count *n) {
    struct str names[MAX_FILES];
    size_t files = 0;
    const char *folder = str_printf(a, "%.*s/tests", STR_FMT(w->folder)).p;
    DIR *dir = opendir(folder);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
        if (str_ends(str_from(e->d_name), S(".test.yaml")) && files < MAX_FILES)
            names[files++] = str_dup(a, str_from(e->d_name));
    if (dir)
        closedir(dir);
    if (files)
        qsort(names, files, sizeof *names, by_text);
    for (size_t i = 0; i < files; i++) {
        const char *path = str_printf(a, "%s/%.*s", folder, STR_FMT(names[i])).p;
        struct str shown = str_printf(a, "tests/%.*s", STR_FMT(names[i]));
        run_file(w, a, path, shown, d, n);
    }
}

static int run_test(const struct args *args) {
    struct arena *a = arena_new(0);
    struct diags d;
    struct count n = {0};
    diags_init(&d, a);
    struct workspace *w = workspace_load(str_from(args->workspace), &d);
    for (int i = 0; w && i < args->n; i++)
        run_file(w, a, args->positional[i], str_from(args->positional[i]), &d, &n);
    if (w && args->n == 0)
        run_folder(w, a, &d, &n);
    diags_sort(&d);
    diags_print(&d, stderr, isatty(STDERR_FILENO) && !getenv("NO_COLOR"));
    if (!w)
        fputs("the workspace has mistakes; nothing was tested\n", stderr);
    else if (n.files == 0)
        puts("no tests: they stand in tests/NAME.test.yaml");
    else
        printf("%zu %s, %zu failed\n", n.tests, n.tests == 1 ? "test" : "tests", n.failed);
    workspace_release(w);
    int status = d.errors ? EXIT_WRONG : EXIT_DONE;
    arena_free(a);
    return status;
}

const struct command cmd_test = {
    .name = "test",
    .arguments = "[FILE.test.yaml ...]",
    .summary = "Runs the tests of a workspace, without a database.",
    .about =
        "A test is a customer, what they do and when, and the messages that must come of it.\n"
        "Events are decided on at their own time, by the same code as in the engine, and what\n"
        "becomes due between them and up to `until` (waits, absences, dates, schedules) at its\n"
        "own; nobody is held out. A message that is not expected is a failure. Exit status 1 if\n"
        "any fails.",
    .example = "  godwit test -C shop\n  godwit test tests/welcome.test.yaml",
    .most = -1,
    .run = run_test,
};
