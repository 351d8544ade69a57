/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/db/check_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char check_url[512];
static char folder[] = "/tmp/godwit-check.XXXXXX";

/* ---- the server */

static bool scratch(const char *command, char *out, size_t cap) {
    const char *srcdir = getenv("srcdir");
    char line[1024];
    snprintf(line, sizeof line, "%s/tests/peers/scratch_pg.sh %s %s", srcdir ? srcdir : ".",
             command, folder);
    FILE *f = popen(line, "r");
    if (!f)
        return false;
    char got[512] = "";
    while (fgets(got, sizeof got, f))
        continue;
    if (pclose(f) != 0)
        return false;
    got[strcspn(got, "\n")] = 0;
    if (out)
        snprintf(out, cap, "%s", got);
    return true;
}

void check_server(const char *command) {
    ck_assert_msg(scratch(command, NULL, 0), "scratch_pg.sh %s failed", command);
}

/* ---- a connection in a loop */

static void on_up(void *ctx) {
    ((struct peer *)ctx)->ups++;
}

static void on_down(void *ctx, const struct err *e) {
    struct peer *p = ctx;
    p->downs++;
    p->down = *e;
}

static void on_notify(void *ctx, struct str channel, struct str payload) {
    struct peer *p = ctx;
    p->notes++;
    snprintf(p->note, sizeof p->note, "%.*s=%.*s", STR_FMT(channel), STR_FMT(payload));
}

void peer_open(struct peer *p, const char *url, size_t max_requests) {
    *p = (struct peer){.arena = arena_new(0)};
    ck_assert_int_eq(uv_loop_init(&p->loop), 0);
    struct db_events events = {on_up, on_down, on_notify, p};
    struct err e = ERR_INIT;
    p->db = db_open(&p->loop, url, max_requests, &events, &e);
    ck_assert_msg(p->db != NULL, "%s", e.text);
}

static void on_closed(void *ctx) {
    ((struct peer *)ctx)->closed++;
}

void peer_close(struct peer *p) {
    db_close(p->db, on_closed, p);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(p->closed, 1);
    ck_assert_int_eq(uv_loop_close(&p->loop), 0);
    arena_free(p->arena);
}

static void on_late(uv_timer_t *t) {
    *(bool *)t->data = true;
}

void peer_until(struct peer *p, const int *counter, int least) {
    bool late = false;
    uv_timer_t timer;
    uv_timer_init(&p->loop, &timer);
    timer.data = &late;
    uv_timer_start(&timer, on_late, 20000, 0);
    while (*counter < least && !late)
        uv_run(&p->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    while (uv_is_active((uv_handle_t *)&timer))
        uv_run(&p->loop, UV_RUN_NOWAIT);
    uv_run(&p->loop, UV_RUN_NOWAIT);
    ck_assert_msg(!late, "nothing for 20 s; last: %s", p->down.text);
}

void on_outcome(void *ctx, const struct err *e, struct db_reply *reply) {
    struct outcome *o = ctx;
    o->calls++;
    o->err = e ? *e : ERR_INIT;
    o->reply = reply;
}

void peer_run(struct peer *p, const struct db_call *calls, size_t n, struct outcome *o) {
    *o = (struct outcome){0};
    peer_until(p, &p->ups, 1);
    struct err e = ERR_INIT;
    ck_assert_msg(db_transaction(p->db, calls, n, on_outcome, o, &e), "%s", e.text);
    ck_assert_int_eq(o->calls, 0);
    peer_until(p, &o->calls, 1);
}

void peer_query(struct peer *p, const char *sql, struct db_params *params, struct outcome *o) {
    struct db_stmt stmt = {NULL, sql};
    struct db_call call = {&stmt, params};
    peer_run(p, &call, 1, o);
}

void outcome_free(struct outcome *o) {
    db_reply_free(o->reply);
    o->reply = NULL;
}

int main(void) {
    if (!mkdtemp(folder) || !scratch("start", check_url, sizeof check_url)) {
        fputs("check_db: no scratch PostgreSQL: the tests need its server programs\n", stderr);
        return EXIT_FAILURE;
    }
    SRunner *r = srunner_create(suite_params());
    srunner_add_suite(r, suite_request());
    srunner_add_suite(r, suite_lost());
    srunner_add_suite(r, suite_dbsync());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    scratch("stop", NULL, 0);
    rmdir(folder);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
