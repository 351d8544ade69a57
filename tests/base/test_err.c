/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/err.h"
#include "tests/base/check_base.h"

#include <string.h>

START_TEST(set_and_context) {
    struct err e = ERR_INIT;
    ck_assert(!err_set(&e, ERR_INPUT, "no such file `%s`", "x.yaml"));
    ck_assert(!err_context(&e, "campaign %d", 7));
    ck_assert_str_eq(e.text, "campaign 7: no such file `x.yaml`");
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert(!err_set(&e, ERR_BUG, "again: %s", e.text)); /* its own text as an argument */
    ck_assert_str_eq(e.text, "again: campaign 7: no such file `x.yaml`");
    ck_assert(!err_context(&e, "%s", e.text));
    ck_assert_str_eq(e.text, "again: campaign 7: no such file `x.yaml`: again: campaign 7: no such "
                             "file `x.yaml`");
    ck_assert(!err_set(NULL, ERR_INPUT, "nobody listens") && !err_context(NULL, "x"));
}
END_TEST

START_TEST(kinds_have_names) {
    ck_assert_str_eq(err_kind_name(ERR_NONE), "none");
    ck_assert_str_eq(err_kind_name(ERR_TEMPORARY), "temporary");
    ck_assert_str_eq(err_kind_name(ERR_BUG), "bug");
}
END_TEST

/* Characters of 1 to 4 bytes at every offset: cut at a character, never shorter than needed. */
START_TEST(cut_at_a_character) {
    static const char *const characters[] = {"x", "\u00e9", "\u53f0", "\U0001f600"};
    const char *c = characters[_i];
    size_t width = strlen(c);
    for (size_t shift = 0; shift < 8; shift++) {
        char text[3000] = "";
        memset(text, '.', shift);
        for (size_t n = shift; n + width < sizeof text; n += width)
            memcpy(text + n, c, width);
        struct err e = ERR_INIT;
        ck_assert(!err_set(&e, ERR_INPUT, "%s", text));
        size_t room = sizeof e.text - 1 - shift;
        ck_assert_uint_eq(strlen(e.text), shift + room / width * width);
        ck_assert(!err_context(&e, "%s", "where"));
        ck_assert_uint_eq((strlen(e.text) - shift - 7) % width, 0);
        ck_assert(!err_context(&e, "%s", text));
        ck_assert_uint_eq(strlen(e.text), shift + room / width * width);
    }
}
END_TEST

START_TEST(control_characters) {
    struct err e = ERR_INIT;
    ck_assert(!err_set(&e, ERR_INPUT, "a\nb\r\tc\033[1m\x7f\xc2\x9b\xc2\xa9"));
    ck_assert_str_eq(e.text, "a b  c [1m   \xc2\xa9");
}
END_TEST

Suite *suite_err(void) {
    Suite *s = suite_create("err");
    TCase *t = tcase_create("err");
    tcase_add_test(t, set_and_context);
    tcase_add_test(t, kinds_have_names);
    tcase_add_loop_test(t, cut_at_a_character, 0, 4);
    tcase_add_test(t, control_characters);
    suite_add_tcase(s, t);
    return s;
}
