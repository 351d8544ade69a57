/* SPDX-License-Identifier: Apache-2.0
 * The drivers over HTTP against a scripted peer: tests/peers/http_peer.py. */
#include "config.h"

#include "base/io/http_address.h"
#include "base/io/http_client.h"
#include "channels/webhook_signature.h"
#include "tests/channels/check_channels.h"
#include "tests/channels/fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OLD_SECRET "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static struct fixture f;
static struct fixture_peer peer;
static char url[100];

static void open_with(const char *driver, const char *path, const char *const *more,
                      const char *const *rules) {
    const char *args[22] = {NULL}, *settings[40] = {NULL};
    size_t n = 0;
    for (size_t i = 0; rules && rules[i] && n < 20; i++) {
        args[n++] = "--rule";
        args[n++] = rules[i];
    }
    fixture_peer_start_script(&peer, "http_peer.py", args);
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", peer.port, path);
    n = 0;
    settings[n++] = strcmp(driver, "twilio") == 0 ? "base_url" : "url";
    settings[n++] = url;
    for (size_t i = 0; more[i]; i++)
        settings[n++] = more[i];
    fixture_open(&f, driver, settings);
}

static struct channel_text text_of(const char *p) {
    return (struct channel_text){p, strlen(p)};
}

static struct channel_message *add_sms(const char *to, const char *text) {
    struct channel_message *m = fixture_add(&f, to);
    m->kind = CHANNEL_SMS;
    m->sms = text_of(text);
    m->id = text_of("0123456789abcdef@acme.example");
    return m;
}

static struct channel_message *add_webhook(const char *to, const char *body) {
    struct channel_message *m = fixture_add(&f, to);
    m->kind = CHANNEL_WEBHOOK;
    m->body = text_of(body);
    m->id = text_of("0123456789abcdef@acme.example");
    return m;
}

static void finish(void) {
    fixture_peer_stop(&peer);
}

/* ---- kannel */

static const char *const kannel[] = {"username", "godwit", "password", "s&cret",
                                     "from",     "ACME",   NULL};

static const struct {
    const char *rule, *text, *to;
    enum channel_outcome outcome;
    enum channel_subject subject;
    int code, segments;
} kannel_cases[] = {
    {"{\"status\": 202, \"body\": \"0: Accepted for delivery\"}", "Hi", "+447700900123",
     CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, 202, 1},
    {"{\"status\": 202, \"body\": \"3: Queued for later delivery\"}", "你好 €", "+447700900123",
     CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, 202, 1},
    {"{\"status\": 403, \"body\": \"Authorization failed for sendsms\"}", "Hi", "+447700900123",
     CHANNEL_REFUSED, CHANNEL_SUBJECT_CHANNEL, 403, 1},
    {"{\"status\": 400, \"body\": \"Number(s) has/have been denied by white- and/or "
     "black-lists.\"}",
     "Hi", "+447700900123", CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, 400, 1},
    {"{\"status\": 400, \"body\": \"Invalid content-type\"}", "Hi", "+447700900123",
     CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, 400, 1},
    {"{\"status\": 503, \"headers\": {\"Retry-After\": \"7\"}}", "Hi", "+447700900123",
     CHANNEL_DEFERRED, CHANNEL_SUBJECT_DESTINATION, 503, 1},
    {"{\"cut\": \"request\"}", "Hi", "+447700900123", CHANNEL_DOUBT, CHANNEL_SUBJECT_DESTINATION, 0,
     1},
    {"{\"stall\": true}", "Hi", "+447700900123", CHANNEL_DOUBT, CHANNEL_SUBJECT_DESTINATION, 0, 1},
    {"{}", "Hi", "nobody", CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, 0, 0},
    {"{}", "", "+447700900123", CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, 0, 0},
};

