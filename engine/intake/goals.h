/* SPDX-License-Identifier: Apache-2.0
 *
 * goals: which of a batch's events reach the goal of a campaign that has written to
 * the customer (or held them out), and to which messages that is credited:
 * conversions. Written in the transaction that moves the cursor, so exactly once.
 * History counts like everything else. Private to engine/intake.
 */
#ifndef GODWIT_ENGINE_INTAKE_GOALS_H
#define GODWIT_ENGINE_INTAKE_GOALS_H

#include "engine/intake/batch.h"

/* goal_messages.sql for the events that are somebody's goal; false: none is. */
bool goals_read_call(struct batch *b, struct db_call *out);
void goals_take(struct batch *b, const struct db_result *r);

/* Credits the event, which stands in its customer's past already. */
void goals_credit(struct batch *b, const struct batch_event *x);

/* conversion_insert.sql; false: nothing was credited. */
bool goals_write_call(struct batch *b, struct db_call *out);

#endif
