/* SPDX-License-Identifier: Apache-2.0
 *
 * timeline: one customer's life under a virtual clock, with the code that decides:
 * events in the order of time, and between them what becomes due: waits that are
 * over, absences, dates, schedules, entries into segments. For simulate and for the
 * tests of a workspace.
 *
 *     timeline_begin(&t, &options, &profile, arena);
 *     for each event, oldest first:  timeline_event(&t, &e, &err)
 *     timeline_end(&t, &err)                      what is due before options.to_us
 *
 * What is sent counts as sent. Nobody answers. Events before options.from_us are
 * history: they are looked back on and set timers, and start nothing. At one instant
 * events go before timers, timers before waits, waits before runs for everybody; as in
 * the engine.
 *
 * Pure. Everything lives in the arena.
 */
#ifndef GODWIT_ENGINE_DECIDE_TIMELINE_H
#define GODWIT_ENGINE_DECIDE_TIMELINE_H

#include "base/err.h"
#include "engine/decide/behaviour_pack.h"
#include "engine/decide/decide.h"
#include "engine/workspace.h"

/* A campaign that is for everybody, at an instant. */
struct timeline_run {
    const struct campaign *campaign;
    int64_t at_us;
};

struct timeline_options {
    const struct workspace *workspace;
    struct str salt;
    int64_t from_us, to_us;          /* from the first, up to but without the second */
    const struct timeline_run *runs; /* timeline_runs() */
    size_t n_runs;
    void *ctx;
    /* Each decision in the order of time; false ends it all with e. */
    bool (*on_decision)(void *ctx, const struct decision *d, const struct profile *p, int64_t at_us,
                        struct err *e);
};

struct timeline {
    const struct timeline_options *options;
    struct arena *arena;
    struct profile profile;
    struct behaviour *logs; /* side by side with the workspace's layouts */
    struct event *ahead;    /* made by what was decided, oldest first */
    size_t n_ahead, cap_ahead;
    size_t run; /* the next of options->runs */
    bool follows_segments;
    struct str segments; /* the customer is in, separated by commas */
    int64_t segments_us; /* to be looked at again */
    int64_t made;        /* events so far */
    bool began;          /* options->from_us is reached */
};

/* The instants of campaigns that start by a schedule or once, in [from, to), by time. At most
 * TIMELINE_RUNS; false: there are more, e says which campaign. */
#define TIMELINE_RUNS 100000u
bool timeline_runs(const struct workspace *w, int64_t from_us, int64_t to_us, struct arena *a,
                   const struct timeline_run **out, size_t *n, struct err *e) MUST_CHECK;

void timeline_begin(struct timeline *t, const struct timeline_options *o, const struct profile *p,
                    struct arena *a);
/* What is due before the instant. */
bool timeline_advance(struct timeline *t, int64_t until_us, struct err *err) MUST_CHECK;
bool timeline_event(struct timeline *t, const struct event *e, struct err *err) MUST_CHECK;
bool timeline_end(struct timeline *t, struct err *err) MUST_CHECK;

#endif
