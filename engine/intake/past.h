/* SPDX-License-Identifier: Apache-2.0
 *
 * past: the behaviour of a batch's customers: read, made anew from their events
 * where it is missing or of another layout, continued, written back. The
 * packing itself is pure (engine/decide/behaviour_pack.h). Private to engine/intake.
 */
#ifndef GODWIT_ENGINE_INTAKE_PAST_H
#define GODWIT_ENGINE_INTAKE_PAST_H

#include "engine/intake/batch.h"

/* Marks which customers rules may look back on, and makes room for their pasts. */
void past_prepare(struct batch *b);
/* The same of a batch that has no events: of all its customers. */
void past_prepare_all(struct batch *b);

/* behaviour_read.sql; false: there is nothing to be read. */
bool past_read_call(struct batch *b, struct db_call *out);
void past_take_kept(struct batch *b, const struct db_result *r);

/* behaviour_history.sql for what was not kept; false: nothing is missing. */
bool past_history_call(struct batch *b, struct db_call *out);
void past_take_history(struct batch *b, const struct db_result *r);

/* Adds the event to its customer's past, if rules look back on its name. */
void past_append(struct batch *b, struct batch_event *x);

/* Hands their pasts to a customer's profile; past_append does it by itself. */
void past_show(struct batch *b, struct batch_customer *c);

/* behaviour_write.sql for what changed; false: nothing did. */
bool past_write_call(struct batch *b, struct db_call *out);

/* timer_touch.sql for those who did what rules look back on; false: nobody, or no segment is
 * tracked. */
bool past_touch_call(struct batch *b, struct db_call *out);

#endif
