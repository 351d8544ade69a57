/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/calendar.h"

#include "base/arena.h"

#include <inttypes.h>

#define NEVER INT64_MAX
#define CRON_YEARS 30

/* ---- between instants and local days */

static int64_t seconds_of(int64_t us) {
    return us / WALLCLOCK_US_PER_S - (us % WALLCLOCK_US_PER_S < 0);
}

static void local(const struct zone *z, int64_t us, struct civil *out) {
    wallclock_local(z, seconds_of(us), out);
}

/* Fields may overflow: day 0, minute 1440. */
static int64_t instant(const struct zone *z, int64_t year, int month, int day, int minute) {
    struct civil c = {.year = year, .month = month, .day = day, .minute = minute};
    return wallclock_from_local(z, &c) * WALLCLOCK_US_PER_S;
}

int64_t calendar_add_days(const struct zone *z, int64_t us, int days) {
    struct civil c;
    int64_t seconds = seconds_of(us);
    if (days == 0)
        return us;
    wallclock_local(z, seconds, &c);
    c.day += days;
    return wallclock_from_local(z, &c) * WALLCLOCK_US_PER_S + (us - seconds * WALLCLOCK_US_PER_S);
}

int64_t calendar_at(const struct zone *z, int64_t us, int days, int minute) {
    struct civil c;
    local(z, us, &c);
    return instant(z, c.year, c.month, c.day + days, minute);
}

int64_t calendar_next_time(const struct zone *z, int64_t us, int minute, unsigned weekdays) {
    struct civil c;
    local(z, us, &c);
    for (int day = 0; day <= 8; day++) {
        int weekday = (c.weekday + day) % 7;
        int64_t at = instant(z, c.year, c.month, c.day + day, minute);
        if (at > us && (!weekdays || weekdays >> weekday & 1))
            return at;
    }
    return NEVER; /* there is such a day in any week */
}

static bool is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t of_year(const struct zone *z, const struct civil *date, int64_t year, int shift,
                       int minute) {
    int day = date->month == 2 && date->day == 29 && !is_leap(year) ? 28 : date->day;
    return instant(z, year, date->month, day + shift, minute);
}

int64_t calendar_next_yearly(const struct zone *z, const struct civil *date, int shift_days,
                             int minute, int64_t us) {
    struct civil now;
    local(z, us, &now);
    int64_t reach = (shift_days < 0 ? -shift_days : shift_days) / 365 + 2; /* years it may lead */
    for (int64_t year = now.year - reach; year <= now.year + reach; year++) {
        int64_t at = of_year(z, date, year, shift_days, minute);
        if (at > us)
            return at;
    }
    return NEVER;
}

int64_t calendar_of_date(const struct zone *z, const struct civil *date, int shift_days,
                         int minute) {
    return instant(z, date->year, date->month, date->day + shift_days, minute);
}

int64_t calendar_in_window(const struct zone *z, int64_t us, int from, int to, unsigned weekdays) {
    struct civil c;
    int64_t length = from < to ? to - from : to - from + CALENDAR_MINUTES;
    if (from == to && !weekdays)
        return us;
    local(z, us, &c);
    for (int day = -1; day <= 8; day++) { /* yesterday's window may reach into today */
        int weekday = (c.weekday + day + 7) % 7;
        if (weekdays && !(weekdays >> weekday & 1))
            continue;
        int64_t opens = instant(z, c.year, c.month, c.day + day, from);
        int64_t closes = instant(z, c.year, c.month, c.day + day, from + (int)length);
        if (us < closes)
            return us < opens ? opens : us;
    }
    return us;
}

int64_t calendar_start_of(const struct zone *z, int64_t us, enum calendar_unit unit) {
    struct civil c;
    local(z, us, &c);
    if (unit == CALENDAR_WEEK)
        c.day -= (c.weekday + 6) % 7;
    return instant(z, c.year, c.month, unit == CALENDAR_MONTH ? 1 : c.day, 0);
}

/* ---- reading */

