/* SPDX-License-Identifier: Apache-2.0
 *
 * membership: of one customer in the tracked segments, as of an instant: what
 * changed since it was recorded, and when to look again although nothing happens.
 * Pure; everything is allocated in the given arena.
 */
#ifndef GODWIT_ENGINE_DECIDE_MEMBERSHIP_H
#define GODWIT_ENGINE_DECIDE_MEMBERSHIP_H

#include "base/digest.h"
#include "engine/decide/profile.h"
#include "engine/workspace.h"

struct membership_change {
    const struct segment *segment;
    bool entered; /* or left */
};

struct membership {
    struct membership_change *changes; /* in the order of segments.yaml */
    size_t n;
    int64_t next_us; /* to be looked at again; INT64_MAX: only when something happens */
};

/* `recorded`: the names of the segments that the customer is in, separated by commas. A segment
 * whose condition cannot be evaluated does not hold the customer. */
void membership_decide(const struct workspace *w, const struct profile *p, struct str recorded,
                       int64_t now_us, struct arena *a, struct membership *out);

/* Number of tracked segments. */
size_t membership_tracked(const struct workspace *w);

/* A hash of all that says who is in the segment: its condition, those it names, lists. */
void membership_definition(const struct workspace *w, const struct segment *s,
                           char out[DIGEST_HEX_CHARS + 1]);

#endif
