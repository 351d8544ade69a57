/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/wallclock.h"
#include "engine/channel_values.h"
#include "engine/response/hooks.h"
#include "engine/response/keyword.h"
#include "engine/response/receive_internal.h"

#define ID_BYTES 200
#define CODE_BYTES 40
#define TEXT_BYTES 5000 /* of an inbound message; a bounce's reason is shorter */

/* A channel whose provider tells something. */
struct hook_channel {
    const struct settings_channel *settings;
    const struct channel_driver *driver;
    const struct channel_value *values;
};

/* A visit to /hooks/CHANNEL or /hooks/CHANNEL/TOKEN. The driver reads it and writes the answer,
 * which leaves when what it read is committed. */
struct hook_visit {
    struct visit *visit;
    struct str channel; /* its name; lives with the workspace, which the visit holds */
    const struct settings_channel *settings;
    bool named; /* the URL names a message: */
    int shard;
    int64_t message;
    struct hook_report *reports;
    size_t n, cap;
    bool too_many;
    int keyword; /* of the inbound message, or -1 */
    struct buf answer;
    const char *type; /* of the answer */
};

/* ---- what the driver reads and reports */

/* What the database takes: UTF-8 without NUL, cut at a character. */
static struct str clean(struct arena *a, struct channel_text t, size_t most) {
    struct buf b = BUF_IN(a);
    struct str s = str_of(t.p, t.n);
    while (s.n && b.n + 4 <= most) {
        size_t one = str_utf8(s, NULL);
        if (!one || !s.p[0])
            buf_add_str(&b, S("\xef\xbf\xbd"));
        else
            buf_add(&b, s.p, one);
        s = str_sub(s, one ? one : 1, s.n);
    }
    return b.n ? buf_str(&b) : S("");
}

static struct channel_text on_header(const struct channel_hook *h, const char *name) {
    const struct hook_visit *x = h->owner;
    struct str value = http_header(x->visit->request, name);
    return (struct channel_text){value.p, value.n};
}

static void on_write(const struct channel_hook *h, const char *bytes, size_t n) {
    struct hook_visit *x = h->owner;
    if (n)
        buf_add(&x->answer, bytes, n);
}

/* The provider's number; where it gives none, what was written and when: within a minute the same
 * from the same number is the same. */
static struct str inbound_id(struct arena *a, const struct channel_report *r) {
    char hex[DIGEST_HEX_CHARS + 1];
    if (r->provider_id.n)
        return clean(a, r->provider_id, ID_BYTES);
    int64_t at =
        r->at_us ? r->at_us / WALLCLOCK_US_PER_S : wallclock_now() / (60 * WALLCLOCK_US_PER_S);
    struct str all = str_printf(a, "%lld\n%.*s\n%.*s", (long long)at, (int)r->from.n, r->from.p,
                                (int)r->text.n, r->text.p ? r->text.p : "");
    digest_sha256_hex(all, hex);
    return str_printf(a, "sha256:%s", hex);
}

static void read_inbound(struct hook_visit *x, const struct channel_report *r,
                         struct hook_report *out) {
    static const char *const words[SETTINGS_KEYWORDS] = {"stop", "start", "help"};
    struct arena *a = x->visit->arena;
    out->inbound = true;
    out->id = inbound_id(a, r);
    out->sender = clean(a, r->from, CODE_BYTES);
    out->text = clean(a, r->text, TEXT_BYTES);
    x->keyword = keyword_of(x->settings, out->text);
    if (x->keyword >= 0)
        out->keyword = words[x->keyword];
}

static void read_receipt(struct hook_visit *x, const struct channel_report *r,
                         struct hook_report *out) {
    static const char *const kinds[] = {"progress", "delivered", "bounce"};
    static const char *const bounces[] = {"soft", "hard", "block"};
    struct arena *a = x->visit->arena;
    struct str token = str_of(r->reference.p, r->reference.n);
    out->named = x->named;
    out->shard = x->shard;
    out->message = x->message;
    if (!x->named && token.n)
        out->named =
            keyring_check(x->visit->rc->keys, TOKEN_RECEIPT, token, &out->shard, &out->message);
    out->provider_id = clean(a, r->provider_id, ID_BYTES);
    out->kind = kinds[r->kind];
    if (r->kind == CHANNEL_BOUNCED)
        out->bounce = bounces[r->bounce];
    out->code = clean(a, r->code, CODE_BYTES);
    out->text = clean(a, r->text, ID_BYTES);
}

static void on_report(const struct channel_hook *h, const struct channel_report *r) {
    struct hook_visit *x = h->owner;
    struct arena *a = x->visit->arena;
    if (x->n == HOOK_REPORTS) {
        x->too_many = true;
        return;
    }
    if (x->n == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 4;
        x->reports =
            arena_grow(a, x->reports, x->cap * sizeof *x->reports, cap * sizeof *x->reports);
        x->cap = cap;
    }
    struct hook_report *out = &x->reports[x->n++];
    *out = (struct hook_report){.at_us = r->at_us};
    if (r->kind == CHANNEL_INBOUND)
        read_inbound(x, r, out);
    else
        read_receipt(x, r, out);
}

/* ---- the answer */

