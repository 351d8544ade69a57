/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_send: the map under `send` of a step, read and checked against the channels,
 * topics and templates there are. The reader's ctx is a struct campaign_context. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_SEND_H
#define GODWIT_RULES_CAMPAIGN_SEND_H

#include "rules/campaign.h"
#include "rules/form.h"

/* *id: the step's, if it is given here. */
void campaign_send_read(struct form_reader *r, const struct ynode *node, struct step_send *out,
                        struct str *id);

extern const struct form campaign_send_form;

#endif
