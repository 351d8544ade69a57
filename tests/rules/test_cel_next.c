/* SPDX-License-Identifier: Apache-2.0
 *
 * Between now and the promised instant a condition does not change: tried at many
 * instants, from many starting points.
 */
#include "config.h"

#include "base/wallclock.h"
#include "tests/rules/check_cel.h"

#define HOUR (INT64_C(3600) * WALLCLOCK_US_PER_S)
#define DAY (24 * HOUR)
#define START (INT64_C(1795219200) * WALLCLOCK_US_PER_S) /* 2026-11-21T00:00:00Z */

static const struct behaviour_log *find(void *ctx, const struct cel_behaviour_use *use) {
    return str_eq(use->event, S("order")) ? ctx : NULL;
}

/* most: how often at most it may be asked over 50 days; -1: never changes. */
static const struct {
    const char *source;
    int most;
} cases[] = {
    {"count(\"order\", \"10d\") > 1", 12},
    {"count(\"order\", \"10d\") == 0 && count(\"order\", \"all\") > 0", 12},
    {"sum(\"order\", \"amount\", \"3d12h\") > 2.0", 12},
    {"count(\"order\", \"10d\", it.amount > 2.0) > 0", 12},
    {"count(\"order\", \"all\", it.at > now - days(7)) > 1", 12},
    {"count(\"order\", \"all\", now - it.at >= hours(100)) == 3", 12},
    {"count(\"order\", \"all\") > 2", 3}, /* one order is dated into the future */
    {"count(\"never\", \"10d\") > 2", -1},
    {"since(\"order\") > days(4)", 6},
    {"since(\"order\") + days(1) <= now - timestamp(\"2026-11-21T00:00:00Z\")", 6},
    {"last(\"order\").at < now - days(20)", 6},
    {"last(\"order\").at + days(20) == now", 6},
    {"now > timestamp(\"2026-12-01T12:34:56Z\")", 3},
    {"now - timestamp(\"2026-11-01T00:00:00Z\") > days(40) || customer.x == 1", 3},
    {"weekday() in [\"sat\", \"sun\"]", 50 * 24 * 4},
    {"local_hour() >= 9 && local_hour() < 18", 50 * 24 * 4},
    {"now.getDayOfMonth(\"Asia/Kathmandu\") == 9", 50 * 24 * 4},
    {"[1, 2].exists(x, count(\"order\", \"10d\") > x)", 12},
    {"customer.x == 1", -1},
};

struct place {
    struct cel_activation act;
    struct value slot;
    struct behaviour_log log;
};

static void set_clock(struct place *p, int64_t now) {
    p->act.now_us = now;
    p->act.at = (struct behaviour_position){now, INT64_MAX};
}

START_TEST(holds_until_then) {
    struct arena *a = arena_new(0), *batch = arena_new(0);
    static const struct cel_field variables[] = {{S("customer"), NULL}};
    static const struct str properties[] = {S("amount")};
    struct cel_env env = {.variables = variables, .n_variables = 1, .functions = true};
    struct value amounts[] = {value_double(1.5), value_double(3), value_double(0.5)};
    struct behaviour_entry entries[] = {{START - 8 * DAY - 5, 1, &amounts[0]},
                                        {START - 2 * DAY, 2, &amounts[1]},
                                        {START + 6 * DAY + 7 * HOUR, 3, &amounts[2]}};
    struct place p = {
        .log = {.properties = properties, .n_properties = 1, .entries = entries, .n = 3}};
    struct err e;
    p.slot = value_map(map_new(a, 0));
    p.act =
        (struct cel_activation){.slots = &p.slot, .n_slots = 1, .ctx = &p.log, .behaviour = find};
    ck_assert(wallclock_zone(S("Asia/Taipei"), &p.act.zone, &e));
    const struct cel_program *program = must_compile(a, &env, cases[_i].source);
    int64_t now = START;
    int asked = 0;
    while (now < START + 50 * DAY) {
        set_clock(&p, now);
        arena_reset(batch);
        const char *value = evaluated(batch, program, &p.act);
        int64_t next = cel_next_change(program, &p.act, batch);
        ck_assert_int_gt(next, now);
        if (next == INT64_MAX)
            next = START + 50 * DAY;
        else
            asked++;
        for (int i = 0; i < 20; i++) {
            int64_t between = i < 19 ? now + (next - now) / 19 * i : next - 1;
            set_clock(&p, between);
            ck_assert_msg(strcmp(evaluated(batch, program, &p.act), value) == 0,
                          "%s changes %lld us before it was said to", cases[_i].source,
                          (long long)(next - between));
        }
        now = next;
    }
    ck_assert_msg(cases[_i].most < 0 ? asked <= 1 : asked <= cases[_i].most, "%s: asked %d times",
                  cases[_i].source, asked);
    arena_free(batch);
    arena_free(a);
}
END_TEST

Suite *suite_cel_next(void) {
    Suite *s = suite_create("cel_next");
    TCase *t = tcase_create("next change");
    tcase_set_timeout(t, 20);
    tcase_add_loop_test(t, holds_until_then, 0, COUNT(cases));
    suite_add_tcase(s, t);
    return s;
}
