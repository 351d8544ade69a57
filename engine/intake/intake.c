/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/intake.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/wallclock.h"
#include "engine/delivery/render.h"
#include "engine/flow.h"
#include "engine/intake/batch_steps.h"
#include "engine/intake/goals.h"
#include "engine/intake/past.h"
#include "engine/intake/profile_rows.h"
#include "engine/outbox.h"
#include "engine/session.h"
#include "engine/sql_text.h"

#include <stdlib.h>

#define QUIET_AFTER_US (WALLCLOCK_US_PER_S) /* then producers wake us */
#define POLL_BUSY_MS 10
#define POLL_QUIET_MS 500
#define RETRY_MS 1000

struct intake {
    struct intake_events events;
    struct db *db;
    struct shards *shards;
    struct workspace *workspace;
    struct str secret;
    uv_timer_t timer;
    struct flow flow;
    struct batch *batch;
    struct intake_counts counts;
    size_t group;       /* which group of shards is next */
    size_t empty_looks; /* in a row */
    size_t limit;       /* events a batch; smaller after a batch was refused */
    uint64_t serial;    /* of the newest snapshot */
    int64_t last_event_us;
    bool reread;        /* the cursors must be read back before the next batch */
    bool rereading;     /* they are being */
    bool created;       /* the wait that just ended made customers */
    int64_t skipped;    /* id of an event whose decisions the database refused */
    char refusal[1000]; /* and why */
    char sqlstate[6];   /* of the error that ended the flow */
    bool barred;        /* the last flow ended with one that is not about data; was said */
    bool goals;         /* the batch has events that are somebody's goal */
    bool touched;       /* the batch has customers whose segments may have changed */
    bool quiet, closing;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
    struct db_reply *reply; /* of the wait that just ended */
    struct outbox_batch *outbox;
};

static const struct db_stmt st_cursors = {"shard_read", sql_shard_read};
static const struct db_stmt st_create = {"customer_create", sql_customer_create};
static const struct db_stmt st_refused = {"event_refused", sql_event_refused};
static const struct db_stmt st_advance = {"shard_advance", sql_shard_advance};

static void start(struct intake *x);
static void look_again(struct intake *x, uint64_t ms);
static void maybe_closed(struct intake *x);

/* ---- waiting for the database */

static void on_answer(void *ctx, const struct err *e, struct db_reply *reply) {
    struct intake *x = ctx;
    x->reply = reply;
    if (e) {
        x->flow.err = *e;
        memcpy(x->sqlstate, reply->sqlstate, sizeof x->sqlstate);
    }
    flow_wake(&x->flow);
}

static enum flow_result request(struct intake *x, const struct db_call *calls, size_t n) {
    db_reply_free(x->reply);
    x->reply = NULL;
    return db_transaction(x->db, calls, n, on_answer, x, &x->flow.err) ? FLOW_WAIT : FLOW_FAIL;
}

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
    cursor_copy(&b->from, &g->cursor);
    struct db_call call = batch_steps_read(b, target_for(x, g), x->limit);
    return request(x, &call, 1);
}

/* The cursor in memory moves on; in the database it does with the next decisions. */
static void move_on(struct intake *x) {
    struct batch *b = x->batch;
    struct cursor_groups *all = shards_cursors(x->shards);
    if (b->exhausted)
        b->to.serial = ++x->serial;
    else
        b->to.serial = b->from.serial;
    for (size_t i = 0; i < all->n; i++) {
        struct cursor_group *g = &all->list[i];
        if (g->members & b->members && cursor_eq(&g->cursor, &b->from))
            cursor_copy(&g->cursor, &b->to);
    }
    cursor_groups_merge(all);
}

/* ---- step: profile */

