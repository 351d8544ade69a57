/* SPDX-License-Identifier: Apache-2.0
 *
 * preferences: what the recipient of a message may see and set about topics, in the
 * database, over a connection that tries again (patient.h) and that opens and clicks do not share:
 * a lock that one waits for (another session is changing the same customer's consent) holds none of
 * them up. Setting is committed before `done`. Loop thread only.
 */
#ifndef GODWIT_ENGINE_RESPONSE_PREFERENCES_H
#define GODWIT_ENGINE_RESPONSE_PREFERENCES_H

#include "engine/response/patient.h"
#include "engine/settings.h"

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

void preferences_read(struct patient *p, int shard, int64_t message,
                      const struct settings_topic *topics, size_t n, preferences_read_fn done,
                      void *ctx);
void preferences_set(struct patient *p, int shard, int64_t message,
                     const struct preferences_wish *wish, preferences_set_fn done, void *ctx);

/* What came of following the link in a mail that asks to confirm a subscription. */
enum preferences_confirmed {
    PREFERENCES_CONFIRMED,
    PREFERENCES_ALREADY,
    PREFERENCES_GONE,
    PREFERENCES_UNKNOWN
};
typedef void (*preferences_confirm_fn)(void *ctx, const struct err *e,
                                       enum preferences_confirmed what);
void preferences_confirm(struct patient *p, int shard, int64_t message, preferences_confirm_fn done,
                         void *ctx);

#endif
