/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/wallclock.h"
#include "cli/output.h"
#include "cli/setup.h"
#include "engine/segments.h"

#include <errno.h>
#include <stdio.h>

/* What one run is about. */
struct run {
    const struct args *args;
    struct setup setup;
    struct dbsync *db;
    const struct segment *segment;
    int64_t at_us;
    enum output_format format;
    FILE *to;
};

/* ---- count */

static void print_plan(const struct segments *s) {
    fprintf(stderr, "answered: %s\n", segments_way_name(segments_way(s)));
    struct str why = segments_why(s), sql = segments_sql(s);
    if (why.n)
        fprintf(stderr, "because PostgreSQL cannot decide it exactly: %.*s\n", STR_FMT(why));
    if (segments_way(s) != SEGMENTS_ONE_BY_ONE)
        fprintf(stderr, "condition in SQL: %.*s\n", STR_FMT(sql));
}

static void print_counts(const struct segments_counts *c) {
    if (c->looked_at)
        fprintf(stderr, "evaluated: %lld customers\n", (long long)c->looked_at);
    if (c->errors)
        fprintf(stderr, "cannot be told: %lld customers, who are not in the segment\n",
                (long long)c->errors);
}

static struct segments *open_segment(struct run *r, struct err *e) {
    struct segments *s = segments_open(r->db, r->setup.workspace, r->segment, r->at_us, e);
    if (s && args_get(r->args, "explain"))
        print_plan(s);
    return s;
}

static bool count(struct run *r, struct err *e) {
    static const char *const columns[] = {"segment", "customers", NULL};
    struct segments_counts counts;
    struct segments *s = open_segment(r, e);
    if (!s)
        return false;
    bool ok = segments_count(s, &counts, e);
    if (ok && args_get(r->args, "explain"))
        print_counts(&counts);
    segments_close(s);
    if (!ok)
        return false;
    struct output *o = output_new(r->to, r->format);
    output_section(o, "segments", "Segment", columns);
    output_row(o, (struct value[]){value_str(r->segment->name), value_int(counts.members)});
    return output_end(o) ||
           err_set(e, ERR_PERMANENT, "the count could not be written: %s", strerror(errno));
}

/* ---- list */

static bool list(struct run *r, struct err *e) {
    static const char *const columns[] = {"customer", NULL};
    struct segments_counts counts;
    struct segments_member m;
    bool more = true, ok = true;
    struct segments *s = open_segment(r, e);
    if (!s)
        return false;
    struct output *o = output_new(r->to, r->format);
    output_section(o, "customers", "Customers", columns);
    while ((ok = segments_next(s, &m, &more, e)) && more)
        output_row(o, (struct value[]){value_str(m.key)});
    segments_counts(s, &counts);
    if (ok && args_get(r->args, "explain"))
        print_counts(&counts);
    segments_close(s);
    if (!output_end(o) && ok)
        ok = err_set(e, ERR_PERMANENT, "the list could not be written: %s", strerror(errno));
    return ok;
}

/* ---- diff: two lists in the same order, side by side */

struct side {
    struct segments *members;
    struct segments_member at;
    bool more;
};

static bool advance(struct side *x, struct err *e) {
    if (!x->members) {
        x->more = false;
        return true;
    }
    return segments_next(x->members, &x->at, &x->more, e);
}

/* Less than 0: only `was` has the next customer; more: only `is` has. */
static int next_of(const struct side *was, const struct side *is) {
    if (!was->more || !is->more)
        return was->more ? -1 : 1;
    if (was->at.shard != is->at.shard)
        return was->at.shard < is->at.shard ? -1 : 1;
    return (was->at.id > is->at.id) - (was->at.id < is->at.id);
}

static bool print_differences(struct run *r, struct side *was, struct side *is, struct err *e) {
    static const char *const columns[] = {"change", "customer", NULL};
    struct output *o = output_new(r->to, r->format);
    output_section(o, "changes", "Changes", columns);
    bool ok = advance(was, e) && advance(is, e);
    while (ok && (was->more || is->more)) {
        int order = next_of(was, is);
        if (order < 0)
            output_row(o, (struct value[]){value_str(S("left")), value_str(was->at.key)});
        else if (order > 0)
            output_row(o, (struct value[]){value_str(S("entered")), value_str(is->at.key)});
        ok = (order > 0 || advance(was, e)) && (order < 0 || advance(is, e));
    }
    if (!output_end(o) && ok)
        ok = err_set(e, ERR_PERMANENT, "the changes could not be written: %s", strerror(errno));
    return ok;
}

static struct workspace *other_workspace(struct run *r, const char *folder, struct err *e) {
    struct diags d;
    diags_init(&d, r->setup.arena);
    struct workspace *w = workspace_load(str_from(folder), &d);
    if (w)
        return w;
    diags_print(&d, stderr, setup_colour());
    err_set(e, ERR_INPUT, "the workspace %s has %zu mistake%s", folder, d.errors,
            d.errors == 1 ? "" : "s");
    return NULL;
}

/* What was: by the other workspace's definition, or as it is recorded. */
static bool open_before(struct run *r, struct workspace *other, struct side *was, struct err *e) {
    const struct segment *before =
        other ? campaign_set_segment(&other->rules, r->segment->name) : r->segment;
    if (!before)
        return true;
    was->members = other ? segments_open(r->db, other, before, r->at_us, e)
                         : segments_open_recorded(r->db, r->setup.workspace, before, e);
    return was->members != NULL;
}

