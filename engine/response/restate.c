/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/restate.h"

#include "base/arena.h"
#include "engine/response/verdict.h"
#include "engine/sql_text.h"

#include <stdlib.h>

#define MESSAGES_LEAST 10 /* at a time */
#define MESSAGES_MOST 320
#define ROWS 2000 /* about as many hits at a time */
#define IDLE_MS 1000
#define BUSY_MS 10
#define PAGE 1000 /* responses that a newer rule looks at, at a time */

static const struct db_stmt st_read = {"rejudge_read", sql_rejudge_read};
static const struct db_stmt st_write = {"rejudge_write", sql_rejudge_write};
static const struct db_stmt st_next = {"rejudge_next", "select godwit.restate_next($1, $2)"};

enum {
    R_SHARD,
    R_MESSAGE,
    R_NAMED,
    R_ID,
    R_CLICK,
    R_AT,
    R_URL,
    R_HUMAN,
    R_AGENT,
    R_DELAY,
    R_LINK,
    R_HEAD,
    R_PREFETCH,
    R_DECOY,
    R_MACHINE,
    R_VERSION
};

struct restate {
    struct patient *patient;
    uv_timer_t timer;
    struct arena *arena; /* of what is under way; NULL: nothing is */
    bool current;        /* all responses were judged by this version of the rule */
    int64_t changed;
    size_t batch_changed;
    int64_t messages; /* to ask for: as many as make ROWS hits */
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

/* ---- turns: a look into the table; what was named is judged; else the next of an older rule */

static void on_timer(uv_timer_t *t);

static void on_timer_closed(uv_handle_t *h) {
    struct restate *r = h->data;
    void (*on_closed)(void *) = r->on_closed;
    void *ctx = r->closed_ctx;
    free(r);
    on_closed(ctx);
}

static void turn_over(struct restate *r, uint64_t ms) {
    arena_free(r->arena);
    r->arena = NULL;
    if (r->on_closed)
        uv_close((uv_handle_t *)&r->timer, on_timer_closed);
    else
        uv_timer_start(&r->timer, on_timer, ms, 0);
}

/* ---- judging */

struct columns {
    struct db_array *shard, *id, *machine;    /* of responses */
    struct db_array *of_shard, *message, *at; /* of what was judged */
};

static void fill(struct verdict_hit *h, const struct db_result *r, size_t row) {
    *h = (struct verdict_hit){
        .f = {.click = db_bool(r, row, R_CLICK),
              .head = db_bool(r, row, R_HEAD),
              .prefetch = db_bool(r, row, R_PREFETCH),
              .agent = db_text(r, row, R_AGENT),
              .delay_ms = db_is_null(r, row, R_DELAY) ? -1 : db_int(r, row, R_DELAY),
              .decoy = db_bool(r, row, R_DECOY)},
        .at_ms = db_timestamptz(r, row, R_AT) / 1000,
        .url = str_hash(db_text(r, row, R_URL)),
        .index = db_is_null(r, row, R_LINK) ? 0 : (uint32_t)db_int(r, row, R_LINK),
    };
}

static bool differs(const struct verdict_hit *h, const struct db_result *r, size_t row) {
    return db_int(r, row, R_VERSION) != VERDICT_VERSION ||
           !str_eq(db_text(r, row, R_MACHINE), str_from(h->verdict.why));
}

/* Rows [from, to) are those of one message. */
static void judge(struct restate *x, const struct db_result *r, size_t from, size_t to,
                  struct columns *c) {
    size_t n = db_is_null(r, from, R_ID) ? 0 : to - from;
    struct verdict_hit *hits = ARENA_ARRAY(x->arena, struct verdict_hit, n + 1);
    for (size_t i = 0; i < n; i++)
        fill(&hits[i], r, from + i);
    verdict_judge(hits, n);
    for (size_t i = 0; i < n; i++) {
        if (!differs(&hits[i], r, from + i))
            continue;
        db_array_int2(c->shard, (int16_t)db_int(r, from, R_SHARD));
        db_array_int8(c->id, db_int(r, from + i, R_ID));
        db_array_text(c->machine, str_from(hits[i].verdict.why));
        x->batch_changed += db_bool(r, from + i, R_HUMAN) != hits[i].verdict.human;
    }
    db_array_int2(c->of_shard, (int16_t)db_int(r, from, R_SHARD));
    db_array_int8(c->message, db_int(r, from, R_MESSAGE));
    db_array_timestamptz(c->at, db_timestamptz(r, from, R_NAMED));
}

static void on_written(void *ctx, const struct err *e, const struct db_reply *reply) {
    struct restate *r = ctx;
    (void)reply;
    if (!e)
        r->changed += (int64_t)r->batch_changed;
    turn_over(r, e ? IDLE_MS : BUSY_MS);
}

static void write_verdicts(struct restate *x, const struct columns *c) {
    struct db_params *p = db_params(x->arena);
    const struct db_call call = {&st_write, p};
    db_param_array(p, c->shard);
    db_param_array(p, c->id);
    db_param_array(p, c->machine);
    db_param_int8(p, VERDICT_VERSION);
    db_param_array(p, c->of_shard);
    db_param_array(p, c->message);
    db_param_array(p, c->at);
    patient_ask(x->patient, &call, 1, on_written, x);
}

static void judge_all(struct restate *x, const struct db_result *r) {
    size_t rows = db_rows(r), from = 0, most = MESSAGES_MOST;
    struct arena *a = x->arena;
    struct columns c = {db_array(a, DB_INT2, rows), db_array(a, DB_INT8, rows),
                        db_array(a, DB_TEXT, rows), db_array(a, DB_INT2, most),
                        db_array(a, DB_INT8, most), db_array(a, DB_TIMESTAMPTZ, most)};
    if (rows > ROWS && x->messages > MESSAGES_LEAST)
        x->messages /= 2;
    else if (rows < ROWS / 2 && x->messages < MESSAGES_MOST)
        x->messages *= 2;
    x->batch_changed = 0;
    for (size_t i = 1; i <= rows; i++) {
        if (i < rows && db_int(r, i, R_SHARD) == db_int(r, from, R_SHARD) &&
            db_int(r, i, R_MESSAGE) == db_int(r, from, R_MESSAGE))
            continue;
        judge(x, r, from, i, &c);
        from = i;
    }
    write_verdicts(x, &c);
}

/* ---- an older rule's */

static void on_next(void *ctx, const struct err *e, const struct db_reply *reply) {
    struct restate *r = ctx;
    if (!e && db_int(reply->result[0], 0, 0) == 0)
        r->current = true;
    turn_over(r, e || r->current ? IDLE_MS : BUSY_MS);
}

static void ask_next(struct restate *r) {
    struct db_params *p = db_params(r->arena);
    const struct db_call call = {&st_next, p};
    db_param_int4(p, VERDICT_VERSION);
    db_param_int4(p, PAGE);
    patient_ask(r->patient, &call, 1, on_next, r);
}

static void on_read(void *ctx, const struct err *e, const struct db_reply *reply) {
    struct restate *r = ctx;
    if (e || r->on_closed)
        turn_over(r, IDLE_MS);
    else if (db_rows(reply->result[0]))
        judge_all(r, reply->result[0]);
    else if (!r->current)
        ask_next(r);
    else
        turn_over(r, IDLE_MS);
}

static void on_timer(uv_timer_t *t) {
    struct restate *r = t->data;
    r->arena = arena_new(0);
    struct db_params *p = db_params(r->arena);
    const struct db_call call = {&st_read, p};
    db_param_int8(p, r->messages);
    db_param_int8(p, VERDICT_HITS);
    patient_ask(r->patient, &call, 1, on_read, r);
}

/* ---- life */

struct restate *restate_open(uv_loop_t *loop, struct patient *p) {
    struct restate *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    *r = (struct restate){.patient = p, .messages = MESSAGES_LEAST};
    uv_timer_init(loop, &r->timer);
    r->timer.data = r;
    uv_timer_start(&r->timer, on_timer, IDLE_MS, 0);
    return r;
}

int64_t restate_changed(const struct restate *r) {
    return r->changed;
}

void restate_close(struct restate *r, void (*on_closed)(void *ctx), void *ctx) {
    r->on_closed = on_closed;
    r->closed_ctx = ctx;
    if (!r->arena)
        uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}
