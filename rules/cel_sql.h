/* SPDX-License-Identifier: Apache-2.0
 *
 * cel_sql: a condition as PostgreSQL SQL over the rows of customers, as text and
 * typed parameters. SQL NULL stands for a CEL error, so that AND, OR, NOT agree
 * with && || !; each leaf yields NULL where CEL fails and never raises.
 *
 * Three tiers. exact: the SQL decides, row by row what cel_eval() gives. Not exact but
 * selective: every customer for whom the condition is true is among the rows, and each
 * row is to be evaluated again. Not selective: nothing could be said in SQL; the text
 * is TRUE. Numbers are never exact, because JSONB keeps more digits than a double.
 */
#ifndef GODWIT_RULES_CEL_SQL_H
#define GODWIT_RULES_CEL_SQL_H

#include "rules/cel.h"

/* Where a variable or field is found in the query. */
struct cel_sql_column {
    struct str path; /* "customer", "customer.email"; the longest that fits is taken */
    struct str sql;  /* "c.attributes", "c.email" */
    bool json;       /* jsonb object (fields are looked up in it), else text; NULL: absent */
};

struct cel_sql {
    struct str text;          /* with $N::type for the parameters */
    const struct str *params; /* in text form, for $first, $first + 1, ... */
    size_t n_params;
    bool exact;
    bool selective;
};

/* Parameters are numbered from `first`. Everything lives in `a`. */
struct cel_sql cel_sql_where(const struct cel_program *p, const struct cel_sql_column *columns,
                             size_t n_columns, int first, struct arena *a);

#endif
