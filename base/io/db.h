/* SPDX-License-Identifier: Apache-2.0
 *
 * db: one connection to PostgreSQL, owned by the thread of a libuv loop.
 *
 * libpq in non-blocking pipeline mode: many requests may be under way on one
 * connection; they run and end in the order in which they were made. A request
 * is a list of statements that run as ONE transaction: the pipeline's implicit
 * transaction, ended by one Sync. Statements see what earlier ones of the same
 * request did (READ COMMITTED, a fresh snapshot each); the first that fails
 * undoes all of them and skips the rest, and the next request starts clean.
 *
 * Promises about callbacks. If making a request fails (false), its `done` never
 * fires; otherwise it fires exactly once, from the loop and never from inside the
 * call, also when the connection is lost (ERR_TEMPORARY) or closed. It fires with
 * e == NULL only after the server confirmed the commit. While the connection is
 * down requests are refused with ERR_TEMPORARY: wait for on_up.
 *
 * A lost connection is made again, after 100 ms .. 5 s (doubling, with jitter),
 * until db_close. db never logs: on_up/on_down are called once per change.
 * Passwords never get into error texts.
 */
#ifndef GODWIT_BASE_IO_DB_H
#define GODWIT_BASE_IO_DB_H

#include "base/err.h"
#include "base/io/db_params.h"
#include "base/io/db_result.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct db;

/* A statement with static storage: it is known by its address. Prepared on first
 * use on each connection, in the same flight as that use; the types of the
 * parameters are those of the first use. name NULL: parsed on each use, for SQL
 * made at run time (then it need only live until `done`). */
struct db_stmt {
    const char *name;
    const char *sql;
};

/* One statement with its parameters (NULL: none; they must live until `done`). */
struct db_call {
    const struct db_stmt *stmt;
    const struct db_params *params;
};

/* What came of a request. Belongs to the receiver of `done`, also after an
 * error: it may be kept as long as wanted and ends with db_reply_free(). */
struct db_reply {
    size_t n; /* results: one per statement; 0 after an error */
    const struct db_result **result;
    size_t failed;        /* after an error: index of the statement (n of them: commit) */
    char sqlstate[6];     /* after an error of the server, otherwise "" */
    bool outcome_unknown; /* connection lost when the commit may have happened or not */
};

typedef void (*db_done_fn)(void *ctx, const struct err *e, struct db_reply *reply);
void db_reply_free(struct db_reply *reply); /* NULL is fine */

struct db_events {
    void (*on_up)(void *ctx); /* run LISTEN and settings here: first in line */
    void (*on_down)(void *ctx, const struct err *e); /* lost, or (once) could not be made */
    void (*on_notify)(void *ctx, struct str channel, struct str payload); /* may be NULL */
    void *ctx;
};

/* Starts connecting; `conninfo` is a libpq URL or key=value text. Fails only when
 * that text is wrong. max_requests bounds requests not yet done (0: 64). */
struct db *db_open(uv_loop_t *loop, const char *conninfo, size_t max_requests,
                   const struct db_events *events, struct err *e) MUST_CHECK;

/* Ends the connection at once: requests under way fail (ERR_TEMPORARY, "cancelled"),
 * then on_closed (may be NULL) is the last callback. db is dead after the call. */
void db_close(struct db *db, void (*on_closed)(void *ctx), void *ctx);

bool db_is_up(const struct db *db);
size_t db_room(const struct db *db); /* requests that may still be made now */

/* Drops the connection and makes a new one: for an owner whose request takes too
 * long. Requests under way fail as when the network had failed. */
void db_drop(struct db *db, const char *why);

/* One transaction of n >= 1 statements; `calls` is copied. */
bool db_transaction(struct db *db, const struct db_call *calls, size_t n, db_done_fn done,
                    void *ctx, struct err *e) MUST_CHECK;

/* A script of several statements without parameters or results, by the simple
 * protocol: one transaction unless it says begin/commit itself. Waits until the
 * pipeline is empty and runs alone, like the next two. The text must live until done. */
bool db_script(struct db *db, const char *sql, db_done_fn done, void *ctx,
               struct err *e) MUST_CHECK;

/* One statement whose rows are handed over one by one (row 0 of r, valid during
 * the call), in constant memory. on_row returns false to be spared the rest.
 * The rows are not confirmed before `done` says so. */
bool db_stream(struct db *db, struct db_call call,
               bool (*on_row)(void *ctx, const struct db_result *r), db_done_fn done, void *ctx,
               struct err *e) MUST_CHECK;

/* COPY ... FROM STDIN. on_ready: the server takes data now; call db_copy_data until
 * it returns false (bytes were taken, but wait for the next on_ready), then
 * db_copy_end. abort_why NULL: keep the rows; otherwise they are undone and done
 * gets an error with that text. db_affected(reply->result[0]) is the count. */
bool db_copy(struct db *db, const char *sql, void (*on_ready)(void *ctx), db_done_fn done,
             void *ctx, struct err *e) MUST_CHECK;
bool db_copy_data(struct db *db, struct str bytes);
void db_copy_end(struct db *db, const char *abort_why);

#endif
