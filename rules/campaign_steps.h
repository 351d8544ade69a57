/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_steps: the list under `steps` of a campaign's file, read, checked and made one
 * flat list in which each step knows where it goes on. The reader's ctx is a struct
 * campaign_context with its scope set. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_STEPS_H
#define GODWIT_RULES_CAMPAIGN_STEPS_H

#include "rules/campaign.h"
#include "rules/form.h"

/* Fills c->steps; mistakes go to the reader's diagnostics. */
void campaign_steps_read(struct form_reader *r, const struct ynode *node, struct campaign *c);

extern const struct form campaign_steps_form; /* of one step */

#endif
