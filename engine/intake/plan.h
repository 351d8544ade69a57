/* SPDX-License-Identifier: Apache-2.0
 *
 * plan: what the engine would do with the events that are committed and not decided
 * on yet, with the code that decides, and nothing written or sent. (The past is
 * simulate's.)
 *
 * One read-only transaction, so one state of the database; batch by batch, in
 * constant memory. What was planned for a customer earlier is remembered in a
 * temporary table of the session, so that limits hold between batches. Customers
 * that the first event would create are taken without attributes, as the engine
 * does. Blocking; the session must be the plan's own.
 */
#ifndef GODWIT_ENGINE_INTAKE_PLAN_H
#define GODWIT_ENGINE_INTAKE_PLAN_H

#include "base/io/dbsync.h"
#include "engine/intake/plan_tally.h"

struct plan_options {
    struct str secret;
    int64_t now_us;
    const struct campaign *only; /* NULL: all */
    void *ctx;
    /* Each decision in its order; may be NULL. False ends the plan with e. */
    bool (*on_decision)(void *ctx, const struct decision *d, const struct profile *p, int64_t at_us,
                        struct err *e);
    void (*on_progress)(void *ctx, int64_t events); /* may be NULL */
};

struct plan_queued {
    struct str campaign, channel, status;
    int64_t messages;
};

struct plan {
    int64_t events;
    struct plan_tally tally;
    struct plan_queued *queued; /* messages in the outbox already */
    size_t n_queued;
};

/* *out lives in `a`. */
bool plan_run(struct dbsync *db, struct workspace *w, const struct plan_options *o, struct arena *a,
              struct plan *out, struct err *e) MUST_CHECK;

#endif
