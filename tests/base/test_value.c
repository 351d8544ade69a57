/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "tests/base/check_base.h"

static const struct {
    const char *in, *out;
} round_trips[] = {
    {"null", "null"},
    {"[1, 1.0, -0.5, 1e3]", "[1,1.0,-0.5,1000.0]"},
    {"{\"b\":1,\"a\":{\"c\":[true,false]}}", "{\"b\":1,\"a\":{\"c\":[true,false]}}"},
    {"\"\\u53f0\\u5317 \\ud83d\\ude00 \\u0000\"", "\"台北 😀 \\u0000\""},
    {"[12345678901234567890, 7]", "[1.2345678901234567e+19,7]"},
    {"\"a\\u2028b\"", "\"a\\u2028b\""},
};

START_TEST(json_round_trip) {
    struct arena *a = arena_new(0);
    struct value v;
    struct err e = ERR_INIT;
    struct buf b = BUF_IN(a);
    ck_assert_msg(json_parse(a, str_from(round_trips[_i].in), &v, &e), "%s", e.text);
    json_write(&b, v);
    ck_assert_str_eq(buf_cstr(&b), round_trips[_i].out);
    arena_free(a);
}
END_TEST

static const char *const refused[] = {
    "", "{\"a\":1,\"a\":2}", "[1,]", "01", "{'a':1}", "NaN", "\"\\ud800\"", "\"\xff\"", "1e400", "[1] 2",
};

START_TEST(json_refuses) {
    struct arena *a = arena_new(0);
    struct value v;
    struct err e = ERR_INIT;
    ck_assert_msg(!json_parse(a, str_from(refused[_i]), &v, &e), "accepted: %s", refused[_i]);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    arena_free(a);
}
END_TEST

START_TEST(map_of_many_keys) {
    struct arena *a = arena_new(0);
    struct map *m = map_new(a, 0);
    for (int i = 0; i < 1000; i++)
        map_set_str(a, m, str_printf(a, "key%d", i), value_int(i));
    map_set_str(a, m, S("key7"), value_int(-7));
    ck_assert_uint_eq(m->n, 1000);
    for (int i = 0; i < 1000; i++) {
        const struct value *v = map_get_str(m, str_printf(a, "key%d", i));
        ck_assert_ptr_nonnull(v);
        ck_assert_int_eq(v->u.i, i == 7 ? -7 : i);
    }
    ck_assert_ptr_null(map_get_str(m, S("nokey")));
    arena_free(a);
}
END_TEST

Suite *suite_value(void) {
    Suite *s = suite_create("value");
    TCase *t = tcase_create("json");
    tcase_add_loop_test(t, json_round_trip, 0, sizeof round_trips / sizeof *round_trips);
    tcase_add_loop_test(t, json_refuses, 0, sizeof refused / sizeof *refused);
    tcase_add_test(t, map_of_many_keys);
    suite_add_tcase(s, t);
    return s;
}
