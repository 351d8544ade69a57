/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "engine/response/receive_internal.h"

/* A visit to /d/TOKEN, the link in a mail that asks whether a subscription was meant. GET shows a
 * button and changes nothing, because scanners follow links; POST confirms. */
static void show(struct visit *v, int status, enum page_confirm what) {
    struct buf b = BUF_IN(v->arena);
    page_confirm(&b, what, http_header(v->request, "Accept-Language"),
                 v->workspace->settings.sender.name);
    receive_page(v, status, buf_str(&b));
}

static void on_confirmed(void *ctx, const struct err *e, enum preferences_confirmed what) {
    struct visit *v = ctx;
    if (e) {
        receive_notice(v, 503, PAGE_LATER, STR_NONE);
        return;
    }
    v->rc->confirmed += what == PREFERENCES_CONFIRMED;
    if (what == PREFERENCES_UNKNOWN)
        receive_notice(v, 404, PAGE_UNKNOWN_LINK, STR_NONE);
    else
        show(v, 200, what == PREFERENCES_GONE ? PAGE_CONFIRM_GONE : PAGE_CONFIRMED);
}

void receive_confirm(struct visit *v) {
    int shard;
    int64_t message;
    if (!keyring_check(v->rc->keys, TOKEN_CONFIRM, v->rest, &shard, &message))
        receive_notice(v, 404, PAGE_UNKNOWN_LINK, STR_NONE);
    else if (http_method(v->request) == HTTP_POST)
        preferences_confirm(v->rc->preferences, shard, message, on_confirmed, v);
    else
        show(v, 200, PAGE_CONFIRM_ASK);
}
