/* SPDX-License-Identifier: Apache-2.0
 *
 * shards: which shards this engine owns, and how engines share them.
 *
 * On a connection of its own the engine registers itself, holds a session lock
 * (connection-bound liveness), renews its leases every 2 s and shares the 64 shards
 * evenly with the other live engines. A shard is taken over when its owner's
 * session is gone (at once) or its lease has run out (15 s: a stopped process).
 * Each takeover raises the shard's fence; every result is written under the fence
 * it was begun with, so a late one is refused.
 *
 *   down -> registering -> member: heartbeat, acquire, give back
 *     ^---- connection lost, or taken for dead: everything is given up
 *
 * Loop thread only. The owner is told by callbacks and asks shards_owned().
 */
#ifndef GODWIT_ENGINE_SHARDS_H
#define GODWIT_ENGINE_SHARDS_H

#include "base/err.h"
#include "base/str.h"
#include "engine/cursor.h"

#include <uv.h>

struct shards;

struct shards_events {
    void *ctx;
    /* Shards were acquired or lost: `owned` is new; cursors holds the new ones' positions. */
    void (*on_change)(void *ctx);
    /* An event was committed while we slept. */
    void (*on_wake)(void *ctx);
    /* Whether none of these shards has work in hand, so that they can be given away. */
    bool (*is_idle)(void *ctx, uint64_t members);
    /* It cannot go on: the cursor belongs to another cluster, the schema is missing, ... */
    void (*on_fatal)(void *ctx, const struct err *e);
    /* State changed, for the log: connected or not. */
    void (*on_link)(void *ctx, bool up, const struct err *e);
};

struct shards *shards_open(uv_loop_t *loop, const char *conninfo,
                           const struct shards_events *events, struct err *e) MUST_CHECK;

/* The names of the channels with in_doubt: resend, from now on; borrowed for the call. */
void shards_resend(struct shards *s, const struct str *names, size_t n);

uint64_t shards_owned(const struct shards *s); /* without those being given back */
int64_t shards_fence(const struct shards *s, int shard);
int64_t shards_engine(const struct shards *s);          /* our number; 0 while down */
int shards_engines(const struct shards *s);             /* how many live; 0 while down */
struct cursor_groups *shards_cursors(struct shards *s); /* of the owned shards */

/* A write was refused by a fence: look at once what is still ours. */
void shards_recheck(struct shards *s);

/* Whether producers should notify. */
void shards_sleep(struct shards *s, bool asleep);

/* Leaves the group of engines; on_closed is the last callback. */
void shards_close(struct shards *s, void (*on_closed)(void *ctx), void *ctx);

#endif
