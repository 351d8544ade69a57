/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/plan.h"

#include "engine/intake/batch_steps.h"
#include "engine/intake/journey_rows.h"
#include "engine/intake/past.h"
#include "engine/sql_text.h"

/* As the engine's own connections are set: no plan that reads a table from end to end. */
#define SETTINGS                                                          \
    "set local enable_seqscan = off; set local enable_bitmapscan = off; " \
    "set local enable_hashjoin = off; set local enable_mergejoin = off; set local jit = off"

static const struct db_stmt st_cursors = {"plan_cursors", sql_plan_cursors};
static const struct db_stmt st_planned = {"plan_planned", sql_plan_planned};
static const struct db_stmt st_remember = {"plan_remember", sql_plan_remember};
static const struct db_stmt st_customers = {NULL, sql_plan_customers};
static const struct db_stmt st_queued = {NULL, sql_plan_queued};

struct planner {
    struct dbsync *db;
    const struct plan_options *options;
    struct batch *batch;
    struct workspace *workspace;
    struct plan *out;
};

static bool begin(struct planner *x, struct err *e);
static bool plan_waiting(struct planner *x, struct err *e);
static bool finish(struct planner *x, struct arena *a, struct err *e);

bool plan_run(struct dbsync *db, struct workspace *w, const struct plan_options *o, struct arena *a,
              struct plan *out, struct err *e) {
    struct planner x = {db, o, batch_new(), w, out};
    *out = (struct plan){0};
    plan_tally_init(&out->tally, w, o->only, a);
    bool ok = begin(&x, e) && plan_waiting(&x, e) && finish(&x, a, e);
    batch_free(x.batch);
    return ok;
}

static bool begin(struct planner *x, struct err *e) {
    return dbsync_script(x->db,
                         "set timezone = 'UTC'; create temp table plan_messages (shard smallint, "
                         "customer text, campaign text, channel text, topic text, at timestamptz, "
                         "outcome text); create index on plan_messages (customer, campaign)",
                         e) &&
           dbsync_script(x->db, "begin isolation level repeatable read read only", e);
}

/* ---- one batch, filled with events */

static bool run(struct planner *x, struct db_call *calls, size_t n, struct db_reply **reply,
                struct err *e) {
    return dbsync_run(x->db, calls, n, reply, e);
}

/* What this plan has sent to the batch's customers so far. */
static void take_planned(struct batch *b, const struct db_result *r) {
    for (size_t i = 0; i < db_rows(r); i++) {
        struct batch_customer *c = batch_by_key(b, db_text(r, i, 0));
        const struct campaign *campaign = NULL;
        struct str id = db_text(r, i, 1);
        for (size_t k = 0; k < b->workspace->rules.n_campaigns && !campaign; k++)
            if (str_eq(b->workspace->rules.campaigns[k]->id, id))
                campaign = b->workspace->rules.campaigns[k];
        if (!c || !campaign)
            continue;
        struct step sent = {.kind = STEP_SEND}; /* which one does not matter to limits */
        struct decision d = {.campaign = campaign,
                             .step = &sent,
                             .outcome = str_eq(db_text(r, i, 5), S("send")) ? OUTCOME_SEND
                                                                            : OUTCOME_HELD_OUT,
                             .channel = str_dup(b->arena, db_text(r, i, 2)),
                             .topic = str_dup(b->arena, db_text(r, i, 3)),
                             .due_us = db_timestamptz(r, i, 4)};
        decide_remember(&c->profile, &d, b->arena);
    }
}

/* Profiles and pasts as the engine would have them. Behaviour is made from the events: what is
 * kept ends where the engine stands, and this plan is further on. */
static bool load(struct planner *x, struct err *e) {
    struct batch *b = x->batch;
    struct db_call calls[BATCH_PROFILE_CALLS + JOURNEY_READ_CALLS + 2];
    struct db_reply *reply;
    past_prepare(b);
    journey_rows_prepare(b);
    size_t n = batch_steps_profile(b, calls);
    n += journey_rows_read_calls(b, calls + n);
    struct db_params *limits = batch_steps_limits(b);
    if (limits)
        calls[n++] = (struct db_call){&st_planned, limits};
    size_t history = n;
    if (past_history_call(b, &calls[n]))
        n++;
    if (!run(x, calls, n, &reply, e))
        return false;
    size_t taken = journey_rows_take(b, reply, batch_steps_profiled(b, reply, INT64_MAX));
    if (limits)
        take_planned(b, reply->result[taken]);
    if (history < n)
        past_take_history(b, reply->result[history]);
    db_reply_free(reply);
    return true;
}

struct remembered {
    struct db_array *column[7];
};

static void remember(struct remembered *m, const struct batch_customer *c,
                     const struct decision *d) {
    db_array_int2(m->column[0], (int16_t)c->shard);
    db_array_text(m->column[1], c->profile.key);
    db_array_text(m->column[2], d->campaign->id);
    db_array_text(m->column[3], d->channel);
    db_array_text(m->column[4], d->topic);
    db_array_timestamptz(m->column[5], d->due_us);
    db_array_text(m->column[6], str_from(outcome_name(d->outcome)));
}

