/* SPDX-License-Identifier: Apache-2.0
 *
 * relay_pool: which of a channel's relays a connection goes to.
 *
 * Messages are spread by weight over the relays that work. One that fails (does not answer,
 * refuses the login, says 421 or "not now") is set aside for a second, twice as long each
 * time up to five minutes; then one connection at a time tries it, and when a message gets
 * through there it takes part again. A single relay is never set aside: the host lets the
 * whole channel rest then.
 *
 * The clock (ns, uv_hrtime) is an argument. Any thread; relay_pool_tell() on the loop's.
 */
#ifndef GODWIT_CHANNELS_RELAY_POOL_H
#define GODWIT_CHANNELS_RELAY_POOL_H

#include "channels/channel.h"
#include "channels/relay_reply.h"

#include <stdint.h>

#define RELAY_POOL_MOST 32
#define RELAY_POOL_NONE RELAY_POOL_MOST

struct relay_pool;

/* `names` ("mx:25") and weights (1 or more) of n relays, copied. */
struct relay_pool *relay_pool_new(const char *const *names, const int *weights, size_t n);
void relay_pool_free(struct relay_pool *p); /* NULL is fine */

/* The relay for a connection, for a message that has been with those in the bit set `tried`;
 * RELAY_POOL_NONE: there is none now. What was taken is given back with relay_pool_leave(). */
size_t relay_pool_take(struct relay_pool *p, uint32_t tried, uint64_t now_ns);
void relay_pool_leave(struct relay_pool *p, size_t relay);

/* The same, but only one that was set aside and is to be tried again: also asked for a message that
 * has a connection, so that it does not take an idle one for a relay to come back. */
size_t relay_pool_probe(struct relay_pool *p, uint32_t tried, uint64_t now_ns);

/* Whether there is another relay for such a message at all. */
bool relay_pool_has_other(const struct relay_pool *p, uint32_t tried);

/* The result of a message that the relay got: a failure of the relay's own, which is what true
 * says, sets it aside. */
bool relay_pool_result(struct relay_pool *p, size_t relay, const struct channel_result *r,
                       uint64_t now_ns);
/* It went silent. */
void relay_pool_silent(struct relay_pool *p, size_t relay, const struct channel_result *r,
                       uint64_t now_ns);

/* Nobody can take a message: why, and when to ask again. */
void relay_pool_explain(struct relay_pool *p, uint64_t now_ns, struct relay_result *out);

/* After each result that goes back: one line to the host's log for each relay whose state is
 * another than when last told, and one when no message gets through any more, or one does again. */
void relay_pool_tell(struct relay_pool *p, const struct channel_host *host,
                     const struct channel_result *r);

#endif
