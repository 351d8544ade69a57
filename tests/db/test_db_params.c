/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/db/check_db.h"

#include <math.h>

static struct peer p;

static void setup(void) {
    peer_open(&p, check_url, 0);
}

static void teardown(void) {
    peer_close(&p);
}

static const int64_t ints[] = {0,         1,         -1,        INT16_MAX, INT16_MIN,
                               INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};

START_TEST(integers_come_back) {
    int64_t v = ints[_i];
    struct outcome o;
    struct db_params *b = db_params(p.arena);
    db_param_int8(b, v);
    db_param_int4(b, (int32_t)v);
    db_param_int2(b, (int16_t)v);
    db_param_int8(b, v);
    peer_query(&p, "select $1, $2, $3, $4::text", b, &o);
    ck_good(&o);
    const struct db_result *r = o.reply->result[0];
    ck_assert_int_eq(db_int(r, 0, 0), v);
    ck_assert_int_eq(db_int(r, 0, 1), (int32_t)v);
    ck_assert_int_eq(db_int(r, 0, 2), (int16_t)v);
    int64_t as_text = 0;
    ck_assert(str_to_int64(db_text(r, 0, 3), &as_text));
    ck_assert_int_eq(as_text, v);
    outcome_free(&o);
}
END_TEST

static const struct {
    int64_t us;
    const char *text;
} instants[] = {
    {0, "1970-01-01T00:00:00+00:00"},
    {-1, "1969-12-31T23:59:59.999999+00:00"},
    {946684800000000, "2000-01-01T00:00:00+00:00"},
    {1700000000123456, "2023-11-14T22:13:20.123456+00:00"},
    {INT64_MAX, "infinity"},
    {INT64_MIN, "-infinity"},
};

START_TEST(instants_come_back) {
    struct outcome o;
    struct db_params *b = db_params(p.arena);
    db_param_timestamptz(b, instants[_i].us);
    db_param_text(b, str_from(instants[_i].text));
    peer_query(&p, "select $1, $1 = $2::text::timestamptz, $2::text::timestamptz", b, &o);
    ck_good(&o);
    ck_assert_int_eq(db_timestamptz(o.reply->result[0], 0, 0), instants[_i].us);
    ck_assert(db_bool(o.reply->result[0], 0, 1));
    ck_assert_int_eq(db_timestamptz(o.reply->result[0], 0, 2), instants[_i].us);
    outcome_free(&o);
}
END_TEST

START_TEST(other_scalars_come_back) {
    struct outcome o;
    struct db_params *b = db_params(p.arena);
    db_param_bool(b, true);
    db_param_bool(b, false);
    db_param_float8(b, -1.5e300);
    db_param_float8(b, NAN);
    db_param_text(b, S("優惠 ✓ \"q\" \\ 'a'"));
    db_param_text(b, S(""));
    db_param_bytea(b, S("\0\1\xff"));
    db_param_jsonb(b, S("{\"a\": [1, \"二\"]}"));
    db_param_null(b, DB_TEXT);
    db_param_text(b, STR_NONE);
    db_param_jsonb(b, STR_NONE);
    peer_query(&p, "select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $8::json, 0.5::real", b,
               &o);
    ck_good(&o);
    const struct db_result *r = o.reply->result[0];
    ck_assert(db_bool(r, 0, 0) && !db_bool(r, 0, 1));
    ck_assert(db_float8(r, 0, 2) == -1.5e300);
    ck_assert(isnan(db_float8(r, 0, 3)));
    ck_assert(str_eq(db_text(r, 0, 4), S("優惠 ✓ \"q\" \\ 'a'")));
    ck_assert(!db_is_null(r, 0, 5) && db_text(r, 0, 5).n == 0);
    ck_assert(str_eq(db_bytea(r, 0, 6), S("\0\1\xff")));
    ck_assert(str_eq(db_json(r, 0, 7), S("{\"a\": [1, \"二\"]}")));
    for (size_t col = 8; col <= 10; col++)
        ck_assert(db_is_null(r, 0, col));
    ck_assert(str_eq(db_json(r, 0, 11), S("{\"a\": [1, \"二\"]}")));
    ck_assert(db_float8(r, 0, 12) == 0.5);
    ck_assert_uint_eq(db_columns(r), 13);
    outcome_free(&o);
}
END_TEST

/* One array of n elements for each type; every third element is null. */
static const int lengths[] = {0, 1, 2, 3, 1000};

