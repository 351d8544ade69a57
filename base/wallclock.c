/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/wallclock.h"

#include "base/fault.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

int64_t wallclock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    fault_clock(&t);
    return t.tv_sec * WALLCLOCK_US_PER_S + t.tv_nsec / 1000;
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* Howard Hinnant's days_from_civil, years counted from March. */
int64_t wallclock_days_from_civil(int64_t y, int m, int d) {
    int64_t months = (int64_t)m - 1;
    y += floor_div(months, 12);
    m = (int)(months - floor_div(months, 12) * 12) + 1;
    y -= m <= 2;
    int64_t era = floor_div(y, 400);
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy + d - 1 - 719468;
}

void wallclock_utc(int64_t seconds, struct civil *out) {
    int64_t days = floor_div(seconds, WALLCLOCK_DAY_S);
    int64_t rest = (seconds % WALLCLOCK_DAY_S + WALLCLOCK_DAY_S) % WALLCLOCK_DAY_S;
    int64_t z = days + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *out = (struct civil){.zone = "UTC"};
    out->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    out->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    out->year = yoe + era * 400 + (out->month <= 2);
    out->hour = (int)(rest / 3600);
    out->minute = (int)(rest / 60 % 60);
    out->second = (int)(rest % 60);
    out->weekday = (int)(((days + 4) % 7 + 7) % 7);
    out->yearday = (int)(days - wallclock_days_from_civil(out->year, 1, 1));
}

int64_t wallclock_from_utc(const struct civil *c) {
    return wallclock_days_from_civil(c->year, c->month, c->day) * WALLCLOCK_DAY_S +
           (int64_t)c->hour * 3600 + (int64_t)c->minute * 60 + c->second;
}

void wallclock_format(int64_t seconds, uint32_t nanos, char *out, size_t cap) {
    struct civil c;
    wallclock_utc(seconds, &c);
    char fraction[12] = "";
    if (nanos % 1000000 == 0 && nanos)
        snprintf(fraction, sizeof fraction, ".%03u", nanos / 1000000);
    else if (nanos % 1000 == 0 && nanos)
        snprintf(fraction, sizeof fraction, ".%06u", nanos / 1000);
    else if (nanos)
        snprintf(fraction, sizeof fraction, ".%09u", nanos);
    snprintf(out, cap, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d%sZ", c.year, c.month, c.day, c.hour,
             c.minute, c.second, fraction);
}

void wallclock_format_duration(int64_t nanos, char *out, size_t cap) {
    uint64_t u = nanos < 0 ? -(uint64_t)nanos : (uint64_t)nanos;
    uint64_t rest = u % 1000000000u;
    int n = snprintf(out, cap, "%s%" PRIu64, nanos < 0 ? "-" : "", u / 1000000000u);
    if (rest && n > 0 && (size_t)n < cap) {
        int width = 9;
        while (rest % 10 == 0) {
            rest /= 10;
            width--;
        }
        n += snprintf(out + n, cap - (size_t)n, ".%0*" PRIu64, width, rest);
    }
    if (n > 0 && (size_t)n < cap)
        snprintf(out + n, cap - (size_t)n, "s");
}

/* ---- parsing */
static bool digits(struct str *s, size_t n, int *out) {
    if (s->n < n)
        return false;
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    *out = v;
    *s = str_of(s->p + n, s->n - n);
    return true;
}

static bool eat(struct str *s, const char *any) {
    if (!s->n || !strchr(any, s->p[0]) || !s->p[0])
        return false;
    *s = str_of(s->p + 1, s->n - 1);
    return true;
}

static int days_in_month(int64_t y, int m) {
    return (int)(wallclock_days_from_civil(y, m + 1, 1) - wallclock_days_from_civil(y, m, 1));
}

static bool parse_date(struct str *s, struct civil *c) {
    int y;
    if (!digits(s, 4, &y) || !eat(s, "-") || !digits(s, 2, &c->month) || !eat(s, "-") ||
        !digits(s, 2, &c->day))
        return false;
    c->year = y;
    return y >= 1 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= days_in_month(y, c->month);
}

