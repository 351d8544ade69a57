/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/transfers.h"

#include <stdbool.h>
#include <stdlib.h>

struct transfers {
    uv_loop_t *loop;
    CURLM *multi;
    CURLSH *share;
    uv_timer_t timer;
    size_t sockets; /* uv_poll_t that are not closed yet */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct watch {
    uv_poll_t poll;
    struct transfers *owner;
    curl_socket_t fd;
};

/* ---- libcurl and the loop */

static void collect(struct transfers *t) {
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(t->multi, &left))) {
        struct transfer *x = NULL;
        CURLcode code = m->data.result; /* m is gone when the handle is removed */
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        x->done(x, code);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct watch *w = poll->data;
    struct transfers *t = w->owner;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    curl_multi_socket_action(t->multi, w->fd, flags, &running);
    collect(t);
}

static void on_timeout(uv_timer_t *timer) {
    struct transfers *t = timer->data;
    int running;
    curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(t);
}

static int on_timer_wanted(CURLM *multi, long ms, void *arg) {
    (void)multi;
    struct transfers *t = arg;
    if (ms < 0)
        uv_timer_stop(&t->timer);
    else /* 0 is not at once: never from inside transfers_add() */
        uv_timer_start(&t->timer, on_timeout, (uint64_t)ms, 0);
    return 0;
}

static void maybe_closed(struct transfers *t);

static void on_watch_closed(uv_handle_t *h) {
    struct watch *w = h->data;
    struct transfers *t = w->owner;
    free(w);
    t->sockets--;
    maybe_closed(t);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg) {
    (void)easy;
    struct transfers *t = arg;
    struct watch *w = socket_arg;
    if (what == CURL_POLL_REMOVE) {
        if (w)
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
        curl_multi_assign(t->multi, fd, NULL);
        return 0;
    }
    if (!w) {
        w = calloc(1, sizeof *w);
        if (!w || uv_poll_init_socket(t->loop, &w->poll, fd) != 0)
            abort();
        w->owner = t;
        w->fd = fd;
        w->poll.data = w;
        t->sockets++;
        curl_multi_assign(t->multi, fd, w);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&w->poll, events, on_ready);
    return 0;
}

/* ---- transfers */

void transfers_add(struct transfers *t, CURL *easy, struct transfer *x) {
    curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    curl_easy_setopt(easy, CURLOPT_SHARE, t->share);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (curl_multi_add_handle(t->multi, easy) != CURLM_OK)
        abort();
}

void transfers_remove(struct transfers *t, CURL *easy) {
    curl_multi_remove_handle(t->multi, easy);
}

/* ---- life */

struct transfers *transfers_new(uv_loop_t *loop, size_t connections) {
    struct transfers *t = calloc(1, sizeof *t);
    if (!t || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    t->loop = loop;
    t->multi = curl_multi_init();
    t->share = curl_share_init();
    if (!t->multi || !t->share)
        abort();
    curl_share_setopt(t->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections);
    curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, (long)connections);
    uv_timer_init(loop, &t->timer);
    t->timer.data = t;
    return t;
}

/* From the loop: whoever closes may be called back by libcurl at that moment. */
static void on_timer_closed(uv_handle_t *h) {
    struct transfers *t = h->data;
    curl_multi_cleanup(t->multi); /* closes its sockets by way of on_socket */
    curl_share_cleanup(t->share);
    t->timer.data = NULL;
    maybe_closed(t);
}

static void maybe_closed(struct transfers *t) {
    if (!t->closing || t->sockets || t->timer.data)
        return;
    void (*closed)(void *) = t->closed;
    void *ctx = t->closed_ctx;
    free(t);
    closed(ctx);
}

void transfers_close(struct transfers *t, void (*closed)(void *ctx), void *ctx) {
    t->closing = true;
    t->closed = closed;
    t->closed_ctx = ctx;
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}
