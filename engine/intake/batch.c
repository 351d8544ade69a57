/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/batch.h"

#include "base/json.h"
#include "base/log.h"

#include <stdlib.h>

struct batch *batch_new(void) {
    struct batch *b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->arena = arena_new(65536);
    return b;
}

void batch_reset(struct batch *b) {
    struct batch kept = {.arena = b->arena};
    workspace_release(b->workspace);
    cursor_clear(&b->from);
    cursor_clear(&b->to);
    arena_reset(b->arena);
    *b = kept;
}

void batch_free(struct batch *b) {
    batch_reset(b);
    arena_free(b->arena);
    free(b);
}

struct batch_customer *batch_by_key(const struct batch *b, struct str key) {
    const struct value *i = map_get_str(b->by_key, key);
    return i ? &b->customers[i->u.i] : NULL;
}

struct batch_customer *batch_by_id(const struct batch *b, int64_t id) {
    const struct value *i = map_get(b->by_id, value_int(id));
    return i ? &b->customers[i->u.i] : NULL;
}

struct batch_customer *batch_customer(struct batch *b, int shard, struct str key) {
    struct batch_customer *c = batch_by_key(b, key);
    if (c)
        return c;
    c = &b->customers[b->n_customers];
    *c = (struct batch_customer){.shard = shard};
    c->profile.key = str_dup(b->arena, key);
    map_set_str(b->arena, b->by_key, c->profile.key, value_int((int64_t)b->n_customers++));
    return c;
}

static void take_properties(struct batch *b, struct batch_event *x, struct str json, int64_t size) {
    struct err e = ERR_INIT;
    if (!json.p)
        x->refused = str_printf(b->arena, "properties of %.1f MB are more than the limit of 1 MB",
                                (double)size / 1e6);
    else if (!json_parse(b->arena, json, &x->event.properties, &e))
        x->refused = str_dup(b->arena, str_from(e.text));
    if (!x->refused.n)
        return;
    x->event.properties = value_map(map_new(b->arena, 0));
    log_warn("event cannot be used", LOG_I("event", x->event.id), LOG_S("name", x->event.name),
             LOG_S("reason", x->refused));
}

static void take_event(struct batch *b, const struct db_result *r, size_t i) {
    static const enum event_mode modes[] = {EVENT_LIVE, EVENT_HISTORY, EVENT_TRIGGER};
    struct batch_event *x = &b->events[b->n++];
    *x = (struct batch_event){0};
    x->event.id = db_int(r, i, 2);
    x->event.name = str_dup(b->arena, db_text(r, i, 5));
    x->event.occurred_us = db_timestamptz(r, i, 8);
    x->event.mode = modes[db_int(r, i, 9)];
    x->customer = batch_customer(b, (int)db_int(r, i, 3), db_text(r, i, 4));
    take_properties(b, x, db_is_null(r, i, 6) ? STR_NONE : db_json(r, i, 6), db_int(r, i, 7));
}

void batch_prepare(struct batch *b, size_t rows) {
    b->n = b->n_customers = 0;
    b->events = ARENA_ARRAY(b->arena, struct batch_event, rows);
    b->customers = ARENA_ARRAY(b->arena, struct batch_customer, rows);
    b->by_key = map_new(b->arena, rows);
    b->by_id = map_new(b->arena, rows);
}

void batch_take_row(struct batch *b, const struct db_result *r, size_t row) {
    batch_prepare(b, 1);
    take_event(b, r, row);
    cursor_set(&b->from, db_text(r, row, 0), STR_NONE, STR_NONE, 0);
    cursor_copy(&b->to, &b->from);
}

bool batch_take(struct batch *b, const struct db_result *r, bool exhausted) {
    size_t rows = db_rows(r);
    if (rows == 1 && db_is_null(r, 0, 2))
        rows = 0;
    struct str target = db_text(r, 0, 0);
    b->exhausted = exhausted;
    if (b->exhausted)
        cursor_set(&b->to, target, STR_NONE, STR_NONE, 0);
    else
        cursor_set(&b->to, str_from(b->from.last), target, db_text(r, rows - 1, 1),
                   db_int(r, rows - 1, 2));
    batch_prepare(b, rows);
    for (size_t i = 0; i < rows; i++)
        take_event(b, r, i);
    return rows > 0;
}

struct db_params *batch_customer_params(const struct batch *b, bool missing) {
    struct db_array *shards = db_array(b->arena, DB_INT2, b->n_customers);
    struct db_array *keys = db_array(b->arena, DB_TEXT, b->n_customers);
    for (size_t i = 0; i < b->n_customers; i++) {
        if (missing && b->customers[i].profile.id)
            continue;
        db_array_int2(shards, (int16_t)b->customers[i].shard);
        db_array_text(keys, b->customers[i].profile.key);
    }
    struct db_params *p = db_params(b->arena);
    db_param_array(p, shards);
    db_param_array(p, keys);
    return p;
}
