/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/due.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/wallclock.h"
#include "engine/decide/behaviour_pack.h"
#include "engine/sql_text.h"

#include <stdlib.h>

#define PROPERTIES_MOST 1000000

static const struct db_stmt st_due = {"timer_due", sql_timer_due};
static const struct db_stmt st_tracked = {
    "tracked_segments", "select segment, definition, generation from godwit.tracked_segments"};
static const struct db_stmt st_past = {"wake_past", sql_behaviour_read};
static const struct db_stmt st_history = {"wake_history", sql_wake_history};
static const struct db_stmt st_change = {"membership_change", sql_membership_change};
static const struct db_stmt st_event = {"membership_event", sql_membership_event};
static const struct db_stmt st_move = {"timer_move", sql_timer_move};

/* ---- who is due */

struct due_definition *due_definitions(const struct workspace *w) {
    struct due_definition *list = calloc(w->rules.n_segments + 1, sizeof *list);
    if (!list)
        abort();
    for (size_t i = 0; i < w->rules.n_segments; i++)
        if (w->rules.segments[i].tracked)
            membership_definition(w, &w->rules.segments[i], list[i].hex);
    return list;
}

/* Definitions are read last: a change behind the first reading touches every timer. */
size_t due_read_calls(struct due *b, struct db_call *calls, size_t most) {
    struct db_params *p = db_params(b->arena);
    struct db_array *shards = db_array(b->arena, DB_INT2, SHARDS);
    for (int i = 0; i < SHARDS; i++)
        if (b->members >> i & 1)
            db_array_int2(shards, (int16_t)i);
    db_param_array(p, shards);
    db_param_int8(p, (int64_t)most);
    db_param_timestamptz(p, wallclock_now());
    calls[0] = (struct db_call){&st_due, p};
    calls[1] = (struct db_call){&st_tracked, NULL};
    return DUE_READ_CALLS;
}

static bool take_definitions(struct due *b, const struct db_result *r) {
    const struct campaign_set *rules = &b->workspace->rules;
    size_t found = 0;
    b->generations = ARENA_ARRAY(b->arena, int64_t, rules->n_segments + 1);
    for (size_t i = 0; i < db_rows(r); i++) {
        const struct segment *s = campaign_set_segment(rules, db_text(r, i, 0));
        if (!s || !s->tracked)
            continue;
        const char *definition = b->definitions[s - rules->segments].hex;
        int64_t generation = db_int(r, i, 2);
        b->generations[s - rules->segments] = generation;
        b->newest = generation > b->newest ? generation : b->newest;
        found += str_eq(db_text(r, i, 1), str_from(definition));
    }
    return found == membership_tracked(b->workspace);
}

static struct str text(const struct due *b, const struct db_result *r, size_t row, size_t col) {
    return db_is_null(r, row, col) ? STR_NONE : str_dup(b->arena, db_text(r, row, col));
}

static void take_customer(struct due *b, const struct db_result *r, size_t i) {
    struct due_customer *c = &b->list[i];
    struct profile *p = &c->profile;
    struct err ignored = ERR_INIT; /* said when an event of the customer is decided */
    c->shard = (int)db_int(r, i, 0);
    p->id = db_int(r, i, 1);
    p->key = text(b, r, i, 2);
    p->email = text(b, r, i, 3);
    p->phone = text(b, r, i, 4);
    p->locale = text(b, r, i, 5);
    p->timezone = text(b, r, i, 6);
    if (!json_parse(b->arena, db_json(r, i, 7), &p->attributes, &ignored))
        p->attributes = value_map(map_new(b->arena, 0));
    p->rfm = (struct profile_rfm){.r = db_int(r, i, 8),
                                  .f = db_int(r, i, 9),
                                  .m = db_int(r, i, 10),
                                  .purchases = db_int(r, i, 11),
                                  .revenue = db_float8(r, i, 12),
                                  .top = db_float8(r, i, 13)};
    c->generation = db_int(r, i, 14);
    c->touched = db_int(r, i, 15);
    c->segments = text(b, r, i, 16);
    c->pasts = ARENA_ARRAY(b->arena, struct behaviour, b->workspace->n_layouts + 1);
    c->known = ARENA_ARRAY(b->arena, bool, b->workspace->n_layouts + 1);
    map_set(b->arena, b->by_id, value_int(p->id), value_int((int64_t)i));
}

