/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/import/check_import.h"

#include "base/csv.h"

#include <unistd.h>

/* ---- one cell */

static const struct {
    const char *field, *cell, *json, *wrong;
} cells[] = {
    {"amount", "12.50", "12.5", NULL},
    {"amount", " 7 ", "7.0", NULL},
    {"amount", "-0.1", "-0.1", NULL},
    {"amount", "1e3", "1000.0", NULL},
    {"amount", "12,50", NULL, "`12,50` is not a number"},
    {"amount", "nan", NULL, "`nan` is not a number"},
    {"amount", "1e999", NULL, "is not a number"},
    {"quantity", "3", "3", NULL},
    {"quantity", "-9223372036854775808", "-9223372036854775808", NULL},
    {"quantity", "9223372036854775808", NULL, "is not a whole number"},
    {"quantity", "3.0", NULL, "column `x`: `3.0` is not a whole number"},
    {"gift", "Yes", "true", NULL},
    {"gift", "0", "false", NULL},
    {"gift", "maybe", NULL, "`maybe` is neither true nor false"},
    {"at", "2026-03-01", "\"2026-02-28T16:00:00Z\"", NULL},
    {"at", "2026-03-01 12:30", "\"2026-03-01T04:30:00Z\"", NULL},
    {"at", "2026-03-01T12:30:00.5+02:00", "\"2026-03-01T10:30:00.500Z\"", NULL},
    {"at", "2026-02-30", NULL, "`2026-02-30` is not a time"},
    {"tags", "[1,\"a\"]", "[1, \"a\"]", NULL},
    {"tags", "{}", NULL, "is not a list as JSON"},
    {"tags", "[\"\\u0000\"]", NULL, "holds a NUL character"},
    {"any", "1", "\"1\"", NULL},
    {"other", "a\\\t\nb\r", "\"a\\\\\\t\\nb\\r\"", NULL},
    {"other", "\\N", "\"\\\\N\"", NULL},
    {"other", "\\.", "\"\\\\.\"", NULL},
    {"other", " 優惠 ", "\" 優惠 \"", NULL},
    {"other", "", NULL, NULL},
};

START_TEST(a_cell) {
    struct buf text = BUF_IN(check.arena);
    buf_add_str(&text, S("c,when,x\nc1,2026-01-01,"));
    csv_write_field(&text, str_from(cells[_i].cell));
    buf_add_str(&text, S("\nc2,2026-01-01,\n"));
    check.options.wish.event_name = S("order.placed");
    struct str map = str_printf(check.arena, "properties.%s=x", cells[_i].field);
    check_maps((const char *[]){"customer=c", "occurred_at=when", map.p, NULL});
    check_good(check_file("f.csv", buf_str(&text)));
    check_is(check_cell("select properties::text from godwit.events where customer = 'c2'"), "{}");
    ck_assert_int_eq(check.status.rejected, cells[_i].wrong != NULL);
    if (cells[_i].wrong)
        ck_assert_msg(strstr(buf_cstr(&check.reasons), cells[_i].wrong) != NULL, "%s",
                      check.reasons.p);
    else if (cells[_i].json)
        check_is(check_cell("select v::text from godwit.events, jsonb_each(properties) as x (k, v) "
                            "where customer = 'c1'"),
                 cells[_i].json);
    else
        check_is(check_cell("select properties::text from godwit.events where customer = 'c1'"),
                 "{}");
}
END_TEST

/* ---- rows that are refused, and the others that are not */

static struct str long_row(size_t n) {
    struct buf b = BUF_IN(check.arena);
    memset(buf_reserve(&b, n), 'x', n);
    b.n = n;
    return buf_str(&b);
}

