/* SPDX-License-Identifier: Apache-2.0
 *
 * db_internal: what the files of db share. Nobody else includes it.
 *
 * db.c makes, watches, loses and ends the connection; db_request.c puts requests
 * into the pipeline and reads their results; db_alone.c does what runs alone,
 * outside the pipeline; db_error.c says what an error means.
 */
#ifndef GODWIT_BASE_IO_DB_INTERNAL_H
#define GODWIT_BASE_IO_DB_INTERNAL_H

#include "base/io/db.h"

#include <libpq-fe.h>

/* RESOLVING (a thread) -> HANDSHAKE -> UP -> lost -> WAITING -> RESOLVING ...
 * and from each of them -> CLOSING. Only in UP do requests exist. */
enum db_state { DB_RESOLVING, DB_HANDSHAKE, DB_UP, DB_WAITING, DB_CLOSING };

enum request_kind { REQUEST_TRANSACTION, REQUEST_SCRIPT, REQUEST_STREAM, REQUEST_COPY };

/* Normal path of a transaction's results: for each statement to prepare its result,
 * NULL, SYNC; then for each call its result, NULL; then SYNC. Each prepare has a
 * Sync of its own, so that a failing statement does not undo the preparation of
 * others. A request of another kind: results, then NULL. */
struct request {
    struct request *next;
    enum request_kind kind;
    bool sent;      /* given to libpq */
    bool flushed;   /* ... and to the kernel: the server may commit it */
    bool answered;  /* the current call returned its result */
    bool resumes;   /* the pipeline: a Sync of its own comes first */
    bool stopped;   /* on_row asked to be spared the rest */
    size_t prepare; /* index of the prepare whose result comes next */
    size_t prepares;
    size_t call; /* index of the call whose result comes next; n: the commit */
    size_t n;
    struct err err; /* the first error */
    struct db_reply *reply;
    db_done_fn done;
    void *ctx;
    const char *sql;                                      /* script and copy */
    bool (*on_row)(void *ctx, const struct db_result *r); /* stream */
    void (*on_ready)(void *ctx);                          /* copy */
    struct db_call *calls;                                /* n, behind the struct */
    size_t *prepared_by; /* calls that need a prepare, <= n of them */
};

enum stmt_state { STMT_UNKNOWN, STMT_SENT, STMT_READY };

struct stmt_slot {
    const struct db_stmt *stmt; /* NULL: free */
    enum stmt_state state;
};

enum copy_state { COPY_NONE, COPY_DATA, COPY_WAIT, COPY_ENDING, COPY_ENDED };

struct db {
    uv_loop_t *loop;
    enum db_state state;
    struct db_events events;
    PQconninfoOption *options; /* of the caller, parsed */
    unsigned connect_timeout_ms;
    unsigned failures; /* connection attempts failed since the last success */
    uint64_t jitter;
    struct err reported; /* what on_down was last called with */

    PGconn *conn;
    uv_thread_t thread; /* runs PQconnectStart, which may wait for DNS */
    uv_async_t resolved;
    uv_timer_t timer;      /* RESOLVING: off; HANDSHAKE: time-out; UP: broken; WAITING: retry */
    uv_poll_t *poll;       /* own allocation: freed in its close callback */
    int fd, watched;       /* events that poll is started with; 0: stopped */
    struct err broken;     /* UP: found inside a call, acted on from the loop */
    struct err last_fatal; /* what the server said before it closed the connection */

    struct request *head, **tail; /* sent ones first */
    struct request *unsent;       /* first not yet sent; NULL: all are */
    size_t count, max;
    bool reading; /* inside db_read: its end does what is left to do */
    struct stmt_slot *slots;
    size_t slots_cap, slots_n;

    enum copy_state copy;
    char *copy_abort;
    bool reread; /* look at the results once, even if the socket has nothing to read */

    void (*on_closed)(void *ctx);
    void *closed_ctx;
    int handles; /* not yet closed */
};

/* ---- db.c */
void db_break(struct db *db, enum err_kind kind, const char *why); /* lose it, from the loop */
void db_flush(struct db *db);                                      /* write what libpq holds */

/* ---- db_request.c */
void db_pump(struct db *db);                                 /* send what may be sent */
void db_read(struct db *db);                                 /* work off results that are here */
void db_fail_requests(struct db *db, const struct err *why); /* all of them, with callbacks */
void db_forget_statements(struct db *db);
struct request *db_request_new(struct db *db, enum request_kind kind, size_t n, struct err *e);
void db_request_push(struct db *db, struct request *r, db_done_fn done, void *ctx);
void db_request_finish(struct db *db);                      /* takes off the head, calls its done */
bool db_said_by_server(struct db *db, const PGresult *res); /* false: the connection broke */
void db_request_error(struct request *r, const PGresult *res, size_t at);

/* ---- db_alone.c: the kinds that run outside the pipeline */
bool db_alone_start(struct db *db, struct request *r);                 /* false: libpq refused */
bool db_alone_result(struct db *db, struct request *r, PGresult *res); /* takes res; true: ended */
void db_copy_writable(struct db *db);

/* ---- db_error.c */
enum err_kind db_error_kind(const char *sqlstate);
void db_error_result(struct err *e, const PGresult *res, const char *what);
void db_error_connect(struct err *e, const PGconn *conn);
bool db_error_conninfo(struct err *e, const char *libpq_text);

#endif
