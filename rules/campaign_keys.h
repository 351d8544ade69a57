/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_keys: the values of a campaign's single keys, for the table of
 * campaign_file.c: holdout, limits, expires, reentry, past_due, send_window, ... Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_KEYS_H
#define GODWIT_RULES_CAMPAIGN_KEYS_H

#include "rules/campaign.h"
#include "rules/form.h"

/* Into a uint32_t of CAMPAIGN_PPM: "10%", at least 0 and less than 100. */
void campaign_keys_holdout(struct form_reader *r, const struct ynode *node, void *out);
/* Into a struct campaign. */
void campaign_keys_expires(struct form_reader *r, const struct ynode *node, void *out);
void campaign_keys_reentry(struct form_reader *r, const struct ynode *node, void *out);
void campaign_keys_past_due(struct form_reader *r, const struct ynode *node, void *out);
void campaign_keys_send_window(struct form_reader *r, const struct ynode *node, void *out);
/* Into a bool: true for `off`, the only value there is. */
void campaign_keys_off(struct form_reader *r, const struct ynode *node, void *out);

/* "33.3%" as parts of CAMPAIGN_PPM; complains unless it is a percentage, 0% to 100%. */
bool campaign_keys_share(struct form_reader *r, const struct ynode *node, const char *what,
                         uint32_t *ppm) MUST_CHECK;

extern const struct form campaign_keys_limits; /* of a struct campaign */

#endif
