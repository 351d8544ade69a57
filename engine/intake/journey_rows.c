/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/journey_rows.h"

#include "base/json.h"
#include "engine/intake/profile_rows.h"
#include "engine/sql_text.h"

static const struct db_stmt st_enrolments = {"enrolment_read", sql_enrolment_read};
static const struct db_stmt st_timers = {"campaign_timer_read", sql_campaign_timer_read};
static const struct db_stmt st_enter = {"enrolment_insert", sql_enrolment_insert};
static const struct db_stmt st_move = {"enrolment_move", sql_enrolment_move};
static const struct db_stmt st_set = {"campaign_timer_set", sql_campaign_timer_set};
static const struct db_stmt st_drop = {"campaign_timer_drop", sql_campaign_timer_drop};

/* ---- whom it concerns */

static bool starts_journey(const struct campaign_set *rules, struct str event) {
    size_t n;
    const struct campaign *const *list = campaign_set_started_by(rules, event, &n);
    for (size_t i = 0; i < n; i++)
        if (list[i]->journey)
            return true;
    return false;
}

void journey_rows_prepare(struct batch *b) {
    const struct campaign_set *rules = &b->workspace->rules;
    for (size_t i = 0; i < b->n; i++) {
        const struct event *e = &b->events[i].event;
        struct batch_customer *c = b->events[i].customer;
        size_t timed;
        campaign_set_timed_by(rules, e->name, &timed);
        c->timed = c->timed || timed;
        c->in_journeys = c->in_journeys ||
                         (e->mode != EVENT_HISTORY &&
                          (campaign_set_awaits(rules, e->name) || starts_journey(rules, e->name) ||
                           (rules->any_journey && str_eq(e->name, S(EVENT_CUSTOMER_CHANGED)))));
        b->timers_asked = b->timers_asked || c->timed;
        b->enrolments_asked = b->enrolments_asked || c->in_journeys;
    }
}

void journey_rows_prepare_all(struct batch *b) {
    for (size_t i = 0; i < b->n_customers; i++)
        b->customers[i].timed = b->customers[i].in_journeys = true;
    b->timers_asked = b->enrolments_asked = b->n_customers > 0;
}

/* ---- reading */

static struct db_params *customers_of(struct batch *b, bool timers) {
    struct db_array *shards = db_array(b->arena, DB_INT2, b->n_customers);
    struct db_array *keys = db_array(b->arena, DB_TEXT, b->n_customers);
    for (size_t i = 0; i < b->n_customers; i++) {
        const struct batch_customer *c = &b->customers[i];
        if (timers ? !c->timed : !c->in_journeys)
            continue;
        db_array_int2(shards, (int16_t)c->shard);
        db_array_text(keys, c->profile.key);
    }
    struct db_params *p = db_params(b->arena);
    db_param_array(p, shards);
    db_param_array(p, keys);
    return p;
}

struct db_array *journey_rows_timed(const struct batch *b) {
    const struct campaign_set *rules = &b->workspace->rules;
    struct db_array *ids = db_array(b->arena, DB_TEXT, 0);
    for (size_t i = 0; i < rules->n_campaigns; i++)
        if (campaign_has_timer(rules->campaigns[i]))
            db_array_text(ids, rules->campaigns[i]->id);
    return ids;
}

size_t journey_rows_read_calls(struct batch *b, struct db_call *calls) {
    size_t n = 0;
    if (b->enrolments_asked)
        calls[n++] = (struct db_call){&st_enrolments, customers_of(b, false)};
    if (b->timers_asked) {
        struct db_params *p = customers_of(b, true);
        db_param_array(p, journey_rows_timed(b));
        calls[n++] = (struct db_call){&st_timers, p};
    }
    return n;
}

static struct str text(const struct batch *b, const struct db_result *r, size_t row, size_t col) {
    return db_is_null(r, row, col) ? STR_NONE : str_dup(b->arena, db_text(r, row, col));
}

static int64_t instant(const struct db_result *r, size_t row, size_t col, int64_t absent) {
    return db_is_null(r, row, col) ? absent : db_timestamptz(r, row, col);
}

static void take_event(const struct batch *b, const struct db_result *r, size_t i,
                       struct enrolment *n) {
    struct err ignored = ERR_INIT; /* said when the event was decided */
    n->has_event = !db_is_null(r, i, 6) && !db_is_null(r, i, 7);
    if (!n->has_event)
        return;
    n->event = (struct event){
        .id = db_int(r, i, 6), .name = text(b, r, i, 7), .occurred_us = db_timestamptz(r, i, 8)};
    if (db_is_null(r, i, 9) ||
        !json_parse(b->arena, db_json(r, i, 9), &n->event.properties, &ignored))
        n->event.properties = value_map(map_new(b->arena, 0));
}

