/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_values: what stands under `update` and `emit` of a step: names with values
 * that are given or worked out. The reader's ctx is a struct campaign_context. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_VALUES_H
#define GODWIT_RULES_CAMPAIGN_VALUES_H

#include "rules/campaign.h"
#include "rules/form.h"

/* { tier: gold, score: { cel: "customer.score + 1" } } */
void campaign_values_update(struct form_reader *r, const struct ynode *node,
                            struct step_values *out);
/* { event: club.joined, properties: { tier: gold } } */
void campaign_values_emit(struct form_reader *r, const struct ynode *node, struct step_values *out);

#define CAMPAIGN_VALUES_SCHEMA "{\"type\":\"object\",\"minProperties\":1}"
extern const struct form campaign_values_emit_form;

#endif