START_TEST(kannel_answers) {
    const char *rules[] = {kannel_cases[_i].rule, NULL};
    const char *settings[10] = {"timeout", "500ms"};
    memcpy(settings + 2, kannel, sizeof kannel);
    open_with("kannel", "/cgi-bin/sendsms", settings, rules);
    add_sms(kannel_cases[_i].to, kannel_cases[_i].text);
    fixture_run(&f);
    const struct channel_result *r = &f.results[0].result;
    ck_assert_msg(r->outcome == kannel_cases[_i].outcome, "%d: %s", r->outcome,
                  f.results[0].reason);
    ck_assert_int_eq(r->subject, kannel_cases[_i].subject);
    ck_assert_int_eq(r->code, kannel_cases[_i].code);
    ck_assert_int_eq(r->segments, kannel_cases[_i].segments);
    if (r->code == 503)
        ck_assert_int_eq(r->retry_after_ms, 7000);
    if (r->outcome == CHANNEL_ACCEPTED)
        ck_assert_str_eq(f.results[0].id, "0123456789abcdef");
    finish();
}
END_TEST

START_TEST(kannel_request) {
    const char *settings[16] = {"dlr_url", "http://127.0.0.1/hooks/sms?key=1"};
    memcpy(settings + 2, kannel, sizeof kannel);
    open_with("kannel", "/cgi-bin/sendsms", settings, NULL);
    add_sms("+447700900123", "a&b");
    add_sms("+447700900124", "你");
    fixture_run(&f);
    ck_assert_uint_eq(
        fixture_peer_count(&peer, "to=%2B447700900123&charset=UTF-8&coding=0&text=a%26b"), 1);
    ck_assert_uint_eq(fixture_peer_count(&peer, "coding=2&text=%E4%BD%A0"), 1);
    ck_assert_uint_eq(fixture_peer_count(&peer, "username=godwit&password=s%26cret&from=ACME"), 2);
    ck_assert_uint_eq(
        fixture_peer_count(&peer,
                           "dlr-mask=31&dlr-url=http%3A%2F%2F127.0.0.1%2Fhooks%2Fsms%3Fkey%3D1"
                           "%26id%3D0123456789abcdef%26type%3D%25d%26answer%3D%25A"),
        2);
    finish();
}
END_TEST

/* ---- twilio */

#define TWILIO_CREATED                                                                             \
    "{\\\"sid\\\": \\\"SM1\\\", \\\"status\\\": \\\"queued\\\", \\\"num_segments\\\": \\\"3\\\", " \
    "\\\"error_code\\\": null}"
#define TWILIO_ERROR(status, code)                                \
    "{\"status\": " #status ", \"body\": \"{\\\"code\\\": " #code \
    ", \\\"message\\\": \\\"why\\\", \\\"status\\\": " #status "}\"}"

static const struct {
    const char *rule;
    enum channel_outcome outcome;
    enum channel_subject subject;
    const char *enhanced, *reason;
} twilio_cases[] = {
    {"{\"status\": 201, \"body\": \"" TWILIO_CREATED "\"}", CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE,
     "", ""},
    {"{\"status\": 201, \"body\": \"" TWILIO_CREATED "\", \"cut\": \"body\"}", CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE, "", ""},
    {TWILIO_ERROR(400, 21610), CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, "5.2.1", "21610: why"},
    {TWILIO_ERROR(400, 21614), CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, "5.1.1", "21614"},
    {TWILIO_ERROR(400, 30034), CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, "", "30034"},
    {TWILIO_ERROR(400, 99999), CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, "", "99999: why"},
    {TWILIO_ERROR(401, 20003), CHANNEL_REFUSED, CHANNEL_SUBJECT_CHANNEL, "", "20003"},
    {TWILIO_ERROR(429, 20429), CHANNEL_DEFERRED, CHANNEL_SUBJECT_DESTINATION, "", "20429"},
    {TWILIO_ERROR(400, 30003), CHANNEL_DEFERRED, CHANNEL_SUBJECT_ADDRESS, "", "30003"},
    {"{\"status\": 500, \"body\": \"oops\"}", CHANNEL_DEFERRED, CHANNEL_SUBJECT_MESSAGE, "",
     "oops"},
    {"{\"status\": 301, \"headers\": {\"Location\": \"http://127.0.0.1:1/\"}}", CHANNEL_REFUSED,
     CHANNEL_SUBJECT_CHANNEL, "", "redirects to http://127.0.0.1:1/"},
    {"{\"cut\": \"request\"}", CHANNEL_DOUBT, CHANNEL_SUBJECT_DESTINATION, "", ""},
};

static const char *const twilio[] = {"account_sid", "AC00",      "auth_token", "tok",
                                     "from",        "+15550001", NULL};

