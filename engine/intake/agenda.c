/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/agenda.h"

#include "base/calendar.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/condition_sql.h"
#include "engine/intake/journey_rows.h"
#include "engine/sql_text.h"

#include <inttypes.h>
#include <stdlib.h>

#define PROPERTIES_MOST 1000000

static const struct db_stmt st_hold = {"due_hold", sql_due_hold};
static const struct db_stmt st_due = {"due_read", sql_due_read};
static const struct db_stmt st_run = {"run_due", sql_run_due};
static const struct db_stmt st_schedules = {"schedule_due", sql_schedule_due};
static const struct db_stmt st_schedule = {"schedule_run", sql_schedule_run};
static const struct db_stmt st_run_move = {"run_move", sql_run_move};
static const struct db_stmt st_run_done = {"run_done", sql_run_done};
static const struct db_stmt st_known = {"campaign_timer_event", sql_campaign_timer_event};
static const struct db_stmt st_last = {"campaign_timer_last", sql_campaign_timer_last};

/* ---- what is due */

static struct db_array *members_of(const struct batch *b) {
    struct db_array *shards = db_array(b->arena, DB_INT2, SHARDS);
    for (int i = 0; i < SHARDS; i++)
        if (b->members >> i & 1)
            db_array_int2(shards, (int16_t)i);
    return shards;
}

static struct db_params *shards_and_now(struct batch *b, int64_t now_us) {
    struct db_params *p = db_params(b->arena);
    db_param_array(p, members_of(b));
    db_param_timestamptz(p, now_us);
    return p;
}

static struct db_array *runs_of(const struct batch *b) {
    const struct campaign_set *rules = &b->workspace->rules;
    struct db_array *ids = db_array(b->arena, DB_TEXT, 0);
    for (size_t i = 0; i < rules->n_campaigns; i++)
        if (campaign_has_runs(rules->campaigns[i]))
            db_array_text(ids, rules->campaigns[i]->id);
    return ids;
}

void agenda_read_calls(struct batch *b, int64_t now_us, size_t most, struct db_call *calls) {
    struct db_params *due = shards_and_now(b, now_us), *run = shards_and_now(b, now_us);
    struct db_params *now = db_params(b->arena);
    db_param_int8(due, (int64_t)most);
    db_param_array(due, journey_rows_timed(b));
    db_param_array(run, runs_of(b));
    db_param_timestamptz(now, now_us);
    calls[0] = (struct db_call){&st_hold, shards_and_now(b, now_us)};
    calls[1] = (struct db_call){&st_due, due};
    calls[2] = (struct db_call){&st_run, run};
    calls[3] = (struct db_call){&st_schedules, now};
}

static int by_time(const void *pa, const void *pb) {
    const struct agenda_item *a = pa, *b = pb;
    if (a->due_us != b->due_us)
        return a->due_us < b->due_us ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind == AGENDA_TIMER ? -1 : 1;
    int c = str_cmp(a->campaign, b->campaign);
    return c ? c : (a->id > b->id) - (a->id < b->id);
}

static void take_run(struct agenda *x, const struct batch *b, const struct db_result *r) {
    if (!db_rows(r))
        return;
    x->campaign = campaign_set_version(&b->workspace->rules, db_text(r, 0, 0), STR_NONE);
    x->run = true;
    x->run_us = db_timestamptz(r, 0, 1);
    x->run_shard = (int)db_int(r, 0, 2);
    x->run_after = db_int(r, 0, 3);
}

void agenda_take(struct agenda *x, struct batch *b, const struct db_reply *reply) {
    const struct db_result *r = reply->result[1];
    size_t most = x->most;
    *x = (struct agenda){.n = db_rows(r), .most = most};
    take_run(x, b, reply->result[2]);
    batch_prepare(b, x->n + most);
    x->items = ARENA_ARRAY(b->arena, struct agenda_item, x->n + 1);
    for (size_t i = 0; i < x->n; i++) {
        struct batch_customer *c = batch_customer(b, (int)db_int(r, i, 1), db_text(r, i, 3));
        x->items[i] = (struct agenda_item){
            .kind = db_int(r, i, 0) ? AGENDA_TIMER : AGENDA_ENROLMENT,
            .customer = c,
            .id = db_int(r, i, 4),
            .campaign = str_dup(b->arena, db_text(r, i, 5)),
            .due_us = db_timestamptz(r, i, 6),
        };
    }
    if (x->n)
        qsort(x->items, x->n, sizeof *x->items, by_time);
}

/* ---- schedules */

/* One run for all instants that passed: for the newest. */
static struct db_call run_of(struct batch *b, const struct campaign *c, int64_t was_us,
                             int64_t now_us, bool *skipped) {
    const struct zone *z = b->workspace->settings.zone;
    int64_t at = was_us, next = INT64_MAX, missed = 0;
    if (c->trigger.kind == TRIGGER_SCHEDULE)
        while ((next = cron_next(c->trigger.cron, z, at)) <= now_us) {
            at = next;
            missed++;
        }
    *skipped = c->past_due == PAST_DUE_SKIP && now_us - at > CAMPAIGN_LATE_US;
    struct db_params *p = db_params(b->arena);
    db_param_text(p, c->id);
    db_param_timestamptz(p, was_us);
    db_param_timestamptz(p, at);
    db_param_int4(p, (int32_t)missed);
    db_param_timestamptz(p, next);
    return (struct db_call){&st_schedule, p};
}

