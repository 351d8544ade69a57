/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "cli/command.h"
#include "cli/test_file.h"
#include "engine/decide/behaviour_pack.h"
#include "engine/workspace.h"
#include "rules/own_events.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_FILES 1024u

/* One test while it runs. */
struct running {
    const struct workspace *w;
    const struct yamlfile *file;
    const struct test_case *test;
    struct arena *a;
    struct diags *d;
    struct profile profile;
    struct behaviour *logs; /* one for each layout of the workspace */
    struct profile_behaviour *behaviours;
    struct profile_response *responses; /* room for one an event of the test */
    struct decisions decisions;
    bool *used; /* one for each expectation */
};

static void start(struct running *x) {
    size_t n = x->w->n_layouts;
    x->profile = x->test->profile;
    x->logs = ARENA_ARRAY(x->a, struct behaviour, n + 1);
    x->behaviours = ARENA_ARRAY(x->a, struct profile_behaviour, n + 1);
    x->responses = ARENA_ARRAY(x->a, struct profile_response, x->test->n_events + 1);
    x->profile.responses = x->responses;
    x->used = arena_zalloc(x->a, x->test->n_expects + 1);
    for (size_t i = 0; i < n; i++) {
        behaviour_init(&x->logs[i], &x->w->layouts[i], x->a);
        x->behaviours[i] = (struct profile_behaviour){x->w->layouts[i].event, &x->logs[i].log};
    }
    x->profile.behaviours = x->behaviours;
    x->profile.n_behaviours = n;
}

static struct diag *fail(struct running *x, const struct ynode *node, struct str text) {
    struct str name = x->test->name;
    return diags_add(x->d, DIAG_ERROR, ynode_place(x->file, node), x->file->source, "%.*s: %.*s",
                     STR_FMT(name), STR_FMT(text));
}

static struct event event_of(const struct test_case *t, size_t i) {
    const struct test_event *e = &t->events[i];
    return (struct event){.id = (int64_t)i + 1,
                          .name = e->name,
                          .properties = e->properties,
                          .occurred_us = e->at_us,
                          .mode = EVENT_LIVE};
}

/* Decides on an event at its own time, as if the engine kept up. */
static void decide_event(struct running *x, const struct event *e) {
    const struct behaviour_layout *l =
        behaviour_layout_find(x->w->layouts, x->w->n_layouts, e->name);
    if (l)
        behaviour_add(&x->logs[l - x->w->layouts], e->id, e->occurred_us, e->properties);
    struct deciding d = {.workspace = x->w,
                         .profile = &x->profile,
                         .now_us = e->occurred_us,
                         .arena = x->a,
                         .out = &x->decisions};
    decide(&d, e);
}

/* The event that a response is, as godwit.make_response_events() makes it. */
static struct value properties_of(struct running *x, const struct test_event *e,
                                  const struct decision *sent) {
    struct map *m = map_new(x->a, 8);
    map_set_str(x->a, m, S("campaign"), value_str(sent->campaign->id));
    map_set_str(x->a, m, S("version"), value_str(str_from(sent->campaign->version)));
    map_set_str(x->a, m, S("step"), value_str(sent->step->id));
    map_set_str(x->a, m, S("channel"), value_str(sent->channel));
    if (sent->topic.n)
        map_set_str(x->a, m, S("topic"), value_str(sent->topic));
    if (value_is(e->properties, V_MAP))
        for (size_t i = 0; i < e->properties.u.map->n; i++)
            map_set(x->a, m, e->properties.u.map->e[i].key, e->properties.u.map->e[i].value);
    return value_map(m);
}

/* A response to the newest message of its campaign that the test has sent. */
static void respond(struct running *x, size_t nth) {
    const struct test_event *e = &x->test->events[nth];
    const struct decision *sent = NULL;
    for (size_t i = 0; i < x->decisions.n; i++)
        if (x->decisions.list[i].outcome == OUTCOME_SEND &&
            str_eq(x->decisions.list[i].campaign->name, e->campaign))
            sent = &x->decisions.list[i];
    if (!sent) {
        fail(x, e->node,
             str_printf(x->a, "`%.*s` has sent nothing by then that could be responded to",
                        STR_FMT(e->campaign)));
        return;
    }
    x->responses[x->profile.n_responses++] =
        (struct profile_response){.campaign = sent->campaign->id,
                                  .occurrence = sent->occurrence,
                                  .kind = test_file_response(e->respond),
                                  .at_us = e->at_us};
    const struct catalog_event *own = own_events_of_response(test_file_response(e->respond));
    if (!own)
        return;
    struct event event = event_of(x->test, nth);
    event.name = own->name;
    event.properties = properties_of(x, e, sent);
    decide_event(x, &event);
}

