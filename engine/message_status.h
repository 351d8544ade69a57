/* SPDX-License-Identifier: Apache-2.0
 *
 * message_status: the states of a message, the words for them in the database and
 * in reports. Pure.
 *
 *     queued -> sending -> sent            the normal path
 *     sending -> deferred -> sending       the peer said: later
 *     sending -> failed | in_doubt         refused for good | answer lost
 *     queued|deferred -> cancelled         consent withdrawn, expired, stopped
 *     held_out                             never leaves it
 */
#ifndef GODWIT_ENGINE_MESSAGE_STATUS_H
#define GODWIT_ENGINE_MESSAGE_STATUS_H

#include "base/str.h"

enum message_status {
    MESSAGE_QUEUED,
    MESSAGE_DEFERRED,
    MESSAGE_SENDING,
    MESSAGE_SENT,
    MESSAGE_FAILED,
    MESSAGE_CANCELLED,
    MESSAGE_IN_DOUBT,
    MESSAGE_HELD_OUT,
    MESSAGE_STATUSES
};

const char *message_status_name(enum message_status s);
bool message_status_parse(struct str name, enum message_status *out);

/* Whether limits count it: whatever reached the customer, will, may have, or would have (those
 * held out are treated as if they had been sent to); not what failed or was cancelled. */
bool message_status_counts(enum message_status s);

#endif
