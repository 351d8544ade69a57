/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/channels/check_channels.h"
#include "tests/channels/fixture.h"

#include <stdio.h>

#define RULES_MAX 8

/* All of this holds for each way. */
static void open_relay(struct fixture *f, const struct fixture_way *way, int port,
                       const char *connections, const char *reply) {
    char port_text[8];
    snprintf(port_text, sizeof port_text, "%d", port);
    const char *settings[] = {
        "host",         "localhost",   "port",       port_text,       "connections",
        connections,    "dot_timeout", reply,        "reply_timeout", reply,
        "idle_timeout", "200ms",       way->setting, way->value,      NULL};
    fixture_open(f, way->driver, settings);
}

/* Each case: five messages to u0..u4@example.com over one connection, so that what comes
 * after a failure is seen too. The rules are about u1 alone, or about all. */
static const struct scenario {
    const char *name;
    const char *args[RULES_MAX];
    enum channel_outcome outcome; /* of u1 */
    enum channel_subject subject;
    int code;
    size_t accepted;  /* results */
    size_t recorded;  /* at the peer */
    const char *word; /* in the reason of u1 */
} scenarios[] = {
    {"all well", {NULL}, CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, 250, 5, 5, "queued as"},
    {"no pipelining",
     {"--extensions", "", NULL},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     250,
     5,
     5,
     "queued as"},
    {"chunking",
     {"--extensions", "PIPELINING,CHUNKING", NULL},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     250,
     5,
     5,
     "queued as"},
    {"no EHLO",
     {"--rule", "ehlo=502 5.5.1 what?", NULL},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     250,
     5,
     5,
     "queued as"},
    {"550 at RCPT",
     {"--rule", "rcpt:u1*=550 5.1.1 no such user", NULL},
     CHANNEL_REFUSED,
     CHANNEL_SUBJECT_ADDRESS,
     550,
     4,
     4,
     "no such user"},
    {"550 at RCPT, no pipelining",
     {"--extensions", "", "--rule", "rcpt:u1*=550 5.1.1 no such user", NULL},
     CHANNEL_REFUSED,
     CHANNEL_SUBJECT_ADDRESS,
     550,
     4,
     4,
     "no such user"},
    {"550 at RCPT, chunking",
     {"--extensions", "PIPELINING,CHUNKING", "--rule", "rcpt:u1*=550 no such user", NULL},
     CHANNEL_REFUSED,
     CHANNEL_SUBJECT_ADDRESS,
     550,
     4,
     4,
     "no such user"},
    {"450 at RCPT",
     {"--rule", "rcpt:u1*=450 4.2.0 later", NULL},
     CHANNEL_DEFERRED,
     CHANNEL_SUBJECT_ADDRESS,
     450,
     4,
     4,
     "later"},
    {"all refused at RCPT",
     {"--rule", "rcpt=550 5.1.1 none here", NULL},
     CHANNEL_REFUSED,
     CHANNEL_SUBJECT_ADDRESS,
     550,
     0,
     0,
     "none here"},
    {"421 at RCPT, every time",
     {"--rule", "rcpt:u1*=421 4.3.2 closing", NULL},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_DESTINATION,
     421,
     4,
     4,
     "closing"},
    {"421 at RCPT, once",
     {"--rule", "rcpt:u1*#1=421 4.3.2 closing", NULL},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     250,
     5,
     5,
     "queued"},
    {"421 after two on a connection",
     {"--max-messages", "2", NULL},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     250,
     5,
     5,
     "queued"},
    {"closed after each",
     {"--cut-after", "1", NULL},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     250,
     5,
     5,
     "queued"},
    {"550 at MAIL",
     {"--rule", "mail=550 5.1.8 bad sender", NULL},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     550,
     0,
     0,
     "bad sender"},
    {"451 at MAIL, twice",
     {"--rule", "mail#2=451 4.3.0 busy", NULL},
     CHANNEL_DEFERRED,
     CHANNEL_SUBJECT_DESTINATION,
     451,
     3,
     3,
     "busy"},
    {"554 at DATA",
     {"--rule", "data:u1*=554 5.5.0 no", NULL},
     CHANNEL_REFUSED,
     CHANNEL_SUBJECT_MESSAGE,
     554,
     4,
     4,
     "no"},
    {"451 at DATA",
     {"--rule", "data:u1*=451 4.3.0 later", NULL},
     CHANNEL_DEFERRED,
     CHANNEL_SUBJECT_MESSAGE,
     451,
     4,
     4,
     "later"},
    {"554 at the dot",
     {"--rule", "dot:u1*=554 5.6.0 spam", NULL},
     CHANNEL_REFUSED,
     CHANNEL_SUBJECT_MESSAGE,
     554,
     4,
     4,
     "spam"},
    {"554 at the dot, chunking",
     {"--extensions", "CHUNKING", "--rule", "dot:u1*=554 5.6.0 spam", NULL},
     CHANNEL_REFUSED,
     CHANNEL_SUBJECT_MESSAGE,
     554,
     4,
     4,
     "spam"},
    {"451 at the dot",
     {"--rule", "dot:u1*=451 4.3.0 later", NULL},
     CHANNEL_DEFERRED,
     CHANNEL_SUBJECT_MESSAGE,
     451,
     4,
     4,
     "later"},
    {"cut at MAIL, once",
     {"--rule", "mail#1=cut", NULL},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     250,
     4,
     4,
     "queued"},
    {"cut at RCPT",
     {"--rule", "rcpt:u1*=cut", NULL},
     CHANNEL_DEFERRED,
     CHANNEL_SUBJECT_MESSAGE,
     0,
     4,
     4,
     "closed the connection"},
    {"cut at DATA",
     {"--rule", "data:u1*=cut", NULL},
     CHANNEL_DEFERRED,
     CHANNEL_SUBJECT_MESSAGE,
     0,
     4,
     4,
     "RCPT TO was accepted"},
    {"accepted, then cut before the reply",
     {"--rule", "dot:u1*=take; cut", NULL},
     CHANNEL_DOUBT,
     CHANNEL_SUBJECT_MESSAGE,
     0,
     4,
     5,
     "handed over"},
    {"not accepted, then cut after the dot",
     {"--rule", "dot:u1*=cut", NULL},
     CHANNEL_DOUBT,
     CHANNEL_SUBJECT_MESSAGE,
     0,
     4,
     4,
     "handed over"},
    {"reset after the dot",
     {"--rule", "dot:u1*=take; reset", NULL},
     CHANNEL_DOUBT,
     CHANNEL_SUBJECT_MESSAGE,
     0,
     4,
     5,
     "handed over"},
    {"cut after the dot, chunking",
     {"--extensions", "CHUNKING,PIPELINING", "--rule", "dot:u1*=take; cut", NULL},
     CHANNEL_DOUBT,
     CHANNEL_SUBJECT_MESSAGE,
     0,
     4,
     5,
     "handed over"},
    {"stall after the dot",
     {"--rule", "dot:u1*=take; stall", NULL},
     CHANNEL_DOUBT,
     CHANNEL_SUBJECT_MESSAGE,
     0,
     4,
     5,
     "no answer in time"},
    {"nonsense after the dot",
     {"--rule", "dot:u1*=take; 999 hm", NULL},
     CHANNEL_DOUBT,
     CHANNEL_SUBJECT_DESTINATION,
     999,
     4,
     5,
     "hm"},
    {"stall at RCPT",
     {"--rule", "rcpt:u1*=stall", NULL},
     CHANNEL_DEFERRED,
     CHANNEL_SUBJECT_MESSAGE,
     0,
     4,
     4,
     "no answer in time"},
    {"lies: 354 and 250 after a refused RCPT",
     {"--rule", "rcpt:u1*=550 5.1.1 no", "--rule", "data=354 go", NULL},
     CHANNEL_REFUSED,
     CHANNEL_SUBJECT_ADDRESS,
     550,
     4,
     4,
     "no"},
    {"greeting 554",
     {"--rule", "connect=554 5.3.2 closed for good", NULL},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_DESTINATION,
     554,
     0,
     0,
     "closed for good"},
    {"greeting 421",
     {"--rule", "connect=421 4.3.2 busy", NULL},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_DESTINATION,
     421,
     0,
     0,
     "busy"},
    {"EHLO 550",
     {"--rule", "ehlo=550 5.7.1 not you", "--rule", "helo=550 5.7.1 not you", NULL},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     550,
     0,
     0,
     "not you"},
    {"cut at once",
     {"--rule", "connect=cut", NULL},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_DESTINATION,
     0,
     0,
     0,
     "closed the connection"},
    {"too big",
     {"--size", "100", NULL},
     CHANNEL_REFUSED,
     CHANNEL_SUBJECT_MESSAGE,
     0,
     0,
     0,
     "takes 100 at most"},
    {"multi-line replies",
     {"--rule", "rcpt:u1*=550 5.1.1 no\\n5.1.1 such\\n5.1.1 user", NULL},
     CHANNEL_REFUSED,
     CHANNEL_SUBJECT_ADDRESS,
     550,
     4,
     4,
     "no such user"},
};

