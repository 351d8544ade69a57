/* SPDX-License-Identifier: Apache-2.0
 *
 * dbsync: the blocking face of db, for commands that have no loop (migrate, report,
 * explain, import). Same statements, parameters and results; it runs a loop of its
 * own until the answer is there.
 *
 * One session that is never renewed: once the connection is lost every call fails,
 * so an advisory lock or an open transaction cannot vanish unnoticed. A caller may
 * therefore span a transaction over calls: dbsync_script(s, "begin", &e) ...
 * "commit". One thread.
 */
#ifndef GODWIT_BASE_IO_DBSYNC_H
#define GODWIT_BASE_IO_DBSYNC_H

#include "base/io/db.h"

struct dbsync;

/* Connects; NULL with the reason when that fails (no retry). */
struct dbsync *dbsync_open(const char *conninfo, struct err *e) MUST_CHECK;
void dbsync_close(struct dbsync *s); /* NULL is fine */

/* One transaction of n statements. *reply (may be NULL) is the caller's after
 * success, to be freed with db_reply_free. */
bool dbsync_run(struct dbsync *s, const struct db_call *calls, size_t n, struct db_reply **reply,
                struct err *e) MUST_CHECK;
/* The same for one statement. */
bool dbsync_query(struct dbsync *s, const struct db_stmt *stmt, const struct db_params *params,
                  struct db_reply **reply, struct err *e) MUST_CHECK;

bool dbsync_script(struct dbsync *s, const char *sql, struct err *e) MUST_CHECK;

/* Rows one by one in constant memory, as db_stream. */
bool dbsync_stream(struct dbsync *s, struct db_call call,
                   bool (*on_row)(void *ctx, const struct db_result *r), void *ctx,
                   struct err *e) MUST_CHECK;

/* COPY ... FROM STDIN: begin, data any number of times (64 KiB or so each; waits while
 * the server is slower), end. After a failed data call end is still called, and says
 * what was wrong. `rows` may be NULL. */
bool dbsync_copy_begin(struct dbsync *s, const char *sql, struct err *e) MUST_CHECK;
bool dbsync_copy_data(struct dbsync *s, struct str bytes, struct err *e) MUST_CHECK;
bool dbsync_copy_end(struct dbsync *s, const char *abort_why, int64_t *rows,
                     struct err *e) MUST_CHECK;

/* Of the last call that failed: "" if the server gave none. */
const char *dbsync_sqlstate(const struct dbsync *s);

#endif