static bool digits(struct str text, size_t *at, size_t least, size_t most, int64_t *out) {
    size_t from = *at;
    *out = 0;
    while (*at < text.n && *at - from < most && text.p[*at] >= '0' && text.p[*at] <= '9')
        *out = *out * 10 + (text.p[(*at)++] - '0');
    return *at - from >= least;
}

static int days_in(int64_t year, int64_t month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

bool calendar_parse_date(struct str text, const struct zone *z, struct civil *out) {
    int64_t year, month, day, seconds;
    uint32_t nanos;
    size_t at = 0;
    struct err e = ERR_INIT;
    if (text.n > 10) {
        if (!wallclock_parse(text, z, &seconds, &nanos, &e))
            return false;
        wallclock_local(z, seconds, out);
        return true;
    }
    if (!digits(text, &at, 4, 4, &year) || at == text.n || text.p[at++] != '-' ||
        !digits(text, &at, 2, 2, &month) || at == text.n || text.p[at++] != '-' ||
        !digits(text, &at, 2, 2, &day) || at != text.n)
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    *out = (struct civil){.year = year, .month = (int)month, .day = (int)day};
    return true;
}

bool calendar_parse_time(struct str text, int *minute) {
    int64_t hours, minutes;
    size_t at = 0;
    if (!digits(text, &at, 1, 2, &hours) || at == text.n || text.p[at++] != ':' ||
        !digits(text, &at, 2, 2, &minutes) || at != text.n || hours > 23 || minutes > 59)
        return false;
    *minute = (int)(hours * 60 + minutes);
    return true;
}

static const char *const weekdays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                       "thursday", "friday", "saturday"};
static const char *const months[] = {"january",   "february", "march",    "april",
                                     "may",       "june",     "july",     "august",
                                     "september", "october",  "november", "december"};

