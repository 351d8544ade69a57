/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_calls: rendering what repeats (for, tablerow) and what calls another
 * template (include, render). Used by liquid_render.c; pure; any thread.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_CALLS_H
#define GODWIT_TEMPLATES_LIQUID_CALLS_H

#include "templates/liquid_state.h"

bool liquid_render_for(struct render *r, const struct node *n) MUST_CHECK;
bool liquid_render_tablerow(struct render *r, const struct node *n) MUST_CHECK;
bool liquid_render_include(struct render *r, const struct node *n) MUST_CHECK;
bool liquid_render_partial(struct render *r, const struct node *n) MUST_CHECK;

#endif
