/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/relay_pool.h"
#include "tests/channels/check_channels.h"
#include "tests/channels/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define S_NS UINT64_C(1000000000)

static const char *const names[] = {"a:25", "b:25", "c:25"};

/* ---- the pool alone */

static void tell_count(const struct channel_host *host, enum channel_level level,
                       const char *text) {
    int *lines = host->owner;
    lines[level == CHANNEL_LOG_WARN] += 1;
    ck_assert_msg(strstr(text, ":25") != NULL, "%s", text);
}

static void result(struct relay_pool *p, size_t i, enum channel_outcome outcome,
                   enum channel_subject subject, uint64_t now) {
    struct relay_result r;
    relay_result_set(&r, outcome, subject, S("because"));
    r.result.code = outcome == CHANNEL_ACCEPTED ? 250 : 0;
    relay_pool_result(p, i, &r.result, now);
    relay_pool_leave(p, i);
}

START_TEST(spreads_by_weight) {
    static const int weights[] = {1, 2, 5};
    struct relay_pool *p = relay_pool_new(names, weights, 3);
    size_t got[3] = {0};
    for (int i = 0; i < 800; i++) {
        size_t r = relay_pool_take(p, 0, 1);
        ck_assert_uint_lt(r, 3);
        got[r]++;
        result(p, r, CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, 1);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(got[i] + 2 >= (size_t)weights[i] * 100 &&
                          got[i] <= (size_t)weights[i] * 100 + 2,
                      "relay %d got %zu", i, got[i]);
    }
    relay_pool_free(p);
}
END_TEST

START_TEST(sets_aside_and_takes_back) {
    static const int weights[] = {1, 1, 1};
    int lines[2] = {0};
    const struct channel_result fine = {.outcome = CHANNEL_REFUSED};
    struct channel_host host = {.owner = lines, .log = tell_count};
    struct relay_pool *p = relay_pool_new(names, weights, 2);
    uint64_t now = 10 * S_NS, rest = S_NS;
    result(p, 0, CHANNEL_UNSENT, CHANNEL_SUBJECT_DESTINATION, now);
    for (int round = 0; round < 12; round++) { /* it fails each time that it is tried */
        for (int i = 0; i < 5; i++) {
            size_t r = relay_pool_take(p, 0, now + rest - 1);
            ck_assert_uint_eq(r, 1);
            result(p, r, CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, now);
        }
        now += rest;
        ck_assert_uint_eq(relay_pool_take(p, 0, now), 0);
        ck_assert_uint_eq(relay_pool_take(p, 0, now), 1); /* one connection tries, no more */
        relay_pool_leave(p, 1);
        result(p, 0, CHANNEL_UNSENT, CHANNEL_SUBJECT_CHANNEL, now);
        rest = rest * 2 > 300 * S_NS ? 300 * S_NS : rest * 2;
        relay_pool_tell(p, &host, &fine);
    }
    ck_assert_int_eq(lines[1], 1);
    ck_assert_int_eq(lines[0], 0);
    now += rest;
    ck_assert_uint_eq(relay_pool_take(p, 0, now), 0);
    result(p, 0, CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, now); /* no reply: says nothing */
    ck_assert_uint_eq(relay_pool_take(p, 2, now), 0);
    result(p, 0, CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, now);
    relay_pool_tell(p, &host, &fine);
    ck_assert_int_eq(lines[0], 1);
    size_t first = 0;
    for (int i = 0; i < 20; i++) { /* with its share, and not with all that it missed */
        size_t r = relay_pool_take(p, 0, now);
        first += r == 0;
        result(p, r, CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, now);
    }
    ck_assert_msg(first >= 8 && first <= 12, "the first of two got %zu of 20", first);
    relay_pool_free(p);
}
END_TEST

