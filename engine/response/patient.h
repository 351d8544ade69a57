/* SPDX-License-Identifier: Apache-2.0
 *
 * patient: a connection for requests that may be made again: each is one transaction,
 * and while the database is away, or the answer was lost, it is tried again for some seconds. To
 * make one twice must be to make it once. Loop thread only.
 */
#ifndef GODWIT_ENGINE_RESPONSE_PATIENT_H
#define GODWIT_ENGINE_RESPONSE_PATIENT_H

#include "base/io/db.h"

struct patient;

/* e NULL: committed. Otherwise the reply is NULL. */
typedef void (*patient_done_fn)(void *ctx, const struct err *e, const struct db_reply *reply);

/* `most` requests under way at once. */
struct patient *patient_open(uv_loop_t *loop, const char *conninfo, size_t most,
                             struct err *e) MUST_CHECK;

#define PATIENT_CALLS 4

/* One transaction of 1 to PATIENT_CALLS statements; parameters live until `done`, which is called
 * once and never from inside. */
void patient_ask(struct patient *p, const struct db_call *calls, size_t n, patient_done_fn done,
                 void *ctx);

bool patient_up(const struct patient *p);
size_t patient_waiting(const struct patient *p);
/* What still waits fails. */
void patient_close(struct patient *p, void (*on_closed)(void *ctx), void *ctx);

#endif
