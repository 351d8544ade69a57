/* SPDX-License-Identifier: Apache-2.0
 *
 * throttle: a channel's pace as its settings want it, and its warm-up, whose daily
 * number all engines take from in the database. Private to engine/delivery.
 *
 * Loop thread only; the clock is read by the caller.
 */
#ifndef GODWIT_ENGINE_DELIVERY_THROTTLE_H
#define GODWIT_ENGINE_DELIVERY_THROTTLE_H

#include "channels/channel.h"
#include "engine/delivery/pace.h"
#include "engine/outbox.h"
#include "engine/workspace.h"

struct db;

struct throttle {
    struct pace *pace;
    struct arena *arena; /* of the request under way */
    char *channel;
    bool by_domain;
    struct settings_warmup warmup;
    int64_t allowance;       /* of the warm-up: taken and not used */
    int64_t closed_until_us; /* the day's number is used up: look again then */
    bool asking;
};

void throttle_init(struct throttle *t, const struct settings_channel *c, size_t connections);
void throttle_close(struct throttle *t);

/* What the message is slowed down by; its texts live in `a`, the message or the workspace. */
void throttle_key(const struct throttle *t, const struct workspace *w,
                  const struct outbox_message *m, struct arena *a, struct pace_key *out);

/* Of `room` messages as many as the warm-up lets go. */
size_t throttle_room(const struct throttle *t, size_t room);
/* Takes more of the day's number if that many are wanted and there are fewer. */
void throttle_ask(struct throttle *t, struct db *db, size_t wanted, int64_t now_us);

/* A message that was let go did not leave. */
void throttle_untake(struct throttle *t, const struct pace_key *k);

enum pace_answer throttle_answer(const struct channel_result *r);

/* Nothing can leave for some time, and that is no fault: the warm-up is used up, the rate is low.
 */
bool throttle_waits(struct throttle *t, int64_t now_us);

#endif
