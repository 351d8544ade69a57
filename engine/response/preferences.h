/* SPDX-License-Identifier: Apache-2.0
 *
 * preferences: what the recipient of a message may see and set about topics, in the
 * database. Setting is committed before `done`; it is tried again while the database is
 * away, for some seconds, and nothing is ever refused because there is much to do.
 *
 * A connection of its own: a lock that one waits for (another session is changing the same
 * customer's consent) holds up nobody's opens and clicks. Loop thread only.
 */
#ifndef GODWIT_ENGINE_RESPONSE_PREFERENCES_H
#define GODWIT_ENGINE_RESPONSE_PREFERENCES_H

#include "base/err.h"
#include "engine/settings.h"

#include <uv.h>

struct preferences;

/* What is wanted of each topic; lives until `done`. */
struct preferences_wish {
    struct str source;        /* "one-click", "preference page" */
    bool own_topic;           /* unsubscribe from the message's own topic; else: */
    const struct str *topics; /* "*": everything */
    const bool *subscribed, *by_default;
    size_t n;
};

struct preferences_state {
    bool found; /* the message exists */
    struct str locale, topic;
    const bool *subscribed; /* beside the topics that were asked about */
};

/* e: the database could not be asked; s is NULL then. */
typedef void (*preferences_read_fn)(void *ctx, const struct err *e,
                                    const struct preferences_state *s);
typedef void (*preferences_set_fn)(void *ctx, const struct err *e);

struct preferences *preferences_open(uv_loop_t *loop, const char *conninfo,
                                     struct err *e) MUST_CHECK;

void preferences_read(struct preferences *p, int shard, int64_t message,
                      const struct settings_topic *topics, size_t n, preferences_read_fn done,
                      void *ctx);
void preferences_set(struct preferences *p, int shard, int64_t message,
                     const struct preferences_wish *wish, preferences_set_fn done, void *ctx);

size_t preferences_waiting(const struct preferences *p);
/* What still waits fails. */
void preferences_close(struct preferences *p, void (*on_closed)(void *ctx), void *ctx);

#endif
