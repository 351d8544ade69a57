/* SPDX-License-Identifier: Apache-2.0
 *
 * receive: what comes in over HTTP on tracking.listen:
 *
 *     GET /o/TOKEN.gif      an open             GET /c/TOKEN    a click, redirects
 *     GET, POST /u/TOKEN    preferences         POST /v1/...    Segment's libraries
 *     GET, POST /d/TOKEN    confirms a subscription    GET /l/TOKEN   the decoy: no person
 *     GET, POST /hooks/CHANNEL[/TOKEN]          what providers tell: receipts, inbound SMS
 *     GET /healthz  /readyz  /metrics           for operators
 *
 * Whatever is answered with 200 or 302 is committed. Runs in the engine's loop with
 * connections of its own to the database (response.h, preferences.h, track.h). Loop thread
 * only.
 */
#ifndef GODWIT_ENGINE_RESPONSE_RECEIVE_H
#define GODWIT_ENGINE_RESPONSE_RECEIVE_H

#include "base/err.h"
#include "base/keyring.h"
#include "engine/workspace.h"

#include <uv.h>

struct receive;

struct receive_host {
    void *ctx;
    bool (*is_ready)(void *ctx);                 /* for /readyz */
    void (*metrics)(void *ctx, struct buf *out); /* the engine's families, for /metrics */
};

/* workspace->settings.tracking.listen says where. `keys` are of tokens; borrowed, and
 * read again from the database now and then. */
struct receive *receive_open(uv_loop_t *loop, const char *conninfo, struct workspace *w,
                             struct keyring *keys, const struct receive_host *host,
                             struct err *e) MUST_CHECK;
int receive_port(const struct receive *rc);

/* From the next request on. The address to listen on stays what it was. */
bool receive_reload(struct receive *rc, struct workspace *w, struct err *e) MUST_CHECK;

/* Takes no more, answers what there is within 2 s, closes. */
void receive_close(struct receive *rc, void (*on_closed)(void *ctx), void *ctx);

#endif