START_TEST(bad_rows_stop_nothing) {
    struct buf text = BUF_IN(check.arena);
    buf_add_str(&text, S("\xef\xbb\xbf"
                         "customer,occurred_at,properties.amount,properties.note,dedupe\r\n"
                         "good1,2026-01-01,1,\"two\nlines, \"\"quoted\"\"\",\r\n" /* 2, 3 */
                         "ragged,2026-01-01\r\n"                                  /* 4 */
                         "ragged,2026-01-01,1,2,3,4\r\n"                          /* 5 */
                         ",2026-01-01,1,,\r\n"                                    /* 6 */
                         "\xff\xfe,2026-01-01,1,,\r\n"                            /* 7 */
                         "c,yesterday,1,,\r\n"                                    /* 8 */
                         "c,,1,,\r\n"                                             /* 9 */
                         "c,2026-01-01,much,,\r\n"                                /* 10 */
                         ",,,,\r\n"                                               /* blank */
                         "c,2026-01-01,1,\"big"));                                /* 12 */
    buf_add_str(&text, long_row(10000000));
    buf_add_str(&text, S("\",\r\n"
                         "c,2026-01-01,1,\"stray,\r\n"   /* 13 */
                         "good2,2026-01-02,2,\"x\",\r\n" /* 14 */
                         "c,2026-01-01,1,,"));           /* 15: the last line */
    buf_add_str(&text, long_row(256));
    check.options.wish.event_name = S("order.placed");
    check_good(check_file("f.csv", buf_str(&text)));
    check_is(check_cell("select string_agg(customer, ',' order by id) from godwit.events"),
             "good1,good2");
    check_is(check_cell("select properties->>'note' from godwit.events where customer = 'good1'"),
             "two\nlines, \"quoted\"");
    ck_assert_int_eq(check.status.rows, 12);
    ck_assert_int_eq(check.status.rejected, 10);
    ck_assert_int_eq(check.rejects, 10);
    check_is(buf_str(&check.reasons),
             "4: it has 2 fields, but the first line of the file has 5\n"
             "5: it has 6 fields, but the first line of the file has 5\n"
             "6: column `customer` is empty: whose row is it?\n"
             "7: it is not valid UTF-8\n"
             "8: column `occurred_at`: `yesterday` is not a time; write it as "
             "2026-11-21T08:00:00Z or 2026-11-21\n"
             "9: column `occurred_at` is empty: when did it happen?\n"
             "10: column `properties.amount`: `much` is not a number\n"
             "12: it is too long\n"
             "13: text follows a closing quote (inside quotes a quote is written twice)\n"
             "15: column `dedupe`: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`"
             "... is longer than 255 bytes\n");
    check_is(check_cell("select rows || ' ' || rejected from godwit.imports"), "12 10");
}
END_TEST

/* The file of rejected rows is mended and imported with the same options. */
START_TEST(rejected_rows_can_be_mended) {
    struct str path = check_file("f.csv", S("c,when,note\na,2026-01-01,x\nb,20260102,\"y,\nz\"\n"
                                            "\xff,2026-01-03,\n"));
    check.options.wish.event_name = S("x");
    check_maps((const char *[]){"customer=c", "occurred_at=when", "properties.note=note", NULL});
    check_good(path);
    ck_assert(str_ends(check.status.rejects, S("/f.rejected.csv")));
    struct str rejected = check_content(check.status.rejects);
    check_is(rejected, "line,reason,c,when,note\n"
                       "3,column `when`: `20260102` is not a time; write it as "
                       "2026-11-21T08:00:00Z or 2026-11-21,b,20260102,\"y,\nz\"\n"
                       "5,it is not valid UTF-8,\"\xff,2026-01-03,\"\n");
    struct str mended = check_file("mended.csv", S("line,reason,c,when,note\n"
                                                   "3,,b,2026-01-02,\"y,\nz\"\n"));
    check_good(mended);
    ck_assert_int_eq(check.status.rejected, 0);
    check_is(check_cell("select string_agg(customer || (properties->>'note'), ' ' order by id) "
                        "from godwit.events"),
             "ax by,\nz");
}
END_TEST

START_TEST(files_that_are_no_csv) {
    static const struct {
        struct str text;
        const char *wrong;
    } files[] = {
        {{"", 0}, "the file is empty; its first line names the columns"},
        {{"\n\n", 2}, "the file is empty"},
        {{"\xff\xfe"
          "k\0e\0y\0\n\0",
          10},
         "the file is UTF-16; save it as UTF-8"},
        {{"PK\3\4\0\0\n", 7}, "line 1, which names the columns: it holds a NUL byte"},
        {{"customer;when\na;b\n", 18}, "separated by semicolons"},
    };
    check.options.wish.event_name = S("x");
    for (int i = 0; i < COUNT(files); i++) {
        ck_assert(!check_run(check_file("f.csv", files[i].text)));
        ck_assert_int_eq(check.err.kind, ERR_INPUT);
        ck_assert_msg(strstr(check.err.text, files[i].wrong) != NULL, "%s", check.err.text);
    }
    ck_assert(!check_run(str_printf(check.arena, "%s/none.csv", check.folder)));
    ck_assert_ptr_nonnull(strstr(check.err.text, "none.csv: No such file"));
    ck_assert(!check_run(str_from(check.folder)));
    ck_assert_ptr_nonnull(strstr(check.err.text, "is a folder"));
    check_is(check_cell("select count(*)::text from godwit.imports"), "0");
}
END_TEST

/* ---- events */

START_TEST(history_and_triggers) {
    struct str text = S("customer,occurred_at,name,properties.amount\n"
                        "a,2026-01-01,order.placed,1\na,2026-01-01,page.seen,1\n");
    check_good(check_file("f.csv", text));
    check.options.trigger = true;
    check.options.again = true;
    check_good(check_file("f.csv", text));
    /* the catalog knows the type for one of the events only */
    check_is(check_cell("select string_agg(concat_ws(' ', name, mode, properties->'amount'), ', ' "
                        "order by id) from godwit.events"),
             "order.placed 1 1.0, page.seen 1 \"1\", order.placed 2 1.0, page.seen 2 \"1\"");
}
END_TEST

