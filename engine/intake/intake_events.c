/* SPDX-License-Identifier: Apache-2.0
 * The steps of a batch of events. */
#include "config.h"

#include "engine/intake/intake_internal.h"

#include "base/fault.h"
#include "base/wallclock.h"
#include "engine/intake/goals.h"
#include "engine/intake/journey_rows.h"
#include "engine/intake/past.h"
#include "engine/intake/profile_rows.h"
#include "engine/sql_text.h"

static const struct db_stmt st_create = {"customer_create", sql_customer_create};
static const struct db_stmt st_refused = {"event_refused", sql_event_refused};
static const struct db_stmt st_advance = {"shard_advance", sql_shard_advance};

/* ---- step: read */

/* The groups take turns, so that one with a backlog does not hold up the others. */
static struct cursor_group *next_group(struct intake *x) {
    struct cursor_groups *all = shards_cursors(x->shards);
    uint64_t owned = shards_owned(x->shards);
    for (size_t i = 0; i < all->n; i++) {
        struct cursor_group *g = &all->list[(x->group + i) % all->n];
        if (g->members & owned) {
            x->group = (x->group + i + 1) % all->n;
            return g;
        }
    }
    return NULL;
}

/* A group that lags takes the newest group's snapshot as its target, so that they meet. */
static const char *target_for(const struct intake *x, const struct cursor_group *g) {
    const struct cursor_groups *all = shards_cursors(x->shards);
    const struct cursor_group *newest = g;
    if (g->cursor.target)
        return g->cursor.target;
    for (size_t i = 0; i < all->n; i++)
        if (all->list[i].cursor.serial > newest->cursor.serial && !all->list[i].cursor.target)
            newest = &all->list[i];
    return newest == g ? NULL : newest->cursor.last;
}

static enum flow_result step_read(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    struct cursor_group *g = next_group(x);
    if (!g)
        return FLOW_DONE;
    batch_reset(b);
    b->workspace = workspace_hold(x->workspace);
    b->members = g->members & shards_owned(x->shards);
    b->bounded = true;
    cursor_copy(&b->from, &g->cursor);
    struct db_call call = batch_steps_read(b, target_for(x, g), x->limit);
    return intake_request(x, &call, 1);
}

/* The cursor in memory moves on; in the database it does with the next decisions. */
static void move_on(struct intake *x) {
    struct batch *b = x->batch;
    if (b->exhausted)
        b->to.serial = ++x->serial;
    else
        b->to.serial = b->from.serial;
    cursor_groups_move(shards_cursors(x->shards), b->members, &b->from, &b->to);
}

/* ---- step: profile */

static enum flow_result step_profile(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    const struct db_result *r = x->reply->result[0];
    if (!batch_take(b, r, batch_steps_exhausted(r, x->limit))) {
        move_on(x);
        x->empty_looks++;
        return FLOW_DONE;
    }
    x->empty_looks = 0;
    x->last_event_ns = uv_hrtime();
    x->created = false;
    past_prepare(b);
    journey_rows_prepare(b);
    struct db_call calls[BATCH_PROFILE_CALLS + JOURNEY_READ_CALLS + 2];
    size_t n = batch_steps_profile(b, calls);
    n += journey_rows_read_calls(b, calls + n);
    x->goals = goals_read_call(b, &calls[n]);
    n += x->goals;
    if (past_read_call(b, &calls[n]))
        n++;
    return intake_request(x, calls, n);
}

static enum flow_result step_create(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    size_t n = batch_steps_profiled(b, x->reply, INT64_MAX), missing = 0;
    if (b->cut) { /* too much for the memory: the same again with fewer events */
        x->limit = b->n / 2;
        return FLOW_DONE;
    }
    n = journey_rows_take(b, x->reply, n);
    if (x->goals)
        goals_take(b, x->reply->result[n++]);
    if (n < x->reply->n)
        past_take_kept(b, x->reply->result[n]);
    struct db_array *keys = db_array(b->arena, DB_TEXT, 0);
    for (size_t i = 0; i < b->n_customers; i++)
        if (!b->customers[i].profile.id) {
            db_array_text(keys, b->customers[i].profile.key);
            missing++;
        }
    if (!missing)
        return FLOW_NEXT;
    x->created = true;
    struct db_params *p = db_params(b->arena);
    db_param_array(p, keys);
    struct db_call calls[] = {{&st_create, p}, batch_steps_customers(b, true)};
    return intake_request(x, calls, 2);
}

static enum flow_result step_history(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    if (x->created)
        profile_rows_customers(b, x->reply->result[1], true);
    struct db_call call;
    db_reply_free(x->reply);
    x->reply = NULL;
    return past_history_call(b, &call) ? intake_request(x, &call, 1) : FLOW_NEXT;
}

/* ---- step: decide */

static enum flow_result step_decide(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    if (x->reply)
        past_take_history(b, x->reply->result[0]);
    int64_t now_us = wallclock_now();
    intake_begin(x);
    for (size_t i = 0; i < b->n; i++) {
        struct batch_event *e = &b->events[i];
        struct decisions found = {0};
        fault_point("intake.decide");
        if (e->event.id == x->skipped)
            continue;
        batch_steps_decide(b, e, now_us, x->secret, &found);
        goals_credit(b, e);
        intake_collect(x, e->customer, &found, now_us);
    }
    return FLOW_NEXT;
}

/* ---- step: write */

static struct db_call advance_call(struct intake *x) {
    struct batch *b = x->batch;
    struct db_params *p = intake_fences(x);
    db_param_text(p, str_from(b->to.last));
    db_param_text(p, str_from(b->to.target));
    db_param_text(p, str_from(b->to.xid));
    db_param_int8(p, b->to.id);
    return (struct db_call){&st_advance, p};
}

static struct db_call refused_call(struct intake *x) {
    struct db_params *p = db_params(x->batch->arena);
    db_param_int2(p, (int16_t)x->batch->events[0].customer->shard);
    db_param_int8(p, x->skipped);
    db_param_text(p, str_from(x->refusal));
    return (struct db_call){&st_refused, p};
}

static enum flow_result step_write(struct flow *f) {
    struct intake *x = f->owner;
    struct db_call calls[INTAKE_WRITE_CALLS];
    size_t n = 0;
    calls[n++] = advance_call(x);
    if (x->batch->n == 1 && x->batch->events[0].event.id == x->skipped)
        calls[n++] = refused_call(x);
    n = intake_write_calls(x, calls, n);
    if (goals_write_call(x->batch, &calls[n]))
        n++;
    fault_point("intake.before_commit");
    return intake_request(x, calls, n);
}

static enum flow_result step_written(struct flow *f) {
    struct intake *x = f->owner;
    fault_point("intake.after_commit");
    move_on(x);
    x->counts.events += (int64_t)x->batch->n;
    if (x->limit < BATCH_MOST)
        x->limit *= 2;
    x->due_empty = 0; /* what was decided may be due */
    intake_written(x);
    return FLOW_DONE;
}

const struct flow_step intake_event_steps[] = {
    {"read", step_read},       {"profile", step_profile},
    {"create", step_create},   {"history", step_history},
    {"decide", step_decide},   {"write", step_write},
    {"written", step_written}, {0},
};
