/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/db/check_db.h"

#include <sys/resource.h>

static struct dbsync *s;
static struct arena *arena;
static struct err e;

static const struct db_stmt count_rows = {"count_rows", "select count(*) from c"};

static void setup(void) {
    e = ERR_INIT;
    arena = arena_new(0);
    s = dbsync_open(check_url, &e);
    ck_assert_msg(s != NULL, "%s", e.text);
    ck_assert(dbsync_script(s, "drop table if exists c; create table c (k bigint, v text)", &e));
}

static void teardown(void) {
    dbsync_close(s);
    arena_free(arena);
}

static int64_t rows_now(void) {
    struct db_reply *reply = NULL;
    ck_assert_msg(dbsync_query(s, &count_rows, NULL, &reply, &e), "%s", e.text);
    int64_t n = db_int(reply->result[0], 0, 0);
    db_reply_free(reply);
    return n;
}

static void copy_rows(int n) {
    struct buf b = BUF_HEAP;
    for (int i = 0; i < n; i++) {
        buf_printf(&b, "%d\trow %d 優惠\n", i, i);
        if (b.n > 60000) {
            ck_assert(dbsync_copy_data(s, buf_str(&b), &e));
            buf_clear(&b);
        }
    }
    ck_assert(dbsync_copy_data(s, buf_str(&b), &e));
    buf_close(&b);
}

START_TEST(copy_brings_a_hundred_thousand_rows) {
    int64_t rows = 0;
    ck_assert_msg(dbsync_copy_begin(s, "copy c from stdin", &e), "%s", e.text);
    copy_rows(100000);
    ck_assert_msg(dbsync_copy_end(s, NULL, &rows, &e), "%s", e.text);
    ck_assert_int_eq(rows, 100000);
    ck_assert_int_eq(rows_now(), 100000);
}
END_TEST

START_TEST(copy_is_part_of_an_open_transaction) {
    ck_assert(dbsync_script(s, "begin", &e));
    ck_assert(dbsync_copy_begin(s, "copy c from stdin", &e));
    copy_rows(10);
    ck_assert(dbsync_copy_end(s, NULL, NULL, &e));
    ck_assert_int_eq(rows_now(), 10);
    ck_assert(dbsync_script(s, "rollback", &e));
    ck_assert_int_eq(rows_now(), 0);
}
END_TEST

START_TEST(an_aborted_copy_leaves_nothing) {
    ck_assert(dbsync_copy_begin(s, "copy c from stdin", &e));
    copy_rows(5000);
    ck_assert(!dbsync_copy_end(s, "the file ends in the middle of a row", NULL, &e));
    ck_assert_str_eq(e.text, "the file ends in the middle of a row");
    ck_assert_int_eq(rows_now(), 0);
}
END_TEST

START_TEST(a_bad_row_fails_the_copy) {
    ck_assert(dbsync_copy_begin(s, "copy c from stdin", &e));
    copy_rows(10);
    ck_assert(dbsync_copy_data(s, S("x\ty\n"), &e));
    copy_rows(20000);
    ck_assert(!dbsync_copy_end(s, NULL, NULL, &e));
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_str_eq(dbsync_sqlstate(s), "22P02");
    ck_assert_int_eq(rows_now(), 0);
    ck_assert(!dbsync_copy_begin(s, "copy nosuch from stdin", &e));
    ck_assert_int_eq(e.kind, ERR_PERMANENT);
    ck_assert_int_eq(rows_now(), 0);
}
END_TEST

static int64_t seen, sum;

static bool on_row(void *ctx, const struct db_result *r) {
    const int64_t *most = ctx;
    ck_assert_uint_eq(db_rows(r), 1);
    seen++;
    sum += db_int(r, 0, 0);
    return seen < *most;
}

START_TEST(streaming_needs_no_memory) {
    static const struct db_stmt big = {
        NULL, "select g::bigint, repeat('x', 500) from generate_series(1, 200000) g"};
    struct rusage before, after;
    int64_t most = INT64_MAX;
    seen = sum = 0;
    getrusage(RUSAGE_SELF, &before);
    ck_assert_msg(dbsync_stream(s, (struct db_call){&big, NULL}, on_row, &most, &e), "%s", e.text);
    getrusage(RUSAGE_SELF, &after);
    ck_assert_int_eq(seen, 200000);
    ck_assert_int_eq(sum, INT64_C(200000) * 200001 / 2);
#ifndef __SANITIZE_ADDRESS__ /* whose quarantine keeps what was freed */
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 4096);
#endif
}
END_TEST

/* libpq leaves its row-by-row mode on for what comes next. */
START_TEST(a_stream_leaves_nothing_behind) {
    static const struct db_stmt unnamed = {NULL, "select i from generate_series(1, 7) i"};
    struct db_reply *reply;
    size_t most = 0;
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(dbsync_stream(s, (struct db_call){&unnamed, NULL}, on_row, &most, &e), "%s",
                      e.text);
        ck_assert_msg(dbsync_query(s, &unnamed, NULL, &reply, &e), "%s", e.text);
        ck_assert_uint_eq(db_rows(reply->result[0]), 7);
        db_reply_free(reply);
    }
}
END_TEST

START_TEST(streaming_can_be_cut_short_and_can_fail) {
    static const struct db_stmt some = {NULL,
                                        "select 100 / (50 - g) from generate_series(1, 60) g"};
    int64_t most = 10;
    seen = sum = 0;
    ck_assert(!dbsync_stream(s, (struct db_call){&some, NULL}, on_row, &most, &e));
    ck_assert_str_eq(dbsync_sqlstate(s), "22012");
    ck_assert_int_eq(seen, 10);
    ck_assert_int_eq(rows_now(), 0);
}
END_TEST

START_TEST(a_lost_session_stays_lost) {
    static const struct db_stmt suicide = {NULL, "select pg_terminate_backend(pg_backend_pid())"};
    ck_assert(!dbsync_query(s, &suicide, NULL, NULL, &e));
    ck_assert_int_eq(e.kind, ERR_TEMPORARY);
    ck_assert(!dbsync_query(s, &count_rows, NULL, NULL, &e));
    ck_assert_int_eq(e.kind, ERR_TEMPORARY);
}
END_TEST

START_TEST(opening_fails_with_the_reason) {
    struct dbsync *none = dbsync_open("postgresql:///x?host=/nonexistent", &e);
    ck_assert_ptr_null(none);
    ck_has(e.text, "running");
    none = dbsync_open("nonsense", &e);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(e.kind, ERR_INPUT);
}
END_TEST

Suite *suite_dbsync(void) {
    Suite *suite = suite_create("dbsync");
    TCase *t = tcase_create("sessions");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 40);
    tcase_add_test(t, copy_brings_a_hundred_thousand_rows);
    tcase_add_test(t, copy_is_part_of_an_open_transaction);
    tcase_add_test(t, an_aborted_copy_leaves_nothing);
    tcase_add_test(t, a_bad_row_fails_the_copy);
    tcase_add_test(t, streaming_needs_no_memory);
    tcase_add_test(t, a_stream_leaves_nothing_behind);
    tcase_add_test(t, streaming_can_be_cut_short_and_can_fail);
    tcase_add_test(t, a_lost_session_stays_lost);
    tcase_add_test(t, opening_fails_with_the_reason);
    suite_add_tcase(suite, t);
    return suite;
}
