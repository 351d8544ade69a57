/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/past.h"

#include "base/json.h"
#include "engine/decide/behaviour_pack.h"
#include "engine/decide/membership.h"
#include "engine/sql_text.h"

#define PROPERTIES_MOST 1000000

struct past {
    struct behaviour behaviour;
    bool known; /* read, made anew, or empty: it may be looked at */
    bool asked; /* its history is being read */
    bool changed;
};

static const struct db_stmt st_read = {"behaviour_read", sql_behaviour_read};
static const struct db_stmt st_history = {"behaviour_history", sql_behaviour_history};
static const struct db_stmt st_write = {"behaviour_write", sql_behaviour_write};
static const struct db_stmt st_touch = {"timer_touch", sql_timer_touch};

static struct past *past_of(const struct batch *b, const struct batch_customer *c, struct str name,
                            const struct behaviour_layout **layout) {
    const struct workspace *w = b->workspace;
    *layout = behaviour_layout_find(w->layouts, w->n_layouts, name);
    return *layout && c->pasts ? &c->pasts[*layout - w->layouts] : NULL;
}

void past_prepare(struct batch *b) {
    const struct workspace *w = b->workspace;
    if (!w->n_layouts)
        return;
    for (size_t i = 0; i < b->n; i++) {
        struct batch_event *x = &b->events[i];
        struct batch_customer *c = x->customer;
        size_t started = 0;
        campaign_set_started_by(&w->rules, x->event.name, &started);
        started += campaign_set_awaits(&w->rules, x->event.name);
        if (x->event.mode == EVENT_HISTORY)
            started = 0;
        if (!started && !behaviour_layout_find(w->layouts, w->n_layouts, x->event.name))
            continue;
        c->live = c->live || x->event.mode != EVENT_HISTORY;
        if (c->involved)
            continue;
        c->involved = true;
        c->pasts = ARENA_ARRAY(b->arena, struct past, w->n_layouts);
    }
}

void past_prepare_all(struct batch *b) {
    for (size_t i = 0; i < b->n_customers && b->workspace->n_layouts; i++) {
        b->customers[i].involved = b->customers[i].live = true;
        b->customers[i].pasts = ARENA_ARRAY(b->arena, struct past, b->workspace->n_layouts);
    }
}

bool past_read_call(struct batch *b, struct db_call *out) {
    const struct workspace *w = b->workspace;
    struct db_array *shards = db_array(b->arena, DB_INT2, b->n_customers);
    struct db_array *keys = db_array(b->arena, DB_TEXT, b->n_customers);
    struct db_array *names = db_array(b->arena, DB_TEXT, w->n_layouts);
    for (size_t i = 0; i < b->n_customers; i++)
        if (b->customers[i].involved) {
            db_array_int2(shards, (int16_t)b->customers[i].shard);
            db_array_text(keys, b->customers[i].profile.key);
        }
    if (!db_array_count(keys))
        return false;
    for (size_t i = 0; i < w->n_layouts; i++)
        db_array_text(names, w->layouts[i].event);
    struct db_params *p = db_params(b->arena);
    db_param_array(p, shards);
    db_param_array(p, keys);
    db_param_array(p, names);
    *out = (struct db_call){&st_read, p};
    return true;
}

void past_take_kept(struct batch *b, const struct db_result *r) {
    for (size_t i = 0; i < db_rows(r); i++) {
        const struct batch_customer *c = batch_by_id(b, db_int(r, i, 0));
        const struct behaviour_layout *layout;
        struct past *x = c ? past_of(b, c, db_text(r, i, 1), &layout) : NULL;
        if (x && str_eq(db_text(r, i, 2), str_from(layout->hash)))
            x->known = behaviour_unpack(&x->behaviour, layout, db_bytea(r, i, 3), b->arena);
    }
}

/* Up to where this batch begins: its own events are added one by one, so that what is made anew
 * answers as what was kept. What is not kept: nothing to be looked up for a customer who was made
 * just now; left alone for one of whom only history comes in (it is made when a rule first looks);
 * else asked for. */
bool past_history_call(struct batch *b, struct db_call *out) {
    const struct workspace *w = b->workspace;
    struct db_array *shards = db_array(b->arena, DB_INT2, 0);
    struct db_array *keys = db_array(b->arena, DB_TEXT, 0);
    struct db_array *names = db_array(b->arena, DB_TEXT, 0);
    for (size_t i = 0; i < b->n_customers; i++) {
        struct batch_customer *c = &b->customers[i];
        for (size_t k = 0; c->pasts && k < w->n_layouts; k++) {
            struct past *x = &c->pasts[k];
            if (x->known || !c->live)
                continue;
            behaviour_init(&x->behaviour, &w->layouts[k], b->arena);
            x->known = true;
            x->asked = !c->fresh;
            if (!x->asked)
                continue;
            db_array_int2(shards, (int16_t)c->shard);
            db_array_text(keys, c->profile.key);
            db_array_text(names, w->layouts[k].event);
        }
    }
    if (!db_array_count(keys))
        return false;
    struct db_params *p = db_params(b->arena);
    db_param_array(p, shards);
    db_param_array(p, keys);
    db_param_array(p, names);
    db_param_text(p, str_from(b->from.last));
    db_param_text(p, str_from(b->from.target));
    db_param_text(p, str_from(b->from.xid));
    db_param_int8(p, b->from.id);
    db_param_int8(p, PROPERTIES_MOST);
    *out = (struct db_call){&st_history, p};
    return true;
}

