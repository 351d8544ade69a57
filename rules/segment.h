/* SPDX-License-Identifier: Apache-2.0
 *
 * segment: a named group of customers, as declared in segments.yaml: a CEL
 * condition over attributes and behaviour, which may name other segments (not in
 * a circle); or a list of customers' keys in a file, one a line.
 *
 *     repeat-buyers: count("order.placed", "all") >= 2
 *     big-spenders:
 *       description: Spent more than 5,000 in 90 days
 *       where: sum("order.placed", "amount", "90d") > 5000.0
 *     guests: { list: lists/guests.txt }
 *     at-risk: { where: 'since("order.placed") > days(60)', tracked: true }
 *
 * Lives in the workspace's arena, immutable once loaded. Pure.
 */
#ifndef GODWIT_RULES_SEGMENT_H
#define GODWIT_RULES_SEGMENT_H

#include "base/diag.h"
#include "base/err.h"
#include "base/value.h"
#include "base/yamlfile.h"
#include "rules/catalog.h"

struct cel_program;
struct form;

/* The events of a tracked segment: the property `segment` is its name. */
#define EVENT_SEGMENT_ENTERED "segment.entered"
#define EVENT_SEGMENT_LEFT "segment.left"

struct segment {
    struct str name;
    struct str description;
    struct str where;                  /* the condition as written; empty: a list */
    const struct cel_program *program; /* gives a bool; NULL: a list, or it has a mistake */
    struct str list;                   /* the file of keys as written; empty: a condition */
    const struct map *keys;            /* of the list's customers; NULL: a condition */
    bool tracked;                      /* entries and exits are recorded as they happen */
    struct place at;                   /* of the name */
};

/* How the files of lists are come by: reading them is not for rules. */
struct segment_files {
    void *ctx;
    bool (*read)(void *ctx, struct str name, struct str *text, struct err *e);
};

/* Reads segments.yaml into *out, n of them, in the order of the file. Mistakes go to d. */
void segment_read(struct arena *a, const struct yamlfile *file, const struct catalog *catalog,
                  const struct segment_files *files, const struct segment **out, size_t *n,
                  struct diags *d);

extern const struct form segment_form; /* of one segment, for JSON Schema and the docs */

#endif
