/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "templates/liquid_parse.h"
#include "tests/templates/check_templates.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena *arena;

static void setup(void) {
    arena = arena_new(0);
}

static void teardown(void) {
    arena_free(arena);
}

static struct str read_file(const char *name, const char *suffix) {
    const char *srcdir = getenv("srcdir");
    struct buf b = BUF_IN(arena);
    struct str path =
        str_printf(arena, "%s/tests/data/liquid/%s%s", srcdir ? srcdir : ".", name, suffix);
    FILE *f = fopen(str_cstr(arena, path), "r");
    ck_assert_msg(f != NULL, "cannot open %.*s", STR_FMT(path));
    for (int c; (c = fgetc(f)) != EOF;)
        buf_add_char(&b, (char)c);
    fclose(f);
    return buf_str(&b);
}

/* The text, or the error when it fails. */
static struct str render(struct str name, struct str source, const char *json, bool html,
                         struct liquid_limits limits) {
    struct liquid_set *set = liquid_set_new(arena, true, false);
    const struct liquid_template *t;
    struct value data = value_map(map_new(arena, 0));
    struct err e = ERR_INIT;
    struct buf out = BUF_IN(arena);
    if (json)
        ck_assert_msg(json_parse(arena, str_from(json), &data, &e), "%s", e.text);
    struct liquid_params p = {
        .arena = arena, .data = data.u.map, .now = 1700000000, .limits = limits};
    if (!liquid_parse(set, name, source, 0, html, &t, &e, NULL) ||
        !liquid_render(set, t, &p, &out, &e, NULL)) {
        ck_assert_int_eq(e.kind, ERR_INPUT);
        return str_dup(arena, str_from(e.text));
    }
    return out.n ? buf_str(&out) : S("");
}

/* ---- files: NAME.liquid with order.json gives NAME.expected */
static const char *const files[] = {"loop", "numbers",    "objects",
                                    "tags", "sort-error", "unclosed-error"};

START_TEST(file) {
    const char *name = files[_i];
    struct str json = read_file("order", ".json");
    struct str wanted = read_file(name, ".expected");
    struct str got = render(str_from(name), read_file(name, ".liquid"), str_cstr(arena, json),
                            false, (struct liquid_limits){0});
    ck_assert_msg(str_eq(got, wanted), "%s:\nwanted: %.*s\ngot: %.*s", name, STR_FMT(wanted),
                  STR_FMT(got));
}
END_TEST

/* ---- short cases */
static const struct {
    const char *template, *json, *wanted;
} cases[] = {
    {"{{ 'a' | append: 'b' | upcase }}", NULL, "AB"},
    {"{{ x }}", "{\"x\":{\"a\":[1,null,\"q\\\"\"]}}", "{\"a\"=>[1, nil, \"q\\\"\"]}"},
    {"{{ 'straße' | upcase }} {{ 'ÉCOLE' | downcase }} {{ 'éa' | capitalize }}", NULL,
     "STRASSE école Éa"},
    {"{{ '2016-03-14T17:05:09+09:00' | date: '%-d %B %Y %k:%M %z' }}", NULL,
     "14 March 2016 17:05 +0900"},
    {"{{ 'now' | date: '%s' }} {{ 0 | date: '%a %-d %b %Y %U %j' }}", NULL,
     "1700000000 Thu 1 Jan 1970 00 001"},
    {"{{ 'march 14, 2016' | date: '%F' }} {{ 'soon' | date: '%F' }}", NULL, "2016-03-14 soon"},
    {"{{ '台北車站' | slice: 1, 2 }} {{ '台北車站' | truncate: 3, '…' }} {{ '台北' | size }}", NULL,
     "北車 台北… 2"},
    {"{{ 'a' | unknown: 1 }}", NULL, "a"},
    {"{{ (1..3) }} {{ (1..3) | reverse | join: '' }} {{ (3..1) | size }}", NULL, "1..3 321 0"},
    {"{% if a contains 'x' and b == empty or c %}1{% else %}2{% endif %}",
     "{\"a\":[\"x\"],\"b\":[]}", "1"},
    {"{% if nil < 1 %}1{% else %}2{% endif %}{% if 1 != 1.0 %}3{% endif %}", NULL, "2"},
    {"{{ 1 | divided_by: 0 }}", NULL, "t:1:1: divided by 0"},
    {"\n  {{ 'a' | plus }}", NULL, "t:2:3: `plus` takes 1 to 1 values after it, not 0"},
    {"{% if 1 < 'a' %}{% endif %}", NULL, "t:1:1: comparison of a number with a text failed"},
    {"{% unknown %}", NULL, "t:1:4: there is no tag `unknown`"},
    {"{% asign x = 1 %}", NULL, "t:1:4: there is no tag `asign`; did you mean `assign`?"},
    {"{% endif %}", NULL, "t:1:4: `endif` has no `if` in front of it"},
    {"{{ a", NULL, "t:1:1: `{{` is not closed by `}}`"},
    {"{{ a b }}", NULL, "t:1:6: expected the end but found a name"},
    {"é{{ a ! }}", NULL, "t:1:7: unexpected character `!`"},
    {"{% include 'x' %}", NULL, "t:1:1: there is no template `x`"},
};

