/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/db_internal.h"

#include "base/io/db_params_internal.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CALLS 64 /* statements in a transaction */

/* ---- making a request */

static void *zalloc(size_t n) {
    void *p = calloc(1, n);
    if (!p)
        abort();
    return p;
}

struct request *db_request_new(struct db *db, enum request_kind kind, size_t n, struct err *e) {
    assert(n >= 1 && n <= MAX_CALLS);
    if (!db_is_up(db)) {
        err_set(e, ERR_TEMPORARY, "not connected to PostgreSQL%s%s",
                db->reported.kind ? ": " : " yet", db->reported.kind ? db->reported.text : "");
        return NULL;
    }
    if (db->count >= db->max) {
        err_set(e, ERR_TEMPORARY, "%zu requests wait for PostgreSQL already", db->count);
        return NULL;
    }
    struct request *r = zalloc(sizeof *r + n * (sizeof *r->calls + sizeof *r->prepared_by));
    r->kind = kind;
    r->n = n;
    r->calls = (struct db_call *)(void *)(r + 1);
    r->prepared_by = (size_t *)(void *)(r->calls + n);
    r->reply = zalloc(sizeof *r->reply + n * sizeof *r->reply->result);
    r->reply->result = (const struct db_result **)(void *)(r->reply + 1);
    return r;
}

void db_request_push(struct db *db, struct request *r, db_done_fn done, void *ctx) {
    r->done = done;
    r->ctx = ctx;
    *db->tail = r;
    db->tail = &r->next;
    if (!db->unsent)
        db->unsent = r;
    db->count++;
    db_pump(db);
}

bool db_transaction(struct db *db, const struct db_call *calls, size_t n, db_done_fn done,
                    void *ctx, struct err *e) {
    struct request *r = db_request_new(db, REQUEST_TRANSACTION, n, e);
    if (!r)
        return false;
    memcpy(r->calls, calls, n * sizeof *calls);
    db_request_push(db, r, done, ctx);
    return true;
}

void db_reply_free(struct db_reply *reply) {
    if (!reply)
        return;
    for (size_t i = 0; i < reply->n; i++)
        PQclear((PGresult *)(uintptr_t)reply->result[i]);
    free(reply);
}

/* ---- prepared statements: a table by address */

