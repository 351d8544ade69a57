/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/calendar.h"

#include "base/arena.h"
#include "tests/base/check_base.h"

#include <stdio.h>
#include <string.h>

static struct arena *arena;

static void setup(void) {
    arena = arena_new(0);
}

static void teardown(void) {
    arena_free(arena);
}

static const struct zone *zone(const char *name) {
    const struct zone *z;
    struct err e = ERR_INIT;
    if (!wallclock_zone(str_from(name), &z, &e))
        ck_abort_msg("%s", e.text);
    return z;
}

static int64_t us(const char *text) {
    int64_t seconds;
    uint32_t nanos;
    struct err e = ERR_INIT;
    if (!wallclock_parse(str_from(text), NULL, &seconds, &nanos, &e))
        ck_abort_msg("%s: %s", text, e.text);
    return seconds * WALLCLOCK_US_PER_S + nanos / 1000;
}

static void same(const char *what, int64_t got, const char *wanted) {
    char text[48] = "never";
    if (got != INT64_MAX)
        wallclock_format(got / WALLCLOCK_US_PER_S, (uint32_t)(got % WALLCLOCK_US_PER_S) * 1000,
                         text, sizeof text);
    if (strcmp(text, wanted) != 0)
        ck_abort_msg("%s: got %s, wanted %s", what, text, wanted);
}

/* ---- days keep the time of day */

static const struct {
    const char *zone, *at;
    int days;
    const char *wanted;
} adds[] = {
    {"UTC", "2026-01-31T10:00:00Z", 1, "2026-02-01T10:00:00Z"},
    {"UTC", "2028-02-28T10:00:00Z", 1, "2028-02-29T10:00:00Z"},
    {"UTC", "2027-02-28T10:00:00Z", 1, "2027-03-01T10:00:00Z"},
    {"UTC", "2026-12-31T23:59:59.5Z", 1, "2027-01-01T23:59:59.500Z"},
    /* New York: 8 March 2026 has 23 hours, 1 November 25 */
    {"America/New_York", "2026-03-07T15:00:00Z", 1, "2026-03-08T14:00:00Z"},
    {"America/New_York", "2026-10-31T14:00:00Z", 1, "2026-11-01T15:00:00Z"},
    /* 02:30 does not exist on 8 March: 03:30 */
    {"America/New_York", "2026-03-07T07:30:00Z", 1, "2026-03-08T07:30:00Z"},
    /* 01:30 comes twice on 1 November: the first */
    {"America/New_York", "2026-10-31T05:30:00Z", 1, "2026-11-01T05:30:00Z"},
    /* Lord Howe moves by half an hour */
    {"Australia/Lord_Howe", "2026-04-04T00:00:00Z", 1, "2026-04-05T00:30:00Z"},
    {"Pacific/Kiritimati", "2026-05-01T10:00:00Z", 30, "2026-05-31T10:00:00Z"},
    {"Pacific/Pago_Pago", "2026-05-01T10:00:00Z", 30, "2026-05-31T10:00:00Z"},
    {"Asia/Kathmandu", "2026-05-01T10:00:00Z", -1, "2026-04-30T10:00:00Z"},
    /* Samoa had no 30 December 2011 */
    {"Pacific/Apia", "2011-12-29T22:00:00Z", 1, "2011-12-30T22:00:00Z"},
    {"Pacific/Apia", "2011-12-29T22:00:00Z", 2, "2011-12-30T22:00:00Z"},
};

START_TEST(adding_days) {
    const struct zone *z = zone(adds[_i].zone);
    same(adds[_i].zone, calendar_add_days(z, us(adds[_i].at), adds[_i].days), adds[_i].wanted);
}
END_TEST

/* ---- the next time of day */

#define MON 2u
#define SUN 1u

