/* SPDX-License-Identifier: Apache-2.0
 *
 * segment: a named group of customers, as declared in segments.yaml: a CEL
 * condition over attributes and behaviour, which may name other segments (not in
 * a circle).
 *
 *     repeat-buyers: count("order.placed", "all") >= 2
 *     big-spenders:
 *       description: Spent more than 5,000 in 90 days
 *       where: sum("order.placed", "amount", "90d") > 5000.0
 *
 * Lives in the workspace's arena, immutable once loaded. Pure.
 */
#ifndef GODWIT_RULES_SEGMENT_H
#define GODWIT_RULES_SEGMENT_H

#include "base/diag.h"
#include "base/yamlfile.h"
#include "rules/catalog.h"

struct cel_program;
struct form;

struct segment {
    struct str name;
    struct str description;
    struct str where;                  /* the condition as written */
    const struct cel_program *program; /* gives a bool; NULL only if it has a mistake */
    struct place at;                   /* of the name */
};

/* Reads segments.yaml into *out, n of them, in the order of the file. Mistakes go to d. */
void segment_read(struct arena *a, const struct yamlfile *file, const struct catalog *catalog,
                  const struct segment **out, size_t *n, struct diags *d);

extern const struct form segment_form; /* of one segment, for JSON Schema and the docs */

#endif
