/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "channels/dkim.h"
#include "tests/channels/check_channels.h"

#include <stdio.h>
#include <stdlib.h>

/* Whether signatures hold is for programs of others to say: real_smtp.py. */

static char *output_of(const char *command) {
    static char text[8000];
    FILE *f = popen(command, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = '\0';
    ck_assert_msg(f && pclose(f) == 0, "the openssl program is needed for this test");
    return text;
}

static const struct {
    const char *domain, *selector, *command;
    const char *word; /* of the complaint; NULL: a good key */
} keys[] = {
    {"acme.example", "s1", "openssl genrsa 2048 2>/dev/null", NULL},
    {"acme.example", "2026.news", "openssl genpkey -algorithm ed25519", NULL},
    {"acme.example", "s1", "openssl genrsa 768 2>/dev/null", "768 bits"},
    {"acme.example", "s1", "openssl ecparam -name prime256v1 -genkey -noout", "no private RSA"},
    {"acme.example", "s1", "openssl genrsa 2048 2>/dev/null | openssl rsa -pubout 2>/dev/null",
     "no private RSA"},
    {"acme.example", "s1", "echo nothing", "no private RSA"},
    {"acme example", "s1", "echo nothing", "acme example"},
    {"acme.example", "s1; l=0", "echo nothing", "s1; l=0"},
    {"acme.example\r\nX: y", "s1", "echo nothing", "no name"},
};

START_TEST(key_cases) {
    struct err e = ERR_INIT;
    const char *pem = output_of(keys[_i].command);
    struct dkim_key *k = dkim_key_new(keys[_i].domain, keys[_i].selector, pem, &e);
    if (keys[_i].word) {
        ck_assert_ptr_null(k);
        ck_assert_msg(strstr(e.text, keys[_i].word) != NULL, "%s", e.text);
    } else {
        ck_assert_msg(k != NULL, "%s", e.text);
    }
    dkim_key_free(k);
}
END_TEST

START_TEST(same_mail_same_bytes) {
    static const char *const commands[] = {"openssl genrsa 2048 2>/dev/null",
                                           "openssl genpkey -algorithm ed25519"};
    struct err e = ERR_INIT;
    struct arena *a = arena_new(0);
    struct dkim_key *k = dkim_key_new("acme.example", "s1", output_of(commands[_i]), &e);
    struct buf one = BUF_IN(a), two = BUF_IN(a);
    struct str mail = S("From: a@acme.example\r\nList-Unsubscribe: <https://x.example/>\r\n"
                        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHi\r\n");
    ck_assert_ptr_nonnull(k);
    dkim_sign(k, a, mail, 1795294690, &one);
    dkim_sign(k, a, mail, 1795294690, &two);
    ck_assert(str_eq(buf_str(&one), buf_str(&two)));
    struct str rest = buf_str(&one), line, names;
    while (str_split(&rest, '\n', &line)) {
        ck_assert_uint_le(line.n, 79);
    }
    ptrdiff_t h = str_find(buf_str(&one), S(" h=")), bh = str_find(buf_str(&one), S(" bh="));
    ck_assert(h > 0 && bh > h);
    names = str_sub(buf_str(&one), (size_t)h, (size_t)bh);
    ck_assert_int_ge(str_find(names, S("List-Unsubscribe-Post:")), 0);
    ck_assert_int_ge(str_find(names, S("List-Unsubscribe:")), 0);
    ck_assert_int_ge(str_find(names, S("From:")), 0);
    dkim_key_free(k);
    arena_free(a);
}
END_TEST

Suite *suite_dkim(void) {
    Suite *s = suite_create("dkim");
    TCase *t = tcase_create("dkim");
    tcase_add_loop_test(t, key_cases, 0, sizeof keys / sizeof *keys);
    tcase_add_loop_test(t, same_mail_same_bytes, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
