/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_parse: sets of templates, and a source made into a program.
 *
 * A set holds the templates that may include each other and the numbering of
 * their variables; it is built by one thread, then shared and never changed.
 * Strict or lax decides what the reference decides: whether a malformed
 * expression is an error, or read as well as it can be.
 *
 * Limits: a source of 4 MiB, 100 levels of nesting.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_PARSE_H
#define GODWIT_TEMPLATES_LIQUID_PARSE_H

#include "base/err.h"
#include "templates/liquid_program.h"
#include "templates/liquid_render.h"

#define LIQUID_SOURCE_MAX ((size_t)4 << 20)
#define LIQUID_NESTING_MAX 100

/* Lives in the arena. `strict`: the strict parser; `known`: a filter that does not exist
 * is an error, not ignored. */
struct liquid_set *liquid_set_new(struct arena *a, bool strict, bool known);

/* Parses and adds a template; name and source are copied. False when it is malformed: it
 * is in the set all the same, and using it fails with the same error. `html`: values are
 * escaped. The first `skip` bytes (a head) are no part of the text. */
bool liquid_parse(struct liquid_set *set, struct str name, struct str source, size_t skip,
                  bool html, const struct liquid_template **out, struct err *e,
                  struct liquid_place *place) MUST_CHECK;

#endif
