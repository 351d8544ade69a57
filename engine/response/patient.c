/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/patient.h"

#include "base/log.h"
#include "engine/session.h"

#include <assert.h>
#include <stdlib.h>

#define PATIENCE_MS 8000 /* an HTTP client waits longer than this */
#define AGAIN_MS 50

/* One request: made, and made again while the database is away. */
struct job {
    struct job *next; /* among those that wait to be made again */
    struct patient *owner;
    struct db_call call[PATIENT_CALLS];
    size_t n;
    uint64_t until; /* loop time */
    patient_done_fn done;
    void *ctx;
};

struct patient {
    struct db *db;
    uv_timer_t timer;
    struct job *again;
    size_t waiting;
    bool closed;
    int closing;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

static void end(struct job *j, const struct err *e, const struct db_reply *reply) {
    j->owner->waiting--;
    j->done(j->ctx, e, reply);
    free(j);
}

static void make(struct job *j);

static void on_timer(uv_timer_t *t) {
    struct patient *p = t->data;
    struct job *list = p->again;
    p->again = NULL;
    while (list) {
        struct job *next = list->next;
        make(list);
        list = next;
    }
}

static void later(struct job *j, const struct err *e) {
    struct patient *p = j->owner;
    if (p->closed || e->kind != ERR_TEMPORARY || uv_now(p->timer.loop) >= j->until) {
        if (e->kind != ERR_TEMPORARY)
            log_error("a request over HTTP could not be read or written",
                      LOG_S("statement", str_from(j->call[0].stmt->name)),
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
    if (e)
        later(j, e);
    else
        end(j, NULL, reply);
    db_reply_free(reply);
}

static void make(struct job *j) {
    struct err e = ERR_INIT;
    if (!db_transaction(j->owner->db, j->call, j->n, on_done, j, &e))
        later(j, &e);
}

void patient_ask(struct patient *p, const struct db_call *calls, size_t n, patient_done_fn done,
                 void *ctx) {
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        abort();
    assert(n >= 1 && n <= PATIENT_CALLS);
    *j = (struct job){
        .owner = p, .n = n, .until = uv_now(p->timer.loop) + PATIENCE_MS, .done = done, .ctx = ctx};
    memcpy(j->call, calls, n * sizeof *calls);
    p->waiting++;
    make(j);
}

bool patient_up(const struct patient *p) {
    return db_is_up(p->db);
}

size_t patient_waiting(const struct patient *p) {
    return p->waiting;
}

/* ---- life */

static void on_up(void *ctx) {
    struct patient *p = ctx;
    session_settings(p->db);
}

static void on_down(void *ctx, const struct err *e) {
    (void)ctx;
    (void)e; /* the engine's own connection tells of it */
}

struct patient *patient_open(uv_loop_t *loop, const char *conninfo, size_t most, struct err *e) {
    struct patient *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    struct db_events events = {on_up, on_down, NULL, p};
    p->db = db_open(loop, conninfo, most, &events, e);
    if (!p->db) {
        free(p);
        return NULL;
    }
    uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    return p;
}

static void one_closed(struct patient *p) {
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

void patient_close(struct patient *p, void (*on_closed)(void *ctx), void *ctx) {
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
