/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/engine/check_decide.h"

#include "engine/decide/decide.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define KEYS 1000000
#define KEYS_UNDER_VALGRIND 50000 /* which has nothing to say of chances */
#define SALT S("the salt of an installation")
/* With this many degrees of freedom chi-square is above this once in a million runs; the keys and
 * the salt are fixed, so it is always the same run. */
#define LIMIT_1 23.9
#define LIMIT_2 27.6
#define LIMIT_8 42.8

static const struct step_variant thirds[] = {
    {.name = S("a"), .share_ppm = 500000},
    {.name = S("b"), .share_ppm = 300000},
    {.name = S("c"), .share_ppm = 200000},
};
static const struct step_split split = {.id = S("subject"), .variants = thirds, .n_variants = 3};
static const struct step_split other = {.id = S("hour"), .variants = thirds, .n_variants = 3};
static const struct campaign campaign = {
    .name = S("winback"), .id = S("winback"), .holdout_ppm = 100000};
static const struct campaign renamed = {
    .name = S("come-back"), .id = S("winback"), .holdout_ppm = 100000};

static double part(double seen, double expected) {
    return (seen - expected) * (seen - expected) / expected;
}

START_TEST(chi_square) {
    int keys = getenv("CK_TIMEOUT_MULTIPLIER") ? KEYS_UNDER_VALGRIND : KEYS;
    int64_t held = 0, seen[3] = {0}, both[3][3] = {{0}}, held_in[3] = {0}, moved = 0;
    char text[32];
    for (int i = 0; i < keys; i++) {
        struct str key = str_of(text, (size_t)snprintf(text, sizeof text, "customer-%d", i));
        bool out = decide_held_out(&campaign, key, SALT);
        size_t v = decide_variant(&campaign, &split, key, SALT);
        held += out;
        seen[v]++;
        held_in[v] += out;
        both[v][decide_variant(&campaign, &other, key, SALT)]++;
        if (i % 50 == 0)
            moved += out != decide_held_out(&renamed, key, SALT) ||
                     v != decide_variant(&renamed, &split, key, SALT);
    }
    ck_assert_msg(moved == 0, "%" PRId64 " keys moved when the campaign was renamed", moved);
    double x = part((double)held, keys * 0.1) + part((double)(keys - held), keys * 0.9);
    printf("  holdout: %" PRId64 " of %d, chi-square %.2f\n", held, keys, x);
    ck_assert_msg(x < LIMIT_1, "holdout: chi-square %.1f", x);
    double shares = 0, joint = 0, apart = 0;
    for (int i = 0; i < 3; i++) {
        double share = thirds[i].share_ppm / 1e6;
        shares += part((double)seen[i], keys * share);
        apart += part((double)held_in[i], (double)seen[i] * 0.1);
        for (int k = 0; k < 3; k++)
            joint += part((double)both[i][k], keys * share * (thirds[k].share_ppm / 1e6));
    }
    printf("  split: chi-square %.2f; with the holdout %.2f; two splits %.2f\n", shares, apart,
           joint);
    ck_assert_msg(shares < LIMIT_2, "split: chi-square %.1f", shares);
    ck_assert_msg(apart < LIMIT_2, "split and holdout hang together: chi-square %.1f", apart);
    ck_assert_msg(joint < LIMIT_8, "two splits hang together: chi-square %.1f", joint);
}
END_TEST

Suite *suite_chances(void) {
    Suite *s = suite_create("chances");
    TCase *t = tcase_create("chances");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, chi_square);
    suite_add_tcase(s, t);
    return s;
}
