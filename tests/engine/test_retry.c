/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/retry.h"
#include "tests/engine/check_engine.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)
#define NOW (1000 * DAY)

/* What follows from each kind of answer. `least` and `most`: seconds until it is due again;
 * -1: never. */
static const struct {
    const char *name;
    enum channel_outcome outcome;
    enum channel_subject subject;
    int code;
    const char *enhanced, *text;
    int attempts;
    enum in_doubt in_doubt;
    enum message_status status;
    int64_t least, most;
    bool given_back, doubted;
    enum bounce_class bounce, late; /* and when that was its end */
    bool pause;
} cases[] = {
    {"accepted", CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, 250, "2.0.0", "ok", 1, IN_DOUBT_HOLD,
     MESSAGE_SENT, -1, -1, false, false, BOUNCE_NONE, BOUNCE_NONE, false},
    {"unknown mailbox", CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, 550, "5.1.1", "no", 1,
     IN_DOUBT_HOLD, MESSAGE_FAILED, -1, -1, false, false, BOUNCE_HARD, BOUNCE_HARD, false},
    {"unknown mailbox, by its text", CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, 550, "",
     "User Unknown in table", 1, IN_DOUBT_HOLD, MESSAGE_FAILED, -1, -1, false, false, BOUNCE_HARD,
     BOUNCE_HARD, false},
    {"mailbox full", CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, 552, "5.2.2", "full", 1,
     IN_DOUBT_HOLD, MESSAGE_FAILED, -1, -1, false, false, BOUNCE_FULL, BOUNCE_FULL, false},
    {"our own check of the address", CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, 0, "", "bad", 1,
     IN_DOUBT_HOLD, MESSAGE_FAILED, -1, -1, false, false, BOUNCE_NONE, BOUNCE_NONE, false},
    {"message refused", CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, 554, "5.7.1", "spam", 1,
     IN_DOUBT_HOLD, MESSAGE_FAILED, -1, -1, false, false, BOUNCE_BLOCK, BOUNCE_BLOCK, false},
    {"message too big", CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, 552, "5.3.4", "big", 1,
     IN_DOUBT_HOLD, MESSAGE_FAILED, -1, -1, false, false, BOUNCE_CONTENT, BOUNCE_CONTENT, false},
    {"listed", CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, 550, "5.1.1", "on our blocklist", 1,
     IN_DOUBT_HOLD, MESSAGE_FAILED, -1, -1, false, false, BOUNCE_BLOCK, BOUNCE_BLOCK, false},
    {"full for now", CHANNEL_DEFERRED, CHANNEL_SUBJECT_ADDRESS, 452, "4.2.2", "full", 1,
     IN_DOUBT_HOLD, MESSAGE_DEFERRED, 240, 360, false, false, BOUNCE_NONE, BOUNCE_FULL, false},
    {"message deferred", CHANNEL_DEFERRED, CHANNEL_SUBJECT_MESSAGE, 451, "4.3.0", "later", 1,
     IN_DOUBT_HOLD, MESSAGE_DEFERRED, 240, 360, false, false, BOUNCE_NONE, BOUNCE_SOFT, false},
    {"login refused", CHANNEL_REFUSED, CHANNEL_SUBJECT_CHANNEL, 535, "5.7.8", "no", 1,
     IN_DOUBT_HOLD, MESSAGE_QUEUED, 48, 72, true, false, BOUNCE_NONE, BOUNCE_NONE, true},
    {"greylisted", CHANNEL_DEFERRED, CHANNEL_SUBJECT_ADDRESS, 451, "4.7.1", "later", 1,
     IN_DOUBT_HOLD, MESSAGE_DEFERRED, 240, 360, false, false, BOUNCE_NONE, BOUNCE_BLOCK, false},
    {"greylisted, third time", CHANNEL_DEFERRED, CHANNEL_SUBJECT_ADDRESS, 451, "4.7.1", "later", 3,
     IN_DOUBT_HOLD, MESSAGE_DEFERRED, 960, 1440, false, false, BOUNCE_NONE, BOUNCE_BLOCK, false},
    {"never more than four hours", CHANNEL_DEFERRED, CHANNEL_SUBJECT_ADDRESS, 451, "", "later", 30,
     IN_DOUBT_HOLD, MESSAGE_DEFERRED, 11520, 17280, false, false, BOUNCE_NONE, BOUNCE_SOFT, false},
    {"421", CHANNEL_DEFERRED, CHANNEL_SUBJECT_DESTINATION, 421, "4.3.2", "busy", 1, IN_DOUBT_HOLD,
     MESSAGE_QUEUED, 48, 72, true, false, BOUNCE_NONE, BOUNCE_NONE, true},
    {"connection refused", CHANNEL_UNSENT, CHANNEL_SUBJECT_DESTINATION, 0, "", "refused", 1,
     IN_DOUBT_HOLD, MESSAGE_QUEUED, 0, 0, true, false, BOUNCE_NONE, BOUNCE_NONE, true},
    {"doubt, hold", CHANNEL_DOUBT, CHANNEL_SUBJECT_DESTINATION, 0, "", "lost", 1, IN_DOUBT_HOLD,
     MESSAGE_IN_DOUBT, -1, -1, false, true, BOUNCE_NONE, BOUNCE_NONE, false},
    {"doubt, resend", CHANNEL_DOUBT, CHANNEL_SUBJECT_DESTINATION, 0, "", "lost", 1, IN_DOUBT_RESEND,
     MESSAGE_QUEUED, 60, 60, false, true, BOUNCE_NONE, BOUNCE_NONE, false},
};

