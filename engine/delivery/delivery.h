/* SPDX-License-Identifier: Apache-2.0
 *
 * delivery: from the outbox to the channels. For each channel of the workspace a
 * lane: claim what is due, render it, mark it as sending (durable, in the same
 * transaction that settles the results of others), hand it to the driver, settle.
 *
 * At any moment at most as many messages as the driver has connections, or as the
 * channel's `in_flight` says, are marked and not yet settled: after a crash no more
 * than these are in doubt. What is claimed and rendered but not marked is only in
 * memory and costs nothing when lost.
 * Memory is bounded by the lane's queue. Loop thread only.
 */
#ifndef GODWIT_ENGINE_DELIVERY_DELIVERY_H
#define GODWIT_ENGINE_DELIVERY_DELIVERY_H

#include "base/err.h"
#include "base/keyring.h"
#include "engine/shards.h"
#include "engine/workspace.h"

#include <uv.h>

struct delivery;

struct delivery_counts {
    int64_t sent, failed, deferred, in_doubt; /* settled since the start */
    size_t ready, in_flight;                  /* in hand now */
    bool quiet;         /* nothing in hand, and the last look found nothing that is due */
    bool stuck;         /* a channel is resting after failures, or the database is away */
    struct str trouble; /* of a stuck channel: "email: connection refused"; until the next call */
};

/* `shards` is asked for ownership and fences. Opens two connections. `secret` keys
 * Message-IDs, `keys` tokens; both are borrowed, and the keys may change. */
struct delivery *delivery_open(uv_loop_t *loop, const char *conninfo, struct workspace *w,
                               struct shards *shards, struct str secret, const struct keyring *keys,
                               struct err *e) MUST_CHECK;

void delivery_kick(struct delivery *d);                         /* there may be something due */
void delivery_shards_changed(struct delivery *d);               /* ownership changed */
bool delivery_idle(const struct delivery *d, uint64_t members); /* no message in hand of these */

/* Opens what is new or changed among the workspace's channels, beside what is at work. False: one
 * of them cannot be opened, e says which, and all is as before. */
bool delivery_prepare(struct delivery *d, const struct workspace *w, struct err *e) MUST_CHECK;
void delivery_unprepare(struct delivery *d); /* closes them again */
/* After delivery_prepare() with it: from the next claim on. Channels that are gone or changed hand
 * nothing more over and are closed when what is in flight has come back. */
void delivery_reload(struct delivery *d, struct workspace *w);

void delivery_counts(struct delivery *d, struct delivery_counts *out);

/* Stops handing over, waits up to deadline_ms for what is in flight, settles it. */
void delivery_close(struct delivery *d, int64_t deadline_ms, void (*on_closed)(void *ctx),
                    void *ctx);

#endif
