/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_review: looks at campaigns for what is hardly meant though nothing in it is
 * wrong: steps that are never reached, messages that expire while they wait, two campaigns
 * that write to one customer at the same event, one that its own messages start again.
 * (campaign_loops.h: those that start each other.) Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_REVIEW_H
#define GODWIT_RULES_CAMPAIGN_REVIEW_H

#include "rules/campaign_set.h"

/* A cap of godwit.yaml, as far as it tells whether a message is held back by it; empty: any. */
struct campaign_cap {
    struct str channel, topic;
};

/* How customers are spared whatever the campaign. */
struct campaign_care {
    const struct campaign_cap *caps;
    size_t n_caps;
    struct campaign_window quiet_hours;
};

/* One campaign for itself: warnings, and an error where nothing could ever be sent. */
void campaign_review(struct arena *a, const struct campaign *c, const struct campaign_care *care,
                     struct diags *d);

/* Warns of two that start with one event, do not exclude each other and have no limit or cap. */
void campaign_review_together(struct arena *a, const struct campaign_set *set,
                              const struct campaign_care *care, struct diags *d);

/* Warns of those that start with what becomes of messages, also of their own, and have no limit. */
void campaign_review_circles(struct arena *a, const struct campaign_set *set, struct diags *d);

#endif
