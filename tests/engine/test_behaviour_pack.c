/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/engine/check_decide.h"

#include "base/arena.h"
#include "engine/decide/behaviour_pack.h"

#include <math.h>
#include <stdlib.h>

#define DAY (INT64_C(86400) * 1000000)

static struct arena *arena;

static void setup(void) {
    arena = arena_new(0);
}

static void teardown(void) {
    arena_free(arena);
}

static uint64_t state;

/* xorshift64*: the same numbers everywhere */
static uint64_t draw(uint64_t below) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545F4914F6CDD1D) % below;
}

static const struct str paths[] = {S(""), S("amount"), S("item.sku")};

static struct behaviour_layout layout_of(size_t n, int64_t longest, bool foldable) {
    struct behaviour_layout l = {.event = S("x"),
                                 .properties = paths,
                                 .n_properties = n,
                                 .longest_us = longest,
                                 .foldable = foldable,
                                 .hash = "0123456789abcdef"};
    return l;
}

static void ck_same(const struct behaviour *a, const struct behaviour *b) {
    struct buf x = BUF_HEAP, y = BUF_HEAP;
    behaviour_pack(a, &x);
    behaviour_pack(b, &y);
    ck_assert(str_eq(buf_str(&x), buf_str(&y)));
    buf_close(&x);
    buf_close(&y);
}

/* Packs and unpacks. */
static struct behaviour again(const struct behaviour *b) {
    struct behaviour out;
    struct buf bytes = BUF_IN(arena);
    behaviour_pack(b, &bytes);
    ck_assert(behaviour_unpack(&out, b->layout, buf_str(&bytes), arena));
    ck_same(b, &out);
    return out;
}

START_TEST(values) {
    static const char *const properties[] = {
        "{\"amount\":12.5,\"item\":{\"sku\":\"A-1\"}}",
        "{\"amount\":-3,\"item\":{\"sku\":\"繁體中文\"}}",
        "{\"amount\":\"12\",\"item\":[1,2.0,null,{\"a\":true}]}",
        "{\"amount\":true}",
        "{\"amount\":9223372036854775807,\"item\":{\"sku\":false}}",
        "{\"amount\":-9223372036854775808,\"item\":{\"sku\":\"\"}}",
        "{}",
    };
    struct behaviour_layout l = layout_of(3, 0, false);
    struct behaviour b;
    behaviour_init(&b, &l, arena);
    for (int i = 0; i < 7; i++)
        behaviour_add(&b, i - 3, INT64_MIN / 2 + i, from_json(arena, properties[i]));
    struct behaviour c = again(&b);
    ck_assert_uint_eq(c.log.n, 7);
    const struct value *v = c.log.entries[0].values;
    ck_assert_int_eq(v[0].type, V_MAP);
    ck_assert_double_eq(v[1].u.d, 12.5);
    ck_assert(str_eq(value_text(v[2]), S("A-1")));
    ck_assert_int_eq(c.log.entries[1].values[1].u.i, -3);
    ck_assert(str_eq(value_text(c.log.entries[1].values[2]), S("繁體中文")));
    ck_assert_int_eq(c.log.entries[2].values[2].type, V_NULL); /* item is a list here */
    ck_assert_int_eq(c.log.entries[3].values[1].type, V_BOOL);
    ck_assert_int_eq(c.log.entries[4].values[1].u.i, INT64_MAX);
    ck_assert_int_eq(c.log.entries[5].values[1].u.i, INT64_MIN);
    ck_assert_int_eq(c.log.entries[5].values[2].type, V_STRING);
    ck_assert_int_eq(c.log.entries[6].values[1].type, V_NULL);
}
END_TEST

START_TEST(order_and_duplicates) {
    static const struct {
        int64_t id, at;
    } in[] = {{5, 50}, {3, 30}, {4, 30}, {5, 50}, {1, 60}, {2, 30}, {3, 99}},
      want[] = {{2, 30}, {3, 30}, {4, 30}, {5, 50}, {1, 60}};
    struct behaviour_layout l = layout_of(0, 0, true);
    struct behaviour b;
    behaviour_init(&b, &l, arena);
    for (int i = 0; i < 7; i++)
        behaviour_add(&b, in[i].id, in[i].at, VALUE_NULL);
    b = again(&b);
    ck_assert_uint_eq(b.log.n, 5);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(b.log.entries[i].id, want[i].id);
        ck_assert_int_eq(b.log.entries[i].at_us, want[i].at);
    }
}
END_TEST

/* Folding changes no answer that a condition can ask for: all time and windows up to the longest,
 * looked back from now or later. Events come in any order, also late ones. */
