/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/segments.h"

#include "base/arena.h"
#include "engine/condition_sql.h"
#include "engine/decide/match.h"
#include "engine/segments_rows.h"

#include <stdlib.h>

#define CHUNK_CHECKED 500 /* customers whose history is read at once */
#define CHUNK_DECIDED 5000

struct segments {
    struct dbsync *db;
    struct workspace *workspace; /* held */
    const struct segment *segment;
    int64_t now_us;
    struct arena *arena; /* of the plan */
    struct arena *chunk; /* of the customers at hand */
    bool recorded;       /* out of godwit.memberships */
    struct cel_sql where;
    enum segments_way way;
    struct db_reply *reply; /* the chunk */
    struct segments_row *rows;
    size_t n, at;
    int shard; /* behind which the next chunk begins */
    int64_t id;
    bool last; /* no chunk is left */
    struct segments_counts counts;
};

/* ---- the condition in SQL */

/* A list alone needs no condition. */
static struct cel_sql where_listed(struct segments *s) {
    struct str *keys = ARENA_NEW(s->arena, struct str);
    *keys = condition_sql_keys(s->segment->keys, s->arena);
    return (struct cel_sql){.text = S("(c.key = any ($1::text[]))"),
                            .params = keys,
                            .n_params = 1,
                            .exact = true,
                            .selective = true};
}

static struct cel_sql where_of(struct segments *s) {
    return s->segment->keys
               ? where_listed(s)
               : condition_sql(s->workspace, s->segment->program, s->now_us, 1, s->arena);
}

static struct db_params *params_of(const struct segments *s, struct arena *a) {
    struct db_params *p = db_params(a);
    for (size_t i = 0; i < s->where.n_params; i++)
        db_param_text(p, s->where.params[i]);
    return p;
}

/* ---- opening */

static struct segments *segments_new(struct dbsync *db, struct workspace *w,
                                     const struct segment *segment, int64_t now_us) {
    struct segments *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->db = db;
    s->workspace = workspace_hold(w);
    s->segment = segment;
    s->now_us = now_us;
    s->arena = arena_new(0);
    s->chunk = arena_new(65536);
    s->shard = -1;
    return s;
}

struct segments *segments_open_recorded(struct dbsync *db, struct workspace *w,
                                        const struct segment *segment, struct err *e) {
    if (!segment->tracked) {
        err_set(e, ERR_INPUT,
                "segment `%.*s` is not tracked, so nothing is recorded of it; give it `tracked: "
                "true`, or compare with another workspace: --against DIR",
                STR_FMT(segment->name));
        return NULL;
    }
    struct segments *s = segments_new(db, w, segment, 0);
    s->recorded = true;
    s->where = (struct cel_sql){.text = S("true"), .exact = true};
    return s;
}

struct segments *segments_open(struct dbsync *db, struct workspace *w,
                               const struct segment *segment, int64_t now_us, struct err *e) {
    if (!segment->program && !segment->keys) {
        err_set(e, ERR_INPUT, "segment `%.*s` has a mistake", STR_FMT(segment->name));
        return NULL;
    }
    struct segments *s = segments_new(db, w, segment, now_us);
    s->where = where_of(s);
    s->way = s->where.exact       ? SEGMENTS_SQL
             : s->where.selective ? SEGMENTS_CHECKED
                                  : SEGMENTS_ONE_BY_ONE;
    return s;
}

void segments_close(struct segments *s) {
    if (!s)
        return;
    db_reply_free(s->reply);
    arena_free(s->chunk);
    arena_free(s->arena);
    workspace_release(s->workspace);
    free(s);
}

void segments_force(struct segments *s, enum segments_way way) {
    if (way <= s->way)
        return;
    s->way = way;
    if (way == SEGMENTS_ONE_BY_ONE) {
        s->where.text = S("true");
        s->where.n_params = 0;
    }
}

enum segments_way segments_way(const struct segments *s) {
    return s->way;
}

const char *segments_way_name(enum segments_way way) {
    static const char *const names[] = {
        "by the database", "candidates from the database, each evaluated again", "one by one"};
    return names[way];
}

struct str segments_why(const struct segments *s) {
    return s->where.why;
}

struct str segments_sql(const struct segments *s) {
    return s->where.text;
}

void segments_counts(const struct segments *s, struct segments_counts *out) {
    *out = s->counts;
}

/* ---- members, chunk by chunk */

static struct str chunk_sql(const struct segments *s, int most) {
    int first = (int)s->where.n_params + 1;
    if (s->recorded)
        return S("select m.shard, m.customer_id, c.key from godwit.memberships m "
                 "join godwit.customers c on c.shard = m.shard and c.id = m.customer_id "
                 "where (m.shard, m.customer_id) > ($1::smallint, $2::bigint) "
                 "and m.segment = $3::text order by m.shard, m.customer_id limit $4::bigint");
    return str_printf(s->chunk,
                      "select %s" CONDITION_SQL_FROM
                      " where (c.shard, c.id) > ($%d::smallint, $%d::bigint) "
                      "and %.*s order by c.shard, c.id limit %d",
                      s->way == SEGMENTS_SQL ? "c.shard, c.id, c.key" : SEGMENTS_ROW_COLUMNS, first,
                      first + 1, STR_FMT(s->where.text), most);
}

