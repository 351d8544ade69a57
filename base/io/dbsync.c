/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/dbsync.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct dbsync {
    uv_loop_t loop;
    struct db *db;
    bool up, down, closed;
    struct err lost; /* why the session ended */
    char sqlstate[6];

    bool done; /* the request under way has ended: */
    struct err err;
    struct db_reply *reply;
    bool ready; /* COPY takes data */
    bool (*on_row)(void *ctx, const struct db_result *r);
    void *row_ctx;
};

static void on_up(void *ctx) {
    struct dbsync *s = ctx;
    s->up = true;
}

static void on_down(void *ctx, const struct err *e) {
    struct dbsync *s = ctx;
    s->down = true;
    s->lost = *e;
}

struct dbsync *dbsync_open(const char *conninfo, struct err *e) {
    struct dbsync *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    if (uv_loop_init(&s->loop) != 0) {
        free(s);
        err_set(e, ERR_TEMPORARY, "no event loop: out of file descriptors");
        return NULL;
    }
    struct db_events events = {.on_up = on_up, .on_down = on_down, .ctx = s};
    s->db = db_open(&s->loop, conninfo, 0, &events, e);
    while (s->db && !s->up && !s->down)
        uv_run(&s->loop, UV_RUN_ONCE);
    if (s->db && s->up)
        return s;
    if (s->down && e)
        *e = s->lost;
    dbsync_close(s);
    return NULL;
}

static void on_closed(void *ctx) {
    struct dbsync *s = ctx;
    s->closed = true;
}

void dbsync_close(struct dbsync *s) {
    if (!s)
        return;
    if (s->db)
        db_close(s->db, on_closed, s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert(!s->db || s->closed);
    int busy = uv_loop_close(&s->loop);
    assert(busy == 0);
    free(s);
}

/* ---- requests */

static void on_done(void *ctx, const struct err *e, struct db_reply *reply) {
    struct dbsync *s = ctx;
    s->done = true;
    s->reply = reply;
    s->err = e ? *e : ERR_INIT;
}

static bool begin(struct dbsync *s, struct err *e) {
    assert(!s->reply);
    s->done = s->ready = false;
    s->sqlstate[0] = 0;
    if (s->down) {
        if (e)
            *e = s->lost;
        return false;
    }
    return true;
}

/* Runs the loop until the request is done; hands its reply over. */
static bool finish(struct dbsync *s, struct db_reply **reply, struct err *e) {
    while (!s->done)
        uv_run(&s->loop, UV_RUN_ONCE);
    struct db_reply *got = s->reply;
    s->reply = NULL;
    if (s->err.kind) {
        memcpy(s->sqlstate, got->sqlstate, sizeof s->sqlstate);
        if (e)
            *e = s->err;
        if (got->outcome_unknown)
            err_context(e, "it is not known whether the change took place");
        db_reply_free(got);
        return false;
    }
    if (reply)
        *reply = got;
    else
        db_reply_free(got);
    return true;
}

bool dbsync_run(struct dbsync *s, const struct db_call *calls, size_t n, struct db_reply **reply,
                struct err *e) {
    return begin(s, e) && db_transaction(s->db, calls, n, on_done, s, e) && finish(s, reply, e);
}

bool dbsync_query(struct dbsync *s, const struct db_stmt *stmt, const struct db_params *params,
                  struct db_reply **reply, struct err *e) {
    struct db_call call = {stmt, params};
    return dbsync_run(s, &call, 1, reply, e);
}

bool dbsync_script(struct dbsync *s, const char *sql, struct err *e) {
    return begin(s, e) && db_script(s->db, sql, on_done, s, e) && finish(s, NULL, e);
}

static bool on_stream_row(void *ctx, const struct db_result *r) {
    struct dbsync *s = ctx;
    return s->on_row(s->row_ctx, r);
}

bool dbsync_stream(struct dbsync *s, struct db_call call,
                   bool (*on_row)(void *ctx, const struct db_result *r), void *ctx, struct err *e) {
    s->on_row = on_row;
    s->row_ctx = ctx;
    return begin(s, e) && db_stream(s->db, call, on_stream_row, on_done, s, e) &&
           finish(s, NULL, e);
}

static void on_ready(void *ctx) {
    struct dbsync *s = ctx;
    s->ready = true;
}

static void wait_ready(struct dbsync *s) {
    while (!s->ready && !s->done)
        uv_run(&s->loop, UV_RUN_ONCE);
}

bool dbsync_copy_begin(struct dbsync *s, const char *sql, struct err *e) {
    if (!begin(s, e) || !db_copy(s->db, sql, on_ready, on_done, s, e))
        return false;
    wait_ready(s);
    return s->done ? finish(s, NULL, e) : true;
}

bool dbsync_copy_data(struct dbsync *s, struct str bytes, struct err *e) {
    wait_ready(s);
    if (s->done)
        return err_set(e, s->err.kind, "%s", s->err.text);
    s->ready = db_copy_data(s->db, bytes);
    return true;
}

bool dbsync_copy_end(struct dbsync *s, const char *abort_why, int64_t *rows, struct err *e) {
    wait_ready(s);
    if (!s->done)
        db_copy_end(s->db, abort_why);
    struct db_reply *reply = NULL;
    if (!finish(s, &reply, e))
        return false;
    if (rows)
        *rows = db_affected(reply->result[0]);
    db_reply_free(reply);
    return true;
}

const char *dbsync_sqlstate(const struct dbsync *s) {
    return s->sqlstate;
}