bool due_take(struct due *b, const struct db_reply *reply) {
    const struct db_result *r = reply->result[0];
    if (!take_definitions(b, reply->result[1]))
        return false;
    b->n = db_rows(r);
    b->list = ARENA_ARRAY(b->arena, struct due_customer, b->n + 1);
    b->by_id = map_new(b->arena, b->n);
    for (size_t i = 0; i < b->n; i++)
        take_customer(b, r, i);
    return true;
}

/* ---- what they did */

bool due_past_call(struct due *b, struct db_call *out) {
    const struct workspace *w = b->workspace;
    struct db_array *shards = db_array(b->arena, DB_INT2, b->n);
    struct db_array *keys = db_array(b->arena, DB_TEXT, b->n);
    struct db_array *names = db_array(b->arena, DB_TEXT, w->n_layouts);
    if (!w->n_layouts)
        return false;
    for (size_t i = 0; i < b->n; i++) {
        db_array_int2(shards, (int16_t)b->list[i].shard);
        db_array_text(keys, b->list[i].profile.key);
    }
    for (size_t i = 0; i < w->n_layouts; i++)
        db_array_text(names, w->layouts[i].event);
    struct db_params *p = db_params(b->arena);
    db_param_array(p, shards);
    db_param_array(p, keys);
    db_param_array(p, names);
    *out = (struct db_call){&st_past, p};
    return true;
}

void due_take_past(struct due *b, const struct db_result *r) {
    const struct workspace *w = b->workspace;
    for (size_t i = 0; i < db_rows(r); i++) {
        const struct value *at = map_get(b->by_id, value_int(db_int(r, i, 0)));
        const struct behaviour_layout *layout =
            behaviour_layout_find(w->layouts, w->n_layouts, db_text(r, i, 1));
        if (!at || !layout || !str_eq(db_text(r, i, 2), str_from(layout->hash)))
            continue;
        size_t k = (size_t)(layout - w->layouts);
        struct due_customer *c = &b->list[at->u.i];
        c->known[k] = behaviour_unpack(&c->pasts[k], layout, db_bytea(r, i, 3), b->arena);
    }
}

/* Most have never done that; then there is nothing to be read. */
bool due_history_call(struct due *b, struct db_call *out) {
    const struct workspace *w = b->workspace;
    struct db_array *shards = db_array(b->arena, DB_INT2, b->n);
    struct db_array *keys = db_array(b->arena, DB_TEXT, b->n);
    struct db_array *names = db_array(b->arena, DB_TEXT, b->n);
    b->pairs = ARENA_ARRAY(b->arena, struct due_pair, b->n * w->n_layouts + 1);
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < w->n_layouts; k++) {
            if (b->list[i].known[k])
                continue;
            behaviour_init(&b->list[i].pasts[k], &w->layouts[k], b->arena);
            b->pairs[b->n_pairs++] = (struct due_pair){i, k};
            db_array_int2(shards, (int16_t)b->list[i].shard);
            db_array_text(keys, b->list[i].profile.key);
            db_array_text(names, w->layouts[k].event);
        }
    if (!b->n_pairs)
        return false;
    struct db_params *p = db_params(b->arena);
    db_param_array(p, shards);
    db_param_array(p, keys);
    db_param_array(p, names);
    db_param_int8(p, PROPERTIES_MOST);
    *out = (struct db_call){&st_history, p};
    return true;
}

void due_take_history(struct due *b, const struct db_result *r) {
    for (size_t i = 0; i < db_rows(r); i++) {
        const struct due_pair *pair = &b->pairs[db_int(r, i, 0) - 1];
        struct value properties = VALUE_NULL;
        struct err ignored = ERR_INIT;
        if (!db_is_null(r, i, 3) && !json_parse(b->arena, db_json(r, i, 3), &properties, &ignored))
            properties = VALUE_NULL;
        behaviour_add(&b->list[pair->customer].pasts[pair->layout], db_int(r, i, 1),
                      db_timestamptz(r, i, 2), properties);
    }
}