START_TEST(none_left) {
    static const int weights[] = {1, 1, 1};
    struct relay_pool *p = relay_pool_new(names, weights, 2);
    struct relay_result r;
    result(p, 0, CHANNEL_DEFERRED, CHANNEL_SUBJECT_DESTINATION, S_NS);
    ck_assert_uint_eq(relay_pool_take(p, 2, S_NS), RELAY_POOL_NONE);
    result(p, 1, CHANNEL_UNSENT, CHANNEL_SUBJECT_DESTINATION, S_NS + S_NS / 2);
    ck_assert_uint_eq(relay_pool_take(p, 0, S_NS + S_NS / 2), RELAY_POOL_NONE);
    relay_pool_explain(p, S_NS + S_NS / 2, &r);
    ck_assert_int_eq(r.result.outcome, CHANNEL_UNSENT);
    ck_assert_msg(r.result.retry_after_ms > 490 && r.result.retry_after_ms < 510, "%d",
                  (int)r.result.retry_after_ms);
    ck_assert_msg(strstr(r.reason, "a:25") && strstr(r.reason, "because"), "%s", r.reason);
    relay_pool_free(p);
}
END_TEST

START_TEST(one_is_never_set_aside) {
    static const int weights[] = {1};
    struct relay_pool *p = relay_pool_new(names, weights, 1);
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_eq(relay_pool_take(p, 0, S_NS), 0);
        result(p, 0, CHANNEL_UNSENT, CHANNEL_SUBJECT_DESTINATION, S_NS);
    }
    ck_assert(!relay_pool_has_other(p, 1));
    relay_pool_free(p);
}
END_TEST

/* ---- with a driver */

/* Under valgrind a handshake takes its time. */
static const char *patience(void) {
    return getenv("CK_TIMEOUT_MULTIPLIER") ? "6s" : "1s";
}

static void open_two(struct fixture *f, const struct fixture_way *way, int first, int second,
                     const char *connections) {
    char relays[300];
    snprintf(relays, sizeof relays,
             "[{\"host\": \"localhost\", \"port\": %d, \"weight\": 3}, "
             "{\"host\": \"localhost\", \"port\": %d}]",
             first, second);
    const char *settings[] = {"relays",
                              relays,
                              "connections",
                              connections,
                              "reply_timeout",
                              patience(),
                              "connect_timeout",
                              patience(),
                              "dot_timeout",
                              patience(),
                              "idle_timeout",
                              "100ms",
                              "messages_per_connection",
                              "5",
                              way->setting,
                              way->value,
                              NULL};
    fixture_open(f, way->driver, settings);
}

START_TEST(weights_on_the_wire) {
    static struct fixture f;
    struct fixture_peer a, b;
    fixture_relay_start(&a, &fixture_ways[_i], NULL);
    fixture_relay_start(&b, &fixture_ways[_i], NULL);
    open_two(&f, &fixture_ways[_i], a.port, b.port, "4");
    for (int i = 0; i < 400; i++) {
        fixture_add(&f, "ada@example.com");
    }
    fixture_run(&f);
    size_t first = fixture_peer_count(&a, NULL), second = fixture_peer_count(&b, NULL);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_ACCEPTED), 400);
    ck_assert_uint_eq(first + second, 400);
    ck_assert_msg(second >= 70 && second <= 130, "wanted about 100 of 400, got %zu", second);
    ck_assert_int_eq(f.warnings + f.infos, 0);
    fixture_peer_stop(&a);
    fixture_peer_stop(&b);
}
END_TEST

/* The first of two fails in each of these ways; all messages go by way of the second, and none
 * twice. */
static const struct trouble {
    const char *name;
    const char *args[3]; /* of the peer; the first NULL: nobody listens */
    const char *word;    /* in the log line */
} troubles[] = {
    {"down", {NULL}, "cannot be reached"},
    {"greets with 554", {"--rule", "connect=554 5.3.2 not today"}, "not today"},
    {"hangs up", {"--rule", "connect=cut"}, "closed the connection"},
    {"silent from the start", {"--rule", "connect=stall"}, "no answer in time"},
    {"421 to EHLO", {"--rule", "ehlo=421 4.3.2 closing"}, "closing"},
    {"451 to MAIL", {"--rule", "mail=451 4.3.0 no room"}, "no room"},
    {"550 to MAIL", {"--rule", "mail=550 5.7.1 not from there"}, "not from there"},
    {"silent after RCPT", {"--rule", "rcpt=stall"}, "no answer in time"},
    {"hangs up at RCPT", {"--rule", "rcpt=cut"}, "closed the connection"},
    {"relaying denied", {"--rule", "rcpt=554 5.7.1 Relay access denied"}, "access denied"},
    {"452 after the dot", {"--rule", "dot=452 4.3.1 disk full"}, "disk full"},
};
#define TROUBLES (sizeof troubles / sizeof *troubles)

