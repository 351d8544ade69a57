/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/yamlfile.h"
#include "tests/base/check_base.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena *a;
static struct diags d;
static struct yamlfile f;

static void setup(void) {
    a = arena_new(0);
    diags_init(&d, a);
}

static void teardown(void) {
    arena_free(a);
}

/* The diagnostics as "line:column: text | hint", one a line. */
static const char *said(void) {
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < d.n; i++) {
        const struct diag *x = &d.list[i];
        buf_printf(&b, "%d:%d: %.*s%s%.*s\n", x->place.line, x->place.column, STR_FMT(x->text),
                   x->hint.n ? " | " : "", STR_FMT(x->hint));
    }
    return buf_cstr(&b);
}

static const struct {
    const char *name;
    struct str source;
    const char *want;
} broken[] = {
    {"bad indent", S("a: 1\nsteps:\n  - send: 1\n    wait: 2\n   when: 3\n"),
     "5:4: did not find expected '-' indicator | while parsing a block collection that began at "
     "line 3, column 3; is the indentation right?\n"},
    {"tab", S("steps:\n\t- wait: 1\n"),
     "2:1: found character that cannot start any token | indent with spaces; a tab is not allowed "
     "there\n"},
    {"tab behind spaces", S("a:\n  b: 1\n\tc: 2\n"),
     "3:1: found a tab character that violates indentation | indent with spaces; a tab is not "
     "allowed there\n"},
    {"open bracket", S("a: [1, 2\nb: 3\n"),
     "2:2: did not find expected ',' or ']' | while parsing a flow sequence that began at line 1, "
     "column 4\n"},
    {"open quote", S("a: \"abc\nb: 1\n"),
     "3:1: found unexpected end of stream | while scanning a quoted scalar that began at line 1, "
     "column 4\n"},
    {"duplicate key", S("a: 1\nb:\n  c: 1\na: 2\n"),
     "4:1: `a` is here twice; the first one is at line 1\n"},
    {"duplicate key, block value", S("b:\n  c: 1\nb:\n  c: 2\n"),
     "3:1: `b` is here twice; the first one is at line 1\n"},
    {"colon in a value", S("subject: Hi: there\n"),
     "1:12: mapping values are not allowed in this context | a value that contains `: ` needs "
     "quotes around it\n"},
    {"undefined alias", S("a: *x\n"),
     "1:4: aliases (*name) are not allowed here; a value that begins with * needs quotes\n"},
    {"alias", S("a: &x 1\nb: *x\n"),
     "1:4: anchors (&name) are not allowed here; a value that begins with & needs quotes\n"
     "2:4: aliases (*name) are not allowed here; a value that begins with * needs quotes\n"},
    {"at sign", S("when: @foo\n"),
     "1:7: found character that cannot start any token | put the value in quotes\n"},
    {"template trap", S("subject: {{ name }}\n"),
     "1:10: YAML takes {{ ... }} without quotes for a map | put the whole value in quotes: \"{{ "
     "... }}\"\n"},
    {"template trap with filter", S("subject: {{ name | upcase }}\n"),
     "1:10: YAML takes {{ ... }} without quotes for a map | put the whole value in quotes: \"{{ "
     "... }}\"\n"},
    {"template trap with text", S("subject: {{ name }} hello\n"),
     "1:10: YAML takes {{ ... }} without quotes for a map | put the whole value in quotes: \"{{ "
     "... }}\"\n"},
    {"two template traps", S("subject: {{ a }} {{ b }}\n"),
     "1:10: YAML takes {{ ... }} without quotes for a map | put the whole value in quotes: \"{{ "
     "... }}\"\n"},
    {"template tag", S("subject: {% if a %}x{% endif %}\n"),
     "1:11: found character that cannot start any token | put the whole value in quotes: \"{{ ... "
     "}}\"\n"},
    {"tag", S("a: !secret x\nb: !!int 3\n"),
     "1:4: tags (!name) are not allowed here; a value that begins with ! needs quotes\n"
     "2:4: tags (!name) are not allowed here; a value that begins with ! needs quotes\n"},
    {"anchored list", S("a: &x [1]\nb: &y {c: 1}\n"),
     "1:4: anchors (&name) are not allowed here; a value that begins with & needs quotes\n"
     "2:4: anchors (&name) are not allowed here; a value that begins with & needs quotes\n"},
    {"two documents", S("a: 1\n---\nb: 2\n"),
     "2:1: a second document (---) in one file; only one is read\n"},
    {"map as key", S("? [1, 2]\n: x\nb: 1\n"), "1:3: a key must be plain text\n"},
    {"invalid UTF-8", S("a: 1\nb: \xff\xfe\n"),
     "2:4: this is not plain UTF-8 text: invalid leading UTF-8 octet\n"},
    {"latin-1", S("a: caf\xe9\n"),
     "1:7: this is not plain UTF-8 text: incomplete UTF-8 octet sequence\n"},
    {"UTF-16",
     S("\xff\xfe"
       "a\0:\0 \0"
       "1\0"),

     "1:1: this is not plain UTF-8 text: invalid leading UTF-8 octet\n"},
    {"NUL", S("a: 1\nb: x\0y\n"),
     "2:5: this is not plain UTF-8 text: control characters are not allowed\n"},
    {"escape character", S("a: \x1b[1m\n"),
     "1:4: this is not plain UTF-8 text: control characters are not allowed\n"},
    {"percent", S("a: %x\n"),
     "1:4: found character that cannot start any token | put the value in quotes\n"},
    {"twenty mistakes go on", S("a: &x 1\na: 2\nb: !t 3\nb: 4\n"),
     "1:4: anchors (&name) are not allowed here; a value that begins with & needs quotes\n"
     "2:1: `a` is here twice; the first one is at line 1\n"
     "3:4: tags (!name) are not allowed here; a value that begins with ! needs quotes\n"
     "4:1: `b` is here twice; the first one is at line 3\n"},
};

