/* SPDX-License-Identifier: Apache-2.0
 *
 * An import that is killed, or fails, goes on where its last commit was: what is in the
 * database and in the file of rejected rows at the end is what an import in one go leaves.
 */
#include "config.h"

#include "tests/import/check_import.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS 1000
#define CHUNK 70

/* Events of 40 customers in an order that ids must keep; each 17th row is refused, and some hold
 * line ends. */
static struct str many_rows(int rows) {
    struct buf b = BUF_IN(check.arena);
    buf_add_str(&b, S("customer,occurred_at,properties.n:int,properties.note\n"));
    for (int i = 0; i < rows; i++)
        buf_printf(&b, "c%d,%s,%d,\"note\n%d\"\n", i * 7 % 40, i % 17 ? "2026-01-01" : "soon", i,
                   i);
    return buf_str(&b);
}

static const char in_order[] =
    "select string_agg(concat_ws(' ', customer, properties->>'n', properties->>'note'), ',' "
    "order by id) from godwit.events";

static void expect_all(int rows) {
    struct buf wanted = BUF_IN(check.arena);
    for (int i = 0; i < rows; i++)
        if (i % 17)
            buf_printf(&wanted, "%sc%d %d note\n%d", wanted.n ? "," : "", i * 7 % 40, i, i);
    check_is(check_cell(in_order), buf_cstr(&wanted));
}

static void expect_rejects(struct str path, int rows) {
    struct buf wanted = BUF_IN(check.arena);
    buf_add_str(&wanted, S("line,reason,customer,occurred_at,properties.n:int,properties.note\n"));
    for (int i = 0; i < rows; i += 17)
        buf_printf(&wanted,
                   "%d,column `occurred_at`: `soon` is not a time; write it as "
                   "2026-11-21T08:00:00Z or 2026-11-21,c%d,soon,%d,\"note\n%d\"\n",
                   2 + 2 * i, i * 7 % 40, i, i);
    check_is(check_content(path), buf_cstr(&wanted));
}

static void begin(void) {
    check_setup();
    check.options.wish.event_name = S("x");
    check.options.chunk_rows = CHUNK;
}