static bool decide_event(struct planner *x, struct batch_event *event, struct remembered *m,
                         struct err *e) {
    const struct plan_options *o = x->options;
    struct batch *b = x->batch;
    struct profile *p = &event->customer->profile;
    struct decisions found = {0};
    batch_steps_decide(b, event, o->now_us, o->secret, &found);
    for (size_t i = 0; i < found.n; i++) {
        const struct decision *d = &found.list[i];
        if (o->only && d->campaign != o->only)
            continue;
        plan_tally_add(&x->out->tally, d, p, b->arena);
        if (d->outcome == OUTCOME_SEND || d->outcome == OUTCOME_HELD_OUT)
            remember(m, event->customer, d);
        if (o->on_decision && !o->on_decision(o->ctx, d, p, o->now_us, e))
            return false;
    }
    return true;
}

static bool decide_batch(struct planner *x, struct err *e) {
    static const enum db_type types[] = {DB_INT2, DB_TEXT,        DB_TEXT, DB_TEXT,
                                         DB_TEXT, DB_TIMESTAMPTZ, DB_TEXT};
    struct batch *b = x->batch;
    struct remembered m;
    struct db_params *p = db_params(b->arena);
    if (!load(x, e))
        return false;
    for (size_t i = 0; i < 7; i++)
        m.column[i] = db_array(b->arena, types[i], b->n);
    for (size_t i = 0; i < b->n; i++)
        if (!decide_event(x, &b->events[i], &m, e))
            return false;
    x->out->events += (int64_t)b->n;
    if (x->options->on_progress)
        x->options->on_progress(x->options->ctx, x->out->events);
    if (!db_array_count(m.column[0]))
        return true;
    for (size_t i = 0; i < 7; i++)
        db_param_array(p, m.column[i]);
    struct db_call call = {&st_remember, p};
    return run(x, &call, 1, NULL, e);
}

/* ---- the events that wait behind the shards' cursors */

/* One group of shards up to the transaction's snapshot: first the round it is in, then one more.
 * A snapshot's text is the same throughout. */
static bool plan_group(struct planner *x, const struct cursor_group *g, struct str end,
                       struct err *e) {
    struct cursor at = {0};
    bool ok = true;
    cursor_copy(&at, &g->cursor);
    while (ok && !str_eq(str_from(at.last), end)) {
        struct batch *b = x->batch;
        struct db_reply *reply;
        batch_reset(b);
        b->workspace = workspace_hold(x->workspace);
        b->members = g->members;
        cursor_copy(&b->from, &at);
        struct db_call call = batch_steps_read(b, at.target, BATCH_MOST);
        ok = run(x, &call, 1, &reply, e);
        if (!ok)
            break;
        bool any =
            batch_take(b, reply->result[0], batch_steps_exhausted(reply->result[0], BATCH_MOST));
        db_reply_free(reply);
        ok = !any || decide_batch(x, e);
        cursor_copy(&at, &b->to);
    }
    cursor_clear(&at);
    return ok;
}

static bool plan_waiting(struct planner *x, struct err *e) {
    struct cursor_groups groups = {0};
    struct db_reply *reply;
    struct db_call call = {&st_cursors, NULL};
    if (!run(x, &call, 1, &reply, e) || !dbsync_script(x->db, SETTINGS, e))
        return false;
    const struct db_result *r = reply->result[0];
    for (size_t i = 0; i < db_rows(r); i++) {
        struct cursor c = {0};
        cursor_set(&c, db_text(r, i, 1), db_text(r, i, 2), db_text(r, i, 3), db_int(r, i, 4));
        cursor_groups_add(&groups, (int)db_int(r, i, 0), &c);
        cursor_clear(&c);
    }
    bool ok = true;
    for (size_t i = 0; i < groups.n && ok && db_rows(r); i++)
        ok = plan_group(x, &groups.list[i], db_text(r, 0, 5), e);
    cursor_groups_clear(&groups);
    db_reply_free(reply);
    return ok;
}

/* ---- at the end */

static void take_customers(struct plan_tally *t, const struct db_result *r) {
    for (size_t i = 0; i < db_rows(r); i++)
        for (size_t k = 0; k < t->n_campaigns; k++)
            if (str_eq(t->campaigns[k].campaign->id, db_text(r, i, 0))) {
                t->campaigns[k].customers = db_int(r, i, 1);
                t->campaigns[k].per_customer = db_int(r, i, 2);
            }
}

static void take_queued(struct plan *out, const struct db_result *r, struct arena *a) {
    out->queued = ARENA_ARRAY(a, struct plan_queued, db_rows(r) + 1);
    for (size_t i = 0; i < db_rows(r); i++)
        out->queued[out->n_queued++] =
            (struct plan_queued){str_dup(a, db_text(r, i, 0)), str_dup(a, db_text(r, i, 1)),
                                 str_dup(a, db_text(r, i, 2)), db_int(r, i, 3)};
}

static bool finish(struct planner *x, struct arena *a, struct err *e) {
    struct db_call calls[] = {{&st_customers, NULL}, {&st_queued, NULL}};
    struct db_reply *reply;
    if (!run(x, calls, 2, &reply, e))
        return false;
    take_customers(&x->out->tally, reply->result[0]);
    take_queued(x->out, reply->result[1], a);
    db_reply_free(reply);
    return dbsync_script(x->db, "rollback; drop table plan_messages", e);
}
