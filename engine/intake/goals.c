/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/goals.h"

#include "base/json.h"
#include "engine/decide/attribution.h"
#include "engine/sql_text.h"

static const struct db_stmt st_read = {"goal_messages", sql_goal_messages};
static const struct db_stmt st_write = {"conversion_insert", sql_conversion_insert};

/* ---- reading */

static bool is_goal(const struct batch *b, const struct batch_event *x) {
    return campaign_set_is_goal(&b->workspace->rules, x->event.name);
}

bool goals_read_call(struct batch *b, struct db_call *out) {
    if (!b->workspace->rules.longest_goal_us)
        return false;
    struct db_array *shards = db_array(b->arena, DB_INT2, 0);
    struct db_array *keys = db_array(b->arena, DB_TEXT, 0);
    struct db_array *events = db_array(b->arena, DB_INT8, 0);
    struct db_array *instants = db_array(b->arena, DB_TIMESTAMPTZ, 0);
    for (size_t i = 0; i < b->n; i++) {
        const struct batch_event *x = &b->events[i];
        if (!is_goal(b, x))
            continue;
        db_array_int2(shards, (int16_t)x->customer->shard);
        db_array_text(keys, x->customer->profile.key);
        db_array_int8(events, x->event.id);
        db_array_timestamptz(instants, x->event.occurred_us);
    }
    if (!db_array_count(shards))
        return false;
    struct db_params *p = db_params(b->arena);
    db_param_array(p, shards);
    db_param_array(p, keys);
    db_param_array(p, events);
    db_param_array(p, instants);
    db_param_int8(p, b->workspace->rules.longest_goal_us);
    *out = (struct db_call){&st_read, p};
    return true;
}

static int64_t instant(const struct db_result *r, size_t row, size_t col) {
    return db_is_null(r, row, col) ? ATTRIBUTION_NEVER : db_timestamptz(r, row, col);
}

static struct attribution_message message_of(struct batch *b, const struct db_result *r,
                                             size_t row) {
    return (struct attribution_message){.id = db_int(r, row, 1),
                                        .campaign = str_dup(b->arena, db_text(r, row, 2)),
                                        .held_out = db_bool(r, row, 3),
                                        .at_us = db_timestamptz(r, row, 4),
                                        .first_open_us = instant(r, row, 5),
                                        .last_open_us = instant(r, row, 6),
                                        .first_click_us = instant(r, row, 7),
                                        .last_click_us = instant(r, row, 8)};
}

/* The rows name the events by their place among those that were asked about, in order. */
void goals_take(struct batch *b, const struct db_result *r) {
    size_t rows = db_rows(r), row = 0;
    int64_t asked = 0;
    struct attribution_message *list = ARENA_ARRAY(b->arena, struct attribution_message, rows + 1);
    for (size_t i = 0; i < rows; i++)
        list[i] = message_of(b, r, i);
    for (size_t i = 0; i < b->n && row < rows; i++) {
        struct batch_event *x = &b->events[i];
        if (!is_goal(b, x))
            continue;
        asked++;
        x->messages = list + row;
        for (; row < rows && db_int(r, row, 0) == asked; row++)
            x->n_messages++;
    }
}

/* ---- crediting */

enum { COLUMNS = 9 };

static struct db_array **columns(struct batch *b) {
    static const enum db_type types[COLUMNS] = {DB_INT2, DB_INT8, DB_INT8, DB_TEXT, DB_TIMESTAMPTZ,
                                                DB_INT8, DB_TEXT, DB_INT8, DB_JSONB};
    if (!b->credits) {
        b->credits = arena_alloc(b->arena, COLUMNS * sizeof *b->credits);
        for (size_t i = 0; i < COLUMNS; i++)
            b->credits[i] = db_array(b->arena, types[i], 0);
    }
    return b->credits;
}

static struct str details_of(struct batch *b, const struct batch_event *x,
                             const struct attribution_credit *credit, struct str why) {
    struct buf out = BUF_IN(b->arena);
    struct map *m = map_new(b->arena, 3);
    map_set_str(b->arena, m, S("event"), value_str(x->event.name));
    map_set_str(b->arena, m, S("touch"),
                value_str(str_from(attribution_touch_name(credit->touch))));
    if (why.n)
        map_set_str(b->arena, m, S("no_value"), value_str(why));
    json_write(&out, value_map(m));
    return buf_str(&out);
}

static void add_credit(struct batch *b, const struct batch_event *x, const struct campaign *c,
                       const struct attribution_credit *credit, size_t parts, struct str value,
                       struct str why) {
    struct db_array **column = columns(b);
    db_array_int2(column[0], (int16_t)x->customer->shard);
    db_array_int8(column[1], credit->message);
    db_array_int8(column[2], x->customer->profile.id);
    db_array_text(column[3], c->id);
    db_array_timestamptz(column[4], x->event.occurred_us);
    db_array_int8(column[5], x->event.id);
    db_array_text(column[6], value.n ? value : STR_NONE);
    db_array_int8(column[7], (int64_t)parts);
    db_array_jsonb(column[8], details_of(b, x, credit, why));
}

/* One campaign's messages. */
static void credit_campaign(struct batch *b, const struct batch_event *x,
                            const struct attribution_message *messages, size_t n,
                            struct match_scope *scope) {
    const struct campaign *c = campaign_set_by_id(&b->workspace->rules, messages[0].campaign);
    if (!c || !str_eq(c->goal.event, x->event.name))
        return;
    struct attribution_credit *credits = ARENA_ARRAY(b->arena, struct attribution_credit, n);
    size_t found = attribution_credits(&c->goal, x->event.occurred_us, messages, n, credits);
    if (!found)
        return;
    if (!scope->arena)
        match_scope_init(scope, b->workspace, &x->customer->profile, &x->event,
                         x->event.occurred_us, b->arena);
    struct str why, value = attribution_value(scope, &c->goal, &why);
    for (size_t i = 0; i < found; i++)
        add_credit(b, x, c, &credits[i], found, value, why);
}

void goals_credit(struct batch *b, const struct batch_event *x) {
    struct match_scope scope = {.arena = NULL};
    for (size_t from = 0, upto; from < x->n_messages; from = upto) {
        for (upto = from + 1; upto < x->n_messages; upto++)
            if (!str_eq(x->messages[upto].campaign, x->messages[from].campaign))
                break;
        credit_campaign(b, x, x->messages + from, upto - from, &scope);
    }
}

/* ---- writing */

bool goals_write_call(struct batch *b, struct db_call *out) {
    if (!b->credits)
        return false;
    struct db_params *p = db_params(b->arena);
    for (size_t i = 0; i < COLUMNS; i++)
        db_param_array(p, b->credits[i]);
    *out = (struct db_call){&st_write, p};
    return true;
}
