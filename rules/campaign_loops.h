/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_loops: campaigns that start each other in a circle, by the events they emit, the
 * attributes they set and the segments that these move a customer in or out of. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_LOOPS_H
#define GODWIT_RULES_CAMPAIGN_LOOPS_H

#include "rules/campaign_set.h"

/* Warns of each circle, with the whole chain. One that a campaign with `reentry: once` is part of
 * comes to an end by itself. Segments count only where it is certain who is in them. */
void campaign_loops_review(struct arena *a, const struct campaign_set *set, struct diags *d);

#endif
