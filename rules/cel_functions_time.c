/* SPDX-License-Identifier: Apache-2.0
 *
 * Timestamps and durations: reading, writing, and their parts in a time zone.
 */
#include "config.h"

#include "rules/cel_internal.h"

#include "base/wallclock.h"

#define NANOS_PER_S INT64_C(1000000000)
#define FIRST_SECOND INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define LAST_SECOND INT64_C(253402300799)  /* 9999-12-31T23:59:59Z */

#define ARGS struct cel_run *run, const struct cel_node *n, const struct value *args

/* ---- reading and writing */
/* RFC 3339 and nothing else: 2026-11-21T08:00:00[.123]Z or with +hh:mm. */
static bool is_rfc3339(struct str s) {
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    size_t i = 0;
    for (; form[i]; i++) {
        if (i >= s.n)
            return false;
        bool digit = s.p[i] >= '0' && s.p[i] <= '9';
        if (form[i] == 'd' ? !digit : form[i] == 'T' ? (s.p[i] | 0x20) != 't' : s.p[i] != form[i])
            return false;
    }
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
            i++;
    if (i >= s.n)
        return false;
    return ((s.p[i] | 0x20) == 'z' && i + 1 == s.n) ||
           ((s.p[i] == '+' || s.p[i] == '-') && i + 6 == s.n && s.p[i + 3] == ':');
}

bool cel_parse_timestamp(struct str s, struct value *out) {
    int64_t seconds;
    uint32_t nanos;
    struct err e;
    if (!is_rfc3339(s) || !wallclock_parse(s, NULL, &seconds, &nanos, &e))
        return false;
    *out = value_timestamp(seconds, nanos);
    return true;
}

/* Adds digits[.digits] of a unit to *total (in nanoseconds, negative: the range of
 * int64 is larger on that side). */
static bool add_unit(struct str digits, struct str fraction, int64_t unit, int64_t *total) {
    int64_t whole = 0, part = 0, scale = unit;
    for (size_t i = 0; i < digits.n; i++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_sub_overflow(whole, (int64_t)(digits.p[i] - '0'), &whole))
            return false;
    for (size_t i = 0; i < fraction.n && scale >= 10; i++) {
        scale /= 10;
        part -= (fraction.p[i] - '0') * scale;
    }
    return !__builtin_mul_overflow(whole, unit, &whole) &&
           !__builtin_add_overflow(whole, part, &whole) &&
           !__builtin_add_overflow(*total, whole, total);
}