START_TEST(dedupe_counts_once) {
    check.options.wish.event_name = S("x");
    check_sql("select godwit.track('a', 'x', dedupe => 'k0')");
    check_good(check_file("f.csv", S("customer,dedupe\na,k0\na,k1\na,k2\na,k1\nb,k1\na,\na,\n")));
    ck_assert_int_eq(check.status.rows, 7);
    ck_assert_int_eq(check.status.duplicates, 2);
    ck_assert_int_eq(check.status.rejected, 0);
    check_is(check_cell("select count(*)::text from godwit.events"), "6");
    /* without a column for the time it is now */
    check_is(check_cell("select bool_and(occurred_at > now() - interval '1 minute')::text "
                        "from godwit.events"),
             "true");
}
END_TEST

/* ---- customers */

static const char people[] = "key,email,phone,locale,timezone,attributes.age,attributes.city\n"
                             "a, a@x.example ,+886 912 345 678,zh-TW,Asia/Taipei,40,Taipei\n"
                             "b,b@x.example,,,,,\n"
                             "a,,,en,,41,\n"
                             "c,,,,,,\n";

/* The same by godwit.identify, one after the other. */
static const char identified[] =
    "select godwit.identify('a', '{\"age\":40,\"city\":\"Taipei\"}', 'a@x.example', "
    "                       '+886 912 345 678', 'zh-TW', 'Asia/Taipei');"
    "select godwit.identify('b', '{}', 'b@x.example');"
    "select godwit.identify('a', '{\"age\":41}', null, null, 'en');"
    "select godwit.identify('c', '{}')";
static const char before[] =
    "select godwit.identify('b', '{\"vip\":true,\"age\":3}', 'old@x.example', '+88691234567');"
    "select godwit.identify('c', '{\"vip\":false}', null, null, 'de')";
static const char all_customers[] =
    "select string_agg(concat_ws('|', key, email, phone, locale, timezone, attributes), chr(10) "
    "order by key) from godwit.customers";

START_TEST(customers_are_identified) {
    check.options.wish.kind = IMPORT_CUSTOMERS;
    check.options.chunk_rows = _i;
    check_sql(before);
    check_sql(identified);
    struct str wanted = check_cell(all_customers);
    check_sql("delete from godwit.customers");
    check_sql(before);
    check_good(check_file("f.csv", str_from(people)));
    ck_assert_int_eq(check.status.rejected, 0);
    check_is(check_cell(all_customers), str_cstr(check.arena, wanted));
    check_has(wanted, "a|a@x.example|+886 912 345 678|en|Asia/Taipei|{\"age\": 41, "
                      "\"city\": \"Taipei\"}");
}
END_TEST

START_TEST(customers_that_are_refused) {
    check.options.wish.kind = IMPORT_CUSTOMERS;
    check_good(check_file("f.csv", S("key,email,phone,locale,timezone,attributes.vip\n"
                                     "a,\"a@x.example\nBcc: b@x.example\",,,,\n"
                                     "b,nobody,,,,\n"
                                     "c,,0912345678,,,\n"
                                     "d,,,en us,,\n"
                                     "e,,,,Asia/Taipeh,\n"
                                     "f,,,,,perhaps\n"
                                     "g,g@x.example,,,,no\n")));
    check_is(check_cell("select string_agg(key, ',') from godwit.customers"), "g");
    check_is(buf_str(&check.reasons),
             "2: column `email`: `a@x.example Bcc: b@x.example` has a line break in it\n"
             "4: column `email`: `nobody` has no @\n"
             "5: column `phone`: `0912345678` does not begin with + and the country's code\n"
             "6: column `locale`: `en us` is not a locale such as en or zh-TW\n"
             "7: column `timezone`: `Asia/Taipeh` is not a time zone such as Asia/Taipei\n"
             "8: column `attributes.vip`: `perhaps` is neither true nor false\n");
}
END_TEST

Suite *suite_rows(void) {
    Suite *s = suite_create("rows");
    TCase *t = tcase_create("rows");
    tcase_add_checked_fixture(t, check_setup, check_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_cell, 0, COUNT(cells));
    tcase_add_test(t, bad_rows_stop_nothing);
    tcase_add_test(t, rejected_rows_can_be_mended);
    tcase_add_test(t, files_that_are_no_csv);
    tcase_add_test(t, history_and_triggers);
    tcase_add_test(t, dedupe_counts_once);
    tcase_add_loop_test(t, customers_are_identified, 0, 3);
    tcase_add_test(t, customers_that_are_refused);
    suite_add_tcase(s, t);
    return s;
}
