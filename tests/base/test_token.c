/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/token.h"

#include "tests/base/check_base.h"

START_TEST(round_trip) {
    char token[TOKEN_CHARS + 1];
    int shard;
    int64_t id;
    for (int64_t i = 1; i < INT64_C(1) << 60; i *= 7) {
        token_make(S("key"), TOKEN_CLICK, (int)(i % 64), i, token);
        ck_assert_uint_eq(strlen(token), TOKEN_CHARS);
        ck_assert(token_check(S("key"), TOKEN_CLICK, str_from(token), &shard, &id));
        ck_assert_int_eq(shard, i % 64);
        ck_assert_int_eq(id, i);
    }
}
END_TEST

START_TEST(refused) {
    char token[TOKEN_CHARS + 1];
    int shard;
    int64_t id;
    token_make(S("key"), TOKEN_OPEN, 7, 4711, token);
    ck_assert(!token_check(S("other"), TOKEN_OPEN, str_from(token), &shard, &id));
    ck_assert(!token_check(S("key"), TOKEN_CLICK, str_from(token), &shard, &id));
    ck_assert(!token_check(S("key"), TOKEN_OPEN, str_of(token, TOKEN_CHARS - 1), &shard, &id));
    ck_assert(!token_check(S("key"), TOKEN_OPEN, S(""), &shard, &id));
    for (int i = 0; i < TOKEN_CHARS; i++)
        for (int bit = 0; bit < 7; bit++) {
            char wrong[TOKEN_CHARS + 1];
            memcpy(wrong, token, sizeof wrong);
            wrong[i] = (char)(wrong[i] ^ (1 << bit));
            ck_assert_msg(!token_check(S("key"), TOKEN_OPEN, str_of(wrong, TOKEN_CHARS), &shard, &id),
                          "accepted with character %d changed", i);
        }
}
END_TEST

Suite *suite_token(void) {
    Suite *s = suite_create("token");
    TCase *t = tcase_create("token");
    tcase_add_test(t, round_trip);
    tcase_add_test(t, refused);
    suite_add_tcase(s, t);
    return s;
}
