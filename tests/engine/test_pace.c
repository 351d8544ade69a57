/* SPDX-License-Identifier: Apache-2.0
 * The pace under a clock of the test's own. */
#include "config.h"

#include "base/arena.h"
#include "base/rate.h"
#include "engine/delivery/pace.h"
#include "engine/delivery/throttle.h"
#include "engine/settings_pace.h"
#include "tests/engine/check_engine.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000)
#define START (1000 * SECOND)

static const struct {
    const char *text;
    double per_s; /* 0: refused */
} rates[] = {
    {"50/s", 50},         {"1/s", 1},     {"30/min", 0.5}, {"36/h", 0.01},
    {"86400/day", 1},     {"86400/d", 1}, {" 5 / s ", 5},  {"0/s", 0},
    {"-1/s", 0},          {"5", 0},       {"5/", 0},       {"/s", 0},
    {"5/week", 0},        {"1.5/s", 0},   {"", 0},         {"5/s/s", 0},
    {"10000000000/s", 0},
};

START_TEST(rates_as_text) {
    struct rate r;
    struct err e = ERR_INIT;
    bool ok = rate_parse(str_from(rates[_i].text), &r, &e);
    ck_assert_msg(ok == (rates[_i].per_s > 0), "%s: %s", rates[_i].text, e.text);
    if (ok)
        ck_assert_double_eq_tol(rate_per_second(r), rates[_i].per_s, 1e-9);
    else
        ck_assert_ptr_nonnull(strstr(e.text, "50/s"));
}
END_TEST

static const struct {
    const char *text;
    int64_t per_day; /* 0: refused */
    double growth;
} warmups[] = {
    {"200/day growing 1.5x", 200, 1.5},
    {"200/day", 200, 1},
    {"1/d growing 10x", 1, 10},
    {"200/h growing 1.5x", 0, 0},
    {"200/day growing 0.5x", 0, 0},
    {"200/day growing 11x", 0, 0},
    {"200/day growing", 0, 0},
    {"200/day growing 1.5", 0, 0},
    {"growing 2x", 0, 0},
    {"200/day growing nanx", 0, 0},
};

START_TEST(warmups_as_text) {
    struct settings_warmup w;
    struct err e = ERR_INIT;
    bool ok = settings_pace_warmup(str_from(warmups[_i].text), &w, &e);
    ck_assert_msg(ok == (warmups[_i].per_day > 0), "%s", warmups[_i].text);
    if (ok) {
        ck_assert_int_eq(w.per_day, warmups[_i].per_day);
        ck_assert_double_eq_tol(w.growth, warmups[_i].growth, 1e-9);
    }
}
END_TEST

/* Takes all it can every 50 ms for `seconds`; how many left. Each is answered at once. */
static int run(struct pace *p, const struct pace_key *k, double seconds, int64_t *now) {
    int sent = 0;
    for (int64_t end = *now + (int64_t)(seconds * SECOND); *now < end; *now += SECOND / 20) {
        while (pace_take(p, k, *now)) {
            pace_result(p, k, PACE_GOOD, *now);
            sent++;
            ck_assert_int_lt(sent, 1000000);
        }
    }
    return sent;
}

/* Over a minute the rate is kept to within the burst, over each second, too. */
static const struct {
    double channel, campaign, domain, share;
    int least, most; /* in 60 s */
} limits[] = {
    {50, 0, 0, 1, 2990, 3016}, {0, 20, 0, 1, 1190, 1207}, {0, 0, 10, 1, 595, 604},
    {50, 20, 10, 1, 595, 604}, {10, 20, 50, 1, 595, 604}, {50, 0, 0, 0.5, 1490, 1509},
    {0.1, 0, 0, 1, 6, 7},      {0, 0, 0.1, 1, 6, 7},
};

