/* SPDX-License-Identifier: Apache-2.0
 *
 * journey_rows: the journeys that a batch's customers are in, and the timers of
 * campaigns that start with an absence or a date: read for those whom the batch
 * may concern, written back where deciding changed them. Workspaces without such
 * campaigns pay nothing. Builds calls and takes results. Private to engine/intake.
 */
#ifndef GODWIT_ENGINE_INTAKE_JOURNEY_ROWS_H
#define GODWIT_ENGINE_INTAKE_JOURNEY_ROWS_H

#include "base/io/db.h"
#include "engine/intake/batch.h"

#define JOURNEY_READ_CALLS 2
#define JOURNEY_WRITE_CALLS 4

/* Marks the customers whose events may mean something to journeys and timers. */
void journey_rows_prepare(struct batch *b);
/* The same of a batch that has no events: of all its customers. */
void journey_rows_prepare_all(struct batch *b);

/* The campaigns of the workspace that have timers, as a parameter. */
struct db_array *journey_rows_timed(const struct batch *b);

/* enrolment_read and campaign_timer_read into calls[]; how many. */
size_t journey_rows_read_calls(struct batch *b, struct db_call *calls);
/* Takes their results, from reply->result[at]; returns the next. */
size_t journey_rows_take(struct batch *b, const struct db_reply *reply, size_t at);

/* NULL: there is none. */
struct enrolment *journey_rows_enrolment(const struct batch_customer *c, int64_t id);
struct customer_timer *journey_rows_timer(const struct batch_customer *c, struct str campaign);

/* What deciding changed: appended behind calls[n]; the new n. */
size_t journey_rows_write_calls(struct batch *b, struct db_call *calls, size_t n);

#endif
