/* SPDX-License-Identifier: Apache-2.0
 *
 * segment: a named group of customers, as declared in segments.yaml: a CEL
 * condition over attributes and behaviour, which may name other segments.
 *
 * Lives in the workspace's arena, immutable once loaded.
 */
#ifndef GODWIT_RULES_SEGMENT_H
#define GODWIT_RULES_SEGMENT_H

#include "base/diag.h"

struct cel_program;

struct segment {
    struct str name;
    struct str description;
    struct str where;                  /* the condition as written */
    const struct cel_program *program; /* gives a bool; NULL only if it has a mistake */
    struct place at;                   /* of the name */
};

#endif