static void take_enrolments(struct batch *b, const struct db_result *r) {
    for (size_t i = 0; i < db_rows(r); i++) {
        struct batch_customer *c = batch_by_id(b, db_int(r, i, 0));
        if (!c)
            continue;
        struct profile *p = &c->profile;
        p->enrolments = profile_rows_room(b, p->enrolments, p->n_enrolments, &p->cap_enrolments,
                                          sizeof *p->enrolments);
        struct enrolment *n = &p->enrolments[p->n_enrolments++];
        *n = (struct enrolment){
            .id = db_int(r, i, 1),
            .campaign_id = text(b, r, i, 2),
            .version = text(b, r, i, 3),
            .occurrence = text(b, r, i, 4),
            .entered_us = db_timestamptz(r, i, 5),
            .step = text(b, r, i, 10),
            .waiting = db_bool(r, i, 11),
            .wake_us = instant(r, i, 12, INT64_MAX),
            .variant = text(b, r, i, 13),
            .ended_us = instant(r, i, 14, 0),
            .end = text(b, r, i, 15),
        };
        n->campaign = campaign_set_version(&b->workspace->rules, n->campaign_id, n->version);
        take_event(b, r, i, n);
    }
}

static void take_timers(struct batch *b, const struct db_result *r) {
    for (size_t i = 0; i < db_rows(r); i++) {
        struct batch_customer *c = batch_by_id(b, db_int(r, i, 0));
        const struct campaign *campaign =
            campaign_set_version(&b->workspace->rules, db_text(r, i, 1), STR_NONE);
        if (!c || !campaign)
            continue;
        struct profile *p = &c->profile;
        p->timers = profile_rows_room(b, p->timers, p->n_timers, &p->cap_timers, sizeof *p->timers);
        p->timers[p->n_timers++] = (struct customer_timer){
            .campaign = campaign,
            .due_us = db_timestamptz(r, i, 2),
            .since_us = instant(r, i, 3, INT64_MIN),
            .event = {.id = db_int(r, i, 4)},
            .has_event = !db_is_null(r, i, 4),
        };
    }
}

size_t journey_rows_take(struct batch *b, const struct db_reply *reply, size_t at) {
    if (b->enrolments_asked)
        take_enrolments(b, reply->result[at++]);
    if (b->timers_asked)
        take_timers(b, reply->result[at++]);
    return at;
}

struct enrolment *journey_rows_enrolment(const struct batch_customer *c, int64_t id) {
    for (size_t i = 0; i < c->profile.n_enrolments; i++)
        if (c->profile.enrolments[i].id == id)
            return &c->profile.enrolments[i];
    return NULL;
}

struct customer_timer *journey_rows_timer(const struct batch_customer *c, struct str campaign) {
    for (size_t i = 0; i < c->profile.n_timers; i++)
        if (str_eq(c->profile.timers[i].campaign->id, campaign))
            return &c->profile.timers[i];
    return NULL;
}

/* ---- writing */

#define MOST_COLUMNS 17

struct columns {
    struct db_array *column[MOST_COLUMNS];
    size_t n;
};

static struct columns columns_new(struct arena *a, const enum db_type *types, size_t n) {
    struct columns c = {.n = n};
    for (size_t i = 0; i < n; i++)
        c.column[i] = db_array(a, types[i], 0);
    return c;
}

static size_t add_call(struct arena *a, const struct columns *c, const struct db_stmt *stmt,
                       struct db_call *calls, size_t n) {
    if (!db_array_count(c->column[0]))
        return n;
    struct db_params *p = db_params(a);
    for (size_t i = 0; i < c->n; i++)
        db_param_array(p, c->column[i]);
    calls[n] = (struct db_call){stmt, p};
    return n + 1;
}

static struct str text_of(struct str s) {
    return s.n ? s : S("");
}

static void add_event(const struct batch *b, struct db_array **c, const struct enrolment *n) {
    struct buf json = BUF_IN(b->arena);
    if (!n->has_event) {
        for (int i = 0; i < 4; i++)
            db_array_null(c[i]);
        return;
    }
    json_write(&json, value_is(n->event.properties, V_MAP) ? n->event.properties
                                                           : value_map(map_new(b->arena, 0)));
    db_array_int8(c[0], n->event.id);
    db_array_text(c[1], n->event.name);
    db_array_timestamptz(c[2], n->event.occurred_us);
    db_array_jsonb(c[3], buf_str(&json));
}