static enum flow_result step_profile(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    if (!batch_take(b, x->reply->result[0], x->limit)) {
        move_on(x);
        x->empty_looks++;
        return FLOW_DONE;
    }
    x->empty_looks = 0;
    x->last_event_us = wallclock_now();
    x->created = false;
    past_prepare(b);
    struct db_call calls[BATCH_PROFILE_CALLS + 2];
    size_t n = batch_steps_profile(b, calls);
    x->goals = goals_read_call(b, &calls[n]);
    n += x->goals;
    if (past_read_call(b, &calls[n]))
        n++;
    return request(x, calls, n);
}

static enum flow_result step_create(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    size_t n = batch_steps_profiled(b, x->reply, INT64_MAX), missing = 0;
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
    return request(x, calls, 2);
}

static enum flow_result step_history(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    if (x->created)
        profile_rows_customers(b, x->reply->result[1], true);
    struct db_call call;
    db_reply_free(x->reply);
    x->reply = NULL;
    return past_history_call(b, &call) ? request(x, &call, 1) : FLOW_NEXT;
}

/* ---- step: decide */

static void decide_event(struct intake *x, struct batch_event *e, int64_t now_us) {
    struct batch *b = x->batch;
    struct profile *p = &e->customer->profile;
    struct decisions found = {0};
    if (e->event.id == x->skipped)
        return;
    batch_steps_decide(b, e, now_us, x->secret, &found);
    goals_credit(b, e);
    for (size_t i = 0; i < found.n; i++) {
        struct decision *d = &found.list[i];
        struct str input =
            d->outcome == OUTCOME_SEND ? render_input(b->workspace, d, p, b->arena) : STR_NONE;
        outbox_batch_add(x->outbox, e->customer->shard, d, input, now_us);
        x->counts.decisions++;
    }
}

static enum flow_result step_decide(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    if (x->reply)
        past_take_history(b, x->reply->result[0]);
    int64_t now_us = wallclock_now();
    x->outbox = outbox_batch_new(b->arena, b->n);
    for (size_t i = 0; i < b->n; i++) {
        fault_point("intake.decide");
        decide_event(x, &b->events[i], now_us);
    }
    return FLOW_NEXT;
}

/* ---- step: write */

static struct db_call advance_call(struct intake *x) {
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
    struct db_call calls[7];
    size_t n = 0;
    calls[n++] = advance_call(x);
    if (x->batch->n == 1 && x->batch->events[0].event.id == x->skipped)
        calls[n++] = refused_call(x);
    n = outbox_batch_calls(x->outbox, calls, n);
    if (goals_write_call(x->batch, &calls[n]))
        n++;
    if (past_write_call(x->batch, &calls[n]))
        n++;
    x->touched = past_touch_call(x->batch, &calls[n]);
    n += x->touched;
    fault_point("intake.before_commit");
    return request(x, calls, n);
}

static enum flow_result step_written(struct flow *f) {
    struct intake *x = f->owner;
    fault_point("intake.after_commit");
    move_on(x);
    x->counts.events += (int64_t)x->batch->n;
    x->counts.messages += (int64_t)outbox_batch_messages(x->outbox);
    if (x->limit < BATCH_MOST)
        x->limit *= 2;
    if (outbox_batch_messages(x->outbox))
        x->events.on_messages(x->events.ctx);
    if (x->touched)
        x->events.on_touched(x->events.ctx);
    return FLOW_DONE;
}

static const struct flow_step steps[] = {
    {"read", step_read},       {"profile", step_profile},
    {"create", step_create},   {"history", step_history},
    {"decide", step_decide},   {"write", step_write},
    {"written", step_written}, {0},
};

/* ---- when an answer was lost: read the cursors back */

