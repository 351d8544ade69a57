/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/wallclock.h"
#include "tests/base/check_base.h"

#include <pthread.h>
#include <stdio.h>

#define ZONES 5

static bool leap(int64_t y) {
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Every day from the year -20000 to 20000, counted by hand. */
START_TEST(civil_and_days) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = wallclock_days_from_civil(-20000, 1, 1);
    int weekday = (int)(((days + 4) % 7 + 7) % 7);
    ck_assert_int_eq(wallclock_days_from_civil(1970, 1, 1), 0);
    for (int64_t y = -20000; y <= 20000; y++) {
        int yearday = 0;
        for (int m = 1; m <= 12; m++)
            for (int d = 1; d <= lengths[m - 1] + (m == 2 && leap(y)); d++, days++, yearday++) {
                struct civil c;
                wallclock_utc(days * WALLCLOCK_DAY_S + 86399, &c);
                bool right = wallclock_days_from_civil(y, m, d) == days && c.year == y &&
                             c.month == m && c.day == d && c.weekday == weekday &&
                             c.yearday == yearday && c.hour == 23 && c.minute == 59 &&
                             c.second == 59;
                if (!right)
                    ck_abort_msg("%lld-%d-%d", (long long)y, m, d);
                weekday = (weekday + 1) % 7;
            }
    }
}
END_TEST

START_TEST(fields_may_overflow) {
    struct civil c = {.year = 2026, .month = 14, .day = 0, .hour = 25, .minute = -1, .second = 61};
    struct civil out;
    wallclock_utc(wallclock_from_utc(&c), &out);
    ck_assert_int_eq(out.year, 2027);
    ck_assert_int_eq(out.month, 2); /* the day before 1 February, and 25 hours */
    ck_assert_int_eq(out.day, 1);
    ck_assert_int_eq(out.hour, 1);
    ck_assert_int_eq(out.minute, 0);
    ck_assert_int_eq(out.second, 1);
    ck_assert_int_eq(wallclock_days_from_civil(2026, -11, 1),
                     wallclock_days_from_civil(2025, 1, 1));
    ck_assert_int_eq(wallclock_days_from_civil(2026, 13, 1), wallclock_days_from_civil(2027, 1, 1));
    wallclock_utc(-1, &out);
    ck_assert_int_eq(out.year, 1969);
    ck_assert_int_eq(out.second, 59);
    wallclock_utc(INT64_MIN, &out); /* no undefined behaviour */
    wallclock_utc(INT64_MAX, &out);
}
END_TEST

