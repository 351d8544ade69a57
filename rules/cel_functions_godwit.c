/* SPDX-License-Identifier: Apache-2.0
 *
 * Small functions that only Godwit's conditions have: spans of time in words and
 * the customer's local time. (What a customer did: cel_behaviour.c.)
 */
#include "config.h"

#include "rules/cel_internal.h"

#include "base/wallclock.h"

#define ARGS struct cel_run *run, const struct cel_node *n, const struct value *args

static struct value span(struct cel_run *run, int64_t count, int64_t seconds) {
    int64_t nanos;
    if (__builtin_mul_overflow(count, seconds * INT64_C(1000000000), &nanos))
        return cel_fail(run, "the duration is longer than 292 years");
    return value_duration(nanos);
}

static struct value weeks(ARGS) {
    (void)n;
    return span(run, args[0].u.i, 7 * WALLCLOCK_DAY_S);
}

static struct value days(ARGS) {
    (void)n;
    return span(run, args[0].u.i, WALLCLOCK_DAY_S);
}

static struct value hours(ARGS) {
    (void)n;
    return span(run, args[0].u.i, 3600);
}

static struct value minutes(ARGS) {
    (void)n;
    return span(run, args[0].u.i, 60);
}

/* ---- now, where the customer is */
static struct civil here(const struct cel_run *run) {
    struct civil c;
    int64_t us = run->act->now_us;
    int64_t s = us / WALLCLOCK_US_PER_S - (us % WALLCLOCK_US_PER_S < 0);
    if (run->act->zone)
        wallclock_local(run->act->zone, s, &c);
    else
        wallclock_utc(s, &c);
    return c;
}

static struct value local_hour(ARGS) {
    (void)n;
    (void)args;
    return value_int(here(run).hour);
}

static struct value local_minute(ARGS) {
    (void)n;
    (void)args;
    return value_int(here(run).minute);
}

static struct value local_day(ARGS) {
    (void)n;
    (void)args;
    return value_int(here(run).day);
}

static struct value local_month(ARGS) {
    (void)n;
    (void)args;
    return value_int(here(run).month);
}

static struct value weekday(ARGS) {
    (void)n;
    (void)args;
    static const struct str names[] = {S("sun"), S("mon"), S("tue"), S("wed"),
                                       S("thu"), S("fri"), S("sat")};
    return value_str(names[here(run).weekday]);
}

/* A `!` behind the result: it changes with the clock. */
const struct cel_function cel_functions_godwit[] = {
    {"weeks", "i", "p", weeks},           {"days", "i", "p", days},
    {"hours", "i", "p", hours},           {"minutes", "i", "p", minutes},
    {"local_hour", "", "i!", local_hour}, {"local_minute", "", "i!", local_minute},
    {"local_day", "", "i!", local_day},   {"local_month", "", "i!", local_month},
    {"weekday", "", "s!", weekday},       {0},
};
