/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/condition_sql.h"

#include "base/arena.h"

static const struct cel_sql_column columns[] = {
    {S("customer"), S("c.attributes"), CEL_SQL_JSON},
    {S("customer.key"), S("c.key"), CEL_SQL_TEXT},
    {S("customer.email"), S("nullif(c.email, '')"), CEL_SQL_TEXT},
    {S("customer.phone"), S("nullif(c.phone, '')"), CEL_SQL_TEXT},
    {S("customer.locale"), S("nullif(c.locale, '')"), CEL_SQL_TEXT},
    {S("customer.timezone"), S("nullif(c.timezone, '')"), CEL_SQL_TEXT},
    {S("rfm.r"), S("coalesce(r.r, 0)::float8"), CEL_SQL_NUMBER},
    {S("rfm.f"), S("coalesce(r.f, 0)::float8"), CEL_SQL_NUMBER},
    {S("rfm.m"), S("coalesce(r.m, 0)::float8"), CEL_SQL_NUMBER},
    {S("rfm.purchases"), S("coalesce(r.purchases, 0)::float8"), CEL_SQL_NUMBER},
    {S("rfm.revenue"), S("coalesce(r.revenue, 0)"), CEL_SQL_NUMBER},
    {S("rfm.top"), S("coalesce(r.top, 1)"), CEL_SQL_NUMBER},
};

struct str condition_sql_keys(const struct map *keys, struct arena *a) {
    struct buf b = BUF_IN(a);
    buf_add_char(&b, '{');
    for (size_t i = 0; i < keys->n; i++) {
        struct str key = value_text(keys->e[i].key);
        buf_add_str(&b, i ? S(",\"") : S("\""));
        for (size_t k = 0; k < key.n; k++) {
            if (key.p[k] == '"' || key.p[k] == '\\')
                buf_add_char(&b, '\\');
            buf_add_char(&b, key.p[k]);
        }
        buf_add_char(&b, '"');
    }
    buf_add_char(&b, '}');
    return buf_str(&b);
}

struct surroundings {
    const struct workspace *workspace;
    struct arena *arena;
};

static bool find_segment(void *ctx, struct str name, struct cel_sql_segment *out) {
    const struct surroundings *s = ctx;
    const struct segment *x = campaign_set_segment(&s->workspace->rules, name);
    if (!x || (!x->program && !x->keys))
        return false;
    out->program = x->program;
    if (x->keys)
        out->keys = condition_sql_keys(x->keys, s->arena);
    return true;
}

struct cel_sql condition_sql(const struct workspace *w, const struct cel_program *p, int64_t now_us,
                             int first, struct arena *a) {
    struct surroundings around = {w, a};
    const struct cel_sql_scope scope = {
        .columns = columns,
        .n_columns = sizeof columns / sizeof *columns,
        .now_us = now_us,
        .events = S("godwit.events e where e.shard = c.shard and e.customer = c.key"),
        .properties = S("(case when pg_column_size(e.properties) <= " CONDITION_SQL_PROPERTIES_MOST
                        " then e.properties end)"),
        .key = S("c.key"),
        .ctx = &around,
        .segment = find_segment,
    };
    return cel_sql_where(p, &scope, first, a);
}
