/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/post_form.h"

#include "tests/http/check_http.h"

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=\"xx\""
#define PART(name, value) \
    "--xx\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static const struct {
    const char *type, *body, *wanted; /* name=value;... as read */
} cases[] = {
    {URLENCODED, "List-Unsubscribe=One-Click", "List-Unsubscribe=One-Click;"},
    {"", "List-Unsubscribe=One-Click", "List-Unsubscribe=One-Click;"},
    {URLENCODED, "a=1&b=2&a=3", "a=1;b=2;a=3;"},
    {URLENCODED, "a=%41+%zz%4&%e5%84%aa=x", "a=A %zz%4;\xe5\x84\xaa=x;"},
    {URLENCODED, "&&=&a&b=&=c", "=;a=;b=;=c;"},
    {URLENCODED, "", ""},
    {MULTIPART, PART("List-Unsubscribe", "One-Click") "--xx--\r\n", "List-Unsubscribe=One-Click;"},
    {"Multipart/Form-Data; charset=x; Boundary=xx", PART("a", "1") PART("b", "2") "--xx--",
     "a=1;b=2;"},
    {MULTIPART, "preamble\r\n" PART("a", "1") "--xx--\r\nepilogue" PART("b", "2"), "a=1;"},
    {MULTIPART, PART("a", "1"), "a=1;"}, /* cut short */
    {MULTIPART, "--xx\r\nX: y\r\n\r\nno name\r\n--xx--", ""},
    {MULTIPART, "--xx\r\nContent-Disposition: form-data; name=a", ""},
    {"multipart/form-data", PART("a", "1"), ""}, /* no boundary */
    {MULTIPART, "--xx--", ""},
    {MULTIPART, "", ""},
};

START_TEST(forms) {
    struct arena *a = arena_new(0);
    struct buf b = BUF_IN(a);
    struct post_form *f = post_form_read(a, str_from(cases[_i].type), str_from(cases[_i].body));
    for (size_t i = 0; i < f->n; i++)
        buf_printf(&b, "%.*s=%.*s;", STR_FMT(f->field[i].name), STR_FMT(f->field[i].value));
    assert_text(buf_str(&b), str_from(cases[_i].wanted));
    arena_free(a);
}
END_TEST

START_TEST(bounded) {
    struct arena *a = arena_new(0);
    struct buf b = BUF_IN(a);
    for (int i = 0; i < 2 * POST_FIELDS; i++)
        buf_printf(&b, "a%d=%d&", i, i);
    struct post_form *f = post_form_read(a, S(URLENCODED), buf_str(&b));
    ck_assert_uint_eq(f->n, POST_FIELDS);
    assert_text(post_form_get(f, S("a7")), S("7"));
    ck_assert(!post_form_get(f, S("a7x")).p);
    ck_assert(post_form_has(f, S("a8"), S("8")) && !post_form_has(f, S("a8"), S("9")));
    arena_free(a);
}
END_TEST

Suite *suite_post_form(void) {
    Suite *s = suite_create("post_form");
    TCase *t = tcase_create("post_form");
    tcase_add_loop_test(t, forms, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, bounded);
    suite_add_tcase(s, t);
    return s;
}
