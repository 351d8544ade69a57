/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict: whether a hit was a person's. Mail providers and scanners fetch images and
 * follow links before, or without, anybody reading the message.
 *
 * A function of the features that are stored with each response, so that a better
 * rule can judge history again; VERDICT_VERSION tells by which rule a row was judged. What other
 * hits of the same message say is known when all of them are looked at together
 * (verdict_judge); when a hit comes, only what came before. Pure.
 */
#ifndef GODWIT_ENGINE_RESPONSE_VERDICT_H
#define GODWIT_ENGINE_RESPONSE_VERDICT_H

#include "base/str.h"

#define VERDICT_VERSION 2

/* All that counts of the delay is whether it is below this. */
#define VERDICT_SOON_MS 10000

struct verdict_features {
    bool click; /* otherwise an open */
    bool head;  /* the method was HEAD */
    bool prefetch;
    struct str agent; /* User-Agent; may be empty */
    int64_t delay_ms; /* since the message was handed over; negative: not known */
    uint32_t links;   /* different links of the message followed within 3 s, this one included */
    bool decoy;       /* of the link that no person sees */
    bool near_decoy;  /* close to a hit of the decoy */
    bool near_head;   /* the same agent asked with HEAD a moment before or after */
    bool in_order;    /* one of several links followed in their order within a second */
};

struct verdict {
    bool human;
    const char *why; /* of a machine, a word or two; NULL for a person */
};

struct verdict verdict_of(const struct verdict_features *f);

/* A hit among those of one message. */
struct verdict_hit {
    struct verdict_features f; /* links and what follows it are filled in, but decoy */
    int64_t at_ms;
    uint64_t url;   /* of a click: equal when the address is */
    uint32_t index; /* of a click: which link */
    struct verdict verdict;
};

#define VERDICT_HITS 1000 /* are looked at together, at most */

/* All hits of a message, in the order of time. */
void verdict_judge(struct verdict_hit *hits, size_t n);

#endif
