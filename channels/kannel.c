/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/kannel.h"

#include "base/arena.h"
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
    SET_DLR_MASK
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
                     .help = "Where Kannel reports delivery to; `id`, `type` and `answer` are "
                             "added. Kannel signs nothing: put a secret into it."},
    [SET_DLR_MASK] = {"dlr_mask", CHANNEL_INTEGER, "31", .least = 1, .most = 31,
                      .help = "Which reports are wanted: 31 all, 19 the final ones."},
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
    struct str ref = reference(m);
    if (!k->dlr_url || ref.n == 0)
        return;
    struct str full = str_printf(a, "%s%sid=%.*s&type=%%d&answer=%%A", k->dlr_url,
                                 str_find(url, S("?")) >= 0 ? "&" : "?", STR_FMT(ref));
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
};
