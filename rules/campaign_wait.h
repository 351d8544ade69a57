/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_wait: what stands under `wait` of a step: a span, an instant, a time of day,
 * or an event. The reader's ctx is a struct campaign_context. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_WAIT_H
#define GODWIT_RULES_CAMPAIGN_WAIT_H

#include "rules/campaign.h"
#include "rules/form.h"

/* *on_timeout: the list of steps under it, to be read by the caller; NULL: there is none. */
void campaign_wait_read(struct form_reader *r, const struct ynode *node, struct step_wait *out,
                        const struct ynode **on_timeout);

#define CAMPAIGN_WAIT_SCHEMA "{\"type\":\"string\",\"pattern\":\"^([0-9]+[wdhms])+$\"}"
extern const struct form campaign_wait_form; /* of the map */

#endif