START_TEST(keeps_the_rate) {
    struct pace_domain domain = {S("gmail.com"), limits[_i].domain};
    struct pace_settings s = {.per_s = limits[_i].channel,
                              .domains = &domain,
                              .n_domains = limits[_i].domain > 0,
                              .connections = 16};
    struct pace *p = pace_new(&s);
    struct pace_key k = {S("welcome"), limits[_i].campaign, S("gmail.com")};
    int64_t now = START;
    pace_share(p, limits[_i].share);
    int sent = run(p, &k, 60, &now);
    ck_assert_msg(sent >= limits[_i].least && sent <= limits[_i].most, "%d", sent);
    now += 3600 * SECOND; /* a rest does not add up */
    sent = run(p, &k, 1, &now);
    double slowest = 1e9, of[] = {limits[_i].channel, limits[_i].campaign, limits[_i].domain};
    for (int i = 0; i < 3; i++)
        slowest =
            of[i] > 0 && of[i] * limits[_i].share < slowest ? of[i] * limits[_i].share : slowest;
    ck_assert_msg(sent <= slowest * 1.3 + 2, "%d in the second after an hour", sent);
    pace_free(p);
}
END_TEST

/* A domain that is held back from outside: put off till then, slow at first, others unharmed. */
START_TEST(paused_from_outside) {
    struct pace_settings s = {.connections = 16};
    struct pace *p = pace_new(&s);
    struct pace_key k = {S("welcome"), 0, S("gmail.com")},
                    other = {S("welcome"), 0, S("x.example")};
    int64_t until = START + 3600 * SECOND;
    ck_assert_int_eq(pace_hold(p, &k, START), 0);
    pace_pause(p, S("gmail.com"), until, START);
    ck_assert(!pace_take(p, &k, START));
    ck_assert_int_ge(pace_evict(p, &k, START), until);
    ck_assert_int_ge(pace_hold(p, &k, START), until);
    ck_assert_int_eq(pace_hold(p, &other, START), 0);
    ck_assert(pace_take(p, &other, START));
    pace_pause(p, S("gmail.com"), until, until + SECOND); /* over: one at a time, then two, ... */
    ck_assert_int_eq(pace_hold(p, &k, until + SECOND), 0);
    ck_assert(pace_take(p, &k, until + SECOND));
    ck_assert(!pace_take(p, &k, until + SECOND));
    pace_result(p, &k, PACE_GOOD, until + SECOND);
    ck_assert(pace_take(p, &k, until + SECOND));
    ck_assert(pace_take(p, &k, until + SECOND));
    ck_assert(!pace_take(p, &k, until + SECOND));
    pace_free(p);
}
END_TEST

START_TEST(pause_is_lifted) {
    struct pace_settings s = {.connections = 1};
    struct pace *p = pace_new(&s);
    struct pace_key k = {S("welcome"), 0, S("gmail.com")};
    pace_pause(p, S("gmail.com"), START + 3600 * SECOND, START);
    ck_assert(pace_hold(p, &k, START) > START);
    pace_pause(p, S("gmail.com"), 0, START);
    ck_assert_int_eq(pace_hold(p, &k, START), 0);
    ck_assert(pace_take(p, &k, START));
    pace_pause(p, S("never.example"), 0, START);
    ck_assert_uint_eq(pace_size(p), 1);
    pace_free(p);
}
END_TEST

START_TEST(clock_that_is_put_back) {
    struct pace_settings s = {.per_s = 10, .connections = 16};
    struct pace *p = pace_new(&s);
    struct pace_key k = {S("welcome"), 0, STR_NONE};
    int64_t now = START + 7200 * SECOND;
    run(p, &k, 2, &now);
    now -= 3600 * SECOND;
    int sent = run(p, &k, 10, &now);
    ck_assert_msg(sent >= 98 && sent <= 104, "%d", sent);
    pace_free(p);
}
END_TEST

/* A slow domain's messages get slots in time and leave the memory to the others. */
START_TEST(slow_domains_stand_in_nobodys_way) {
    struct pace_domain domains[] = {{S("gmail.com"), 20}};
    struct pace_settings s = {.domains = domains, .n_domains = 1, .connections = 16};
    struct pace *p = pace_new(&s);
    struct pace_key slow = {S("c"), 0, S("gmail.com")}, other = {S("c"), 0, S("example.org")};
    int held = 0;
    int64_t last = START;
    for (int i = 0; i < 1000; i++) {
        int64_t slot = pace_hold(p, &slow, START);
        held += slot == 0;
        if (!slot)
            continue;
        ck_assert_int_gt(slot, last); /* each its own, in order */
        last = slot;
    }
    ck_assert_int_eq(held, 20); /* a second's */
    ck_assert_int_ge(last, START + 49 * SECOND);
    ck_assert_int_le(last, START + 51 * SECOND);
    ck_assert_int_ge(pace_booked(p), last);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(pace_hold(p, &other, START), 0);
    for (int i = 0; i < 100; i++) {
        ck_assert(pace_take(p, &other, START));
        pace_result(p, &other, PACE_GOOD, START);
    }
    pace_free(p);
}
END_TEST

