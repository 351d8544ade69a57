/* SPDX-License-Identifier: Apache-2.0
 *
 * engine: one process that decides and delivers: the loop, its connections, the
 * shards, intake and delivery, signals, reload.
 *
 *     engine_run() returns when it was told to stop (SIGTERM, SIGINT), when it was
 *     asked to drain and nothing that is due is left, or when it cannot go on.
 *
 * SIGHUP reloads the workspace; a broken one is reported and the old one stays.
 * Uses the calling thread; one engine a process.
 */
#ifndef GODWIT_ENGINE_ENGINE_H
#define GODWIT_ENGINE_ENGINE_H

#include "base/err.h"
#include "engine/workspace.h"

struct engine_progress {
    int64_t events, decisions; /* since the start */
    int64_t sent, failed, deferred, in_doubt;
    size_t waiting; /* messages in hand */
    int shards, engines;
    struct str trouble; /* why nothing moves; empty: all is well */
};

struct engine_options {
    struct str folder;    /* of the workspace */
    const char *conninfo; /* libpq; the schema is migrated already */
    bool drain;           /* do what is due now, then return */
    /* Called about every 250 ms; may be NULL. */
    void (*on_progress)(void *ctx, const struct engine_progress *p);
    /* Asked about every 250 ms; true: stop as if by SIGTERM. May be NULL. */
    bool (*should_stop)(void *ctx);
    /* Asked about every 250 ms; true: reload as if by SIGHUP. May be NULL. */
    bool (*should_reload)(void *ctx);
    /* Given each workspace that a reload has read, before it is used. May be NULL. */
    void (*on_loaded)(void *ctx, struct workspace *w);
    void *ctx;
};

/* Holds w until it returns. False: it could not start or go on, e says why. */
bool engine_run(struct workspace *w, const struct engine_options *o, struct err *e) MUST_CHECK;

#endif
