/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/data/cel/language.txt: expression, tab, the value as CEL text; `!` and a
 * part of the message for an error, when compiled or evaluated.
 */
#include "config.h"

#include "tests/rules/check_cel.h"

#include <stdio.h>
#include <stdlib.h>

static const char *outcome(struct arena *a, struct str source) {
    struct cel_issues issues;
    struct cel_activation act = {0};
    cel_issues_init(&issues, a);
    const struct cel_program *p = cel_compile(a, NULL, source, &issues);
    if (p)
        return evaluated(a, p, &act);
    ck_assert_uint_ge(issues.n, 1);
    ck_assert_uint_le(issues.list[0].offset + issues.list[0].length, source.n);
    return str_cstr(a, issues.list[0].text);
}

static bool as_wanted(const char *got, struct str wanted) {
    if (wanted.n && wanted.p[0] == '!')
        return str_find(str_from(got), str_sub(wanted, 1, wanted.n)) >= 0;
    return str_eq(str_from(got), wanted);
}

START_TEST(language) {
    const char *top = getenv("top_srcdir");
    char path[1000], line[4000];
    snprintf(path, sizeof path, "%s/tests/data/cel/language.txt", top ? top : ".");
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s is missing", path);
    int failed = 0, n = 0;
    while (fgets(line, sizeof line, f)) {
        struct arena *a = arena_new(0);
        struct str rest = str_trim(str_from(line)), source;
        if (rest.n && rest.p[0] != '#' && str_split(&rest, '\t', &source) && rest.p) {
            const char *got = outcome(a, source);
            n++;
            if (!as_wanted(got, rest) && ++failed)
                fprintf(stderr, "%.*s\n  wanted %.*s\n  got    %s\n", STR_FMT(source),
                        STR_FMT(rest), got);
        }
        arena_free(a);
    }
    fclose(f);
    ck_assert_int_ge(n, 250);
    ck_assert_int_eq(failed, 0);
}
END_TEST

Suite *suite_cel_language(void) {
    Suite *s = suite_create("cel_language");
    TCase *t = tcase_create("table");
    tcase_add_test(t, language);
    suite_add_tcase(s, t);
    return s;
}
