/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "templates/locale_format.h"
#include "templates/template_set.h"
#include "tests/templates/check_templates.h"

static struct arena *arena;
static struct diags diags;

static void setup(void) {
    arena = arena_new(0);
    diags_init(&diags, arena);
}

static void teardown(void) {
    arena_free(arena);
}

static const struct {
    const char *path, *source;
} files[] = {
    {"win/subject.liquid",
     "---\nrequired: [customer.first_name]\n---\nHi {{ customer.first_name }}"},
    {"win/subject.zh-TW.liquid", "{{ customer.first_name }} 您好"},
    {"win/html.liquid",
     "<p>{{ customer.first_name }}</p><!-- <a href=\"https://no.example\"> -->\n"
     "<a class=b href=\"https://shop.example/p/{{ item.id }}?a=1&amp;b={{ item.q | url_encode "
     "}}\">x</a>"
     "<a href='{{ item.url }}'>y</a><a href=\"mailto:x@y.example\">m</a>{% include 'foot' %}"},
    {"win/text.liquid", "See https://shop.example/p/{{ item.id }}. Or (http://x.example/).\n"
                        "{{ item.url }}\n{% render 'foot' %}"},
    {"win/text.zh.liquid", "中文 {{ 'greeting' | t: name: customer.first_name }}"},
    {"win/sms.liquid", "{{ order.total | money: 'TWD' }} {{ order.total | number: 1 }} "
                       "{{ order.at | date: '%-d %b %H:%M' }}{% for l in order.lines %} {% render "
                       "'line' with l %}{% endfor %}"},
    {"win/body.json.liquid", "{\"name\": {{ customer.first_name | json }}}"},
    {"foot.liquid", "<hr>{{ sender.name }}"},
    {"foot.zh-TW.liquid", "繁{{ sender.name }}"},
    {"line.liquid", "{{ line.n }}"},
    {"line.zh-TW.liquid", "[{{ line.n }}]"},
    {"_translations.yaml", "greeting: { default: \"Hello {name}\", zh: \"{name} 好\" }\n"},
};

static const char data[] =
    "{\"customer\":{\"first_name\":\"A<da\"},\"item\":{\"id\":7,\"q\":\"x y\","
    "\"url\":\"https://s.example/?a=1&b=2\"},\"sender\":{\"name\":\"Acme\"},"
    "\"order\":{\"total\":1234.5,\"at\":\"2026-01-31T20:30:00Z\",\"lines\":[{\"n\":1},{\"n\":2}]}}";

static struct template_set *load(void) {
    struct template_set *s = template_set_new(arena);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        template_set_add(s, str_from(files[i].path), str_from(files[i].source), &diags);
    ck_assert_msg(template_set_finish(s, &diags), "%zu mistakes: %.*s", diags.errors,
                  diags.n ? (int)diags.list[0].text.n : 0, diags.n ? diags.list[0].text.p : "");
    return s;
}

static void on_link(void *context, uint32_t index, struct str url, struct buf *out) {
    (void)context;
    buf_printf(out, "L%u&%.*s", (unsigned)index, STR_FMT(url));
}

static const struct {
    enum template_part part;
    const char *locale, *wanted;
    bool track;
} renders[] = {
    {TEMPLATE_SUBJECT, "en", "Hi A<da", false},
    {TEMPLATE_SUBJECT, "zh-TW", "A<da 您好", false},
    {TEMPLATE_SUBJECT, "zh-HK", "Hi A<da", false},
    {TEMPLATE_TEXT, "zh-TW", "中文 A<da 好", false},
    {TEMPLATE_TEXT, "de",
     "See https://shop.example/p/7. Or (http://x.example/).\nhttps://s.example/?a=1&b=2\n<hr>Acme",
     false},
    {TEMPLATE_TEXT, "de",
     "See L0&https://shop.example/p/7. Or (L1&http://x.example/).\n"
     "L2&https://s.example/?a=1&b=2\n<hr>Acme",
     true},
    {TEMPLATE_HTML, "en",
     "<p>A&lt;da</p><!-- <a href=\"https://no.example\"> -->\n"
     "<a class=b href=\"https://shop.example/p/7?a=1&amp;b=x+y\">x</a>"
     "<a href='https://s.example/?a=1&amp;b=2'>y</a><a href=\"mailto:x@y.example\">m</a><hr>Acme",
     false},
    {TEMPLATE_HTML, "zh-TW",
     "<p>A&lt;da</p><!-- <a href=\"https://no.example\"> -->\n"
     "<a class=b href=\"L0&amp;https://shop.example/p/7?a=1&amp;b=x+y\">x</a>"
     "<a href='L1&amp;https://s.example/?a=1&amp;b=2'>y</a>"
     "<a href=\"mailto:x@y.example\">m</a>繁Acme",
     true},
    {TEMPLATE_SMS, "en", "NT$1,234.50 1,234.5 1 Feb 04:30 1 2", false},
    {TEMPLATE_SMS, "zh-TW", "$1,234.50 1,234.5 1 2月 04:30 [1] [2]", false},
    {TEMPLATE_SMS, "de", "1.234,50\u00a0NT$ 1.234,5 1 Feb 04:30 1 2", false},
    {TEMPLATE_BODY, "en", "{\"name\": \"A<da\"}", false},
};

