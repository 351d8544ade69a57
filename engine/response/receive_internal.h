/* SPDX-License-Identifier: Apache-2.0
 *
 * receive_internal: what the endpoints of receive share. Each is one file with one
 * function that is listed in the table of routes in receive.c.
 */
#ifndef GODWIT_ENGINE_RESPONSE_RECEIVE_INTERNAL_H
#define GODWIT_ENGINE_RESPONSE_RECEIVE_INTERNAL_H

#include "base/io/http_server.h"
#include "base/keyring.h"
#include "engine/response/hooks.h"
#include "engine/response/page.h"
#include "engine/response/preferences.h"
#include "engine/response/receive.h"
#include "engine/response/response.h"
#include "engine/response/restate.h"
#include "engine/response/track.h"

enum endpoint {
    AT_OPEN,
    AT_CLICK,
    AT_DECOY,
    AT_PREFERENCES,
    AT_CONFIRM,
    AT_TRACK,
    AT_HOOK,
    AT_STATUS,
    AT_OTHER,
    ENDPOINTS
};

/* Statuses that are counted apart; the last stands for all others. */
#define RECEIVE_CODES 13
extern const int receive_codes[RECEIVE_CODES];

struct receive {
    uv_loop_t *loop;
    struct receive_host host;
    struct workspace *workspace; /* held */
    struct keyring *keys;        /* the engine's; read again now and then */
    struct arena *keys_arena;
    struct str *write_keys;
    size_t n_write_keys;
    struct hook_channel *hook_channels;
    size_t n_hook_channels;
    struct http_server *server;
    struct responses *responses;
    struct patient *preferences; /* consent; a connection that locks hold up */
    struct patient *hooks;
    struct hooks *reports; /* what providers tell, over these two */
    struct restate *restate;
    struct track *track;
    int64_t answered[ENDPOINTS][RECEIVE_CODES];
    int64_t unsubscribes, confirmed, rejected, skipped;
    int64_t hooked[HOOK_OUTCOMES], hooks_forbidden, hooks_unreadable;
    int64_t opened_us;
    /* closing */
    uv_timer_t timer, keys_timer;
    uint64_t close_at;
    int closing;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

/* One request on its way; in its own arena, gone with the answer. */
struct visit {
    struct receive *rc;
    struct http_request *request;
    struct arena *arena;
    struct workspace *workspace; /* held */
    enum endpoint at;
    struct str rest; /* of the path, behind the route's prefix */
};

void receive_answer(struct visit *v, int status, struct str type, struct str body,
                    const struct http_field *headers);
void receive_page(struct visit *v, int status, struct str html);
void receive_notice(struct visit *v, int status, enum page_notice what, struct str url);
/* application/problem+json (RFC 9457); `retry_after` 0: not said. */
void receive_problem(struct visit *v, int status, const char *title, struct str detail,
                     int retry_after);

/* Of the workspace's channels those whose providers tell something; in `a`. */
bool receive_hook_channels(struct receive *rc, const struct workspace *w, struct arena *a,
                           struct err *e) MUST_CHECK;

bool receive_machine_prefetch(const struct http_request *r);

/* ---- the endpoints; each answers now or later */
void receive_hit_open(struct visit *v);
void receive_hit_click(struct visit *v);
void receive_hit_decoy(struct visit *v);
void receive_preferences(struct visit *v);
void receive_confirm(struct visit *v);
void receive_hook(struct visit *v);
void receive_track(struct visit *v);
void receive_health(struct visit *v);
void receive_ready(struct visit *v);
void receive_metrics(struct visit *v);

#endif
