/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/receive.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/wallclock.h"
#include "engine/registry.h"
#include "engine/response/receive_internal.h"
#include "engine/secret.h"
#include "engine/sql_text.h"

#include <stdlib.h>

#define CLOSE_MS 2000 /* for what waits for a commit */
#define CLOSE_LOOK_MS 10
#define REQUESTS 4096 /* under way on one connection */
#define KEYS_MS 15000 /* a new key signs a minute after it was made */

static const struct db_stmt st_keys = {"token_keys", sql_token_keys};

const int receive_codes[RECEIVE_CODES] = {200, 302, 400, 401, 403, 404, 405,
                                          413, 415, 429, 500, 503, 0};

enum { GET = 1, POST = 2 };

static const struct route {
    const char *prefix;
    bool whole; /* the path is the prefix, nothing behind it */
    int methods;
    enum endpoint at;
    void (*run)(struct visit *v);
} routes[] = {
    {"/o/", false, GET, AT_OPEN, receive_hit_open},
    {"/c/", false, GET, AT_CLICK, receive_hit_click},
    {"/l/", false, GET, AT_DECOY, receive_hit_decoy},
    {"/u/", false, GET | POST, AT_PREFERENCES, receive_preferences},
    {"/d/", false, GET | POST, AT_CONFIRM, receive_confirm},
    {"/v1/", false, POST, AT_TRACK, receive_track},
    {"/hooks/", false, GET | POST, AT_HOOK, receive_hook},
    {"/healthz", true, GET, AT_STATUS, receive_health},
    {"/readyz", true, GET, AT_STATUS, receive_ready},
    {"/metrics", true, GET, AT_STATUS, receive_metrics},
};

/* ---- answers */

void receive_answer(struct visit *v, int status, struct str type, struct str body,
                    const struct http_field *headers) {
    size_t code = 0;
    while (code < RECEIVE_CODES - 1 && receive_codes[code] != status)
        code++;
    v->rc->answered[v->at][code]++;
    http_answer(v->request, status, type, body, headers);
    workspace_release(v->workspace);
    arena_free(v->arena);
}

void receive_page(struct visit *v, int status, struct str html) {
    static const struct http_field headers[] = {
        {"Cache-Control", "no-store"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Robots-Tag", "noindex"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy",
         "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
         "frame-ancestors 'none'; base-uri 'none'"},
        {0}};
    static const struct http_field later[] = {
        {"Cache-Control", "no-store"},
        {"Retry-After", "5"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"},
        {0}};
    receive_answer(v, status, S("text/html; charset=utf-8"), html, status == 503 ? later : headers);
}

/* Before a customer is known, the browser's first language decides. */
void receive_notice(struct visit *v, int status, enum page_notice what, struct str url) {
    struct buf b = BUF_IN(v->arena);
    page_notice(&b, what, http_header(v->request, "Accept-Language"), url);
    receive_page(v, status, buf_str(&b));
}

void receive_problem(struct visit *v, int status, const char *title, struct str detail,
                     int retry_after) {
    struct map *m = map_new(v->arena, 4);
    struct buf b = BUF_IN(v->arena);
    struct http_field headers[3] = {{"Cache-Control", "no-store"}};
    if (retry_after)
        headers[1] = (struct http_field){"Retry-After", str_printf(v->arena, "%d", retry_after).p};
    map_set_str(v->arena, m, S("title"), value_str(str_from(title)));
    map_set_str(v->arena, m, S("status"), value_int(status));
    if (detail.n)
        map_set_str(v->arena, m, S("detail"), value_str(detail));
    json_write(&b, value_map(m));
    receive_answer(v, status, S("application/problem+json"), buf_str(&b), headers);
}

bool receive_machine_prefetch(const struct http_request *r) {
    static const char *const names[] = {"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct str value = http_header(r, names[i]);
        if (str_find(value, S("prefetch")) >= 0 || str_find(value, S("preview")) >= 0)
            return true;
    }
    return false;
}

/* ---- requests */

static bool allowed(const struct route *route, enum http_method method) {
    switch (method) {
    case HTTP_GET:
    case HTTP_HEAD:
        return route->methods & GET;
    case HTTP_POST:
        return route->methods & POST;
    case HTTP_OTHER:
        break;
    }
    return false;
}

static const struct route *route_of(struct str path) {
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        struct str prefix = str_from(routes[i].prefix);
        if (routes[i].whole ? str_eq(path, prefix) : str_starts(path, prefix))
            return &routes[i];
    }
    return NULL;
}

static void on_request(void *ctx, struct http_request *r) {
    static const char *const allow[] = {"", "GET, HEAD", "POST", "GET, HEAD, POST"};
    struct receive *rc = ctx;
    struct arena *a = arena_new(1024);
    struct visit *v = ARENA_NEW(a, struct visit);
    const struct route *route = route_of(http_path(r));
    *v = (struct visit){
        .rc = rc, .request = r, .arena = a, .workspace = workspace_hold(rc->workspace)};
    v->at = route ? route->at : AT_OTHER;
    if (!route) {
        receive_answer(v, 404, S("text/plain; charset=utf-8"), S("There is nothing here.\n"), NULL);
        return;
    }
    v->rest = str_sub(http_path(r), strlen(route->prefix), http_path(r).n);
    if (allowed(route, http_method(r))) {
        route->run(v);
        return;
    }
    const struct http_field headers[] = {{"Allow", allow[route->methods]}, {0}};
    receive_answer(v, 405, S("text/plain; charset=utf-8"), S("This method is not for this path.\n"),
                   headers);
}