START_TEST(scenario) {
    const struct scenario *s = &scenarios[_i / FIXTURE_WAYS];
    const struct fixture_way *way = &fixture_ways[_i % FIXTURE_WAYS];
    static struct fixture f;
    struct fixture_peer peer;
    fixture_relay_start(&peer, way, s->args);
    open_relay(&f, way, peer.port, "1", "1s");
    for (int i = 0; i < 5; i++) {
        char to[32];
        snprintf(to, sizeof to, "u%d@example.com", i);
        fixture_add(&f, to);
    }
    fixture_run(&f);
    const struct channel_result *r = &f.results[1].result;
    ck_assert_msg(r->outcome == s->outcome && r->subject == s->subject && r->code == s->code,
                  "%s, %s: wanted %d/%d/%d, got %d/%d/%d: %s", way->name, s->name, (int)s->outcome,
                  (int)s->subject, s->code, (int)r->outcome, (int)r->subject, r->code,
                  f.results[1].reason);
    ck_assert_msg(strstr(f.results[1].reason, s->word) != NULL, "%s, %s: wanted `%s` in: %s",
                  way->name, s->name, s->word, f.results[1].reason);
    ck_assert_msg(fixture_count(&f, CHANNEL_ACCEPTED) == s->accepted,
                  "%s, %s: %zu accepted, not %zu", way->name, s->name,
                  fixture_count(&f, CHANNEL_ACCEPTED), s->accepted);
    ck_assert_msg(fixture_peer_count(&peer, NULL) == s->recorded,
                  "%s, %s: the peer has %zu, not %zu", way->name, s->name,
                  fixture_peer_count(&peer, NULL), s->recorded);
    for (size_t i = 0; i < 5; i++) { /* what was accepted is there, once */
        if (f.results[i].result.outcome == CHANNEL_ACCEPTED) {
            ck_assert_uint_eq(fixture_peer_count(&peer, f.texts[i][1]), 1);
        }
    }
    fixture_peer_stop(&peer);
}
END_TEST

