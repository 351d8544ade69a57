/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/token.h"

#include "tests/base/check_base.h"

START_TEST(round_trip) {
    char token[TOKEN_CHARS + 1];
    int shard;
    int64_t id;
    for (int64_t i = 1; i < INT64_C(1) << 60; i *= 7) {
        token_make(S("key"), TOKEN_UNSUBSCRIBE, (int)(i % 64), i, token);
        ck_assert_uint_eq(strlen(token), TOKEN_CHARS);
        ck_assert(token_check(S("key"), TOKEN_UNSUBSCRIBE, str_from(token), &shard, &id));
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
    ck_assert(!token_check(S("key"), TOKEN_UNSUBSCRIBE, str_from(token), &shard, &id));
    ck_assert(!token_check(S("key"), TOKEN_OPEN, str_of(token, TOKEN_CHARS - 1), &shard, &id));
    ck_assert(!token_check(S("key"), TOKEN_OPEN, S(""), &shard, &id));
    for (int i = 0; i < TOKEN_CHARS; i++)
        for (int bit = 0; bit < 7; bit++) {
            char wrong[TOKEN_CHARS + 1];
            memcpy(wrong, token, sizeof wrong);
            wrong[i] = (char)(wrong[i] ^ (1 << bit));
            ck_assert_msg(
                !token_check(S("key"), TOKEN_OPEN, str_of(wrong, TOKEN_CHARS), &shard, &id),
                "accepted with character %d changed", i);
        }
}
END_TEST

START_TEST(mail_round_trip) {
    char token[TOKEN_MAIL_CHARS + 1];
    int shard;
    int64_t id;
    for (int64_t i = 1; i < INT64_C(1) << 60; i *= 7) {
        token_mail_make(S("key"), TOKEN_BOUNCE, (int)(i % 64), i, token);
        ck_assert_uint_eq(strlen(token), TOKEN_MAIL_CHARS);
        ck_assert_uint_eq(strspn(token, "abcdefghijklmnopqrstuvwxyz234567"), TOKEN_MAIL_CHARS);
        for (int j = 0; j < TOKEN_MAIL_CHARS; j += 2) /* as a server may write it */
            if (token[j] >= 'a')
                token[j] = (char)(token[j] - 32);
        ck_assert(token_mail_check(S("key"), TOKEN_BOUNCE, str_from(token), &shard, &id));
        ck_assert_int_eq(shard, i % 64);
        ck_assert_int_eq(id, i);
        ck_assert(!token_mail_check(S("key"), TOKEN_MESSAGE_ID, str_from(token), &shard, &id));
        ck_assert(!token_mail_check(S("other"), TOKEN_BOUNCE, str_from(token), &shard, &id));
    }
}
END_TEST

START_TEST(mail_refused) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567+-.@=";
    char token[TOKEN_MAIL_CHARS + 1];
    int shard;
    int64_t id;
    token_mail_make(S("key"), TOKEN_BOUNCE, 7, 4711, token);
    ck_assert(!token_mail_check(S("key"), TOKEN_BOUNCE, str_of(token, 33), &shard, &id));
    ck_assert(!token_mail_check(S("key"), TOKEN_BOUNCE, STR_NONE, &shard, &id));
    for (int i = 0; i < TOKEN_MAIL_CHARS; i++)
        for (size_t j = 0; j < sizeof letters; j++) { /* NUL, too */
            char was = token[i];
            token[i] = letters[j];
            ck_assert_int_eq(token_mail_check(S("key"), TOKEN_BOUNCE,
                                              str_of(token, TOKEN_MAIL_CHARS), &shard, &id),
                             was == letters[j]);
            token[i] = was;
        }
}
END_TEST

static const char *const urls[] = {
    "https://acme.example/",
    "http://acme.example/a?b=c&d=%20#e",
    "https://",
    "http://\xe5\x84\xaa\xe6\x83\xa0.example/",
    "https://a.example/1234567",
};

START_TEST(link_round_trip) {
    struct arena *a = arena_new(0);
    struct str url = str_from(urls[_i]);
    for (int64_t i = 1; i < INT64_C(1) << 60; i *= 11) {
        struct buf b = BUF_IN(a);
        struct token_link in = {(int)(i % 64), i, (uint32_t)i, url}, out;
        ck_assert(token_link_make(S("key"), &in, &b));
        ck_assert(token_link_check(a, S("key"), buf_str(&b), &out));
        ck_assert_int_eq(out.shard, in.shard);
        ck_assert_int_eq(out.id, i);
        ck_assert_uint_eq(out.index, in.index);
        ck_assert(str_eq(out.url, url));
        ck_assert(!token_link_check(a, S("other"), buf_str(&b), &out));
    }
    arena_free(a);
}
END_TEST

START_TEST(link_refused) {
    struct arena *a = arena_new(0);
    struct buf b = BUF_IN(a);
    struct token_link in = {7, 4711, 3, str_from(urls[_i])}, out;
    ck_assert(token_link_make(S("key"), &in, &b));
    for (size_t i = 0; i < b.n; i++) {
        struct str shorter = str_of(b.p, i);
        ck_assert_msg(!token_link_check(a, S("key"), shorter, &out), "accepted %zu of it", i);
        for (int bit = 0; bit < 8; bit++) {
            b.p[i] = (char)(b.p[i] ^ (1 << bit));
            ck_assert_msg(!token_link_check(a, S("key"), buf_str(&b), &out),
                          "accepted with character %zu changed", i);
            b.p[i] = (char)(b.p[i] ^ (1 << bit));
        }
    }
    buf_add_char(&b, 'A');
    ck_assert(!token_link_check(a, S("key"), buf_str(&b), &out));
    arena_free(a);
}
END_TEST

START_TEST(link_not_made) {
    struct arena *a = arena_new(0);
    struct buf b = BUF_IN(a), longer = BUF_IN(a);
    buf_add_str(&longer, S("https://"));
    while (longer.n <= TOKEN_URL_BYTES)
        buf_add_char(&longer, 'a');
    struct str wrong[] = {S("ftp://a.example/"), S("javascript:alert(1)"), S("https://a\r\nb: c"),
                          S(""), buf_str(&longer)};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct token_link in = {7, 4711, 3, wrong[i]};
        ck_assert_msg(!token_link_make(S("key"), &in, &b), "made for %.*s", STR_FMT(wrong[i]));
        ck_assert_uint_eq(b.n, 0);
    }
    arena_free(a);
}
END_TEST

Suite *suite_token(void) {
    Suite *s = suite_create("token");
    TCase *t = tcase_create("token");
    tcase_add_test(t, round_trip);
    tcase_add_test(t, refused);
    tcase_add_test(t, mail_round_trip);
    tcase_add_test(t, mail_refused);
    tcase_add_loop_test(t, link_round_trip, 0, sizeof urls / sizeof *urls);
    tcase_add_loop_test(t, link_refused, 0, sizeof urls / sizeof *urls);
    tcase_add_test(t, link_not_made);
    suite_add_tcase(s, t);
    return s;
}