/* Runs the import in a process of its own, which is to die of SIGKILL. */
static void run_and_die(struct str path, const char *fault, int64_t after_commits) {
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct err e = ERR_INIT;
        struct import_status status;
        if (fault)
            setenv("GODWIT_FAULT", fault, 1);
        check.chunks = 0;
        check.kill_after = after_commits;
        check.options.path = path;
        struct dbsync *db = dbsync_open(check_url, &e);
        bool ok = db && import_run(db, check.arena, &check.options, &check.events, &status, &e);
        fprintf(stderr, "the import did not die: %s\n", ok ? "it came to its end" : e.text);
        _exit(1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

START_TEST(killed_after_commits) {
    struct str path = check_file("f.csv", many_rows(ROWS));
    run_and_die(path, NULL, 1);
    run_and_die(path, NULL, 1 + _i * 3);
    check_good(path);
    ck_assert_int_eq(check.status.skipped, CHUNK * (2 + _i * 3));
    ck_assert_int_eq(check.status.rows, ROWS - check.status.skipped);
    expect_all(ROWS);
    expect_rejects(check.status.rejects, ROWS);
    check_is(check_cell("select concat_ws(' ', count(*), min(rows), min(rejected)) "
                        "from godwit.imports where finished_at is not null"),
             "1 1000 59");
}
END_TEST

#ifdef GODWIT_DEVELOPER
static const char *const faults[] = {
    "import.rows:1:crash",      "import.rows:2:crash",       "import.rows:15:crash",
    "import.commit:1:crash",    "import.commit:4:crash",     "import.commit:15:crash",
    "import.committed:1:crash", "import.committed:15:crash",
};

START_TEST(killed_within_a_transaction) {
    struct str path = check_file("f.csv", many_rows(ROWS));
    run_and_die(path, faults[_i], 0);
    check_good(path);
    expect_all(ROWS);
    expect_rejects(str_printf(check.arena, "%s/f.rejected.csv", check.folder), ROWS);
}
END_TEST
#endif

START_TEST(customers_killed) {
    struct buf b = BUF_IN(check.arena);
    buf_add_str(&b, S("key,email,attributes.age\n"));
    for (int i = 0; i < ROWS; i++)
        buf_printf(&b, "c%d,c%d@x.example,%d\n", i % 300, i, i);
    struct str path = check_file("f.csv", buf_str(&b));
    check.options.wish.kind = IMPORT_CUSTOMERS;
    check.options.wish.event_name = S("");
    run_and_die(path, NULL, 5);
    check_good(path);
    ck_assert_int_eq(check.status.skipped, 5 * CHUNK);
    check_is(check_cell("select concat_ws(' ', count(*), sum((attributes->>'age')::int), "
                        "max(email)) from godwit.customers"),
             "300 254850 c999@x.example");
}
END_TEST

/* ---- a file that was imported already */

START_TEST(a_file_is_imported_once) {
    struct str rows = many_rows(100);
    check_good(check_file("f.csv", rows));
    check_good(check_file("f.csv", rows));
    ck_assert(check.status.whole);
    ck_assert_int_eq(check.status.skipped, 100);
    ck_assert_int_eq(check.status.rows, 0);
    check_good(check_file("copy.csv", rows)); /* under another name, too */
    ck_assert(check.status.whole);
    check.options.trigger = true; /* or taken otherwise */
    check_good(check_file("f.csv", rows));
    ck_assert(check.status.whole);
    expect_all(100);
    check.options.again = true;
    check_good(check_file("f.csv", rows));
    ck_assert_int_eq(check.status.rows, 100);
    check_is(check_cell("select count(*)::text from godwit.events"), "188");
    check.options.again = false;
    check.options.wish.event_name = S("y"); /* other events of the same file */
    check_good(check_file("f.csv", rows));
    ck_assert_int_eq(check.status.rows, 100);
}
END_TEST

START_TEST(again_can_be_killed_too) {
    struct str path = check_file("f.csv", many_rows(ROWS));
    check_good(path);
    check_sql("delete from godwit.events");
    check.options.again = true;
    run_and_die(path, NULL, 4);
    check_good(path);
    ck_assert_int_eq(check.status.skipped, 4 * CHUNK);
    expect_all(ROWS);
    expect_rejects(check.status.rejects, ROWS);
}
END_TEST

START_TEST(a_file_that_has_grown) {
    struct str rows = many_rows(300);
    struct str before = many_rows(100);
    check_good(check_file("f.csv", before));
    check_good(check_file("f.csv", rows));
    ck_assert_int_eq(check.status.skipped, 100);
    ck_assert_int_eq(check.status.rows, 200);
    expect_all(300);
    check_good(check_file("f.csv", before)); /* was imported, too */
    ck_assert(check.status.whole);
    check_good(check_file("f.csv", rows));
    ck_assert(check.status.whole);
}
END_TEST

/* A last row without a line end may have been half a row. */
START_TEST(a_file_that_was_cut) {
    check_good(check_file("f.csv", S("customer,properties.n:int\na,1\nb,2")));
    check_good(check_file("f.csv", S("customer,properties.n:int\na,1\nb,23\n")));
    ck_assert_int_eq(check.status.skipped, 0);
    ck_assert_int_eq(check.status.rows, 2);
    check_good(check_file("f.csv", S("customer,properties.n:int\na,9\nb,23\n"))); /* another file */
    ck_assert_int_eq(check.status.skipped, 0);
    check_is(check_cell("select string_agg(properties->>'n', ',' order by id) from godwit.events"),
             "1,2,1,23,9,23");
}
END_TEST

/* ---- trouble that ends */

/* The server gives up the first `times` transactions. */
static void unlucky(const char *code, int times) {
    check_sql("create sequence tries");
    struct str sql = str_printf(
        check.arena,
        "create function unlucky() returns trigger language plpgsql as $$ begin "
        "if nextval('tries') <= %d then raise exception 'no luck' using errcode = '%s'; end if; "
        "return null; end $$; create trigger unlucky after insert on godwit.events "
        "for each statement execute function unlucky()",
        times, code);
    check_sql(str_cstr(check.arena, sql));
}

START_TEST(a_chunk_that_lost_to_another_writer_is_tried_again) {
    unlucky("40P01", 3);
    check_good(check_file("f.csv", many_rows(ROWS)));
    expect_all(ROWS);
    expect_rejects(check.status.rejects, ROWS);
    ck_assert_int_eq(check.status.rejected, 59);
}
END_TEST

START_TEST(what_the_server_refuses_can_be_mended) {
    struct str path = check_file("f.csv", many_rows(ROWS));
    check_sql("alter table godwit.events add constraint house_rule "
              "check (properties->>'n' <> '500')");
    ck_assert(!check_run(path));
    check_has(str_from(check.err.text), "house_rule");
    check_has(str_from(check.err.text), "lines 982 to 1121: ");
    check_sql("alter table godwit.events drop constraint house_rule");
    check_good(path);
    ck_assert_int_eq(check.status.skipped, 7 * CHUNK);
    expect_all(ROWS);
    expect_rejects(check.status.rejects, ROWS);
}
END_TEST

START_TEST(rejects_that_cannot_be_written) {
    struct str path = check_file("f.csv", many_rows(ROWS));
    check.options.rejects = str_printf(check.arena, "%s/none/x.csv", check.folder);
    ck_assert(!check_run(path));
    check_has(str_from(check.err.text), "choose another file with --rejects");
    check.options.rejects = path;
    ck_assert(!check_run(path));
    check_has(str_from(check.err.text), "--rejects is the file that is imported");
    check.options.rejects = str_printf(check.arena, "%s/x.csv", check.folder);
    check_good(path);
    expect_all(ROWS);
    expect_rejects(check.options.rejects, ROWS);
}
END_TEST

/* ---- two at once */

static int64_t others;

static void import_other(void *ctx, const struct import_status *s) {
    struct check *c = ctx;
    struct import_events quiet = c->events;
    struct import_options o = c->options;
    struct import_status status;
    struct err e = ERR_INIT;
    (void)s;
    if (others++)
        return;
    quiet.on_chunk = import_other;
    o.path = str_printf(c->arena, "%s/other.csv", c->folder);
    struct dbsync *db = dbsync_open(check_url, &e);
    ck_assert_msg(db && import_run(db, c->arena, &o, &quiet, &status, &e), "%s", e.text);
    dbsync_close(db);
}

START_TEST(another_file_may_be_imported_meanwhile) {
    struct str path = check_file("f.csv", many_rows(ROWS));
    check_file("other.csv", S("customer,occurred_at,properties.n:int,properties.note\n"
                              "z,2026-01-01,1,\n"));
    check.events.on_chunk = import_other;
    check_good(path);
    check_is(check_cell("select count(*)::text from godwit.events"), "942");
}
END_TEST

/* ---- standard input */

START_TEST(standard_input) {
    struct str path = check_file("f.csv", many_rows(ROWS));
    check.options.rejects = str_printf(check.arena, "%s/x.csv", check.folder);
    ck_assert_ptr_nonnull(freopen(str_cstr(check.arena, path), "rb", stdin));
    check_good(S("-"));
    ck_assert(!check.status.resumable);
    ck_assert_int_eq(check.status.rows, ROWS);
    expect_all(ROWS);
    expect_rejects(check.options.rejects, ROWS);
    check_is(check_cell("select count(*)::text from godwit.imports"), "0");
}
END_TEST

/* ---- real data, where it is: ../shared/data/README.md has the figures */

START_TEST(cdnow) {
    const char *shared = getenv("GODWIT_SHARED");
    struct str path = str_printf(check.arena, "%s/data/cdnow.csv", shared ? shared : "../shared");
    if (access(str_cstr(check.arena, path), R_OK) != 0)
        return;
    check.options.wish.event_name = S("order.placed");
    check.options.rejects = str_printf(check.arena, "%s/x.csv", check.folder);
    check.options.chunk_rows = 0;
    check_maps((const char *[]){"customer=customer", "occurred_at=date",
                                "properties.amount:double=amount",
                                "properties.quantity:int=quantity", NULL});
    run_and_die(path, NULL, 6);
    check_good(path);
    ck_assert_int_eq(check.status.skipped, 30000);
    ck_assert_int_eq(check.status.rejected, 0);
    check_is(check_cell("select concat_ws(' ', count(*), count(distinct customer), "
                        "sum((properties->>'amount')::numeric), "
                        "count(*) filter (where (properties->>'amount')::numeric = 0), "
                        "min(occurred_at) at time zone 'Asia/Taipei') from godwit.events"),
             "69659 23570 2500315.63 80 1997-01-01 00:00:00");
}
END_TEST

Suite *suite_resume(void) {
    Suite *s = suite_create("resume");
    TCase *t = tcase_create("resume");
    tcase_add_checked_fixture(t, begin, check_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, killed_after_commits, 0, 3);
#ifdef GODWIT_DEVELOPER
    tcase_add_loop_test(t, killed_within_a_transaction, 0, COUNT(faults));
#endif
    tcase_add_test(t, customers_killed);
    tcase_add_test(t, a_file_is_imported_once);
    tcase_add_test(t, again_can_be_killed_too);
    tcase_add_test(t, a_file_that_has_grown);
    tcase_add_test(t, a_file_that_was_cut);
    tcase_add_test(t, a_chunk_that_lost_to_another_writer_is_tried_again);
    tcase_add_test(t, what_the_server_refuses_can_be_mended);
    tcase_add_test(t, rejects_that_cannot_be_written);
    tcase_add_test(t, another_file_may_be_imported_meanwhile);
    tcase_add_test(t, standard_input);
    tcase_add_test(t, cdnow);
    suite_add_tcase(s, t);
    return s;
}