/* Of a domain that never answers few are in flight and few in memory; when it does, more. */
START_TEST(silent_domains_stand_in_nobodys_way) {
    struct pace_settings s = {.connections = 16};
    struct pace *p = pace_new(&s);
    struct pace_key silent = {S("c"), 0, S("silent.example")},
                    other = {S("c"), 0, S("example.org")};
    int64_t now = START;
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(pace_hold(p, &silent, now), 0);
    ck_assert(pace_take(p, &silent, now));
    ck_assert(pace_take(p, &silent, now));
    ck_assert(!pace_take(p, &silent, now)); /* an eighth of the connections */
    ck_assert_int_eq(pace_evict(p, &silent, now), 0);
    now += SECOND;
    int evicted = 0;
    for (int i = 0; i < 98; i++)
        evicted += pace_evict(p, &silent, now) > 0;
    ck_assert_int_eq(evicted, 94); /* twice as many as may be in flight are kept */
    ck_assert_int_gt(pace_hold(p, &silent, now), now);
    ck_assert_int_eq(pace_hold(p, &other, now), 0);
    ck_assert(pace_take(p, &other, now));
    pace_result(p, &silent, PACE_GOOD, now); /* it was only slow */
    ck_assert_int_eq(pace_hold(p, &silent, now), 0);
    for (int i = 0; i < 3; i++) /* one is on its way: 2, then 4 */
        ck_assert(pace_take(p, &silent, now));
    ck_assert(!pace_take(p, &silent, now));
    pace_free(p);
}
END_TEST

START_TEST(each_other_domain) {
    struct pace_domain domains[] = {{S("*"), 5}, {S("gmail.com"), 50}};
    struct pace_settings s = {.domains = domains, .n_domains = 2, .connections = 16};
    struct pace *p = pace_new(&s);
    struct pace_key a = {S("c"), 0, S("a.example")}, b = {S("c"), 0, S("b.example")},
                    g = {S("c"), 0, S("gmail.com")};
    int64_t now = START;
    int sent = run(p, &a, 10, &now);
    ck_assert_msg(sent >= 48 && sent <= 52, "%d", sent);
    now = START;
    sent = run(p, &b, 10, &now);
    ck_assert_msg(sent >= 48 && sent <= 52, "%d", sent);
    now = START;
    sent = run(p, &g, 10, &now);
    ck_assert_msg(sent >= 495 && sent <= 516, "%d", sent);
    pace_free(p);
}
END_TEST

/* Backing off: five "later" in a row, then ever longer rests with one try each; and back. */
START_TEST(backs_off_and_recovers) {
    struct pace_settings s = {.connections = 8};
    struct pace *p = pace_new(&s);
    struct pace_key k = {S("c"), 0, S("busy.example")}, other = {S("c"), 0, S("fine.example")};
    int64_t now = START, rest = SECOND;
    for (int i = 0; i < 4; i++) {
        ck_assert(pace_take(p, &k, now));
        pace_result(p, &k, PACE_BUSY, now);
    }
    ck_assert_msg(pace_take(p, &k, now), "four are no pattern");
    pace_result(p, &k, PACE_BUSY, now);
    for (int i = 0; i < 12; i++) {
        ck_assert(!pace_take(p, &k, now));
        ck_assert(!pace_take(p, &k, now + rest - 1));
        ck_assert_int_ge(pace_hold(p, &k, now), now + rest); /* what comes is put off */
        ck_assert(pace_take(p, &other, now));                /* the others go on */
        pace_result(p, &other, PACE_GOOD, now);
        now += rest;
        ck_assert_msg(pace_take(p, &k, now), "after rest %d", i);
        ck_assert_msg(!pace_take(p, &k, now), "one at a time");
        pace_result(p, &k, PACE_BUSY, now);
        rest = rest * 2 > 300 * SECOND ? 300 * SECOND : rest * 2;
    }
    now += rest;
    for (size_t window = 1; window < 8; window *= 2) { /* slow start: 1, 2, 4 */
        for (size_t i = 0; i < window; i++)
            ck_assert(pace_take(p, &k, now));
        ck_assert_msg(!pace_take(p, &k, now), "window %zu", window);
        pace_result(p, &k, PACE_GOOD, now);
        for (size_t i = 1; i < window; i++)
            pace_result(p, &k, PACE_NEUTRAL, now);
    }
    for (int i = 0; i < 100; i++)
        ck_assert(pace_take(p, &k, now));
    pace_free(p);
}
END_TEST

