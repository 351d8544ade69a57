/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_reach: which steps of a campaign somebody can come to, and when at the
 * earliest, by what is known without a customer: conditions that are constant, waits. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_REACH_H
#define GODWIT_RULES_CAMPAIGN_REACH_H

#include "rules/campaign.h"

struct arena;

#define REACH_NEVER INT64_MAX

/* For each step the first instant at which it can be done; REACH_NEVER: nobody comes to it.
 * INT64_MIN where any instant will do. */
const int64_t *campaign_reach(struct arena *a, const struct campaign *c);

#endif
