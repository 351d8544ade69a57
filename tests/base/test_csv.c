/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/csv.h"
#include "tests/base/check_base.h"

#include <stdio.h>
#include <stdlib.h>

/* A row is LINE:[field][field], a broken one LINE!why<raw>. */
static const struct {
    const char *text, *rows;
} cases[] = {
    {"", ""},
    {"\n\r\n\n", ""},
    {"a", "1:[a]"},
    {"a,b\n1,2\n", "1:[a][b] 2:[1][2]"},
    {"a,b\r\n1,2\r\n", "1:[a][b] 2:[1][2]"},
    {"a,b\n1,2\r", "1:[a][b] 2:[1][2]"},
    {"a\rb,c\n", "1:[a\rb][c]"},
    {"\xef\xbb\xbf"
     "a,b\n",
     "1:[a][b]"},
    {"\xef\xbb\xbf"
     "\"a\",b\n",
     "1:[a][b]"},
    {"a\n\xef\xbb\xbf\n", "1:[a] 2:[\xef\xbb\xbf]"},
    {",\n,,\n\"\"\n", "1:[][] 2:[][][] 3:[]"},
    {"\"a,b\",\"c\"\"d\",\"\"\"\"\n", "1:[a,b][c\"d][\"]"},
    {"\"tw\nli\r\nth\",x\ny,z\n", "1:[tw\nli\r\nth][x] 4:[y][z]"},
    {"\"a\"\r\n\"b\"\r", "1:[a] 2:[b]"},
    {"5\" disc, \"b\" \n", "1:[5\" disc][ \"b\" ]"},
    {"a\n\nb\n", "1:[a] 3:[b]"},
    /* what is broken costs its first line */
    {"a,\"b\nc,d\ne,f", "1!a quote is opened and never closed<a,\"b> 2:[c][d] 3:[e][f]"},
    {"a,\"b\nc,\"d\"\n",
     "1!text follows a closing quote (inside quotes a quote is written twice)<a,\"b> 2:[c][d]"},
    {"\"a\"b,c\nd,e\n",
     "1!text follows a closing quote (inside quotes a quote is written twice)<\"a\"b,c> 2:[d][e]"},
    {"\"a\"\rb\n",
     "1!text follows a closing quote (inside quotes a quote is written twice)<\"a\"\rb>"},
    {"\"", "1!a quote is opened and never closed<\">"},
    {"\xff,a\nb\n", "1!it is not valid UTF-8<\xff,a> 2:[b]"},
    {"\xc3", "1!it is not valid UTF-8<\xc3>"},
    /* limits: 40 bytes a row, 10 a field, 4 fields */
    {"1,2,3,4\n1,2,3,4,5\n6\n", "1:[1][2][3][4] 2!there are too many fields<1,2,3,4,5> 3:[6]"},
    {"0123456789\n01234567890\na\n", "1:[0123456789] 2!a field is too long<01234567890> 3:[a]"},
    {"\"0123\n567890\"\na\n", "1!a field is too long<\"0123\n567890\"> 3:[a]"},
    {"a\n,123456789,123456789,123456789,123456789,123456789\nb\n",
     "1:[a] 2!it is too long<,123456789,123456789,123456789,123456789,1> 3:[b]"},
    {"\"0123456789\n0123456789012345678901234567890123456789\nb\n",
     "1!it is too long<\"0123456789> 2!a field is too "
     "long<0123456789012345678901234567890123456789>"
     " 3:[b]"},
};

static void read_rows(struct str text, size_t piece, struct buf *out) {
    const struct csv_limits limits = {41, 10, 4};
    struct csv *c = csv_new(&limits, 0, 1);
    struct csv_row row;
    size_t at = 0;
    for (enum csv_step step; (step = csv_next(c, &row)) != CSV_END;) {
        if (step == CSV_MORE) {
            struct str part = str_sub(text, at, at + piece);
            at += part.n;
            csv_feed(c, part, at == text.n);
            continue;
        }
        buf_printf(out, "%s%d", out->n ? " " : "", (int)row.line);
        if (row.wrong)
            buf_printf(out, "!%s<%.*s>", row.wrong, STR_FMT(row.raw));
        else
            buf_add_char(out, ':');
        for (size_t i = 0; i < row.n; i++)
            buf_printf(out, "[%.*s]", STR_FMT(row.field[i]));
    }
    ck_assert_int_eq(csv_offset(c), (int64_t)text.n);
    csv_free(c);
}

START_TEST(rows) {
    struct str text = str_from(cases[_i].text);
    for (size_t piece = 1; piece <= text.n + 1; piece++) {
        struct buf got = BUF_HEAP;
        read_rows(text, piece, &got);
        ck_assert_msg(str_eq(buf_str(&got), str_from(cases[_i].rows)),
                      "in pieces of %zu: %s\nwanted %s\ngot    %s", piece, cases[_i].text,
                      cases[_i].rows, buf_cstr(&got));
        buf_close(&got);
    }
}
END_TEST

START_TEST(a_nul_is_refused) {
    struct buf got = BUF_HEAP;
    read_rows(S("a,\0\nb\n"), 3, &got);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&got), "1!it holds a NUL byte<a,"));
    ck_assert(str_ends(buf_str(&got), S(" 2:[b]")));
    buf_close(&got);
}
END_TEST

/* One line of 50 MB is refused in a megabyte. */
START_TEST(memory_is_bounded) {
    const struct csv_limits limits = {100000, 1000, 10};
    struct csv *c = csv_new(&limits, 0, 1);
    struct csv_row row;
    static char zeros[100000];
    memset(zeros, '0', sizeof zeros);
    csv_feed(c, S("a\n\""), false);
    ck_assert_int_eq(csv_next(c, &row), CSV_ROW);
    for (int i = 0; i < 500; i++) {
        csv_feed(c, str_of(zeros, sizeof zeros), false);
        ck_assert_int_eq(csv_next(c, &row), CSV_MORE);
    }
    csv_feed(c, S("\"\nb\n"), true);
    ck_assert_int_eq(csv_next(c, &row), CSV_ROW);
    ck_assert_str_eq(row.wrong, "it is too long");
    ck_assert_uint_le(row.raw.n, 1000);
    ck_assert_int_eq(row.line, 2);
    ck_assert_int_eq(csv_next(c, &row), CSV_ROW);
    ck_assert_int_eq(row.line, 3);
    ck_assert(str_eq(row.field[0], S("b")));
    csv_free(c);
}
END_TEST

START_TEST(fields_are_written_so_that_they_read_back) {
    static const struct {
        const char *text, *field;
    } written[] = {{"", ""},           {"a b", "a b"},         {" a", "\" a\""},
                   {"a,b", "\"a,b\""}, {"a\"b", "\"a\"\"b\""}, {"a\nb", "\"a\nb\""},
                   {"優惠", "優惠"}};
    for (int i = 0; i < COUNT(written); i++) {
        struct buf out = BUF_HEAP;
        csv_write_field(&out, str_from(written[i].text));
        ck_assert_str_eq(buf_cstr(&out), written[i].field);
        buf_close(&out);
    }
}
END_TEST

Suite *suite_csv(void) {
    Suite *s = suite_create("csv");
    TCase *t = tcase_create("csv");
    tcase_add_loop_test(t, rows, 0, COUNT(cases));
    tcase_add_test(t, a_nul_is_refused);
    tcase_add_test(t, memory_is_bounded);
    tcase_add_test(t, fields_are_written_so_that_they_read_back);
    suite_add_tcase(s, t);
    return s;
}