static void add_entry(const struct batch *b, struct db_array **c, const struct batch_customer *who,
                      const struct enrolment *n) {
    db_array_int2(c[0], (int16_t)who->shard);
    db_array_int8(c[1], who->profile.id);
    db_array_text(c[2], n->campaign_id);
    db_array_text(c[3], n->version);
    db_array_text(c[4], n->occurrence);
    db_array_timestamptz(c[5], n->entered_us);
    add_event(b, c + 6, n);
    db_array_text(c[10], text_of(n->step));
    db_array_bool(c[11], n->waiting);
    db_array_timestamptz_unless(c[12], n->wake_us, INT64_MAX);
    db_array_text_or_null(c[13], n->variant);
    db_array_timestamptz_unless(c[14], n->ended_us, 0);
    db_array_text_or_null(c[15], n->end);
    db_array_text_or_null(c[16], n->end_detail);
}

static void add_move(struct db_array **c, int shard, const struct enrolment *n) {
    db_array_int2(c[0], (int16_t)shard);
    db_array_int8(c[1], n->id);
    db_array_text(c[2], n->version);
    db_array_text(c[3], text_of(n->step));
    db_array_bool(c[4], n->waiting);
    db_array_timestamptz_unless(c[5], n->wake_us, INT64_MAX);
    db_array_text_or_null(c[6], n->variant);
    db_array_timestamptz_unless(c[7], n->ended_us, 0);
    db_array_text_or_null(c[8], n->end);
    db_array_text_or_null(c[9], n->end_detail);
}

/* A timer that waits for nothing and counts from nothing goes. */
static void add_timer(struct columns *set, struct columns *drop, const struct batch_customer *who,
                      const struct customer_timer *t) {
    bool idle = t->due_us == INT64_MAX && t->since_us == INT64_MIN;
    struct db_array **c = idle ? drop->column : set->column;
    db_array_int2(c[0], (int16_t)who->shard);
    db_array_int8(c[1], who->profile.id);
    db_array_text(c[2], t->campaign->id);
    if (idle)
        return;
    db_array_timestamptz(c[3], t->due_us);
    db_array_timestamptz_unless(c[4], t->since_us, INT64_MIN);
    if (t->has_event)
        db_array_int8(c[5], t->event.id);
    else
        db_array_null(c[5]);
}

size_t journey_rows_write_calls(struct batch *b, struct db_call *calls, size_t n) {
    static const enum db_type enter[] = {
        DB_INT2,        DB_INT8, DB_TEXT,        DB_TEXT,  DB_TEXT, DB_TIMESTAMPTZ,
        DB_INT8,        DB_TEXT, DB_TIMESTAMPTZ, DB_JSONB, DB_TEXT, DB_BOOL,
        DB_TIMESTAMPTZ, DB_TEXT, DB_TIMESTAMPTZ, DB_TEXT,  DB_TEXT};
    static const enum db_type move[] = {DB_INT2,        DB_INT8, DB_TEXT,        DB_TEXT, DB_BOOL,
                                        DB_TIMESTAMPTZ, DB_TEXT, DB_TIMESTAMPTZ, DB_TEXT, DB_TEXT};
    static const enum db_type timer[] = {DB_INT2,        DB_INT8,        DB_TEXT,
                                         DB_TIMESTAMPTZ, DB_TIMESTAMPTZ, DB_INT8};
    struct columns entered = columns_new(b->arena, enter, 17);
    struct columns moved = columns_new(b->arena, move, 10);
    struct columns set = columns_new(b->arena, timer, 6), drop = columns_new(b->arena, timer, 3);
    for (size_t i = 0; i < b->n_customers; i++) {
        const struct batch_customer *c = &b->customers[i];
        for (size_t k = 0; k < c->profile.n_enrolments; k++) {
            const struct enrolment *x = &c->profile.enrolments[k];
            if (x->changed && x->id)
                add_move(moved.column, c->shard, x);
            else if (x->changed)
                add_entry(b, entered.column, c, x);
        }
        for (size_t k = 0; k < c->profile.n_timers; k++)
            if (c->profile.timers[k].changed)
                add_timer(&set, &drop, c, &c->profile.timers[k]);
    }
    n = add_call(b->arena, &moved, &st_move, calls, n); /* who leaves may enter again */
    n = add_call(b->arena, &entered, &st_enter, calls, n);
    n = add_call(b->arena, &set, &st_set, calls, n);
    return add_call(b->arena, &drop, &st_drop, calls, n);
}
