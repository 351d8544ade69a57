/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_dates: what people write for a date, read as the reference reads it
 * ("March 14, 2016", "14/3/2016 5pm", "2016-03-14T17:00:00+09:00"), and dates
 * written with the directives of strftime, Ruby's flags and widths included.
 *
 * What a text leaves out is taken from `now`; what it says wrongly makes it no
 * date. The patterns are compiled once for a set of templates. Any thread.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_DATES_H
#define GODWIT_TEMPLATES_LIQUID_DATES_H

#include "base/wallclock.h"

struct date_patterns; /* lives in the arena, immutable */
struct arena;

/* An instant with the place it is told in. */
struct moment {
    int64_t seconds;
    uint32_t nanos;
    const struct zone *zone; /* NULL: `offset` counts */
    int32_t offset;          /* seconds east of UTC */
    bool utc;                /* told as UTC */
};

struct date_patterns *date_patterns_new(struct arena *a);

/* False when it is no date. `zone` (NULL: UTC) is that of a text without one. */
bool date_read(const struct date_patterns *p, struct arena *a, struct str text, int64_t now,
               const struct zone *zone, struct moment *out);

/* Names of months and days in a language; NULL: English. */
struct date_names {
    struct str month[12], short_month[12], day[7], short_day[7], am_pm[2];
};

/* False when a width is absurd or the format ends inside a directive. */
bool date_write(struct buf *out, struct str format, const struct moment *m,
                const struct date_names *names);

#endif
