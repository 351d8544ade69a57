/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/db/check_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct db_stmt sleep_long = {"sleep_long", "select pg_sleep(60)"};
static const struct db_stmt one = {"one", "select 1::bigint"};

static void terminate_others(void) {
    struct err e = ERR_INIT;
    struct dbsync *s = dbsync_open(check_url, &e);
    ck_assert_msg(s != NULL, "%s", e.text);
    ck_assert(dbsync_script(s,
                            "select pg_terminate_backend(pid) from pg_stat_activity "
                            "where application_name = 'godwit' and pid <> pg_backend_pid()",
                            &e));
    dbsync_close(s);
}

static void run_one(struct peer *p) {
    struct outcome o;
    struct db_call call = {&one, NULL};
    peer_run(p, &call, 1, &o);
    ck_good(&o);
    ck_assert_int_eq(db_int(o.reply->result[0], 0, 0), 1);
    outcome_free(&o);
}

START_TEST(an_idle_connection_comes_back) {
    struct peer p;
    peer_open(&p, check_url, 0);
    run_one(&p);
    terminate_others();
    peer_until(&p, &p.downs, 1);
    ck_has(p.down.text, "terminating connection");
    ck_assert_int_eq(p.down.kind, ERR_TEMPORARY);
    struct err e = ERR_INIT;
    struct db_call call = {&one, NULL};
    ck_assert(!db_transaction(p.db, &call, 1, on_outcome, NULL, &e));
    ck_assert_int_eq(e.kind, ERR_TEMPORARY);
    peer_until(&p, &p.ups, 2);
    run_one(&p);
    peer_close(&p);
}
END_TEST

/* The server says that it ends the statement: the outcome is known. */
START_TEST(a_terminated_request_is_known_to_be_undone) {
    struct peer p;
    struct outcome o[2] = {0};
    struct err e = ERR_INIT;
    peer_open(&p, check_url, 0);
    run_one(&p);
    struct db_call call = {&sleep_long, NULL};
    struct db_call next = {&one, NULL};
    ck_assert(db_transaction(p.db, &call, 1, on_outcome, &o[0], &e));
    ck_assert(db_transaction(p.db, &next, 1, on_outcome, &o[1], &e));
    terminate_others();
    peer_until(&p, &o[1].calls, 1);
    ck_assert_int_eq(o[0].calls, 1);
    ck_assert_int_eq(o[0].err.kind, ERR_TEMPORARY);
    ck_assert_str_eq(o[0].reply->sqlstate, "57P01");
    ck_assert(!o[0].reply->outcome_unknown);
    ck_assert_int_eq(o[1].err.kind, ERR_TEMPORARY);
    ck_assert(o[1].reply->outcome_unknown); /* of the second nothing was heard */
    outcome_free(&o[0]);
    outcome_free(&o[1]);
    peer_until(&p, &p.ups, 2);
    run_one(&p);
    ck_assert_int_eq(p.downs, 1);
    peer_close(&p);
}
END_TEST

static const char *const stops[] = {"immediate", "kill"};

START_TEST(a_crashed_server_is_found_again) {
    struct peer p;
    struct outcome o = {0};
    struct err e = ERR_INIT;
    peer_open(&p, check_url, 0);
    run_one(&p);
    struct db_call call = {&sleep_long, NULL};
    ck_assert(db_transaction(p.db, &call, 1, on_outcome, &o, &e));
    check_server(stops[_i]);
    peer_until(&p, &o.calls, 1);
    ck_assert_int_eq(o.err.kind, ERR_TEMPORARY);
    ck_assert_msg(_i == 0 || o.reply->outcome_unknown, "%s", o.err.text);
    outcome_free(&o);
    peer_until(&p, &p.downs, 2); /* lost; then: not running */
    ck_has(p.down.text, "is the PostgreSQL server running");
    check_server("restart");
    peer_until(&p, &p.ups, 2);
    run_one(&p);
    peer_close(&p);
}
END_TEST

START_TEST(a_dropped_connection_comes_back) {
    struct peer p;
    struct outcome o = {0};
    struct err e = ERR_INIT;
    peer_open(&p, check_url, 0);
    run_one(&p);
    struct db_call call = {&sleep_long, NULL};
    ck_assert(db_transaction(p.db, &call, 1, on_outcome, &o, &e));
    db_drop(p.db, "it takes too long");
    ck_assert_int_eq(o.calls, 0);
    peer_until(&p, &p.ups, 2);
    ck_assert_int_eq(o.calls, 1);
    ck_assert(o.reply->outcome_unknown);
    ck_has(p.down.text, "too long");
    outcome_free(&o);
    run_one(&p);
    peer_close(&p);
}
END_TEST

