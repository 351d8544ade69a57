/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/progress.h"
#include "tests/cli/check_cli.h"

#include <stdio.h>
#include <stdlib.h>

static int64_t now_us;
static char *shown;
static size_t shown_n;
static FILE *to;

static int64_t fake_clock(void) {
    return now_us;
}

static void setup(void) {
    now_us = 1000000;
    to = open_memstream(&shown, &shown_n);
}

static void teardown(void) {
    fclose(to);
    free(shown);
}

static struct progress *start(bool live, int columns) {
    return progress_new((struct progress_look){to, live, columns, fake_clock});
}

static const struct {
    int64_t done, total, after_ms;
    const char *detail;
    int columns;
    const char *want; /* the last line drawn, without its end */
} bars[] = {
    {0, 200, 1000, "", 60, "load  [>                                 ]    0 %  0 of 200"},
    {100, 200, 10000, "", 80,
     "load  [=================>                 ]   50 %  100 of 200  10/s  0:11 left"},
    {200, 200, 10000, "", 70,
     "load  [====================================]  100 %  200 of 200  20/s"},
    {50, 200, 10000, "3 rejected", 50, "load   25 %  50 of 200  5/s  0:31 left  3 rejecte"},
    {300, 200, 10000, "", 35, "load  100 %  200 of 200  20/s"},
    {1234567, 0, 10000, "", 60, "load  1,234,567  123,456/s"},
    {5, 400000, 1000, "", 60, "load  [>         ]    0 %  5 of 400,000  5/s  22:13:20 left"},
};

START_TEST(a_bar_shows_what_is_done) {
    struct progress *p = start(true, bars[_i].columns);
    progress_bar(p, S("load"), 0, bars[_i].total, STR_NONE);
    now_us += bars[_i].after_ms * 1000;
    rewind(to);
    progress_bar(p, S("load"), bars[_i].done, bars[_i].total, str_from(bars[_i].detail));
    fflush(to);
    size_t n = strlen(bars[_i].want);
    ck_assert_msg(shown_n == n + 4 && memcmp(shown, bars[_i].want, n) == 0,
                  "wanted \"%s\", got \"%.*s\"", bars[_i].want, (int)shown_n, shown);
    ck_assert_int_eq(memcmp(shown + n, "\033[K\r", 4), 0);
    ck_assert_uint_lt(n, (size_t)bars[_i].columns);
    progress_end(p, STR_NONE);
}
END_TEST

START_TEST(a_terminal_is_drawn_on_ten_times_a_second) {
    struct progress *p = start(true, 80);
    for (int i = 0; i < 1000; i++, now_us += 1000)
        progress_status(p, S("x"));
    progress_end(p, STR_NONE);
    fflush(to);
    ck_assert_uint_eq(shown_n, 10 * strlen("x\033[K\r") + strlen("\033[K"));
}
END_TEST

START_TEST(a_log_gets_a_line_now_and_then) {
    struct progress *p = start(false, 0);
    for (int i = 0; i < 35; i++, now_us += 1000000)
        progress_bar(p, S("load"), i, 100, STR_NONE);
    progress_end(p, S("loaded"));
    fflush(to);
    ck_assert_str_eq(shown, "load  10 %  10 of 100  1/s  1:31 left\n"
                            "load  20 %  20 of 100  1/s  1:21 left\n"
                            "load  30 %  30 of 100  1/s  1:11 left\nloaded\n");
}
END_TEST

START_TEST(lines_stand_above_the_live_one) {
    struct progress *p = start(true, 20);
    progress_say(p, S("before"));
    progress_status(p, S("working"));
    progress_say(p, S("a line"));
    progress_clear(p);
    progress_say(p, S("after"));
    progress_end(p, S("done"));
    fflush(to);
    ck_assert_str_eq(shown,
                     "before\nworking\033[K\ra line\033[K\nworking\033[K\r\033[Kafter\ndone\n");
}
END_TEST

static const struct {
    const char *text, *want;
} texts[] = {
    {"123456789012", "123456789"},
    {"\xe8\x8c\xb6\xe8\x91\x89\xe8\x88\x96\xe5\xad\x90\xe5\xba\x97",
     "\xe8\x8c\xb6\xe8\x91\x89\xe8\x88\x96\xe5\xad\x90"}, /* two columns each: four fit into nine */
    {"a\nb\rc\x1b[2Jd", "a b c [2J"},
    {"a\xff\xc2\x9b", "a? "}, /* a stray byte, a control character of 8 bits */
};

START_TEST(text_is_cut_and_made_safe) {
    struct progress *p = start(true, 10);
    progress_status(p, str_from(texts[_i].text));
    fflush(to);
    struct str want = str_from(texts[_i].want);
    ck_assert_msg(shown_n == want.n + 4 && memcmp(shown, want.p, want.n) == 0,
                  "wanted \"%s\", got \"%s\"", want.p, shown);
    progress_end(p, STR_NONE);
}
END_TEST

static const struct {
    int64_t n;
    const char *want;
} numbers[] = {
    {0, "0"},          {999, "999"},           {1000, "1,000"},
    {-1000, "-1,000"}, {1234567, "1,234,567"}, {INT64_MIN, "-9,223,372,036,854,775,808"},
};

START_TEST(numbers_have_commas) {
    struct buf b = BUF_HEAP;
    progress_number(&b, numbers[_i].n);
    ck_assert_str_eq(buf_cstr(&b), numbers[_i].want);
    buf_close(&b);
}
END_TEST

Suite *suite_progress(void) {
    Suite *s = suite_create("progress");
    TCase *t = tcase_create("progress");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_bar_shows_what_is_done, 0, sizeof bars / sizeof *bars);
    tcase_add_test(t, a_terminal_is_drawn_on_ten_times_a_second);
    tcase_add_test(t, a_log_gets_a_line_now_and_then);
    tcase_add_test(t, lines_stand_above_the_live_one);
    tcase_add_loop_test(t, text_is_cut_and_made_safe, 0, sizeof texts / sizeof *texts);
    tcase_add_loop_test(t, numbers_have_commas, 0, sizeof numbers / sizeof *numbers);
    suite_add_tcase(s, t);
    return s;
}