static struct stmt_slot *find_slot(const struct db *db, const struct db_stmt *stmt) {
    size_t i = (size_t)((uintptr_t)stmt / sizeof(void *) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
    for (;; i++) {
        struct stmt_slot *s = &db->slots[i & (db->slots_cap - 1)];
        if (!s->stmt || s->stmt == stmt)
            return s;
    }
}

static void grow_slots(struct db *db) {
    struct stmt_slot *old = db->slots;
    size_t n = db->slots_cap;
    db->slots_cap = n ? n * 2 : 64;
    db->slots = zalloc(db->slots_cap * sizeof *db->slots);
    for (size_t i = 0; i < n; i++)
        if (old[i].stmt)
            *find_slot(db, old[i].stmt) = old[i];
    free(old);
}

/* The server knows statements by name, this table by address: one name, one address. */
static bool name_is_taken(const struct db *db, const char *name) {
    for (size_t i = 0; i < db->slots_cap; i++)
        if (db->slots[i].stmt && strcmp(db->slots[i].stmt->name, name) == 0)
            return true;
    return false;
}

static struct stmt_slot *slot_of(struct db *db, const struct db_stmt *stmt) {
    if (db->slots_n * 2 >= db->slots_cap)
        grow_slots(db);
    struct stmt_slot *s = find_slot(db, stmt);
    if (!s->stmt) {
        assert(!name_is_taken(db, stmt->name));
        s->stmt = stmt;
        db->slots_n++;
    }
    return s;
}

void db_forget_statements(struct db *db) {
    for (size_t i = 0; i < db->slots_cap; i++)
        db->slots[i].state = STMT_UNKNOWN;
}

/* ---- sending */

static bool send_prepares(struct db *db, struct request *r) {
    for (size_t i = 0; i < r->n; i++) {
        const struct db_call *c = &r->calls[i];
        if (!c->stmt->name)
            continue;
        struct stmt_slot *s = slot_of(db, c->stmt);
        if (s->state != STMT_UNKNOWN)
            continue;
        if (!PQsendPrepare(db->conn, c->stmt->name, c->stmt->sql, c->params ? (int)c->params->n : 0,
                           c->params ? c->params->type : NULL) ||
            !PQpipelineSync(db->conn))
            return false;
        s->state = STMT_SENT;
        r->prepared_by[r->prepares++] = i;
    }
    return true;
}

static bool send_call(struct db *db, const struct db_call *c) {
    static const struct db_params none;
    const struct db_params *p = c->params ? c->params : &none;
    if (c->stmt->name)
        return PQsendQueryPrepared(db->conn, c->stmt->name, (int)p->n, p->value, p->length,
                                   p->format, 1);
    return PQsendQueryParams(db->conn, c->stmt->sql, (int)p->n, p->type, p->value, p->length,
                             p->format, 1);
}

static bool send_transaction(struct db *db, struct request *r) {
    if (PQpipelineStatus(db->conn) == PQ_PIPELINE_OFF) {
        /* libpq would give the first statement of the pipeline row by row, as the stream
         * before it; behind a Sync it does not */
        r->resumes = true;
        if (!PQenterPipelineMode(db->conn) || !PQpipelineSync(db->conn))
            return false;
    }
    if (!send_prepares(db, r))
        return false;
    for (size_t i = 0; i < r->n; i++)
        if (!send_call(db, &r->calls[i]))
            return false;
    return PQpipelineSync(db->conn) != 0;
}

void db_pump(struct db *db) {
    while (db_is_up(db) && db->unsent) {
        struct request *r = db->unsent;
        bool alone = r->kind != REQUEST_TRANSACTION;
        if (r != db->head && (alone || db->head->kind != REQUEST_TRANSACTION))
            break;
        r->sent = true;
        db->unsent = r->next;
        if (!(alone ? db_alone_start(db, r) : send_transaction(db, r)))
            db_break(db, ERR_TEMPORARY, PQerrorMessage(db->conn));
    }
    db_flush(db);
}

/* ---- results */

static const char *name_of(const struct request *r, size_t at) {
    if (r->kind == REQUEST_SCRIPT)
        return "a script";
    if (r->kind == REQUEST_COPY)
        return "copying rows in";
    if (at >= r->n)
        return "at the commit";
    return r->calls[at].stmt->name ? r->calls[at].stmt->name : "a query";
}

void db_request_error(struct request *r, const PGresult *res, size_t at) {
    if (r->err.kind)
        return; /* what follows is only a consequence */
    db_error_result(&r->err, res, name_of(r, at));
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (state && strlen(state) == 5)
        memcpy(r->reply->sqlstate, state, 6);
    r->reply->failed = at;
}

bool db_said_by_server(struct db *db, const PGresult *res) {
    if (!PQresultErrorField(res, PG_DIAG_SQLSTATE)) { /* libpq says that the connection is lost */
        db_break(db, ERR_TEMPORARY, PQresultErrorMessage(res));
        return false;
    }
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        db_error_result(&db->last_fatal, res, "connection closed by the server");
    return true;
}

static void prepare_result(struct db *db, struct request *r, PGresult *res) {
    size_t at = r->prepared_by[r->prepare];
    bool good = PQresultStatus(res) == PGRES_COMMAND_OK;
    find_slot(db, r->calls[at].stmt)->state = good ? STMT_READY : STMT_UNKNOWN;
    if (!good && PQresultStatus(res) == PGRES_FATAL_ERROR && db_said_by_server(db, res))
        db_request_error(r, res, at);
    PQclear(res);
}

/* A statement refers to a table that a migration changed: prepare everything anew. */
static bool plan_is_stale(const PGresult *res) {
    const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
    return function && strcmp(function, "RevalidateCachedQuery") == 0;
}

static void call_result(struct db *db, struct request *r, PGresult *res) {
    switch (PQresultStatus(res)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        assert(r->call < r->n);
        r->reply->result[r->call] = (const struct db_result *)(const void *)res;
        r->reply->n = r->call + 1;
        return; /* kept */
    case PGRES_PIPELINE_ABORTED:
        break;
    case PGRES_FATAL_ERROR:
        if (!db_said_by_server(db, res))
            break;
        if (plan_is_stale(res))
            db_break(db, ERR_TEMPORARY, "prepared statements are out of date");
        db_request_error(r, res, r->call);
        break;
    default:
        err_set(&r->err, ERR_BUG, "%s: a statement that does not fit into a transaction (%s)",
                name_of(r, r->call), PQresStatus(PQresultStatus(res)));
        db_break(db, ERR_BUG, r->err.text);
    }
    PQclear(res);
}

/* Takes res. True: the request has ended. */
static bool transaction_result(struct db *db, struct request *r, PGresult *res) {
    bool preparing = r->prepare < r->prepares;
    if (!res) { /* end of a statement's results */
        if (!r->answered)
            db_break(db, ERR_BUG, "libpq and godwit disagree on where they are in the pipeline");
        else if (!preparing && r->call < r->n)
            r->call++;
        r->answered = false;
        return false;
    }
    if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
        PQclear(res);
        r->answered = false;
        if (r->resumes) {
            r->resumes = false;
            return false;
        }
        if (!preparing)
            return true;
        r->prepare++;
        return false;
    }
    r->answered = true;
    if (preparing)
        prepare_result(db, r, res);
    else
        call_result(db, r, res);
    return false;
}

