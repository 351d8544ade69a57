/* SPDX-License-Identifier: Apache-2.0
 *
 * retry: what follows from a driver's answer about one message. The whole policy
 * stands here.
 *
 *   accepted                     sent
 *   refused: address             failed, for good; a bounce of some class (channels/bounce_class.h)
 *   refused: message             failed, for good; a mail: a bounce that is no fault of the address
 *   refused: channel, destination  queued again in a minute, the channel pauses, no attempt counted
 *   deferred: address, message   deferred: 5 min, doubling to 4 h, +-20 %, or what the peer asks
 *   deferred: destination        the same
 *   unsent                       queued again at once, the channel pauses, no attempt counted
 *   doubt                        in_doubt: resend - queued again in a minute; hold - in_doubt
 *
 * A message that would be tried again after its end (expires, or 3 days after it was
 * queued) has failed; if its address was what deferred it, that is a bounce. Pure.
 */
#ifndef GODWIT_ENGINE_DELIVERY_RETRY_H
#define GODWIT_ENGINE_DELIVERY_RETRY_H

#include "channels/channel.h"
#include "engine/outbox.h"
#include "engine/settings.h"

struct retry_input {
    int64_t id;         /* of the message: its jitter hangs on it */
    int attempts;       /* this one included */
    int64_t queued_us;  /* or when its hours began after that */
    int64_t expires_us; /* 0: never */
    int64_t now_us;
    int64_t first_us; /* first delay of a deferred message; 0: 5 min */
    bool mail;        /* it is one: a refusal of the message is the receiver's word */
    enum in_doubt in_doubt;
};

/* Status, when to try again, what to record; reason and provider_id are left empty.
 * *pause: the channel has a problem, not the message. */
struct outbox_result retry_after(const struct retry_input *in, const struct channel_result *r,
                                 bool *pause);

/* How long a channel rests after n >= 1 failures in a row: 1 s, doubling to 60 s. ms. */
int64_t retry_pause_ms(int failures, const struct channel_result *r);

#endif
