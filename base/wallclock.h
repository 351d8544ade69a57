/* SPDX-License-Identifier: Apache-2.0
 *
 * wallclock: instants, calendar dates and time zones, without asking what time
 * it is. "Now" is passed as data; only main, tests and the flow drivers read a
 * clock, with wallclock_now().
 *
 * An instant is seconds since 1970-01-01T00:00:00Z (proleptic Gregorian, no
 * leap seconds) plus nanoseconds; in the database and the engine, microseconds.
 * Zones are read from the system's TZif files (RFC 8536), the ones PostgreSQL
 * uses, once per name into an immutable table shared by all threads; never
 * by way of the variable TZ. A local time in a gap moves forward, in an overlap the first
 * instant is meant. Instants within +-2^53 s and years within +-10^8 are handled.
 */
#ifndef GODWIT_BASE_WALLCLOCK_H
#define GODWIT_BASE_WALLCLOCK_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

#define WALLCLOCK_US_PER_S INT64_C(1000000)
#define WALLCLOCK_DAY_S INT64_C(86400)

struct civil {
    int64_t year;
    int month; /* 1..12 */
    int day;   /* 1..31 */
    int hour, minute, second;
    int weekday;  /* 0 = Sunday; out only */
    int yearday;  /* 0..365; out only */
    int offset;   /* seconds east of UTC; out only */
    char zone[8]; /* abbreviation ("CST"); out only */
};

struct zone; /* immutable, never freed */

/* Microseconds since 1970 UTC by the system's clock, or as a test has set it (base/fault.h). */
int64_t wallclock_now(void);

int64_t wallclock_days_from_civil(int64_t year, int month, int day);
void wallclock_utc(int64_t seconds, struct civil *out);
int64_t wallclock_from_utc(const struct civil *c); /* fields may overflow: month 14, day 0 */

/* By IANA name ("Asia/Taipei"); "UTC" always works. Any thread. */
bool wallclock_zone(struct str name, const struct zone **out, struct err *e) MUST_CHECK;
struct str wallclock_zone_name(const struct zone *z);
void wallclock_local(const struct zone *z, int64_t seconds, struct civil *out);
int64_t wallclock_from_local(const struct zone *z, const struct civil *c);

/* RFC 3339 with "Z" or an offset; up to nanoseconds. `z` (may be NULL: refused) is
 * the zone of a text without one; a date alone is 00:00. Years 0001 to 9999. */
bool wallclock_parse(struct str text, const struct zone *z, int64_t *seconds, uint32_t *nanos,
                     struct err *e) MUST_CHECK;
/* "2026-11-21T08:00:00Z", with as many decimals as are needed (0, 3, 6, 9). */
void wallclock_format(int64_t seconds, uint32_t nanos, char *out, size_t cap);
/* "90s", "1.5s", "-0.25s": protobuf's form. */
void wallclock_format_duration(int64_t nanos, char *out, size_t cap);

/* "30d", "2w", "12h", "90m", "45s", "1d12h"; no sign, no zero, at most 100 years. */
bool wallclock_parse_span(struct str text, int64_t *us, struct err *e) MUST_CHECK;

#endif