static void drop_results(struct db_reply *reply) {
    for (size_t i = 0; i < reply->n; i++)
        PQclear((PGresult *)(uintptr_t)reply->result[i]);
    reply->n = 0;
}

static void settle(struct request *r) {
    bool good = !r->err.kind;
    if (!good)
        drop_results(r->reply);
    r->done(r->ctx, good ? NULL : &r->err, r->reply);
    free(r);
}

void db_request_finish(struct db *db) {
    struct request *r = db->head;
    db->head = r->next;
    if (!db->head)
        db->tail = &db->head;
    db->count--;
    settle(r);
    db_pump(db);
}

/* With an error of its own below the commit the transaction is known to be undone,
 * and so it is when the kernel never got all of it. */
static bool outcome_unknown(const struct request *r, enum copy_state copy) {
    if (r->kind == REQUEST_COPY && copy != COPY_ENDED)
        return false; /* the end of the data was not sent */
    return r->flushed && !(r->err.kind && r->reply->failed < r->n);
}

void db_fail_requests(struct db *db, const struct err *why) {
    struct request *r = db->head;
    db->head = db->unsent = NULL;
    db->tail = &db->head;
    db->count = 0;
    enum copy_state copy = db->copy;
    db->copy = COPY_NONE;
    free(db->copy_abort);
    db->copy_abort = NULL;
    while (r) {
        struct request *next = r->next;
        r->reply->outcome_unknown = outcome_unknown(r, copy);
        if (r->reply->outcome_unknown || !r->err.kind) {
            r->err = *why;
            r->err.kind = ERR_TEMPORARY;
            r->reply->failed = r->call;
        }
        settle(r);
        r = next;
    }
}

void db_read(struct db *db) {
    while (db_is_up(db) && db->head && db->head->sent) {
        struct request *r = db->head;
        if (db->copy == COPY_DATA || db->copy == COPY_WAIT || db->copy == COPY_ENDING)
            return; /* the server says nothing before the end of the data */
        if (PQisBusy(db->conn))
            return;
        PGresult *res = PQgetResult(db->conn);
        bool ended = r->kind == REQUEST_TRANSACTION ? transaction_result(db, r, res)
                                                    : db_alone_result(db, r, res);
        if (ended)
            db_request_finish(db);
    }
}
