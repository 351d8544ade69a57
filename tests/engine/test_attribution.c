/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/engine/check_decide.h"

#include "base/arena.h"
#include "engine/decide/attribution.h"

#include <inttypes.h>

#define HOUR INT64_C(3600000000)
#define NOW (INT64_C(1790000000) * 1000000)
#define NO ATTRIBUTION_NEVER
#define AGO(hours) (NOW - (hours)*HOUR)
#define SENT(id, at) \
    { id, S("c"), false, at, NO, NO, NO, NO }
#define HELD(id, at) \
    { id, S("c"), true, at, NO, NO, NO, NO }
#define OPENED(id, at, first, last) \
    { id, S("c"), false, at, first, last, NO, NO }
#define CLICKED(id, at, first, last) \
    { id, S("c"), false, at, AGO(90), AGO(1), first, last }

/* A goal of 24 hours. */
static const struct {
    struct attribution_message messages[3];
    size_t n;
    int64_t last, first; /* the message that is credited; 0: none */
    enum attribution_touch touch;
    size_t linear; /* how many share */
} cases[] = {
    {{{0}}, 0, 0, 0, 0, 0},
    {{SENT(1, AGO(2))}, 1, 1, 1, ATTRIBUTION_SENT, 1},
    {{SENT(1, AGO(24))}, 1, 1, 1, ATTRIBUTION_SENT, 1},
    {{SENT(1, AGO(24) - 1)}, 1, 0, 0, 0, 0},                /* too long ago */
    {{SENT(1, NOW)}, 1, 0, 0, 0, 0},                        /* not before the event */
    {{SENT(1, AGO(-1))}, 1, 0, 0, 0, 0},                    /* after it */
    {{CLICKED(1, AGO(25), AGO(2), AGO(2))}, 1, 0, 0, 0, 0}, /* the message is too old */
    {{SENT(1, AGO(9)), SENT(2, AGO(3)), SENT(3, AGO(5))}, 3, 2, 1, ATTRIBUTION_SENT, 3},
    {{SENT(2, AGO(3)), SENT(1, AGO(3))}, 2, 2, 1, ATTRIBUTION_SENT, 2}, /* at one instant */
    /* an open beats what was sent later, a click beats an open that came later */
    {{OPENED(1, AGO(9), AGO(8), AGO(7)), SENT(2, AGO(3))}, 2, 1, 1, ATTRIBUTION_OPEN, 1},
    {{CLICKED(1, AGO(9), AGO(8), AGO(8)), OPENED(2, AGO(5), AGO(4), AGO(1))},
     2,
     1,
     1,
     ATTRIBUTION_CLICK,
     1},
    /* by the touch, not by the sending */
    {{OPENED(1, AGO(9), AGO(8), AGO(1)), OPENED(2, AGO(7), AGO(6), AGO(2))},
     2,
     1,
     1,
     ATTRIBUTION_OPEN,
     2},
    {{CLICKED(1, AGO(9), AGO(5), AGO(4)), CLICKED(2, AGO(8), AGO(6), AGO(1))},
     2,
     2,
     2,
     ATTRIBUTION_CLICK,
     2},
    /* held out: only where nothing was sent */
    {{HELD(1, AGO(3))}, 1, 1, 1, ATTRIBUTION_HELD_OUT, 1},
    {{HELD(2, AGO(1)), SENT(1, AGO(3))}, 2, 1, 1, ATTRIBUTION_SENT, 1},
    {{HELD(1, AGO(3)), HELD(2, AGO(2))}, 2, 2, 1, ATTRIBUTION_HELD_OUT, 2},
};
#define CASES (int)(sizeof cases / sizeof *cases)

START_TEST(credits) {
    struct attribution_credit out[3];
    for (int how = GOAL_LAST; how <= GOAL_LINEAR; how++) {
        struct campaign_goal goal = {.event = S("bought"),
                                     .within_us = 24 * HOUR,
                                     .attribution = (enum goal_attribution)how};
        size_t n = attribution_credits(&goal, NOW, cases[_i].messages, cases[_i].n, out);
        if (how == GOAL_LINEAR) {
            ck_assert_uint_eq(n, cases[_i].linear);
        } else {
            int64_t want = how == GOAL_FIRST ? cases[_i].first : cases[_i].last;
            ck_assert_uint_eq(n, want != 0);
            ck_assert_int_eq(n ? out[0].message : 0, want);
        }
        for (size_t i = 0; i < n; i++)
            ck_assert_str_eq(attribution_touch_name(out[i].touch),
                             attribution_touch_name(cases[_i].touch));
    }
}
END_TEST

/* What an event is worth: a decimal number, or why there is none. */
START_TEST(values) {
    static const struct {
        const char *source, *properties, *want;
    } rows[] = {{"event.amount", "{\"amount\":12.34}", "12.34"},
                {"event.amount", "{\"amount\":7}", "7"},
                {"event.amount", "{\"amount\":\"7.50\"}", "7.50"},
                {"event.amount", "{\"amount\":\"much\"}", ""},
                {"event.amount", "{\"amount\":null}", ""},
                {"event.amount", "{\"amount\":\"inf\"}", ""},
                {"event.amount / 0.0", "{\"amount\":1.5}", ""},
                {"event.amount", "{}", ""},
                {"1u", "{}", "1"},
                {"event.net + event.tax", "{\"net\":0.1,\"tax\":0.2}", "0.30000000000000004"},
                {"customer.vip ? 2.0 : 1.0", "{}", "2.0"}};
    struct arena *a = arena_new(0);
    struct workspace *w = load_good("decide");
    struct cel_issues issues;
    cel_issues_init(&issues, a);
    struct profile p = {.id = 7, .key = S("mei"), .attributes = from_json(a, "{\"vip\":true}")};
    struct event e = {.id = 1, .name = S("bought"), .occurred_us = NOW};
    struct campaign_goal goal = {.event = e.name};
    struct match_scope s;
    struct str why;
    e.properties = from_json(a, rows[_i].properties);
    goal.value = cel_compile(a, &condition_slots, str_from(rows[_i].source), &issues);
    ck_assert_ptr_nonnull(goal.value);
    match_scope_init(&s, w, &p, &e, NOW, a);
    struct str got = attribution_value(&s, &goal, &why);
    ck_assert_msg(str_eq(got, str_from(rows[_i].want)), "%s of %s: wanted \"%s\", got \"%.*s\"",
                  rows[_i].source, rows[_i].properties, rows[_i].want, STR_FMT(got));
    ck_assert((got.n == 0) == (why.n > 0));
    workspace_release(w);
    arena_free(a);
}
END_TEST

Suite *suite_attribution(void) {
    Suite *s = suite_create("attribution");
    TCase *t = tcase_create("attribution");
    tcase_add_loop_test(t, credits, 0, CASES);
    tcase_add_loop_test(t, values, 0, 11);
    suite_add_tcase(s, t);
    return s;
}
