/* SPDX-License-Identifier: Apache-2.0
 *
 * cel_sql_internal: what cel_sql.c and cel_sql_behaviour.c share; nobody else
 * includes it.
 *
 * Each node becomes a pair: SQL that is true wherever the node may be true, and
 * SQL that is true wherever it may be false. An exact node has one text for
 * both, the second being its NOT. A node that SQL cannot say is the pair (TRUE,
 * TRUE), which && || ! ?: carry upwards without ever losing a row.
 */
#ifndef GODWIT_RULES_CEL_SQL_INTERNAL_H
#define GODWIT_RULES_CEL_SQL_INTERNAL_H

#include "base/arena.h"
#include "rules/cel_internal.h"
#include "rules/cel_sql.h"

struct sql_translator {
    struct arena *arena;
    const struct cel_sql_scope *scope;
    const struct cel_program *program; /* that the nodes belong to */
    int first;
    struct str *params;
    size_t n_params, cap;
    bool in_filter; /* `it` is an event */
    struct str why;
};

struct sql_pair {
    struct str may_be_true, may_be_false;
    bool exact; /* may_be_true is the value, NULL for an error */
    bool selective;
    bool true_exact, false_exact; /* that text says where it is true (false), and no more */
};

/* A field in the query. */
struct sql_place {
    struct str sql;
    enum cel_sql_kind kind;
    enum cel_kind declared;
};

struct sql_pair cel_sql_translate(struct sql_translator *t, const struct cel_node *n, int depth);
struct sql_pair cel_sql_exactly(struct sql_translator *t, struct str sql);
struct sql_pair cel_sql_unknown(void);
/* "$3::text" for a value given as a parameter. */
struct str cel_sql_param(struct sql_translator *t, struct str text, const char *type);
/* An instant as a parameter, or STR_NONE if PostgreSQL does not have it. */
struct str cel_sql_instant(struct sql_translator *t, int64_t us);
bool cel_sql_double(struct value v, double *out); /* a number of any kind, if it is finite */
/* PostgreSQL's text has no U+0000. */
bool cel_sql_speakable(struct str s);

/* cel_sql_behaviour.c: `n op constant` where n looks back; false: n does not. */
bool cel_sql_behaviour(struct sql_translator *t, const struct cel_node *n, enum cel_op op,
                       struct value constant, int depth, struct sql_pair *out);
/* The property of the past event in a filter. */
bool cel_sql_it(struct sql_translator *t, const struct cel_node *n, struct sql_place *out);

#endif
