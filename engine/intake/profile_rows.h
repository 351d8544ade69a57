/* SPDX-License-Identifier: Apache-2.0
 *
 * profile_rows: fills the profiles of a batch's customers from the rows of
 * customer_read, consent_read, message_history and response_history. Private to
 * engine/intake.
 */
#ifndef GODWIT_ENGINE_INTAKE_PROFILE_ROWS_H
#define GODWIT_ENGINE_INTAKE_PROFILE_ROWS_H

#include "engine/intake/batch.h"

/* `fresh`: the customers were made just now. */
void profile_rows_customers(struct batch *b, const struct db_result *r, bool fresh);
void profile_rows_consents(struct batch *b, const struct db_result *r);
/* before_event: only messages that earlier events led to; INT64_MAX: all. */
void profile_rows_messages(struct batch *b, const struct db_result *r, int64_t before_event);
void profile_rows_responses(struct batch *b, const struct db_result *r);

/* Room for one more behind list[n]; grown by doubling in the batch's arena. */
void *profile_rows_room(const struct batch *b, void *list, size_t n, size_t *cap, size_t size);

#endif
