/* SPDX-License-Identifier: Apache-2.0
 * The steps of a batch of what is due without an event. Events that were committed before are
 * decided already, or wait; the cursor stays where it is. */
#include "config.h"

#include "engine/intake/intake_internal.h"

#include "base/fault.h"
#include "base/wallclock.h"
#include "engine/intake/journey_rows.h"
#include "engine/intake/past.h"

#define SCHEDULES_MOST 64

static const struct db_stmt st_hold = {
    "intake_hold_shards", "select godwit.hold_shards($1::bigint, $2::smallint[], $3::bigint[])"};

static enum flow_result nothing_to_wait_for(struct intake *x) {
    db_reply_free(x->reply);
    x->reply = NULL;
    return FLOW_NEXT;
}

/* ---- what is due */

/* A group's shards have the same past, so what they did is read up to the same point. */
static struct cursor_group *next_group(struct intake *x) {
    struct cursor_groups *all = shards_cursors(x->shards);
    uint64_t owned = shards_owned(x->shards);
    for (size_t i = 0; i < all->n; i++) {
        struct cursor_group *g = &all->list[(x->due_group + i) % all->n];
        if (g->members & owned) {
            x->due_group = (x->due_group + i + 1) % all->n;
            return g;
        }
    }
    return NULL;
}

static enum flow_result step_look(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    struct db_call calls[AGENDA_READ_CALLS];
    struct cursor_group *g = next_group(x);
    if (!g) {
        x->due_empty++;
        return FLOW_DONE;
    }
    batch_reset(b);
    b->workspace = workspace_hold(x->workspace);
    b->members = g->members & shards_owned(x->shards);
    cursor_copy(&b->from, &g->cursor);
    cursor_copy(&b->to, &g->cursor);
    x->agenda.most = x->due_limit;
    x->created = false;
    agenda_read_calls(b, wallclock_now(), x->due_limit, calls);
    return intake_request(x, calls, AGENDA_READ_CALLS);
}

/* Schedules first: they only say what is to be done. */
static enum flow_result step_found(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    struct db_call calls[SCHEDULES_MOST];
    int64_t now_us = wallclock_now();
    agenda_take(&x->agenda, b, x->reply);
    size_t n = agenda_schedule_calls(b, x->reply->result[3], now_us, calls, SCHEDULES_MOST);
    x->due_empty = n || x->agenda.n || x->agenda.run ? 0 : x->due_empty + 1;
    if (n) {
        x->agenda.n = 0;
        x->agenda.run = false;
        fault_point("intake.due.schedule");
        return intake_request(x, calls, n);
    }
    if (!x->agenda.n && !x->agenda.run)
        return FLOW_DONE;
    x->agenda.run = x->agenda.run && !x->agenda.n;
    if (!x->agenda.run)
        return nothing_to_wait_for(x);
    calls[0] = agenda_candidates(&x->agenda, b, now_us);
    return intake_request(x, calls, 1);
}

/* ---- whom it is about */

static enum flow_result step_people(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    struct db_call calls[BATCH_PROFILE_CALLS + JOURNEY_READ_CALLS + 1];
    if (!x->agenda.n && !x->agenda.run)
        return FLOW_DONE;
    if (x->reply)
        agenda_take_candidates(&x->agenda, b, x->reply->result[0]);
    if (!b->n_customers)
        return nothing_to_wait_for(x);
    past_prepare_all(b);
    journey_rows_prepare_all(b);
    size_t n = batch_steps_profile(b, calls);
    n += journey_rows_read_calls(b, calls + n);
    if (past_read_call(b, &calls[n]))
        n++;
    return intake_request(x, calls, n);
}

static enum flow_result step_pasts(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    struct db_call calls[AGENDA_LOOK_CALLS + 1];
    size_t n = 0;
    if (!x->reply)
        return FLOW_NEXT;
    size_t at = journey_rows_take(b, x->reply, batch_steps_profiled(b, x->reply, INT64_MAX));
    if (at < x->reply->n)
        past_take_kept(b, x->reply->result[at]);
    x->created = past_history_call(b, &calls[n]);
    n += x->created;
    n += agenda_look_calls(&x->agenda, b, wallclock_now(), calls + n);
    return n ? intake_request(x, calls, n) : nothing_to_wait_for(x);
}

/* ---- deciding */

static void decide_items(struct intake *x, struct deciding *d, int64_t now_us) {
    struct batch *b = x->batch;
    for (size_t i = 0; i < x->agenda.n; i++) {
        struct agenda_item *item = &x->agenda.items[i];
        struct decisions found = {0};
        fault_point("intake.due.decide");
        if (!item->customer->profile.id)
            continue;
        past_show(b, item->customer);
        d->profile = &item->customer->profile;
        d->out = &found;
        bool refused =
            x->due_refused[0] && str_eq(str_from(x->due_refused), agenda_name(item, b->arena));
        agenda_decide(&x->agenda, item, d, refused ? x->refusal : NULL);
        intake_collect(x, item->customer, &found, now_us);
    }
}

/* A run goes on behind what the database refuses of it. */
static void decide_customers(struct intake *x, struct deciding *d, int64_t now_us) {
    struct batch *b = x->batch;
    if (!x->agenda.run || str_eq(str_from(x->due_refused), S("run")))
        return;
    for (size_t i = 0; i < b->n_customers; i++) {
        struct batch_customer *c = &b->customers[i];
        struct decisions found = {0};
        fault_point("intake.due.decide");
        if (!c->profile.id)
            continue;
        past_show(b, c);
        d->profile = &c->profile;
        d->out = &found;
        decide_run(d, x->agenda.campaign, x->agenda.run_us);
        intake_collect(x, c, &found, now_us);
    }
}

static enum flow_result step_decide(struct flow *f) {
    struct intake *x = f->owner;
    struct batch *b = x->batch;
    int64_t now_us = wallclock_now();
    struct deciding d = {
        .workspace = b->workspace, .now_us = now_us, .salt = x->secret, .arena = b->arena};
    if (x->reply) {
        if (x->created)
            past_take_history(b, x->reply->result[0]);
        agenda_take_looks(&x->agenda, b, x->reply, x->created);
    }
    intake_begin(x);
    decide_items(x, &d, now_us);
    decide_customers(x, &d, now_us);
    return FLOW_NEXT;
}

/* ---- writing */

static enum flow_result step_write(struct flow *f) {
    struct intake *x = f->owner;
    struct db_call calls[INTAKE_WRITE_CALLS];
    size_t n = 0;
    calls[n++] = (struct db_call){&st_hold, intake_fences(x)};
    if (x->agenda.run)
        calls[n++] = agenda_run_call(&x->agenda, x->batch);
    n = intake_write_calls(x, calls, n);
    fault_point("intake.due.before_commit");
    return intake_request(x, calls, n);
}

static enum flow_result step_written(struct flow *f) {
    struct intake *x = f->owner;
    fault_point("intake.due.after_commit");
    x->due_refused[0] = 0;
    if (x->due_limit < BATCH_MOST)
        x->due_limit *= 2;
    if (x->agenda.unknown)
        x->events.on_unknown(x->events.ctx);
    if (x->agenda.unknown && x->agenda.unknown == x->agenda.n)
        x->due_empty = 1; /* not before the engine has looked for their versions */
    intake_written(x);
    return FLOW_DONE;
}

const struct flow_step intake_due_steps[] = {
    {"look", step_look},       {"found", step_found},
    {"people", step_people},   {"pasts", step_pasts},
    {"decide", step_decide},   {"write", step_write},
    {"written", step_written}, {0},
};
