/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/db/check_db.h"

static struct peer p;

static const struct db_stmt insert_row = {"insert_row", "insert into t values ($1, $2)"};
static const struct db_stmt count_rows = {"count_rows", "select count(*) from t"};
static const struct db_stmt divide = {"divide", "select 1 / $1"};
static const struct db_stmt wrong = {"wrong", "selekt 1"};

static void setup(void) {
    struct outcome o;
    peer_open(&p, check_url, 0);
    peer_until(&p, &p.ups, 1);
    struct err e = ERR_INIT;
    o.calls = 0;
    ck_assert(db_script(p.db,
                        "drop table if exists t; create table t (k bigint primary key, v text);"
                        "create table if not exists parent (k bigint primary key);"
                        "drop table if exists child; create table child (k bigint references "
                        "parent deferrable initially deferred)",
                        on_outcome, &o, &e));
    peer_until(&p, &o.calls, 1);
    ck_good(&o);
    outcome_free(&o);
}

static void teardown(void) {
    peer_close(&p);
}

static struct db_params *row(int64_t k, const char *v) {
    struct db_params *b = db_params(p.arena);
    db_param_int8(b, k);
    db_param_text(b, str_from(v));
    return b;
}

static int64_t rows_now(void) {
    struct outcome o;
    struct db_call call = {&count_rows, NULL};
    peer_run(&p, &call, 1, &o);
    ck_good(&o);
    int64_t n = db_int(o.reply->result[0], 0, 0);
    outcome_free(&o);
    return n;
}

START_TEST(statements_of_a_transaction_see_each_other) {
    struct outcome o;
    struct db_call calls[] = {{&insert_row, row(1, "a")},
                              {&count_rows, NULL},
                              {&insert_row, row(2, "b")},
                              {&count_rows, NULL}};
    peer_run(&p, calls, 4, &o);
    ck_good(&o);
    ck_assert_uint_eq(o.reply->n, 4);
    ck_assert_int_eq(db_affected(o.reply->result[0]), 1);
    ck_assert_int_eq(db_int(o.reply->result[1], 0, 0), 1);
    ck_assert_int_eq(db_int(o.reply->result[3], 0, 0), 2);
    outcome_free(&o);
}
END_TEST

#define MANY 2000
START_TEST(many_requests_end_in_order) {
    static struct outcome o[MANY];
    struct err e = ERR_INIT;
    for (int i = 0; i < MANY; i++) {
        while (!db_room(p.db))
            peer_until(&p, &o[i - 64].calls, 1);
        struct db_call calls[] = {{&insert_row, row(i, "x")}, {&count_rows, NULL}};
        ck_assert_msg(db_transaction(p.db, calls, 2, on_outcome, &o[i], &e), "%s", e.text);
    }
    peer_until(&p, &o[MANY - 1].calls, 1);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(o[i].calls, 1);
        ck_good(&o[i]);
        ck_assert_int_eq(db_int(o[i].reply->result[1], 0, 0), i + 1);
        outcome_free(&o[i]);
    }
}
END_TEST

START_TEST(an_error_undoes_its_own_transaction_only) {
    struct outcome o[4] = {0};
    struct err e = ERR_INIT;
    struct db_params *zero = db_params(p.arena);
    db_param_int8(zero, 0);
    struct db_call good1[] = {{&insert_row, row(1, "a")}};
    struct db_call bad[] = {
        {&insert_row, row(2, "b")}, {&divide, zero}, {&insert_row, row(3, "c")}};
    struct db_call broken[] = {{&insert_row, row(4, "d")}, {&wrong, NULL}};
    struct db_call good2[] = {{&insert_row, row(5, "e")}, {&count_rows, NULL}};
    ck_assert(db_transaction(p.db, good1, 1, on_outcome, &o[0], &e));
    ck_assert(db_transaction(p.db, bad, 3, on_outcome, &o[1], &e));
    ck_assert(db_transaction(p.db, broken, 2, on_outcome, &o[2], &e));
    ck_assert(db_transaction(p.db, good2, 2, on_outcome, &o[3], &e));
    peer_until(&p, &o[3].calls, 1);
    ck_good(&o[0]);
    ck_assert_int_eq(o[1].err.kind, ERR_INPUT);
    ck_assert_uint_eq(o[1].reply->failed, 1);
    ck_assert_uint_eq(o[1].reply->n, 0);
    ck_assert_str_eq(o[1].reply->sqlstate, "22012");
    ck_has(o[1].err.text, "divide");
    ck_assert_int_eq(o[2].err.kind, ERR_BUG);
    ck_assert_uint_eq(o[2].reply->failed, 1);
    ck_has(o[2].err.text, "syntax error");
    ck_good(&o[3]);
    ck_assert_int_eq(db_int(o[3].reply->result[1], 0, 0), 2);
    for (int i = 0; i < 4; i++) {
        ck_assert(!o[i].reply->outcome_unknown);
        outcome_free(&o[i]);
    }
    ck_assert_int_eq(p.downs, 0);
}
END_TEST