START_TEST(messages) {
    bool ok = yamlfile_parse(a, S("x.yaml"), broken[_i].source, &f, &d);
    ck_assert_msg(strcmp(said(), broken[_i].want) == 0, "%s:\n%s", broken[_i].name, said());
    ck_assert(!ok);
}
END_TEST

static const char *const fine[] = {
    "",
    "# only a comment\n",
    "---\na: 1\n",
    "a: 1\n...\n",
    "\xef\xbb\xbf"
    "a: 1\n",
    "%YAML 1.1\n---\na: 1\n",
    "a: \"{{ name }}\"\n",
    "a: |\n  {{ name }}\n",
    "a : 2\n",
    "a: \u53f0\u5317\r\nb: 1\r\n",
};

START_TEST(accepts) {
    ck_assert_msg(yamlfile_parse(a, S("x.yaml"), str_from(fine[_i]), &f, &d), "%s%s", fine[_i],
                  said());
    ck_assert_int_eq(f.root == NULL, _i < 2);
}
END_TEST

static const struct {
    const char *plain, *want;
} scalars[] = {
    {"null", "null"},
    {"~", "null"},
    {"", "null"},
    {"true", "true"},
    {"False", "false"},
    {"yes", "\"yes\""},
    {"7", "7"},
    {"-7", "-7"},
    {"007", "7"},
    {"1.50", "1.5"},
    {"1e3", "1000.0"},
    {".5", "0.5"},
    {"1.", "1.0"},
    {"9223372036854775808", "9.223372036854776e+18"},
    {"+886912345678", "\"+886912345678\""},
    {"0x10", "\"0x10\""},
    {".inf", "\".inf\""},
    {"1e999", "\"1e999\""},
    {"2026-11-21", "\"2026-11-21\""},
    {"1.2.3", "\"1.2.3\""},
    {"30d", "\"30d\""},
    {"\"7\"", "\"7\""},
    {"'true'", "\"true\""},
    {"-", "[null]"},
    {"[1, a]", "[1,\"a\"]"},
    {"{b: {c: 1}}", "{\"b\":{\"c\":1}}"},
    {"\"\\u53f0\"", "\"\u53f0\""},
};

START_TEST(data) {
    struct buf b = BUF_IN(a);
    ck_assert(yamlfile_parse(a, S("x"), str_printf(a, "a:\n  %s\n", scalars[_i].plain), &f, &d));
    json_write(&b, ynode_value(a, ynode_get(f.root, S("a"))));
    ck_assert_str_eq(buf_cstr(&b), scalars[_i].want);
    ck_assert_int_eq(ynode_value(a, NULL).type, V_NULL);
}
END_TEST

START_TEST(positions) {
    ck_assert(yamlfile_parse(
        a, S("x"), S("k\u00e9y: caf\u00e9 x\nl:\n  - 'quoted'\n  - {m: 1}\nt: |\n  block\n"), &f,
        &d));
    const struct ynode *plain = ynode_get(f.root, S("k\u00e9y")), *list = ynode_get(f.root, S("l"));
    struct place p = ynode_place(&f, plain);
    ck_assert_int_eq(p.line, 1);
    ck_assert_int_eq(p.column, 6);
    ck_assert_int_eq(p.length, 6);
    ck_assert(plain->exact && !plain->quoted);
    ck_assert_int_eq(ynode_place_at(&f, plain, 2, 1).column, 8);
    ck_assert_int_eq(ynode_place_at(&f, list->items[0], 1, 2).column, 7); /* behind the quote */
    ck_assert_int_eq(ynode_place_at(&f, list->items[0], 1, 2).line, 3);
    ck_assert_int_eq(list->items[1]->line, 4);
    ck_assert_int_eq(list->items[1]->column, 5);
    ck_assert(!ynode_get(f.root, S("t"))->exact && ynode_get(f.root, S("t"))->quoted);
    ck_assert_ptr_null(ynode_get(list, S("l")));
    ck_assert_ptr_null(ynode_get(NULL, S("l")));
    ck_assert_int_eq(f.root->pairs[1].key->line, 2);
}
END_TEST

