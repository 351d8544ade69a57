/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/explain.h"

#include "engine/intake/batch_steps.h"
#include "engine/intake/past.h"
#include "engine/sql_text.h"

static const struct db_stmt st_event = {"explain_event", sql_explain_event};

/* The names of the events that start the campaigns in question. */
static struct db_array *names_of(struct arena *a, const struct workspace *w,
                                 const struct campaign *only) {
    struct db_array *names = db_array(a, DB_TEXT, w->rules.n_campaigns);
    struct map *seen = map_new(a, 0);
    for (size_t i = 0; i < w->rules.n_campaigns; i++) {
        const struct campaign *c = w->rules.campaigns[i];
        if ((only && c != only) || c->trigger.kind != TRIGGER_EVENT ||
            map_get_str(seen, c->trigger.event))
            continue;
        map_set_str(a, seen, c->trigger.event, value_bool(true));
        db_array_text(names, c->trigger.event);
    }
    return names;
}

static bool customer_exists(struct dbsync *db, struct batch *b, struct str customer,
                            struct err *e) {
    static const struct db_stmt st = {
        NULL, "select exists (select from godwit.customers where shard = godwit.shard_of($1) "
              "and key = $1)"};
    struct db_reply *reply;
    struct db_params *p = db_params(b->arena);
    db_param_text(p, customer);
    if (!dbsync_query(db, &st, p, &reply, e))
        return false;
    bool there = db_bool(reply->result[0], 0, 0);
    db_reply_free(reply);
    return there || err_set(e, ERR_INPUT, "there is no customer `%.*s`", STR_FMT(customer));
}

/* The profile as it was for the batch's one event. */
static bool load_profile(struct dbsync *db, struct batch *b, struct err *e) {
    struct db_call calls[BATCH_PROFILE_CALLS];
    size_t n = batch_steps_profile(b, calls);
    struct db_reply *reply;
    struct db_call history;
    if (!dbsync_run(db, calls, n, &reply, e))
        return false;
    batch_steps_profiled(b, reply, b->events[0].event.id);
    db_reply_free(reply);
    past_prepare(b);
    b->customers[0].live = true;
    if (past_history_call(b, &history)) {
        if (!dbsync_run(db, &history, 1, &reply, e))
            return false;
        past_take_history(b, reply->result[0]);
        db_reply_free(reply);
    }
    past_append(b, &b->events[0]);
    return true;
}

static bool explain_row(struct dbsync *db, struct batch *b, const struct db_result *r, size_t row,
                        struct str secret, struct arena *a, struct explained *list, size_t n,
                        struct err *e) {
    batch_take_row(b, r, row);
    if (!load_profile(db, b, e))
        return false;
    struct batch_event *x = &b->events[0];
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(list[i].campaign->trigger.event, x->event.name))
            continue;
        list[i].found = true;
        list[i].event = x->event;
        list[i].profile = &x->customer->profile;
        list[i].refused = x->refused;
        list[i].recorded_us = db_timestamptz(r, row, 10);
        struct deciding d = {.workspace = b->workspace,
                             .profile = &x->customer->profile,
                             .now_us = list[i].recorded_us,
                             .salt = secret,
                             .arena = a};
        decide_explain(&d, list[i].campaign, &x->event, &list[i].explanation);
    }
    return true;
}

bool explain_customer(struct dbsync *db, struct workspace *w, struct str customer,
                      const struct campaign *campaign, int64_t at_us, struct str secret,
                      struct arena *a, struct explained **out, size_t *n, struct err *e) {
    *out = ARENA_ARRAY(a, struct explained, w->rules.n_campaigns + 1);
    *n = 0;
    for (size_t i = 0; i < w->rules.n_campaigns; i++)
        if (!campaign || campaign == w->rules.campaigns[i])
            (*out)[(*n)++].campaign = w->rules.campaigns[i];
    struct batch b = {.arena = a, .workspace = w};
    struct db_reply *reply = NULL;
    struct db_params *p = db_params(a);
    db_param_text(p, customer);
    db_param_array(p, names_of(a, w, campaign));
    db_param_timestamptz(p, at_us);
    bool ok = customer_exists(db, &b, customer, e) && dbsync_query(db, &st_event, p, &reply, e);
    for (size_t i = 0; ok && i < db_rows(reply->result[0]); i++)
        ok = explain_row(db, &b, reply->result[0], i, secret, a, *out, *n, e);
    db_reply_free(reply);
    cursor_clear(&b.from);
    cursor_clear(&b.to);
    return ok;
}
