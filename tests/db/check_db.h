/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GODWIT_TESTS_DB_CHECK_DB_H
#define GODWIT_TESTS_DB_CHECK_DB_H

#include "base/arena.h"
#include "base/io/db.h"
#include "base/io/dbsync.h"

#include <check.h>

/* The scratch server of this run: started once, before the tests fork. */
extern char check_url[512];
void check_server(const char *command); /* "immediate", "kill", "restart" */

/* A connection with a loop, and what its callbacks saw. */
struct peer {
    uv_loop_t loop;
    struct db *db;
    struct arena *arena;
    int ups, downs, notes, closed;
    struct err down;
    char note[256];
};

/* What one request came to. */
struct outcome {
    int calls;
    struct err err;
    struct db_reply *reply;
};

void peer_open(struct peer *p, const char *url, size_t max_requests);
void peer_close(struct peer *p);
void on_outcome(void *ctx, const struct err *e, struct db_reply *reply);
/* Runs the loop until *counter reaches `least`; fails the test after 20 s. */
void peer_until(struct peer *p, const int *counter, int least);
/* Makes the request and waits for it. */
void peer_run(struct peer *p, const struct db_call *calls, size_t n, struct outcome *o);
void peer_query(struct peer *p, const char *sql, struct db_params *params, struct outcome *o);
void outcome_free(struct outcome *o);
#define ck_good(o) ck_assert_msg((o)->err.kind == ERR_NONE, "%s", (o)->err.text)
#define ck_has(text, part) ck_assert_msg(strstr((text), (part)), "no `%s` in: %s", (part), (text))

Suite *suite_params(void);
Suite *suite_request(void);
Suite *suite_lost(void);
Suite *suite_dbsync(void);

#endif