static struct db_call pass_over(struct batch *b, const struct campaign *c, int64_t was_us,
                                int64_t now_us) {
    static const struct db_stmt st = {"schedule_pass",
                                      "update godwit.schedules set next_at = $3 "
                                      "where campaign = $1::text and next_at = $2::timestamptz"};
    struct db_params *p = db_params(b->arena);
    db_param_text(p, c->id);
    db_param_timestamptz(p, was_us);
    db_param_timestamptz(p, c->trigger.kind == TRIGGER_SCHEDULE
                                ? cron_next(c->trigger.cron, b->workspace->settings.zone, now_us)
                                : INT64_MAX);
    return (struct db_call){&st, p};
}

size_t agenda_schedule_calls(struct batch *b, const struct db_result *r, int64_t now_us,
                             struct db_call *calls, size_t most) {
    size_t n = 0;
    for (size_t i = 0; i < db_rows(r) && n < most; i++) {
        const struct campaign *c =
            campaign_set_version(&b->workspace->rules, db_text(r, i, 0), STR_NONE);
        int64_t was = db_timestamptz(r, i, 1);
        bool skipped;
        if (!c || !campaign_has_runs(c)) /* another engine's file */
            continue;
        calls[n] = run_of(b, c, was, now_us, &skipped);
        if (skipped) {
            calls[n] = pass_over(b, c, was, now_us);
            log_warn("schedule passed while no engine ran; the campaign says `past_due: skip`",
                     LOG_S("campaign", c->name));
        }
        n++;
    }
    return n;
}

/* ---- a run: everybody of a shard, in the order of their ids */

/* A superset of the audience. What a campaign looks at is as of the run. */
struct db_call agenda_candidates(struct agenda *x, struct batch *b, int64_t now_us) {
    struct cel_sql where = {.text = S("true")};
    int64_t at_us = now_us - x->run_us > CAMPAIGN_LATE_US ? now_us : x->run_us;
    if (x->campaign->audience)
        where = condition_sql(b->workspace, x->campaign->audience, at_us, 4, b->arena);
    struct str sql = str_printf(b->arena,
                                "select c.id, c.key" CONDITION_SQL_FROM
                                " where c.shard = $1::smallint and c.id > $2::bigint "
                                "and (%.*s) order by c.id limit $3::bigint",
                                STR_FMT(where.text));
    struct db_stmt *stmt = ARENA_NEW(b->arena, struct db_stmt);
    *stmt = (struct db_stmt){NULL, str_cstr(b->arena, sql)};
    struct db_params *p = db_params(b->arena);
    db_param_int2(p, (int16_t)x->run_shard);
    db_param_int8(p, x->run_after);
    db_param_int8(p, (int64_t)x->most);
    for (size_t i = 0; i < where.n_params; i++)
        db_param_text(p, where.params[i]);
    return (struct db_call){stmt, p};
}

void agenda_take_candidates(struct agenda *x, struct batch *b, const struct db_result *r) {
    x->looked_at = db_rows(r);
    for (size_t i = 0; i < x->looked_at; i++) {
        batch_customer(b, x->run_shard, db_text(r, i, 1));
        x->run_after = db_int(r, i, 0);
    }
}

struct db_call agenda_run_call(const struct agenda *x, struct batch *b) {
    bool done = x->looked_at < x->most;
    struct db_params *p = db_params(b->arena);
    db_param_text(p, x->campaign->id);
    db_param_timestamptz(p, x->run_us);
    db_param_int2(p, (int16_t)x->run_shard);
    if (!done)
        db_param_int8(p, x->run_after);
    return (struct db_call){done ? &st_run_done : &st_run_move, p};
}

/* ---- the events that timers count from */