START_TEST(part) {
    struct template_set *s = load();
    struct value v;
    struct err e = ERR_INIT;
    struct buf out = BUF_IN(arena);
    const struct zone *zone;
    ck_assert(json_parse(arena, str_from(data), &v, &e));
    ck_assert_msg(wallclock_zone(S("Asia/Taipei"), &zone, &e), "%s", e.text);
    struct str locale = str_from(renders[_i].locale);
    struct locale_format *format = locale_format_new(locale);
    struct liquid_params p = {.arena = arena,
                              .data = v.u.map,
                              .locale = format,
                              .locale_name = locale,
                              .zone = zone,
                              .on_link = renders[_i].track ? on_link : NULL};
    ck_assert_msg(
        template_render(s, template_find(s, S("win"), NULL), renders[_i].part, &p, &out, &e), "%s",
        e.text);
    ck_assert_msg(str_eq(buf_str(&out), str_from(renders[_i].wanted)), "wanted: %s\ngot:    %s",
                  renders[_i].wanted, buf_cstr(&out));
    locale_format_free(format);
}
END_TEST

START_TEST(required_and_inputs) {
    struct template_set *s = load();
    const struct message_template *t = template_find(s, S("win"), NULL);
    struct value v;
    struct err e = ERR_INIT;
    struct str path;
    struct buf out = BUF_IN(arena), b = BUF_IN(arena);
    ck_assert(json_parse(arena, S("{\"customer\":{\"first_name\":\" \"}}"), &v, &e));
    ck_assert(template_missing(t, v.u.map, &path));
    ck_assert(str_eq(path, S("customer.first_name")));
    struct liquid_params p = {.arena = arena, .data = v.u.map};
    ck_assert(!template_render(s, t, TEMPLATE_SUBJECT, &p, &out, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "requires customer.first_name"));
    json_write(&b, value_list(template_inputs(t)));
    ck_assert_str_eq(buf_cstr(&b),
                     "[\"customer.first_name\",\"item.id\",\"item.url\",\"sender.name\","
                     "\"item.q\",\"foot\",\"order.total\",\"order.at\",\"order.lines\","
                     "\"line.n\"]");
}
END_TEST

START_TEST(bundle_renders_the_same) {
    struct template_set *s = load(), *again = template_set_new(arena);
    const struct message_template *t = template_find(s, S("win"), NULL), *u;
    struct err e = ERR_INIT;
    ck_assert_uint_eq(template_hash(t).n, 64);
    ck_assert_msg(template_set_unbundle(again, template_bundle(t), &diags, &e), "%s", e.text);
    u = template_find(again, S("win"), NULL);
    ck_assert_ptr_nonnull(u);
    ck_assert(str_eq(template_hash(t), template_hash(u)));
    ck_assert(str_eq(template_bundle(t), template_bundle(u)));
    ck_assert_ptr_null(template_find(s, S("wim"), &(struct str){0}));
}
END_TEST

START_TEST(error_names_the_file) {
    struct template_set *s = template_set_new(arena);
    struct err e = ERR_INIT;
    struct buf out = BUF_IN(arena);
    struct liquid_params p = {.arena = arena};
    template_set_add(s, S("a/html.liquid"), S("x{% render 'b/c' %}"), &diags);
    template_set_add(s, S("b/c.liquid"), S("\n {{ 1 | divided_by: 0 }}"), &diags);
    ck_assert(template_set_finish(s, &diags));
    ck_assert(!template_render(s, template_find(s, S("a"), NULL), TEMPLATE_HTML, &p, &out, &e));
    ck_assert_str_eq(e.text, "templates/b/c.liquid:2:2: divided by 0");
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

static const struct {
    const char *path, *source, *file;
    int line, column;
    const char *text;
} mistakes[] = {
    {"a/text.liquid", "x\n  {{ a | upcasse }}", "templates/a/text.liquid", 2, 10,
     "did you mean `upcase`"},
    {"a/html.zh.liquid", "{% if %}{% endif %}", "templates/a/html.zh.liquid", 1, 7, "a value"},
    {"a/text.liquid", "---\nrequired: [a]\n---\nab{% endfor %}", "templates/a/text.liquid", 4, 6,
     "no `for`"},
    {"a/text.liquid", "---\nrequire: [a]\n---\n", "templates/a/text.liquid", 2, 1, "`required`"},
    {"a/sms.liquid", "\n{% render 'nope' %}", "templates/a/sms.liquid", 2, 1, "`nope`"},
};

START_TEST(mistake) {
    struct template_set *s = template_set_new(arena);
    template_set_add(s, str_from(mistakes[_i].path), str_from(mistakes[_i].source), &diags);
    ck_assert(!template_set_finish(s, &diags));
    ck_assert_uint_eq(diags.errors, 1);
    const struct diag *d = &diags.list[0];
    ck_assert_msg(str_eq(d->place.file, str_from(mistakes[_i].file)) &&
                      d->place.line == mistakes[_i].line &&
                      d->place.column == mistakes[_i].column &&
                      str_find(d->text, str_from(mistakes[_i].text)) >= 0,
                  "got %.*s:%d:%d: %.*s", STR_FMT(d->place.file), d->place.line, d->place.column,
                  STR_FMT(d->text));
}
END_TEST

Suite *suite_messages(void) {
    Suite *s = suite_create("messages");
    TCase *t = tcase_create("messages");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, part, 0, sizeof renders / sizeof *renders);
    tcase_add_loop_test(t, mistake, 0, sizeof mistakes / sizeof *mistakes);
    tcase_add_test(t, required_and_inputs);
    tcase_add_test(t, bundle_renders_the_same);
    tcase_add_test(t, error_names_the_file);
    suite_add_tcase(s, t);
    return s;
}