static bool parse_time(struct str *s, struct civil *c, uint32_t *nanos) {
    if (!digits(s, 2, &c->hour) || !eat(s, ":") || !digits(s, 2, &c->minute))
        return false;
    if (eat(s, ":")) {
        if (!digits(s, 2, &c->second))
            return false;
        if (eat(s, ".")) {
            uint32_t scale = 100000000;
            int d;
            if (!s->n || s->p[0] < '0' || s->p[0] > '9')
                return false;
            for (; digits(s, 1, &d); scale /= 10)
                *nanos += (uint32_t)d * scale; /* scale 0: finer than we keep */
        }
    }
    return c->hour <= 23 && c->minute <= 59 && c->second <= 59;
}

/* "Z", "+08:00", "+0800", "+08"; *known says whether there was one. */
static bool parse_offset(struct str *s, bool *known, int64_t *offset) {
    *known = true;
    *offset = 0;
    if (eat(s, "Zz"))
        return true;
    int h, m = 0, sign = s->n && s->p[0] == '-' ? -1 : 1;
    if (!eat(s, "+-")) {
        *known = false;
        return true;
    }
    if (!digits(s, 2, &h))
        return false;
    if (eat(s, ":") || s->n) {
        if (!digits(s, 2, &m))
            return false;
    }
    *offset = sign * (h * 3600 + m * 60);
    return h <= 23 && m <= 59;
}

bool wallclock_parse(struct str text, const struct zone *z, int64_t *seconds, uint32_t *nanos,
                     struct err *e) {
    struct str s = str_trim(text);
    struct civil c = {0};
    uint32_t ns = 0;
    bool known = false;
    int64_t offset = 0;
    bool ok = parse_date(&s, &c);
    if (ok && s.n)
        ok = eat(&s, "Tt ") && parse_time(&s, &c, &ns) && parse_offset(&s, &known, &offset);
    if (!ok || s.n)
        return err_set(e, ERR_INPUT,
                       "`%.*s` is not a time; write it as 2026-11-21T08:00:00Z or 2026-11-21",
                       (int)(text.n < 60 ? text.n : 60), text.p ? text.p : "");
    if (!known && !z)
        return err_set(e, ERR_INPUT, "`%.*s` has no time zone; add Z or an offset such as +08:00",
                       (int)(text.n < 60 ? text.n : 60), text.p);
    *seconds = known ? wallclock_from_utc(&c) - offset : wallclock_from_local(z, &c);
    *nanos = ns;
    if (*seconds < INT64_C(-62135596800) || *seconds > INT64_C(253402300799))
        return err_set(e, ERR_INPUT, "`%.*s` is outside the years 0001 to 9999", STR_FMT(text));
    return true;
}

bool wallclock_parse_span(struct str text, int64_t *us, struct err *e) {
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    const int64_t most = 100 * 366 * WALLCLOCK_DAY_S;
    struct str s = str_trim(text);
    int64_t total = 0;
    size_t next_unit = 0;
    bool ok = s.n > 0;
    while (ok && s.n) {
        int64_t v = 0;
        int d;
        ok = s.p[0] >= '0' && s.p[0] <= '9';
        while (ok && digits(&s, 1, &d))
            if ((v = v * 10 + d) > most)
                v = most + 1;
        ok = ok && s.n && v <= most;
        while (ok && next_unit < 5 && units[next_unit].unit != s.p[0])
            next_unit++;
        ok = ok && next_unit < 5;
        if (ok) {
            total += v * units[next_unit++].seconds;
            s = str_of(s.p + 1, s.n - 1);
            ok = total <= most;
        }
    }
    if (!ok || total == 0)
        return err_set(e, ERR_INPUT,
                       "`%.*s` is not a span of time; write a number and w, d, h, m or s, such as "
                       "30d, 12h or 1d12h (at most 100 years)",
                       (int)(text.n < 60 ? text.n : 60), text.p ? text.p : "");
    *us = total * WALLCLOCK_US_PER_S;
    return true;
}
