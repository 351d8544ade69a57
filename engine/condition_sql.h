/* SPDX-License-Identifier: Apache-2.0
 *
 * condition_sql: a condition over customers as SQL (rules/cel_sql.h), with the
 * columns and tables of this schema, for segments and for campaigns that are for
 * everybody. Pure.
 */
#ifndef GODWIT_ENGINE_CONDITION_SQL_H
#define GODWIT_ENGINE_CONDITION_SQL_H

#include "engine/workspace.h"
#include "rules/cel_sql.h"

/* What the text stands behind, with customers as c and where buyers stand as r. */
#define CONDITION_SQL_FROM                                                                      \
    " from godwit.customers c left join godwit.rfm r on r.shard = c.shard and r.customer_id = " \
    "c.id"

/* Properties above so many bytes are taken as empty, here as when deciding. */
#define CONDITION_SQL_PROPERTIES_MOST "1000000"

/* As of now_us, with parameters from $first; in `a`. */
struct cel_sql condition_sql(const struct workspace *w, const struct cel_program *p, int64_t now_us,
                             int first, struct arena *a);

/* The keys of a list as PostgreSQL writes an array of text. */
struct str condition_sql_keys(const struct map *keys, struct arena *a);

#endif