static const struct {
    const char *in;
    const char *want; /* NULL: refused */
} parses[] = {
    {"2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z"},
    {"2026-11-21t08:00:00z", "2026-11-21T08:00:00Z"},
    {" 2026-11-21 08:00:00+08 ", "2026-11-21T00:00:00Z"},
    {"2026-11-21T08:00:00+08:00", "2026-11-21T00:00:00Z"},
    {"2026-11-21T08:00:00-0330", "2026-11-21T11:30:00Z"},
    {"2026-11-21T08:00Z", "2026-11-21T08:00:00Z"},
    {"2026-11-21T08:00:00.5Z", "2026-11-21T08:00:00.500Z"},
    {"2026-11-21T08:00:00.000001Z", "2026-11-21T08:00:00.000001Z"},
    {"2026-11-21T08:00:00.123456789999Z", "2026-11-21T08:00:00.123456789Z"},
    {"2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"},
    {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
    {"9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"},
    /* without a zone: Asia/Taipei in this table */
    {"2026-11-21T08:00:00", "2026-11-21T00:00:00Z"},
    {"2026-11-21", "2026-11-20T16:00:00Z"},
    {"0001-01-01T00:00:00+00:01", NULL},
    {"0001-01-01", NULL},
    {"9999-12-31T23:59:59-00:01", NULL},
    {"0000-01-01T00:00:00Z", NULL},
    {"2025-02-29T00:00:00Z", NULL},
    {"1900-02-29", NULL},
    {"2026-13-01", NULL},
    {"2026-00-01", NULL},
    {"2026-01-00", NULL},
    {"2026-04-31", NULL},
    {"2026-11-21T24:00:00Z", NULL},
    {"2026-11-21T08:60:00Z", NULL},
    {"2026-11-21T08:00:60Z", NULL},
    {"2026-11-21T08:00:00+24:00", NULL},
    {"2026-11-21T08:00:00+08:60", NULL},
    {"2026-11-21T08:00:00+8", NULL},
    {"2026-11-21T08:00:00.Z", NULL},
    {"2026-11-21T08:00:00 Z", NULL},
    {"2026-11-21T", NULL},
    {"2026-11-21T08", NULL},
    {"2026-11-21x", NULL},
    {"2026-1-1", NULL},
    {"20261121", NULL},
    {"21.11.2026", NULL},
    {"yesterday", NULL},
    {"", NULL},
};

START_TEST(parse_and_format) {
    const struct zone *taipei;
    struct err e = ERR_INIT;
    int64_t seconds;
    uint32_t nanos;
    char text[64];
    ck_assert(wallclock_zone(S("Asia/Taipei"), &taipei, &e));
    bool ok = wallclock_parse(str_from(parses[_i].in), taipei, &seconds, &nanos, &e);
    ck_assert_msg(ok == (parses[_i].want != NULL), "%s", parses[_i].in);
    ck_assert_int_eq(e.kind, ok ? ERR_NONE : ERR_INPUT);
    if (ok) {
        wallclock_format(seconds, nanos, text, sizeof text);
        ck_assert_str_eq(text, parses[_i].want);
    }
}
END_TEST

START_TEST(messages) {
    struct err e = ERR_INIT;
    int64_t seconds;
    uint32_t nanos;
    ck_assert(!wallclock_parse(S("2026-11-21"), NULL, &seconds, &nanos, &e));
    ck_assert_str_eq(e.text, "`2026-11-21` has no time zone; add Z or an offset such as +08:00");
    ck_assert(!wallclock_parse(STR_NONE, NULL, &seconds, &nanos, &e));
    ck_assert_str_eq(e.text, "`` is not a time; write it as 2026-11-21T08:00:00Z or 2026-11-21");
    ck_assert(!wallclock_parse_span(S("1 fortnight"), &seconds, &e));
    ck_assert_str_eq(
        e.text, "`1 fortnight` is not a span of time; write a number and w, d, h, m or s, such as "
                "30d, 12h or 1d12h (at most 100 years)");
}
END_TEST

static const struct {
    const char *in;
    int64_t seconds; /* 0: refused */
} spans[] = {
    {"30d", 30 * 86400},
    {"2w", 14 * 86400},
    {"12h", 43200},
    {"90m", 5400},
    {"45s", 45},
    {"1d12h", 129600},
    {" 1d ", 86400},
    {"1w2d3h4m5s", 788645},
    {"1d0h", 86400},
    {"36600d", 36600 * 86400L},
    {"36601d", 0},
    {"99999999999999999999s", 0},
    {"0d", 0},
    {"", 0},
    {"d", 0},
    {"1", 0},
    {"1h1d", 0},
    {"1d1d", 0},
    {"-1d", 0},
    {"1.5d", 0},
    {"1D", 0},
    {"1 d", 0},
    {"1y", 0},
    {"36600d1s", 0},
};

START_TEST(parse_spans) {
    int64_t us = 0;
    struct err e = ERR_INIT;
    ck_assert_msg(wallclock_parse_span(str_from(spans[_i].in), &us, &e) == (spans[_i].seconds != 0),
                  "%s", spans[_i].in);
    ck_assert_int_eq(us, spans[_i].seconds * WALLCLOCK_US_PER_S);
}
END_TEST

static const struct {
    int64_t nanos;
    const char *want;
} durations[] = {
    {0, "0s"},
    {90000000000, "90s"},
    {1500000000, "1.5s"},
    {-250000000, "-0.25s"},
    {1, "0.000000001s"},
    {INT64_MAX, "9223372036.854775807s"},
    {INT64_MIN, "-9223372036.854775808s"},
};

START_TEST(format_durations) {
    char text[64], small[4];
    wallclock_format_duration(durations[_i].nanos, text, sizeof text);
    ck_assert_str_eq(text, durations[_i].want);
    wallclock_format_duration(durations[_i].nanos, small, sizeof small); /* cut, not overrun */
    ck_assert_uint_lt(strlen(small), sizeof small);
}
END_TEST

static const char *const bad_zones[] = {
    "",
    "/etc/passwd",
    "../../etc/passwd",
    "Asia/../Asia/Taipei",
    "Asia/Taipeh",
    "Asia",
    "asia/taipei\n",
    "Asia/Taipei\t",
    "right/UTC",
    "zone.tab",
    "UTC+25:00",
    "a-name-that-is-longer-than-the-sixty-three-characters-that-fit-here",
};

START_TEST(zones_refused) {
    const struct zone *z;
    struct err e = ERR_INIT;
    ck_assert_msg(!wallclock_zone(str_from(bad_zones[_i]), &z, &e), "%s", bad_zones[_i]);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert(!wallclock_zone(S("UTC\0x"), &z, &e));
    ck_assert(!wallclock_zone(STR_NONE, &z, &e));
}
END_TEST

/* The rules for local times that do not exist or exist twice; zones.py has the rest. */
static const struct {
    const char *zone, *local, *utc;
} locals[] = {
    {"Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z"}, /* gap: 03:30 summer time */
    {"Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"}, /* twice: the first */
    {"Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T22:00:00Z"},  /* a day that never was */
    {"Asia/Taipei", "2026-11-21T08:00:00", "2026-11-21T00:00:00Z"},
    {"America/New_York", "2199-07-01T12:00:00", "2199-07-01T16:00:00Z"},
    {"UTC", "2026-11-21T08:00:00", "2026-11-21T08:00:00Z"},
};

START_TEST(local_times) {
    const struct zone *z, *again;
    struct err e = ERR_INIT;
    int64_t seconds;
    uint32_t nanos;
    char text[64];
    ck_assert(wallclock_zone(str_from(locals[_i].zone), &z, &e));
    ck_assert(wallclock_zone(str_from(locals[_i].zone), &again, &e) && z == again);
    ck_assert(str_eq(wallclock_zone_name(z), str_from(locals[_i].zone)));
    ck_assert(wallclock_parse(str_from(locals[_i].local), z, &seconds, &nanos, &e));
    wallclock_format(seconds, nanos, text, sizeof text);
    ck_assert_str_eq(text, locals[_i].utc);
}
END_TEST

static void *load_zones(void *got) {
    static const char *const names[] = {"Asia/Taipei", "Europe/Berlin", "UTC", "America/Lima",
                                        "Africa/Lagos"};
    const struct zone **out = got;
    struct err e = ERR_INIT;
    for (int i = 0; i < ZONES; i++)
        if (!wallclock_zone(str_from(names[i]), &out[i], &e))
            out[i] = NULL;
    return NULL;
}

START_TEST(zones_from_many_threads) {
    const struct zone *got[8][ZONES];
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, load_zones, got[i]), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < ZONES; j++)
            ck_assert(got[i][j] && got[i][j] == got[0][j]);
}
END_TEST

Suite *suite_wallclock(void) {
    Suite *s = suite_create("wallclock");
    TCase *t = tcase_create("wallclock");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, civil_and_days);
    tcase_add_test(t, fields_may_overflow);
    tcase_add_loop_test(t, parse_and_format, 0, COUNT(parses));
    tcase_add_test(t, messages);
    tcase_add_loop_test(t, parse_spans, 0, COUNT(spans));
    tcase_add_loop_test(t, format_durations, 0, COUNT(durations));
    tcase_add_loop_test(t, zones_refused, 0, COUNT(bad_zones));
    tcase_add_test(t, zones_from_many_threads);
    tcase_add_loop_test(t, local_times, 0, COUNT(locals));
    suite_add_tcase(s, t);
    return s;
}