size_t agenda_look_calls(struct agenda *x, struct batch *b, int64_t now_us, struct db_call *calls) {
    struct db_array *shards = db_array(b->arena, DB_INT2, 0), *ids = db_array(b->arena, DB_INT8, 0);
    struct db_array *of = db_array(b->arena, DB_INT2, 0), *keys = db_array(b->arena, DB_TEXT, 0);
    struct db_array *names = db_array(b->arena, DB_TEXT, 0);
    size_t n = 0;
    x->known = ARENA_ARRAY(b->arena, struct agenda_item *, x->n + 1);
    x->sought = ARENA_ARRAY(b->arena, struct agenda_item *, x->n + 1);
    for (size_t i = 0; i < x->n; i++) {
        struct agenda_item *item = &x->items[i];
        const struct customer_timer *t =
            item->kind == AGENDA_TIMER ? journey_rows_timer(item->customer, item->campaign) : NULL;
        if (t && t->due_us == INT64_MIN && t->campaign->trigger.event.n) {
            x->sought[x->n_sought++] = item;
            db_array_int2(of, (int16_t)item->customer->shard);
            db_array_text(keys, item->customer->profile.key);
            db_array_text(names, t->campaign->trigger.event);
        } else if (t && t->has_event) {
            x->known[x->n_known++] = item;
            db_array_int2(shards, (int16_t)item->customer->shard);
            db_array_int8(ids, t->event.id);
        }
    }
    if (x->n_known) {
        struct db_params *p = db_params(b->arena);
        db_param_array(p, shards);
        db_param_array(p, ids);
        db_param_int8(p, PROPERTIES_MOST);
        calls[n++] = (struct db_call){&st_known, p};
    }
    if (x->n_sought) {
        struct db_params *p = db_params(b->arena);
        db_param_array(p, of);
        db_param_array(p, keys);
        db_param_array(p, names);
        db_param_timestamptz(p, now_us);
        db_param_int8(p, PROPERTIES_MOST);
        calls[n++] = (struct db_call){&st_last, p};
    }
    return n;
}

static struct event event_of(struct batch *b, const struct db_result *r, size_t i) {
    struct err ignored = ERR_INIT; /* said when the event was decided */
    struct event e = {.id = db_int(r, i, 1),
                      .name = str_dup(b->arena, db_text(r, i, 2)),
                      .occurred_us = db_timestamptz(r, i, 3),
                      .mode = EVENT_HISTORY};
    if (db_is_null(r, i, 4) || !json_parse(b->arena, db_json(r, i, 4), &e.properties, &ignored))
        e.properties = value_map(map_new(b->arena, 0));
    return e;
}

/* An event that is not kept any more leaves the timer without one. */
static void take_known(struct agenda *x, struct batch *b, const struct db_result *r) {
    for (size_t i = 0; i < x->n_known; i++)
        journey_rows_timer(x->known[i]->customer, x->known[i]->campaign)->has_event = false;
    for (size_t i = 0; i < db_rows(r); i++) {
        const struct agenda_item *item = x->known[db_int(r, i, 0) - 1];
        struct customer_timer *t = journey_rows_timer(item->customer, item->campaign);
        t->event = event_of(b, r, i);
        t->has_event = true;
    }
}

void agenda_take_looks(struct agenda *x, struct batch *b, const struct db_reply *reply, size_t at) {
    if (x->n_known)
        take_known(x, b, reply->result[at++]);
    if (!x->n_sought)
        return;
    const struct db_result *r = reply->result[at];
    for (size_t i = 0; i < db_rows(r); i++) {
        struct agenda_item *item = x->sought[db_int(r, i, 0) - 1];
        item->last = event_of(b, r, i);
        item->has_last = true;
    }
}

/* ---- deciding */

struct str agenda_name(const struct agenda_item *item, struct arena *a) {
    return str_printf(a, "%d/%d/%" PRId64 "/%.*s", (int)item->kind, item->customer->shard,
                      item->kind == AGENDA_TIMER ? item->customer->profile.id : item->id,
                      STR_FMT(item->campaign));
}

/* Its campaign goes on, and its version is kept but was not read. */
static bool is_unknown(const struct workspace *w, const struct enrolment *n) {
    return !n->campaign && campaign_set_version(&w->rules, n->campaign_id, STR_NONE) &&
           !workspace_is_unreadable(w, n->campaign_id, n->version);
}

static void decide_enrolment(struct agenda *x, struct agenda_item *item, struct deciding *d,
                             const char *refused) {
    struct enrolment *n = journey_rows_enrolment(item->customer, item->id);
    if (!n || n->ended_us || n->wake_us > d->now_us)
        return; /* something else that was due has moved it */
    if (refused) {
        n->ended_us = d->now_us;
        n->wake_us = INT64_MAX;
        n->waiting = false;
        n->end = S("error");
        n->end_detail = str_dup(d->arena, str_from(refused));
        n->changed = true;
    } else if (is_unknown(d->workspace, n)) {
        x->unknown++;
    } else {
        decide_wake(d, n);
    }
}

static void decide_due_timer(struct agenda_item *item, struct deciding *d, const char *refused) {
    struct customer_timer *t = journey_rows_timer(item->customer, item->campaign);
    if (!t || t->due_us > d->now_us)
        return;
    if (refused) {
        t->due_us = INT64_MAX;
        t->changed = true;
    } else if (t->due_us == INT64_MIN) {
        decide_arm_timer(d, t->campaign, item->has_last ? &item->last : NULL);
    } else {
        decide_timer(d, t);
    }
}

void agenda_decide(struct agenda *x, struct agenda_item *item, struct deciding *d,
                   const char *refused) {
    if (item->kind == AGENDA_ENROLMENT)
        decide_enrolment(x, item, d, refused);
    else
        decide_due_timer(item, d, refused);
}
