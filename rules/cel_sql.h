/* SPDX-License-Identifier: Apache-2.0
 *
 * cel_sql: a condition as PostgreSQL SQL over the rows of customers, as text and
 * typed parameters. SQL NULL stands for a CEL error, so that AND, OR, NOT agree
 * with && || !; each leaf yields NULL where CEL fails and never raises.
 *
 * Three tiers. exact: the SQL decides, as cel_eval() does. Not exact but
 * selective: every customer for whom the condition is true is among the rows, and each
 * row is to be evaluated again. Not selective: nothing could be said in SQL; the text
 * is TRUE. Numbers in JSONB are never exact, because they keep more digits than a double.
 *
 * Looking back is from the end of the instant now_us over the events that the table
 * holds. What does not depend on the customer (now - days(30)) is worked out here.
 * `why` says of the first part that is not exact what it is.
 */
#ifndef GODWIT_RULES_CEL_SQL_H
#define GODWIT_RULES_CEL_SQL_H

#include "rules/cel.h"

enum cel_sql_kind {
    CEL_SQL_JSON,  /* jsonb object: fields are looked up in it */
    CEL_SQL_TEXT,  /* text; NULL: absent */
    CEL_SQL_NUMBER /* double precision, never NULL */
};

/* Where a variable or field is found in the query. */
struct cel_sql_column {
    struct str path; /* "customer", "customer.email"; the longest that fits is taken */
    struct str sql;  /* "c.attributes", "c.email" */
    enum cel_sql_kind kind;
};

/* A segment that the condition names. */
struct cel_sql_segment {
    const struct cel_program *program; /* NULL: a list */
    struct str keys;                   /* the keys of a list, as the text of a text[] */
};

struct cel_sql_scope {
    const struct cel_sql_column *columns;
    size_t n_columns;
    int64_t now_us;
    /* FROM and WHERE of one customer's events, as `e` with name, id, occurred_at:
     * "godwit.events e where e.customer = c.key"; empty: they cannot be said. */
    struct str events;
    struct str properties; /* of such an event: "e.properties", an object or NULL */
    struct str key;        /* the customer's key: "c.key" */
    void *ctx;
    /* False: there is no such segment. NULL: in_segment() cannot be said. */
    bool (*segment)(void *ctx, struct str name, struct cel_sql_segment *out);
};

struct cel_sql {
    struct str text;          /* with $N::type for the parameters */
    const struct str *params; /* in text form, for $first, $first + 1, ... */
    size_t n_params;
    bool exact;  /* the rows are those for which the condition is true */
    bool errors; /* exact, and NULL where it has no answer */
    bool selective;
    struct str why; /* not exact: the part of the condition that is not, as written */
};

/* Parameters are numbered from `first`. Everything lives in `a`. */
struct cel_sql cel_sql_where(const struct cel_program *p, const struct cel_sql_scope *scope,
                             int first, struct arena *a);

#endif