START_TEST(twilio_answers) {
    const char *rules[] = {twilio_cases[_i].rule, NULL};
    open_with("twilio", "", twilio, rules);
    add_sms("+447700900123", "Hi");
    fixture_run(&f);
    const struct channel_result *r = &f.results[0].result;
    ck_assert_msg(r->outcome == twilio_cases[_i].outcome, "%d: %s", r->outcome,
                  f.results[0].reason);
    ck_assert_int_eq(r->subject, twilio_cases[_i].subject);
    ck_assert_str_eq(r->enhanced, twilio_cases[_i].enhanced);
    ck_assert_msg(strstr(f.results[0].reason, twilio_cases[_i].reason) != NULL, "%s",
                  f.results[0].reason);
    if (_i == 0) {
        ck_assert_str_eq(f.results[0].id, "SM1");
        ck_assert_int_eq(r->segments, 3);
    }
    ck_assert_uint_eq(
        fixture_peer_count(&peer, "\"path\": \"/2010-04-01/Accounts/AC00/Messages.json\""), 1);
    /* Basic AC00:tok */
    ck_assert_uint_eq(fixture_peer_count(&peer, "\"authorization\": \"Basic QUMwMDp0b2s=\""), 1);
    ck_assert_uint_eq(
        fixture_peer_count(&peer, "\"body\": \"To=%2B447700900123&From=%2B15550001&Body=Hi\""), 1);
    finish();
}
END_TEST

/* ---- http: any gateway */

static const struct {
    const char *rule;
    enum channel_outcome outcome;
    enum channel_subject subject;
    const char *id;
} gateway_cases[] = {
    {"{\"body\": \"{\\\"state\\\": \\\"ok\\\", \\\"msgs\\\": [{\\\"id\\\": 77}]}\"}",
     CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, "77"},
    {"{\"body\": \"{\\\"state\\\": \\\"no\\\"}\"}", CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, ""},
    {"{\"body\": \"{\\\"state\\\": \\\"no\\\", \\\"code\\\": \\\"E7\\\"}\"}", CHANNEL_REFUSED,
     CHANNEL_SUBJECT_ADDRESS, ""},
    {"{\"body\": \"{\\\"state\\\": \\\"no\\\", \\\"code\\\": 8}\"}", CHANNEL_DEFERRED,
     CHANNEL_SUBJECT_DESTINATION, ""},
    {"{\"status\": 400, \"body\": \"{\\\"code\\\": 9}\"}", CHANNEL_REFUSED, CHANNEL_SUBJECT_CHANNEL,
     ""},
    {"{\"body\": \"not JSON\"}", CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, ""},
    {"{\"big\": 200000}", CHANNEL_DOUBT, CHANNEL_SUBJECT_DESTINATION, ""},
    {"{\"status\": 200, \"body\": \"{\\\"state\\\": \\\"ok\\\"}\", \"cut\": \"body\"}",
     CHANNEL_DOUBT, CHANNEL_SUBJECT_DESTINATION, ""},
};

START_TEST(gateway_answers) {
    const char *rules[] = {gateway_cases[_i].rule, NULL};
    static const char *const settings[] = {"body",
                                           "{\"to\":\"{to}\",\"text\":\"{text}\",\"n\":{segments}}",
                                           "headers",
                                           "X-Key: abc\nX-Id: {id}",
                                           "success",
                                           "/state",
                                           "success_text",
                                           "ok",
                                           "id",
                                           "/msgs/0/id",
                                           "error",
                                           "\"code\": \"?(\\w+)",
                                           "address_codes",
                                           "E6, E7",
                                           "later_codes",
                                           "8",
                                           "channel_codes",
                                           "9",
                                           NULL};
    open_with("http", "/send?to={to}", settings, rules);
    add_sms("+447700900123", "say \"hi\"\n");
    fixture_run(&f);
    const struct channel_result *r = &f.results[0].result;
    ck_assert_msg(r->outcome == gateway_cases[_i].outcome, "%d: %s", r->outcome,
                  f.results[0].reason);
    ck_assert_int_eq(r->subject, gateway_cases[_i].subject);
    ck_assert_str_eq(f.results[0].id, gateway_cases[_i].id);
    ck_assert_uint_eq(fixture_peer_count(&peer, "/send?to=%2B447700900123"), 1);
    ck_assert_uint_eq(fixture_peer_count(&peer, "\"x-id\": \"0123456789abcdef@acme.example\""), 1);
    ck_assert_uint_eq(fixture_peer_count(&peer,
                                         "{\\\"to\\\":\\\"+447700900123\\\",\\\"text\\\":\\\"say "
                                         "\\\\\\\"hi\\\\\\\"\\\\n\\\",\\\"n\\\":1}"),
                      1);
    finish();
}
END_TEST

