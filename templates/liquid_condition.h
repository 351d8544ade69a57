/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_condition: the inside of {% if %}, {% unless %} and {% elsif %}:
 * comparisons joined by `and` and `or`, which bind to the right. Pure; any thread.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_CONDITION_H
#define GODWIT_TEMPLATES_LIQUID_CONDITION_H

#include "templates/liquid_expr.h"

/* *out is an array whose last element has then == 0. */
bool condition_parse(struct parser *p, struct str text, const struct comparison **out) MUST_CHECK;

#endif
