/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/simulate.h"

#include "base/arena.h"
#include "base/json.h"
#include "engine/sql_text.h"

#include <stdio.h>

static const struct db_stmt st_customers = {NULL, sql_simulate_customers};
static const struct db_stmt st_events = {NULL, sql_simulate_events};
static const struct db_stmt st_there = {
    NULL, "select exists (select from godwit.consents), exists (select from godwit.suppressions)"};

/* A cursor of the database, read in portions. */
struct reader {
    struct dbsync *db;
    char fetch[64];
    struct db_reply *reply; /* the portion at hand */
    size_t row;
    bool over, failed;
};

struct simulation {
    const struct simulate_options *options;
    struct dbsync *db;
    struct arena *arena;   /* of the whole */
    struct arena *scratch; /* of one customer */
    struct timeline_options timelines[SIMULATE_VERSIONS];
    struct side {
        struct simulation *x;
        size_t version;
    } sides[SIMULATE_VERSIONS];
    struct reader customers, events;
    int64_t n_customers, n_events;
};

/* ---- reading */

/* Whether there is a row at hand; none also when the database failed. */
static bool look(struct reader *r, struct err *e) {
    if (r->over)
        return false;
    if (r->reply && r->row < db_rows(r->reply->result[0]))
        return true;
    db_reply_free(r->reply);
    r->reply = NULL;
    r->row = 0;
    struct db_stmt fetch = {NULL, r->fetch};
    if (!dbsync_query(r->db, &fetch, NULL, &r->reply, e)) {
        r->over = r->failed = true;
        return false;
    }
    r->over = db_rows(r->reply->result[0]) == 0;
    return !r->over;
}

static void add_name(struct simulation *x, struct map *seen, struct db_array *names,
                     struct str name) {
    if (!name.n || map_get_str(seen, name))
        return;
    map_set_str(x->arena, seen, name, value_bool(true));
    db_array_text(names, name);
}

/* The events that mean anything to a campaign, or are looked back on. */
static void add_names(struct simulation *x, const struct workspace *w, struct map *seen,
                      struct db_array *names) {
    for (size_t i = 0; i < w->n_layouts; i++)
        add_name(x, seen, names, w->layouts[i].event);
    for (size_t i = 0; i < w->rules.n_campaigns; i++) {
        const struct campaign *c = w->rules.campaigns[i];
        add_name(x, seen, names, c->trigger.event);
        add_name(x, seen, names, c->goal.event);
        for (size_t k = 0; k < c->n_exits; k++)
            add_name(x, seen, names, c->exits[k].event);
        for (size_t k = 0; k < c->n_steps; k++)
            if (c->steps[k].kind == STEP_WAIT)
                add_name(x, seen, names, c->steps[k].u.wait.event);
    }
}

static bool open_cursors(struct simulation *x, struct err *e) {
    struct db_reply *there;
    struct db_params *customers = db_params(x->arena), *events = db_params(x->arena);
    struct db_array *names = db_array(x->arena, DB_TEXT, 16);
    struct map *seen = map_new(x->arena, 16);
    if (!dbsync_script(x->db,
                       "set timezone = 'UTC'; begin isolation level repeatable read read only; "
                       "set local cursor_tuple_fraction = 1",
                       e) ||
        !dbsync_query(x->db, &st_there, NULL, &there, e))
        return false;
    db_param_bool(customers, db_bool(there->result[0], 0, 0));
    db_param_bool(customers, db_bool(there->result[0], 0, 1));
    db_reply_free(there);
    for (size_t i = 0; i < x->options->n_versions; i++)
        add_names(x, x->options->versions[i], seen, names);
    db_param_timestamptz(events, x->options->to_us);
    db_param_array(events, names);
    struct db_call calls[] = {{&st_customers, customers}, {&st_events, events}};
    return dbsync_run(x->db, calls, 2, NULL, e);
}

static struct str text(struct simulation *x, const struct db_result *r, size_t row, size_t col) {
    return db_is_null(r, row, col) ? STR_NONE : str_dup(x->scratch, db_text(r, row, col));
}

/* A list of lists, as jsonb; NULL: there is none. */
static const struct list *rows_of(struct simulation *x, const struct db_result *r, size_t row,
                                  size_t col) {
    struct value v;
    struct err ignored = ERR_INIT;
    if (db_is_null(r, row, col) || !json_parse(x->scratch, db_json(r, row, col), &v, &ignored) ||
        !value_is(v, V_LIST))
        return NULL;
    return v.u.list;
}

static void take_consents(struct simulation *x, struct profile *p, const struct list *rows) {
    struct profile_consent *list = ARENA_ARRAY(x->scratch, struct profile_consent, rows->n + 1);
    for (size_t i = 0; i < rows->n; i++) {
        const struct value *cell = rows->v[i].u.list->v;
        list[i] = (struct profile_consent){value_text(cell[0]), value_text(cell[1]), cell[2].u.b,
                                           cell[3].u.i};
    }
    p->consents = list;
    p->n_consents = rows->n;
}

static void take_suppressions(struct simulation *x, struct profile *p, const struct list *rows) {
    struct profile_suppression *list =
        ARENA_ARRAY(x->scratch, struct profile_suppression, rows->n + 1);
    for (size_t i = 0; i < rows->n; i++) {
        const struct value *cell = rows->v[i].u.list->v;
        list[i] = (struct profile_suppression){value_text(cell[0]), value_text(cell[1])};
    }
    p->suppressions = list;
    p->n_suppressions = rows->n;
}

