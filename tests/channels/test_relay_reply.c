/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/relay_reply.h"
#include "tests/channels/check_channels.h"

#define ACCEPTED CHANNEL_ACCEPTED
#define REFUSED CHANNEL_REFUSED
#define DEFERRED CHANNEL_DEFERRED
#define DOUBT CHANNEL_DOUBT
#define UNSENT CHANNEL_UNSENT
#define NONE CHANNEL_SUBJECT_NONE
#define ADDRESS CHANNEL_SUBJECT_ADDRESS
#define MESSAGE CHANNEL_SUBJECT_MESSAGE
#define CHANNEL CHANNEL_SUBJECT_CHANNEL
#define DESTINATION CHANNEL_SUBJECT_DESTINATION

static const struct {
    enum relay_stage stage;
    const char *lines;
    enum channel_outcome outcome;
    enum channel_subject subject;
    const char *enhanced;
    const char *reason;
    const char *id;
} cases[] = {
    {RELAY_DOT, "250 2.0.0 Ok: queued as 4ZQxyz", ACCEPTED, NONE, "2.0.0", "Ok: queued as 4ZQxyz",
     "4ZQxyz"},
    {RELAY_DOT, "250 OK id=1tEabc-0001-XY", ACCEPTED, NONE, "", "OK id=1tEabc-0001-XY",
     "1tEabc-0001-XY"},
    {RELAY_DOT, "250 thanks", ACCEPTED, NONE, "", "thanks", ""},
    {RELAY_RCPT, "550 5.1.1 <x@y>: user unknown", REFUSED, ADDRESS, "5.1.1", "<x@y>: user unknown",
     ""},
    {RELAY_RCPT, "550 no such user", REFUSED, ADDRESS, "", "no such user", ""},
    {RELAY_RCPT, "452 4.2.2 mailbox full", DEFERRED, ADDRESS, "4.2.2", "mailbox full", ""},
    {RELAY_RCPT, "552 5.2.2 mailbox full", REFUSED, ADDRESS, "5.2.2", "mailbox full", ""},
    {RELAY_RCPT, "552 too many recipients", DEFERRED, ADDRESS, "", "too many recipients", ""},
    {RELAY_RCPT, "552 5.3.4 too big", REFUSED, MESSAGE, "5.3.4", "too big", ""},
    {RELAY_RCPT, "450 4.7.1 Greylisted", DEFERRED, MESSAGE, "4.7.1", "Greylisted", ""},
    {RELAY_RCPT, "554 5.7.1 <a@b>: Relay access denied", UNSENT, CHANNEL, "5.7.1",
     "<a@b>: Relay access denied", ""},
    {RELAY_RCPT, "550 relay not permitted", UNSENT, CHANNEL, "", "relay not permitted", ""},
    {RELAY_RCPT, "550 5.7.1 recipient does not want this", REFUSED, MESSAGE, "5.7.1",
     "recipient does not want this", ""},
    {RELAY_RCPT, "530 5.7.0 authenticate first", UNSENT, CHANNEL, "5.7.0", "authenticate first",
     ""},
    {RELAY_RCPT, "421 4.3.2 shutting down", UNSENT, DESTINATION, "4.3.2", "shutting down", ""},
    {RELAY_MAIL, "552 5.3.4 message too big", REFUSED, MESSAGE, "5.3.4", "message too big", ""},
    {RELAY_MAIL, "550 5.1.8 sender refused", UNSENT, CHANNEL, "5.1.8", "sender refused", ""},
    {RELAY_MAIL, "530 5.7.0 authenticate first", UNSENT, CHANNEL, "5.7.0", "authenticate first",
     ""},
    {RELAY_MAIL, "452 4.3.1 no space", DEFERRED, DESTINATION, "4.3.1", "no space", ""},
    {RELAY_MAIL, "421 too many", UNSENT, DESTINATION, "", "too many", ""},
    {RELAY_GREETING, "554 go away", UNSENT, DESTINATION, "", "go away", ""},
    {RELAY_GREETING, "550 bad name", UNSENT, CHANNEL, "", "bad name", ""},
    {RELAY_GREETING, "421 busy", UNSENT, DESTINATION, "", "busy", ""},
    {RELAY_TLS, "454 4.7.0 TLS not available", UNSENT, DESTINATION, "4.7.0", "TLS not available",
     ""},
    {RELAY_DATA, "451 4.3.0 later", DEFERRED, MESSAGE, "4.3.0", "later", ""},
    {RELAY_DATA, "554 5.5.1 no", REFUSED, MESSAGE, "5.5.1", "no", ""},
    {RELAY_DOT, "554 5.7.1 spam", REFUSED, MESSAGE, "5.7.1", "spam", ""},
    {RELAY_DOT, "554 5.6.0 bad content", REFUSED, MESSAGE, "5.6.0", "bad content", ""},
    {RELAY_DOT, "550 5.1.1 no such user after all", REFUSED, ADDRESS, "5.1.1",
     "no such user after all", ""},
    {RELAY_DOT, "452 4.3.1 disk full", DEFERRED, DESTINATION, "4.3.1", "disk full", ""},
    {RELAY_DOT, "452 no space", DEFERRED, DESTINATION, "", "no space", ""},
    {RELAY_DOT, "451 4.3.0 queue file write error", DEFERRED, MESSAGE, "4.3.0",
     "queue file write error", ""},
    {RELAY_DOT, "451 try again", DEFERRED, MESSAGE, "", "try again", ""},
    {RELAY_DOT, "354 what?", DOUBT, DESTINATION, "", "what?", ""},
    {RELAY_RCPT, "550 5.1.1 line\r\nbreak \x1b[31m\x07 and \xff bytes  ", REFUSED, ADDRESS, "5.1.1",
     "line break [31m and ? bytes", ""},
    {RELAY_RCPT, "550 5.1.1000 odd", REFUSED, ADDRESS, "", "5.1.1000 odd", ""},
};