static bool query_chunk(struct segments *s, int most, struct err *e) {
    struct db_stmt stmt = {NULL, str_cstr(s->chunk, chunk_sql(s, most))};
    struct db_params *p = params_of(s, s->chunk);
    db_param_int2(p, (int16_t)s->shard);
    db_param_int8(p, s->id);
    if (s->recorded) {
        db_param_text(p, s->segment->name);
        db_param_int8(p, most);
    }
    return dbsync_query(s->db, &stmt, p, &s->reply, e);
}

static bool read_chunk(struct segments *s, struct err *e) {
    int most = s->way == SEGMENTS_SQL ? CHUNK_DECIDED : CHUNK_CHECKED;
    db_reply_free(s->reply);
    s->reply = NULL;
    s->rows = NULL;
    s->n = s->at = 0;
    arena_reset(s->chunk);
    if (!query_chunk(s, most, e))
        return false;
    const struct db_result *r = s->reply->result[0];
    s->n = db_rows(r);
    s->last = s->n < (size_t)most;
    if (s->n) {
        s->shard = (int)db_int(r, s->n - 1, 0);
        s->id = db_int(r, s->n - 1, 1);
    }
    if (s->way == SEGMENTS_SQL || !s->n)
        return true;
    s->rows = segments_rows_read(s->db, s->workspace, s->segment, r, s->now_us, s->chunk, e);
    return s->rows != NULL;
}

/* Whether row i of the chunk is a member. */
static bool is_member(struct segments *s, size_t i) {
    struct match_scope scope;
    struct err e = ERR_INIT;
    if (!s->rows)
        return true;
    match_scope_init(&scope, s->workspace, &s->rows[i].profile, NULL, s->now_us, s->chunk);
    enum match_result m = s->segment->program ? match_condition(&scope, s->segment->program, &e)
                                              : match_segment(&scope, s->segment->name, &e);
    s->counts.looked_at++;
    s->counts.errors += m == MATCH_ERROR || m == MATCH_MISSING;
    return m == MATCH_YES;
}

bool segments_next(struct segments *s, struct segments_member *out, bool *more, struct err *e) {
    for (;;) {
        while (s->at == s->n) {
            *more = !s->last;
            if (!*more)
                return true;
            if (!read_chunk(s, e))
                return false;
        }
        size_t i = s->at++;
        if (!is_member(s, i))
            continue;
        const struct db_result *r = s->reply->result[0];
        *out = (struct segments_member){(int)db_int(r, i, 0), db_int(r, i, 1), db_text(r, i, 2)};
        s->counts.members++;
        *more = true;
        return true;
    }
}

/* ---- how many */

static bool count_by_sql(struct segments *s, struct err *e) {
    struct arena *a = s->chunk;
    struct str sql =
        str_printf(a, "select count(*)" CONDITION_SQL_FROM " where %.*s", STR_FMT(s->where.text));
    struct db_stmt stmt = {NULL, str_cstr(a, sql)};
    struct db_reply *reply;
    if (!dbsync_query(s->db, &stmt, params_of(s, a), &reply, e))
        return false;
    s->counts.members = db_int(reply->result[0], 0, 0);
    s->last = true;
    db_reply_free(reply);
    return true;
}

bool segments_count(struct segments *s, struct segments_counts *out, struct err *e) {
    struct segments_member m;
    bool more = true, ok = true;
    if (s->way == SEGMENTS_SQL && s->shard < 0 && !s->recorded)
        ok = count_by_sql(s, e);
    else
        while (ok && more)
            ok = segments_next(s, &m, &more, e);
    *out = s->counts;
    return ok;
}

/* ---- where buyers stand */

static const struct db_stmt st_rfm = {
    "refresh_rfm", "select done, coalesce(buyers, 0), coalesce(changed, 0) "
                   "from godwit.refresh_rfm($1::text, string_to_array($2::text, '.'))"};

bool segments_refresh_rfm(struct dbsync *db, const struct workspace *w, bool *done, int64_t *buyers,
                          int64_t *changed, struct err *e) {
    const struct catalog_purchase *purchase = &w->rules.catalog.purchase;
    *done = false;
    if (!purchase->event.n)
        return true;
    struct arena *a = arena_new(0);
    struct db_params *p = db_params(a);
    struct db_reply *reply;
    db_param_text(p, purchase->event);
    db_param_text(p, purchase->value);
    bool ok = dbsync_query(db, &st_rfm, p, &reply, e);
    if (ok) {
        *done = db_bool(reply->result[0], 0, 0);
        *buyers = db_int(reply->result[0], 0, 1);
        *changed = db_int(reply->result[0], 0, 2);
        db_reply_free(reply);
    }
    arena_free(a);
    return ok;
}
