/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "channels/email_address.h"
#include "tests/channels/check_channels.h"

#define L16 "abcdefghijklmnop"
#define L64 L16 L16 L16 L16
#define D63 L16 L16 L16 "abcdefghijklmno"

static const struct {
    const char *text;
    const char *wire; /* NULL: refused */
    const char *word; /* of the reason */
    bool utf8;
} cases[] = {
    {"ada@example.com", "ada@example.com", NULL, false},
    {"Ada.Lovelace+tag@Example.COM", "Ada.Lovelace+tag@example.com", NULL, false},
    {"a!#$%&'*+-/=?^_`{|}~@x.org", "a!#$%&'*+-/=?^_`{|}~@x.org", NULL, false},
    {"x@localhost", "x@localhost", NULL, false},
    {"\"john smith\"@example.com", "\"john smith\"@example.com", NULL, false},
    {"\"a\\\"b@c\"@example.com", "\"a\\\"b@c\"@example.com", NULL, false},
    {"x@[192.0.2.1]", "x@[192.0.2.1]", NULL, false},
    {"x@[IPv6:2001:db8::1]", "x@[IPv6:2001:db8::1]", NULL, false},
    {"x@b\xc3\xbc"
     "cher.example",
     "x@xn--bcher-kva.example", NULL, false},
    {"x@\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb8\xac\xe8\xa9\xa6", "x@xn--fsqu00a.xn--g6w251d", NULL,
     false},
    {"j\xc3\xb6rg@example.com", "j\xc3\xb6rg@example.com", NULL, true},
    {L64 "@example.com", L64 "@example.com", NULL, false},
    {"x@" D63 ".com", "x@" D63 ".com", NULL, false},
    {"", NULL, "empty", false},
    {"ada", NULL, "no @", false},
    {"@example.com", NULL, "before the @", false},
    {"ada@", NULL, "behind the @", false},
    {"a@b@c.com", NULL, "in the domain", false},
    {".ada@example.com", NULL, "dot", false},
    {"ada.@example.com", NULL, "dot", false},
    {"a..b@example.com", NULL, "dot", false},
    {"a b@example.com", NULL, "not allowed", false},
    {" ada@example.com", NULL, "not allowed", false},
    {"ada@example.com ", NULL, "not allowed", false},
    {"Ada <ada@example.com>", NULL, "not allowed", false},
    {"ada>@example.com", NULL, "not allowed", false},
    {"ada@exa_mple.com", NULL, "not allowed", false},
    {"ada@-example.com", NULL, "ends of a label", false},
    {"ada@example-.com", NULL, "ends of a label", false},
    {"ada@example..com", NULL, "empty label", false},
    {"ada@example.com.", NULL, "empty label", false},
    {"ada@.com", NULL, "empty label", false},
    {"ada@example.com\r\nRCPT TO:<eve@example.com>", NULL, "line break", false},
    {"ada@example.com\n", NULL, "line break", false},
    {"a\tb@example.com", NULL, "control", false},
    {"a\x7f"
     "b@example.com",
     NULL, "control", false},
    {"a\xc2\x85"
     "b@example.com",
     NULL, "control", false},
    {"a\xff@example.com", NULL, "UTF-8", false},
    {"\"\"@example.com", NULL, "quotes", false},
    {"\"a@example.com", NULL, "@", false},
    {"\"a\"b@example.com", NULL, "quot", false},
    {"\"a\\\"@example.com", NULL, "@", false},
    {"x@[300.1.1.1]", NULL, "literal", false},
    {"x@[192.0.2.1", NULL, "literal", false},
    {"x@[IPv6:zz]", NULL, "literal", false},
    {"x@xn--\xc3\xbc.com", NULL, "internationalised", false},
    {L64 "a@example.com", NULL, "longer", false},
    {"x@" D63 "a.com", NULL, "longer", false},
    {"x@" D63 "." D63 "." D63 "." D63, NULL, "longer", false},
};

START_TEST(address_cases) {
    struct arena *a = arena_new(0);
    struct email_address got;
    struct err e = ERR_INIT;
    bool ok = email_address_parse(a, str_from(cases[_i].text), &got, &e);
    if (cases[_i].wire) {
        ck_assert_msg(ok, "`%s` was refused: %s", cases[_i].text, e.text);
        ck_assert_msg(str_eq(got.wire, str_from(cases[_i].wire)), "`%s`: wanted %s, got %.*s",
                      cases[_i].text, cases[_i].wire, STR_FMT(got.wire));
        ck_assert_int_eq(got.utf8, cases[_i].utf8);
        ck_assert_uint_eq(got.local.n + 1 + got.domain.n, got.wire.n);
    } else {
        ck_assert_msg(!ok, "`%s` was accepted", cases[_i].text);
        ck_assert_int_eq(e.kind, ERR_INPUT);
        ck_assert_msg(strstr(e.text, cases[_i].word) != NULL, "`%s`: wanted `%s` in: %s",
                      cases[_i].text, cases[_i].word, e.text);
    }
    arena_free(a);
}
END_TEST

/* A NUL must not hide what stands behind it. */
START_TEST(address_with_nul) {
    struct arena *a = arena_new(0);
    struct email_address got;
    struct err e = ERR_INIT;
    ck_assert(!email_address_parse(a, S("ada\0@example.com"), &got, &e));
    ck_assert(!email_address_parse(a, S("ada@example.com\0"), &got, &e));
    arena_free(a);
}
END_TEST

Suite *suite_email_address(void) {
    Suite *s = suite_create("email_address");
    TCase *t = tcase_create("table");
    tcase_add_loop_test(t, address_cases, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, address_with_nul);
    suite_add_tcase(s, t);
    return s;
}