static void fill(struct db_params *b, int n) {
    struct db_array *a[9];
    for (int t = DB_BOOL; t <= DB_TIMESTAMPTZ; t++)
        a[t] = db_array(p.arena, (enum db_type)t, (size_t)n / 2);
    for (int i = 0; i < n; i++) {
        if (i % 3 == 2) {
            for (int t = DB_BOOL; t <= DB_TIMESTAMPTZ; t++)
                db_array_null(a[t]);
            continue;
        }
        db_array_bool(a[DB_BOOL], i % 2);
        db_array_int2(a[DB_INT2], (int16_t)-i);
        db_array_int4(a[DB_INT4], -i * 1000);
        db_array_int8(a[DB_INT8], INT64_C(-10000000000) * i);
        db_array_float8(a[DB_FLOAT8], i / 8.0);
        db_array_text(a[DB_TEXT], str_printf(p.arena, "列, \"%d\" {NULL}", i));
        db_array_bytea(a[DB_BYTEA], str_of((const char[]){0, (char)i}, 2));
        db_array_jsonb(a[DB_JSONB], str_printf(p.arena, "{\"i\": %d}", i));
        db_array_timestamptz(a[DB_TIMESTAMPTZ], INT64_C(1000000) * i);
    }
    for (int t = DB_BOOL; t <= DB_TIMESTAMPTZ; t++) {
        ck_assert_uint_eq(db_array_count(a[t]), (size_t)n);
        db_param_array(b, a[t]);
    }
}

START_TEST(arrays_come_back) {
    int n = lengths[_i];
    struct outcome o;
    struct db_params *b = db_params(p.arena);
    fill(b, n);
    peer_query(&p, "select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)", b, &o);
    ck_good(&o);
    const struct db_result *r = o.reply->result[0];
    ck_assert_uint_eq(db_rows(r), (size_t)n);
    for (int i = 0; i < n; i++) {
        size_t row = (size_t)i;
        for (size_t col = 0; col < 9; col++)
            ck_assert_int_eq(db_is_null(r, row, col), i % 3 == 2);
        if (i % 3 == 2)
            continue;
        ck_assert_int_eq(db_bool(r, row, 0), i % 2);
        ck_assert_int_eq(db_int(r, row, 1), -i);
        ck_assert_int_eq(db_int(r, row, 2), -i * 1000);
        ck_assert_int_eq(db_int(r, row, 3), INT64_C(-10000000000) * i);
        ck_assert(db_float8(r, row, 4) == i / 8.0);
        ck_assert(str_eq(db_text(r, row, 5), str_printf(p.arena, "列, \"%d\" {NULL}", i)));
        ck_assert(str_eq(db_bytea(r, row, 6), str_of((const char[]){0, (char)i}, 2)));
        ck_assert(str_eq(db_json(r, row, 7), str_printf(p.arena, "{\"i\": %d}", i)));
        ck_assert_int_eq(db_timestamptz(r, row, 8), INT64_C(1000000) * i);
    }
    outcome_free(&o);
}
END_TEST

static const struct {
    const char *value, *state;
} bad_texts[] = {{"\xff\xfe", "22021"}, {"{broken", "22P02"}};

START_TEST(bad_data_is_the_inputs_fault) {
    struct outcome o;
    struct db_params *b = db_params(p.arena);
    if (_i == 0)
        db_param_text(b, str_from(bad_texts[_i].value));
    else
        db_param_jsonb(b, str_from(bad_texts[_i].value));
    peer_query(&p, "select $1", b, &o);
    ck_assert_int_eq(o.err.kind, ERR_INPUT);
    ck_assert_str_eq(o.reply->sqlstate, bad_texts[_i].state);
    ck_assert_ptr_null(strstr(o.err.text, "{broken"));
    outcome_free(&o);
}
END_TEST

Suite *suite_params(void) {
    Suite *s = suite_create("db_params, db_result");
    TCase *t = tcase_create("round trips");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 40);
    tcase_add_loop_test(t, integers_come_back, 0, sizeof ints / sizeof *ints);
    tcase_add_loop_test(t, instants_come_back, 0, sizeof instants / sizeof *instants);
    tcase_add_test(t, other_scalars_come_back);
    tcase_add_loop_test(t, arrays_come_back, 0, sizeof lengths / sizeof *lengths);
    tcase_add_loop_test(t, bad_data_is_the_inputs_fault, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
