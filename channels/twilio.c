/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/twilio.h"

#include "base/arena.h"
#include "base/json.h"
#include "channels/hook.h"
#include "channels/http_channel.h"
#include "channels/http_reply.h"
#include "channels/twilio_hook.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_MOST 1600 /* characters that the API takes */

enum {
    SET_SMS = HTTP_SET_OWN,
    SET_ACCOUNT = SET_SMS + SMS_SETTINGS,
    SET_TOKEN,
    SET_KEY,
    SET_SERVICE,
    SET_CALLBACK,
    SET_BASE_URL,
    SET_SIGNING_TOKEN
};

static const struct channel_setting settings[] = {
    HTTP_CHANNEL_SETTINGS,
    HTTP_CHANNEL_SMS_SETTINGS(SET_SMS),
    [SET_ACCOUNT] = {"account_sid", CHANNEL_TEXT, .required = true,
                     .help = "The account, `AC...`, as the console shows it."},
    [SET_TOKEN] = {"auth_token", CHANNEL_TEXT, .required = true, .secret = true,
                   .help = "Its token; with `api_key` the key's secret."},
    [SET_KEY] = {"api_key", CHANNEL_TEXT,
                 .help = "The login, `SK...`, where it is a key instead of the account itself."},
    [SET_SERVICE] = {"messaging_service_sid", CHANNEL_TEXT,
                     .help = "Sends by a messaging service, `MG...`, instead of `from`."},
    [SET_CALLBACK] = {"status_callback", CHANNEL_TEXT,
                      .help = "The URL to which Twilio reports delivery, where that is not below "
                              "`public_url`."},
    [SET_BASE_URL] = {"base_url", CHANNEL_TEXT, "https://api.twilio.com",
                      .help = "Where the API is: another region, or a server of your tests."},
    [SET_SIGNING_TOKEN] = {"signing_token", CHANNEL_TEXT, .secret = true,
                           .help =
                               "The account's auth token, with which Twilio signs what it tells, "
                               "where `auth_token` is the secret of an `api_key`."},
    {0}};

struct twilio {
    struct sms_rules rules;
    char *url, *from, *service, *callback, *username, *password;
};

/* What the API's own codes mean; those that are not here go by the HTTP status. `enhanced` says to
 * the host that nobody is to be written to there again. */
static const struct meaning {
    int code;
    enum channel_outcome outcome;
    enum channel_subject subject;
    const char *enhanced;
} codes[] = {
    {20003, CHANNEL_REFUSED, CHANNEL_SUBJECT_CHANNEL, ""},      /* login */
    {20429, CHANNEL_DEFERRED, CHANNEL_SUBJECT_DESTINATION, ""}, /* too many requests */
    {14107, CHANNEL_DEFERRED, CHANNEL_SUBJECT_DESTINATION, ""}, /* rate of the account */
    {21211, CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, "5.1.3"}, /* no number */
    {21214, CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, "5.1.1"}, /* cannot be reached */
    {21408, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, ""},      /* country not enabled */
    {21606, CHANNEL_REFUSED, CHANNEL_SUBJECT_CHANNEL, ""},      /* sender cannot send */
    {21610, CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, "5.2.1"}, /* opted out */
    {21611, CHANNEL_DEFERRED, CHANNEL_SUBJECT_DESTINATION, ""}, /* the sender's queue is full */
    {21612, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, ""},      /* no route from this sender */
    {21614, CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, "5.1.1"}, /* not a mobile */
    {21617, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, ""},      /* too long */
    {21659, CHANNEL_REFUSED, CHANNEL_SUBJECT_CHANNEL, ""},      /* sender is not ours */
    {21660, CHANNEL_REFUSED, CHANNEL_SUBJECT_CHANNEL, ""},      /* sender of another account */
    {30001, CHANNEL_DEFERRED, CHANNEL_SUBJECT_DESTINATION, ""}, /* queue overflow */
    {30003, CHANNEL_DEFERRED, CHANNEL_SUBJECT_ADDRESS, ""},     /* unreachable now */
    {30004, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, ""},      /* blocked */
    {30005, CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, "5.1.1"}, /* unknown */
    {30006, CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, "5.1.1"}, /* landline */
    {30007, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, ""},      /* filtered */
    {30008, CHANNEL_DEFERRED, CHANNEL_SUBJECT_MESSAGE, ""},     /* unknown error */
    {30034, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, ""},      /* sender not registered */
};