/* Where the `#` of the text under `a` stands in the file, whatever way the text is written. */
static const struct {
    const char *source;
    int line, column;
} marks[] = {
    {"a: x#", 1, 5},
    {"b: 1\na: caf\u00e9 #x", 2, 0}, /* a comment begins here: there is no `#` */
    {"a: caf\u00e9#", 1, 8},
    {"a: one two\n  three fo#ur\n", 2, 11},
    {"a: 'it''s #'", 1, 11},
    {"a: 'one\n  two#'", 2, 6},
    {"a: \"\\\"q\\\" #\"", 1, 11},
    {"a: \"\\u00e9\\x41 #\"", 1, 16},
    {"a: \"one\n\n   two#\"", 3, 7},
    {"a: |\n  one\n  two#\n", 3, 6},
    {"a: |\n  one\n    two#\n", 3, 8},
    {"a: |\n  one\n\n  two#\n", 4, 6},
    {"a: |-\r\n  one\r\n  two#\r\n", 3, 6},
    {"a: >\n  one\n  two#\n", 3, 6},
    {"a: >-\n  one\n\n  \u512a\u60e0#\n", 4, 5},
};

START_TEST(place_in_text) {
    ck_assert(yamlfile_parse(a, S("x"), str_from(marks[_i].source), &f, &d));
    const struct ynode *node = ynode_get(f.root, S("a"));
    ptrdiff_t at = str_find(node->text, S("#"));
    if (marks[_i].column == 0) {
        ck_assert_int_lt(at, 0);
        return;
    }
    struct place p = ynode_place_at(&f, node, (size_t)at, 1);
    ck_assert_msg(p.line == marks[_i].line && p.column == marks[_i].column,
                  "%s\nwanted %d:%d, got %d:%d", marks[_i].source, marks[_i].line, marks[_i].column,
                  p.line, p.column);
}
END_TEST

START_TEST(depth_is_bounded) {
    struct buf b = BUF_IN(a);
    int levels = _i == 0 ? 64 : _i == 1 ? 65 : 200000;
    for (int i = 0; i < levels; i++)
        buf_add_char(&b, '[');
    for (int i = 0; i < levels; i++)
        buf_add_char(&b, ']');
    ck_assert_int_eq(yamlfile_parse(a, S("x"), buf_str(&b), &f, &d), _i == 0);
    ck_assert_str_eq(said(), _i == 0 ? "" : "1:65: nested deeper than 64 levels\n");
}
END_TEST

/* A hundred thousand keys, the last one twice: found, and in no time. */
START_TEST(many_keys) {
    struct buf b = BUF_IN(a);
    for (int i = 0; i < 100000; i++)
        buf_printf(&b, "k%d:\n", i);
    buf_printf(&b, "k99999: 1\n");
    ck_assert(!yamlfile_parse(a, S("x"), buf_str(&b), &f, &d));
    ck_assert_str_eq(said(), "100001:1: `k99999` is here twice; the first one is at line 100000\n");
}
END_TEST

START_TEST(files) {
    char dir[] = "/tmp/godwit-yaml-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    const char *path = str_cstr(a, str_printf(a, "%s/x.yaml", dir));
    ck_assert(!yamlfile_load(a, path, S("x.yaml"), &f, &d));
    ck_assert(!yamlfile_load(a, dir, S("dir"), &f, &d));
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert(!yamlfile_load(a, path, S("fifo"), &f, &d)); /* at once, not when somebody writes */
    unlink(path);
    for (int extra = 0; extra < 2; extra++) {
        FILE *out = fopen(path, "w");
        fprintf(out, "a: 1\n%*s", (1 << 20) - 5 + extra, "");
        fclose(out);
        ck_assert_int_eq(yamlfile_load(a, path, S("big"), &f, &d), !extra);
    }
    unlink(path);
    rmdir(dir);
    ck_assert_str_eq(said(), "0:0: cannot be read: No such file or directory\n"
                             "0:0: is not a regular file\n"
                             "0:0: is not a regular file\n"
                             "0:0: is larger than 1 MiB; split it up\n");
}
END_TEST

Suite *suite_yamlfile(void) {
    Suite *s = suite_create("yamlfile");
    TCase *t = tcase_create("yamlfile");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, messages, 0, COUNT(broken));
    tcase_add_loop_test(t, accepts, 0, COUNT(fine));
    tcase_add_loop_test(t, data, 0, COUNT(scalars));
    tcase_add_test(t, positions);
    tcase_add_loop_test(t, place_in_text, 0, COUNT(marks));
    tcase_add_loop_test(t, depth_is_bounded, 0, 3);
    tcase_add_test(t, many_keys);
    tcase_add_test(t, files);
    suite_add_tcase(s, t);
    return s;
}
