/* SPDX-License-Identifier: Apache-2.0
 *
 * control: what operators say to running engines, by way of the database: hold a
 * campaign back, let it go on, decide on messages in doubt.
 *
 * A pause is seen by the transaction that marks messages as sending, so nothing of a
 * paused campaign is handed over once the call has returned, by whichever engine.
 * Blocking; for commands.
 */
#ifndef GODWIT_ENGINE_CONTROL_H
#define GODWIT_ENGINE_CONTROL_H

#include "base/io/dbsync.h"

#include <stdint.h>

#define CONTROL_ALL S("*") /* in place of a campaign */

struct control_caught {
    bool changed;    /* false: it was so already */
    int64_t waiting; /* messages that are not handed over yet */
    int64_t sending; /* being handed over at that moment */
};

bool control_pause(struct dbsync *db, struct str campaign, struct control_caught *out,
                   struct err *e) MUST_CHECK;
bool control_resume(struct dbsync *db, struct str campaign, struct control_caught *out,
                    struct err *e) MUST_CHECK;

/* Rows: id, customer, campaign, channel, address, doubted_at, reason. */
bool control_doubts(struct dbsync *db, struct str campaign, int64_t most, struct db_reply **out,
                    struct err *e) MUST_CHECK;
/* Of these n ids, or of the campaign, or (campaign absent, n 0) all: queued again, or failed. */
bool control_settle_doubts(struct dbsync *db, struct str campaign, const int64_t *ids, size_t n,
                           bool resend, int64_t *settled, struct err *e) MUST_CHECK;

#endif