/* By its whole name or its first three letters, in any case. */
static bool name_of(struct str text, const char *const *names, int n, int *out) {
    for (int i = 0; i < n; i++) {
        struct str name = str_from(names[i]);
        if (str_eq_nocase(text, name) ||
            (text.n == 3 && str_eq_nocase(text, str_sub(name, 0, 3)))) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool calendar_parse_weekday(struct str text, int *weekday) {
    return name_of(text, weekdays, 7, weekday);
}

/* ---- cron */

struct cron {
    uint64_t minutes;
    uint32_t hours, days, months, weekdays; /* bits; days and months from bit 1 */
    bool any_day, any_weekday;              /* the field begins with a star */
};

static const struct cron_field {
    const char *name;
    int least, most;
    const char *const *names;
    int n_names, first;
} fields[] = {
    {"the minute", 0, 59, NULL, 0, 0},
    {"the hour", 0, 23, NULL, 0, 0},
    {"the day of the month", 1, 31, NULL, 0, 0},
    {"the month", 1, 12, months, 12, 1},
    {"the day of the week", 0, 7, weekdays, 7, 0},
};
#define CRON_FIELDS 5

static bool cron_number(const struct cron_field *f, struct str text, int64_t *out) {
    int named;
    if (f->names && name_of(text, f->names, f->n_names, &named)) {
        *out = named + f->first;
        return true;
    }
    return str_to_int64(text, out) && *out >= f->least && *out <= f->most;
}

/* "*", "5", "1-5", each with "/2" behind it. */
static bool cron_range(const struct cron_field *f, struct str text, uint64_t *bits) {
    int64_t step = 1, from = f->least, to = f->most;
    ptrdiff_t slash = str_find(text, S("/"));
    if (slash >= 0) {
        if (!str_to_int64(str_sub(text, (size_t)slash + 1, text.n), &step) || step < 1 || step > 59)
            return false;
        text = str_sub(text, 0, (size_t)slash);
    }
    ptrdiff_t dash = str_find(text, S("-"));
    if (dash > 0) {
        if (!cron_number(f, str_sub(text, 0, (size_t)dash), &from) ||
            !cron_number(f, str_sub(text, (size_t)dash + 1, text.n), &to) || from > to)
            return false;
    } else if (!str_eq(text, S("*"))) {
        if (!cron_number(f, text, &from))
            return false;
        to = slash >= 0 ? f->most : from;
    }
    for (int64_t i = from; i <= to; i += step)
        *bits |= UINT64_C(1) << i;
    return true;
}

static bool cron_field(const struct cron_field *f, struct str text, uint64_t *bits, struct err *e) {
    size_t from = 0;
    *bits = 0;
    for (size_t i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != ',')
            continue;
        if (!cron_range(f, str_sub(text, from, i), bits))
            return err_set(e, ERR_INPUT,
                           "%s of a schedule is a number from %d to %d, `*`, a range `1-5`, a list "
                           "`1,3` or a step `*/2`, not `%.*s`",
                           f->name, f->least, f->most, STR_FMT(text));
        from = i + 1;
    }
    return true;
}

static struct str nickname(struct str text) {
    static const char *const names[][2] = {
        {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
        {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(text, str_from(names[i][0])))
            return str_from(names[i][1]);
    return text;
}

static bool next_word(struct str text, size_t *at, struct str *word) {
    while (*at < text.n && (text.p[*at] == ' ' || text.p[*at] == '\t'))
        (*at)++;
    size_t from = *at;
    while (*at < text.n && text.p[*at] != ' ' && text.p[*at] != '\t')
        (*at)++;
    *word = str_sub(text, from, *at);
    return word->n > 0;
}

bool cron_parse(struct arena *a, struct str text, const struct cron **out, struct err *e) {
    uint64_t bits[CRON_FIELDS];
    struct str words[CRON_FIELDS], more;
    size_t at = 0, n = 0;
    text = nickname(str_trim(text));
    while (n < CRON_FIELDS && next_word(text, &at, &words[n]))
        n++;
    if (n < CRON_FIELDS || next_word(text, &at, &more))
        return err_set(e, ERR_INPUT,
                       "a schedule has five parts (minute, hour, day of the month, month, day of "
                       "the week), for example `0 9 * * mon`; this is `%.*s`",
                       STR_FMT(text));
    for (size_t i = 0; i < CRON_FIELDS; i++)
        if (!cron_field(&fields[i], words[i], &bits[i], e))
            return false;
    struct cron *c = ARENA_NEW(a, struct cron);
    c->minutes = bits[0];
    c->hours = (uint32_t)bits[1];
    c->days = (uint32_t)bits[2];
    c->months = (uint32_t)bits[3];
    c->weekdays = (uint32_t)(bits[4] | bits[4] >> 7);
    c->any_day = words[2].p[0] == '*';
    c->any_weekday = words[4].p[0] == '*';
    *out = c;
    return true;
}

struct str cron_key(const struct cron *c, struct arena *a) {
    return str_printf(a, "%" PRIx64 " %x %x %x %x %d %d", c->minutes, c->hours, c->days, c->months,
                      c->weekdays, c->any_day, c->any_weekday);
}

static bool cron_day(const struct cron *c, int day, int weekday) {
    bool by_day = c->days >> day & 1, by_weekday = c->weekdays >> weekday & 1;
    return c->any_day || c->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

/* The first instant of the local day that is behind `us`; NEVER: there is none. */
static int64_t cron_in_day(const struct cron *c, const struct zone *z, const struct civil *day,
                           int64_t us) {
    for (int hour = 0; hour < 24; hour++) {
        if (!(c->hours >> hour & 1))
            continue;
        for (int minute = 0; minute < 60; minute++) {
            if (!(c->minutes >> minute & 1))
                continue;
            int64_t at = instant(z, day->year, day->month, day->day, hour * 60 + minute);
            if (at > us)
                return at;
        }
    }
    return NEVER;
}

int64_t cron_next(const struct cron *c, const struct zone *z, int64_t us) {
    struct civil today;
    local(z, us, &today);
    int64_t first = wallclock_days_from_civil(today.year, today.month, today.day);
    for (int64_t day = first; day < first + CRON_YEARS * 366; day++) {
        struct civil d;
        wallclock_utc(day * WALLCLOCK_DAY_S, &d);
        if (!(c->months >> d.month & 1) || !cron_day(c, d.day, d.weekday))
            continue;
        int64_t at = cron_in_day(c, z, &d, us);
        if (at != NEVER)
            return at;
    }
    return NEVER;
}