static const struct {
    const char *zone, *at;
    int hour, minute;
    unsigned weekdays;
    const char *wanted;
} times[] = {
    {"UTC", "2026-11-21T08:00:00Z", 9, 0, 0, "2026-11-21T09:00:00Z"},
    {"UTC", "2026-11-21T09:00:00Z", 9, 0, 0, "2026-11-22T09:00:00Z"}, /* behind, not at */
    {"UTC", "2026-11-21T09:00:00Z", 9, 0, MON, "2026-11-23T09:00:00Z"},
    {"UTC", "2026-11-23T09:00:00Z", 9, 0, MON, "2026-11-30T09:00:00Z"},
    {"Asia/Taipei", "2026-11-21T02:00:00Z", 9, 0, 0, "2026-11-22T01:00:00Z"},
    {"Pacific/Kiritimati", "2026-11-21T10:30:00Z", 0, 0, SUN, "2026-11-28T10:00:00Z"},
    {"Pacific/Kiritimati", "2026-11-21T09:30:00Z", 0, 0, SUN, "2026-11-21T10:00:00Z"},
    {"Pacific/Pago_Pago", "2026-11-21T10:30:00Z", 9, 0, 0, "2026-11-21T20:00:00Z"},
    {"America/New_York", "2026-03-08T05:00:00Z", 2, 30, 0, "2026-03-08T07:30:00Z"}, /* 03:30 */
    {"America/New_York", "2026-11-01T04:30:00Z", 1, 30, 0, "2026-11-01T05:30:00Z"},
    {"America/New_York", "2026-11-01T05:45:00Z", 1, 30, 0, "2026-11-02T06:30:00Z"}, /* once */
};

START_TEST(next_time) {
    int64_t got = calendar_next_time(zone(times[_i].zone), us(times[_i].at),
                                     times[_i].hour * 60 + times[_i].minute, times[_i].weekdays);
    same(times[_i].at, got, times[_i].wanted);
}
END_TEST

/* ---- birthdays */

static const struct {
    const char *zone, *date;
    int shift;
    const char *at, *wanted;
} years[] = {
    {"UTC", "1990-05-04", 0, "2026-05-04T08:59:59Z", "2026-05-04T09:00:00Z"},
    {"UTC", "1990-05-04", 0, "2026-05-04T09:00:00Z", "2027-05-04T09:00:00Z"},
    {"UTC", "1992-02-29", 0, "2026-02-01T00:00:00Z", "2026-02-28T09:00:00Z"},
    {"UTC", "1992-02-29", 0, "2028-02-01T00:00:00Z", "2028-02-29T09:00:00Z"},
    {"UTC", "1992-02-29", 0, "2028-02-28T10:00:00Z", "2028-02-29T09:00:00Z"},
    {"UTC", "1992-02-29", 1, "2027-02-01T00:00:00Z", "2027-03-01T09:00:00Z"},
    {"UTC", "2000-01-05", -30, "2026-06-01T00:00:00Z", "2026-12-06T09:00:00Z"},
    {"UTC", "2000-12-20", 30, "2026-01-01T00:00:00Z", "2026-01-19T09:00:00Z"},
    {"UTC", "2000-12-20", 30, "2026-01-20T00:00:00Z", "2027-01-19T09:00:00Z"},
    {"UTC", "2000-03-01", -400, "2026-01-01T00:00:00Z", "2026-01-25T09:00:00Z"},
    {"UTC", "2040-03-01", 0, "2026-01-01T00:00:00Z", "2026-03-01T09:00:00Z"},
    {"Pacific/Kiritimati", "1990-01-01", 0, "2026-12-31T18:59:00Z", "2026-12-31T19:00:00Z"},
    {"Pacific/Pago_Pago", "1990-01-01", 0, "2026-12-31T18:59:00Z", "2027-01-01T20:00:00Z"},
    {"America/Sao_Paulo", "1990-10-16", 0, "2016-10-01T00:00:00Z", "2016-10-16T11:00:00Z"},
};

START_TEST(yearly) {
    const struct zone *z = zone(years[_i].zone);
    struct civil date;
    ck_assert(calendar_parse_date(str_from(years[_i].date), z, &date));
    int64_t got = calendar_next_yearly(z, &date, years[_i].shift, 9 * 60, us(years[_i].at));
    same(years[_i].date, got, years[_i].wanted);
}
END_TEST

/* ---- windows */