START_TEST(one) {
    struct str got = render(S("t"), str_from(cases[_i].template), cases[_i].json, false,
                            (struct liquid_limits){0});
    ck_assert_msg(str_eq(got, str_from(cases[_i].wanted)), "%s\nwanted: %s\ngot: %.*s",
                  cases[_i].template, cases[_i].wanted, STR_FMT(got));
}
END_TEST

/* ---- limits: a small one is enough to stop each kind of excess */
static const struct {
    const char *template;
    struct liquid_limits limits;
    const char *wanted; /* in the error */
} limited[] = {
    {"{% for i in (1..100000) %}xxxxxxxxxx{% endfor %}", {.output = 1000}, "longer than 1000"},
    {"{% capture x %}{% for i in (1..100000) %}xxxxxxxxxx{% endfor %}{% endcapture %}",
     {.output = 1000},
     "longer than 1000"},
    {"{% for i in (1..1000) %}{% for j in (1..1000) %}{% endfor %}{% endfor %}",
     {.iterations = 5000},
     "more than 5000 times"},
    {"{% for i in (1..100000) %}{{ i }}{% endfor %}", {.steps = 999}, "more than 999 steps"},
    {"{% assign x = 'xxxxxxxx' %}{% for i in (1..60) %}{% assign x = x | append: x %}{% endfor %}",
     {.memory = 1000000},
     "bytes"},
    {"{% assign x = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' %}{% for i in (1..9) %}"
     "{% assign x = x | replace: 'a', x %}{% endfor %}",
     {.memory = 1000000},
     "bytes"},
    {"{% assign x = 9 %}{% for i in (1..60) %}{% assign x = x | times: x %}{% endfor %}",
     {0},
     "digits"},
    {"{{ (1..100000000) | join: '' }}", {0}, "more than 1000000 numbers"},
    {"{% for i in (1..9223372036854775807) %}{% endfor %}", {0}, "more than 1000000 times"},
    {"{% for i in (1..100000) %}{% assign y = nil | default: a: y %}{% endfor %}{{ y }}",
     {0},
     "nested more than 200 deep"},
    {"{% include 't' %}", {0}, "more than 100 deep"},
    {"{% render 't' %}", {.depth = 7}, "more than 7 deep"},
};

START_TEST(limit) {
    struct str got =
        render(S("t"), str_from(limited[_i].template), NULL, false, limited[_i].limits);
    ck_assert_msg(str_find(got, str_from(limited[_i].wanted)) >= 0, "%s\nwanted: %s\ngot: %.*s",
                  limited[_i].template, limited[_i].wanted, STR_FMT(str_sub(got, 0, 200)));
}
END_TEST