static struct outbox_result ask(size_t i, int64_t queued_us, int64_t expires_us, bool *pause) {
    struct channel_result r = {.outcome = cases[i].outcome,
                               .subject = cases[i].subject,
                               .code = cases[i].code,
                               .reason = {cases[i].text, strlen(cases[i].text)},
                               .retry_after_ms = -1};
    memcpy(r.enhanced, cases[i].enhanced, strlen(cases[i].enhanced) + 1);
    struct retry_input in = {.id = 4711 + (int64_t)i,
                             .attempts = cases[i].attempts,
                             .queued_us = queued_us,
                             .expires_us = expires_us,
                             .now_us = NOW,
                             .mail = true,
                             .in_doubt = cases[i].in_doubt};
    return retry_after(&in, &r, pause);
}

START_TEST(policy) {
    bool pause;
    struct outbox_result x = ask((size_t)_i, NOW - MINUTE, 0, &pause);
    const char *name = cases[_i].name;
    ck_assert_msg(x.status == cases[_i].status, "%s: %s, not %s", name,
                  message_status_name(x.status), message_status_name(cases[_i].status));
    if (cases[_i].least < 0) {
        ck_assert_msg(x.due_us == 0, "%s: due again", name);
    } else {
        int64_t seconds = (x.due_us - NOW) / SECOND;
        ck_assert_msg(x.due_us && seconds >= cases[_i].least && seconds <= cases[_i].most,
                      "%s: due in %lld s", name, (long long)seconds);
    }
    ck_assert_msg(x.given_back == cases[_i].given_back, "%s: attempt given back", name);
    ck_assert_msg(x.doubted == cases[_i].doubted, "%s: doubted", name);
    ck_assert_msg(x.bounce.class == cases[_i].bounce, "%s: class %d", name, x.bounce.class);
    ck_assert_str_eq(x.enhanced, x.bounce.class ? cases[_i].enhanced : "");
    ck_assert_msg(pause == cases[_i].pause, "%s: pause", name);
}
END_TEST

/* Past its end a message that would be tried again has failed, unless it may have arrived. */
START_TEST(the_end) {
    bool pause;
    if (cases[_i].least < 0)
        return;
    enum message_status wanted = cases[_i].doubted ? MESSAGE_IN_DOUBT : MESSAGE_FAILED;
    struct outbox_result old = ask((size_t)_i, NOW - 4 * DAY, 0, &pause);
    ck_assert_msg(old.status == wanted && !old.due_us, "%s: after three days", cases[_i].name);
    ck_assert_msg(old.bounce.class == cases[_i].late, "%s: class %d at the end", cases[_i].name,
                  old.bounce.class);
    struct outbox_result late = ask((size_t)_i, NOW - MINUTE, NOW, &pause);
    ck_assert_msg(late.status == wanted && !late.due_us, "%s: expired", cases[_i].name);
}
END_TEST

START_TEST(the_peer_asks_for_more_time) {
    struct channel_result r = {.outcome = CHANNEL_DEFERRED,
                               .subject = CHANNEL_SUBJECT_MESSAGE,
                               .retry_after_ms = 7200 * 1000};
    struct retry_input in = {.id = 1, .attempts = 1, .queued_us = NOW, .now_us = NOW};
    bool pause;
    ck_assert_int_eq(retry_after(&in, &r, &pause).due_us, NOW + 120 * MINUTE);
    in.first_us = SECOND;
    r.retry_after_ms = -1;
    ck_assert_int_le(retry_after(&in, &r, &pause).due_us, NOW + 2 * SECOND);
}
END_TEST

START_TEST(rests_grow) {
    struct channel_result r = {.outcome = CHANNEL_UNSENT, .retry_after_ms = -1};
    ck_assert_int_eq(retry_pause_ms(1, &r), 1000);
    ck_assert_int_eq(retry_pause_ms(3, &r), 4000);
    ck_assert_int_eq(retry_pause_ms(50, &r), 60000);
    r.retry_after_ms = 300000;
    ck_assert_int_eq(retry_pause_ms(1, &r), 300000);
}
END_TEST

Suite *suite_retry(void) {
    Suite *s = suite_create("retry");
    TCase *t = tcase_create("policy");
    tcase_add_loop_test(t, policy, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, the_end, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, the_peer_asks_for_more_time);
    tcase_add_test(t, rests_grow);
    suite_add_tcase(s, t);
    return s;
}