static bool make(void *self, struct arena *a, const struct channel_message *m,
                 struct http_request *r, int *note, struct relay_result *out) {
    static const struct http_header headers[] = {
        {{"Content-Type", 12}, {"application/x-www-form-urlencoded", 33}},
        {{"Accept", 6}, {"application/json", 16}}};
    const struct twilio *t = self;
    struct sms sms;
    if (!http_channel_sms(a, &t->rules, m, &sms, out))
        return false;
    if (sms.units > BODY_MOST) {
        relay_result_set(out, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE,
                         S("the SMS is longer than the 1600 characters that Twilio takes"));
        return false;
    }
    struct buf b = BUF_IN(a);
    http_channel_field(&b, "To", str_of(m->to.p, m->to.n));
    if (t->service)
        http_channel_field(&b, "MessagingServiceSid", str_from(t->service));
    if (t->from)
        http_channel_field(&b, "From", str_from(t->from));
    http_channel_field(&b, "Body", sms.text);
    if (t->callback)
        http_channel_field(&b, "StatusCallback", str_from(t->callback));
    else if (m->receipt_url.n)
        http_channel_field(&b, "StatusCallback", hook_str(m->receipt_url));
    *note = sms.segments;
    *r = (struct http_request){.method = "POST",
                               .url = str_from(t->url),
                               .headers = headers,
                               .header_count = sizeof headers / sizeof *headers,
                               .body = buf_str(&b),
                               .username = str_from(t->username),
                               .password = str_from(t->password)};
    return true;
}

static struct str text_in(const struct map *m, const char *key) {
    const struct value *v = map_get_str(m, str_from(key));
    return v && value_is(*v, V_STRING) ? value_text(*v) : STR_NONE;
}

static int number_in(const struct map *m, const char *key) {
    const struct value *v = map_get_str(m, str_from(key));
    int64_t n = v && value_is(*v, V_INT) ? v->u.i : 0;
    if (v && value_is(*v, V_STRING) && !str_to_int64(value_text(*v), &n))
        n = 0;
    return n > 0 && n < 1000000 ? (int)n : 0;
}

static const struct meaning *meaning_of(int code) {
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == code)
            return &codes[i];
    return NULL;
}

static void judge_code(struct arena *a, const struct http_answer *answer, const struct map *body,
                       int code, struct relay_result *out) {
    struct str said = text_in(body, answer->status < 300 ? "error_message" : "message");
    struct str reason = str_printf(a, "Twilio %d: %.*s", code, STR_FMT(said));
    http_reply_set(answer, out, out->result.outcome, out->result.subject, reason);
    const struct meaning *m = meaning_of(code);
    if (!m)
        return;
    http_reply_set(answer, out, m->outcome, m->subject, reason);
    snprintf(out->result.enhanced, sizeof out->result.enhanced, "%s", m->enhanced);
}

static void judge(void *self, struct arena *a, const struct http_answer *answer, int note,
                  struct relay_result *out) {
    (void)self;
    struct err ignored = ERR_INIT;
    struct value v;
    http_reply_judge(answer, out);
    if (answer->fate == HTTP_ANSWERED && json_parse(a, answer->body, &v, &ignored) &&
        value_is(v, V_MAP)) {
        const struct map *m = v.u.map;
        bool good = answer->status < 300;
        int code = number_in(m, good ? "error_code" : "code");
        int segments = good ? number_in(m, "num_segments") : 0;
        if (code)
            judge_code(a, answer, m, code, out);
        if (out->result.outcome == CHANNEL_ACCEPTED)
            http_reply_id(out, text_in(m, "sid"));
        note = segments ? segments : note;
    }
    out->result.segments = note;
}