START_TEST(memory_is_bounded) {
    struct pace_domain all = {S("*"), 5};
    struct pace_settings s = {.domains = &all, .n_domains = 1, .connections = 8};
    struct pace *p = pace_new(&s);
    char name[40];
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "d%d.example", i);
        struct pace_key k = {S("c"), 0, str_from(name)};
        ck_assert_int_eq(pace_hold(p, &k, START), 0);
        if (i % 2 && pace_take(p, &k, START))
            pace_result(p, &k, PACE_GOOD, START);
        else
            pace_drop(p, &k);
    }
    ck_assert_uint_le(pace_size(p), 4096);
    pace_free(p);
}
END_TEST

static const struct {
    struct channel_result result;
    enum pace_answer answer;
} answers[] = {
    {{.outcome = CHANNEL_ACCEPTED, .code = 250}, PACE_GOOD},
    {{.outcome = CHANNEL_DEFERRED, .code = 421, .enhanced = "4.7.0"}, PACE_BUSY},
    {{.outcome = CHANNEL_DEFERRED, .code = 451}, PACE_BUSY},
    {{.outcome = CHANNEL_DEFERRED, .code = 452, .enhanced = "4.2.2"}, PACE_NEUTRAL},
    {{.outcome = CHANNEL_REFUSED, .code = 550, .enhanced = "5.1.1"}, PACE_NEUTRAL},
    {{.outcome = CHANNEL_DOUBT}, PACE_NEUTRAL},
    {{.outcome = CHANNEL_UNSENT}, PACE_NEUTRAL},
};

START_TEST(what_answers_say) {
    ck_assert_int_eq(throttle_answer(&answers[_i].result), answers[_i].answer);
}
END_TEST

START_TEST(destinations) {
    static const char *const cases[][2] = {
        {"Ada@Example.ORG", "example.org"},
        {"\"a@b\"@example.org", "example.org"},
        {"+886912345678", ""},
        {"ada@", ""},
        {"", ""},
    };
    char out[20];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str got = pace_destination(str_from(cases[i][0]), out, sizeof out);
        ck_assert_msg(str_eq(got, str_from(cases[i][1])), "%s: %.*s", cases[i][0], STR_FMT(got));
    }
    ck_assert_uint_eq(pace_destination(S("a@a-name-that-is-too-long.example"), out, sizeof out).n,
                      0);
}
END_TEST

Suite *suite_pace(void) {
    Suite *s = suite_create("pace");
    TCase *t = tcase_create("pace");
    tcase_add_loop_test(t, rates_as_text, 0, sizeof rates / sizeof *rates);
    tcase_add_loop_test(t, warmups_as_text, 0, sizeof warmups / sizeof *warmups);
    tcase_add_loop_test(t, keeps_the_rate, 0, sizeof limits / sizeof *limits);
    tcase_add_test(t, paused_from_outside);
    tcase_add_test(t, pause_is_lifted);
    tcase_add_test(t, clock_that_is_put_back);
    tcase_add_test(t, slow_domains_stand_in_nobodys_way);
    tcase_add_test(t, silent_domains_stand_in_nobodys_way);
    tcase_add_test(t, each_other_domain);
    tcase_add_test(t, backs_off_and_recovers);
    tcase_add_test(t, memory_is_bounded);
    tcase_add_loop_test(t, what_answers_say, 0, sizeof answers / sizeof *answers);
    tcase_add_test(t, destinations);
    suite_add_tcase(s, t);
    return s;
}
