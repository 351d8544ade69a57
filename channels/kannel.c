/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/kannel.h"

#include "base/arena.h"
#include "channels/hook.h"
#include "channels/http_channel.h"
#include "channels/http_reply.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SET_SMS = HTTP_SET_OWN,
    SET_URL = SET_SMS + SMS_SETTINGS,
    SET_USERNAME,
    SET_PASSWORD,
    SET_SMSC,
    SET_VALIDITY,
    SET_DLR_URL,
    SET_DLR_MASK,
    SET_HOOK_SECRET
};

static const struct channel_setting settings[] = {
    HTTP_CHANNEL_SETTINGS,
    HTTP_CHANNEL_SMS_SETTINGS(SET_SMS),
    [SET_URL] = {"url", CHANNEL_TEXT, .required = true,
                 .help = "Of sendsms, for example `http://127.0.0.1:13013/cgi-bin/sendsms`."},
    [SET_USERNAME] = {"username", CHANNEL_TEXT, .required = true,
                      .help = "Of the group `sendsms-user` in Kannel's configuration."},
    [SET_PASSWORD] = {"password", CHANNEL_TEXT, .required = true, .secret = true,
                      .help = "Of the same group. Kannel takes it in the URL, so use a network of "
                              "your own or https."},
    [SET_SMSC] = {"smsc", CHANNEL_TEXT, .help = "The SMSC to use; Kannel chooses by default."},
    [SET_VALIDITY] = {"validity", CHANNEL_DURATION, .least = 60000, .most = 7 * 86400000LL,
                      .help = "How long the network may try."},
    [SET_DLR_URL] = {"dlr_url", CHANNEL_TEXT, .secret = true,
                     .help =
                         "Where Kannel reports delivery to, where that is not below "
                         "`public_url`; `id`, `type`, `answer` and `at` are added. Kannel signs "
                         "nothing: put `secret=...` into it."},
    [SET_DLR_MASK] = {"dlr_mask", CHANNEL_INTEGER, "31", .least = 1, .most = 31,
                      .help = "Which reports are wanted: 31 all, 19 the final ones."},
    [SET_HOOK_SECRET] = {"hook_secret", CHANNEL_TEXT, .secret = true,
                         .help =
                             "What Kannel must show as `secret` in the URL of an inbound message, "
                             "and of a report whose URL names no message of ours."},
    {0}};

struct kannel {
    struct sms_rules rules;
    char *url, *from, *username, *password, *smsc, *dlr_url;
    int64_t validity_min, dlr_mask;
};

/* The hexadecimal part of the message's key: Kannel takes a percent sign in dlr-url for its own. */
static struct str reference(const struct channel_message *m) {
    size_t n = 0;
    while (n < m->id.n && n < 64 && strchr("0123456789abcdef", m->id.p[n]))
        n++;
    return str_of(m->id.p, n);
}

static void add_report(const struct kannel *k, struct arena *a, const struct channel_message *m,
                       struct buf *b) {
    struct str url = str_from(k->dlr_url);
    struct str ref = m->reference.n ? hook_str(m->reference) : reference(m);
    struct str full = hook_str(m->receipt_url);
    if (k->dlr_url && ref.n)
        full = str_printf(a, "%.*s%sid=%.*s&type=%%d", STR_FMT(url),
                          str_find(url, S("?")) >= 0 ? "&" : "?", STR_FMT(ref));
    else if (full.n)
        full = str_printf(a, "%.*s?type=%%d", STR_FMT(full));
    else
        return;
    full = str_printf(a, "%.*s&answer=%%A&at=%%T", STR_FMT(full));
    http_channel_field(b, "dlr-mask", str_printf(a, "%d", (int)k->dlr_mask));
    http_channel_field(b, "dlr-url", full);
}

static bool make(void *self, struct arena *a, const struct channel_message *m,
                 struct http_request *r, int *note, struct relay_result *out) {
    const struct kannel *k = self;
    struct sms sms;
    if (!http_channel_sms(a, &k->rules, m, &sms, out))
        return false;
    struct buf b = BUF_IN(a);
    buf_printf(&b, "%s?", k->url);
    http_channel_field(&b, "username", str_from(k->username));
    http_channel_field(&b, "password", str_from(k->password));
    if (k->from)
        http_channel_field(&b, "from", str_from(k->from));
    http_channel_field(&b, "to", str_of(m->to.p, m->to.n));
    http_channel_field(&b, "charset", S("UTF-8"));
    /* Kannel turns what does not fit coding 0 into question marks, and says nothing */
    http_channel_field(&b, "coding", sms.coding == SMS_GSM7 ? S("0") : S("2"));
    http_channel_field(&b, "text", sms.text);
    if (k->smsc)
        http_channel_field(&b, "smsc", str_from(k->smsc));
    if (k->validity_min)
        http_channel_field(&b, "validity", str_printf(a, "%d", (int)k->validity_min));
    add_report(k, a, m, &b);
    *note = sms.segments;
    http_reply_id(out, reference(m));
    r->method = "GET";
    r->url = buf_str(&b);
    return true;
}

/* A refused number is the address's fault; the rest goes by its status. */
static void judge(void *self, struct arena *a, const struct http_answer *answer, int note,
                  struct relay_result *out) {
    (void)self;
    struct str id = str_dup(a, str_from(out->id));
    http_reply_judge(answer, out);
    if (answer->fate == HTTP_ANSWERED && answer->status == 400 &&
        (str_starts(answer->body, S("Number(s)")) ||
         str_starts(answer->body, S("Missing receiver"))))
        out->result.subject = CHANNEL_SUBJECT_ADDRESS;
    out->result.segments = note;
    if (out->result.outcome == CHANNEL_ACCEPTED)
        http_reply_id(out, id);
}