START_TEST(refuses_what_must_not_leave) {
    static const char *const bad[] = {"ada@example.com\r\nRCPT TO:<eve@example.com>", "no address",
                                      "", "j\xc3\xb6rg@example.com"};
    static struct fixture f;
    struct fixture_peer peer;
    fixture_relay_start(&peer, &fixture_ways[_i], NULL);
    open_relay(&f, &fixture_ways[_i], peer.port, "2", "5s");
    for (size_t i = 0; i < 4; i++) {
        fixture_add(&f, bad[i]);
    }
    fixture_add(&f, "ada@example.com")->subject =
        (struct channel_text){"Hi\r\nBcc: eve@example.com", 24};
    fixture_add(&f, "fine@example.com");
    fixture_run(&f);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(f.results[i].result.outcome, CHANNEL_REFUSED);
        ck_assert_int_eq(f.results[i].result.subject,
                         i < 4 ? CHANNEL_SUBJECT_ADDRESS : CHANNEL_SUBJECT_MESSAGE);
    }
    ck_assert_int_eq(f.results[5].result.outcome, CHANNEL_ACCEPTED);
    ck_assert_uint_eq(fixture_peer_count(&peer, NULL), 1);
    ck_assert_uint_eq(fixture_peer_count(&peer, "eve"), 0);
    fixture_peer_stop(&peer);
}
END_TEST

START_TEST(many_connections) {
    static struct fixture f;
    struct fixture_peer peer;
    fixture_relay_start(&peer, &fixture_ways[_i],
                        (const char *[]){"--rule", "rcpt:*7@*=550 5.1.1 no", NULL});
    open_relay(&f, &fixture_ways[_i], peer.port, "8", "10s");
    for (int i = 0; i < 500; i++) {
        char to[32];
        snprintf(to, sizeof to, "u%d@example.com", i);
        fixture_add(&f, to);
    }
    fixture_run(&f);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_ACCEPTED), 450);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_REFUSED), 50);
    ck_assert_uint_eq(fixture_peer_count(&peer, NULL), 450);
    ck_assert_uint_eq(f.most_in_flight, 8);
    for (size_t i = 0; i < 500; i++) {
        ck_assert_uint_eq(fixture_peer_count(&peer, f.texts[i][1]), i % 10 == 7 ? 0 : 1);
    }
    fixture_peer_stop(&peer);
}
END_TEST

