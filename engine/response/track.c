/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/track.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/io/db.h"
#include "base/log.h"
#include "engine/session.h"
#include "engine/sql_text.h"

#include <stdlib.h>

#define GROUP_ITEMS 1000    /* a group with as many is sent at once */
#define ITEMS_WAITING 20000 /* above it callers are told to come later */

static const struct db_stmt st_aliases = {"track_aliases", sql_track_aliases};
static const struct db_stmt st_identify = {"track_identify", sql_track_identify};
static const struct db_stmt st_events = {"track_events", sql_track_events};

struct request {
    struct request *next;
    const struct api_batch *batch;
    track_done_fn done;
    void *ctx;
};

/* Requests that are one transaction. */
struct group {
    struct group *next; /* among those that wait for their turn */
    struct track *owner;
    struct arena *arena;
    struct request *first, **last;
    size_t requests, items;
};

struct track {
    struct db *db;
    uv_timer_t timer;
    struct group *gathering;           /* or NULL */
    struct group *alone, **alone_last; /* single requests of a group that was refused */
    size_t waiting, items;
    int64_t recorded;
    int closing;
    bool under_way; /* a group; others wait */
    bool closed;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

static void go_on(struct track *t);

/* ---- ends */

static void finish(struct group *g, const struct err *e) {
    struct track *t = g->owner;
    t->waiting -= g->requests;
    t->items -= g->items;
    if (!e)
        t->recorded += (int64_t)g->items;
    for (struct request *r = g->first, *next; r; r = next) {
        next = r->next;
        r->done(r->ctx, e);
    }
    arena_free(g->arena);
}

static struct group *new_group(struct track *t) {
    struct arena *a = arena_new(4096);
    struct group *g = ARENA_NEW(a, struct group);
    *g = (struct group){.owner = t, .arena = a};
    g->last = &g->first;
    return g;
}

static void put(struct group *g, const struct request *r) {
    struct request *copy = ARENA_NEW(g->arena, struct request);
    *copy = *r;
    copy->next = NULL;
    *g->last = copy;
    g->last = &copy->next;
    g->requests++;
    g->items += r->batch->n;
}

static void split(struct group *g) {
    struct track *t = g->owner;
    for (const struct request *r = g->first; r; r = r->next) {
        struct group *one = new_group(t);
        put(one, r);
        *t->alone_last = one;
        t->alone_last = &one->next;
    }
    arena_free(g->arena);
}

static void on_written(void *ctx, const struct err *e, struct db_reply *reply) {
    struct group *g = ctx;
    struct track *t = g->owner;
    db_reply_free(reply);
    t->under_way = false;
    if (!e)
        fault_point("track.committed");
    if (e && e->kind != ERR_TEMPORARY && g->requests > 1 && !t->closed) {
        split(g);
    } else {
        if (e && e->kind != ERR_TEMPORARY)
            log_error("events over HTTP were refused", LOG_S("error", str_from(e->text)));
        finish(g, e);
    }
    if (!t->closed)
        go_on(t);
}

/* ---- writing */

static struct db_params *columns(struct arena *a, struct db_array **c, const enum db_type *types,
                                 size_t n, size_t expect) {
    for (size_t i = 0; i < n; i++)
        c[i] = db_array(a, types[i], expect);
    return db_params(a);
}

static const enum db_type alias_types[] = {DB_TEXT, DB_TEXT};
static const enum db_type identify_types[] = {DB_TEXT, DB_JSONB, DB_TEXT,
                                              DB_TEXT, DB_TEXT,  DB_TEXT};
static const enum db_type event_types[] = {DB_TEXT, DB_TEXT, DB_JSONB, DB_TIMESTAMPTZ, DB_TEXT};

static void fill(struct db_array **al, struct db_array **id, struct db_array **ev,
                 const struct api_item *x) {
    switch (x->kind) {
    case API_ALIAS:
        db_array_text(al[0], x->previous);
        db_array_text(al[1], x->customer);
        break;
    case API_IDENTIFY:
        db_array_text(id[0], x->customer);
        db_array_jsonb(id[1], x->properties);
        db_array_text(id[2], x->email);
        db_array_text(id[3], x->phone);
        db_array_text(id[4], x->locale);
        db_array_text(id[5], x->timezone);
        break;
    case API_EVENT:
        db_array_text(ev[0], x->customer);
        db_array_text(ev[1], x->name);
        db_array_jsonb(ev[2], x->properties);
        db_array_timestamptz(ev[3], x->at_us);
        db_array_text(ev[4], x->dedupe.n ? x->dedupe : STR_NONE);
        break;
    }
}

static size_t add_call(struct db_call *calls, size_t n, const struct db_stmt *stmt,
                       struct db_params *p, struct db_array **c, size_t columns_n) {
    if (!db_array_count(c[0]))
        return n;
    for (size_t i = 0; i < columns_n; i++)
        db_param_array(p, c[i]);
    calls[n] = (struct db_call){stmt, p};
    return n + 1;
}

static void send_group(struct group *g) {
    struct db_array *al[2], *id[6], *ev[5];
    struct db_params *pal = columns(g->arena, al, alias_types, 2, 4);
    struct db_params *pid = columns(g->arena, id, identify_types, 6, g->items);
    struct db_params *pev = columns(g->arena, ev, event_types, 5, g->items);
    struct db_call calls[3];
    struct err e = ERR_INIT;
    for (const struct request *r = g->first; r; r = r->next)
        for (size_t i = 0; i < r->batch->n; i++)
            fill(al, id, ev, &r->batch->items[i]);
    size_t n = add_call(calls, 0, &st_aliases, pal, al, 2);
    n = add_call(calls, n, &st_identify, pid, id, 6);
    n = add_call(calls, n, &st_events, pev, ev, 5);
    if (n && db_transaction(g->owner->db, calls, n, on_written, g, &e))
        g->owner->under_way = true;
    else
        finish(g, n ? &e : NULL);
}

/* Sends what waits, as far as there is room. */
static void go_on(struct track *t) {
    while (t->alone && !t->under_way) {
        struct group *g = t->alone;
        t->alone = g->next;
        if (!t->alone)
            t->alone_last = &t->alone;
        send_group(g);
    }
    if (t->gathering && !t->under_way && !uv_is_active((uv_handle_t *)&t->timer)) {
        struct group *g = t->gathering;
        t->gathering = NULL;
        send_group(g);
    }
}

static void on_timer(uv_timer_t *timer) {
    go_on(timer->data);
}

enum track_answer track_add(struct track *t, const struct api_batch *batch, track_done_fn done,
                            void *ctx) {
    if (t->closed || !db_is_up(t->db))
        return TRACK_AWAY;
    if (t->items >= ITEMS_WAITING)
        return TRACK_BUSY;
    struct request r = {.batch = batch, .done = done, .ctx = ctx};
    if (!t->gathering) {
        t->gathering = new_group(t);
        if (!t->under_way)
            uv_timer_start(&t->timer, on_timer, 0, 0);
    }
    put(t->gathering, &r);
    t->waiting++;
    t->items += batch->n;
    if (t->gathering->items >= GROUP_ITEMS) {
        uv_timer_stop(&t->timer);
        go_on(t);
    }
    return TRACK_TAKEN;
}

size_t track_waiting(const struct track *t) {
    return t->waiting;
}

int64_t track_recorded(const struct track *t) {
    return t->recorded;
}

/* ---- life */

static void on_up(void *ctx) {
    struct track *t = ctx;
    session_settings(t->db);
}

static void on_down(void *ctx, const struct err *e) {
    (void)ctx;
    (void)e;
}

struct track *track_open(uv_loop_t *loop, const char *conninfo, struct err *e) {
    struct track *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    struct db_events events = {on_up, on_down, NULL, t};
    t->alone_last = &t->alone;
    t->db = db_open(loop, conninfo, 0, &events, e);
    if (!t->db) {
        free(t);
        return NULL;
    }
    uv_timer_init(loop, &t->timer);
    t->timer.data = t;
    return t;
}

static void one_closed(struct track *t) {
    if (--t->closing)
        return;
    void (*on_closed)(void *) = t->on_closed;
    void *ctx = t->closed_ctx;
    free(t);
    on_closed(ctx);
}

static void on_db_closed(void *ctx) {
    one_closed(ctx);
}

static void on_timer_closed(uv_handle_t *h) {
    one_closed(h->data);
}

void track_close(struct track *t, void (*on_closed)(void *ctx), void *ctx) {
    static const struct err stopping = {ERR_TEMPORARY, "the engine is stopping"};
    t->on_closed = on_closed;
    t->closed_ctx = ctx;
    t->closed = true;
    t->closing = 2;
    while (t->alone) {
        struct group *g = t->alone;
        t->alone = g->next;
        finish(g, &stopping);
    }
    if (t->gathering) {
        finish(t->gathering, &stopping);
        t->gathering = NULL;
    }
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
    db_close(t->db, on_db_closed, t);
}
