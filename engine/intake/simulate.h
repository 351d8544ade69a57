/* SPDX-License-Identifier: Apache-2.0
 *
 * simulate: what the campaigns of a workspace would have done with the events of the
 * database, under a virtual clock, with the code that decides: nothing is written or
 * sent. Several versions of a workspace side by side.
 *
 * One read-only transaction, so one state of the database. Customer by customer, by
 * the bytes of their keys, each with all that they did, oldest first: memory does not
 * grow with either, and the same input gives the same decisions in the same order,
 * however many rows are fetched at a time. Nobody is influenced by another customer:
 * what is of all of them (rfm) is as of now, and so are attributes, addresses and
 * consents. Blocking; the session must be its own.
 */
#ifndef GODWIT_ENGINE_INTAKE_SIMULATE_H
#define GODWIT_ENGINE_INTAKE_SIMULATE_H

#include "base/io/dbsync.h"
#include "engine/decide/timeline.h"

#define SIMULATE_VERSIONS 2
#define SIMULATE_FETCH 2000

struct simulate_options {
    struct workspace *versions[SIMULATE_VERSIONS];
    size_t n_versions;
    struct str secret;
    int64_t from_us, to_us; /* from the first, up to but without the second */
    size_t fetch;           /* rows at a time */
    void *ctx;
    /* Each decision of a version, a customer's in the order of time. False ends it with e.
     * `scratch` lives until the customer is done. */
    bool (*on_decision)(void *ctx, size_t version, const struct decision *d,
                        const struct profile *p, int64_t at_us, struct arena *scratch,
                        struct err *e);
    /* Behind the last decision about a customer. */
    void (*on_customer)(void *ctx, int64_t customers, int64_t events, struct arena *scratch);
};

bool simulate_run(struct dbsync *db, const struct simulate_options *o, int64_t *customers,
                  int64_t *events, struct err *e) MUST_CHECK;

#endif
