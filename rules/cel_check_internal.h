/* SPDX-License-Identifier: Apache-2.0
 *
 * cel_check_internal: the state of a check, shared by cel_check.c (names, scopes,
 * Godwit's functions) and cel_check_types.c (which types an operator or function
 * takes and gives).
 */
#ifndef GODWIT_RULES_CEL_CHECK_INTERNAL_H
#define GODWIT_RULES_CEL_CHECK_INTERNAL_H

#include "rules/cel_internal.h"

/* A variable of a loop or bind that is visible here. */
struct cel_scope {
    const struct cel_scope *outer;
    struct str name;
    uint32_t slot;
    const struct cel_type *type;
};

struct cel_check {
    struct arena *arena;
    const struct cel_env *env; /* NULL: nothing is known */
    struct cel_program *program;
    struct cel_issues *issues;
    const struct cel_scope *scope;
    /* inside a filter of a behaviour function: */
    bool in_filter;
    bool filter_alone;                    /* so far nothing but `it` was read */
    const struct cel_scope *filter_scope; /* variables from outside the filter */
    const struct cel_type *it_type;
    struct str *it_paths;
    size_t n_it_paths;
};

const struct cel_type *cel_check_node(struct cel_check *c, struct cel_node *n);

/* The call of one of Godwit's functions; false: it is none. */
bool cel_check_godwit(struct cel_check *c, struct cel_node *n);
/* it.path in a filter; false: n is something else. */
bool cel_check_it(struct cel_check *c, struct cel_node *n);
/* Names of Godwit's functions, for hints; how many were written. */
size_t cel_godwit_names(struct str *out, size_t cap);

/* ---- cel_check_types.c: operands are checked already */
const struct cel_type *cel_check_operator(struct cel_check *c, struct cel_node *n);
const struct cel_type *cel_check_field(struct cel_check *c, struct cel_node *n);
const struct cel_type *cel_check_index(struct cel_check *c, struct cel_node *n);
const struct cel_type *cel_check_call(struct cel_check *c, struct cel_node *n);
void cel_check_bool(struct cel_check *c, const struct cel_node *n, const char *what);
const struct cel_type *cel_type_new(struct cel_check *c, enum cel_kind kind,
                                    const struct cel_type *element);
const struct cel_type *cel_type_join(struct cel_check *c, const struct cel_type *a,
                                     const struct cel_type *b);
/* Element of a list or optional, values of a map; never NULL. */
const struct cel_type *cel_type_element(const struct cel_type *t);
bool cel_function_exists(struct str name, bool member);

/* The dotted text of a chain of plain selections that starts with an identifier,
 * and that identifier; false: it is none. */
bool cel_chain(struct arena *a, const struct cel_node *n, struct str *dotted,
               const struct cel_node **ident);

#endif
