/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/effects.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "engine/sql_text.h"

#define DEDUPE_MOST 255

static const struct db_stmt st_update = {"customer_update", sql_customer_update};
static const struct db_stmt st_emit = {"event_emit", sql_event_emit};

struct effects {
    struct arena *arena;
    struct db_array *shard, *customer, *attributes;               /* updates */
    struct db_array *key, *name, *properties, *occurred, *dedupe; /* events */
};

struct effects *effects_new(struct arena *a) {
    struct effects *x = ARENA_NEW(a, struct effects);
    *x = (struct effects){
        .arena = a,
        .shard = db_array(a, DB_INT2, 0),
        .customer = db_array(a, DB_INT8, 0),
        .attributes = db_array(a, DB_JSONB, 0),
        .key = db_array(a, DB_TEXT, 0),
        .name = db_array(a, DB_TEXT, 0),
        .properties = db_array(a, DB_JSONB, 0),
        .occurred = db_array(a, DB_TIMESTAMPTZ, 0),
        .dedupe = db_array(a, DB_TEXT, 0),
    };
    return x;
}

/* What is too long for the column is told apart by its digest. */
static struct str within(struct arena *a, struct str dedupe) {
    char *hex = arena_alloc(a, DIGEST_HEX_CHARS + 1);
    if (dedupe.n <= DEDUPE_MOST)
        return dedupe;
    digest_sha256_hex(dedupe, hex);
    return str_from(hex);
}

void effects_add(struct effects *x, int shard, const struct profile *p, const struct effect *e) {
    struct buf json = BUF_IN(x->arena);
    json_write(&json, e->values);
    if (e->kind == EFFECT_UPDATE) {
        db_array_int2(x->shard, (int16_t)shard);
        db_array_int8(x->customer, p->id);
        db_array_jsonb(x->attributes, buf_str(&json));
        return;
    }
    db_array_text(x->key, p->key);
    db_array_text(x->name, e->name);
    db_array_jsonb(x->properties, buf_str(&json));
    db_array_timestamptz(x->occurred, e->at_us);
    db_array_text(x->dedupe, within(x->arena, e->dedupe));
}

size_t effects_events(const struct effects *x) {
    return db_array_count(x->key);
}

static struct db_call call_with(struct arena *a, const struct db_stmt *stmt, struct db_array **list,
                                size_t n) {
    struct db_params *p = db_params(a);
    for (size_t i = 0; i < n; i++)
        db_param_array(p, list[i]);
    return (struct db_call){stmt, p};
}

size_t effects_calls(struct effects *x, struct db_call *calls, size_t n) {
    if (db_array_count(x->shard))
        calls[n++] = call_with(x->arena, &st_update,
                               (struct db_array *[]){x->shard, x->customer, x->attributes}, 3);
    if (db_array_count(x->key))
        calls[n++] = call_with(
            x->arena, &st_emit,
            (struct db_array *[]){x->key, x->name, x->properties, x->occurred, x->dedupe}, 5);
    return n;
}
