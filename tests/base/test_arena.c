/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "tests/base/check_base.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>

START_TEST(allocations_are_aligned_and_apart) {
    static const size_t sizes[] = {0, 1, 7, 8, 15, 16, 17, 100, 4095, 4096, 4097, 70000, 3u << 20};
    unsigned char *got[COUNT(sizes) * 5];
    struct arena *a = arena_new(64);
    for (int i = 0; i < COUNT(got); i++) {
        size_t n = sizes[i % COUNT(sizes)];
        got[i] = arena_alloc(a, n);
        ck_assert_uint_eq((uintptr_t)got[i] % 16, 0);
        memset(got[i], i + 1, n);
    }
    for (int i = 0; i < COUNT(got); i++)
        for (size_t j = 0; j < sizes[i % COUNT(sizes)]; j++)
            if (got[i][j] != i + 1)
                ck_abort_msg("allocation %d was overwritten at %zu", i, j);
    arena_free(a);
}
END_TEST

START_TEST(zeroed_after_reset) {
    struct arena *a = arena_new(256);
    memset(arena_alloc(a, 200), 0xff, 200);
    ck_assert_uint_eq(arena_used(a), 200);
    arena_reset(a);
    ck_assert_uint_eq(arena_used(a), 0);
    unsigned char *p = arena_zalloc(a, 200);
    for (int i = 0; i < 200; i++)
        ck_assert_uint_eq(p[i], 0);
    arena_free(a);
}
END_TEST

static int ended[4], n_ended;

static void on_end(void *what) {
    ended[n_ended++] = *(int *)what; /* what lives in the arena */
}

START_TEST(endings_run_once_last_first) {
    struct arena *a = arena_new(0);
    n_ended = 0;
    for (int i = 0; i < 3; i++) {
        int *what = arena_alloc(a, sizeof *what);
        *what = i;
        arena_at_end(a, on_end, what);
        if (i == 1)
            arena_reset(a);
    }
    ck_assert_int_eq(n_ended, 2);
    arena_free(a);
    ck_assert_int_eq(n_ended, 3);
    ck_assert(ended[0] == 1 && ended[1] == 0 && ended[2] == 2);
}
END_TEST

START_TEST(reset_keeps_one_block) {
#ifndef ARENA_DEBUG
    struct arena *a = arena_new(64);
    for (int i = 0; i < 100; i++)
        arena_alloc(a, 1000);
    arena_reset(a);
    char *first = arena_alloc(a, 16);
    for (int round = 0; round < 10; round++) {
        arena_reset(a);
        ck_assert_ptr_eq(arena_alloc(a, 16), first); /* the same block: no malloc */
    }
    arena_reset(a);
    arena_alloc(a, 8u << 20); /* larger than what is worth keeping */
    arena_reset(a);
    ck_assert_ptr_eq(arena_alloc(a, 16), first);
    arena_free(a);
#endif
}
END_TEST

START_TEST(grow_keeps_content) {
    struct arena *a = arena_new(64);
    char *p = arena_grow(a, NULL, 0, 10);
    memcpy(p, "0123456789", 10);
    size_t n = 10;
    for (int i = 0; i < 12; i++, n *= 2) {
        if (i % 3 == 0)
            arena_alloc(a, 1); /* so that it is not the last allocation */
        p = arena_grow(a, p, n, n * 2);
        memset(p + n, 'x', n);
        ck_assert_mem_eq(p, "0123456789", 10);
    }
    p = arena_grow(a, p, n, 5);
    ck_assert_mem_eq(p, "01234", 5);
    arena_free(a);
}
END_TEST

START_TEST(grow_in_place_when_last) {
#ifndef ARENA_DEBUG
    struct arena *a = arena_new(4096);
    char *p = arena_alloc(a, 100);
    ck_assert_ptr_eq(arena_grow(a, p, 100, 1000), p);
    ck_assert_uint_eq(arena_used(a), 1000);
    char *q = arena_alloc(a, 1);
    ck_assert(q >= p + 1000);
    arena_free(a);
#endif
}
END_TEST

START_TEST(absurd_sizes_abort) {
    struct arena *a = arena_new(0);
    volatile size_t many = SIZE_MAX / 8 + 2;
    if (_i == 0)
        arena_alloc(a, SIZE_MAX - 7);
    else
        ck_assert_ptr_nonnull(ARENA_ARRAY(a, uint64_t, many)); /* the product overflows */
}
END_TEST

Suite *suite_arena(void) {
    Suite *s = suite_create("arena");
    TCase *t = tcase_create("arena");
    tcase_add_test(t, allocations_are_aligned_and_apart);
    tcase_add_test(t, zeroed_after_reset);
    tcase_add_test(t, endings_run_once_last_first);
    tcase_add_test(t, reset_keeps_one_block);
    tcase_add_test(t, grow_keeps_content);
    tcase_add_test(t, grow_in_place_when_last);
    tcase_add_loop_test_raise_signal(t, absurd_sizes_abort, SIGABRT, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
