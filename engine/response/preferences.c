/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/preferences.h"

#include "base/arena.h"
#include "base/fault.h"
#include "engine/sql_text.h"

static const struct db_stmt st_read = {"preferences_read", sql_preferences_read};
static const struct db_stmt st_consents = {"preferences_consents", sql_preferences_consents};
static const struct db_stmt st_set = {"preferences_set", sql_preferences_set};
static const struct db_stmt st_confirm = {"preferences_confirm",
                                          "select godwit.confirm_consent($1, $2)"};

/* One request, in its own arena. */
struct job {
    struct arena *arena;
    struct db_params *params;
    void *ctx;
    preferences_set_fn set_done;
    preferences_read_fn read_done;
    preferences_confirm_fn confirm_done;
    const struct settings_topic *topics; /* to read */
    size_t n;
};

/* ---- ends */

static bool subscribed(const struct db_result *r, const struct settings_topic *t) {
    bool state = t->subscribed;
    int64_t latest = 0;
    for (size_t i = 0; i < db_rows(r); i++) {
        struct str topic = db_text(r, i, 0);
        if (!str_eq(topic, t->name) && !str_eq(topic, S("*")))
            continue;
        if (db_int(r, i, 1) > latest) {
            latest = db_int(r, i, 1);
            state = db_bool(r, i, 2);
        }
    }
    return state;
}

static void give_state(struct job *j, const struct db_reply *reply) {
    const struct db_result *m = reply->result[0];
    struct preferences_state s = {.found = db_rows(m) > 0};
    bool *list = ARENA_ARRAY(j->arena, bool, j->n + 1);
    for (size_t i = 0; i < j->n; i++)
        list[i] = subscribed(reply->result[1], &j->topics[i]);
    s.subscribed = list;
    if (s.found) {
        s.topic = db_text(m, 0, 1);
        s.locale = db_text(m, 0, 2);
    }
    j->read_done(j->ctx, NULL, &s);
}

static void on_read(void *ctx, const struct err *e, const struct db_reply *reply) {
    struct job *j = ctx;
    if (e)
        j->read_done(j->ctx, e, NULL);
    else
        give_state(j, reply);
    arena_free(j->arena);
}

static void on_set(void *ctx, const struct err *e, const struct db_reply *reply) {
    struct job *j = ctx;
    (void)reply;
    if (!e)
        fault_point("preferences.committed");
    j->set_done(j->ctx, e);
    arena_free(j->arena);
}

static void on_confirmed(void *ctx, const struct err *e, const struct db_reply *reply) {
    static const char *const words[] = {"confirmed", "already", "gone"};
    struct job *j = ctx;
    enum preferences_confirmed what = PREFERENCES_UNKNOWN;
    if (!e)
        fault_point("preferences.committed");
    for (int i = 0; !e && i < 3; i++)
        if (str_eq(db_text(reply->result[0], 0, 0), str_from(words[i])))
            what = (enum preferences_confirmed)i;
    j->confirm_done(j->ctx, e, what);
    arena_free(j->arena);
}

/* ---- requests */

static struct job *new_job(int shard, int64_t message, void *ctx) {
    struct arena *a = arena_new(2048);
    struct job *j = ARENA_NEW(a, struct job);
    *j = (struct job){.arena = a, .params = db_params(a), .ctx = ctx};
    db_param_int2(j->params, (int16_t)shard);
    db_param_int8(j->params, message);
    return j;
}

void preferences_read(struct patient *p, int shard, int64_t message,
                      const struct settings_topic *topics, size_t n, preferences_read_fn done,
                      void *ctx) {
    struct job *j = new_job(shard, message, ctx);
    const struct db_call calls[] = {{&st_read, j->params}, {&st_consents, j->params}};
    j->read_done = done;
    j->topics = topics;
    j->n = n;
    patient_ask(p, calls, 2, on_read, j);
}

void preferences_set(struct patient *p, int shard, int64_t message,
                     const struct preferences_wish *wish, preferences_set_fn done, void *ctx) {
    struct job *j = new_job(shard, message, ctx);
    size_t n = wish->own_topic ? 1 : wish->n;
    struct db_array *topics = db_array(j->arena, DB_TEXT, n);
    struct db_array *states = db_array(j->arena, DB_BOOL, n);
    struct db_array *defaults = db_array(j->arena, DB_BOOL, n);
    for (size_t i = 0; i < n; i++) {
        if (!wish->own_topic)
            db_array_text(topics, wish->topics[i]);
        db_array_bool(states, !wish->own_topic && wish->subscribed[i]);
        db_array_bool(defaults, wish->own_topic || wish->by_default[i]);
    }
    db_param_text(j->params, wish->source);
    db_param_array(j->params, topics);
    db_param_array(j->params, states);
    db_param_array(j->params, defaults);
    j->set_done = done;
    const struct db_call call = {&st_set, j->params};
    patient_ask(p, &call, 1, on_set, j);
}

void preferences_confirm(struct patient *p, int shard, int64_t message, preferences_confirm_fn done,
                         void *ctx) {
    struct job *j = new_job(shard, message, ctx);
    const struct db_call call = {&st_confirm, j->params};
    j->confirm_done = done;
    patient_ask(p, &call, 1, on_confirmed, j);
}