START_TEST(folding) {
    struct behaviour_layout l = layout_of(2, 30 * DAY, true);
    uint64_t seed = UINT64_C(88172645463325252) + (uint64_t)_i * 977;
    state = seed;
    struct behaviour whole, folded;
    behaviour_init(&whole, &l, arena);
    behaviour_init(&folded, &l, arena);
    int64_t now = 0;
    size_t n = 200 + draw(1200);
    for (size_t i = 0; i < n; i++) {
        now += (int64_t)draw(2 * (uint64_t)DAY / 5);
        int64_t at = draw(20) ? now : now - (int64_t)draw(90 * (uint64_t)DAY);
        struct map *m = map_new(arena, 1);
        if (draw(10))
            map_set_str(arena, m, S("amount"), value_double((double)draw(1000) / 4));
        behaviour_add(&whole, (int64_t)i, at, value_map(m));
        behaviour_add(&folded, (int64_t)i, at, value_map(m));
        if (draw(3) == 0)
            behaviour_fold(&folded, now);
        if (draw(50) == 0)
            folded = again(&folded);
    }
    behaviour_fold(&folded, now);
    folded = again(&folded);
    ck_assert_uint_eq((uint64_t)folded.log.older.count + folded.log.n, n);
    static const int64_t windows[] = {BEHAVIOUR_ALL, DAY, 7 * DAY, 30 * DAY};
    for (int w = 0; w < 4; w++) {
        struct behaviour_position at = {now + (int64_t)draw((uint64_t)DAY), INT64_MAX};
        int64_t a = behaviour_count(&whole.log, at, windows[w]);
        int64_t b = behaviour_count(&folded.log, at, windows[w]);
        ck_assert_msg(a == b, "seed %llu window %d: %lld, folded %lld", (unsigned long long)seed, w,
                      (long long)a, (long long)b);
        struct behaviour_number x = behaviour_sum(&whole.log, at, windows[w], 1);
        struct behaviour_number y = behaviour_sum(&folded.log, at, windows[w], 1);
        ck_assert_msg(x.n == y.n && fabs(x.sum - y.sum) < 1e-6,
                      "seed %llu window %d: %lld %g, folded %lld %g", (unsigned long long)seed, w,
                      (long long)x.n, x.sum, (long long)y.n, y.sum);
        if (x.n) {
            ck_assert_double_eq(x.min, y.min);
            ck_assert_double_eq(x.max, y.max);
        }
    }
}
END_TEST

START_TEST(never_folded) {
    struct behaviour_layout l = layout_of(1, 0, false);
    struct behaviour b;
    behaviour_init(&b, &l, arena);
    for (int i = 0; i < 1000; i++)
        behaviour_add(&b, i, i, VALUE_NULL);
    behaviour_fold(&b, INT64_MAX / 2);
    ck_assert_uint_eq(b.log.n, 1000);
}
END_TEST

/* Damaged bytes are refused or read as something valid; never out of bounds (ASan). */
START_TEST(damage) {
    struct behaviour_layout l = layout_of(3, 0, true), other = layout_of(3, 0, true);
    struct behaviour b, out;
    state = UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)_i;
    behaviour_init(&b, &l, arena);
    for (int i = 0; i < 300; i++)
        behaviour_add(&b, i, i * DAY,
                      from_json(arena, "{\"amount\":1.5,\"item\":{\"sku\":\"text\"}}"));
    behaviour_fold(&b, 300 * DAY);
    struct buf bytes = BUF_IN(arena);
    behaviour_pack(&b, &bytes);
    other.hash[0] = 'x';
    ck_assert(!behaviour_unpack(&out, &other, buf_str(&bytes), arena));
    ck_assert(!behaviour_unpack(&out, &l, STR_NONE, arena));
    for (size_t n = 0; n < bytes.n; n += 1 + draw(400))
        ck_assert(!behaviour_unpack(&out, &l, str_of(bytes.p, n), arena));
    for (int i = 0; i < 60; i++) {
        struct str copy = str_dup(arena, buf_str(&bytes));
        for (int k = 0; k < 3; k++)
            ((char *)copy.p)[9 + draw(copy.n - 9)] = (char)draw(256);
        if (behaviour_unpack(&out, &l, copy, arena))
            again(&out);
    }
}
END_TEST

START_TEST(layouts) {
    struct workspace *w = load_good("decide");
    const struct behaviour_layout *list;
    size_t n;
    behaviour_layouts(arena, &w->rules, &list, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert(str_eq(list[0].event, S("order.placed")));
    ck_assert_uint_eq(list[0].n_properties, 1);
    ck_assert(str_eq(list[0].properties[0], S("amount")));
    ck_assert_int_eq(list[0].longest_us, 30 * DAY);
    ck_assert(list[0].foldable);
    ck_assert_uint_eq(strlen(list[0].hash), BEHAVIOUR_HASH_CHARS);
    ck_assert_ptr_eq(behaviour_layout_find(list, n, S("order.placed")), &list[0]);
    ck_assert_ptr_null(behaviour_layout_find(list, n, S("order")));
    workspace_release(w);
}
END_TEST

Suite *suite_behaviour_pack(void) {
    Suite *s = suite_create("behaviour_pack");
    TCase *t = tcase_create("behaviour_pack");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, values);
    tcase_add_test(t, order_and_duplicates);
    tcase_add_loop_test(t, folding, 0, 20);
    tcase_add_test(t, never_folded);
    tcase_add_loop_test(t, damage, 0, 3);
    tcase_add_test(t, layouts);
    suite_add_tcase(s, t);
    return s;
}
