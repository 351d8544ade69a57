/* SPDX-License-Identifier: Apache-2.0
 *
 * rate: "50/s", "30/min", "1000/h", "200/day" as text. Pure.
 */
#ifndef GODWIT_BASE_RATE_H
#define GODWIT_BASE_RATE_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

#define RATE_DAY_S 86400

struct rate {
    int64_t count; /* 1 or more, at most 1,000,000,000 */
    int seconds;   /* in so many: 1, 60, 3600, 86400 */
};

/* False: e says how it is written. */
bool rate_parse(struct str text, struct rate *out, struct err *e) MUST_CHECK;

double rate_per_second(struct rate r);

#endif
