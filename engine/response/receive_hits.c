/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "engine/response/receive_internal.h"

static const unsigned char gif[43] = {
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
    0x00, 0xff, 0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b};

static struct response_hit hit_of(const struct visit *v) {
    return (struct response_hit){
        .agent = http_header(v->request, "User-Agent"),
        .head = http_method(v->request) == HTTP_HEAD,
        .prefetch = receive_machine_prefetch(v->request),
        .at_us = wallclock_now(),
    };
}

static void answer_later(struct visit *v) {
    static const struct http_field headers[] = {
        {"Cache-Control", "no-store"}, {"Retry-After", "5"}, {0}};
    receive_answer(v, 503, STR_NONE, S(""), headers);
}

/* ---- opens */

static void answer_gif(struct visit *v) {
    static const struct http_field headers[] = {
        {"Cache-Control", "no-store, no-cache, private, max-age=0"}, {0}};
    receive_answer(v, 200, S("image/gif"), str_of((const char *)gif, sizeof gif), headers);
}

static void on_open_recorded(void *ctx, bool recorded) {
    struct visit *v = ctx;
    if (recorded)
        answer_gif(v);
    else
        answer_later(v);
}

void receive_hit_open(struct visit *v) {
    struct str token = v->rest;
    struct response_hit hit = hit_of(v);
    if (str_ends(token, S(".gif")))
        token = str_sub(token, 0, token.n - 4);
    if (!keyring_check(v->rc->keys, TOKEN_OPEN, token, &hit.shard, &hit.message))
        answer_gif(v); /* looks the same: tells nothing about which tokens are good */
    else if (!responses_add(v->rc->responses, v->arena, &hit, on_open_recorded, v))
        answer_later(v);
}

/* ---- the decoy: nobody is there to read the answer */

static void on_decoy_recorded(void *ctx, bool recorded) {
    struct visit *v = ctx;
    if (recorded)
        receive_notice(v, 200, PAGE_UNKNOWN_LINK, STR_NONE);
    else
        answer_later(v);
}

void receive_hit_decoy(struct visit *v) {
    struct response_hit hit = hit_of(v);
    hit.click = hit.decoy = true;
    if (!keyring_check(v->rc->keys, TOKEN_DECOY, v->rest, &hit.shard, &hit.message))
        receive_notice(v, 404, PAGE_UNKNOWN_LINK, STR_NONE);
    else if (!responses_add(v->rc->responses, v->arena, &hit, on_decoy_recorded, v))
        answer_later(v);
}

/* ---- clicks */

struct click {
    struct visit *visit;
    struct str url;
};

/* As a header can carry it: what is no plain ASCII of a URL is percent-encoded. */
static const char *location(struct arena *a, struct str url) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~:/?#[]@!$&'()*+,;=%";
    const char *text = str_cstr(a, url);
    size_t n = strspn(text, plain);
    struct buf b = BUF_IN(a);
    if (n == url.n)
        return text;
    for (size_t i = 0; i < url.n; i++) {
        if (strchr(plain, url.p[i]) && url.p[i])
            buf_add_char(&b, url.p[i]);
        else
            buf_printf(&b, "%%%02X", (unsigned char)url.p[i]);
    }
    return buf_cstr(&b);
}

static void on_click_recorded(void *ctx, bool recorded) {
    struct click *c = ctx;
    struct visit *v = c->visit;
    if (!recorded) {
        receive_notice(v, 503, PAGE_LATER, c->url);
        return;
    }
    const struct http_field headers[] = {{"Location", location(v->arena, c->url)},
                                         {"Cache-Control", "no-store"},
                                         {"Referrer-Policy", "no-referrer"},
                                         {0}};
    receive_answer(v, 302, STR_NONE, S(""), headers);
}

/* Where it leads is in the token, under its MAC: never from a query, nowhere but where the
 * message's own link pointed. */
void receive_hit_click(struct visit *v) {
    struct token_link link;
    struct response_hit hit = hit_of(v);
    if (!keyring_link_check(v->arena, v->rc->keys, v->rest, &link)) {
        receive_notice(v, 404, PAGE_UNKNOWN_LINK, STR_NONE);
        return;
    }
    struct click *c = ARENA_NEW(v->arena, struct click);
    *c = (struct click){v, link.url};
    hit.click = true;
    hit.shard = link.shard;
    hit.message = link.id;
    hit.link = link.index;
    hit.url = link.url;
    if (!responses_add(v->rc->responses, v->arena, &hit, on_click_recorded, c))
        on_click_recorded(c, false);
}
