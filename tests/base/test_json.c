/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "tests/base/check_base.h"

#include <math.h>

static struct arena *a;

static void setup(void) {
    a = arena_new(0);
}

static void teardown(void) {
    arena_free(a);
}

static const char *written(struct value v) {
    struct buf b = BUF_IN(a);
    json_write(&b, v);
    return buf_cstr(&b);
}

static const struct {
    const char *in, *out;
} round_trips[] = {
    {"null", "null"},
    {" [ ] ", "[]"},
    {"[1, 1.0, -0.5, 1e3, -0.0, 1e22, 5e-324]",
     "[1,1.0,-0.5,1000.0,-0.0,1e+22,4.94065645841247e-324]"},
    {"{\"b\":1,\"a\":{\"c\":[true,false]}}", "{\"b\":1,\"a\":{\"c\":[true,false]}}"},
    {"\"\\u53f0\\u5317 \\ud83d\\ude00 \\u0000\"", "\"台北 😀 \\u0000\""},
    {"\"a\\u2028b\\u0085\\u007f\\u009b\\/\"", "\"a\\u2028b\\u0085\\u007f\\u009b/\""},
    {"\"\\b\\f\\n\\r\\t\\u001b\\\"\\\\\"", "\"\\b\\f\\n\\r\\t\\u001b\\\"\\\\\""},
    {"[9223372036854775807,-9223372036854775808]", "[9223372036854775807,-9223372036854775808]"},
    /* what is beyond a double is the largest one */
    {"[1e400,\"1e400\",-1E999,1e-400]",
     "[1.7976931348623157e+308,\"1e400\",-1.7976931348623157e+308,0.0]"},
    /* one number that does not fit leaves the others as they were */
    {"[12345678901234567890, 9007199254740993, 1.0, \"12345678901234567890\"]",
     "[1.2345678901234567e+19,9007199254740993,1.0,\"12345678901234567890\"]"},
    {"{\"\\\"12345678901234567890\":-9223372036854775809}",
     "{\"\\\"12345678901234567890\":-9.223372036854776e+18}"},
};

START_TEST(round_trip) {
    struct value v;
    struct err e = ERR_INIT;
    ck_assert_msg(json_parse(a, str_from(round_trips[_i].in), &v, &e), "%s", e.text);
    ck_assert_str_eq(written(v), round_trips[_i].out);
}
END_TEST

static const struct {
    struct str in;
    const char *says;
} refused[] = {
    {{NULL, 0}, "line 1"},
    {S(""), "line 1"},
    {S("{\"a\":1,\n\"a\":2}"), "duplicate object key near '\"a\"' (line 2"},
    {S("[1,]"), "unexpected token"},
    {S("01"), "line 1"},
    {S("{'a':1}"), "line 1"},
    {S("NaN"), "line 1"},
    {S("-"), "line 1"},
    {S("\"\\ud800\""), "line 1"},
    {S("\"\xff\""), "byte 0xff"},
    {S("\"\xed\xa0\x80\""), "byte 0xed"},
    {S("[12345678901234567890,1e400,]"), "unexpected token"},
    {S("[1e400,1-]"), "line 1"},
    {S("[12345678901234567890,"), "line 1"},
    {S("\"12345678901234567890\\"), "line 1"},
    {S("[1] 2"), "line 1"},
    {S("[1]\0"), "line 1"},
    {S("{\"a\\u0000\":1}"), "line 1"},
    {S("\"a\nb\""), "line 1"},
    {S("\xef\xbb\xbf{}"), "line 1"},
};

START_TEST(refuses) {
    struct value v;
    struct err e = ERR_INIT;
    ck_assert_msg(!json_parse(a, refused[_i].in, &v, &e), "accepted: %.*s",
                  STR_FMT(refused[_i].in));
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_msg(strstr(e.text, refused[_i].says) != NULL, "%s", e.text);
    ck_assert_msg(strncmp(e.text, "not valid JSON: ", 16) == 0, "%s", e.text);
}
END_TEST

START_TEST(nesting) {
    struct value v;
    struct err e = ERR_INIT;
    struct buf b = BUF_IN(a);
    int levels = _i == 0 ? 128 : _i == 1 ? 129 : 100000;
    for (int i = 0; i < levels; i++)
        buf_add_char(&b, '[');
    for (int i = 0; i < levels; i++)
        buf_add_char(&b, ']');
    ck_assert_int_eq(json_parse(a, buf_str(&b), &v, &e), levels <= 128);
    ck_assert_int_eq(e.kind, levels <= 128 ? ERR_NONE : ERR_INPUT);
}
END_TEST

