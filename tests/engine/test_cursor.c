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

/* Shards that are acquired while a batch is under way may stand where it began: their events are
 * not in it, so they stay there. */
START_TEST(newcomers_do_not_move) {
    static const struct {
        uint64_t members;       /* of the batch */
        uint64_t there;         /* at its beginning when it ends: some came, some went */
        uint64_t moved, stayed; /* 0: there is no such group */
    } cases[] = {
        {0x3, 0x3, 0x3, 0}, {0x3, 0xf, 0x3, 0xc}, {0x3, 0xe, 0x2, 0xc},
        {0x3, 0xc, 0, 0xc}, {0x3, 0, 0, 0},       {UINT64_MAX, UINT64_MAX, UINT64_MAX, 0},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct cursor_groups g = {0};
        struct cursor from = {0}, to = {0};
        uint64_t moved = 0, stayed = 0;
        cursor_set(&from, S("3:9:"), STR_NONE, STR_NONE, 0);
        cursor_set(&to, S("3:20:"), STR_NONE, STR_NONE, 0);
        for (int shard = 0; shard < SHARDS; shard++)
            if (cases[k].there >> shard & 1)
                cursor_groups_add(&g, shard, &from);
        cursor_groups_move(&g, cases[k].members, &from, &to);
        for (size_t i = 0; i < g.n; i++)
            *(cursor_eq(&g.list[i].cursor, &to) ? &moved : &stayed) |= g.list[i].members;
        ck_assert_msg(moved == cases[k].moved && stayed == cases[k].stayed,
                      "case %zu: moved %llx, stayed %llx", k, (unsigned long long)moved,
                      (unsigned long long)stayed);
        cursor_clear(&from);
        cursor_clear(&to);
        cursor_groups_clear(&g);
    }
}
END_TEST

/* Those that move meet those that are there already. */
START_TEST(movers_meet) {
    struct cursor_groups g = {0};
    struct cursor from = {0}, to = {0};
    cursor_set(&from, S("3:9:"), STR_NONE, STR_NONE, 0);
    cursor_set(&to, S("3:20:"), STR_NONE, STR_NONE, 0);
    add(&g, 0, "3:9:", NULL, NULL, 0);
    add(&g, 1, "3:20:", NULL, NULL, 0);
    add(&g, 2, "3:9:", NULL, NULL, 0);
    cursor_groups_move(&g, 1, &from, &to);
    ck_assert_uint_eq(g.n, 2);
    for (size_t i = 0; i < g.n; i++)
        ck_assert_uint_eq(g.list[i].members, cursor_eq(&g.list[i].cursor, &to) ? 3 : 4);
    cursor_clear(&from);
    cursor_clear(&to);
    cursor_groups_clear(&g);
}
END_TEST

Suite *suite_cursor(void) {
    Suite *s = suite_create("cursor");
    TCase *t = tcase_create("groups");
    tcase_add_test(t, equal_cursors_are_one_group);
    tcase_add_test(t, different_places_are_different_groups);
    tcase_add_test(t, groups_meet);
    tcase_add_test(t, newcomers_do_not_move);
    tcase_add_test(t, movers_meet);
    suite_add_tcase(s, t);
    return s;
}
