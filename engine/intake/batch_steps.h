/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_steps: what intake, explain and plan do alike with a batch: which
 * statements read its events and its customers, what their rows become, and how
 * one of its events is decided. Builds calls and takes results; who owns the
 * connection sends them. Private to engine/intake.
 */
#ifndef GODWIT_ENGINE_INTAKE_BATCH_STEPS_H
#define GODWIT_ENGINE_INTAKE_BATCH_STEPS_H

#include "engine/decide/decide.h"
#include "engine/intake/batch.h"

#define BATCH_MOST 500u
#define BATCH_PROFILE_CALLS 4

/* event_read.sql for b->members behind b->from; target NULL: up to now. At most `limit` events,
 * and some megabytes of them. */
struct db_call batch_steps_read(struct batch *b, const char *target, size_t limit);
/* Whether its result is all that is left of the round. */
bool batch_steps_exhausted(const struct db_result *r, size_t limit);

/* customer_read; created: of the customers that were just made. */
struct db_call batch_steps_customers(struct batch *b, bool created);

/* customer_read, consent_read and, if a campaign has a limit, message_history and, if one that
 * the batch may start asks for responses, response_history into calls[]; how many. */
size_t batch_steps_profile(struct batch *b, struct db_call *calls);
/* Takes their results, from the first; how many. before_event: only messages that earlier
 * events led to; INT64_MAX: all. */
size_t batch_steps_profiled(struct batch *b, const struct db_reply *reply, int64_t before_event);

/* Parameters $1 shards, $2 keys and $3 names of the batch's campaigns that have limits; NULL:
 * none has. */
struct db_params *batch_steps_limits(struct batch *b);

/* Adds the event to its customer's past and decides on it; history starts nothing. What cannot be
 * used is an error of each campaign that it starts. */
void batch_steps_decide(struct batch *b, struct batch_event *x, int64_t now_us, struct str secret,
                        struct decisions *out);

#endif
