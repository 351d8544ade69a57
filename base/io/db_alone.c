/* SPDX-License-Identifier: Apache-2.0
 *
 * What cannot run in a pipeline: scripts, streamed rows, COPY. Each has the
 * connection to itself; libpq ends the results with NULL once the server is ready
 * again, which is after the commit.
 */
#include "config.h"

#include "base/io/db_internal.h"

#include "base/io/db_params_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool db_script(struct db *db, const char *sql, db_done_fn done, void *ctx, struct err *e) {
    struct request *r = db_request_new(db, REQUEST_SCRIPT, 1, e);
    if (!r)
        return false;
    r->sql = sql;
    db_request_push(db, r, done, ctx);
    return true;
}

bool db_stream(struct db *db, struct db_call call,
               bool (*on_row)(void *ctx, const struct db_result *r), db_done_fn done, void *ctx,
               struct err *e) {
    struct request *r = db_request_new(db, REQUEST_STREAM, 1, e);
    if (!r)
        return false;
    r->calls[0] = call;
    r->on_row = on_row;
    db_request_push(db, r, done, ctx);
    return true;
}

bool db_copy(struct db *db, const char *sql, void (*on_ready)(void *ctx), db_done_fn done,
             void *ctx, struct err *e) {
    struct request *r = db_request_new(db, REQUEST_COPY, 1, e);
    if (!r)
        return false;
    r->sql = sql;
    r->on_ready = on_ready;
    db_request_push(db, r, done, ctx);
    return true;
}

bool db_alone_start(struct db *db, struct request *r) {
    static const struct db_params none;
    if (PQpipelineStatus(db->conn) != PQ_PIPELINE_OFF && !PQexitPipelineMode(db->conn))
        return false;
    if (r->kind != REQUEST_STREAM)
        return PQsendQuery(db->conn, r->sql);
    const struct db_params *p = r->calls[0].params ? r->calls[0].params : &none;
    return PQsendQueryParams(db->conn, r->calls[0].stmt->sql, (int)p->n, p->type, p->value,
                             p->length, p->format, 1) &&
           PQsetSingleRowMode(db->conn);
}

static void keep(struct request *r, PGresult *res) {
    if (r->reply->n)
        PQclear((PGresult *)(uintptr_t)r->reply->result[0]);
    r->reply->result[0] = (const struct db_result *)(const void *)res;
    r->reply->n = 1;
}

bool db_alone_result(struct db *db, struct request *r, PGresult *res) {
    if (!res) {
        db->copy = COPY_NONE;
        free(db->copy_abort);
        db->copy_abort = NULL;
        return true;
    }
    switch (PQresultStatus(res)) {
    case PGRES_SINGLE_TUPLE:
        if (!r->stopped)
            r->stopped = !r->on_row(r->ctx, (const struct db_result *)(const void *)res);
        break;
    case PGRES_COPY_IN:
        if (r->kind == REQUEST_COPY && db->copy == COPY_NONE) {
            db->copy = COPY_DATA;
            r->on_ready(r->ctx);
        } else {
            db_break(db, ERR_BUG, "COPY FROM STDIN inside a script");
        }
        break;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        if (r->kind != REQUEST_SCRIPT) {
            keep(r, res);
            r->call = 1;
            return false;
        }
        break;
    case PGRES_FATAL_ERROR:
        if (!db_said_by_server(db, res))
            break;
        if (db->copy_abort && !r->err.kind) {
            err_set(&r->err, ERR_PERMANENT, "%s", db->copy_abort);
            r->reply->failed = 0;
        }
        db_request_error(r, res, r->call);
        break;
    default:
        db_break(db, ERR_BUG, "a statement that godwit does not know how to run");
    }
    PQclear(res);
    return false;
}

/* ---- COPY: DATA -> (WAIT -> DATA)* -> ENDING -> ENDED -> results */

bool db_copy_data(struct db *db, struct str bytes) {
    assert(db->copy == COPY_DATA || !db_is_up(db));
    if (!db_is_up(db))
        return false;
    if (PQputCopyData(db->conn, bytes.p, (int)bytes.n) != 1) {
        db_break(db, ERR_TEMPORARY, PQerrorMessage(db->conn));
        return false;
    }
    db->head->flushed = false;
    db_flush(db);
    if (!db->head->flushed)
        db->copy = COPY_WAIT;
    return db->copy == COPY_DATA;
}

static void put_end(struct db *db) {
    int put = PQputCopyEnd(db->conn, db->copy_abort);
    if (put < 0)
        db_break(db, ERR_TEMPORARY, PQerrorMessage(db->conn));
    db->copy = put == 1 ? COPY_ENDED : COPY_ENDING;
    db->reread = true; /* an error that came before the end is in libpq's buffer already */
    db_flush(db);
}

void db_copy_end(struct db *db, const char *abort_why) {
    assert(db->copy == COPY_DATA || db->copy == COPY_WAIT || !db_is_up(db));
    if (!db_is_up(db))
        return;
    db->copy_abort = abort_why ? strdup(abort_why) : NULL;
    put_end(db);
}

void db_copy_writable(struct db *db) {
    if (!db_is_up(db) || !db->head || !db->head->flushed)
        return;
    if (db->copy == COPY_ENDING) {
        put_end(db);
    } else if (db->copy == COPY_WAIT) {
        db->copy = COPY_DATA;
        db->head->on_ready(db->head->ctx);
    }
}
