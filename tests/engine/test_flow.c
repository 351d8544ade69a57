/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/str.h"
#include "engine/flow.h"
#include "tests/engine/check_engine.h"

static char trace[64];
static int ends;
static bool last_ok;

static void note(char c) {
    size_t n = strlen(trace);
    ck_assert_uint_lt(n + 1, sizeof trace);
    trace[n] = c;
    trace[n + 1] = 0;
}

static enum flow_result step_a(struct flow *f) {
    (void)f;
    note('a');
    return FLOW_NEXT;
}

static enum flow_result step_wait(struct flow *f) {
    (void)f;
    note('w');
    return FLOW_WAIT;
}

/* What it waits for comes before it says so. */
static enum flow_result step_early(struct flow *f) {
    note('e');
    flow_wake(f);
    return FLOW_WAIT;
}

static enum flow_result step_done(struct flow *f) {
    (void)f;
    note('d');
    return FLOW_DONE;
}

static enum flow_result step_fail(struct flow *f) {
    note('f');
    err_set(&f->err, ERR_TEMPORARY, "no");
    return FLOW_FAIL;
}

static void ended(struct flow *f, bool ok) {
    (void)f;
    ends++;
    last_ok = ok;
}

static struct flow start(const struct flow_step *steps) {
    trace[0] = 0;
    ends = 0;
    return (struct flow){.steps = steps, .ended = ended};
}

START_TEST(waits_and_goes_on) {
    static const struct flow_step steps[] = {
        {"a", step_a}, {"wait", step_wait}, {"early", step_early}, {"a", step_a}, {0}};
    struct flow f = start(steps);
    flow_start(&f);
    ck_assert_str_eq(trace, "aw");
    ck_assert(flow_active(&f));
    flow_wake(&f);
    ck_assert_str_eq(trace, "awea");
    ck_assert(!flow_active(&f));
    ck_assert_int_eq(ends, 1);
    ck_assert(last_ok);
}
END_TEST

START_TEST(done_skips_the_rest) {
    static const struct flow_step steps[] = {{"done", step_done}, {"a", step_a}, {0}};
    struct flow f = start(steps);
    flow_start(&f);
    ck_assert_str_eq(trace, "d");
    ck_assert(last_ok);
}
END_TEST

START_TEST(failures_end_it) {
    static const struct flow_step steps[] = {{"fail", step_fail}, {"a", step_a}, {0}};
    struct flow f = start(steps);
    flow_start(&f);
    ck_assert_str_eq(trace, "f");
    ck_assert_int_eq(ends, 1);
    ck_assert(!last_ok);
    ck_assert_int_eq(f.err.kind, ERR_TEMPORARY);
}
END_TEST

START_TEST(a_failed_wait_ends_it) {
    static const struct flow_step steps[] = {{"wait", step_wait}, {"a", step_a}, {0}};
    struct flow f = start(steps);
    flow_start(&f);
    err_set(&f.err, ERR_TEMPORARY, "the answer was no");
    flow_wake(&f);
    ck_assert_str_eq(trace, "w");
    ck_assert_int_eq(ends, 1);
    ck_assert(!last_ok);
}
END_TEST

Suite *suite_flow(void) {
    Suite *s = suite_create("flow");
    TCase *t = tcase_create("steps");
    tcase_add_test(t, waits_and_goes_on);
    tcase_add_test(t, done_skips_the_rest);
    tcase_add_test(t, failures_end_it);
    tcase_add_test(t, a_failed_wait_ends_it);
    suite_add_tcase(s, t);
    return s;
}
