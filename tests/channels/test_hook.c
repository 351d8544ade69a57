/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "channels/drivers.h"
#include "channels/hook.h"

#include "tests/channels/check_channels.h"

#include <stdio.h>

#define TWILIO "account_sid", "AC1", "auth_token", "12345", "from", "+1"
#define KANNEL "url", "http://x/", "username", "u", "password", "p", "hook_secret", "s3cret"
#define GATEWAY                                                                                \
    "url", "http://x/", "receipt_status", "/status", "receipt_id", "/id", "receipt_reference", \
        "/ref", "receipt_code", "/code", "inbound_from", "/from", "inbound_text", "/text",     \
        "inbound_id", "/mo", "address_codes", "5, 6", "message_codes", "7", "hook_secret", "key"
/* openssl dgst -sha256 -hmac key of the body below */
#define SIGNED_BODY "{\"id\": \"m1\", \"status\": \"delivered\"}"
#define SIGNED_HEX "5aff5aec07a75049abebd237ab2dd9bcdbded4361b333b412ff64f54f5a5749e"

enum { OK = CHANNEL_HOOK_TAKEN, NO = CHANNEL_HOOK_FORBIDDEN, BAD = CHANNEL_HOOK_UNREADABLE };

#define FORM "application/x-www-form-urlencoded"

