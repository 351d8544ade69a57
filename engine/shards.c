/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/shards.h"

#include "base/arena.h"
#include "base/io/db.h"
#include "base/log.h"
#include "engine/sql_text.h"

#include <stdlib.h>
#include <unistd.h>

#define LEASE_MS 15000
#define HEARTBEATS 7 /* in a lease */
#define HOUSEKEEPING_MS (UINT64_C(24) * 3600 * 1000)

struct shards {
    struct shards_events events;
    struct db *db;
    uv_timer_t timer;
    struct arena *request; /* parameters of the request under way */
    struct arena *kept;    /* names of channels */
    struct str *resend;
    size_t n_resend;

    int64_t lease_ms;
    int64_t engine; /* 0: not registered */
    int engines;
    uint64_t owned;  /* by the database, as far as we know */
    uint64_t giving; /* of these, being given back */
    int64_t fence[SHARDS];
    struct cursor_groups cursors;
    struct db_reply *acquired; /* while the orphans of these shards are looked for */

    uint64_t housekeeping_at; /* uv_now(); 0: when first idle */
    bool busy;                /* a request is under way */
    bool recheck;             /* heartbeat again as soon as it is done */
    bool asleep, want_asleep;
    bool closing;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

static const struct db_stmt st_start = {"engine_start", sql_engine_start};
static const struct db_stmt st_check = {"cursor_check", sql_cursor_check};
static const struct db_stmt st_know = {
    NULL, "insert into godwit.settings select 'system_identifier', system_identifier::text "
          "from pg_control_system() on conflict do nothing"};
static const struct db_stmt st_heartbeat = {"engine_heartbeat", sql_engine_heartbeat};
static const struct db_stmt st_acquire = {"shard_acquire", sql_shard_acquire};
static const struct db_stmt st_orphans = {"message_orphans", sql_message_orphans};
static const struct db_stmt st_release = {"shard_release", sql_shard_release};
static const struct db_stmt st_sleep = {"engine_sleep", sql_engine_sleep};
static const struct db_stmt st_housekeeping = {"housekeeping", "select godwit.housekeeping()"};
static const struct db_stmt st_stop = {"engine_stop", sql_engine_stop};

static void heartbeat(struct shards *s);
static void finish_close(struct shards *s);

/* ---- requests: one at a time */

static struct db_params *begin(struct shards *s) {
    arena_reset(s->request);
    return db_params(s->request);
}

static bool submit(struct shards *s, const struct db_stmt *stmt, struct db_params *p,
                   db_done_fn done) {
    struct err e = ERR_INIT;
    struct db_call call = {stmt, p};
    s->busy = db_transaction(s->db, &call, 1, done, s, &e);
    return s->busy;
}

/* The common head of all answers: false when there is nothing to be read. */
static bool answered(struct shards *s, const struct err *e, struct db_reply *reply) {
    s->busy = false;
    if (s->closing) {
        db_reply_free(reply);
        finish_close(s);
        return false;
    }
    if (!e)
        return true;
    db_reply_free(reply);
    if (e->kind != ERR_TEMPORARY)
        s->events.on_fatal(s->events.ctx, e);
    return false;
}

static void add_members(struct db_array *out, uint64_t members) {
    for (int i = 0; i < SHARDS; i++)
        if (members >> i & 1)
            db_array_int2(out, (int16_t)i);
}

/* ---- losing and giving back */

static void drop_shards(struct shards *s, uint64_t members) {
    s->owned &= ~members;
    s->giving &= ~members;
    cursor_groups_remove(&s->cursors, members);
    s->events.on_change(s->events.ctx);
}

static void on_released(void *ctx, const struct err *e, struct db_reply *reply) {
    struct shards *s = ctx;
    if (!answered(s, e, reply))
        return;
    db_reply_free(reply);
    log_info("shards given to other engines", LOG_I("count", __builtin_popcountll(s->giving)));
    drop_shards(s, s->giving);
}

static void give_back(struct shards *s) {
    if (!s->giving || s->busy || !s->events.is_idle(s->events.ctx, s->giving))
        return;
    struct db_params *p = begin(s);
    struct db_array *shards = db_array(s->request, DB_INT2, SHARDS);
    add_members(shards, s->giving);
    db_param_int8(p, s->engine);
    db_param_array(p, shards);
    submit(s, &st_release, p, on_released);
}

/* ---- acquiring */

static void take_acquired(struct shards *s) {
    const struct db_result *r = s->acquired->result[0];
    for (size_t i = 0; i < db_rows(r); i++) {
        int shard = (int)db_int(r, i, 0);
        struct cursor c = {0};
        cursor_set(&c, db_text(r, i, 2), db_text(r, i, 3), db_text(r, i, 4), db_int(r, i, 5));
        s->fence[shard] = db_int(r, i, 1);
        s->owned |= UINT64_C(1) << shard;
        cursor_groups_add(&s->cursors, shard, &c);
        cursor_clear(&c);
    }
    log_info("shards acquired", LOG_I("count", db_rows(r)),
             LOG_I("owned", __builtin_popcountll(s->owned)));
}

static void on_orphans(void *ctx, const struct err *e, struct db_reply *reply) {
    struct shards *s = ctx;
    bool ok = answered(s, e, reply);
    if (ok) {
        size_t n = db_rows(reply->result[0]);
        if (n)
            log_warn("messages in doubt after an engine ended", LOG_I("count", n));
        db_reply_free(reply);
        take_acquired(s);
        s->events.on_change(s->events.ctx);
    }
    db_reply_free(s->acquired);
    s->acquired = NULL;
}

static void on_acquired(void *ctx, const struct err *e, struct db_reply *reply) {
    struct shards *s = ctx;
    if (!answered(s, e, reply))
        return;
    const struct db_result *r = reply->result[0];
    if (db_rows(r) == 0) {
        db_reply_free(reply);
        s->events.on_change(s->events.ctx);
        return;
    }
    struct db_params *p = begin(s);
    struct db_array *shards = db_array(s->request, DB_INT2, db_rows(r));
    struct db_array *fences = db_array(s->request, DB_INT8, db_rows(r));
    struct db_array *resend = db_array(s->request, DB_TEXT, s->n_resend);
    for (size_t i = 0; i < db_rows(r); i++) {
        db_array_int2(shards, (int16_t)db_int(r, i, 0));
        db_array_int8(fences, db_int(r, i, 1));
    }
    for (size_t i = 0; i < s->n_resend; i++)
        db_array_text(resend, s->resend[i]);
    db_param_array(p, shards);
    db_param_array(p, fences);
    db_param_array(p, resend);
    s->acquired = reply;
    if (!submit(s, &st_orphans, p, on_orphans)) {
        db_reply_free(s->acquired);
        s->acquired = NULL;
    }
}

static void acquire(struct shards *s, int most) {
    /* what we have in hand from before a lost connection must be settled first: it
     * would be taken for the orphan of a dead engine */
    if (!s->events.is_idle(s->events.ctx, ~s->owned))
        return;
    struct db_params *p = begin(s);
    db_param_int8(p, s->engine);
    db_param_int8(p, most);
    db_param_float8(p, (double)s->lease_ms / 1000);
    submit(s, &st_acquire, p, on_acquired);
}

/* ---- housekeeping: once a day, partitions ahead and old marks */

static void on_kept_house(void *ctx, const struct err *e, struct db_reply *reply) {
    struct shards *s = ctx;
    s->busy = false;
    if (e && !s->closing)
        log_warn("housekeeping failed", LOG_S("error", str_from(e->text)));
    db_reply_free(reply);
    if (s->closing)
        finish_close(s);
}

static bool keep_house(struct shards *s) {
    uint64_t now = uv_now(s->timer.loop);
    if (now < s->housekeeping_at)
        return false;
    s->housekeeping_at = now + HOUSEKEEPING_MS;
    return submit(s, &st_housekeeping, begin(s), on_kept_house);
}

/* ---- heartbeat */

static uint64_t check_leases(const struct shards *s, const struct db_result *r) {
    uint64_t ours = 0;
    for (size_t i = 0; i < db_rows(r); i++)
        if (!db_is_null(r, i, 2) && s->fence[db_int(r, i, 2)] == db_int(r, i, 3))
            ours |= UINT64_C(1) << db_int(r, i, 2);
    return ours;
}

static void balance(struct shards *s) {
    int share = (SHARDS + s->engines - 1) / s->engines;
    int have = __builtin_popcountll(s->owned);
    if (have < share) {
        acquire(s, share - have);
        return;
    }
    if (keep_house(s))
        return;
    for (int i = SHARDS - 1; i >= 0 && have - __builtin_popcountll(s->giving) > share; i--)
        s->giving |= s->owned & (UINT64_C(1) << i);
    give_back(s);
}

static void on_heartbeat(void *ctx, const struct err *e, struct db_reply *reply) {
    struct shards *s = ctx;
    if (!answered(s, e, reply))
        return;
    const struct db_result *r = reply->result[0];
    bool alive = db_int(r, 0, 0) > 0;
    s->engines = (int)db_int(r, 0, 1);
    uint64_t lost = s->owned & ~check_leases(s, r);
    db_reply_free(reply);
    if (!alive) {
        db_drop(s->db, "another engine took this one for dead");
        return;
    }
    if (lost) {
        log_warn("shards were taken over by another engine",
                 LOG_I("count", __builtin_popcountll(lost)));
        drop_shards(s, lost);
    }
    if (s->recheck)
        heartbeat(s);
    else
        balance(s);
    if (!s->busy) /* it could not be said while the heartbeat was under way */
        shards_sleep(s, s->want_asleep);
}

static void heartbeat(struct shards *s) {
    if (s->busy || !s->engine || s->closing) {
        s->recheck = s->busy;
        return;
    }
    s->recheck = false;
    struct db_params *p = begin(s);
    db_param_int8(p, s->engine);
    db_param_float8(p, (double)s->lease_ms / 1000);
    submit(s, &st_heartbeat, p, on_heartbeat);
}

static void on_timer(uv_timer_t *t) {
    struct shards *s = t->data;
    heartbeat(s);
}

void shards_recheck(struct shards *s) {
    heartbeat(s);
}

/* ---- sleeping */

static void on_slept(void *ctx, const struct err *e, struct db_reply *reply) {
    struct shards *s = ctx;
    if (!answered(s, e, reply))
        return;
    db_reply_free(reply);
    if (s->asleep != s->want_asleep)
        shards_sleep(s, s->want_asleep);
    else if (s->asleep)
        s->events.on_wake(s->events.ctx); /* look once more: what came before the mark was silent */
}

void shards_sleep(struct shards *s, bool asleep) {
    s->want_asleep = asleep;
    if (s->asleep == asleep || s->busy || !s->engine || s->closing)
        return;
    s->asleep = asleep;
    struct db_params *p = begin(s);
    db_param_int8(p, s->engine);
    db_param_bool(p, asleep);
    submit(s, &st_sleep, p, on_slept);
}

/* ---- registering */

static void on_checked(void *ctx, const struct err *e, struct db_reply *reply) {
    struct shards *s = ctx;
    if (!answered(s, e, reply))
        return;
    const struct db_result *r = reply->result[1];
    struct str known = db_text(r, 0, 0), actual = db_text(r, 0, 1);
    bool foreign = (known.n && actual.n && !str_eq(known, actual)) || db_bool(r, 0, 2);
    db_reply_free(reply);
    if (foreign) {
        struct err fatal = ERR_INIT;
        err_set(&fatal, ERR_INPUT,
                "this database was restored from another PostgreSQL cluster, where transactions "
                "were numbered differently, so the place up to which events are decided does not "
                "hold here. Nothing was lost: run `godwit db rebase` once, then start again");
        s->events.on_fatal(s->events.ctx, &fatal);
        return;
    }
    heartbeat(s);
}

static void on_started(void *ctx, const struct err *e, struct db_reply *reply) {
    struct shards *s = ctx;
    if (!answered(s, e, reply))
        return;
    s->engine = db_int(reply->result[0], 0, 0);
    db_reply_free(reply);
    struct err failed = ERR_INIT;
    struct db_call calls[] = {{&st_know, NULL}, {&st_check, NULL}};
    s->busy = db_transaction(s->db, calls, 2, on_checked, s, &failed);
}

static void on_listening(void *ctx, const struct err *e, struct db_reply *reply) {
    struct shards *s = ctx;
    if (!answered(s, e, reply))
        return;
    db_reply_free(reply);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    struct db_params *p = begin(s);
    db_param_text(p, str_dup(s->request, str_from(host)));
    db_param_int4(p, (int32_t)getpid());
    submit(s, &st_start, p, on_started);
}

static void on_up(void *ctx) {
    struct shards *s = ctx;
    struct err e = ERR_INIT;
    s->events.on_link(s->events.ctx, true, NULL);
    s->busy = db_script(s->db, "listen godwit", on_listening, s, &e);
}

static void on_down(void *ctx, const struct err *e) {
    struct shards *s = ctx;
    s->engine = 0;
    s->engines = 0;
    s->asleep = false;
    if (s->closing)
        return;
    s->events.on_link(s->events.ctx, false, e);
    drop_shards(s, s->owned);
}

static void on_notify(void *ctx, struct str channel, struct str payload) {
    (void)channel;
    (void)payload;
    struct shards *s = ctx;
    s->events.on_wake(s->events.ctx);
}

/* Tests of takeovers do not wait for it. */
static int64_t lease_ms(void) {
    int64_t ms = LEASE_MS;
#ifdef GODWIT_DEVELOPER
    struct str given = str_from(getenv("GODWIT_LEASE_MS"));
    if (given.n && !str_to_int64(given, &ms))
        ms = LEASE_MS;
#endif
    return ms;
}

void shards_resend(struct shards *s, const struct str *names, size_t n) {
    arena_reset(s->kept);
    s->resend = ARENA_ARRAY(s->kept, struct str, n + 1);
    s->n_resend = n;
    for (size_t i = 0; i < n; i++)
        s->resend[i] = str_dup(s->kept, names[i]);
}

struct shards *shards_open(uv_loop_t *loop, const char *conninfo,
                           const struct shards_events *events, struct err *e) {
    struct shards *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->events = *events;
    s->lease_ms = lease_ms();
    s->request = arena_new(0);
    s->kept = arena_new(0);
    struct db_events ev = {on_up, on_down, on_notify, s};
    s->db = db_open(loop, conninfo, 0, &ev, e);
    if (!s->db) {
        arena_free(s->request);
        arena_free(s->kept);
        free(s);
        return NULL;
    }
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    uint64_t beat = (uint64_t)s->lease_ms / HEARTBEATS;
    uv_timer_start(&s->timer, on_timer, beat, beat);
    return s;
}

uint64_t shards_owned(const struct shards *s) {
    return s->owned & ~s->giving;
}

int64_t shards_fence(const struct shards *s, int shard) {
    return s->fence[shard];
}

int64_t shards_engine(const struct shards *s) {
    return s->engine;
}

int shards_engines(const struct shards *s) {
    return s->engines;
}

struct cursor_groups *shards_cursors(struct shards *s) {
    return &s->cursors;
}

/* ---- closing: leave the table of engines if the connection still stands */

static void on_timer_closed(uv_handle_t *h) {
    struct shards *s = h->data;
    void (*on_closed)(void *) = s->on_closed;
    void *ctx = s->closed_ctx;
    cursor_groups_clear(&s->cursors);
    arena_free(s->request);
    arena_free(s->kept);
    free(s);
    on_closed(ctx);
}

static void on_db_closed(void *ctx) {
    struct shards *s = ctx;
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

static void on_stopped(void *ctx, const struct err *e, struct db_reply *reply) {
    struct shards *s = ctx;
    (void)e;
    db_reply_free(reply);
    db_close(s->db, on_db_closed, s);
}

static void finish_close(struct shards *s) {
    struct err e = ERR_INIT;
    struct db_params *p = begin(s);
    db_param_int8(p, s->engine);
    struct db_call call = {&st_stop, p};
    if (!s->engine || !db_transaction(s->db, &call, 1, on_stopped, s, &e))
        db_close(s->db, on_db_closed, s);
}

void shards_close(struct shards *s, void (*on_closed)(void *ctx), void *ctx) {
    s->closing = true;
    s->on_closed = on_closed;
    s->closed_ctx = ctx;
    uv_timer_stop(&s->timer);
    if (!s->busy)
        finish_close(s);
}
