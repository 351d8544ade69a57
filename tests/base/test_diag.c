/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/diag.h"
#include "tests/base/check_base.h"

#include <stdlib.h>

static struct arena *a;
static struct diags d;

static void setup(void) {
    a = arena_new(0);
    diags_init(&d, a);
}

static void teardown(void) {
    arena_free(a);
}

/* What diags_print writes, for the lifetime of the test. */
static const char *printed(bool colour) {
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    diags_print(&d, out, colour);
    fclose(out);
    const char *kept = str_cstr(a, str_of(text, n));
    free(text);
    return kept;
}

static const struct {
    const char *source;
    int line, column, length;
    const char *text, *hint, *want;
} golden[] = {
    {"one\naudience: customer.county == 1\n", 2, 20, 6, "unknown field `county`",
     "did you mean `country`?",
     "x.yaml:2:20: error: unknown field `county`\n"
     "  2 | audience: customer.county == 1\n"
     "    |                    ^~~~~~\n"
     "    = did you mean `country`?\n"},
    {"title: \u512a\u60e0 x: y", 1, 8, 2, "wide", NULL, /* two columns a character */
     "x.yaml:1:8: error: wide\n  1 | title: \u512a\u60e0 x: y\n    |        ^~~~\n"},
    {"title: \u512a\u60e0 x: y", 1, 11, 1, "behind wide", NULL,
     "x.yaml:1:11: error: behind wide\n  1 | title: \u512a\u60e0 x: y\n    |             ^\n"},
    {"it\u2019s \u20ac5 e\u0301!", 1, 11, 1, "narrow and combining", NULL,
     "x.yaml:1:11: error: narrow and combining\n  1 | it\u2019s \u20ac5 e\u0301!\n    |          "
     "^\n"},
    {"a\tb\x1b[31mc\xc2\x9b\u202e\xff.\r\n", 1, 3, 1, "esc \x1b[0m\n", "hint \x1b[0m",
     "x.yaml:1:3: error: esc ?[0m?\n  1 | a b?[31mc???.\n    |   ^\n    = hint ?[0m\n"},
    {"abc", 1, 9, 5, "behind the end", NULL,
     "x.yaml:1:9: error: behind the end\n  1 | abc\n    |    ^\n"},
    {"abc", 7, 1, 1, "no such line", "h", "x.yaml:7:1: error: no such line\n    = h\n"},
    {"", 0, 0, 0, "cannot be read", NULL, "x.yaml: error: cannot be read\n"},
};

START_TEST(golden_text) {
    struct place at = {S("x.yaml"), golden[_i].line, golden[_i].column, golden[_i].length};
    struct diag *x =
        diags_add(&d, DIAG_ERROR, at, str_from(golden[_i].source), "%s", golden[_i].text);
    if (golden[_i].hint)
        x->hint = str_from(golden[_i].hint);
    ck_assert_str_eq(printed(false), golden[_i].want);
}
END_TEST

START_TEST(long_lines_are_cut) {
    char *line = arena_alloc(a, 100001);
    memset(line, 'y', 100000);
    line[100000] = 0;
    diags_add(&d, DIAG_WARNING, (struct place){S("x"), 1, 90000, 5}, str_from(line), "%s", line);
    diags_add(&d, DIAG_WARNING, (struct place){S("x"), 1, 5, 90000}, str_from(line), "b");
    ck_assert_uint_lt(strlen(printed(false)), 4000);
    size_t used = arena_used(a);
    for (int i = 0; i < 998; i++)
        diags_add(&d, DIAG_ERROR, (struct place){S("x"), 1, i, 1}, str_from(line), "c");
    ck_assert_uint_lt(arena_used(a) - used, 2u << 20);
}
END_TEST

START_TEST(sorted_without_repetitions) {
    diags_add(&d, DIAG_NOTE, (struct place){S("b"), 1, 1, 1}, STR_NONE, "n");
    diags_add(&d, DIAG_ERROR, (struct place){S("b"), 1, 1, 1}, STR_NONE, "e");
    diags_add(&d, DIAG_ERROR, (struct place){S("a"), 10, 1, 1}, STR_NONE, "z");
    diags_add(&d, DIAG_ERROR, (struct place){S("a"), 9, 2, 1}, STR_NONE, "y");
    diags_add(&d, DIAG_ERROR, (struct place){S("a"), 9, 2, 1}, STR_NONE, "y");
    diags_sort(&d);
    ck_assert_uint_eq(d.errors, 3);
    ck_assert_str_eq(printed(false),
                     "a:9:2: error: y\na:10:1: error: z\nb:1:1: error: e\nb:1:1: note: n\n");
    ck_assert_str_eq(printed(true),
                     "a:9:2: \033[1;31merror\033[0m: y\na:10:1: \033[1;31merror\033[0m: z\n"
                     "b:1:1: \033[1;31merror\033[0m: e\nb:1:1: \033[1;36mnote\033[0m: n\n");
}
END_TEST

START_TEST(bounded) {
    for (int i = 0; i < 1500; i++) {
        struct diag *x = diags_add(&d, i % 3 ? DIAG_ERROR : DIAG_NOTE,
                                   (struct place){S("a"), i + 1, 1, 1}, STR_NONE, "e");
        x->hint = S("h"); /* may be written to also when nothing is kept */
    }
    ck_assert_uint_eq(d.n, 1000);
    ck_assert_uint_eq(d.errors, 1000);
    ck_assert_ptr_nonnull(strstr(printed(false), "... and 500 more; the first 1000 are shown\n"));
}
END_TEST

Suite *suite_diag(void) {
    Suite *s = suite_create("diag");
    TCase *t = tcase_create("diag");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, golden_text, 0, COUNT(golden));
    tcase_add_test(t, long_lines_are_cut);
    tcase_add_test(t, sorted_without_repetitions);
    tcase_add_test(t, bounded);
    suite_add_tcase(s, t);
    return s;
}
