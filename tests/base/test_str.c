/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/str.h"
#include "tests/base/check_base.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>

#define assert_str(got, want) \
    ck_assert_msg(str_eq(got, str_from(want)), "`%.*s`, not `%s`", STR_FMT(got), want)

START_TEST(compare_and_cut) {
    ck_assert_int_eq(str_cmp(S("a"), S("a")), 0);
    ck_assert_int_lt(str_cmp(S("a"), S("ab")), 0);
    ck_assert_int_gt(str_cmp(S("\xff"), S("a")), 0);
    ck_assert_int_eq(str_cmp(STR_NONE, S("")), 0);
    ck_assert(str_eq(STR_NONE, S("")));
    ck_assert(str_eq_nocase(S("Taipei-1"), S("tAIPEI-1")));
    ck_assert(!str_eq_nocase(S("\xc3\x84"), S("\xc3\xa4"))); /* ASCII only */
    ck_assert(str_starts(S("abc"), S("ab")) && str_starts(STR_NONE, S("")) &&
              !str_starts(S("a"), S("ab")));
    ck_assert(str_ends(S("abc"), S("bc")) && str_ends(STR_NONE, S("")) &&
              !str_ends(S("c"), S("bc")));
    ck_assert_int_eq(str_find(S("a\0b"), S("\0b")), 1);
    ck_assert_int_eq(str_find(S("abc"), S("abcd")), -1);
    ck_assert_int_eq(str_find(STR_NONE, S("")), 0);
    assert_str(str_sub(S("abcd"), 1, 3), "bc");
    assert_str(str_sub(S("abcd"), 3, 99), "d");
    assert_str(str_sub(S("abcd"), 3, 1), "");
    assert_str(str_sub(STR_NONE, 1, 2), "");
    assert_str(str_trim(S(" \t\r\n\v\f a b \n")), "a b");
    assert_str(str_trim(S("  ")), "");
}
END_TEST

static const struct {
    const char *in, *parts[6];
} splits[] = {
    {"a,b", {"a", "b"}},
    {"a", {"a"}},
    {"", {""}},
    {",", {"", ""}},
    {"a,", {"a", ""}},
    {",a", {"", "a"}},
    {"a,,b,", {"a", "", "b", ""}},
};

START_TEST(split) {
    struct str rest = str_from(splits[_i].in), part;
    int n = 0;
    for (; str_split(&rest, ',', &part); n++) {
        ck_assert_ptr_nonnull(splits[_i].parts[n]);
        assert_str(part, splits[_i].parts[n]);
    }
    ck_assert_ptr_null(splits[_i].parts[n]);
    rest = STR_NONE;
    ck_assert(!str_split(&rest, ',', &part));
}
END_TEST

static const struct {
    struct str in;
    bool ok;
    int64_t want;
} ints[] = {
    {S("0"), true, 0},
    {S("-7"), true, -7},
    {S("+7"), true, 7},
    {S("007"), true, 7},
    {S("9223372036854775807"), true, INT64_MAX},
    {S("-9223372036854775808"), true, INT64_MIN},
    {S("9223372036854775808"), false, 0},
    {S("-9223372036854775809"), false, 0},
    {S("99999999999999999999999999999"), false, 0},
    {S(""), false, 0},
    {S(" 1"), false, 0},
    {S("1 "), false, 0},
    {S("1\0"), false, 0},
    {S("0x10"), false, 0},
    {S("1e3"), false, 0},
    {S("-"), false, 0},
    {S("--1"), false, 0},
    {{NULL, 0}, false, 0},
};

START_TEST(to_int64) {
    int64_t got = 4711;
    ck_assert_msg(str_to_int64(ints[_i].in, &got) == ints[_i].ok, "%.*s", STR_FMT(ints[_i].in));
    ck_assert_int_eq(got, ints[_i].ok ? ints[_i].want : 4711);
}
END_TEST

