/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/cursor.h"
#include "tests/engine/check_engine.h"

static void add(struct cursor_groups *g, int shard, const char *last, const char *target,
                const char *xid, int64_t id) {
    struct cursor c = {0};
    cursor_set(&c, str_from(last), str_from(target), str_from(xid), id);
    cursor_groups_add(g, shard, &c);
    cursor_clear(&c);
}

START_TEST(equal_cursors_are_one_group) {
    struct cursor_groups g = {0};
    for (int shard = 0; shard < SHARDS; shard++)
        add(&g, shard, "3:3:", NULL, NULL, 0);
    ck_assert_uint_eq(g.n, 1);
    ck_assert_uint_eq(g.list[0].members, UINT64_MAX);
    cursor_groups_clear(&g);
    ck_assert_uint_eq(g.n, 0);
}
END_TEST

START_TEST(different_places_are_different_groups) {
    struct cursor_groups g = {0};
    add(&g, 0, "3:9:4", NULL, NULL, 0);
    add(&g, 1, "3:9:", NULL, NULL, 0);
    add(&g, 2, "3:9:", "3:12:", NULL, 0);
    add(&g, 3, "3:9:", "3:12:", "10", 7);
    add(&g, 4, "3:9:", "3:12:", "10", 8);
    add(&g, 63, "3:9:", "3:12:", "10", 8);
    ck_assert_uint_eq(g.n, 5);
    cursor_groups_remove(&g, UINT64_C(1) << 4);
    ck_assert_uint_eq(g.n, 5); /* shard 63 is still there */
    cursor_groups_remove(&g, UINT64_C(1) << 63 | 1);
    ck_assert_uint_eq(g.n, 3);
    cursor_groups_clear(&g);
}
END_TEST

START_TEST(groups_meet) {
    struct cursor_groups g = {0};
    add(&g, 5, "3:9:", NULL, NULL, 0);
    add(&g, 6, "3:20:", NULL, NULL, 0);
    g.list[1].cursor.serial = 4;
    cursor_groups_merge(&g);
    ck_assert_uint_eq(g.n, 2);
    cursor_set(&g.list[0].cursor, S("3:20:"), STR_NONE, STR_NONE, 0);
    cursor_groups_merge(&g);
    ck_assert_uint_eq(g.n, 1);
    ck_assert_uint_eq(g.list[0].members, UINT64_C(3) << 5);
    ck_assert_uint_eq(g.list[0].cursor.serial, 4);
    cursor_groups_clear(&g);
}
END_TEST

Suite *suite_cursor(void) {
    Suite *s = suite_create("cursor");
    TCase *t = tcase_create("groups");
    tcase_add_test(t, equal_cursors_are_one_group);
    tcase_add_test(t, different_places_are_different_groups);
    tcase_add_test(t, groups_meet);
    suite_add_tcase(s, t);
    return s;
}
