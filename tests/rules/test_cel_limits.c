/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/rules/check_cel.h"

/* `n` times one piece, then another, then as often a third. */
static struct str repeated(struct arena *a, const char *open, size_t n, const char *middle,
                           const char *close) {
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < n; i++)
        buf_add_str(&b, str_from(open));
    buf_add_str(&b, str_from(middle));
    for (size_t i = 0; i < n; i++)
        buf_add_str(&b, str_from(close));
    return buf_str(&b);
}

static const struct {
    const char *open;
    size_t n;
    const char *middle, *close, *issue; /* NULL: fine */
} nested[] = {
    {"(", 1000000, "1", ")", "is longer than"},
    {"(", 100000, "1", ")", "brackets are open"},
    {"(", 250, "1", ")", NULL},
    {"[", 100000, "1", "]", "brackets are open"},
    {"{1:", 50000, "1", "}", "brackets are open"},
    {"f(", 50000, "1", ")", "brackets are open"},
    {"a[", 50000, "1", "]", "brackets are open"},
    {"true?1:", 30000, "1", "", "brackets are open"},
    {"!", 100000, "true", "", "too many signs"},
    {"-", 100000, "1", "", "too many signs"},
    {"1+", 100000, "1", "", "too deep"},
    {"1+", 400, "1", "", NULL},
    {"a.", 100000, "a", "", "too deep"},
    {"1==", 50000, "1", "", "too deep"},
    {"true&&", 9000, "true", "", NULL},
    {"true&&", 20000, "true", "", "more than 10000"},
    {"", 10000, "[1", ",1", "more than 10000"},
    {"1 ||", 1, "", "", "the expression ends"},
};

START_TEST(nesting_is_bounded) {
    struct arena *a = arena_new(0);
    struct cel_issues issues;
    cel_issues_init(&issues, a);
    struct str source =
        repeated(a, nested[_i].open, nested[_i].n, nested[_i].middle, nested[_i].close);
    const struct cel_program *p = cel_compile(a, NULL, source, &issues);
    if (!nested[_i].issue) {
        ck_assert_msg(p != NULL, "%s: %.*s", nested[_i].open,
                      STR_FMT(issues.n ? issues.list[0].text : S("?")));
    } else {
        ck_assert_ptr_null(p);
        ck_assert_msg(str_find(issues.list[0].text, str_from(nested[_i].issue)) >= 0, "%s: %.*s",
                      nested[_i].open, STR_FMT(issues.list[0].text));
    }
    arena_free(a);
}
END_TEST

/* Expressions that would run for ages or fill memory. */
static const char *const greedy[] = {
    "[0,1,2,3,4,5,6,7,8,9].map(a, [0,1,2,3,4,5,6,7,8,9].map(b, [0,1,2,3,4,5,6,7,8,9].map(c, "
    "[0,1,2,3,4,5,6,7,8,9].map(d, [0,1,2,3,4,5,6,7,8,9].map(e, [0,1,2,3,4,5,6,7,8,9].map(f, "
    "[0,1,2,3,4,5,6,7,8,9].map(g, a + b + c + d + e + f + g + x)))))))",
    "cel.bind(a, s + s, cel.bind(b, a + a, cel.bind(c, b + b + b + b + b + b, cel.bind(d, "
    "c + c + c + c + c + c, cel.bind(e, d + d + d + d + d + d, cel.bind(f, e + e + e + e + e, "
    "cel.bind(g, f + f + f + f + f + f, cel.bind(h, g + g + g + g + g, (h + h + h + h).size() "
    "> 0 || true))))))))",
    "cel.bind(a, [s, s, s, s, s, s, s, s], cel.bind(b, [a, a, a, a, a, a, a, a], cel.bind(c, [b, "
    "b, b, b, b, b, b, b], cel.bind(d, [c, c, c, c, c, c, c, c], cel.bind(e, [d, d, d, d, d, d, "
    "d, d], cel.bind(f, [e, e, e, e, e, e, e, e], cel.bind(g, [f, f, f, f, f, f, f, f], "
    "\"%s%s%s\".format([g, g, g]))))))))",
    "cel.bind(a, [x, x, x, x, x, x, x, x], cel.bind(b, [a, a, a, a, a, a, a, a], cel.bind(c, [b, "
    "b, b, b, b, b, b, b], cel.bind(d, [c, c, c, c, c, c, c, c], cel.bind(e, [d, d, d, d, d, d, "
    "d, d], cel.bind(f, [e, e, e, e, e, e, e, e], cel.bind(g, [f, f, f, f, f, f, f, f], "
    "cel.bind(h, [g, g, g, g, g, g, g, g], [h, h, h, h] == [h, h, h, h] || h in [h]))))))))",
};

START_TEST(work_is_bounded) {
    struct arena *a = arena_new(0);
    struct map *bindings = map_new(a, 0);
    map_set_str(a, bindings, S("x"), value_int(1));
    map_set_str(a, bindings, S("s"), value_str(repeated(a, "some text ", 1000, "", "")));
    struct cel_activation act = {.bindings = bindings};
    const struct cel_program *p = must_compile(a, NULL, greedy[_i]);
    ck_assert_str_eq(evaluated(a, p, &act),
                     "error: the expression takes too much work; make it simpler");
    ck_assert_uint_le(arena_used(a), 400u << 20);
    arena_free(a);
}
END_TEST

START_TEST(pattern_that_explodes) {
    struct arena *a = arena_new(0);
    struct map *bindings = map_new(a, 0);
    map_set_str(a, bindings, S("s"), value_str(repeated(a, "a", 5000, "!", "")));
    map_set_str(a, bindings, S("p"), value_str(S("^(a|aa|a?)*(a*)*$")));
    struct cel_activation act = {.bindings = bindings};
    static const char *const sources[] = {"s.matches(\"^(a|aa|a?)*(a*)*$\")", "s.matches(p)"};
    for (int i = 0; i < COUNT(sources); i++)
        ck_assert_msg(strstr(evaluated(a, must_compile(a, NULL, sources[i]), &act),
                             "takes too much work") != NULL,
                      "%s", sources[i]);
    arena_free(a);
}
END_TEST

Suite *suite_cel_limits(void) {
    Suite *s = suite_create("cel_limits");
    TCase *t = tcase_create("limits");
    tcase_set_timeout(t, 20);
    tcase_add_loop_test(t, nesting_is_bounded, 0, COUNT(nested));
    tcase_add_loop_test(t, work_is_bounded, 0, COUNT(greedy));
    tcase_add_test(t, pattern_that_explodes);
    suite_add_tcase(s, t);
    return s;
}