START_TEST(goes_elsewhere) {
    const struct trouble *t = &troubles[(size_t)_i % TROUBLES];
    const struct fixture_way *way = &fixture_ways[(size_t)_i / TROUBLES];
    static struct fixture f;
    struct fixture_peer a = {0}, b;
    int port = fixture_free_port();
    if (t->args[0]) {
        fixture_relay_start(&a, way, t->args);
        port = a.port;
    }
    fixture_relay_start(&b, way, NULL);
    char first[30];
    snprintf(first, sizeof first, "localhost:%d", port);
    open_two(&f, way, port, b.port, "3");
    for (int i = 0; i < 60; i++) {
        fixture_add(&f, "ada@example.com");
    }
    fixture_run(&f);
    for (size_t i = 0; i < f.wanted; i++) {
        ck_assert_msg(f.results[i].result.outcome == CHANNEL_ACCEPTED, "%s, %s: message %zu: %d %s",
                      way->name, t->name, i, (int)f.results[i].result.outcome, f.results[i].reason);
    }
    ck_assert_uint_eq(fixture_peer_count(&b, NULL), 60);
    ck_assert_msg(f.warnings == 1 && f.infos == 0, "%s: %d warnings, %d infos", t->name, f.warnings,
                  f.infos);
    ck_assert_msg(strstr(f.last_log, t->word) && strstr(f.last_log, first), "%s: %s", t->name,
                  f.last_log);
    if (t->args[0]) {
        ck_assert_uint_eq(fixture_peer_count(&a, NULL), 0);
        fixture_peer_stop(&a);
    }
    fixture_peer_stop(&b);
}
END_TEST

START_TEST(all_down) {
    static struct fixture f;
    open_two(&f, &fixture_ways[_i], fixture_free_port(), fixture_free_port(), "2");
    for (int i = 0; i < 10; i++) {
        fixture_add(&f, "ada@example.com");
    }
    fixture_run(&f);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_UNSENT), 10);
    ck_assert_msg(f.results[9].result.retry_after_ms > 0, "%s", f.results[9].reason);
}
END_TEST

/* Nothing that may have arrived goes to another relay. */
START_TEST(doubt_stays) {
    static const char *const args[] = {"--rule", "dot=take; cut", NULL};
    static struct fixture f;
    struct fixture_peer a, b;
    fixture_relay_start(&a, &fixture_ways[_i], args);
    fixture_relay_start(&b, &fixture_ways[_i], args);
    open_two(&f, &fixture_ways[_i], a.port, b.port, "2");
    for (int i = 0; i < 10; i++) {
        fixture_add(&f, "ada@example.com");
    }
    fixture_run(&f);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_DOUBT), 10);
    ck_assert_uint_eq(fixture_peer_count(&a, NULL) + fixture_peer_count(&b, NULL), 10);
    fixture_peer_stop(&a);
    fixture_peer_stop(&b);
}
END_TEST

Suite *suite_relay_pool(void) {
    Suite *s = suite_create("relay_pool");
    TCase *t = tcase_create("pool");
    tcase_add_test(t, spreads_by_weight);
    tcase_add_test(t, sets_aside_and_takes_back);
    tcase_add_test(t, none_left);
    tcase_add_test(t, one_is_never_set_aside);
    suite_add_tcase(s, t);
    t = tcase_create("driver");
    tcase_set_timeout(t, 30);
    tcase_add_unchecked_fixture(t, fixture_tls_make, fixture_tls_remove);
    tcase_add_loop_test(t, weights_on_the_wire, 0, FIXTURE_WAYS);
    tcase_add_loop_test(t, goes_elsewhere, 0, FIXTURE_WAYS * (int)TROUBLES);
    tcase_add_loop_test(t, all_down, 0, FIXTURE_WAYS);
    tcase_add_loop_test(t, doubt_stays, 0, FIXTURE_WAYS);
    suite_add_tcase(s, t);
    return s;
}
