/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_loops: the tags that repeat (for, tablerow, cycle) or bring in another
 * template (include, render): from text to nodes. Used by the table in
 * liquid_tags.c; pure; any thread.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_LOOPS_H
#define GODWIT_TEMPLATES_LIQUID_LOOPS_H

#include "templates/liquid_tags.h"

bool tag_parse_for(struct tag_call *c, struct node *out) MUST_CHECK;
bool tag_parse_tablerow(struct tag_call *c, struct node *out) MUST_CHECK;
bool tag_parse_cycle(struct tag_call *c, struct node *out) MUST_CHECK;
bool tag_parse_partial(struct tag_call *c, struct node *out) MUST_CHECK;

#endif
