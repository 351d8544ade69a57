/* SPDX-License-Identifier: Apache-2.0
 *
 * calendar: local dates and times of day, and schedules as cron writes them.
 *
 * Everything is in the zone that is given and follows its changes (base/wallclock.h):
 * a time that a day does not have (the clock goes forward) is later by the gap; of one
 * that it has twice the first is meant. Instants are microseconds since
 * 1970 UTC. Pure; any thread.
 */
#ifndef GODWIT_BASE_CALENDAR_H
#define GODWIT_BASE_CALENDAR_H

#include "base/err.h"
#include "base/str.h"
#include "base/wallclock.h"

struct arena;

#define CALENDAR_DAY_US (WALLCLOCK_DAY_S * WALLCLOCK_US_PER_S)
#define CALENDAR_MINUTES 1440

/* So many local days later (or earlier), at the same time of day. */
int64_t calendar_add_days(const struct zone *z, int64_t us, int days);

/* The local day of the instant, `days` later, at a minute of that day. */
int64_t calendar_at(const struct zone *z, int64_t us, int days, int minute);

/* The first instant behind `us` at which it is that minute of a local day whose weekday is among
 * the bits (bit 0 Sunday; 0: any). */
int64_t calendar_next_time(const struct zone *z, int64_t us, int minute, unsigned weekdays);

/* The day (year, month, day of `date`) of each year, shifted by days, at a minute: the first such
 * instant behind `us`. 29 February is 28 in common years, before shifting. */
int64_t calendar_next_yearly(const struct zone *z, const struct civil *date, int shift_days,
                             int minute, int64_t us);
/* The same of that one date alone. */
int64_t calendar_of_date(const struct zone *z, const struct civil *date, int shift_days,
                         int minute);

/* "1990-02-28" or the day of an instant with a time (RFC 3339), as it is in the zone. */
bool calendar_parse_date(struct str text, const struct zone *z, struct civil *out) MUST_CHECK;

/* "9:00", "09:30", "24:00" is refused. Minutes of the day. */
bool calendar_parse_time(struct str text, int *minute) MUST_CHECK;
/* "mon", "Monday", ... in `*weekday`, 0 is Sunday. */
bool calendar_parse_weekday(struct str text, int *weekday) MUST_CHECK;

/* The instant itself when it lies in the window (minutes from..to of the local day, over midnight
 * when from > to; to is outside; weekdays: of the day on which the window begins), else when it
 * opens next. from == to: the whole day. */
int64_t calendar_in_window(const struct zone *z, int64_t us, int from, int to, unsigned weekdays);

/* The start of the local day, week (Monday) or month that the instant lies in. */
enum calendar_unit { CALENDAR_DAY, CALENDAR_WEEK, CALENDAR_MONTH };
int64_t calendar_start_of(const struct zone *z, int64_t us, enum calendar_unit unit);

/* "0 9 * * 1-5": minute, hour, day of the month, month, day of the week (0 and 7 are Sunday, names
 * may be used); lists, ranges, steps; @hourly, @daily, @weekly, @monthly, @yearly. When both days
 * are given either will do, as in cron. */
struct cron;
bool cron_parse(struct arena *a, struct str text, const struct cron **out,
                struct err *e) MUST_CHECK;
/* The same text for schedules that have the same instants. */
struct str cron_key(const struct cron *c, struct arena *a);
/* The first instant behind `us`; INT64_MAX: there is none in the next 30 years. */
int64_t cron_next(const struct cron *c, const struct zone *z, int64_t us);

#endif