static bool diff(struct run *r, struct err *e) {
    const char *folder = args_get(r->args, "against");
    struct side was = {0}, is = {0};
    struct workspace *other = folder ? other_workspace(r, folder, e) : NULL;
    bool ok = (!folder || other) && open_before(r, other, &was, e) &&
              (is.members = open_segment(r, e)) != NULL && print_differences(r, &was, &is, e);
    segments_close(was.members);
    segments_close(is.members);
    workspace_release(other);
    return ok;
}

/* ---- refresh */

static bool refresh(struct run *r, struct err *e) {
    int64_t buyers, changed;
    bool done;
    if (!segments_refresh_rfm(r->db, r->setup.workspace, &done, &buyers, &changed, e))
        return false;
    if (done)
        fprintf(r->to, "%lld buyers, %lld changed\n", (long long)buyers, (long long)changed);
    else if (r->setup.workspace->rules.catalog.purchase.event.n)
        fprintf(r->to, "another session is refreshing already\n");
    else
        fprintf(r->to, "nothing to refresh: catalog.yaml does not say which event is a purchase\n");
    return true;
}

/* ---- the command */

static const struct action {
    const char *name;
    bool named; /* takes a segment */
    bool reads;
    bool (*run)(struct run *r, struct err *e);
} actions[] = {
    {"count", true, true, count},
    {"list", true, true, list},
    {"diff", true, true, diff},
    {"refresh", false, false, refresh},
};
#define ACTIONS (sizeof actions / sizeof *actions)

static const struct action *action_of(const struct args *args) {
    for (size_t i = 0; i < ACTIONS; i++)
        if (strcmp(args->positional[0], actions[i].name) == 0)
            return &actions[i];
    return NULL;
}

static bool find_segment(struct run *r, struct err *e) {
    const struct campaign_set *rules = &r->setup.workspace->rules;
    struct str name = str_from(r->args->positional[1]);
    r->segment = campaign_set_segment(rules, name);
    if (r->segment)
        return true;
    struct str *names = ARENA_ARRAY(r->setup.arena, struct str, rules->n_segments + 1);
    for (size_t i = 0; i < rules->n_segments; i++)
        names[i] = rules->segments[i].name;
    struct str near = str_nearest(name, names, rules->n_segments);
    return err_set(e, ERR_INPUT, "segments.yaml has no segment `%.*s`%s%.*s%s", STR_FMT(name),
                   near.n ? "; did you mean `" : "", STR_FMT(near), near.n ? "`?" : "");
}

static bool find_instant(struct run *r, struct err *e) {
    const char *text = args_get(r->args, "at");
    int64_t seconds;
    uint32_t nanos;
    r->at_us = wallclock_now();
    if (!text)
        return true;
    if (!wallclock_parse(str_from(text), r->setup.workspace->settings.zone, &seconds, &nanos, e))
        return err_context(e, "--at");
    r->at_us = seconds * WALLCLOCK_US_PER_S + nanos / 1000;
    return true;
}

static bool act(struct run *r, const struct action *a, struct err *e) {
    if (!a->named)
        return a->run(r, e);
    return find_segment(r, e) && find_instant(r, e) &&
           dbsync_script(
               r->db, a->reads ? "begin isolation level repeatable read read only" : "begin", e) &&
           a->run(r, e) && dbsync_script(r->db, "commit", e);
}

static int run(const struct args *args) {
    struct err e = ERR_INIT;
    struct run r = {.args = args, .to = stdout};
    const struct action *a = action_of(args);
    const char *file = args_get(args, "out");
    if (!a)
        return args_usage(args, "`%s` is not count, list, diff or refresh", args->positional[0]);
    if (args->n != 1 + a->named)
        return args_usage(args, a->named ? "which segment?" : "`%s` takes no segment", a->name);
    if (!output_format_parse(args_get(args, "format"), &r.format, &e))
        return args_usage(args, "%s", e.text);
    if (!setup_database(args, &r.setup))
        return EXIT_WRONG;
    bool ok = !file || (r.to = fopen(file, "w")) ||
              err_set(&e, ERR_INPUT, "%s: %s", file, strerror(errno));
    ok = ok && (r.db = dbsync_open(r.setup.conninfo, &e)) && act(&r, a, &e);
    dbsync_close(r.db);
    if (file && r.to && fclose(r.to) != 0 && ok)
        ok = err_set(&e, ERR_PERMANENT, "%s: %s", file, strerror(errno));
    setup_close(&r.setup);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"format", 'f', "FORMAT", "table (default), json, csv or html"},
    {"out", 'o', "FILE", "write there instead of standard output"},
    {"at", 0, "TIME", "looking back from then: 2026-11-21T08:00:00Z or 2026-11-21"},
    {"against", 0, "DIR", "diff: another revision of the workspace"},
    {"explain", 0, NULL, "say how the question is answered, and why"},
    {0},
};

const struct command cmd_segment = {
    .name = "segment",
    .arguments = "count|list|diff NAME",
    .summary = "Shows who is in a segment.",
    .about =
        "`diff` shows who enters and leaves when the definition changes: against another folder\n"
        "that holds the workspace as it was (git worktree add ../before main~1), or, without\n"
        "--against, what a tracked segment is now against what the engine recorded last.\n"
        "`segment refresh` recomputes where buyers stand (`rfm`); the engine does so once a day.\n"
        "Attributes are those of now, also with --at.",
    .example = "  godwit segment count repeat-buyers\n"
               "  godwit segment list repeat-buyers --format csv --out buyers.csv\n"
               "  godwit segment diff repeat-buyers --against ../before",
    .options = options,
    .least = 1,
    .most = 2,
    .run = run,
};
