/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/wake.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/wallclock.h"
#include "engine/flow.h"
#include "engine/intake/due.h"
#include "engine/session.h"

#include <stdlib.h>

#define BATCH_MOST 200u
#define STANDING_MS (UINT64_C(3600) * 1000) /* asks whether a day is over */
#define STANDING_RETRY_MS 60000
#define LOOK_MS 1000 /* attributes change without a word */

struct wake {
    struct wake_events events;
    struct db *db;
    struct shards *shards;
    struct workspace *workspace;        /* held */
    struct due_definition *definitions; /* of the workspace's segments */
    uv_timer_t timer;
    struct arena *standing; /* of the statement that refreshes godwit.rfm */
    struct flow flow;
    struct due batch;
    int64_t now_us;       /* of the batch */
    bool found;           /* the last look found somebody */
    bool asked;           /* a look was wanted while one was under way */
    uint64_t standing_at; /* uv_now() of the next look at godwit.rfm */
    bool refreshing;      /* it is being made anew */
    bool closing;
    char sqlstate[6];
    struct db_reply *reply; /* of the wait that just ended */
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

static const struct db_stmt st_hold = {
    "hold_shards", "select godwit.hold_shards($1::bigint, $2::smallint[], $3::bigint[])"};

static void start(struct wake *x);
static void maybe_closed(struct wake *x);

/* ---- waiting for the database */

static void on_answer(void *ctx, const struct err *e, struct db_reply *reply) {
    struct wake *x = ctx;
    x->reply = reply;
    if (e) {
        x->flow.err = *e;
        memcpy(x->sqlstate, reply->sqlstate, sizeof x->sqlstate);
    }
    flow_wake(&x->flow);
}

static enum flow_result request(struct wake *x, const struct db_call *calls, size_t n) {
    db_reply_free(x->reply);
    x->reply = NULL;
    return db_transaction(x->db, calls, n, on_answer, x, &x->flow.err) ? FLOW_WAIT : FLOW_FAIL;
}

/* ---- steps */

static void reset(struct wake *x) {
    struct arena *a = x->batch.arena;
    workspace_release(x->batch.workspace);
    arena_reset(a);
    x->batch = (struct due){.arena = a};
}

static enum flow_result step_claim(struct flow *f) {
    struct wake *x = f->owner;
    struct db_call calls[DUE_READ_CALLS];
    reset(x);
    x->found = false;
    x->asked = false;
    x->batch.workspace = workspace_hold(x->workspace);
    x->batch.definitions = x->definitions;
    x->batch.members = shards_owned(x->shards);
    return request(x, calls, due_read_calls(&x->batch, calls, BATCH_MOST));
}

static enum flow_result step_past(struct flow *f) {
    struct wake *x = f->owner;
    struct db_call call;
    if (!x->batch.definitions || !due_take(&x->batch, x->reply) || !x->batch.n)
        return FLOW_DONE;
    x->found = true;
    if (due_past_call(&x->batch, &call))
        return request(x, &call, 1);
    db_reply_free(x->reply);
    x->reply = NULL;
    return FLOW_NEXT;
}

static enum flow_result step_history(struct flow *f) {
    struct wake *x = f->owner;
    struct db_call call;
    if (x->reply)
        due_take_past(&x->batch, x->reply->result[0]);
    db_reply_free(x->reply);
    x->reply = NULL;
    return due_history_call(&x->batch, &call) ? request(x, &call, 1) : FLOW_NEXT;
}

static struct db_call hold_call(struct wake *x) {
    struct arena *a = x->batch.arena;
    struct db_params *p = db_params(a);
    struct db_array *shards = db_array(a, DB_INT2, SHARDS);
    struct db_array *fences = db_array(a, DB_INT8, SHARDS);
    for (int i = 0; i < SHARDS; i++)
        if (x->batch.members >> i & 1) {
            db_array_int2(shards, (int16_t)i);
            db_array_int8(fences, shards_fence(x->shards, i));
        }
    db_param_int8(p, shards_engine(x->shards));
    db_param_array(p, shards);
    db_param_array(p, fences);
    return (struct db_call){&st_hold, p};
}

static enum flow_result step_write(struct flow *f) {
    struct wake *x = f->owner;
    struct db_call calls[DUE_WRITE_CALLS + 1];
    if (x->reply)
        due_take_history(&x->batch, x->reply->result[0]);
    x->now_us = wallclock_now();
    due_decide(&x->batch, x->now_us);
    calls[0] = hold_call(x);
    size_t n = 1 + due_write_calls(&x->batch, calls + 1, x->now_us);
    fault_point("wake.before_commit");
    return request(x, calls, n);
}

static enum flow_result step_written(struct flow *f) {
    struct wake *x = f->owner;
    fault_point("wake.after_commit");
    if (x->batch.events)
        x->events.on_events(x->events.ctx);
    return FLOW_DONE;
}

static const struct flow_step steps[] = {
    {"claim", step_claim}, {"past", step_past},       {"history", step_history},
    {"write", step_write}, {"written", step_written}, {0},
};

/* ---- where buyers stand, once a day: timers wait meanwhile, events do not */

static const struct db_stmt st_standing = {
    "refresh_rfm_if_old",
    "select godwit.refresh_rfm_if_old($1::text, string_to_array($2::text, '.'))"};

static void on_standing(void *ctx, const struct err *e, struct db_reply *reply) {
    struct wake *x = ctx;
    bool done = !e && db_bool(reply->result[0], 0, 0);
    x->refreshing = false;
    if (e)
        x->standing_at = uv_now(x->timer.loop) + STANDING_RETRY_MS;
    if (e && e->kind != ERR_TEMPORARY)
        log_error("rfm could not be refreshed", LOG_S("error", str_from(e->text)));
    if (done)
        log_info("rfm refreshed");
    db_reply_free(reply);
    if (x->closing)
        maybe_closed(x);
    else if (done) /* other segments may hold now */
        wake_kick(x);
}

static void refresh_standing(struct wake *x) {
    const struct catalog_purchase *purchase = &x->workspace->rules.catalog.purchase;
    uint64_t now = uv_now(x->timer.loop);
    struct err e = ERR_INIT;
    if (!purchase->event.n || x->refreshing || now < x->standing_at || !db_is_up(x->db))
        return;
    arena_reset(x->standing);
    struct db_params *p = db_params(x->standing);
    struct db_call call = {&st_standing, p};
    db_param_text(p, str_dup(x->standing, purchase->event));
    db_param_text(p, str_dup(x->standing, purchase->value));
    x->standing_at = now + STANDING_MS;
    x->refreshing = db_transaction(x->db, &call, 1, on_standing, x, &e);
}

/* ---- running: batch after batch, then looks at intervals */

static void on_timer(uv_timer_t *t) {
    start(t->data);
}

static void on_flow_ended(struct flow *f, bool ok) {
    struct wake *x = f->owner;
    db_reply_free(x->reply);
    x->reply = NULL;
    x->batch.members = 0;
    if (x->closing) {
        maybe_closed(x);
        return;
    }
    if (!ok) {
        bool fenced = strcmp(x->sqlstate, "GW001") == 0;
        x->sqlstate[0] = 0;
        if (fenced)
            x->events.on_fenced(x->events.ctx);
        else if (f->err.kind != ERR_TEMPORARY)
            log_error("segments cannot be followed", LOG_S("error", str_from(f->err.text)));
    }
    if (ok && (x->found || x->asked))
        start(x);
    else
        uv_timer_start(&x->timer, on_timer, LOOK_MS, 0);
}

static void start(struct wake *x) {
    if (x->closing || flow_active(&x->flow))
        return;
    uv_timer_stop(&x->timer);
    if (shards_owned(x->shards))
        refresh_standing(x);
    if (membership_tracked(x->workspace) && shards_owned(x->shards) && db_is_up(x->db))
        flow_start(&x->flow);
    else
        uv_timer_start(&x->timer, on_timer, LOOK_MS, 0);
}

void wake_kick(struct wake *x) {
    x->asked = true;
    start(x);
}

bool wake_idle(const struct wake *x, uint64_t members) {
    return !flow_active(&x->flow) || !(x->batch.members & members);
}

bool wake_quiet(const struct wake *x) {
    if (x->refreshing || (x->workspace->rules.catalog.purchase.event.n && !x->standing_at))
        return false;
    return !membership_tracked(x->workspace) ||
           (!flow_active(&x->flow) && !x->found && !x->asked && db_is_up(x->db));
}

void wake_reload(struct wake *x, struct workspace *w) {
    workspace_release(x->workspace);
    x->workspace = workspace_hold(w);
    free(x->definitions);
    x->definitions = due_definitions(w);
    x->standing_at = 0;
    x->batch.definitions = NULL; /* a batch under way is of the old ones */
    wake_kick(x);
}

/* ---- life */

static void on_db_up(void *ctx) {
    struct wake *x = ctx;
    session_settings(x->db);
    start(x);
}

static void on_db_down(void *ctx, const struct err *e) {
    (void)ctx;
    (void)e;
}

struct wake *wake_open(uv_loop_t *loop, const char *conninfo, struct workspace *w,
                       struct shards *shards, const struct wake_events *events, struct err *e) {
    struct wake *x = calloc(1, sizeof *x);
    if (!x)
        abort();
    x->events = *events;
    x->shards = shards;
    x->asked = true;
    struct db_events ev = {on_db_up, on_db_down, NULL, x};
    x->db = db_open(loop, conninfo, 0, &ev, e);
    if (!x->db) {
        free(x);
        return NULL;
    }
    x->workspace = workspace_hold(w);
    x->definitions = due_definitions(w);
    x->batch.arena = arena_new(65536);
    x->standing = arena_new(0);
    x->flow = (struct flow){.steps = steps, .owner = x, .ended = on_flow_ended};
    uv_timer_init(loop, &x->timer);
    x->timer.data = x;
    uv_timer_start(&x->timer, on_timer, LOOK_MS, 0);
    return x;
}

static void on_timer_closed(uv_handle_t *h) {
    struct wake *x = h->data;
    void (*on_closed)(void *) = x->on_closed;
    void *ctx = x->closed_ctx;
    reset(x);
    arena_free(x->batch.arena);
    arena_free(x->standing);
    free(x->definitions);
    workspace_release(x->workspace);
    free(x);
    on_closed(ctx);
}

static void on_db_closed(void *ctx) {
    struct wake *x = ctx;
    uv_close((uv_handle_t *)&x->timer, on_timer_closed);
}

/* A batch under way is finished first: its transaction is short. */
static void maybe_closed(struct wake *x) {
    if (!flow_active(&x->flow) && !x->refreshing)
        db_close(x->db, on_db_closed, x);
}

void wake_close(struct wake *x, void (*on_closed)(void *ctx), void *ctx) {
    x->closing = true;
    x->on_closed = on_closed;
    x->closed_ctx = ctx;
    uv_timer_stop(&x->timer);
    maybe_closed(x);
}