static void on_reread(void *ctx, const struct err *e, struct db_reply *reply) {
    struct intake *x = ctx;
    if (!e && !x->closing) {
        const struct db_result *r = reply->result[0];
        struct cursor_groups *all = shards_cursors(x->shards);
        for (size_t i = 0; i < db_rows(r); i++) {
            int shard = (int)db_int(r, i, 0);
            struct cursor c = {0};
            if (shards_fence(x->shards, shard) != db_int(r, i, 1) ||
                !(shards_owned(x->shards) >> shard & 1))
                continue;
            cursor_set(&c, db_text(r, i, 2), db_text(r, i, 3), db_text(r, i, 4), db_int(r, i, 5));
            cursor_groups_remove(all, UINT64_C(1) << shard);
            cursor_groups_add(all, shard, &c);
            cursor_clear(&c);
        }
        x->reread = false;
    }
    db_reply_free(reply);
    x->rereading = false;
    if (x->closing)
        maybe_closed(x);
    else if (x->reread)
        look_again(x, RETRY_MS);
    else
        start(x);
}

static bool reread(struct intake *x) {
    struct db_params *p;
    batch_reset(x->batch);
    p = db_params(x->batch->arena);
    db_param_int8(p, shards_engine(x->shards));
    struct db_array *shards = db_array(x->batch->arena, DB_INT2, SHARDS);
    for (int i = 0; i < SHARDS; i++)
        db_array_int2(shards, (int16_t)i);
    db_param_array(p, shards);
    struct db_call call = {&st_cursors, p};
    struct err e = ERR_INIT;
    x->rereading = db_transaction(x->db, &call, 1, on_reread, x, &e);
    return x->rereading;
}

/* ---- running: batch after batch, then looks at intervals */

static void on_timer(uv_timer_t *t) {
    start(t->data);
}

static void look_again(struct intake *x, uint64_t ms) {
    if (!x->closing)
        uv_timer_start(&x->timer, on_timer, ms, 0);
}

static void set_quiet(struct intake *x, bool quiet) {
    if (x->quiet == quiet)
        return;
    x->quiet = quiet;
    if (quiet)
        x->events.on_quiet(x->events.ctx);
    else
        x->events.on_busy(x->events.ctx);
}

/* The batch cannot be written as it is: smaller ones are tried, until it is one event,
 * which is recorded as refused and passed over. */
static void batch_refused(struct intake *x) {
    const struct batch *b = x->batch;
    struct str why = str_from(x->flow.err.text);
    x->limit = b->n > 1 ? b->n / 2 : 1;
    if (b->n > 1) {
        log_warn("batch refused, trying smaller ones", LOG_I("events", b->n), LOG_S("error", why));
    } else if (b->n == 1) {
        x->skipped = b->events[0].event.id;
        snprintf(x->refusal, sizeof x->refusal, "%.*s", STR_FMT(why));
        log_error("event cannot be decided and is passed over", LOG_I("event", x->skipped),
                  LOG_S("error", why));
    } else {
        log_error("events cannot be read", LOG_S("error", why));
    }
}

/* Whether smaller batches can help: what the server finds wrong with the database, our rights
 * or our statements would refuse every event, and none of them may be passed over for it. */
static bool is_about_data(const char *sqlstate) {
    static const char *const classes[] = {"21", "22", "23", "54", "P0", "XX"};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strncmp(sqlstate, classes[i], 2) == 0)
            return true;
    return !*sqlstate;
}

static void flow_failed(struct intake *x) {
    bool fenced = strcmp(x->sqlstate, "GW001") == 0;
    bool data = is_about_data(x->sqlstate);
    bool temporary = x->flow.err.kind == ERR_TEMPORARY || !data;
    if (!fenced && !temporary)
        batch_refused(x);
    else if (!fenced && !data && !x->barred)
        log_error("events wait: the database refuses to work on any",
                  LOG_S("error", str_from(x->flow.err.text)));
    x->barred = !fenced && !data;
    x->reread = true;
    x->sqlstate[0] = 0;
    if (fenced)
        x->events.on_fenced(x->events.ctx);
    look_again(x, temporary || fenced ? RETRY_MS : POLL_BUSY_MS);
}