/* ---- life */

static bool read_keys(struct receive *rc, const struct workspace *w, struct err *e) {
    const struct settings_tracking *t = &w->settings.tracking;
    struct arena *a = arena_new(256);
    struct str *keys = ARENA_ARRAY(a, struct str, t->n_write_keys + 1);
    for (size_t i = 0; i < t->n_write_keys; i++)
        if (!secret_resolve(a, w->folder, t->write_keys[i], &keys[i], e) || !keys[i].n) {
            if (!e->text[0])
                err_set(e, ERR_INPUT, "a write key is empty");
            arena_free(a);
            return err_context(e, "tracking: write_keys");
        }
    if (!receive_hook_channels(rc, w, a, e)) {
        arena_free(a);
        return false;
    }
    arena_free(rc->keys_arena);
    rc->keys_arena = a;
    rc->write_keys = keys;
    rc->n_write_keys = t->n_write_keys;
    return true;
}

bool receive_reload(struct receive *rc, struct workspace *w, struct err *e) {
    if (!read_keys(rc, w, e))
        return false;
    workspace_release(rc->workspace);
    rc->workspace = workspace_hold(w);
    return true;
}

static bool open_parts(struct receive *rc, const char *conninfo, struct err *e) {
    const struct http_server_options o = {
        .listen = rc->workspace->settings.tracking.listen, .on_request = on_request, .ctx = rc};
    if (!read_keys(rc, rc->workspace, e))
        return false;
    rc->responses = responses_open(rc->loop, conninfo, e);
    rc->preferences = rc->responses ? patient_open(rc->loop, conninfo, REQUESTS, e) : NULL;
    rc->hooks = rc->preferences ? patient_open(rc->loop, conninfo, REQUESTS, e) : NULL;
    rc->reports = rc->hooks ? hooks_open(rc->hooks, rc->preferences) : NULL;
    rc->track = rc->hooks ? track_open(rc->loop, conninfo, e) : NULL;
    rc->server = rc->track ? http_server_open(rc->loop, &o, e) : NULL;
    return rc->server != NULL;
}

/* ---- keys that another engine or a person made, or took away */

static void on_keys(void *ctx, const struct err *e, const struct db_reply *reply) {
    struct receive *rc = ctx;
    struct keyring ring = {0};
    struct err why = ERR_INIT;
    if (e)
        return; /* the next time */
    if (registry_read_keys(reply->result[0], &ring, &why))
        *rc->keys = ring;
    else
        log_error("the keys of tokens could not be read", LOG_S("error", str_from(why.text)));
    keyring_clear(&ring);
}

static void on_keys_timer(uv_timer_t *t) {
    struct receive *rc = t->data;
    const struct db_call call = {&st_keys, NULL};
    patient_ask(rc->hooks, &call, 1, on_keys, rc);
}

struct receive *receive_open(uv_loop_t *loop, const char *conninfo, struct workspace *w,
                             struct keyring *keys, const struct receive_host *host, struct err *e) {
    struct receive *rc = calloc(1, sizeof *rc);
    if (!rc)
        abort();
    *rc = (struct receive){.loop = loop,
                           .host = *host,
                           .workspace = workspace_hold(w),
                           .keys = keys,
                           .opened_us = wallclock_now()};
    if (!open_parts(rc, conninfo, e))
        return NULL; /* the caller gives up: what is open ends with the process */
    uv_timer_init(loop, &rc->timer);
    rc->timer.data = rc;
    rc->restate = restate_open(loop, rc->hooks);
    uv_timer_init(loop, &rc->keys_timer);
    rc->keys_timer.data = rc;
    uv_timer_start(&rc->keys_timer, on_keys_timer, KEYS_MS, KEYS_MS);
    return rc;
}

int receive_port(const struct receive *rc) {
    return http_server_port(rc->server);
}

static void on_server_closed(void *ctx) {
    struct receive *rc = ctx;
    void (*on_closed)(void *) = rc->on_closed;
    void *closed_ctx = rc->closed_ctx;
    workspace_release(rc->workspace);
    arena_free(rc->keys_arena);
    hooks_close(rc->reports);
    free(rc);
    on_closed(closed_ctx);
}

/* All that waited is answered now: the server may go. */
static void on_part_closed(void *ctx) {
    struct receive *rc = ctx;
    if (--rc->closing == 0)
        http_server_close(rc->server, on_server_closed, rc);
}

static void on_timer_closed(uv_handle_t *h) {
    on_part_closed(h->data);
}

static void on_look(uv_timer_t *t) {
    struct receive *rc = t->data;
    struct http_server_counts counts;
    http_server_counts(rc->server, &counts);
    if (counts.waiting && uv_now(rc->loop) < rc->close_at)
        return;
    rc->closing = 7;
    uv_close((uv_handle_t *)&rc->timer, on_timer_closed);
    uv_close((uv_handle_t *)&rc->keys_timer, on_timer_closed);
    responses_close(rc->responses, on_part_closed, rc);
    patient_close(rc->preferences, on_part_closed, rc);
    restate_close(rc->restate, on_part_closed, rc);
    patient_close(rc->hooks, on_part_closed, rc);
    track_close(rc->track, on_part_closed, rc);
}

void receive_close(struct receive *rc, void (*on_closed)(void *ctx), void *ctx) {
    rc->on_closed = on_closed;
    rc->closed_ctx = ctx;
    rc->close_at = uv_now(rc->loop) + CLOSE_MS;
    http_server_quiesce(rc->server);
    uv_timer_start(&rc->timer, on_look, 0, CLOSE_LOOK_MS);
}