/* Reports as "KIND bounce/code reference id from>to text @at;", fields that are empty left out. */
static const struct {
    const char *driver;
    const char *settings[32];
    bool post;
    const char *reference, *url; /* the query stands behind its ? */
    const char *type, *header, *value, *body;
    int result;
    const char *reports;
} cases[] = {
    /* the example of Twilio's documentation: signed, but no message */
    {"twilio",
     {TWILIO},
     true,
     "",
     "https://mycompany.com/myapp.php?foo=1&bar=2",
     FORM,
     "X-Twilio-Signature",
     "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
     "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&"
     "To=%2B18005551212",
     BAD,
     ""},
    {"twilio",
     {TWILIO},
     true,
     "",
     "https://mycompany.com:443/myapp.php?foo=1&bar=2",
     FORM,
     "X-Twilio-Signature",
     "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
     "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&"
     "To=%2B18005551212",
     BAD,
     ""},
    {"twilio",
     {TWILIO},
     true,
     "",
     "https://mycompany.com:8443/myapp.php?foo=1&bar=2",
     FORM,
     "X-Twilio-Signature",
     "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
     "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&"
     "To=%2B18005551212",
     NO,
     ""},
    {"twilio",
     {TWILIO, "signing_token", "other"},
     true,
     "",
     "https://mycompany.com/myapp.php?foo=1&bar=2",
     FORM,
     "X-Twilio-Signature",
     "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
     "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&"
     "To=%2B18005551212",
     NO,
     ""},
    {"twilio", {TWILIO}, true, "tok", "https://x/", FORM, "", "", "MessageSid=1", NO, ""},

    /* Kannel signs nothing */
    {"kannel",
     {KANNEL},
     false,
     "tok",
     "http://x/?type=1&answer=ok&at=1795000000",
     "",
     "",
     "",
     "",
     OK,
     "delivered ok @1795000000;"},
    {"kannel", {KANNEL}, false, "tok", "http://x/?type=8", "", "", "", "", OK, "progress;"},
    {"kannel", {KANNEL}, false, "tok", "http://x/?type=4", "", "", "", "", OK, "progress;"},
    {"kannel",
     {KANNEL},
     false,
     "tok",
     "http://x/?type=2&answer=id%3A1+stat%3AEXPIRED",
     "",
     "",
     "",
     "",
     OK,
     "bounced soft/2 id:1 stat:EXPIRED;"},
    {"kannel",
     {KANNEL},
     false,
     "tok",
     "http://x/?type=16",
     "",
     "",
     "",
     "",
     OK,
     "bounced policy/16;"},
    {"kannel", {KANNEL}, false, "tok", "http://x/?type=3", "", "", "", "", BAD, ""},
    {"kannel", {KANNEL}, false, "tok", "http://x/?type=x", "", "", "", "", BAD, ""},
    {"kannel", {KANNEL}, false, "", "http://x/?type=1&id=abc", "", "", "", "", NO, ""},
    {"kannel",
     {KANNEL},
     false,
     "",
     "http://x/?type=1&id=abc&secret=s3cret",
     "",
     "",
     "",
     "",
     OK,
     "delivered ref=abc;"},
    {"kannel", {KANNEL}, false, "", "http://x/?type=1&id=abc&secret=s3cre", "", "", "", "", NO, ""},
    {"kannel", {KANNEL}, false, "", "http://x/?type=1&secret=s3crets", "", "", "", "", NO, ""},
    {"kannel",
     {"url", "http://x/", "username", "u", "password", "p"},
     false,
     "",
     "http://x/?type=1&secret=",
     "",
     "",
     "",
     "",
     NO,
     ""},
    {"kannel",
     {KANNEL},
     false,
     "",
     "http://x/?secret=s3cret&from=%2B44&to=1&text=a+%26b&id=7",
     "",
     "",
     "",
     "",
     OK,
     "inbound id=7 +44>1 a &b;"},
    {"kannel",
     {KANNEL},
     false,
     "",
     "http://x/?secret=s3cret&from=1&coding=2&text=O%60Y%7D%00+%D8%3D%DE%00",
     "",
     "",
     "",
     "",
     OK,
     "inbound 1> 你好 😀;"},
    {"kannel",
     {KANNEL},
     false,
     "",
     "http://x/?secret=s3cret&from=1&coding=2&text=%D8%3D%00",
     "",
     "",
     "",
     "",
     OK,
     "inbound 1> \xef\xbf\xbd;"},
    {"kannel", {KANNEL}, false, "tok", "http://x/?from=1&text=x", "", "", "", "", NO, ""},
    {"kannel", {KANNEL}, false, "", "http://x/?secret=s3cret", "", "", "", "", BAD, ""},

    /* any gateway: the secret in the URL, in a header; a form; JSON */
    {"http",
     {GATEWAY},
     true,
     "",
     "http://x/?secret=key",
     "application/json",
     "",
     "",
     "{\"id\": \"m1\", \"ref\": \"r\", \"status\": \"Delivered\"}",
     OK,
     "delivered ref=r id=m1;"},
    {"http",
     {GATEWAY},
     true,
     "",
     "http://x/?secret=kez",
     "application/json",
     "",
     "",
     "{\"id\": \"m1\", \"status\": \"delivered\"}",
     NO,
     ""},
    {"http",
     {GATEWAY},
     true,
     "tok",
     "http://x/",
     "application/json",
     "",
     "",
     "{\"id\": \"m1\", \"status\": \"delivered\"}",
     NO,
     ""},
    {"http",
     {GATEWAY, "hook_header", "X-Key"},
     true,
     "",
     "http://x/?secret=key",
     "application/json",
     "X-Key",
     "key",
     "{\"id\": 12, \"status\": \"failed\", \"code\": 5}",
     OK,
     "bounced hard/5 id=12 failed;"},
    {"http",
     {GATEWAY, "hook_header", "Authorization"},
     true,
     "",
     "http://x/",
     FORM,
     "Authorization",
     "Bearer key",
     "id=1&status=rejected&code=7",
     OK,
     "bounced policy/7 id=1 rejected;"},
    {"http",
     {GATEWAY},
     false,
     "",
     "http://x/?secret=key&id=1&status=expired&code=8",
     "",
     "",
     "",
     "",
     OK,
     "bounced soft/8 id=1 expired;"},
    {"http",
     {GATEWAY},
     false,
     "",
     "http://x/?secret=key&from=%2B44&text=hi&mo=3",
     "",
     "",
     "",
     "",
     OK,
     "inbound id=3 +44> hi;"},
    {"http",
     {GATEWAY, "hook_header", "X-Sign", "hook_auth", "hmac-sha256"},
     true,
     "",
     "http://x/",
     "application/json",
     "X-Sign",
     "sha256=" SIGNED_HEX,
     SIGNED_BODY,
     OK,
     "delivered id=m1;"},
    {"http",
     {GATEWAY, "hook_header", "X-Sign", "hook_auth", "hmac-sha256"},
     true,
     "tok",
     "http://x/?secret=key",
     "application/json",
     "X-Sign",
     SIGNED_HEX,
     SIGNED_BODY " ",
     NO,
     ""},
    {"http",
     {GATEWAY},
     true,
     "",
     "http://x/?secret=key",
     "application/json",
     "",
     "",
     "{\"a\": 1}",
     BAD,
     ""},
    {"http",
     {GATEWAY},
     true,
     "",
     "http://x/?secret=key",
     "application/json",
     "",
     "",
     "[1",
     BAD,
     ""},
    {"http",
     {GATEWAY, "receipts", "/"},
     true,
     "",
     "http://x/?secret=key",
     "application/json",
     "",
     "",
     "[{\"id\": \"1\", \"status\": \"sent\"}, 7, {\"id\": \"2\", \"status\": \"delivered\"}]",
     OK,
     "progress id=1;delivered id=2;"},
    {"http",
     {GATEWAY, "receipts", "/a/0"},
     true,
     "",
     "http://x/?secret=key",
     "application/json",
     "",
     "",
     "{\"a\": [[{\"id\": \"1\", \"status\": \"sent\"}]]}",
     OK,
     "progress id=1;"},
    {"http",
     {GATEWAY, "receipts", "/a"},
     true,
     "",
     "http://x/?secret=key",
     "application/json",
     "",
     "",
     "{\"b\": []}",
     BAD,
     ""},
    {"http",
     {"url", "http://x/", "receipt_status", "status=(\\w+)"},
     true,
     "tok",
     "http://x/",
     "text/plain",
     "",
     "",
     "\"x status=delivered\"",
     OK,
     "delivered;"},
    {"http",
     {"url", "http://x/", "receipt_status", "/status"},
     true,
     "",
     "http://x/",
     "application/json",
     "",
     "",
     "{\"status\": \"delivered\"}",
     NO,
     ""},
};

