/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/keyring.h"

#include "tests/base/check_base.h"

#include <stdio.h>

static void add(struct keyring *k, int id, const char *secret) {
    ck_assert(keyring_add(k, id, str_from(secret)));
}

static bool knows(const struct keyring *k, const char *token) {
    int shard = -1;
    int64_t id = -1;
    bool ok = keyring_check(k, TOKEN_OPEN, str_from(token), &shard, &id);
    ck_assert(!ok || (shard == 63 && id == 4711));
    return ok;
}

/* Key 0 signs, then 1, then 63: each token lives as long as its key. */
START_TEST(rotation) {
    struct keyring first = {0}, second = {0}, third = {0};
    char token[3][KEYRING_CHARS + 1], plain[TOKEN_CHARS + 1];
    add(&first, 0, "zero");
    add(&second, 1, "one");
    add(&second, 0, "zero");
    add(&third, 63, "last");
    add(&third, 1, "one");
    keyring_make(&first, TOKEN_OPEN, 63, 4711, token[0]);
    keyring_make(&second, TOKEN_OPEN, 63, 4711, token[1]);
    keyring_make(&third, TOKEN_OPEN, 63, 4711, token[2]);
    token_make(S("zero"), TOKEN_OPEN, 63, 4711, plain);
    ck_assert_str_eq(token[0], plain); /* as before there were keys */
    ck_assert_uint_eq(strlen(token[1]), KEYRING_CHARS);
    ck_assert(str_starts(str_from(token[1]), S("_B")) && str_starts(str_from(token[2]), S("__")));
    ck_assert(knows(&first, token[0]) && !knows(&first, token[1]) && !knows(&first, token[2]));
    ck_assert(knows(&second, token[0]) && knows(&second, token[1]) && !knows(&second, token[2]));
    ck_assert(!knows(&third, token[0]) && knows(&third, token[1]) && knows(&third, token[2]));
    keyring_clear(&third);
    ck_assert(!knows(&third, token[2]));
    keyring_make(&third, TOKEN_OPEN, 63, 4711, token[2]);
    ck_assert_str_eq(token[2], "");
}
END_TEST

START_TEST(links) {
    struct arena *a = arena_new(0);
    struct keyring k = {0}, other = {0};
    struct buf b = BUF_IN(a);
    struct token_link out, in = {7, 4711, 3, S("https://acme.example/x?y=1")};
    add(&k, 5, "five");
    add(&k, 0, "zero");
    add(&other, 5, "not five");
    ck_assert(keyring_link_make(&k, &in, &b));
    ck_assert(keyring_link_check(a, &k, buf_str(&b), &out));
    ck_assert(out.shard == 7 && out.id == 4711 && out.index == 3 && str_eq(out.url, in.url));
    ck_assert(!keyring_link_check(a, &other, buf_str(&b), &out));
    ck_assert(!keyring_link_check(a, &k, str_sub(buf_str(&b), 2, b.n), &out)); /* as if of key 0 */
    buf_clear(&b);
    ck_assert(token_link_make(S("zero"), &in, &b)); /* a link from before */
    ck_assert(keyring_link_check(a, &k, buf_str(&b), &out));
    buf_clear(&b);
    in.url = S("javascript:alert(1)");
    ck_assert(!keyring_link_make(&k, &in, &b) && b.n == 0);
    arena_free(a);
}
END_TEST

static const char *const nonsense[] = {"", "_", "_B", "_A", "__", "_!", "_\x80", "B", "_BAAAA"};

START_TEST(no_token) {
    struct keyring k = {0};
    add(&k, 1, "one");
    add(&k, 0, "zero");
    ck_assert(!knows(&k, nonsense[_i]));
}
END_TEST

/* Key 0 written with its number is another text for the same token: not ours. */
START_TEST(one_form_only) {
    struct keyring k = {0};
    char token[KEYRING_CHARS + 1], marked[KEYRING_CHARS + 3];
    add(&k, 0, "zero");
    keyring_make(&k, TOKEN_OPEN, 63, 4711, token);
    snprintf(marked, sizeof marked, "_A%s", token);
    ck_assert(knows(&k, token) && !knows(&k, marked));
}
END_TEST

START_TEST(limits) {
    struct keyring k = {0};
    char secret[KEYRING_SECRET_BYTES + 1];
    memset(secret, 'x', sizeof secret);
    ck_assert(!keyring_add(&k, 1, S("")) && !keyring_add(&k, 64, S("x")) &&
              !keyring_add(&k, -1, S("x")));
    ck_assert(!keyring_add(&k, 1, str_of(secret, sizeof secret)));
    for (int i = 0; i < KEYRING_KEYS; i++)
        ck_assert(keyring_add(&k, i, str_of(secret, sizeof secret - 1)));
    ck_assert(!keyring_add(&k, 1, S("x")));
}
END_TEST

Suite *suite_keyring(void) {
    Suite *s = suite_create("keyring");
    TCase *t = tcase_create("keyring");
    tcase_add_test(t, rotation);
    tcase_add_test(t, links);
    tcase_add_loop_test(t, no_token, 0, sizeof nonsense / sizeof *nonsense);
    tcase_add_test(t, one_form_only);
    tcase_add_test(t, limits);
    suite_add_tcase(s, t);
    return s;
}
