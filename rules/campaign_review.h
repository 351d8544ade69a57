/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_review: looks at all campaigns together for what no single file shows: two
 * that write to one customer at the same event, one that its own messages start again. Adds
 * warnings, never errors. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_REVIEW_H
#define GODWIT_RULES_CAMPAIGN_REVIEW_H

#include "rules/campaign_set.h"

/* Warns of two that start with one event, do not exclude each other and have no limit. */
void campaign_review_together(struct arena *a, const struct campaign_set *set, struct diags *d);

/* Warns of those that start with what becomes of messages, also of their own, and have no limit. */
void campaign_review_circles(struct arena *a, const struct campaign_set *set, struct diags *d);

#endif