struct seen {
    size_t i;
    struct buf reports, body;
};

static struct channel_text text_of(const char *p) {
    return (struct channel_text){p, strlen(p)};
}

static struct channel_text on_header(const struct channel_hook *h, const char *name) {
    const struct seen *x = h->owner;
    if (strcmp(name, "Content-Type") == 0)
        return text_of(cases[x->i].type);
    return strcmp(name, cases[x->i].header) == 0 ? text_of(cases[x->i].value) : text_of("");
}

static void add(struct buf *b, const char *label, struct channel_text t) {
    if (t.n)
        buf_printf(b, " %s%.*s", label, (int)t.n, t.p);
}

static void on_report(const struct channel_hook *h, const struct channel_report *r) {
    static const char *const kinds[] = {"progress", "delivered", "bounced", "inbound"};
    static const char *const bounces[] = {"soft", "hard", "policy"};
    struct buf *b = &((struct seen *)h->owner)->reports;
    buf_printf(b, "%s", kinds[r->kind]);
    if (r->kind == CHANNEL_BOUNCED)
        buf_printf(b, " %s/%.*s", bounces[r->bounce], (int)r->code.n, r->code.n ? r->code.p : "");
    add(b, "ref=", r->reference);
    add(b, "id=", r->provider_id);
    add(b, "", r->from);
    if (r->from.n)
        buf_printf(b, ">%.*s", (int)r->to.n, r->to.n ? r->to.p : "");
    add(b, "", r->text);
    if (r->at_us)
        buf_printf(b, " @%lld", (long long)(r->at_us / 1000000));
    buf_add_char(b, ';');
}

static void on_write(const struct channel_hook *h, const char *bytes, size_t n) {
    if (n)
        buf_add(&((struct seen *)h->owner)->body, bytes, n);
}

static void on_mistake(void *arg, struct str key, struct str text, struct str hint) {
    (void)arg, (void)hint;
    ck_abort_msg("%.*s: %.*s", STR_FMT(key), STR_FMT(text));
}

static const struct channel_driver *values_of(struct arena *a, size_t i,
                                              const struct channel_value **values) {
    struct err e = ERR_INIT;
    struct map *m = map_new(a, 16);
    const struct channel_driver *d = drivers_find(str_from(cases[i].driver), NULL, &e);
    for (const char *const *s = cases[i].settings; *s; s += 2)
        map_set_str(a, m, str_from(s[0]), value_str(str_from(s[1])));
    ck_assert(d && drivers_settings(a, d, m, NULL, 0, values, on_mistake, NULL));
    return d;
}

static struct channel_hook hook_of(struct seen *x) {
    const char *url = cases[x->i].url, *query = strchr(url, '?');
    return (struct channel_hook){.owner = x,
                                 .post = cases[x->i].post,
                                 .reference = text_of(cases[x->i].reference),
                                 .url = text_of(url),
                                 .query = text_of(query ? query + 1 : ""),
                                 .body = text_of(cases[x->i].body),
                                 .header = on_header,
                                 .report = on_report,
                                 .write = on_write};
}

