/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/webhook.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/wallclock.h"
#include "channels/http_channel.h"
#include "channels/http_reply.h"
#include "channels/webhook_signature.h"

#include <stdio.h>
#include <stdlib.h>

#define ID_HEX 32

enum {
    SET_URL = HTTP_SET_OWN,
    SET_SECRET,
    SET_OLD_SECRET,
    SET_FORMAT,
    SET_SOURCE,
    SET_TYPE,
    SET_PRIVATE
};

static const struct channel_setting settings[] = {
    HTTP_CHANNEL_SETTINGS,
    [SET_URL] = {"url", CHANNEL_TEXT, .required = true,
                 .help = "Where the messages are posted to."},
    [SET_SECRET] = {"secret", CHANNEL_TEXT, .secret = true,
                    .help = "Signs each request: `whsec_` and the base64 of 24 to 64 random bytes. "
                            "Without it requests are not signed."},
    [SET_OLD_SECRET] = {"old_secret", CHANNEL_TEXT, .secret = true,
                        .help = "Signs as well, while the receiver still knows only the one "
                                "before."},
    [SET_FORMAT] = {"format", CHANNEL_CHOICE, "json", .choices = "json|cloudevents",
                    .help = "The body as the template makes it, or wrapped as a CloudEvents 1.0 "
                            "event."},
    [SET_SOURCE] = {"source", CHANNEL_TEXT,
                    .help = "CloudEvents' `source`; by default `/godwit/` and the channel's "
                            "name."},
    [SET_TYPE] = {"type", CHANNEL_TEXT, "godwit.message", .help = "CloudEvents' `type`."},
    [SET_PRIVATE] = {"allow_private", CHANNEL_BOOLEAN, "false",
                     .help = "Let the URL lead to this machine or into a private network."},
    {0}};

struct webhook {
    char *url, *source, *type;
    struct webhook_key keys[2];
    bool cloudevents;
};

static void add_member(struct buf *b, const char *name, struct str text) {
    buf_printf(b, "\"%s\":", name);
    json_write_string(b, text);
    buf_add_char(b, ',');
}

static struct str wrap(const struct webhook *w, struct arena *a, const struct channel_message *m,
                       struct str id) {
    struct buf b = BUF_IN(a);
    char time[40];
    wallclock_format(m->date_us / WALLCLOCK_US_PER_S,
                     (uint32_t)(m->date_us % WALLCLOCK_US_PER_S) * 1000, time, sizeof time);
    buf_add_char(&b, '{');
    add_member(&b, "specversion", S("1.0"));
    add_member(&b, "id", id);
    add_member(&b, "source", str_from(w->source));
    add_member(&b, "type", str_from(w->type));
    add_member(&b, "time", str_from(time));
    if (m->to.n)
        add_member(&b, "subject", str_of(m->to.p, m->to.n));
    add_member(&b, "datacontenttype", S("application/json"));
    buf_printf(&b, "\"data\":%.*s}", (int)m->body.n, m->body.p);
    return buf_str(&b);
}

/* The same on every attempt, and without what the receiver has no use for. */
static struct str make_id(struct arena *a, const struct channel_message *m) {
    char hex[DIGEST_HEX_CHARS + 1];
    digest_sha256_hex(str_of(m->id.p, m->id.n), hex);
    return str_printf(a, "msg_%.*s", ID_HEX, hex);
}

static void add_headers(const struct webhook *w, struct arena *a, struct str id,
                        struct http_request *r) {
    struct http_header *h = ARENA_ARRAY(a, struct http_header, 4);
    struct str now = str_printf(a, "%lld", (long long)(wallclock_now() / WALLCLOCK_US_PER_S));
    struct buf signature = BUF_IN(a);
    h[0] = (struct http_header){S("Content-Type"),
                                w->cloudevents ? S("application/cloudevents+json; charset=utf-8")
                                               : S("application/json")};
    h[1] = (struct http_header){S("webhook-id"), id};
    h[2] = (struct http_header){S("webhook-timestamp"), now};
    r->headers = h;
    r->header_count = 3;
    if (w->keys[0].n || w->keys[1].n) {
        webhook_signature_add(&signature, w->keys, 2, id, now, r->body);
        h[r->header_count++] = (struct http_header){S("webhook-signature"), buf_str(&signature)};
    }
}