static bool unit_of(struct str s, size_t *length, int64_t *unit) {
    static const struct {
        struct str name;
        int64_t nanos;
    } units[] = {{S("ns"), 1},
                 {S("us"), 1000},
                 {S("\xc2\xb5s"), 1000},
                 {S("\xce\xbcs"), 1000},
                 {S("ms"), 1000000},
                 {S("s"), NANOS_PER_S},
                 {S("m"), 60 * NANOS_PER_S},
                 {S("h"), 3600 * NANOS_PER_S}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (str_starts(s, units[i].name)) {
            *length = units[i].name.n;
            *unit = units[i].nanos;
            return true;
        }
    return false;
}

static struct str digits_of(struct str s) {
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return str_sub(s, 0, n);
}

/* "1h30m", "-1.5s", "10ms", "0" */
bool cel_parse_duration(struct str s, int64_t *nanos) {
    bool negative = s.n && s.p[0] == '-';
    int64_t total = 0;
    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
        s = str_sub(s, 1, s.n);
    if (str_eq(s, S("0"))) {
        *nanos = 0;
        return true;
    }
    if (!s.n)
        return false;
    while (s.n) {
        struct str whole = digits_of(s), fraction = STR_NONE;
        size_t length = 0;
        int64_t unit = 0;
        s = str_sub(s, whole.n, s.n);
        if (s.n && s.p[0] == '.') {
            fraction = digits_of(str_sub(s, 1, s.n));
            s = str_sub(s, 1 + fraction.n, s.n);
        }
        if (whole.n + fraction.n == 0 || !unit_of(s, &length, &unit) ||
            !add_unit(whole, fraction, unit, &total))
            return false;
        s = str_sub(s, length, s.n);
    }
    if (!negative && total == INT64_MIN)
        return false;
    *nanos = negative ? total : -total;
    return true;
}

void cel_format_time(struct buf *out, struct value v) {
    char tmp[64];
    if (v.type == V_DURATION) {
        wallclock_format_duration(v.u.i, tmp, sizeof tmp);
        buf_add_str(out, str_from(tmp));
        return;
    }
    wallclock_format(v.u.i, v.aux, tmp, sizeof tmp);
    struct str s = str_from(tmp);
    s.n--; /* the Z; a fraction has as many digits as it needs */
    while (v.aux && s.n && s.p[s.n - 1] == '0')
        s.n--;
    buf_add_str(out, s);
    buf_add_char(out, 'Z');
}

struct value cel_timestamp_add(struct cel_run *run, struct value t, int64_t nanos) {
    int64_t seconds = nanos / NANOS_PER_S, rest = nanos % NANOS_PER_S + t.aux;
    if (rest < 0) {
        rest += NANOS_PER_S;
        seconds--;
    } else if (rest >= NANOS_PER_S) {
        rest -= NANOS_PER_S;
        seconds++;
    }
    if (__builtin_add_overflow(seconds, t.u.i, &seconds) || seconds < FIRST_SECOND ||
        seconds > LAST_SECOND)
        return cel_fail(run, "the result is outside the years 0001 to 9999");
    return value_timestamp(seconds, (uint32_t)rest);
}

static struct value same(ARGS) {
    (void)run;
    (void)n;
    return args[0];
}

static struct value timestamp_of_string(ARGS) {
    (void)n;
    struct value v;
    if (cel_parse_timestamp(value_text(args[0]), &v))
        return v;
    return cel_fail(run, "`%.*s` is not a time; write it as 2026-11-21T08:00:00Z",
                    (int)(args[0].aux < 60 ? args[0].aux : 60), args[0].aux ? args[0].u.p : "");
}

static struct value timestamp_of_int(ARGS) {
    (void)n;
    int64_t s = args[0].u.i;
    return s < FIRST_SECOND || s > LAST_SECOND
               ? cel_fail(run, "the time is outside the years 0001 to 9999")
               : value_timestamp(s, 0);
}

static struct value duration_of_string(ARGS) {
    (void)n;
    int64_t nanos;
    if (cel_parse_duration(value_text(args[0]), &nanos))
        return value_duration(nanos);
    return cel_fail(run, "`%.*s` is not a duration; write it as 36h, 1h30m or 90s",
                    (int)(args[0].aux < 60 ? args[0].aux : 60), args[0].aux ? args[0].u.p : "");
}

/* ---- parts of a timestamp */
/* "+08:00", "-09:30", "02:00" */
static bool fixed_offset(struct str s, int64_t *seconds) {
    int sign = s.n && s.p[0] == '-' ? -1 : 1;
    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
        s = str_sub(s, 1, s.n);
    if (s.n != 5 || digits_of(s).n != 2 || s.p[2] != ':' || digits_of(str_sub(s, 3, 5)).n != 2)
        return false;
    int h = (s.p[0] - '0') * 10 + s.p[1] - '0', m = (s.p[3] - '0') * 10 + s.p[4] - '0';
    *seconds = sign * (h * 3600 + m * 60);
    return h <= 23 && m <= 59;
}

/* The local time at args[0] in the zone args[1], or in UTC. */
static bool local(ARGS, struct civil *c, struct value *error) {
    int64_t offset = 0;
    if (n->n_args == 1 || fixed_offset(value_text(args[1]), &offset)) {
        wallclock_utc(args[0].u.i + offset, c);
        return true;
    }
    const struct zone *z;
    struct err e = ERR_INIT;
    if (!wallclock_zone(value_text(args[1]), &z, &e)) {
        *error = cel_fail(run, "%s", e.text);
        return false;
    }
    wallclock_local(z, args[0].u.i, c);
    return true;
}

#define PART(name, expression)                                                  \
    static struct value name(ARGS) {                                            \
        struct civil c;                                                         \
        struct value error;                                                     \
        return local(run, n, args, &c, &error) ? value_int(expression) : error; \
    }

PART(full_year, c.year)
PART(month, c.month - 1)
PART(date, c.day)
PART(day_of_month, c.day - 1)
PART(day_of_week, c.weekday)
PART(day_of_year, c.yearday)
PART(hours, c.hour)
PART(minutes, c.minute)
PART(seconds, c.second)
PART(milliseconds, args[0].aux / 1000000)

/* ---- parts of a duration */
static struct value duration_hours(ARGS) {
    (void)run;
    (void)n;
    return value_int(args[0].u.i / (3600 * NANOS_PER_S));
}

static struct value duration_minutes(ARGS) {
    (void)run;
    (void)n;
    return value_int(args[0].u.i / (60 * NANOS_PER_S));
}

static struct value duration_seconds(ARGS) {
    (void)run;
    (void)n;
    return value_int(args[0].u.i / NANOS_PER_S);
}

static struct value duration_milliseconds(ARGS) {
    (void)run;
    (void)n;
    return value_int(args[0].u.i / 1000000 % 1000);
}

const struct cel_function cel_functions_time[] = {
    {"timestamp", "t", "t", same},
    {"timestamp", "s", "t", timestamp_of_string},
    {"timestamp", "i", "t", timestamp_of_int},
    {"duration", "p", "p", same},
    {"duration", "s", "p", duration_of_string},
    {"getFullYear", ".t", "i", full_year},
    {"getFullYear", ".ts", "i", full_year},
    {"getMonth", ".t", "i", month},
    {"getMonth", ".ts", "i", month},
    {"getDate", ".t", "i", date},
    {"getDate", ".ts", "i", date},
    {"getDayOfMonth", ".t", "i", day_of_month},
    {"getDayOfMonth", ".ts", "i", day_of_month},
    {"getDayOfWeek", ".t", "i", day_of_week},
    {"getDayOfWeek", ".ts", "i", day_of_week},
    {"getDayOfYear", ".t", "i", day_of_year},
    {"getDayOfYear", ".ts", "i", day_of_year},
    {"getHours", ".t", "i", hours},
    {"getHours", ".ts", "i", hours},
    {"getHours", ".p", "i", duration_hours},
    {"getMinutes", ".t", "i", minutes},
    {"getMinutes", ".ts", "i", minutes},
    {"getMinutes", ".p", "i", duration_minutes},
    {"getSeconds", ".t", "i", seconds},
    {"getSeconds", ".ts", "i", seconds},
    {"getSeconds", ".p", "i", duration_seconds},
    {"getMilliseconds", ".t", "i", milliseconds},
    {"getMilliseconds", ".ts", "i", milliseconds},
    {"getMilliseconds", ".p", "i", duration_milliseconds},
    {0},
};