START_TEST(requests) {
    struct arena *a = arena_new(0);
    struct seen x = {.i = (size_t)_i, .reports = BUF_IN(a), .body = BUF_IN(a)};
    const struct channel_value *values;
    const struct channel_driver *d = values_of(a, x.i, &values);
    struct channel_hook h = hook_of(&x);
    int result = (int)d->receive(values, &h);
    ck_assert_msg(result == cases[_i].result, "case %d (%s): wanted %d, got %d", _i,
                  cases[_i].driver, cases[_i].result, result);
    ck_assert_msg(strcmp(buf_cstr(&x.reports), cases[_i].reports) == 0,
                  "case %d (%s): wanted %s, got %s", _i, cases[_i].driver, cases[_i].reports,
                  buf_cstr(&x.reports));
    arena_free(a);
}
END_TEST

static const struct {
    const char *driver, *text, *body;
} answers[] = {
    {"twilio", "", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response></Response>\n"},
    {"twilio", "a<b>&\001c",
     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
     "<Response><Message>a&lt;b&gt;&amp;c</Message></Response>\n"},
    {"kannel", "", ""},
    {"kannel", "a<b", "a<b"},
    {"http", "", "{\"success\":true}\n"},
    {"http", "a\"b", "{\"success\":true,\"reply\":\"a\\\"b\"}\n"},
};

START_TEST(replies) {
    struct arena *a = arena_new(0);
    struct seen x = {.body = BUF_IN(a)};
    struct err e = ERR_INIT;
    struct channel_hook h = hook_of(&x);
    h.body = text_of("");
    const struct channel_driver *d = drivers_find(str_from(answers[_i].driver), NULL, &e);
    ck_assert(d->answer(NULL, &h, text_of(answers[_i].text)) != NULL);
    ck_assert_str_eq(buf_cstr(&x.body), answers[_i].body);
    arena_free(a);
}
END_TEST

/* The HMAC of RFC 4231, test case 2, and of RFC 2202. */
static const struct {
    enum hook_digest digest;
    const char *given;
    bool good;
} macs[] = {
    {HOOK_SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", true},
    {HOOK_SHA256, "5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843", true},
    {HOOK_SHA256, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=", true},
    {HOOK_SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec384", false},
    {HOOK_SHA256, "", false},
    {HOOK_SHA1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", true},
    {HOOK_SHA1, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", false},
};

START_TEST(signatures) {
    bool good = hook_signed(macs[_i].digest, S("Jefe"), S("what do ya want for nothing?"),
                            str_from(macs[_i].given));
    ck_assert_msg(good == macs[_i].good, "case %d", _i);
    ck_assert(!hook_signed(macs[_i].digest, S(""), S("x"), str_from(macs[_i].given)));
}
END_TEST

static const struct {
    const char *settings[4], *wrong;
} mistakes[] = {
    {{"hook_auth", "hmac-sha256"}, "`hook_secret` and `hook_header`"},
    {{"receipts", "list"}, "JSON pointer"},
    {{"receipt_id", "(x"}, "`receipt_id`"},
};

START_TEST(does_not_open) {
    struct arena *a = arena_new(0);
    struct err e = ERR_INIT;
    struct map *m = map_new(a, 4);
    const struct channel_value *values;
    struct channel_error wrong = {0};
    const struct channel_host host = {.name = "sms"};
    const struct channel_driver *d = drivers_find(S("http"), NULL, &e);
    map_set_str(a, m, S("url"), value_str(S("http://x/")));
    map_set_str(a, m, str_from(mistakes[_i].settings[0]),
                value_str(str_from(mistakes[_i].settings[1])));
    ck_assert(drivers_settings(a, d, m, NULL, 0, &values, on_mistake, NULL));
    ck_assert_ptr_null(d->open(&host, values, &wrong));
    ck_assert_msg(strstr(wrong.text, mistakes[_i].wrong) != NULL, "%s", wrong.text);
    arena_free(a);
}
END_TEST

Suite *suite_hook(void) {
    Suite *s = suite_create("hook");
    TCase *t = tcase_create("hook");
    tcase_add_loop_test(t, requests, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, replies, 0, sizeof answers / sizeof *answers);
    tcase_add_loop_test(t, signatures, 0, sizeof macs / sizeof *macs);
    tcase_add_loop_test(t, does_not_open, 0, sizeof mistakes / sizeof *mistakes);
    suite_add_tcase(s, t);
    return s;
}
