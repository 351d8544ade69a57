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
    {"bad indent", S("a: 1\nsteps:\n  - send: 1\n    wait: 2\n   when: 3\n"), ""},
    {"tab", S("steps:\n\t- wait: 1\n"), ""},
    {"open bracket", S("a: [1, 2\nb: 3\n"), ""},
    {"open quote", S("a: \"abc\nb: 1\n"), ""},
    {"duplicate key", S("a: 1\nb:\n  c: 1\na: 2\n"), ""},
    {"duplicate key, block value", S("b:\n  c: 1\nb:\n  c: 2\n"), ""},
    {"colon in a value", S("subject: Hi: there\n"), ""},
    {"undefined alias", S("a: *x\n"), ""},
    {"alias", S("a: &x 1\nb: *x\n"), ""},
    {"at sign", S("when: @foo\n"), ""},
    {"template trap", S("subject: {{ name }}\n"), ""},
    {"template trap with filter", S("subject: {{ name | upcase }}\n"), ""},
    {"template trap with text", S("subject: {{ name }} hello\n"), ""},
    {"two template traps", S("subject: {{ a }} {{ b }}\n"), ""},
    {"template tag", S("subject: {% if a %}x{% endif %}\n"), ""},
    {"tag", S("a: !secret x\nb: !!int 3\n"), ""},
    {"anchored list", S("a: &x [1]\nb: &y {c: 1}\n"), ""},
    {"two documents", S("a: 1\n---\nb: 2\n"), ""},
    {"map as key", S("? [1, 2]\n: x\nb: 1\n"), ""},
    {"invalid UTF-8", S("a: 1\nb: \xff\xfe\n"), ""},
    {"latin-1", S("a: caf\xe9\n"), ""},
    {"UTF-16",
     S("\xff\xfe"
       "a\0:\0 \0"
       "1\0"),
     ""},
    {"NUL", S("a: 1\nb: x\0y\n"), ""},
    {"escape character", S("a: \x1b[1m\n"), ""},
    {"percent", S("a: %x\n"), ""},
    {"twenty mistakes go on", S("a: &x 1\na: 2\nb: !t 3\nb: 4\n"), ""},
};

START_TEST(messages) {
    bool ok = yamlfile_parse(a, S("x.yaml"), broken[_i].source, &f, &d);
    ck_assert_msg(strcmp(said(), broken[_i].want) == 0, "%s:\n%s", broken[_i].name, said());
    ck_assert(!ok);
}
END_TEST

Suite *suite_yamlfile(void) {
    Suite *s = suite_create("yamlfile");
    TCase *t = tcase_create("yamlfile");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, messages, 0, COUNT(broken));
    suite_add_tcase(s, t);
    return s;
}
