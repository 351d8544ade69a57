/* SPDX-License-Identifier: Apache-2.0
 *
 * effects: what steps of journeys do beside sending, collected over a batch and
 * written with its decisions: attributes of customers, events. The order in which
 * they were decided is kept. Private to engine/intake.
 */
#ifndef GODWIT_ENGINE_INTAKE_EFFECTS_H
#define GODWIT_ENGINE_INTAKE_EFFECTS_H

#include "base/io/db.h"
#include "engine/decide/decide.h"

#define EFFECT_CALLS 2

struct effects;

struct effects *effects_new(struct arena *a);
void effects_add(struct effects *x, int shard, const struct profile *p, const struct effect *e);
size_t effects_events(const struct effects *x); /* that are made */
/* Appended behind calls[n]; the new n. */
size_t effects_calls(struct effects *x, struct db_call *calls, size_t n);

#endif