/* The statement is prepared behind a failing one: it must be usable afterwards. */
START_TEST(preparing_survives_an_abort) {
    struct outcome o;
    struct db_params *zero = db_params(p.arena);
    db_param_int8(zero, 0);
    struct db_call calls[] = {{&divide, zero}, {&count_rows, NULL}};
    peer_run(&p, calls, 2, &o);
    ck_assert_int_eq(o.err.kind, ERR_INPUT);
    outcome_free(&o);
    ck_assert_int_eq(rows_now(), 0);
}
END_TEST

START_TEST(an_error_at_the_commit_is_seen) {
    struct outcome o;
    peer_query(&p, "insert into child values (77)", NULL, &o);
    ck_assert_int_eq(o.err.kind, ERR_PERMANENT);
    ck_assert_uint_eq(o.reply->failed, 1);
    ck_assert_uint_eq(o.reply->n, 0);
    ck_assert_str_eq(o.reply->sqlstate, "23503");
    ck_has(o.err.text, "at the commit");
    ck_assert(!o.reply->outcome_unknown);
    outcome_free(&o);
    ck_assert_int_eq(rows_now(), 0);
}
END_TEST

START_TEST(the_queue_is_bounded) {
    struct outcome o[65] = {0};
    struct err e = ERR_INIT;
    struct db_call call = {&count_rows, NULL};
    for (int i = 0; i < 64; i++)
        ck_assert(db_transaction(p.db, &call, 1, on_outcome, &o[i], &e));
    ck_assert_uint_eq(db_room(p.db), 0);
    ck_assert(!db_transaction(p.db, &call, 1, on_outcome, &o[64], &e));
    ck_assert_int_eq(e.kind, ERR_TEMPORARY);
    peer_until(&p, &o[63].calls, 1);
    ck_assert_uint_eq(db_room(p.db), 64);
    ck_assert_int_eq(o[64].calls, 0);
    for (int i = 0; i < 64; i++)
        outcome_free(&o[i]);
}
END_TEST

START_TEST(a_big_request_goes_through) {
    struct outcome o;
    struct db_array *keys = db_array(p.arena, DB_INT8, 1000);
    struct db_array *texts = db_array(p.arena, DB_TEXT, 1000);
    char *big = arena_alloc(p.arena, 20000);
    memset(big, 'x', 20000);
    for (int i = 0; i < 1000; i++) {
        db_array_int8(keys, i);
        db_array_text(texts, str_of(big, 20000));
    }
    struct db_params *b = db_params(p.arena);
    db_param_array(b, keys);
    db_param_array(b, texts);
    peer_query(&p, "insert into t select * from unnest($1, $2) returning v", b, &o);
    ck_good(&o);
    ck_assert_uint_eq(db_rows(o.reply->result[0]), 1000);
    ck_assert_uint_eq(db_text(o.reply->result[0], 999, 0).n, 20000);
    outcome_free(&o);
}
END_TEST

