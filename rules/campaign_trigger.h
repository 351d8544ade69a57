/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_trigger: the map under `trigger` of a campaign's file, read and checked. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_TRIGGER_H
#define GODWIT_RULES_CAMPAIGN_TRIGGER_H

#include "rules/campaign.h"
#include "rules/form.h"

/* Fills *out, a struct trigger; mistakes go to the reader's diagnostics. The reader's ctx is a
 * struct campaign_context. */
void campaign_trigger_read(struct form_reader *r, const struct ynode *node, void *out);

extern const struct form campaign_trigger_form;

#endif
