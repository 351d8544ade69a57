/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict: whether a hit was a person's. Mail providers and scanners fetch images and
 * follow links before, or without, anybody reading the message.
 *
 * A function of the features that are stored with each response, so that a better
 * rule can judge history again; VERDICT_VERSION tells by which rule a row was judged. Pure.
 */
#ifndef GODWIT_ENGINE_RESPONSE_VERDICT_H
#define GODWIT_ENGINE_RESPONSE_VERDICT_H

#include "base/str.h"

#define VERDICT_VERSION 1

/* All that counts of the delay is whether it is below this. */
#define VERDICT_SOON_MS 10000

struct verdict_features {
    bool click; /* otherwise an open */
    bool head;  /* the method was HEAD */
    bool prefetch;
    struct str agent; /* User-Agent; may be empty */
    int64_t delay_ms; /* since the message was handed over; negative: not known */
    uint32_t links;   /* different links of the message followed within 3 s, this one included */
};

struct verdict {
    bool human;
    const char *why; /* of a machine, a word or two; NULL for a person */
};

struct verdict verdict_of(const struct verdict_features *f);

#endif
