/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/intake_internal.h"

#include "base/log.h"
#include "base/wallclock.h"
#include "engine/session.h"
#include "engine/sql_text.h"

#include <stdlib.h>

#define QUIET_AFTER_NS UINT64_C(1000000000) /* then producers wake us */
#define POLL_BUSY_MS 10
#define POLL_QUIET_MS 500
#define RETRY_MS 1000
#define DUE_MS 500            /* between looks at what is due, while nothing is */
#define DUE_PATIENCE_MS 60000 /* the same while events never end */

static const struct db_stmt st_cursors = {"shard_read", sql_shard_read};

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

enum flow_result intake_request(struct intake *x, const struct db_call *calls, size_t n) {
    db_reply_free(x->reply);
    x->reply = NULL;
    return db_transaction(x->db, calls, n, on_answer, x, &x->flow.err) ? FLOW_WAIT : FLOW_FAIL;
}

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
    struct intake *x = t->data;
    x->empty_looks = 0; /* what was seen is no news any more */
    start(x);
}

static bool due_now(const struct intake *x);

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

/* The same with what is due: it ends as an error. */
static void due_refused(struct intake *x, struct str why) {
    const struct agenda *a = &x->agenda;
    x->due_empty = 0;
    if (x->due_limit > 1) {
        x->due_limit /= 2;
        log_warn("what is due was refused, trying less at once", LOG_S("error", why));
        return;
    }
    struct str name = a->n ? agenda_name(&a->items[0], x->batch->arena) : S("run");
    snprintf(x->due_refused, sizeof x->due_refused, "%.*s", STR_FMT(name));
    snprintf(x->refusal, sizeof x->refusal, "%.*s", STR_FMT(why));
    log_error("what is due cannot be decided and is passed over", LOG_S("what", name),
              LOG_S("error", why));
}

/* The batch cannot be written as it is: smaller ones are tried, until it is one event,
 * which is recorded as refused and passed over. */
static void batch_refused(struct intake *x) {
    const struct batch *b = x->batch;
    struct str why = str_from(x->flow.err.text);
    if (x->due) {
        due_refused(x, why);
        return;
    }
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
    bool overtaken = strcmp(x->sqlstate, "GW002") == 0; /* a message was sent meanwhile */
    bool data = is_about_data(x->sqlstate);
    bool temporary = x->flow.err.kind == ERR_TEMPORARY || !data;
    if (!fenced && !temporary)
        batch_refused(x);
    else if (!fenced && !overtaken && !data)
        snprintf(x->bar, sizeof x->bar, "%s", x->flow.err.text);
    if (!fenced && !overtaken && !data && !x->barred)
        log_error("events wait: the database refuses to work on any",
                  LOG_S("error", str_from(x->flow.err.text)));
    x->barred = !fenced && !overtaken && !data;
    x->reread = true;
    x->sqlstate[0] = 0;
    if (fenced)
        x->events.on_fenced(x->events.ctx);
    look_again(x, (temporary && !overtaken) || fenced ? RETRY_MS : POLL_BUSY_MS);
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
    if (x->due && x->due_empty == 0) { /* events that it made, or that came meanwhile, go first */
        x->empty_looks = 0;
        x->last_event_ns = uv_hrtime();
    }
    if (x->empty_looks == 0) {
        set_quiet(x, false);
        start(x);
    } else if (x->empty_looks < all->n || due_now(x)) {
        start(x);
    } else {
        bool long_ago = uv_hrtime() - x->last_event_ns > QUIET_AFTER_NS;
        set_quiet(x, long_ago);
        look_again(x, long_ago ? POLL_QUIET_MS : POLL_BUSY_MS);
    }
}

/* What is due is worked off when a look has just shown that all events are decided, so that who has
 * bought is not told to come back; while events never end, once in a while all the same. Never
 * beside events: one customer's decisions come one after the other. */
static bool due_now(const struct intake *x) {
    const struct cursor_groups *all = shards_cursors(x->shards);
    uint64_t now = uv_now(x->timer.loop);
    if (!x->workspace->rules.any_later)
        return false;
    if (x->empty_looks < all->n)
        return now >= x->due_at + DUE_PATIENCE_MS;
    return now >= x->due_at || x->due_empty < all->n;
}

static void start(struct intake *x) {
    if (x->closing || x->rereading || flow_active(&x->flow))
        return;
    uv_timer_stop(&x->timer);
    if (!shards_owned(x->shards) || !db_is_up(x->db) || (x->reread && !reread(x)))
        look_again(x, POLL_QUIET_MS);
    else if (!x->reread) {
        x->due = due_now(x);
        if (x->due && uv_now(x->timer.loop) >= x->due_at) {
            x->due_at = uv_now(x->timer.loop) + DUE_MS;
            x->due_empty = 0;
        }
        x->flow.steps = x->due ? intake_due_steps : intake_event_steps;
        flow_start(&x->flow);
    }
}

void intake_kick(struct intake *x) {
    x->empty_looks = 0;
    start(x);
}

void intake_shards_changed(struct intake *x) {
    x->empty_looks = 0;
    x->due_empty = 0;
    start(x);
}

bool intake_idle(const struct intake *x, uint64_t members) {
    return !flow_active(&x->flow) || !(x->batch->members & members);
}

void intake_reload(struct intake *x, struct workspace *w) {
    workspace_release(x->workspace);
    x->workspace = workspace_hold(w);
    x->due_empty = 0;
}

void intake_counts(const struct intake *x, struct intake_counts *out) {
    *out = x->counts;
    out->quiet = shards_owned(x->shards) && !flow_active(&x->flow) && !x->rereading &&
                 x->empty_looks >= shards_cursors(x->shards)->n &&
                 (!x->workspace->rules.any_later || x->due_empty >= shards_cursors(x->shards)->n);
    out->stuck = !db_is_up(x->db) || x->barred;
    out->trouble = !db_is_up(x->db) ? S("the database cannot be reached")
                   : x->barred      ? str_from(x->bar)
                                    : STR_NONE;
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
    x->limit = x->due_limit = BATCH_MOST;
    struct db_events ev = {on_db_up, on_db_down, NULL, x};
    x->db = db_open(loop, conninfo, 0, &ev, e);
    if (!x->db) {
        free(x);
        return NULL;
    }
    x->workspace = workspace_hold(w);
    x->batch = batch_new();
    x->flow = (struct flow){.steps = intake_event_steps, .owner = x, .ended = on_flow_ended};
    uv_timer_init(loop, &x->timer);
    x->timer.data = x;
    x->due_at = uv_now(loop);
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
