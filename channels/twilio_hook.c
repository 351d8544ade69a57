/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/twilio_hook.h"

#include "base/arena.h"
#include "base/digest.h"
#include "channels/hook.h"

#include <stdlib.h>

/* ---- the signature: base64(HMAC-SHA1(token, URL, then each field of a form, by name: name and
 * value)); of a JSON body the URL alone, whose query holds the body's SHA-256 */

static int by_name(const void *a, const void *b) {
    const struct post_field *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    return order ? order : str_cmp(x->value, y->value);
}

static void add_fields(struct arena *a, struct buf *b, const struct post_form *f) {
    struct post_field *list = ARENA_ARRAY(a, struct post_field, f->n + 1);
    memcpy(list, f->field, f->n * sizeof *list);
    qsort(list, f->n, sizeof *list, by_name);
    for (size_t i = 0; i < f->n; i++) {
        if (i && by_name(&list[i - 1], &list[i]) == 0)
            continue; /* the same twice is signed once */
        buf_add_str(b, list[i].name);
        buf_add_str(b, list[i].value);
    }
}

/* The URL with the port of its scheme, or without it: Twilio's own libraries take both. False: it
 * names another port. */
static bool other_port(struct arena *a, struct str url, struct str *out) {
    bool secure = str_starts(url, S("https://"));
    size_t begin = secure ? 8 : 7, end = begin;
    struct str port = secure ? S(":443") : S(":80");
    while (end < url.n && !strchr("/?#", url.p[end]))
        end++;
    struct str host = str_sub(url, 0, end), rest = str_sub(url, end, url.n);
    if (str_ends(host, port))
        *out = str_printf(a, "%.*s%.*s", (int)(host.n - port.n), host.p, STR_FMT(rest));
    else if (str_find(str_sub(host, begin, host.n), S(":")) < 0)
        *out = str_printf(a, "%.*s%.*s%.*s", STR_FMT(host), STR_FMT(port), STR_FMT(rest));
    else
        return false;
    return true;
}

static bool signs(struct arena *a, struct str token, struct str url, const struct post_form *f,
                  struct str given) {
    struct buf b = BUF_IN(a);
    buf_add_str(&b, url);
    if (f)
        add_fields(a, &b, f);
    return hook_signed(HOOK_SHA1, token, buf_str(&b), given);
}

static bool is_signed(struct arena *a, struct str token, const struct channel_hook *h,
                      const struct post_form *f) {
    char hex[DIGEST_HEX_CHARS + 1];
    struct str given = hook_header(h, "X-Twilio-Signature"), url = hook_str(h->url), other;
    struct str sum = post_form_get(hook_query(a, h), S("bodySHA256"));
    if (!given.n)
        return false;
    if (sum.n) {
        digest_sha256_hex(hook_str(h->body), hex);
        if (!hook_same(str_from(hex), sum))
            return false;
        f = NULL;
    }
    return signs(a, token, url, f, given) ||
           (other_port(a, url, &other) && signs(a, token, other, f, given));
}

/* ---- what it says */

static const struct {
    const char *status;
    enum channel_report_kind kind;
} statuses[] = {
    {"accepted", CHANNEL_PROGRESS}, {"scheduled", CHANNEL_PROGRESS},
    {"queued", CHANNEL_PROGRESS},   {"sending", CHANNEL_PROGRESS},
    {"sent", CHANNEL_PROGRESS},     {"delivered", CHANNEL_DELIVERED},
    {"read", CHANNEL_DELIVERED},    {"undelivered", CHANNEL_BOUNCED},
    {"failed", CHANNEL_BOUNCED},    {"canceled", CHANNEL_BOUNCED},
};

static enum channel_hook_result read_status(const struct channel_hook *h, const struct post_form *f,
                                            struct str status,
                                            enum channel_bounce (*bounce_of)(int code)) {
    struct str sid = post_form_get(f, S("MessageSid")), code = post_form_get(f, S("ErrorCode"));
    int64_t number = 0;
    size_t i = 0, n = sizeof statuses / sizeof *statuses;
    while (i < n && !str_eq(status, str_from(statuses[i].status)))
        i++;
    if (i == n || !sid.n)
        return CHANNEL_HOOK_UNREADABLE;
    if (code.n && (!str_to_int64(code, &number) || number < 0 || number > 999999))
        number = 0;
    struct channel_report r = {.kind = statuses[i].kind, .provider_id = hook_text(sid)};
    if (r.kind == CHANNEL_BOUNCED) {
        r.bounce = bounce_of((int)number);
        r.code = hook_text(code);
        r.text = hook_text(status);
    }
    h->report(h, &r);
    return CHANNEL_HOOK_TAKEN;
}

static enum channel_hook_result read_inbound(const struct channel_hook *h,
                                             const struct post_form *f) {
    struct channel_report r = {.kind = CHANNEL_INBOUND,
                               .from = hook_text(post_form_get(f, S("From"))),
                               .to = hook_text(post_form_get(f, S("To"))),
                               .text = hook_text(post_form_get(f, S("Body"))),
                               .provider_id = hook_text(post_form_get(f, S("MessageSid")))};
    if (!r.from.n || !r.provider_id.n)
        return CHANNEL_HOOK_UNREADABLE;
    h->report(h, &r);
    return CHANNEL_HOOK_TAKEN;
}

static const struct post_form *fields(struct arena *a, const struct channel_hook *h) {
    return h->post ? hook_form(a, h) : hook_query(a, h);
}

enum channel_hook_result twilio_hook_receive(struct str token, const struct channel_hook *h,
                                             enum channel_bounce (*bounce_of)(int code)) {
    struct arena *a = arena_new(0);
    const struct post_form *f = fields(a, h);
    struct str status = post_form_get(f, S("MessageStatus"));
    enum channel_hook_result result = CHANNEL_HOOK_FORBIDDEN;
    if (is_signed(a, token, h, h->post ? f : NULL))
        result = status.n ? read_status(h, f, status, bounce_of) : read_inbound(h, f);
    arena_free(a);
    return result;
}

/* ---- TwiML */

static void put(const struct channel_hook *h, struct str s) {
    h->write(h, s.p, s.n);
}

static void put_escaped(const struct channel_hook *h, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '&')
            put(h, S("&amp;"));
        else if (c == '<')
            put(h, S("&lt;"));
        else if (c == '>')
            put(h, S("&gt;"));
        else if (c >= 0x20 || c == '\n' || c == '\t')
            put(h, str_sub(s, i, i + 1));
    }
}

const char *twilio_hook_answer(const struct channel_hook *h, struct channel_text text) {
    struct arena *a = arena_new(0);
    bool answered = post_form_get(fields(a, h), S("OptOutType")).n > 0;
    arena_free(a);
    put(h, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"));
    if (text.n && !answered) {
        put(h, S("<Message>"));
        put_escaped(h, hook_str(text));
        put(h, S("</Message>"));
    }
    put(h, S("</Response>\n"));
    return "text/xml; charset=utf-8";
}
