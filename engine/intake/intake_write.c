/* SPDX-License-Identifier: Apache-2.0
 * What batches of events and of what is due end in alike. */
#include "config.h"

#include "engine/intake/intake_internal.h"

#include "engine/delivery/render.h"
#include "engine/intake/journey_rows.h"
#include "engine/intake/past.h"

#include <assert.h>

void intake_begin(struct intake *x) {
    x->outbox = outbox_batch_new(x->batch->arena, x->batch->n_customers);
    x->effects = effects_new(x->batch->arena);
}

void intake_collect(struct intake *x, const struct batch_customer *c, const struct decisions *found,
                    int64_t now_us) {
    struct batch *b = x->batch;
    for (size_t i = 0; i < found->n; i++) {
        const struct decision *d = &found->list[i];
        struct str input = d->outcome == OUTCOME_SEND
                               ? render_input(b->workspace, d, &c->profile, b->arena)
                               : STR_NONE;
        outbox_batch_add(x->outbox, c->shard, d, input, now_us);
        x->counts.decisions++;
    }
    for (size_t i = 0; i < found->n_effects; i++)
        effects_add(x->effects, c->shard, &c->profile, &found->effects[i]);
}

size_t intake_write_calls(struct intake *x, struct db_call *calls, size_t n) {
    n = outbox_batch_calls(x->outbox, calls, n);
    n = journey_rows_write_calls(x->batch, calls, n);
    n = effects_calls(x->effects, calls, n);
    if (past_write_call(x->batch, &calls[n]))
        n++;
    x->touched = past_touch_call(x->batch, &calls[n]);
    n += x->touched;
    assert(n < INTAKE_WRITE_CALLS);
    return n;
}

void intake_written(struct intake *x) {
    x->counts.messages += (int64_t)outbox_batch_messages(x->outbox);
    if (outbox_batch_messages(x->outbox))
        x->events.on_messages(x->events.ctx);
    if (x->touched)
        x->events.on_touched(x->events.ctx);
}

struct db_params *intake_fences(struct intake *x) {
    struct batch *b = x->batch;
    struct db_params *p = db_params(b->arena);
    struct db_array *shards = db_array(b->arena, DB_INT2, SHARDS);
    struct db_array *fences = db_array(b->arena, DB_INT8, SHARDS);
    for (int i = 0; i < SHARDS; i++)
        if (b->members >> i & 1) {
            db_array_int2(shards, (int16_t)i);
            db_array_int8(fences, shards_fence(x->shards, i));
        }
    db_param_int8(p, shards_engine(x->shards));
    db_param_array(p, shards);
    db_param_array(p, fences);
    return p;
}
