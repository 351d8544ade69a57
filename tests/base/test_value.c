/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "tests/base/check_base.h"

static struct arena *a;

static void setup(void) {
    a = arena_new(0);
}

static void teardown(void) {
    arena_free(a);
}

START_TEST(map_of_many_keys) {
    struct map *m = map_new(a, (size_t)_i * 100);
    for (int i = 0; i < 1000; i++) {
        map_set_str(a, m, str_printf(a, "key%d", i), value_int(i));
        ck_assert_ptr_nonnull(map_get_str(m, str_printf(a, "key%d", i / 2)));
    }
    map_set_str(a, m, S("key7"), value_int(-7));
    ck_assert_uint_eq(m->n, 1000);
    for (int i = 0; i < 1000; i++) {
        const struct value *v = map_get_str(m, str_printf(a, "key%d", i));
        ck_assert_ptr_nonnull(v);
        ck_assert_int_eq(v->u.i, i == 7 ? -7 : i);
        ck_assert(str_eq(value_text(m->e[i].key), str_printf(a, "key%d", i))); /* order is kept */
    }
    ck_assert_ptr_null(map_get_str(m, S("nokey")));
    ck_assert_ptr_null(map_get_str(m, STR_NONE));
}
END_TEST

START_TEST(keys_of_every_type) {
    struct map *m = map_new(a, 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20; i++) { /* past the size at which an index is made */
            map_set(a, m, value_int(i), value_int(i));
            map_set(a, m, value_uint((uint64_t)i), value_int(100 + i));
        }
        map_set(a, m, value_bool(true), value_int(200));
        map_set(a, m, value_str(S("1")), value_int(201));
        map_set(a, m, value_bytes(S("1")), value_int(202));
        map_set(a, m, value_str(S("")), value_int(203));
    }
    ck_assert_uint_eq(m->n, 44);
    ck_assert_int_eq(map_get(m, value_int(1))->u.i, 1);
    ck_assert_int_eq(map_get(m, value_uint(1))->u.i, 101);
    ck_assert_int_eq(map_get(m, value_bool(true))->u.i, 200);
    ck_assert_ptr_null(map_get(m, value_bool(false)));
    ck_assert_int_eq(map_get_str(m, S("1"))->u.i, 201);
    ck_assert_int_eq(map_get(m, value_bytes(S("1")))->u.i, 202);
    ck_assert_int_eq(map_get_str(m, STR_NONE)->u.i, 203);
}
END_TEST

static const struct {
    const char *path, *want; /* NULL: not there */
} paths[] = {
    {"a.b.c", "7"}, {"a.b", "{\"c\":7}"}, {"a", "{\"b\":{\"c\":7},\"\":1}"},
    {"a.x", NULL},  {"a.b.c.d", NULL},    {"a.", "1"},
    {".a", NULL},   {"l.0", NULL},
};

START_TEST(walk_a_path) {
    struct value v;
    struct err e = ERR_INIT;
    struct buf b = BUF_IN(a);
    ck_assert(json_parse(a, S("{\"a\":{\"b\":{\"c\":7},\"\":1},\"l\":[1]}"), &v, &e));
    const struct value *got = value_path(&v, str_from(paths[_i].path));
    ck_assert((got != NULL) == (paths[_i].want != NULL));
    if (got) {
        json_write(&b, *got);
        ck_assert_str_eq(buf_cstr(&b), paths[_i].want);
    }
    ck_assert_ptr_null(value_path(NULL, S("a")));
}
END_TEST

START_TEST(copy_shares_nothing) {
    struct value v;
    struct err e = ERR_INIT;
    const char *text =
        "{\"a\":[1,\"x\",{\"b\":null}],\"k0\":0,\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,"
        "\"k6\":6,\"k7\":7,\"k8\":\"text\"}";
    struct arena *first = arena_new(0);
    ck_assert(json_parse(first, str_from(text), &v, &e));
    struct value copy = value_copy(a, v);
    arena_free(first); /* a pointer into it would be seen by the sanitizer */
    struct buf b = BUF_IN(a);
    json_write(&b, copy);
    ck_assert_str_eq(buf_cstr(&b), text);
    ck_assert(str_eq(value_text(*map_get_str(copy.u.map, S("k8"))), S("text")));
}
END_TEST

START_TEST(types_have_names) {
    ck_assert_str_eq(value_type_name(V_NULL), "null");
    ck_assert_str_eq(value_type_name(V_DURATION), "duration");
    ck_assert_str_eq(value_type_name(V_OWN), "opaque");
    ck_assert_uint_eq(sizeof(struct value), 16);
}
END_TEST

START_TEST(looked_up_by_hash) {
    struct map *m = map_new(a, 0);
    ck_assert_ptr_null(map_get_hashed(m, S("x"), str_hash(S("x"))));
    for (int i = 0; i < 30; i++) { /* without an index first, then with one */
        map_set(a, m, value_bytes(str_printf(a, "key%d", i)), value_int(-i));
        map_set_str(a, m, str_printf(a, "key%d", i), value_int(i));
        for (int k = 0; k <= i; k++) {
            struct str key = str_printf(a, "key%d", k);
            ck_assert_ptr_eq(map_get_hashed(m, key, str_hash(key)), map_get_str(m, key));
        }
        ck_assert_ptr_null(map_get_hashed(m, S("other"), str_hash(S("other"))));
        ck_assert_ptr_null(map_get_hashed(m, STR_NONE, str_hash(STR_NONE)));
    }
}
END_TEST

Suite *suite_value(void) {
    Suite *s = suite_create("value");
    TCase *t = tcase_create("value");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, map_of_many_keys, 0, 2);
    tcase_add_test(t, keys_of_every_type);
    tcase_add_loop_test(t, walk_a_path, 0, COUNT(paths));
    tcase_add_test(t, copy_shares_nothing);
    tcase_add_test(t, types_have_names);
    tcase_add_test(t, looked_up_by_hash);
    suite_add_tcase(s, t);
    return s;
}