static void happen(struct running *x, size_t i) {
    if (x->test->events[i].respond >= 0) {
        respond(x, i);
        return;
    }
    struct event e = event_of(x->test, i);
    decide_event(x, &e);
}

/* ---- comparing */

static bool fits(const struct running *x, const struct test_expect *want,
                 const struct decision *d) {
    int64_t at = x->test->events[d->event - 1].at_us;
    return str_eq(want->campaign, d->campaign->name) && want->outcome == (int)d->outcome &&
           (want->at_us == 0 || want->at_us == at) &&
           (want->template.n == 0 || str_eq(want->template, d->template)) &&
           (want->channel.n == 0 || str_eq(want->channel, d->channel));
}

/* Every message needs its expectation; other outcomes may have one. */
static void compare_decision(struct running *x, const struct decision *d) {
    for (size_t i = 0; i < x->test->n_expects; i++)
        if (!x->used[i] && fits(x, &x->test->expects[i], d)) {
            x->used[i] = true;
            return;
        }
    if (d->outcome == OUTCOME_SEND)
        fail(x, x->test->events[d->event - 1].node,
             str_printf(x->a, "`%.*s` sends `%.*s` here, which is not expected",
                        STR_FMT(d->campaign->name), STR_FMT(d->template)));
}

/* What happened instead: an outcome, or why the condition did not hold. */
static void say_why(struct running *x, const struct test_expect *want, struct diag *out) {
    const struct campaign *c = campaign_set_find(&x->w->rules, want->campaign);
    if (!c) {
        struct str *names = ARENA_ARRAY(x->a, struct str, x->w->rules.n_campaigns + 1);
        for (size_t i = 0; i < x->w->rules.n_campaigns; i++)
            names[i] = x->w->rules.campaigns[i]->name;
        struct str near = str_nearest(want->campaign, names, x->w->rules.n_campaigns);
        out->hint = near.n ? str_printf(x->d->arena, "did you mean `%.*s`?", STR_FMT(near))
                           : S("there is no such campaign");
        return;
    }
    for (size_t i = 0; i < x->decisions.n; i++) {
        const struct decision *d = &x->decisions.list[i];
        int64_t at = x->test->events[d->event - 1].at_us;
        if (d->campaign != c || (want->at_us && want->at_us != at))
            continue;
        out->hint = str_printf(x->d->arena, "it ended as `%s`%s%.*s", outcome_name(d->outcome),
                               d->reason.n ? ": " : "", STR_FMT(d->reason));
        return;
    }
    out->hint = str_printf(x->d->arena, "no event of the test starts `%.*s` for this customer%s",
                           STR_FMT(c->name), want->at_us ? " at that time" : "");
}

static void compare(struct running *x) {
    for (size_t i = 0; i < x->decisions.n; i++)
        compare_decision(x, &x->decisions.list[i]);
    for (size_t i = 0; i < x->test->n_expects; i++) {
        const struct test_expect *want = &x->test->expects[i];
        if (x->used[i])
            continue;
        struct str text =
            want->outcome == OUTCOME_SEND
                ? str_printf(x->a, "`%.*s` was expected to send, and did not",
                             STR_FMT(want->campaign))
                : str_printf(x->a, "`%.*s` was expected to end as `%s`, and did not",
                             STR_FMT(want->campaign), outcome_name((enum outcome)want->outcome));
        say_why(x, want, fail(x, want->node, text));
    }
}

/* ---- files */

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
        struct running x = {.w = w, .file = &file, .test = &list[i], .a = a, .d = d};
        size_t before = d->errors;
        start(&x);
        for (size_t k = 0; k < list[i].n_events; k++)
            happen(&x, k);
        compare(&x);
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
        "Each event is decided on at its own time, by the same code as in the engine; nobody\n"
        "is held out. A message that is not expected is a failure. Exit status 1 if any fails.",
    .example = "  godwit test -C shop\n  godwit test tests/welcome.test.yaml",
    .most = -1,
    .run = run_test,
};