static const struct {
    const char *zone;
    int from, to; /* hours */
    unsigned weekdays;
    const char *at, *wanted;
} windows[] = {
    {"UTC", 9, 21, 0, "2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z"},
    {"UTC", 9, 21, 0, "2026-11-21T09:00:00Z", "2026-11-21T09:00:00Z"},
    {"UTC", 9, 21, 0, "2026-11-21T21:00:00Z", "2026-11-22T09:00:00Z"},
    {"UTC", 9, 21, 0, "2026-11-21T03:00:00Z", "2026-11-21T09:00:00Z"},
    {"UTC", 9, 21, MON, "2026-11-21T12:00:00Z", "2026-11-23T09:00:00Z"},
    {"UTC", 20, 2, 0, "2026-11-21T01:00:00Z", "2026-11-21T01:00:00Z"}, /* since yesterday */
    {"UTC", 20, 2, 0, "2026-11-21T02:00:00Z", "2026-11-21T20:00:00Z"},
    {"UTC", 20, 2, MON, "2026-11-24T01:00:00Z", "2026-11-24T01:00:00Z"}, /* Monday's */
    {"UTC", 20, 2, MON, "2026-11-23T01:00:00Z", "2026-11-23T20:00:00Z"},
    {"Asia/Taipei", 9, 21, 0, "2026-11-21T13:30:00Z", "2026-11-22T01:00:00Z"},
    {"America/New_York", 3, 5, 0, "2026-03-08T06:30:00Z", "2026-03-08T07:00:00Z"},
    {"UTC", 0, 0, 0, "2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z"},
    {"UTC", 0, 0, MON, "2026-11-21T12:00:00Z", "2026-11-23T00:00:00Z"},
};

START_TEST(in_window) {
    int64_t got =
        calendar_in_window(zone(windows[_i].zone), us(windows[_i].at), windows[_i].from * 60,
                           windows[_i].to * 60, windows[_i].weekdays);
    same(windows[_i].at, got, windows[_i].wanted);
}
END_TEST

START_TEST(starts) {
    const struct zone *z = zone("Asia/Taipei");
    int64_t at = us("2026-11-21T17:30:00Z"); /* Sunday 22 November 01:30 */
    same("day", calendar_start_of(z, at, CALENDAR_DAY), "2026-11-21T16:00:00Z");
    same("week", calendar_start_of(z, at, CALENDAR_WEEK), "2026-11-15T16:00:00Z");
    same("month", calendar_start_of(z, at, CALENDAR_MONTH), "2026-10-31T16:00:00Z");
    z = zone("America/New_York");
    same("short day", calendar_start_of(z, us("2026-03-08T20:00:00Z"), CALENDAR_DAY),
         "2026-03-08T05:00:00Z");
}
END_TEST

/* ---- reading */

START_TEST(reading) {
    static const struct {
        const char *text;
        int minute; /* -1: refused */
    } clock[] = {{"09:00", 540}, {"9:05", 545}, {"23:59", 1439}, {"00:00", 0}, {"24:00", -1},
                 {"9:5", -1},    {"9", -1},     {"12:60", -1},   {"", -1},     {"09:00 ", -1}};
    static const struct {
        const char *text;
        bool good;
    } dates[] = {{"1990-02-28", true},  {"1990-02-29", false}, {"1992-02-29", true},
                 {"1990-13-01", false}, {"1990-1-1", false},   {"0000-01-01", false},
                 {"1990-04-31", false}, {"", false},           {"1990-04-30T22:00:00Z", true},
                 {"1990-04-30T", false}};
    struct civil c;
    int got;
    for (int i = 0; i < COUNT(clock); i++) {
        bool good = calendar_parse_time(str_from(clock[i].text), &got);
        if (good != (clock[i].minute >= 0) || (good && got != clock[i].minute))
            ck_abort_msg("time `%s`", clock[i].text);
    }
    for (int i = 0; i < COUNT(dates); i++)
        if (calendar_parse_date(str_from(dates[i].text), zone("Asia/Taipei"), &c) != dates[i].good)
            ck_abort_msg("date `%s`", dates[i].text);
    ck_assert(calendar_parse_date(S("1990-04-30T22:00:00Z"), zone("Asia/Taipei"), &c));
    ck_assert_int_eq(c.month, 5);
    ck_assert_int_eq(c.day, 1);
    ck_assert(calendar_parse_weekday(S("Mon"), &got) && got == 1);
    ck_assert(calendar_parse_weekday(S("SUNDAY"), &got) && got == 0);
    ck_assert(!calendar_parse_weekday(S("mo"), &got));
}
END_TEST