START_TEST(nesting_is_bounded) {
    struct buf b = BUF_IN(arena);
    for (int i = 0; i < 101; i++)
        buf_add_str(&b, S("{% if true %}"));
    struct str got = render(S("t"), buf_str(&b), NULL, false, (struct liquid_limits){0});
    ck_assert(str_find(got, S("nested more than 100 deep")) >= 0);
    buf_clear(&b);
    buf_add_str(&b, S("{{ a"));
    for (int i = 0; i < 100000; i++)
        buf_add_str(&b, S("[a"));
    got = render(S("t"), buf_str(&b), NULL, false, (struct liquid_limits){0});
    ck_assert(str_find(got, S("t:1:1: ")) == 0);
}
END_TEST

/* ---- values in HTML */
static const struct {
    const char *template, *wanted;
} escaped[] = {
    {"{{ x }}", "&lt;b&gt;&amp;&quot;&#39;"},
    {"{{ x | raw }}", "<b>&\"'"},
    {"{{ x | escape }}", "&lt;b&gt;&amp;&quot;&#39;"},
    {"{{ x | escape | strip }}", "&lt;b&gt;&amp;&quot;&#39;"},
    {"{{ '<' | escape_once }}{{ '&lt;' | escape_once }}", "&lt;&lt;"},
    {"{% assign y = x %}{{ y | append: '!' }}", "&lt;b&gt;&amp;&quot;&#39;!"},
    {"{% capture y %}<i>{{ x }}</i>{% endcapture %}{{ y }}", "<i>&lt;b&gt;&amp;&quot;&#39;</i>"},
    {"{{ l }}", "&lt;1&gt;&amp;2"},
    {"{{ l | join: '<br>' }}", "&lt;1&gt;&lt;br&gt;&amp;2"},
    {"{{ n | newline_to_br }}", "a&lt;<br />\nb"},
    {"{% echo x %}{% cycle x %}", "&lt;b&gt;&amp;&quot;&#39;&lt;b&gt;&amp;&quot;&#39;"},
    {"{{ o }}", "{&quot;k&quot;=&gt;&quot;&lt;&quot;}"},
};

START_TEST(escaping) {
    struct str got;
    static const char data[] = "{\"x\":\"<b>&\\\"'\",\"l\":[\"<1>\",\"&2\"],\"n\":\"a<\\nb\","
                               "\"o\":{\"k\":\"<\"}}";
    struct liquid_set *set = liquid_set_new(arena, true, true);
    const struct liquid_template *t;
    struct value v;
    struct err e = ERR_INIT;
    struct buf out = BUF_IN(arena);
    ck_assert(json_parse(arena, str_from(data), &v, &e));
    struct liquid_params p = {.arena = arena, .data = v.u.map};
    ck_assert_msg(liquid_parse(set, S("t"), str_from(escaped[_i].template), 0, true, &t, &e, NULL),
                  "%s", e.text);
    ck_assert_msg(liquid_render(set, t, &p, &out, &e, NULL), "%s", e.text);
    got = buf_str(&out);
    ck_assert_msg(str_eq(got, str_from(escaped[_i].wanted)), "%s\nwanted: %s\ngot: %.*s",
                  escaped[_i].template, escaped[_i].wanted, STR_FMT(got));
}
END_TEST

#define LENGTH(a) (sizeof(a) / sizeof *(a))

Suite *suite_liquid(void) {
    Suite *s = suite_create("liquid");
    TCase *t = tcase_create("liquid");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_loop_test(t, file, 0, LENGTH(files));
    tcase_add_loop_test(t, one, 0, LENGTH(cases));
    tcase_add_loop_test(t, limit, 0, LENGTH(limited));
    tcase_add_loop_test(t, escaping, 0, LENGTH(escaped));
    tcase_add_test(t, nesting_is_bounded);
    suite_add_tcase(s, t);
    return s;
}