START_TEST(a_migration_under_a_prepared_statement_is_temporary) {
    static const struct db_stmt star = {"star", "select * from t"};
    struct outcome o;
    struct db_call call = {&star, NULL};
    peer_run(&p, &call, 1, &o);
    ck_good(&o);
    outcome_free(&o);
    peer_query(&p, "alter table t add column extra int", NULL, &o);
    outcome_free(&o);
    peer_run(&p, &call, 1, &o);
    ck_assert_int_eq(o.err.kind, ERR_TEMPORARY);
    outcome_free(&o);
    peer_until(&p, &p.ups, 2);
    peer_run(&p, &call, 1, &o);
    ck_good(&o);
    outcome_free(&o);
}
END_TEST

START_TEST(notifications_arrive) {
    struct outcome o;
    peer_query(&p, "listen wake", NULL, &o);
    ck_good(&o);
    outcome_free(&o);
    struct dbsync *other = dbsync_open(check_url, NULL);
    struct err e = ERR_INIT;
    ck_assert(dbsync_script(other, "notify wake, 'shard 七'", &e));
    peer_until(&p, &p.notes, 1);
    ck_assert_str_eq(p.note, "wake=shard 七");
    dbsync_close(other);
}
END_TEST

static void on_quick(void *ctx, const struct err *e, struct db_reply *reply) {
    on_outcome(ctx, e, reply);
    outcome_free(ctx);
    db_close(p.db, NULL, NULL);
}

START_TEST(closing_inside_a_callback_cancels_the_rest) {
    struct outcome o[10] = {0};
    struct err e = ERR_INIT;
    struct db_call call = {&count_rows, NULL};
    for (int i = 0; i < 10; i++)
        ck_assert(db_transaction(p.db, &call, 1, i ? on_outcome : on_quick, &o[i], &e));
    uv_run(&p.loop, UV_RUN_DEFAULT);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(o[i].calls, 1);
        if (i == 0)
            continue;
        ck_assert_int_eq(o[i].err.kind, ERR_TEMPORARY);
        ck_has(o[i].err.text, "cancelled");
        outcome_free(&o[i]);
    }
    ck_assert_int_eq(uv_loop_close(&p.loop), 0);
    arena_free(p.arena);
    peer_open(&p, check_url, 0); /* for the teardown */
}
END_TEST

START_TEST(scripts_and_transactions_take_turns) {
    struct outcome o[30] = {0};
    struct err e = ERR_INIT;
    for (int i = 0; i < 30; i++) {
        struct db_call call = {&insert_row, row(i, "x")};
        if (i % 3)
            ck_assert(db_transaction(p.db, &call, 1, on_outcome, &o[i], &e));
        else
            ck_assert(db_script(p.db,
                                i % 2 ? "select 1/0; delete from t"
                                      : "insert into t select max(k) + 1000 from t; select 1",
                                on_outcome, &o[i], &e));
    }
    peer_until(&p, &o[29].calls, 1);
    for (int i = 0; i < 30; i++) {
        ck_assert_int_eq(o[i].calls, 1);
        /* the first script finds no row: null in the key */
        bool bad = i % 3 == 0 && (i % 2 || i == 0);
        ck_assert_msg(!!o[i].err.kind == bad, "%d: %s", i, o[i].err.text);
        outcome_free(&o[i]);
    }
    ck_assert_int_eq(rows_now(), 24);
}
END_TEST

Suite *suite_request(void) {
    Suite *s = suite_create("db_request");
    TCase *t = tcase_create("requests");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 40);
    tcase_add_test(t, statements_of_a_transaction_see_each_other);
    tcase_add_test(t, many_requests_end_in_order);
    tcase_add_test(t, an_error_undoes_its_own_transaction_only);
    tcase_add_test(t, preparing_survives_an_abort);
    tcase_add_test(t, an_error_at_the_commit_is_seen);
    tcase_add_test(t, the_queue_is_bounded);
    tcase_add_test(t, a_big_request_goes_through);
    tcase_add_test(t, a_migration_under_a_prepared_statement_is_temporary);
    tcase_add_test(t, notifications_arrive);
    tcase_add_test(t, closing_inside_a_callback_cancels_the_rest);
    tcase_add_test(t, scripts_and_transactions_take_turns);
    suite_add_tcase(s, t);
    return s;
}
