/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_internal: what the readers of the parts of a campaign's file share. Private to
 * rules/campaign_*.c.
 */
#ifndef GODWIT_RULES_CAMPAIGN_INTERNAL_H
#define GODWIT_RULES_CAMPAIGN_INTERNAL_H

#include "rules/campaign_file.h"
#include "rules/condition.h"

#define CAMPAIGN_TEXT_SCHEMA "{\"type\":\"string\",\"minLength\":1}"
#define CAMPAIGN_SPREAD_PATTERN "spread over ([0-9]+[wdhms])+"

/* The ctx of the form_reader while a campaign is read. */
struct campaign_context {
    const struct campaign_set *set; /* its catalog and segments */
    const struct campaign_names *names;
    const struct condition_scope *scope; /* of conditions about who is in the campaign; set once
                                            the trigger is known */
};

/* The scope in which `event` is one of that name; empty: there is no `event`. */
const struct condition_scope *campaign_scope(struct form_reader *r, struct str event);

/* Read functions for tables. */
void campaign_read_node(struct form_reader *r, const struct ynode *node, void *out);
void campaign_read_event(struct form_reader *r, const struct ynode *node, void *out);

/* "2026-12-24 10:00", in the workspace's zone when none is given. */
bool campaign_instant(const struct form_reader *r, struct str text, int64_t *us) MUST_CHECK;
/* "spread over 7d" */
bool campaign_spread(struct str text, int64_t *us) MUST_CHECK;

/* Warns when the condition is the same for everybody. `what`: "the audience"; the hints say what
 * that means, or are NULL. */
void campaign_warn_of_constant(struct form_reader *r, const struct ynode *node,
                               const struct cel_program *p, const char *what, const char *if_true,
                               const char *if_false);

/* Says that there is no such name, with the nearest or all there are; `where`: "godwit.yaml". */
void campaign_unknown(struct form_reader *r, const struct ynode *node, const char *what,
                      const struct str *names, size_t n, const char *where);

#endif