/* ---- webhook */

static const struct {
    const char *rule, *reason;
    enum channel_outcome outcome;
    enum channel_subject subject;
    size_t requests;
} webhook_cases[] = {
    {"{\"status\": 204}", "", CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, 1},
    {"{\"status\": 302, \"headers\": {\"Location\": \"/elsewhere\"}}", "redirects to",
     CHANNEL_REFUSED, CHANNEL_SUBJECT_CHANNEL, 1},
    {"{\"status\": 410}", "status 410", CHANNEL_REFUSED, CHANNEL_SUBJECT_CHANNEL, 1},
    {"{\"status\": 422, \"body\": \"no such field\"}", "no such field", CHANNEL_REFUSED,
     CHANNEL_SUBJECT_MESSAGE, 1},
    {"{\"status\": 429, \"headers\": {\"Retry-After\": \"3\"}}", "429", CHANNEL_DEFERRED,
     CHANNEL_SUBJECT_DESTINATION, 1},
    {"{\"status\": 500}", "500", CHANNEL_DEFERRED, CHANNEL_SUBJECT_MESSAGE, 1},
    {"{\"stall\": true}", "no answer in time", CHANNEL_DEFERRED, CHANNEL_SUBJECT_MESSAGE, 1},
    {"{\"cut\": \"request\"}", "", CHANNEL_DEFERRED, CHANNEL_SUBJECT_MESSAGE, 1},
    {"{\"big\": 3000000}", "", CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, 1},
};

START_TEST(webhook_answers) {
    static const char *const settings[] = {"allow_private", "true",  "secret", SECRET,
                                           "timeout",       "500ms", NULL};
    const char *rules[] = {webhook_cases[_i].rule, NULL};
    open_with("webhook", "/hook", settings, rules);
    add_webhook("ada", "{\"a\": 1}");
    fixture_run(&f);
    const struct channel_result *r = &f.results[0].result;
    ck_assert_msg(r->outcome == webhook_cases[_i].outcome, "%d: %s", r->outcome,
                  f.results[0].reason);
    ck_assert_int_eq(r->subject, webhook_cases[_i].subject);
    ck_assert_msg(strstr(f.results[0].reason, webhook_cases[_i].reason) != NULL, "%s",
                  f.results[0].reason);
    ck_assert_uint_eq(fixture_peer_count(&peer, NULL), webhook_cases[_i].requests);
    ck_assert_uint_eq(fixture_peer_count(&peer, "\"webhook-id\": \"msg_"), 1);
    finish();
}
END_TEST

START_TEST(webhook_refuses_private_targets) {
    static const char *const settings[] = {NULL};
    open_with("webhook", "/hook", settings, NULL);
    add_webhook("ada", "{}");
    fixture_run(&f);
    ck_assert_int_eq(f.results[0].result.outcome, CHANNEL_UNSENT);
    ck_assert_int_eq(f.results[0].result.subject, CHANNEL_SUBJECT_CHANNEL);
    ck_assert_msg(strstr(f.results[0].reason, "allow_private") != NULL, "%s", f.results[0].reason);
    ck_assert_uint_eq(fixture_peer_count(&peer, NULL), 0);
    finish();
}
END_TEST

START_TEST(webhook_refuses_what_is_not_json) {
    static const char *const settings[] = {"allow_private", "true", NULL};
    open_with("webhook", "/hook", settings, NULL);
    add_webhook("ada", "{\"a\": ");
    add_webhook("bob", "");
    fixture_run(&f);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_REFUSED), 2);
    ck_assert_uint_eq(fixture_peer_count(&peer, NULL), 0);
    finish();
}
END_TEST

