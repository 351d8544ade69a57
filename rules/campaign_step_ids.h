/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_step_ids: each step of a campaign has an id of its own: the one that is given,
 * or else the template's name, or the kind and a number. Private to rules/campaign_steps.c. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_STEP_IDS_H
#define GODWIT_RULES_CAMPAIGN_STEP_IDS_H

#include "rules/campaign.h"
#include "rules/form.h"

#define CAMPAIGN_NO_ARM SIZE_MAX

/* What is known of a step beside itself. */
struct campaign_step_note {
    const struct ynode *node; /* of the id, or of the step */
    const char *word;         /* of its kind: "wait" */
    size_t first_arm;         /* of a branch's further conditions: its first one */
    int arm;                  /* and which it is, from 2 */
};

/* Fills in the ids that are empty; two that are the same are a mistake. `moves`: people inside are
 * known by the ids when the file changes. */
void campaign_step_ids(struct form_reader *r, struct step *list,
                       const struct campaign_step_note *notes, size_t n, bool moves);

#endif