START_TEST(closing_is_possible_in_every_state) {
    struct peer p;
    for (int turns = 0; turns < 12; turns++) {
        peer_open(&p, turns % 2 ? check_url : "postgresql:///x?host=/nonexistent", 0);
        for (int i = 0; i < turns / 2; i++)
            uv_run(&p.loop, UV_RUN_NOWAIT);
        peer_close(&p);
    }
}
END_TEST

/* ---- what people are told */

static const struct {
    const char *url; /* %s: the folder of the server's socket */
    enum err_kind kind;
    const char *says[3];
} refusals[] = {
    {"postgresql://locked:wr0ng@/postgres?host=%s",
     ERR_PERMANENT,
     {"password authentication failed", "28P01", "correct the user or password"}},
    {"postgresql://locked@/postgres?host=%s&passfile=/nonexistent",
     ERR_TEMPORARY,
     {"no password supplied"}},
    {"postgresql://postgres@/nosuch?host=%s",
     ERR_PERMANENT,
     {"\"nosuch\" does not exist", "3D000", "createdb"}},
    {"postgresql://nobodyknows@/postgres?host=%s", ERR_PERMANENT, {"nobodyknows", "28000"}},
    {"postgresql:///x?host=/nonexistent", ERR_TEMPORARY, {"running", "godwit db start"}},
    {"postgresql://u:s3cret@127.0.0.1:1/x", ERR_TEMPORARY, {"127.0.0.1", "port 1", "running"}},
};

START_TEST(refusals_say_what_to_do) {
    struct peer p;
    char url[600], folder[300];
    snprintf(folder, sizeof folder, "%s", strstr(check_url, "host=") + 5);
    /* the table holds no format of ours: replace by hand */
    const char *at = strstr(refusals[_i].url, "%s");
    if (at)
        snprintf(url, sizeof url, "%.*s%s%s", (int)(at - refusals[_i].url), refusals[_i].url,
                 folder, at + 2);
    else
        snprintf(url, sizeof url, "%s", refusals[_i].url);
    peer_open(&p, url, 0);
    peer_until(&p, &p.downs, 1);
    ck_assert_msg(p.down.kind == refusals[_i].kind, "%s", p.down.text);
    for (int i = 0; i < 3 && refusals[_i].says[i]; i++)
        ck_has(p.down.text, refusals[_i].says[i]);
    ck_assert_ptr_null(strstr(p.down.text, "wr0ng"));
    ck_assert_ptr_null(strstr(p.down.text, "s3cret"));
    peer_close(&p);
}
END_TEST

static const char *const bad_urls[] = {
    "host=x password=se cret",
    "postgresql://u:se@cret@host/db",
    "postgresql://u:cret/x@host/db",
    "postgresql://u@host/db?cret=1",
    "cret",
};

START_TEST(bad_urls_are_refused_without_quoting_them) {
    struct err e = ERR_INIT;
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct db_events events = {0};
    ck_assert_ptr_null(db_open(&loop, bad_urls[_i], 0, &events, &e));
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_has(e.text, "database URL cannot be read");
    ck_assert_msg(!strstr(e.text, "cret"), "%s", e.text);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

/* A server that accepts and says nothing. */
START_TEST(a_silent_server_times_out) {
    struct peer p;
    struct sockaddr_storage at;
    uv_ip4_addr("127.0.0.1", 0, (struct sockaddr_in *)&at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert(bind(fd, (struct sockaddr *)&at, sizeof(struct sockaddr_in)) == 0);
    ck_assert(listen(fd, 5) == 0);
    socklen_t n = sizeof at;
    getsockname(fd, (struct sockaddr *)&at, &n);
    char url[200];
    snprintf(url, sizeof url, "postgresql://u:s3cret@127.0.0.1:%d/x?connect_timeout=1",
             ntohs(((struct sockaddr_in *)&at)->sin_port));
    peer_open(&p, url, 0);
    peer_until(&p, &p.downs, 1);
    ck_has(p.down.text, "does not answer within 1 s");
    peer_close(&p);
    close(fd);
}
END_TEST

Suite *suite_lost(void) {
    Suite *s = suite_create("db");
    TCase *t = tcase_create("lost and found");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, an_idle_connection_comes_back);
    tcase_add_test(t, a_terminated_request_is_known_to_be_undone);
    tcase_add_loop_test(t, a_crashed_server_is_found_again, 0, 2);
    tcase_add_test(t, a_dropped_connection_comes_back);
    tcase_add_test(t, closing_is_possible_in_every_state);
    tcase_add_loop_test(t, refusals_say_what_to_do, 0, sizeof refusals / sizeof *refusals);
    tcase_add_loop_test(t, bad_urls_are_refused_without_quoting_them, 0,
                        sizeof bad_urls / sizeof *bad_urls);
    tcase_add_test(t, a_silent_server_times_out);
    suite_add_tcase(s, t);
    return s;
}