static const struct {
    struct str in;
    bool ok;
    double want;
} doubles[] = {
    {S("0"), true, 0},           {S("-1.5"), true, -1.5}, {S(".5"), true, .5},
    {S("1e3"), true, 1000},      {S("1E-3"), true, .001}, {S("1e308"), true, 1e308},
    {S("1e-400"), true, 0},      {S("1e309"), false, 0},  {S("-1e999"), false, 0},
    {S("inf"), false, 0},        {S("NaN"), false, 0},    {S("0x1p3"), false, 0},
    {S("1,5"), false, 0},        {S(""), false, 0},       {S(" 1"), false, 0},
    {S("1.5.2"), false, 0},      {S("1\0"), false, 0},    {S("e5"), false, 0},
    {S("2026-11-21"), false, 0},
};

START_TEST(to_double) {
    double got = 4711;
    ck_assert_msg(str_to_double(doubles[_i].in, &got) == doubles[_i].ok, "%.*s",
                  STR_FMT(doubles[_i].in));
    ck_assert_double_eq(got, doubles[_i].ok ? doubles[_i].want : 4711);
}
END_TEST

START_TEST(double_round_trip) {
    unsigned long seed = 20261121;
    char text[STR_DOUBLE_MAX];
    double back;
    assert_str(str_from_double(.1, text), "0.1");
    assert_str(str_from_double(1e22, text), "1e+22");
    assert_str(str_from_double(-0.0, text), "-0");
    for (int i = 0; i < 20000; i++) {
        union {
            unsigned long u;
            double d;
        } x = {.u = next_random(&seed)};
        if (!isfinite(x.d))
            continue;
        ck_assert_msg(str_to_double(str_from_double(x.d, text), &back) && back == x.d, "%s", text);
    }
    ck_assert(str_to_double(str_from_double(DBL_MAX, text), &back) && back == DBL_MAX);
    ck_assert(str_to_double(str_from_double(-DBL_TRUE_MIN, text), &back) && back == -DBL_TRUE_MIN);
}
END_TEST

/* A locale with a decimal comma; skipped where none is installed. */
START_TEST(numbers_ignore_the_locale) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ru_RU.UTF-8"};
    char text[STR_DOUBLE_MAX];
    double d;
    for (int i = 0; i < COUNT(names); i++)
        if (setlocale(LC_ALL, names[i]))
            break;
    assert_str(str_from_double(1.5, text), "1.5");
    ck_assert(str_to_double(S("1.5"), &d) && d == 1.5);
    setlocale(LC_ALL, "C");
}
END_TEST

static const struct {
    struct str in;
    size_t n;
    uint32_t code;
} utf8[] = {
    {S("a"), 1, 'a'},
    {S("\0"), 1, 0},
    {S("\u00e9x"), 2, 0xe9},
    {S("\u53f0"), 3, 0x53f0},
    {S("\U0001f600"), 4, 0x1f600},
    {S("\xf4\x8f\xbf\xbf"), 4, 0x10ffff},
    {S(""), 0, 0},
    {S("\x80"), 0, 0},
    {S("\xc0\x80"), 0, 0},
    {S("\xc1\xbf"), 0, 0},
    {S("\xe0\x9f\xbf"), 0, 0},
    {S("\xed\xa0\x80"), 0, 0}, /* a surrogate */
    {S("\xf0\x8f\xbf\xbf"), 0, 0},
    {S("\xf4\x90\x80\x80"), 0, 0},
    {S("\xf8\x88\x80\x80\x80"), 0, 0},
    {S("\xe5\x8f"), 0, 0},
    {S("\xe5\x8fz"), 0, 0},
};

START_TEST(utf8_characters) {
    uint32_t code = 4711;
    ck_assert_uint_eq(str_utf8(utf8[_i].in, &code), utf8[_i].n);
    ck_assert_uint_eq(code, utf8[_i].n ? utf8[_i].code : 4711);
}
END_TEST

