/* SPDX-License-Identifier: Apache-2.0
 *
 * explain: why campaigns did or did not write to one customer: the code that
 * decides, over the last event that starts each campaign, with what the database
 * knew then. Attributes and consents are those of now. Blocking; reads only.
 */
#ifndef GODWIT_ENGINE_INTAKE_EXPLAIN_H
#define GODWIT_ENGINE_INTAKE_EXPLAIN_H

#include "base/io/dbsync.h"
#include "engine/decide/decide.h"

struct explained {
    const struct campaign *campaign;
    bool found; /* the customer has an event that starts it */
    struct event event;
    const struct profile *profile; /* set when found */
    struct str refused;            /* why the event cannot be used; empty: it can */
    int64_t recorded_us;           /* when it came in; taken as the time of the decision */
    struct explanation explanation;
};

/* One entry a campaign (only `campaign` when it is not NULL), in `a`. False: e; an unknown
 * customer is an error. */
bool explain_customer(struct dbsync *db, struct workspace *w, struct str customer,
                      const struct campaign *campaign, int64_t at_us, struct str secret,
                      struct arena *a, struct explained **out, size_t *n, struct err *e) MUST_CHECK;

#endif