/* ---- what comes back */

/* Kannel's numbers of a report, and what they say. 8 (the SMSC has it) may come after 1. */
static bool read_type(struct str type, struct channel_report *r) {
    int64_t n;
    if (!str_to_int64(type, &n))
        return false;
    switch (n) {
    case 1:
        r->kind = CHANNEL_DELIVERED;
        return true;
    case 2:
        r->kind = CHANNEL_BOUNCED;
        r->bounce = CHANNEL_BOUNCE_SOFT;
        return true;
    case 16: /* the SMSC would not have it: sender or text, seldom the number */
        r->kind = CHANNEL_BOUNCED;
        r->bounce = CHANNEL_BOUNCE_POLICY;
        return true;
    case 4:
    case 8:
        r->kind = CHANNEL_PROGRESS;
        return true;
    default:
        return false;
    }
}

static enum channel_hook_result read_receipt(const struct channel_hook *h,
                                             const struct post_form *f) {
    struct channel_report r = {.reference = hook_text(post_form_get(f, S("id"))),
                               .text = hook_text(post_form_get(f, S("answer"))),
                               .at_us = hook_seconds(post_form_get(f, S("at")))};
    if (!read_type(post_form_get(f, S("type")), &r))
        return CHANNEL_HOOK_UNREADABLE;
    if (r.kind == CHANNEL_BOUNCED)
        r.code = hook_text(post_form_get(f, S("type")));
    h->report(h, &r);
    return CHANNEL_HOOK_TAKEN;
}

static enum channel_hook_result read_inbound(struct arena *a, const struct channel_hook *h,
                                             const struct post_form *f) {
    struct str text = post_form_get(f, S("text"));
    if (str_eq(post_form_get(f, S("coding")), S("2")))
        text = hook_from_utf16(a, text);
    struct channel_report r = {.kind = CHANNEL_INBOUND,
                               .from = hook_text(post_form_get(f, S("from"))),
                               .to = hook_text(post_form_get(f, S("to"))),
                               .text = hook_text(text),
                               .provider_id = hook_text(post_form_get(f, S("id"))),
                               .at_us = hook_seconds(post_form_get(f, S("at")))};
    h->report(h, &r);
    return CHANNEL_HOOK_TAKEN;
}

static enum channel_hook_result receive(const struct channel_value *v,
                                        const struct channel_hook *h) {
    struct arena *a = arena_new(0);
    const struct post_form *f = hook_query(a, h);
    enum channel_hook_result result = CHANNEL_HOOK_UNREADABLE;
    bool knows = hook_same(str_from(v[SET_HOOK_SECRET].text), post_form_get(f, S("secret")));
    bool receipt = post_form_get(f, S("type")).n > 0;
    if (!knows && !(receipt && h->reference.n))
        result = CHANNEL_HOOK_FORBIDDEN;
    else if (receipt)
        result = read_receipt(h, f);
    else if (post_form_get(f, S("from")).n)
        result = read_inbound(a, h, f);
    arena_free(a);
    return result;
}

/* Kannel sends what it is answered to the sender, if the service's max-messages allows it. */
static const char *answer(const struct channel_value *v, const struct channel_hook *h,
                          struct channel_text text) {
    (void)v;
    h->write(h, text.p, text.n);
    return "text/plain; charset=utf-8";
}

/* ---- opening */

static void release(void *self) {
    struct kannel *k = self;
    free(k->url);
    free(k->from);
    free(k->username);
    free(k->password);
    free(k->smsc);
    free(k->dlr_url);
    free(k);
}

static struct channel *driver_open(const struct channel_host *host, const struct channel_value *v,
                                   struct channel_error *e) {
    static const struct http_channel_driver driver = {make, judge, release};
    if (!http_channel_check_url("url", str_from(v[SET_URL].text), e))
        return NULL;
    if (strchr(v[SET_URL].text, '?')) {
        snprintf(e->text, sizeof e->text, "`url` must end before its `?`");
        return NULL;
    }
    struct kannel *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    *k = (struct kannel){.rules = http_channel_sms_rules(v, SET_SMS),
                         .url = http_channel_copy(v[SET_URL].text),
                         .from = http_channel_copy(v[SET_SMS + SMS_SET_FROM].text),
                         .username = http_channel_copy(v[SET_USERNAME].text),
                         .password = http_channel_copy(v[SET_PASSWORD].text),
                         .smsc = http_channel_copy(v[SET_SMSC].text),
                         .dlr_url = http_channel_copy(v[SET_DLR_URL].text),
                         .validity_min = v[SET_VALIDITY].integer / 60000,
                         .dlr_mask = v[SET_DLR_MASK].integer};
    return http_channel_open(host, &driver, v, true, k, e);
}

const struct channel_driver channel_kannel = {
    .abi = CHANNEL_ABI,
    .flags = CHANNEL_CAN_DOUBT | CHANNEL_NEEDS_ADDRESS,
    .kinds = CHANNEL_SMS,
    .name = "kannel",
    .help = "SMS through a Kannel gateway.",
    .settings = settings,
    .open = driver_open,
    .capacity = http_channel_capacity,
    .submit = http_channel_submit,
    .close = http_channel_close,
    .receive = receive,
    .answer = answer,
};
