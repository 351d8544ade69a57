/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/wallclock.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/setup.h"
#include "cli/tally.h"
#include "engine/intake/plan.h"
#include "engine/registry.h"

#include <errno.h>
#include <stdlib.h>

static const char *const queued_columns[] = {"campaign", "channel", "status", "messages", NULL};

struct work {
    struct progress *progress;
    struct tally_file csv; /* --csv */
};

static void on_progress(void *ctx, int64_t events) {
    const struct work *w = ctx;
    progress_bar(w->progress, S("events"), events, 0, STR_NONE);
}

/* ---- what came of it */

static void print_queued(struct output *o, const struct plan *plan) {
    output_section(o, "queued", "Already in the outbox", queued_columns);
    for (size_t i = 0; i < plan->n_queued; i++) {
        const struct plan_queued *q = &plan->queued[i];
        struct value cells[] = {value_str(q->campaign), value_str(q->channel), value_str(q->status),
                                value_int(q->messages)};
        output_row(o, cells);
    }
}

/* CSV holds one table: the campaigns. */
static bool print_plan(const struct plan *plan, enum output_format format, struct arena *a,
                       struct err *e) {
    struct output *o = output_new(stdout, format);
    output_note(o, "%lld events are waiting to be decided on. Nothing was written or sent.",
                (long long)plan->events);
    tally_campaigns(o, &plan->tally);
    if (format != OUTPUT_CSV) {
        tally_reasons(o, &plan->tally);
        tally_lacks(o, &plan->tally, a);
        tally_variants(o, &plan->tally);
        print_queued(o, plan);
    }
    return output_end(o) ||
           err_set(e, ERR_PERMANENT, "the plan could not be written: %s", strerror(errno));
}

/* ---- */

static bool on_decision(void *ctx, const struct decision *d, const struct profile *p, int64_t at_us,
                        struct err *e) {
    const struct work *w = ctx;
    (void)e; /* what cannot be written is found at the end */
    tally_line(&w->csv, d, p, at_us);
    return true;
}

static bool run_plan(const struct args *args, struct setup *s, struct dbsync *db, struct work *w,
                     enum output_format format, struct err *e) {
    struct plan_options o = {.now_us = wallclock_now(),
                             .ctx = w,
                             .on_decision = w->csv.path ? on_decision : NULL,
                             .on_progress = on_progress};
    struct plan plan;
    w->progress = progress_new(progress_look(stderr));
    bool ok = tally_which(args, s->workspace, &o.only, e) &&
              registry_secret(s->conninfo, s->arena, &o.secret, e) &&
              plan_run(db, s->workspace, &o, s->arena, &plan, e);
    progress_end(w->progress, STR_NONE);
    return ok && print_plan(&plan, format, s->arena, e);
}

static int run(const struct args *args) {
    struct err e = ERR_INIT, at_end = ERR_INIT;
    enum output_format format;
    struct setup s;
    struct work w = {.progress = NULL};
    if (!output_format_parse(args_get(args, "format"), &format, &e))
        return args_usage(args, "%s", e.text);
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    struct dbsync *db = dbsync_open(s.conninfo, &e);
    bool ok = db && tally_open(&w.csv, args_get(args, "csv"), &e) &&
              run_plan(args, &s, db, &w, format, &e);
    if (!tally_close(&w.csv, &at_end) && ok) {
        e = at_end;
        ok = false;
    }
    dbsync_close(db);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"csv", 0, "FILE", "also write each decision there, one a line"},
    {"format", 'f', "FORMAT", "table (default), json, csv or html"},
    {0},
};

const struct command cmd_plan = {
    .name = "plan",
    .arguments = "[CAMPAIGN]",
    .summary = "Shows what would be sent, and sends nothing.",
    .about =
        "Decides on the events that wait for the engine with the very code that decides, and\n"
        "writes and sends nothing: how many of each outcome and why, who lacks what a template\n"
        "requires, and which variant each locale gets. For the past see `godwit simulate`.",
    .example = "  godwit plan\n  godwit plan winback --csv winback.csv",
    .options = options,
    .least = 0,
    .most = 1,
    .run = run,
};