/* ---- cron */

static const struct {
    const char *text, *zone, *at, *wanted;
} crons[] = {
    {"0 9 * * mon", "UTC", "2026-11-21T00:00:00Z", "2026-11-23T09:00:00Z"},
    {"0 9 * * MON-FRI", "UTC", "2026-11-20T09:00:00Z", "2026-11-23T09:00:00Z"},
    {"*/15 * * * *", "UTC", "2026-11-21T10:15:00Z", "2026-11-21T10:30:00Z"},
    {"5/20 * * * *", "UTC", "2026-11-21T10:26:00Z", "2026-11-21T10:45:00Z"},
    {"0 0 29 2 *", "UTC", "2026-11-21T00:00:00Z", "2028-02-29T00:00:00Z"},
    {"0 0 31 * *", "UTC", "2026-11-21T00:00:00Z", "2026-12-31T00:00:00Z"},
    {"0 0 31 2 *", "UTC", "2026-11-21T00:00:00Z", "never"},
    {"0 0 13 * 5", "UTC", "2026-11-21T00:00:00Z", "2026-11-27T00:00:00Z"}, /* either will do */
    {"0 0 * * 7", "UTC", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"},
    {"0 0 1 jan,jul *", "UTC", "2026-11-21T00:00:00Z", "2027-01-01T00:00:00Z"},
    {"@daily", "Asia/Taipei", "2026-11-21T16:00:00Z", "2026-11-22T16:00:00Z"},
    {"@monthly", "Pacific/Kiritimati", "2026-11-21T16:00:00Z", "2026-11-30T10:00:00Z"},
    {"30 2 * * *", "America/New_York", "2026-03-08T00:00:00-05:00", "2026-03-08T07:30:00Z"},
    {"30 1 * * *", "America/New_York", "2026-11-01T00:00:00-04:00", "2026-11-01T05:30:00Z"},
    {"30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"},
};

START_TEST(cron) {
    const struct cron *c;
    struct err e = ERR_INIT;
    if (!cron_parse(arena, str_from(crons[_i].text), &c, &e))
        ck_abort_msg("%s: %s", crons[_i].text, e.text);
    same(crons[_i].text, cron_next(c, zone(crons[_i].zone), us(crons[_i].at)), crons[_i].wanted);
}
END_TEST

static const char *const bad_crons[] = {
    "",           "* * * *",       "* * * * * *",   "60 * * * *",  "* 24 * * *", "* * 0 * *",
    "* * * 13 *", "* * * * 8",     "5-1 * * * *",   "*/0 * * * *", "a * * * *",  "1,,2 * * * *",
    "@never",     "1-2-3 * * * *", "* * * * mondy", "-1 * * * *",
};

START_TEST(bad_cron) {
    const struct cron *c;
    struct err e = ERR_INIT;
    if (cron_parse(arena, str_from(bad_crons[_i]), &c, &e))
        ck_abort_msg("`%s` was taken", bad_crons[_i]);
    ck_assert_uint_gt(strlen(e.text), 20);
}
END_TEST

Suite *suite_calendar(void) {
    Suite *s = suite_create("calendar");
    TCase *t = tcase_create("calendar");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, adding_days, 0, COUNT(adds));
    tcase_add_loop_test(t, next_time, 0, COUNT(times));
    tcase_add_loop_test(t, yearly, 0, COUNT(years));
    tcase_add_loop_test(t, in_window, 0, COUNT(windows));
    tcase_add_test(t, starts);
    tcase_add_test(t, reading);
    tcase_add_loop_test(t, cron, 0, COUNT(crons));
    tcase_add_loop_test(t, bad_cron, 0, COUNT(bad_crons));
    suite_add_tcase(s, t);
    return s;
}
