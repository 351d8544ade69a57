/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/post_form.h"
#include "engine/response/receive_internal.h"

/* A visit to /u/TOKEN. GET reads and shows. POST of the page's own form sets, then reads and
 * shows; any other POST is a mailbox provider's one click (RFC 8058): unsubscribed from the
 * message's topic, with a line of text as answer. */
struct preference_visit {
    struct visit *visit;
    int shard;
    int64_t message;
    enum page_done done;
    const bool *wanted; /* beside the topics; NULL: the form set none */
};

/* ---- show */

static void on_read(void *ctx, const struct err *e, const struct preferences_state *s) {
    struct preference_visit *p = ctx;
    struct visit *v = p->visit;
    const struct settings *settings = &v->workspace->settings;
    struct buf b = BUF_IN(v->arena);
    if (e) {
        receive_notice(v, 503, PAGE_LATER, STR_NONE);
        return;
    }
    if (!s->found) {
        receive_notice(v, 404, PAGE_UNKNOWN_LINK, STR_NONE);
        return;
    }
    struct page_preferences page = {
        .locale = s->locale.n ? s->locale : http_header(v->request, "Accept-Language"),
        .sender = settings->sender.name,
        .topics = settings->topics,
        .subscribed = s->subscribed,
        .n = settings->n_topics,
        .topic = s->topic,
        .done = p->done,
    };
    for (size_t i = 0; p->wanted && i < settings->n_topics; i++)
        page.pending |= settings->topics[i].confirm && p->wanted[i] && !s->subscribed[i];
    page_preferences(&b, &page);
    receive_page(v, 200, buf_str(&b));
}

static void show(struct preference_visit *p) {
    const struct settings *settings = &p->visit->workspace->settings;
    preferences_read(p->visit->rc->preferences, p->shard, p->message, settings->topics,
                     settings->n_topics, on_read, p);
}

/* ---- set */

static void on_page_set(void *ctx, const struct err *e) {
    struct preference_visit *p = ctx;
    if (e) {
        receive_notice(p->visit, 503, PAGE_LATER, STR_NONE);
        return;
    }
    p->visit->rc->unsubscribes += p->done == PAGE_ALL_OFF;
    show(p);
}

static void on_one_click_set(void *ctx, const struct err *e) {
    static const struct http_field headers[] = {{"Cache-Control", "no-store"}, {0}};
    struct preference_visit *p = ctx;
    if (e) {
        receive_notice(p->visit, 503, PAGE_LATER, STR_NONE);
        return;
    }
    p->visit->rc->unsubscribes++;
    receive_answer(p->visit, 200, S("text/plain; charset=utf-8"), S("You are unsubscribed.\n"),
                   headers);
}

static void set_all_off(struct preference_visit *p) {
    static const struct str everything[] = {S("*")};
    static const bool no[] = {false}, yes[] = {true};
    struct preferences_wish wish = {.source = S("preference page"),
                                    .topics = everything,
                                    .subscribed = no,
                                    .by_default = yes,
                                    .n = 1};
    p->done = PAGE_ALL_OFF;
    preferences_set(p->visit->rc->preferences, p->shard, p->message, &wish, on_page_set, p);
}

static void set_topics(struct preference_visit *p, const struct post_form *form) {
    struct visit *v = p->visit;
    const struct settings *settings = &v->workspace->settings;
    size_t n = settings->n_topics;
    struct str *names = ARENA_ARRAY(v->arena, struct str, n + 1);
    bool *on = ARENA_ARRAY(v->arena, bool, n + 1), *defaults = ARENA_ARRAY(v->arena, bool, n + 1);
    for (size_t i = 0; i < n; i++) {
        names[i] = settings->topics[i].name;
        on[i] = post_form_has(form, S("topic"), names[i]);
        defaults[i] = settings->topics[i].subscribed;
    }
    struct preferences_wish wish = {.source = S("preference page"),
                                    .topics = names,
                                    .subscribed = on,
                                    .by_default = defaults,
                                    .n = n};
    p->done = PAGE_SAVED;
    p->wanted = on;
    if (n)
        preferences_set(v->rc->preferences, p->shard, p->message, &wish, on_page_set, p);
    else
        show(p);
}

static void post(struct preference_visit *p) {
    struct visit *v = p->visit;
    struct post_form *form =
        post_form_read(v->arena, http_header(v->request, "Content-Type"), http_body(v->request));
    bool page = post_form_has(form, S("form"), S("preferences"));
    if (page && post_form_has(form, S("action"), S("save"))) {
        set_topics(p, form);
    } else if (page) {
        set_all_off(p);
    } else {
        struct preferences_wish wish = {.source = S("one-click"), .own_topic = true};
        preferences_set(v->rc->preferences, p->shard, p->message, &wish, on_one_click_set, p);
    }
}

void receive_preferences(struct visit *v) {
    struct preference_visit *p = ARENA_NEW(v->arena, struct preference_visit);
    p->visit = v;
    if (!keyring_check(v->rc->keys, TOKEN_UNSUBSCRIBE, v->rest, &p->shard, &p->message))
        receive_notice(v, 404, PAGE_UNKNOWN_LINK, STR_NONE);
    else if (http_method(v->request) == HTTP_POST)
        post(p);
    else
        show(p);
}
