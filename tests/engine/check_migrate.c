/* SPDX-License-Identifier: Apache-2.0
 * migrate against a real PostgreSQL: order, refusals, a failing file, two at once. */
#include "config.h"

#include "base/io/dbsync.h"
#include "engine/migrate.h"
#include "engine/sql_text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char url[512];
static char folder[] = "/tmp/godwit-check.XXXXXX";

static bool scratch(const char *command) {
    const char *srcdir = getenv("srcdir");
    char line[1024];
    snprintf(line, sizeof line, "%s/tests/peers/scratch_pg.sh %s %s", srcdir ? srcdir : ".",
             command, folder);
    FILE *f = popen(line, "r");
    if (!f)
        return false;
    if (fgets(url, sizeof url, f))
        url[strcspn(url, "\n")] = 0;
    return pclose(f) == 0;
}

/* ---- a fresh schema for each test */

static struct dbsync *s;
static struct err e;
static struct migrate_report report;

static void setup(void) {
    e = ERR_INIT;
    s = dbsync_open(url, &e);
    ck_assert_msg(s != NULL, "%s", e.text);
    ck_assert_msg(dbsync_script(s, "drop schema if exists godwit cascade", &e), "%s", e.text);
}

static void teardown(void) {
    dbsync_close(s);
}

#define FIRST sql_migrations[0]
#define ONE \
    { 1, "one", "create table godwit.one (x int);\n" }
#define TWO \
    { 2, "two", "-- a comment\ninsert into godwit.one values (1);\n" }

static int64_t ask(const char *sql) {
    struct db_stmt stmt = {NULL, sql};
    struct db_reply *reply = NULL;
    ck_assert_msg(dbsync_query(s, &stmt, NULL, &reply, &e), "%s", e.text);
    int64_t n = db_int(reply->result[0], 0, 0);
    db_reply_free(reply);
    return n;
}

START_TEST(applies_in_order_and_once) {
    struct sql_migration list[] = {FIRST, ONE, TWO};
    ck_assert_msg(migrate_list(s, list, 2, &report, &e), "%s", e.text);
    ck_assert_int_eq(report.applied, 2);
    ck_assert_msg(migrate_list(s, list, 3, &report, &e), "%s", e.text);
    ck_assert_int_eq(report.applied, 1);
    ck_assert_int_eq(report.version, 2);
    ck_assert_msg(migrate_list(s, list, 3, &report, &e), "%s", e.text);
    ck_assert_int_eq(report.applied, 0);
    ck_assert_int_eq(ask("select count(*) from godwit.one"), 1);
    ck_assert_int_eq(ask("select count(*) from godwit.schema_migrations"), 3);
}
END_TEST

START_TEST(a_failing_file_leaves_nothing) {
    struct sql_migration list[] = {
        FIRST, ONE, {2, "bad", "insert into godwit.one values (1); select 1 / 0;"}};
    ck_assert(!migrate_list(s, list, 3, &report, &e));
    ck_assert_msg(strstr(e.text, "migration 002_bad") && strstr(e.text, "division by zero"), "%s",
                  e.text);
    ck_assert_int_eq(ask("select count(*) from godwit.one"), 0);
    ck_assert_int_eq(ask("select max(version) from godwit.schema_migrations"), 1);
    list[2] = (struct sql_migration)TWO;
    ck_assert_msg(migrate_list(s, list, 3, &report, &e), "%s", e.text);
}
END_TEST

START_TEST(a_newer_database_is_refused) {
    struct sql_migration list[] = {FIRST, ONE, TWO};
    ck_assert(migrate_list(s, list, 3, &report, &e));
    ck_assert(!migrate_list(s, list, 2, &report, &e));
    ck_assert_int_eq(e.kind, ERR_PERMANENT);
    ck_assert_msg(strstr(e.text, "newer godwit") && strstr(e.text, "002_two"), "%s", e.text);
}
END_TEST

START_TEST(a_changed_file_is_refused_but_not_its_comments) {
    struct sql_migration list[] = {FIRST, ONE, TWO};
    ck_assert(migrate_list(s, list, 3, &report, &e));
    list[2].sql = "-- another comment\n\n  insert into godwit.one values (1);\n";
    ck_assert_msg(migrate_list(s, list, 3, &report, &e), "%s", e.text);
    list[2].sql = "insert into godwit.one values (2);\n";
    ck_assert(!migrate_list(s, list, 3, &report, &e));
    ck_assert_msg(strstr(e.text, "002_two differs"), "%s", e.text);
}
END_TEST

/* The program's own files, by several processes at the same moment. */
START_TEST(many_processes_at_once) {
    pid_t child[4];
    for (int i = 0; i < 4; i++) {
        child[i] = fork();
        if (child[i] == 0)
            _exit(migrate_run(url, &e) ? 0 : 1);
    }
    for (int i = 0; i < 4; i++) {
        int status = -1;
        waitpid(child[i], &status, 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(ask("select count(*) from godwit.schema_migrations"), (int)sql_migrations_n);
}
END_TEST

int main(void) {
    if (!mkdtemp(folder) || !scratch("start")) {
        fputs("check_migrate: no scratch PostgreSQL: the tests need its server programs\n", stderr);
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("migrate");
    TCase *t = tcase_create("migrate");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, applies_in_order_and_once);
    tcase_add_test(t, a_failing_file_leaves_nothing);
    tcase_add_test(t, a_newer_database_is_refused);
    tcase_add_test(t, a_changed_file_is_refused_but_not_its_comments);
    tcase_add_test(t, many_processes_at_once);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    scratch("stop");
    rmdir(folder);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