START_TEST(webhook_as_cloudevent) {
    static const char *const settings[] = {"allow_private", "true", "format", "cloudevents", NULL};
    open_with("webhook", "/hook", settings, NULL);
    add_webhook("ada", "{\"a\": 1}");
    fixture_run(&f);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_ACCEPTED), 1);
    ck_assert_uint_eq(
        fixture_peer_count(&peer,
                           "\"content-type\": \"application/cloudevents+json; charset=utf-8\""),
        1);
    ck_assert_uint_eq(
        fixture_peer_count(&peer,
                           "\\\"source\\\":\\\"/godwit/test\\\",\\\"type\\\":\\\"godwit.message"
                           "\\\",\\\"time\\\":\\\"2026-11-21T20:58:10Z\\\",\\\"subject\\\":"
                           "\\\"ada\\\",\\\"datacontenttype\\\":\\\"application/json\\\","
                           "\\\"data\\\":{\\\"a\\\": 1}}"),
        1);
    finish();
}
END_TEST

/* The same id on each attempt; the timestamp and so the signature are the attempt's. */
START_TEST(webhook_id_is_stable) {
    static const char *const settings[] = {"allow_private", "true", NULL};
    open_with("webhook", "/hook", settings, NULL);
    add_webhook("ada", "{}");
    add_webhook("ada", "{}");
    fixture_run(&f);
    ck_assert_str_eq(f.results[0].id, f.results[1].id);
    ck_assert_uint_eq(fixture_peer_count(&peer, f.results[0].id), 2);
    finish();
}
END_TEST

/* Of the specification: a vector of the reference implementations. */
START_TEST(signature_vector) {
    struct webhook_key keys[2];
    struct err e = ERR_INIT;
    struct buf b = BUF_HEAP;
    ck_assert(webhook_key_parse(S(SECRET), &keys[0], &e));
    ck_assert(webhook_key_parse(S(OLD_SECRET), &keys[1], &e));
    webhook_signature_add(&b, keys, 1, S("msg_p5jXN8AQM9LWM0D4loKWxJek"), S("1614265330"),
                          S("{\"test\": 2432232314}"));
    ck_assert_str_eq(buf_cstr(&b), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    webhook_signature_add(&b, keys + 1, 1, S("a"), S("1"), S("{}"));
    ck_assert_int_eq(str_find(buf_str(&b), S("= v1,")), 46);
    buf_close(&b);
    static const char *const bad[] = {
        "", "whsec_", "abc", "whsec_AAAA", "whsec_%%%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!webhook_key_parse(str_from(bad[i]), &keys[0], &e), "%s", bad[i]);
}
END_TEST

/* ---- the client under all of them */

START_TEST(connections_are_kept) {
    static const char *const settings[] = {"allow_private", "true", "connections", "4", NULL};
    open_with("webhook", "/hook", settings, NULL);
    for (int i = 0; i < 300; i++)
        add_webhook("ada", "{}");
    fixture_run(&f);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_ACCEPTED), 300);
    ck_assert_uint_le(f.most_in_flight, 4);
    ck_assert_uint_eq(fixture_peer_count(&peer, NULL), 300);
    size_t used = 0;
    for (int i = 1; i <= 4; i++) {
        char text[40];
        snprintf(text, sizeof text, "\"connection\": %d,", i);
        used += fixture_peer_count(&peer, text);
    }
    ck_assert_uint_eq(used, 300);
    finish();
}
END_TEST

/* The peer reads the second request on a kept connection and hangs up: libcurl would silently send
 * it again; to an SMS gateway it goes once and is in doubt, a webhook is repeated. */
START_TEST(nothing_is_sent_twice_in_secret) {
    static const char *const rules[] = {"{\"on\": \"*second*\", \"cut\": \"request\"}", NULL};
    const char *settings[10] = {"connections", "1"};
    memcpy(settings + 2, kannel, sizeof kannel);
    open_with("kannel", "/cgi-bin/sendsms", settings, rules);
    add_sms("+447700900123", "first");
    add_sms("+447700900124", "second");
    add_sms("+447700900125", "third");
    fixture_run(&f);
    ck_assert_int_eq(f.results[0].result.outcome, CHANNEL_ACCEPTED);
    ck_assert_int_eq(f.results[1].result.outcome, CHANNEL_DOUBT);
    ck_assert_int_eq(f.results[2].result.outcome, CHANNEL_ACCEPTED);
    ck_assert_uint_eq(fixture_peer_count(&peer, "second"), 1);
    finish();
}
END_TEST

