/* SPDX-License-Identifier: Apache-2.0
 *
 * window: times of a local day and days of the week as YAML writes them:
 *
 *     send_window: { from: "09:00", to: "18:00", days: [mon, tue, wed, thu, fri] }
 *
 * The read functions are for tables of keys (rules/form.h). Pure.
 */
#ifndef GODWIT_RULES_WINDOW_H
#define GODWIT_RULES_WINDOW_H

#include "rules/campaign.h"
#include "rules/form.h"

#define WINDOW_TIME_SCHEMA "{\"type\":\"string\",\"pattern\":\"^[0-2]?[0-9]:[0-5][0-9]$\"}"
#define WINDOW_DAYS_SCHEMA                                                           \
    "{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"string\",\"pattern\":" \
    "\"^([Mm]on|[Tt]ue|[Ww]ed|[Tt]hu|[Ff]ri|[Ss]at|[Ss]un)[a-z]*$\"}}"

extern const struct form window_form; /* of a struct campaign_window */

void window_read_time(struct form_reader *r, const struct ynode *node, void *out); /* an int */
/* An unsigned, bit 0 Sunday. */
void window_read_days(struct form_reader *r, const struct ynode *node, void *out);
/* A struct campaign_window by `form`, which is window_form or has some of its keys. One that
 * begins when it ends is a mistake. */
void window_read(struct form_reader *r, const struct form *form, const struct ynode *node,
                 struct campaign_window *out);

/* The longest time, in minutes, that a message waits until it is in x and outside of `quiet`;
 * WINDOW_NEVER: it never is. Either may be empty (from == to). */
#define WINDOW_NEVER (7 * 24 * 60)
int window_longest_wait(const struct campaign_window *x, const struct campaign_window *quiet);

#endif
