/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/preferences.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/io/db.h"
#include "base/log.h"
#include "engine/session.h"
#include "engine/sql_text.h"

#include <stdlib.h>

#define PATIENCE_MS 8000 /* an HTTP client waits longer than this */
#define AGAIN_MS 50
#define REQUESTS 4096

static const struct db_stmt st_read = {"preferences_read", sql_preferences_read};
static const struct db_stmt st_consents = {"preferences_consents", sql_preferences_consents};
static const struct db_stmt st_set = {"preferences_set", sql_preferences_set};

/* One request: made, and made again while the database is away. */
struct job {
    struct job *next; /* among those that wait to be made again */
    struct preferences *owner;
    struct arena *arena;
    const struct db_params *params;
    uint64_t until; /* loop time */
    void *ctx;
    preferences_set_fn set_done; /* or, to read: */
    preferences_read_fn read_done;
    const struct settings_topic *topics;
    size_t n;
};

struct preferences {
    struct db *db;
    uv_timer_t timer;
    struct job *again;
    size_t waiting;
    bool closed;
    int closing;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
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

static void end(struct job *j, const struct err *e, const struct db_reply *reply) {
    j->owner->waiting--;
    if (j->set_done)
        j->set_done(j->ctx, e);
    else if (e)
        j->read_done(j->ctx, e, NULL);
    else
        give_state(j, reply);
    arena_free(j->arena);
}

static void make(struct job *j);

static void on_timer(uv_timer_t *t) {
    struct preferences *p = t->data;
    struct job *list = p->again;
    p->again = NULL;
    while (list) {
        struct job *next = list->next;
        make(list);
        list = next;
    }
}

/* Setting a preference twice is setting it once: it is tried again whatever became of it. */
static void later(struct job *j, const struct err *e) {
    struct preferences *p = j->owner;
    if (p->closed || e->kind != ERR_TEMPORARY || uv_now(p->timer.loop) >= j->until) {
        if (e->kind != ERR_TEMPORARY)
            log_error("preferences could not be read or written",
                      LOG_S("error", str_from(e->text)));
        end(j, e, NULL);
        return;
    }
    j->next = p->again;
    p->again = j;
    if (!uv_is_active((uv_handle_t *)&p->timer))
        uv_timer_start(&p->timer, on_timer, AGAIN_MS, 0);
}

static void on_done(void *ctx, const struct err *e, struct db_reply *reply) {
    struct job *j = ctx;
    if (e) {
        later(j, e);
    } else {
        if (j->set_done)
            fault_point("preferences.committed");
        end(j, NULL, reply);
    }
    db_reply_free(reply);
}

static void make(struct job *j) {
    struct err e = ERR_INIT;
    struct db_call read[] = {{&st_read, j->params}, {&st_consents, j->params}};
    struct db_call set = {&st_set, j->params};
    bool ok = j->set_done ? db_transaction(j->owner->db, &set, 1, on_done, j, &e)
                          : db_transaction(j->owner->db, read, 2, on_done, j, &e);
    if (!ok)
        later(j, &e);
}

static struct job *new_job(struct preferences *p, int shard, int64_t message, void *ctx,
                           struct db_params **params) {
    struct arena *a = arena_new(2048);
    struct job *j = ARENA_NEW(a, struct job);
    *params = db_params(a);
    db_param_int2(*params, (int16_t)shard);
    db_param_int8(*params, message);
    *j = (struct job){.owner = p,
                      .arena = a,
                      .params = *params,
                      .until = uv_now(p->timer.loop) + PATIENCE_MS,
                      .ctx = ctx};
    p->waiting++;
    return j;
}

void preferences_read(struct preferences *p, int shard, int64_t message,
                      const struct settings_topic *topics, size_t n, preferences_read_fn done,
                      void *ctx) {
    struct db_params *params;
    struct job *j = new_job(p, shard, message, ctx, &params);
    j->read_done = done;
    j->topics = topics;
    j->n = n;
    make(j);
}

void preferences_set(struct preferences *p, int shard, int64_t message,
                     const struct preferences_wish *wish, preferences_set_fn done, void *ctx) {
    struct db_params *params;
    struct job *j = new_job(p, shard, message, ctx, &params);
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
    db_param_text(params, wish->source);
    db_param_array(params, topics);
    db_param_array(params, states);
    db_param_array(params, defaults);
    j->set_done = done;
    make(j);
}

size_t preferences_waiting(const struct preferences *p) {
    return p->waiting;
}

/* ---- life */

static void on_up(void *ctx) {
    struct preferences *p = ctx;
    session_settings(p->db);
}

static void on_down(void *ctx, const struct err *e) {
    (void)ctx;
    (void)e;
}

struct preferences *preferences_open(uv_loop_t *loop, const char *conninfo, struct err *e) {
    struct preferences *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    struct db_events events = {on_up, on_down, NULL, p};
    p->db = db_open(loop, conninfo, REQUESTS, &events, e);
    if (!p->db) {
        free(p);
        return NULL;
    }
    uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    return p;
}

static void one_closed(struct preferences *p) {
    if (--p->closing)
        return;
    void (*on_closed)(void *) = p->on_closed;
    void *ctx = p->closed_ctx;
    free(p);
    on_closed(ctx);
}

static void on_db_closed(void *ctx) {
    one_closed(ctx);
}

static void on_timer_closed(uv_handle_t *h) {
    one_closed(h->data);
}

void preferences_close(struct preferences *p, void (*on_closed)(void *ctx), void *ctx) {
    static const struct err stopping = {ERR_TEMPORARY, "the engine is stopping"};
    p->on_closed = on_closed;
    p->closed_ctx = ctx;
    p->closed = true;
    p->closing = 2;
    for (struct job *j = p->again, *next; j; j = next) {
        next = j->next;
        end(j, &stopping, NULL);
    }
    p->again = NULL;
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
    db_close(p->db, on_db_closed, p);
}