START_TEST(peer_that_is_down) {
    char down[60];
    snprintf(down, sizeof down, "http://127.0.0.1:%d/", fixture_free_port());
    const char *settings[] = {"url", down, "username", "u", "password", "p", NULL};
    fixture_open(&f, "kannel", settings);
    add_sms("+447700900123", "Hi");
    add_sms("+447700900124", "Hi");
    fixture_run(&f);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_UNSENT), 2);
    ck_assert_int_eq(f.results[0].result.subject, CHANNEL_SUBJECT_DESTINATION);
    ck_assert_int_eq(f.warnings, 1); /* a change of state, not a line a message */
}
END_TEST

START_TEST(closing_gives_back_the_truth) {
    static const char *const rules[] = {"{\"on\": \"*stalled*\", \"stall\": true}", NULL};
    open_with("kannel", "/cgi-bin/sendsms", kannel, rules);
    add_sms("+447700900123", "fine");
    add_sms("+447700900124", "stalled");
    fixture_run_closing(&f, 300, 100);
    ck_assert_int_eq(f.results[0].result.outcome, CHANNEL_ACCEPTED);
    ck_assert_int_eq(f.results[1].result.outcome, CHANNEL_DOUBT);
    finish();
}
END_TEST

static const struct {
    const char *address;
    bool is_private;
} addresses[] = {
    {"127.0.0.1", true},
    {"10.1.2.3", true},
    {"172.16.0.1", true},
    {"172.32.0.1", false},
    {"192.168.1.1", true},
    {"169.254.169.254", true},
    {"100.64.0.1", true},
    {"100.128.0.1", false},
    {"0.0.0.0", true},
    {"224.0.0.1", true},
    {"255.255.255.255", true},
    {"8.8.8.8", false},
    {"1.1.1.1", false},
    {"::1", true},
    {"::", true},
    {"fe80::1", true},
    {"fc00::1", true},
    {"ff02::1", true},
    {"::ffff:127.0.0.1", true},
    {"::ffff:8.8.8.8", false},
    {"64:ff9b::10.0.0.1", true},
    {"64:ff9b::8.8.8.8", false},
    {"2002:7f00:1::", true},
    {"2001:db8::1", true},
    {"2606:4700::1", false},
    {"::127.0.0.1", true},
};

START_TEST(private_addresses) {
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    bool is_six = strchr(addresses[_i].address, ':') != NULL;
    ck_assert_int_eq(inet_pton(is_six ? AF_INET6 : AF_INET, addresses[_i].address,
                               is_six ? (void *)&six.sin6_addr : (void *)&four.sin_addr),
                     1);
    const struct sockaddr *a = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
    ck_assert_msg(http_address_is_private(a) == addresses[_i].is_private, "%s",
                  addresses[_i].address);
}
END_TEST

Suite *suite_http(void) {
    Suite *s = suite_create("http");
    TCase *t = tcase_create("http");
    tcase_set_timeout(t, 30);
    tcase_add_loop_test(t, kannel_answers, 0, sizeof kannel_cases / sizeof *kannel_cases);
    tcase_add_test(t, kannel_request);
    tcase_add_loop_test(t, twilio_answers, 0, sizeof twilio_cases / sizeof *twilio_cases);
    tcase_add_loop_test(t, gateway_answers, 0, sizeof gateway_cases / sizeof *gateway_cases);
    tcase_add_loop_test(t, webhook_answers, 0, sizeof webhook_cases / sizeof *webhook_cases);
    tcase_add_test(t, webhook_refuses_private_targets);
    tcase_add_test(t, webhook_refuses_what_is_not_json);
    tcase_add_test(t, webhook_as_cloudevent);
    tcase_add_test(t, webhook_id_is_stable);
    tcase_add_test(t, signature_vector);
    tcase_add_test(t, connections_are_kept);
    tcase_add_test(t, nothing_is_sent_twice_in_secret);
    tcase_add_test(t, peer_that_is_down);
    tcase_add_test(t, closing_gives_back_the_truth);
    tcase_add_loop_test(t, private_addresses, 0, sizeof addresses / sizeof *addresses);
    suite_add_tcase(s, t);
    return s;
}
