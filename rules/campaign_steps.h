/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_steps: the list under `steps` of a campaign's file, read and checked
 * against the channels, topics and templates there are. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_STEPS_H
#define GODWIT_RULES_CAMPAIGN_STEPS_H

#include "rules/campaign_file.h"

struct form_reader;

/* Fills c->steps; mistakes go to the reader's diagnostics. */
void campaign_steps_read(struct form_reader *r, const struct campaign_names *names,
                         const struct ynode *node, struct campaign *c);

extern const struct form campaign_steps_form; /* of one step */

#endif