static const struct {
    const char *wrong, *want;
} nearest[] = {
    {"county", "country"},
    {"COUNTRY", "country"},
    {"conutry", "country"},
    {"emial", "email"},
    {"e", ""},
    {"k", "k"},
    {"zzzz", ""},
    {"", ""},
    {"phonenumber", ""},
    {"pone", "phone"},
};

START_TEST(nearest_name) {
    const struct str names[] = {S("country"), S("email"), S("phone"), S("k"), S("")};
    assert_str(str_nearest(str_from(nearest[_i].wrong), names, 5), nearest[_i].want);
    char much[1000];
    memset(much, 'c', sizeof much);
    const struct str big = {much, sizeof much};
    ck_assert_uint_eq(str_nearest(big, names, 5).n, 0);
    ck_assert_uint_eq(str_nearest(S("c"), &big, 1).n, 0);
}
END_TEST

START_TEST(hash_spreads) {
    unsigned buckets[64] = {0};
    struct arena *a = arena_new(0);
    ck_assert(str_hash(S("abc")) == str_hash(str_sub(S("xabc"), 1, 4)));
    for (int i = 0; i < 64000; i++)
        buckets[str_hash(str_printf(a, "customer-%d", i)) % 64]++;
    for (int i = 0; i < 64; i++)
        ck_assert_msg(buckets[i] > 800 && buckets[i] < 1200, "bucket %d: %u", i, buckets[i]);
    for (size_t n = 0; n < 40; n++) /* NULs at the end count */
        ck_assert(str_hash(str_of((char[41]){0}, n)) != str_hash(str_of((char[41]){0}, n + 1)));
    arena_free(a);
}
END_TEST

START_TEST(buffers) {
    struct arena *a = arena_new(0);
    for (int in_arena = 0; in_arena < 2; in_arena++) {
        struct buf b = in_arena ? BUF_IN(a) : BUF_HEAP;
        ck_assert_str_eq(buf_cstr(&b), "");
        buf_add(&b, NULL, 0);
        buf_add_str(&b, STR_NONE);
        for (int i = 0; i < 1000; i++) {
            buf_printf(&b, "%d,", i);
            arena_alloc(a, 1);
        }
        struct str rest = buf_str(&b), part;
        for (int64_t i = 0, got; i < 1000; i++)
            ck_assert(str_split(&rest, ',', &part) && str_to_int64(part, &got) && got == i);
        ck_assert_uint_eq(rest.n, 0);
        buf_clear(&b);
        buf_add_char(&b, 'x');
        ck_assert_str_eq(buf_cstr(&b), "x");
        ck_assert_uint_eq(b.n, 1);
        buf_close(&b);
        ck_assert_uint_eq(b.n + b.cap, 0);
    }
    assert_str(str_printf(a, "%s %d", "x", 5), "x 5");
    assert_str(str_dup(a, STR_NONE), "");
    ck_assert_str_eq(str_cstr(a, str_sub(S("abc"), 0, 2)), "ab");
    arena_free(a);
}
END_TEST

Suite *suite_str(void) {
    Suite *s = suite_create("str");
    TCase *t = tcase_create("str");
    tcase_add_test(t, compare_and_cut);
    tcase_add_loop_test(t, split, 0, COUNT(splits));
    tcase_add_loop_test(t, to_int64, 0, COUNT(ints));
    tcase_add_loop_test(t, to_double, 0, COUNT(doubles));
    tcase_add_test(t, double_round_trip);
    tcase_add_test(t, numbers_ignore_the_locale);
    tcase_add_loop_test(t, utf8_characters, 0, COUNT(utf8));
    tcase_add_loop_test(t, nearest_name, 0, COUNT(nearest));
    tcase_add_test(t, hash_spreads);
    tcase_add_test(t, buffers);
    suite_add_tcase(s, t);
    return s;
}
