/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/message_status.h"

static const struct {
    const char *name;
    bool counts;
} states[MESSAGE_STATUSES] = {
    [MESSAGE_QUEUED] = {"queued", true},     [MESSAGE_DEFERRED] = {"deferred", true},
    [MESSAGE_SENDING] = {"sending", true},   [MESSAGE_SENT] = {"sent", true},
    [MESSAGE_FAILED] = {"failed", false},    [MESSAGE_CANCELLED] = {"cancelled", false},
    [MESSAGE_IN_DOUBT] = {"in_doubt", true}, [MESSAGE_HELD_OUT] = {"held_out", true},
};

const char *message_status_name(enum message_status s) {
    return states[s].name;
}

bool message_status_parse(struct str name, enum message_status *out) {
    for (int i = 0; i < MESSAGE_STATUSES; i++)
        if (str_eq(name, str_from(states[i].name))) {
            *out = (enum message_status)i;
            return true;
        }
    return false;
}

bool message_status_counts(enum message_status s) {
    return states[s].counts;
}