void past_take_history(struct batch *b, const struct db_result *r) {
    for (size_t i = 0; i < db_rows(r); i++) {
        const struct batch_customer *c = batch_by_key(b, db_text(r, i, 0));
        const struct behaviour_layout *layout;
        struct past *x = c ? past_of(b, c, db_text(r, i, 1), &layout) : NULL;
        struct value properties = VALUE_NULL;
        struct err ignored = ERR_INIT; /* it was said when the event was decided */
        if (!x || !x->asked)
            continue;
        if (!db_is_null(r, i, 4) && !json_parse(b->arena, db_json(r, i, 4), &properties, &ignored))
            properties = VALUE_NULL;
        behaviour_add(&x->behaviour, db_int(r, i, 2), db_timestamptz(r, i, 3), properties);
        x->changed = true;
    }
}

/* The logs are handed to the profile once; they grow in place. */
void past_show(struct batch *b, struct batch_customer *c) {
    const struct workspace *w = b->workspace;
    if (!c->pasts || c->profile.behaviours)
        return;
    struct profile_behaviour *list = ARENA_ARRAY(b->arena, struct profile_behaviour, w->n_layouts);
    size_t n = 0;
    for (size_t k = 0; k < w->n_layouts; k++)
        if (c->pasts[k].known)
            list[n++] = (struct profile_behaviour){w->layouts[k].event, &c->pasts[k].behaviour.log};
    c->profile.behaviours = list;
    c->profile.n_behaviours = n;
}

void past_append(struct batch *b, struct batch_event *x) {
    struct batch_customer *c = x->customer;
    const struct behaviour_layout *layout;
    if (!c->pasts)
        return;
    past_show(b, c);
    struct past *past = past_of(b, c, x->event.name, &layout);
    c->looked_at = c->looked_at || past;
    if (!past || !past->known)
        return;
    behaviour_add(&past->behaviour, x->event.id, x->event.occurred_us, x->event.properties);
    past->changed = true;
}

bool past_touch_call(struct batch *b, struct db_call *out) {
    struct db_array *shards = db_array(b->arena, DB_INT2, b->n_customers);
    struct db_array *ids = db_array(b->arena, DB_INT8, b->n_customers);
    for (size_t i = 0; i < b->n_customers; i++)
        if (b->customers[i].looked_at) {
            db_array_int2(shards, (int16_t)b->customers[i].shard);
            db_array_int8(ids, b->customers[i].profile.id);
        }
    if (!db_array_count(ids) || !membership_tracked(b->workspace))
        return false;
    struct db_params *p = db_params(b->arena);
    db_param_array(p, shards);
    db_param_array(p, ids);
    *out = (struct db_call){&st_touch, p};
    return true;
}

bool past_write_call(struct batch *b, struct db_call *out) {
    static const enum db_type types[] = {DB_INT2, DB_INT8, DB_TEXT, DB_TEXT, DB_BYTEA};
    const struct workspace *w = b->workspace;
    struct db_array *column[5];
    for (size_t i = 0; i < 5; i++)
        column[i] = db_array(b->arena, types[i], b->n_customers);
    for (size_t i = 0; i < b->n_customers; i++) {
        const struct batch_customer *c = &b->customers[i];
        for (size_t k = 0; c->pasts && k < w->n_layouts; k++) {
            struct past *x = &c->pasts[k];
            if (!x->changed)
                continue;
            struct buf packed = BUF_IN(b->arena);
            const struct behaviour_log *log = &x->behaviour.log;
            if (log->n)
                behaviour_fold(&x->behaviour, log->entries[log->n - 1].at_us);
            behaviour_pack(&x->behaviour, &packed);
            db_array_int2(column[0], (int16_t)c->shard);
            db_array_int8(column[1], c->profile.id);
            db_array_text(column[2], w->layouts[k].event);
            db_array_text(column[3], str_from(w->layouts[k].hash));
            db_array_bytea(column[4], buf_str(&packed));
        }
    }
    if (!db_array_count(column[0]))
        return false;
    struct db_params *p = db_params(b->arena);
    for (size_t i = 0; i < 5; i++)
        db_param_array(p, column[i]);
    *out = (struct db_call){&st_write, p};
    return true;
}