static bool make(void *self, struct arena *a, const struct channel_message *m,
                 struct http_request *r, int *note, struct relay_result *out) {
    const struct webhook *w = self;
    struct err e = ERR_INIT;
    struct value ignored;
    struct str body = str_of(m->body.p, m->body.n);
    (void)note;
    if (!json_parse(a, body, &ignored, &e)) {
        err_context(&e, "the body is not JSON");
        relay_result_set(out, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, str_from(e.text));
        return false;
    }
    struct str id = make_id(a, m);
    *r = (struct http_request){.method = "POST",
                               .url = str_from(w->url),
                               .body = w->cloudevents ? wrap(w, a, m, id) : body,
                               .repeatable = true};
    add_headers(w, a, id, r);
    http_reply_id(out, id);
    return true;
}

/* The receiver knows a repetition by its webhook-id, so that a lost answer is no doubt: it is
 * tried again, as the specification asks. */
static void judge(void *self, struct arena *a, const struct http_answer *answer, int note,
                  struct relay_result *out) {
    (void)self, (void)note;
    struct str id = str_dup(a, str_from(out->id));
    http_reply_judge(answer, out);
    if (answer->fate == HTTP_LOST) {
        out->result.outcome = CHANNEL_DEFERRED;
        out->result.subject = CHANNEL_SUBJECT_MESSAGE;
    }
    http_reply_id(out, id);
}

static void release(void *self) {
    struct webhook *w = self;
    free(w->url);
    free(w->source);
    free(w->type);
    free(w);
}

static bool read_key(const struct channel_value *v, const char *name, struct webhook_key *key,
                     struct channel_error *e) {
    struct err why = ERR_INIT;
    if (!v->given || webhook_key_parse(str_from(v->text), key, &why))
        return true;
    snprintf(e->text, sizeof e->text, "`%s` %.400s", name, why.text);
    return false;
}

static struct channel *driver_open(const struct channel_host *host, const struct channel_value *v,
                                   struct channel_error *e) {
    static const struct http_channel_driver driver = {make, judge, release};
    struct webhook_key keys[2] = {{.n = 0}};
    if (!http_channel_check_url("url", str_from(v[SET_URL].text), e) ||
        !read_key(&v[SET_SECRET], "secret", &keys[0], e) ||
        !read_key(&v[SET_OLD_SECRET], "old_secret", &keys[1], e))
        return NULL;
    char source[300];
    snprintf(source, sizeof source, "/godwit/%s", host->name);
    struct webhook *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    *w = (struct webhook){.url = http_channel_copy(v[SET_URL].text),
                          .source =
                              http_channel_copy(v[SET_SOURCE].given ? v[SET_SOURCE].text : source),
                          .type = http_channel_copy(v[SET_TYPE].text),
                          .keys = {keys[0], keys[1]},
                          .cloudevents = strcmp(v[SET_FORMAT].text, "cloudevents") == 0};
    return http_channel_open(host, &driver, v, v[SET_PRIVATE].boolean, w, e);
}

const struct channel_driver channel_webhook = {
    .abi = CHANNEL_ABI,
    .flags = 0,
    .kinds = CHANNEL_WEBHOOK,
    .name = "webhook",
    .help = "Posts JSON to a URL, signed as Standard Webhooks specifies.",
    .settings = settings,
    .open = driver_open,
    .capacity = http_channel_capacity,
    .submit = http_channel_submit,
    .close = http_channel_close,
};
