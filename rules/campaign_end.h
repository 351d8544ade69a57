/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_end: what ends a campaign for a customer: its goal and its exits, read and
 * checked. The reader's ctx is a struct campaign_context. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_END_H
#define GODWIT_RULES_CAMPAIGN_END_H

#include "rules/campaign.h"
#include "rules/form.h"

/* The map under `goal` into a struct campaign_goal. */
void campaign_end_goal(struct form_reader *r, const struct ynode *node, void *out);
/* What stands under `exit`: an event, a condition, or a list of them. The scope must be set. */
void campaign_end_exits(struct form_reader *r, const struct ynode *node, struct campaign *c);

extern const struct form campaign_end_goal_form;
extern const struct form campaign_end_exit_form;

#endif
