/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "tests/base/check_base.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct arena *a;
static FILE *file;
static int real_stderr;

static void setup(void) {
    a = arena_new(0);
    file = tmpfile();
    fflush(stderr);
    real_stderr = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    log_setup(LOG_INFO, LOG_LOGFMT);
}

static void teardown(void) {
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    fclose(file);
    arena_free(a);
}

/* All that was logged. The descriptor of the test's own messages is given back first. */
static struct str logged(void) {
    struct buf b = BUF_IN(a);
    dup2(real_stderr, STDERR_FILENO);
    rewind(file);
    for (int c; (c = getc(file)) != EOF;)
        buf_add_char(&b, (char)c);
    buf_cstr(&b);
    return buf_str(&b);
}

/* Values that would like to be a line, a field or a terminal command of their own. */
static const struct str hostile[] = {
    S("x\ntime=2026-01-01T00:00:00.000Z level=error msg=forged"),
    S("x\r\n"),
    S("x\" level=error msg=\"forged"),
    S("x level=error"),
    S("k=v"),
    S("a\\"),
    S("\",\"level\":\"error"),
    S("\0\1\x1b[2J\x7f"),
    S("\xc2\x9b"
      "2J \xc2\x85 \u2028 \u2029"),
    S("broken \xff\xfe\xe5\x8f utf-8"),
    S("\u53f0\u5317"),
    S(""),
    {NULL, 0},
};

static size_t lines(struct str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

START_TEST(logfmt_cannot_be_forged) {
    log_info("m", LOG_S("v", hostile[_i]), LOG_I("end", 1));
    struct str got = logged();
    ck_assert_uint_eq(lines(got), 1);
    ck_assert_msg(str_ends(got, S(" end=1\n")), "%.*s", STR_FMT(got));
    struct str head = str_sub(got, 24 + 5, got.n);
    ck_assert_msg(str_starts(head, S(" level=info msg=m v=\"")), "%.*s", STR_FMT(got));
    for (size_t i = 0; i + 1 < got.n; i++)
        ck_assert_uint_ge((unsigned char)got.p[i], ' ');
    /* what stands between the quotes is one JSON string */
    struct value v;
    struct err e = ERR_INIT;
    struct str quoted = str_sub(head, strlen(" level=info msg=m v="), head.n - strlen(" end=1\n"));
    ck_assert_msg(json_parse(a, quoted, &v, &e), "%s: %.*s", e.text, STR_FMT(quoted));
}
END_TEST

START_TEST(json_cannot_be_forged) {
    log_setup(LOG_INFO, LOG_JSON);
    log_warn("m", LOG_S("v", hostile[_i]), LOG_D("d", NAN), LOG_D("half", .5), LOG_B("b", true));
    struct str got = logged();
    ck_assert_uint_eq(lines(got), 1);
    struct value v;
    struct err e = ERR_INIT;
    ck_assert_msg(json_parse(a, got, &v, &e), "%s: %.*s", e.text, STR_FMT(got));
    ck_assert_uint_eq(v.u.map->n, 7);
    ck_assert(str_eq(value_text(*map_get_str(v.u.map, S("level"))), S("warn")));
    ck_assert_int_eq(map_get_str(v.u.map, S("d"))->type, V_NULL);
    ck_assert_int_eq(map_get_str(v.u.map, S("b"))->type, V_BOOL);
    bool clean = _i != 9; /* but for the one that is not UTF-8, the value comes back as it was */
    ck_assert(!clean || str_eq(value_text(*map_get_str(v.u.map, S("v"))), hostile[_i]));
}
END_TEST

START_TEST(plain_values_stay_plain) {
    log_info("shard taken over", LOG_S("from", S("pid-7@host:1/x")), LOG_I("shard", -7),
             LOG_B("first", false));
    struct str got = logged();
    ck_assert_msg(
        str_ends(
            got,
            S(" level=info msg=\"shard taken over\" from=pid-7@host:1/x shard=-7 first=false\n")),
        "%.*s", STR_FMT(got));
    ck_assert_msg(str_starts(got, S("time=20")) && got.p[28] == 'Z', "%.*s", STR_FMT(got));
}
END_TEST

START_TEST(long_values_are_cut_at_a_character) {
    char text[9000], more[9000];
    for (int i = 0; i < 3000; i++)
        memcpy(text + 3 * i, "\u53f0", 3);
    log_info("m", LOG_S("v", str_of(text, 9000)),
             LOG_S("w", str_of(memset(more, 'x', 9000), 9000)));
    struct str got = logged();
    ck_assert_uint_lt(got.n, 4200);
    ck_assert_int_ge(str_find(got, S("\u53f0...\" w=\"xxx")), 0);
    ck_assert_int_lt(str_find(got, S("\uFFFD")), 0);
}
END_TEST

START_TEST(levels) {
    enum log_level level;
    ck_assert(log_level_parse(S("warn"), &level) && level == LOG_WARN);
    ck_assert(!log_level_parse(S("loud"), &level) && !log_level_parse(STR_NONE, &level));
    log_setup(LOG_WARN, LOG_LOGFMT);
    ck_assert(!log_enabled(LOG_INFO) && log_enabled(LOG_ERROR));
    log_info("not this");
    log_error("this");
    struct str got = logged();
    ck_assert_uint_eq(lines(got), 1);
    ck_assert(str_ends(got, S("level=error msg=this\n")));
}
END_TEST

START_TEST(priority_only_in_the_journal) {
    setenv("JOURNAL_STREAM", "1:2", 1); /* inherited, but standard error is another file */
    log_setup(LOG_INFO, LOG_LOGFMT);
    log_info("m");
    ck_assert(str_starts(logged(), S("time=")));
}
END_TEST

Suite *suite_log(void) {
    Suite *s = suite_create("log");
    TCase *t = tcase_create("log");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, logfmt_cannot_be_forged, 0, COUNT(hostile));
    tcase_add_loop_test(t, json_cannot_be_forged, 0, COUNT(hostile));
    tcase_add_test(t, plain_values_stay_plain);
    tcase_add_test(t, long_values_are_cut_at_a_character);
    tcase_add_test(t, levels);
    tcase_add_test(t, priority_only_in_the_journal);
    suite_add_tcase(s, t);
    return s;
}