static void take_customer(struct simulation *x, const struct db_result *r, size_t i,
                          struct profile *p) {
    struct err ignored = ERR_INIT; /* said when an event of the customer is decided */
    const struct list *rows;
    *p = (struct profile){.id = db_int(r, i, 1),
                          .key = text(x, r, i, 0),
                          .email = text(x, r, i, 2),
                          .phone = text(x, r, i, 3),
                          .locale = text(x, r, i, 4),
                          .timezone = text(x, r, i, 5),
                          .created_us = db_timestamptz(r, i, 7),
                          .rfm = {.r = db_int(r, i, 8),
                                  .f = db_int(r, i, 9),
                                  .m = db_int(r, i, 10),
                                  .purchases = db_int(r, i, 11),
                                  .revenue = db_float8(r, i, 12),
                                  .top = db_float8(r, i, 13)}};
    if (!json_parse(x->scratch, db_json(r, i, 6), &p->attributes, &ignored))
        p->attributes = value_map(map_new(x->scratch, 0));
    if ((rows = rows_of(x, r, i, 14)))
        take_consents(x, p, rows);
    if ((rows = rows_of(x, r, i, 15)))
        take_suppressions(x, p, rows);
}

/* False: its properties are too large or damaged, and the engine would not decide on it. */
static bool take_event(struct simulation *x, const struct db_result *r, size_t i,
                       struct event *out) {
    struct err ignored = ERR_INIT;
    *out = (struct event){.id = db_int(r, i, 1),
                          .name = text(x, r, i, 2),
                          .occurred_us = db_timestamptz(r, i, 3),
                          .mode = EVENT_TRIGGER};
    return !db_is_null(r, i, 4) &&
           json_parse(x->scratch, db_json(r, i, 4), &out->properties, &ignored);
}

/* ---- customer by customer */

static bool on_decision(void *ctx, const struct decision *d, const struct profile *p, int64_t at_us,
                        struct err *e) {
    const struct side *side = ctx;
    const struct simulate_options *o = side->x->options;
    return at_us < o->from_us ||
           o->on_decision(o->ctx, side->version, d, p, at_us, side->x->scratch, e);
}

/* The events of the customer at hand, through all versions at once. */
static bool live(struct simulation *x, const struct profile *p, struct err *e) {
    size_t n = x->options->n_versions;
    struct timeline lives[SIMULATE_VERSIONS];
    for (size_t v = 0; v < n; v++)
        timeline_begin(&lives[v], &x->timelines[v], p, x->scratch);
    while (look(&x->events, e)) {
        const struct db_result *r = x->events.reply->result[0];
        struct event event;
        if (!str_eq(db_text(r, x->events.row, 0), p->key))
            break;
        bool usable = take_event(x, r, x->events.row++, &event);
        x->n_events++;
        for (size_t v = 0; usable && v < n; v++)
            if (!timeline_event(&lives[v], &event, e))
                return false;
    }
    for (size_t v = 0; v < n && !x->events.failed; v++)
        if (!timeline_end(&lives[v], e))
            return false;
    return !x->events.failed;
}

/* The next customer by key; one that only events tell of has nothing but them. False: that was
 * the last, or the database failed. */
static bool next_customer(struct simulation *x, struct profile *p, struct err *e) {
    bool customer = look(&x->customers, e);
    bool event = !x->customers.failed && look(&x->events, e);
    if (x->customers.failed || x->events.failed || (!customer && !event))
        return false;
    const struct db_result *c = customer ? x->customers.reply->result[0] : NULL;
    const struct db_result *r = event ? x->events.reply->result[0] : NULL;
    if (customer &&
        (!event || str_cmp(db_text(c, x->customers.row, 0), db_text(r, x->events.row, 0)) <= 0)) {
        take_customer(x, c, x->customers.row++, p);
        return true;
    }
    *p = (struct profile){.key = text(x, r, x->events.row, 0),
                          .attributes = value_map(map_new(x->scratch, 0)),
                          .created_us = db_timestamptz(r, x->events.row, 3)};
    return true;
}

static bool prepare(struct simulation *x, struct err *e) {
    const struct simulate_options *o = x->options;
    for (size_t v = 0; v < o->n_versions; v++) {
        x->sides[v] = (struct side){x, v};
        x->timelines[v] = (struct timeline_options){.workspace = o->versions[v],
                                                    .salt = o->secret,
                                                    .from_us = o->from_us,
                                                    .to_us = o->to_us,
                                                    .ctx = &x->sides[v],
                                                    .on_decision = on_decision};
        if (!timeline_runs(o->versions[v], o->from_us, o->to_us, x->arena, &x->timelines[v].runs,
                           &x->timelines[v].n_runs, e))
            return false;
    }
    return open_cursors(x, e);
}

bool simulate_run(struct dbsync *db, const struct simulate_options *o, int64_t *customers,
                  int64_t *events, struct err *e) {
    struct simulation x = {.options = o, .db = db, .arena = arena_new(0), .scratch = arena_new(0)};
    struct profile p;
    x.customers.db = x.events.db = db;
    snprintf(x.customers.fetch, sizeof x.customers.fetch, "fetch %zu from simulate_customers",
             o->fetch);
    snprintf(x.events.fetch, sizeof x.events.fetch, "fetch %zu from simulate_events", o->fetch);
    bool ok = prepare(&x, e);
    while (ok && next_customer(&x, &p, e)) {
        ok = live(&x, &p, e);
        x.n_customers++;
        if (ok && o->on_customer)
            o->on_customer(o->ctx, x.n_customers, x.n_events, x.scratch);
        arena_reset(x.scratch);
    }
    ok = ok && !x.customers.failed && !x.events.failed && dbsync_script(db, "rollback", e);
    *customers = x.n_customers;
    *events = x.n_events;
    db_reply_free(x.customers.reply);
    db_reply_free(x.events.reply);
    arena_free(x.scratch);
    arena_free(x.arena);
    return ok;
}
