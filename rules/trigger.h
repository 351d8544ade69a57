/* SPDX-License-Identifier: Apache-2.0
 *
 * trigger: which rules could match an event. A rule is found by the event's name
 * and then by one condition `path == constant` or `path in [constants]` without
 * which its audience cannot be true. What is found still has to be evaluated;
 * what is not found need not be: evaluated, it would be false or, for want of the
 * attribute, an error. The cost of an event does not depend on how many
 * rules wait for other events or other values.
 *
 * Build it once, in the arena of the loaded workspace; then any thread may match.
 */
#ifndef GODWIT_RULES_TRIGGER_H
#define GODWIT_RULES_TRIGGER_H

#include "rules/cel.h"

struct trigger_index;

/* `env` tells which slot holds which variable; all audiences are compiled with
 * the same slots. */
struct trigger_index *trigger_index_new(struct arena *a, const struct cel_env *env);

/* A rule that an event of this name (empty: of any name) sets off. `audience` may be
 * NULL. Numbers should be given in ascending order: they come out in that order. */
void trigger_index_add(struct trigger_index *ix, uint32_t rule, struct str event,
                       const struct cel_program *audience);

/* How many rules were added: room for that many must be given to match. */
size_t trigger_index_size(const struct trigger_index *ix);

/* Writes the rules that could match into `out`, ascending; returns how many. */
size_t trigger_index_match(const struct trigger_index *ix, struct str event,
                           const struct value *slots, size_t n_slots, uint32_t *out);

#endif