/* ---- what comes back */

static enum channel_bounce bounce_of(int code) {
    const struct meaning *m = meaning_of(code);
    if (m && m->enhanced[0])
        return CHANNEL_BOUNCE_HARD;
    return m && m->outcome == CHANNEL_REFUSED ? CHANNEL_BOUNCE_POLICY : CHANNEL_BOUNCE_SOFT;
}

static enum channel_hook_result receive(const struct channel_value *v,
                                        const struct channel_hook *h) {
    const char *token = v[SET_SIGNING_TOKEN].given ? v[SET_SIGNING_TOKEN].text : v[SET_TOKEN].text;
    return twilio_hook_receive(str_from(token), h, bounce_of);
}

static const char *answer(const struct channel_value *v, const struct channel_hook *h,
                          struct channel_text text) {
    (void)v;
    return twilio_hook_answer(h, text);
}

/* ---- opening */

static void release(void *self) {
    struct twilio *t = self;
    free(t->url);
    free(t->from);
    free(t->service);
    free(t->callback);
    free(t->username);
    free(t->password);
    free(t);
}

static bool check(const struct channel_value *v, struct channel_error *e) {
    const char *wrong = NULL;
    if (!http_channel_check_url("base_url", str_from(v[SET_BASE_URL].text), e))
        return false;
    if (strspn(v[SET_ACCOUNT].text,
               "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") !=
        strlen(v[SET_ACCOUNT].text))
        wrong = "`account_sid` is AC and 32 letters and digits";
    else if (!v[SET_SMS + SMS_SET_FROM].given && !v[SET_SERVICE].given)
        wrong = "`from` or `messaging_service_sid` is needed: who the messages come from";
    if (wrong)
        snprintf(e->text, sizeof e->text, "%s", wrong);
    return !wrong;
}

static char *make_url(const char *base, const char *account) {
    struct str b = str_from(base);
    while (str_ends(b, S("/")))
        b.n--;
    size_t n = b.n + strlen(account) + 50;
    char *url = malloc(n);
    if (!url)
        abort();
    snprintf(url, n, "%.*s/2010-04-01/Accounts/%s/Messages.json", STR_FMT(b), account);
    return url;
}

static struct channel *driver_open(const struct channel_host *host, const struct channel_value *v,
                                   struct channel_error *e) {
    static const struct http_channel_driver driver = {make, judge, release};
    if (!check(v, e))
        return NULL;
    struct twilio *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    const char *account = v[SET_ACCOUNT].text;
    *t =
        (struct twilio){.rules = http_channel_sms_rules(v, SET_SMS),
                        .url = make_url(v[SET_BASE_URL].text, account),
                        .from = http_channel_copy(v[SET_SMS + SMS_SET_FROM].text),
                        .service = http_channel_copy(v[SET_SERVICE].text),
                        .callback = http_channel_copy(v[SET_CALLBACK].text),
                        .username = http_channel_copy(v[SET_KEY].given ? v[SET_KEY].text : account),
                        .password = http_channel_copy(v[SET_TOKEN].text)};
    return http_channel_open(host, &driver, v, true, t, e);
}

const struct channel_driver channel_twilio = {
    .abi = CHANNEL_ABI,
    .flags = CHANNEL_CAN_DOUBT | CHANNEL_NEEDS_ADDRESS,
    .kinds = CHANNEL_SMS,
    .name = "twilio",
    .help = "SMS through Twilio, or what speaks its API.",
    .settings = settings,
    .open = driver_open,
    .capacity = http_channel_capacity,
    .submit = http_channel_submit,
    .close = http_channel_close,
    .receive = receive,
    .answer = answer,
};