static const struct {
    struct value v;
    const char *want;
} one_way[] = {
    {{.type = V_UINT, .u.u = UINT64_MAX}, "18446744073709551615"},
    {{.type = V_DOUBLE, .u.d = NAN}, "null"},
    {{.type = V_DOUBLE, .u.d = -INFINITY}, "null"},
    {{.type = V_STRING,
      .aux = 4,
      .u.p = "a\xff"
             "b\xe5"},
     "\"a\uFFFD"
     "b\uFFFD\""},
    {{.type = V_STRING}, "\"\""},
    {{.type = V_BYTES, .aux = 1, .u.p = "\xff"}, "\"/w==\""},
    {{.type = V_BYTES, .aux = 2, .u.p = "ab"}, "\"YWI=\""},
    {{.type = V_BYTES, .aux = 3, .u.p = "abc"}, "\"YWJj\""},
    {{.type = V_BYTES}, "\"\""},
    {{.type = V_TIMESTAMP, .aux = 500000000, .u.i = 0}, "\"1970-01-01T00:00:00.500Z\""},
    {{.type = V_DURATION, .u.i = -250000000}, "\"-0.25s\""},
    {{.type = V_OWN}, "null"},
};

START_TEST(writes) {
    ck_assert_str_eq(written(one_way[_i].v), one_way[_i].want);
}
END_TEST

START_TEST(pretty) {
    struct value v;
    struct err e = ERR_INIT;
    struct buf b = BUF_IN(a);
    ck_assert(json_parse(a, S("{\"a\":[1,{}],\"b\":[]}"), &v, &e));
    json_write_pretty(&b, v);
    ck_assert_str_eq(buf_cstr(&b), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
}
END_TEST

static struct value random_value(unsigned long *seed, int depth);

static struct str random_text(unsigned long *seed) {
    static const char *const pieces[] = {
        "a",      "\"", "\\", "\n",     "\x1b",   "\x7f", "\xc2\x85",
        "\u00e9", "台", "😀",  "\u2028", "\u2029", "/",    "12345678901234567890"};
    struct buf b = BUF_IN(a);
    for (unsigned long n = next_random(seed) % 12; n; n--)
        buf_add_str(&b, str_from(pieces[next_random(seed) % COUNT(pieces)]));
    return buf_str(&b);
}

static struct value random_container(unsigned long *seed, int depth) {
    unsigned long n = next_random(seed) % 20;
    if (next_random(seed) % 2) {
        struct list *l = list_new(a, 0);
        while (n--)
            list_add(a, l, random_value(seed, depth + 1));
        return value_list(l);
    }
    struct map *m = map_new(a, 0);
    while (n--)
        map_set_str(a, m, random_text(seed), random_value(seed, depth + 1));
    return value_map(m);
}

static struct value random_value(unsigned long *seed, int depth) {
    unsigned long x = next_random(seed);
    switch (next_random(seed) % (depth < 4 ? 7 : 5)) {
    case 0:
        return value_bool(x & 1);
    case 1:
        return value_int((int64_t)(x >> (x % 64)));
    case 2: {
        double d;
        memcpy(&d, &x, sizeof d);
        return value_double(isfinite(d) ? d : 0.5);
    }
    case 3:
        return value_str(random_text(seed));
    case 4:
        return VALUE_NULL;
    default:
        return random_container(seed, depth);
    }
}

static bool same(struct value x, struct value y) {
    if (x.type != y.type)
        return false;
    if (x.type == V_STRING)
        return str_eq(value_text(x), value_text(y));
    if (x.type == V_LIST) {
        for (size_t i = 0; x.u.list->n == y.u.list->n && i < x.u.list->n; i++)
            if (!same(x.u.list->v[i], y.u.list->v[i]))
                return false;
        return x.u.list->n == y.u.list->n;
    }
    if (x.type == V_MAP) {
        for (size_t i = 0; x.u.map->n == y.u.map->n && i < x.u.map->n; i++)
            if (!same(x.u.map->e[i].key, y.u.map->e[i].key) ||
                !same(x.u.map->e[i].value, y.u.map->e[i].value))
                return false;
        return x.u.map->n == y.u.map->n;
    }
    return x.type == V_NULL || (x.type == V_BOOL ? x.u.b == y.u.b : x.u.u == y.u.u);
}

START_TEST(read_what_was_written) {
    unsigned long seed = 7919UL * (unsigned long)(_i + 1);
    for (int i = 0; i < 40; i++) {
        struct value v = random_value(&seed, 0), back;
        struct err e = ERR_INIT;
        struct buf compact = BUF_IN(a), indented = BUF_IN(a);
        json_write(&compact, v);
        json_write_pretty(&indented, v);
        ck_assert_msg(json_parse(a, buf_str(&compact), &back, &e), "seed %d.%d: %s", _i, i, e.text);
        ck_assert_msg(same(v, back), "seed %d.%d: %s", _i, i, buf_cstr(&compact));
        ck_assert_msg(json_parse(a, buf_str(&indented), &back, &e), "seed %d.%d: %s", _i, i,
                      e.text);
        ck_assert_msg(same(v, back), "seed %d.%d", _i, i);
        arena_reset(a);
    }
}
END_TEST

Suite *suite_json(void) {
    Suite *s = suite_create("json");
    TCase *t = tcase_create("json");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, round_trip, 0, COUNT(round_trips));
    tcase_add_loop_test(t, refuses, 0, COUNT(refused));
    tcase_add_loop_test(t, nesting, 0, 3);
    tcase_add_loop_test(t, writes, 0, COUNT(one_way));
    tcase_add_test(t, pretty);
    tcase_add_loop_test(t, read_what_was_written, 0, 10);
    suite_add_tcase(s, t);
    return s;
}