/* ---- deciding */

void due_decide(struct due *b, int64_t now_us) {
    const struct workspace *w = b->workspace;
    for (size_t i = 0; i < b->n; i++) {
        struct due_customer *c = &b->list[i];
        struct profile_behaviour *list =
            ARENA_ARRAY(b->arena, struct profile_behaviour, w->n_layouts + 1);
        for (size_t k = 0; k < w->n_layouts; k++)
            list[k] = (struct profile_behaviour){w->layouts[k].event, &c->pasts[k].log};
        c->profile.behaviours = list;
        c->profile.n_behaviours = w->n_layouts;
        membership_decide(w, &c->profile, c->segments, now_us, b->arena, &c->membership);
    }
}

/* ---- writing */

struct columns {
    struct db_array *shard, *customer, *segment, *entered; /* changes */
    struct db_array *key, *name, *happened;                /* those that are events */
    struct db_array *timer_shard, *timer_customer, *due, *touched, *generation;
};

static struct columns columns_new(struct arena *a, size_t n) {
    return (struct columns){
        .shard = db_array(a, DB_INT2, 0),
        .customer = db_array(a, DB_INT8, 0),
        .segment = db_array(a, DB_TEXT, 0),
        .entered = db_array(a, DB_BOOL, 0),
        .key = db_array(a, DB_TEXT, 0),
        .name = db_array(a, DB_TEXT, 0),
        .happened = db_array(a, DB_BOOL, 0),
        .timer_shard = db_array(a, DB_INT2, n),
        .timer_customer = db_array(a, DB_INT8, n),
        .due = db_array(a, DB_TIMESTAMPTZ, n),
        .touched = db_array(a, DB_INT8, n),
        .generation = db_array(a, DB_INT8, n),
    };
}

/* Held against a new definition, an entry or exit is nobody's doing: no event. */
static void add_customer(const struct due *b, const struct due_customer *c, struct columns *out) {
    for (size_t i = 0; i < c->membership.n; i++) {
        const struct membership_change *x = &c->membership.changes[i];
        db_array_int2(out->shard, (int16_t)c->shard);
        db_array_int8(out->customer, c->profile.id);
        db_array_text(out->segment, x->segment->name);
        db_array_bool(out->entered, x->entered);
        if (b->generations[x->segment - b->workspace->rules.segments] > c->generation)
            continue;
        db_array_text(out->key, c->profile.key);
        db_array_text(out->name, x->segment->name);
        db_array_bool(out->happened, x->entered);
    }
    db_array_int2(out->timer_shard, (int16_t)c->shard);
    db_array_int8(out->timer_customer, c->profile.id);
    db_array_timestamptz(out->due, c->membership.next_us);
    db_array_int8(out->touched, c->touched);
    db_array_int8(out->generation, b->newest);
}

static struct db_call call_with(struct arena *a, const struct db_stmt *stmt, struct db_array **list,
                                size_t n, const int64_t *now_us) {
    struct db_params *p = db_params(a);
    for (size_t i = 0; i < n; i++)
        db_param_array(p, list[i]);
    if (now_us)
        db_param_timestamptz(p, *now_us);
    return (struct db_call){stmt, p};
}

size_t due_write_calls(struct due *b, struct db_call *calls, int64_t now_us) {
    struct columns c = columns_new(b->arena, b->n);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        add_customer(b, &b->list[i], &c);
    b->events = db_array_count(c.key);
    if (db_array_count(c.shard))
        calls[n++] =
            call_with(b->arena, &st_change,
                      (struct db_array *[]){c.shard, c.customer, c.segment, c.entered}, 4, &now_us);
    if (b->events)
        calls[n++] = call_with(b->arena, &st_event,
                               (struct db_array *[]){c.key, c.name, c.happened}, 3, &now_us);
    calls[n++] = call_with(
        b->arena, &st_move,
        (struct db_array *[]){c.timer_shard, c.timer_customer, c.due, c.touched, c.generation}, 5,
        NULL);
    return n;
}