START_TEST(reply_cases) {
    struct relay_reply reply = relay_reply_parse(str_from(cases[_i].lines));
    struct relay_result got;
    relay_reply_judge(cases[_i].stage, &reply, &got);
    const struct channel_result *r = &got.result;
    ck_assert_msg(r->outcome == cases[_i].outcome && r->subject == cases[_i].subject,
                  "%s at stage %d: wanted %d/%d, got %d/%d", cases[_i].lines, (int)cases[_i].stage,
                  (int)cases[_i].outcome, (int)cases[_i].subject, (int)r->outcome, (int)r->subject);
    ck_assert_str_eq(r->enhanced, cases[_i].enhanced);
    ck_assert_msg(str_eq(str_of(r->reason.p, r->reason.n), str_from(cases[_i].reason)),
                  "wanted `%s`, got `%.*s`", cases[_i].reason, (int)r->reason.n, r->reason.p);
    ck_assert_msg(str_eq(str_of(r->provider_id.p, r->provider_id.n), str_from(cases[_i].id)),
                  "wanted `%s`, got `%.*s`", cases[_i].id, (int)r->provider_id.n, r->provider_id.p);
}
END_TEST

START_TEST(reply_advice) {
    struct relay_result got;
    struct relay_reply grey = relay_reply_parse(S("450 4.7.1 You are greylisted, come back"));
    relay_reply_judge(RELAY_RCPT, &grey, &got);
    ck_assert_int_eq(got.result.retry_after_ms, 300000);
    struct relay_reply full = relay_reply_parse(S("452 4.2.2 full"));
    relay_reply_judge(RELAY_RCPT, &full, &got);
    ck_assert_int_eq(got.result.retry_after_ms, -1);
}
END_TEST

START_TEST(reply_of_any_length) {
    static char long_text[5000] = "550 ";
    memset(long_text + 4, 'x', sizeof long_text - 5);
    memcpy(long_text + 480, "\xe4\xbe\x8b\xe5\xad\x90\xe4\xbe\x8b\xe5\xad\x90", 12);
    struct relay_reply reply = relay_reply_parse(str_from(long_text));
    struct relay_result got;
    relay_reply_judge(RELAY_RCPT, &reply, &got);
    ck_assert_uint_le(got.result.reason.n, 500);
    ck_assert_uint_ge(got.result.reason.n, 490);
}
END_TEST

Suite *suite_relay_reply(void) {
    Suite *s = suite_create("relay_reply");
    TCase *t = tcase_create("table");
    tcase_add_loop_test(t, reply_cases, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, reply_advice);
    tcase_add_test(t, reply_of_any_length);
    suite_add_tcase(s, t);
    return s;
}
