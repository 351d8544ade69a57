/* SPDX-License-Identifier: Apache-2.0
 *
 * local_channel: what the drivers without a peer share: messages are worked off one by
 * one on a worker thread, each with an arena that is reset behind it.
 */
#ifndef GODWIT_CHANNELS_LOCAL_CHANNEL_H
#define GODWIT_CHANNELS_LOCAL_CHANNEL_H

#include "channels/channel.h"
#include "channels/relay_reply.h"

struct arena;

/* Does one message, in the worker's thread. Sets the result. */
typedef void local_deliver_fn(void *self, struct arena *a, const struct channel_message *m,
                              struct relay_result *out);

/* `self` is the driver's own and freed with free() when the channel has closed. NULL: e. */
struct channel *local_channel_open(const struct channel_host *host, size_t capacity,
                                   local_deliver_fn *deliver, void *self, struct channel_error *e);
size_t local_channel_capacity(const struct channel *c);
void local_channel_submit(struct channel *c, const struct channel_message *const *messages,
                          size_t n);
typedef void local_closed_fn(void *arg);
void local_channel_close(struct channel *c, int64_t deadline_ms, local_closed_fn *closed,
                         void *arg);

#endif
