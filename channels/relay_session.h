/* SPDX-License-Identifier: Apache-2.0
 *
 * relay_session: one connection to a mail relay, through libesmtp, on a worker's
 * thread: takes messages from the pool one after the other for as long as they come,
 * and gives each back with its result.
 *
 * A line (one for each worker) is used by its own thread; only relay_line_cut() may be
 * called from another. Each connection goes to the relay that relay_pool names; a message
 * that a relay does not take, through a fault of the relay's, is tried at once with the
 * others.
 */
#ifndef GODWIT_CHANNELS_RELAY_SESSION_H
#define GODWIT_CHANNELS_RELAY_SESSION_H

#include "base/io/worker.h"
#include "channels/channel.h"
#include "channels/relay_reply.h"
#include "channels/relay_settings.h"

struct relay_job {
    struct worker_job job;
    const struct channel_message *message;
    bool retried;   /* a stale connection has cost it one start already */
    uint32_t tried; /* bits of the relays that failed it; the last one's answer is in result */
    bool judged;    /* result is there */
    struct relay_result result;
};

struct relay_line;

struct relay_line *relay_line_new(struct relay_settings *settings);
void relay_line_free(struct relay_line *l);

/* Serves `first` and what else the worker can take; all are given back on return. */
void relay_line_serve(struct relay_line *l, struct worker *w, struct relay_job *first);

/* Breaks the connection off for good: what is in flight comes back with its true outcome. */
void relay_line_cut(struct relay_line *l);

#endif