static struct str reply_of(const struct hook_visit *x) {
    const struct settings_sender *sender = &x->visit->workspace->settings.sender;
    if (x->keyword < 0)
        return STR_NONE;
    struct str own = x->settings->replies[x->keyword];
    if (own.n || x->keyword != KEYWORD_HELP)
        return own;
    return str_printf(x->visit->arena, "%.*s: reply STOP to unsubscribe. Contact: %.*s",
                      STR_FMT(sender->name), STR_FMT(sender->email));
}

static void answer(struct hook_visit *x) {
    static const struct http_field headers[] = {{"Cache-Control", "no-store"}, {0}};
    receive_answer(x->visit, 200, str_from(x->type), buf_str(&x->answer), headers);
}

static void on_recorded(void *ctx, const struct err *e, const size_t n[HOOK_OUTCOMES]) {
    struct hook_visit *x = ctx;
    struct receive *rc = x->visit->rc;
    for (int i = 0; i < HOOK_OUTCOMES; i++)
        rc->hooked[i] += (int64_t)n[i];
    if (e)
        receive_problem(x->visit, e->kind == ERR_TEMPORARY ? 503 : 500,
                        "This could not be written; send it again", STR_NONE, 5);
    else
        answer(x);
}

/* ---- the request */

static void finish(struct hook_visit *x, enum channel_hook_result result) {
    struct visit *v = x->visit;
    struct receive *rc = v->rc;
    const struct settings_bounces *rule = &v->workspace->settings.bounces;
    if (result == CHANNEL_HOOK_FORBIDDEN) {
        rc->hooks_forbidden++;
        receive_problem(v, 403, "The signature or the secret is missing or wrong", STR_NONE, 0);
    } else if (x->too_many) {
        receive_problem(v, 413, "There are too many reports in one request", STR_NONE, 0);
    } else if (result == CHANNEL_HOOK_UNREADABLE) {
        rc->hooks_unreadable++;
        receive_problem(v, 400, "This cannot be read", STR_NONE, 0);
    } else if (!x->n) {
        answer(x);
    } else if (!hooks_record(rc->reports, v->arena, x->channel, rule, x->reports, x->n, on_recorded,
                             x)) {
        receive_problem(v, 503, "Too much at once; send it again", STR_NONE, 5);
    }
}

static void ask_driver(struct hook_visit *x, const struct hook_channel *c, struct str token) {
    struct visit *v = x->visit;
    struct str target = http_target(v->request), body = http_body(v->request);
    ptrdiff_t mark = str_find(target, S("?"));
    struct str query = mark < 0 ? S("") : str_sub(target, (size_t)mark + 1, target.n);
    struct str url = str_printf(
        v->arena, "%.*s%.*s", STR_FMT(v->workspace->settings.tracking.public_url), STR_FMT(target));
    struct channel_hook h = {.owner = x,
                             .post = http_method(v->request) == HTTP_POST,
                             .reference = {token.p, token.n},
                             .url = {url.p, url.n},
                             .query = {query.p, query.n},
                             .body = {body.p, body.n},
                             .header = on_header,
                             .report = on_report,
                             .write = on_write};
    enum channel_hook_result result = c->driver->receive(c->values, &h);
    if (result == CHANNEL_HOOK_TAKEN) {
        struct str reply = reply_of(x);
        x->type = c->driver->answer(c->values, &h, (struct channel_text){reply.p, reply.n});
    }
    finish(x, result);
}

static const struct hook_channel *find(const struct receive *rc, struct str name) {
    for (size_t i = 0; i < rc->n_hook_channels; i++)
        if (str_eq(rc->hook_channels[i].settings->name, name))
            return &rc->hook_channels[i];
    return NULL;
}

void receive_hook(struct visit *v) {
    struct hook_visit *x = ARENA_NEW(v->arena, struct hook_visit);
    struct str token = v->rest, name = STR_NONE;
    if (!str_split(&token, '/', &name))
        name = STR_NONE;
    const struct hook_channel *c = find(v->rc, name);
    *x = (struct hook_visit){.visit = v, .keyword = -1, .answer = BUF_IN(v->arena)};
    if (http_method(v->request) == HTTP_HEAD) {
        receive_problem(v, 405, "This method is not for this path", STR_NONE, 0);
        return;
    }
    if (c && token.n)
        x->named = keyring_check(v->rc->keys, TOKEN_RECEIPT, token, &x->shard, &x->message);
    if (!c || (token.n && !x->named)) {
        receive_problem(v, 404, "There is no such hook", STR_NONE, 0);
        return;
    }
    x->channel = c->settings->name;
    x->settings = c->settings;
    ask_driver(x, c, token);
}

/* ---- the channels */

bool receive_hook_channels(struct receive *rc, const struct workspace *w, struct arena *a,
                           struct err *e) {
    const struct settings *s = &w->settings;
    struct hook_channel *list = ARENA_ARRAY(a, struct hook_channel, s->n_channels + 1);
    size_t n = 0;
    for (size_t i = 0; i < s->n_channels; i++) {
        struct hook_channel *c = &list[n];
        c->settings = &s->channels[i];
        if (!channel_values(a, w, c->settings, &c->driver, &c->values, e))
            return err_context(e, "channel %.*s", STR_FMT(c->settings->name));
        n += c->driver->receive != NULL;
    }
    rc->hook_channels = list;
    rc->n_hook_channels = n;
    return true;
}