static void on_flow_ended(struct flow *f, bool ok) {
    struct intake *x = f->owner;
    db_reply_free(x->reply);
    x->reply = NULL;
    if (x->closing) {
        maybe_closed(x);
        return;
    }
    if (!ok) {
        flow_failed(x);
        return;
    }
    x->barred = false;
    const struct cursor_groups *all = shards_cursors(x->shards);
    if (x->empty_looks == 0) {
        set_quiet(x, false);
        start(x);
    } else if (x->empty_looks < all->n) {
        start(x);
    } else {
        bool long_ago = wallclock_now() - x->last_event_us > QUIET_AFTER_US;
        set_quiet(x, long_ago);
        look_again(x, long_ago ? POLL_QUIET_MS : POLL_BUSY_MS);
    }
}

static void start(struct intake *x) {
    if (x->closing || x->rereading || flow_active(&x->flow))
        return;
    uv_timer_stop(&x->timer);
    if (!shards_owned(x->shards) || !db_is_up(x->db) || (x->reread && !reread(x)))
        look_again(x, POLL_QUIET_MS);
    else if (!x->reread)
        flow_start(&x->flow);
}

void intake_kick(struct intake *x) {
    x->last_event_us = wallclock_now();
    start(x);
}

void intake_shards_changed(struct intake *x) {
    x->empty_looks = 0;
    start(x);
}

bool intake_idle(const struct intake *x, uint64_t members) {
    return !flow_active(&x->flow) || !(x->batch->members & members);
}

void intake_reload(struct intake *x, struct workspace *w) {
    workspace_release(x->workspace);
    x->workspace = workspace_hold(w);
}

void intake_counts(const struct intake *x, struct intake_counts *out) {
    *out = x->counts;
    out->quiet = shards_owned(x->shards) && !flow_active(&x->flow) && !x->rereading &&
                 x->empty_looks >= shards_cursors(x->shards)->n;
    out->stuck = !db_is_up(x->db);
}

/* ---- life */

static void on_db_up(void *ctx) {
    struct intake *x = ctx;
    session_settings(x->db);
    x->reread = true;
    start(x);
}

static void on_db_down(void *ctx, const struct err *e) {
    (void)e;
    struct intake *x = ctx;
    x->reread = true;
}

struct intake *intake_open(uv_loop_t *loop, const char *conninfo, struct workspace *w,
                           struct shards *shards, struct str secret,
                           const struct intake_events *events, struct err *e) {
    struct intake *x = calloc(1, sizeof *x);
    if (!x)
        abort();
    x->events = *events;
    x->shards = shards;
    x->secret = secret;
    x->limit = BATCH_MOST;
    struct db_events ev = {on_db_up, on_db_down, NULL, x};
    x->db = db_open(loop, conninfo, 0, &ev, e);
    if (!x->db) {
        free(x);
        return NULL;
    }
    x->workspace = workspace_hold(w);
    x->batch = batch_new();
    x->flow = (struct flow){.steps = steps, .owner = x, .ended = on_flow_ended};
    uv_timer_init(loop, &x->timer);
    x->timer.data = x;
    return x;
}

static void on_timer_closed(uv_handle_t *h) {
    struct intake *x = h->data;
    void (*on_closed)(void *) = x->on_closed;
    void *ctx = x->closed_ctx;
    batch_free(x->batch);
    workspace_release(x->workspace);
    free(x);
    on_closed(ctx);
}

static void on_db_closed(void *ctx) {
    struct intake *x = ctx;
    uv_close((uv_handle_t *)&x->timer, on_timer_closed);
}

/* A batch under way is finished first: its transaction is short. */
static void maybe_closed(struct intake *x) {
    if (!flow_active(&x->flow) && !x->rereading)
        db_close(x->db, on_db_closed, x);
}

void intake_close(struct intake *x, void (*on_closed)(void *ctx), void *ctx) {
    x->closing = true;
    x->on_closed = on_closed;
    x->closed_ctx = ctx;
    uv_timer_stop(&x->timer);
    maybe_closed(x);
}