/* TCP_NODELAY is set: without it this takes 44 ms a message, 23 a second. */
START_TEST(one_connection_is_fast) {
    static struct fixture f;
    struct fixture_peer peer;
    static char text[4000];
    memset(text, 'x', sizeof text);
    for (size_t i = 70; i < sizeof text; i += 71) {
        text[i] = '\n';
    }
    fixture_relay_start(&peer, &fixture_ways[_i], NULL);
    open_relay(&f, &fixture_ways[_i], peer.port, "1", "10s");
    for (int i = 0; i < 300; i++) {
        fixture_add(&f, "ada@example.com")->text = (struct channel_text){text, sizeof text};
    }
    fixture_run(&f);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_ACCEPTED), 300);
    ck_assert_uint_lt(f.results[299].at_ms, 3000);
    fixture_peer_stop(&peer);
}
END_TEST

START_TEST(relay_is_down) {
    static struct fixture f;
    open_relay(&f, &fixture_ways[_i], fixture_free_port(), "3", "5s");
    for (int i = 0; i < 9; i++) {
        fixture_add(&f, "ada@example.com");
    }
    fixture_run(&f);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_UNSENT), 9);
    ck_assert_int_eq(f.results[0].result.subject, CHANNEL_SUBJECT_DESTINATION);
    ck_assert_msg(strstr(f.results[0].reason, "cannot be reached") != NULL, "%s",
                  f.results[0].reason);
    ck_assert_int_eq(f.warnings, 1); /* one line for the change of state, not one a message */
}
END_TEST

START_TEST(unknown_host) {
    static struct fixture f;
    const char *settings[] = {"host", "no-such-host.invalid", NULL};
    fixture_open(&f, "smtp", settings);
    fixture_add(&f, "ada@example.com");
    fixture_run(&f);
    ck_assert_int_eq(f.results[0].result.outcome, CHANNEL_UNSENT);
    ck_assert_int_eq(f.results[0].result.subject, CHANNEL_SUBJECT_DESTINATION);
}
END_TEST

/* Closing: what is under way may finish, what has not begun comes back, and a relay that
 * stalls is cut at the deadline with the true outcome. */
START_TEST(close_with_deadline) {
    static struct fixture f;
    struct fixture_peer peer;
    fixture_relay_start(&peer, &fixture_ways[_i],
                        (const char *[]){"--rule", "dot:slow*=take; sleep 0.5; 250 ok", "--rule",
                                         "dot:never*=take; stall", "--rule", "rcpt:hang*=stall",
                                         NULL});
    open_relay(&f, &fixture_ways[_i], peer.port, "3", "60s");
    fixture_add(&f, "slow@example.com");
    fixture_add(&f, "never@example.com");
    fixture_add(&f, "hang@example.com");
    fixture_add(&f, "waiting@example.com");
    fixture_run_closing(&f, 300, 1000);
    ck_assert_int_eq(f.results[0].result.outcome, CHANNEL_ACCEPTED);
    ck_assert_int_eq(f.results[1].result.outcome, CHANNEL_DOUBT);
    ck_assert_int_eq(f.results[2].result.outcome, CHANNEL_DEFERRED);
    ck_assert_uint_eq(f.handed, 3);
    ck_assert_uint_lt(f.results[1].at_ms, 3000);
    fixture_peer_stop(&peer);
}
END_TEST

Suite *suite_smtp(void) {
    Suite *s = suite_create("smtp");
    TCase *t = tcase_create("peer");
    tcase_set_timeout(t, 30);
    tcase_add_unchecked_fixture(t, fixture_tls_make, fixture_tls_remove);
    tcase_add_loop_test(t, scenario, 0, FIXTURE_WAYS * (int)(sizeof scenarios / sizeof *scenarios));
    tcase_add_loop_test(t, refuses_what_must_not_leave, 0, FIXTURE_WAYS);
    tcase_add_loop_test(t, many_connections, 0, FIXTURE_WAYS);
    tcase_add_loop_test(t, one_connection_is_fast, 0, FIXTURE_WAYS);
    tcase_add_loop_test(t, relay_is_down, 0, FIXTURE_WAYS);
    tcase_add_loop_test(t, unknown_host, 0, FIXTURE_WAYS);
    tcase_add_loop_test(t, close_with_deadline, 0, FIXTURE_WAYS);
    suite_add_tcase(s, t);
    return s;
}
