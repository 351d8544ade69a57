/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/channels/check_channels.h"
#include "tests/channels/fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static size_t count_files(const char *folder, const char *part) {
    char path[200];
    snprintf(path, sizeof path, "%s/box/%s", folder, part);
    DIR *d = opendir(path);
    ck_assert_msg(d != NULL, "%s is missing", path);
    size_t n = 0;
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        n += e->d_name[0] != '.';
    }
    closedir(d);
    return n;
}

/* Run twice: an attempt that is repeated replaces its file. */
START_TEST(maildir_writes_each_once) {
    static struct fixture f;
    char folder[] = "/tmp/godwit-maildir-XXXXXX", box[100], command[100];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(box, sizeof box, "%s/box", folder);
    for (int run = 0; run < 2; run++) {
        fixture_open(&f, "maildir", (const char *[]){"path", box, NULL});
        for (int i = 0; i < 20; i++) {
            fixture_add(&f, i == 7 ? "no address" : "ada@example.com");
        }
        fixture_run(&f);
        ck_assert_uint_eq(fixture_count(&f, CHANNEL_ACCEPTED), 19);
        ck_assert_int_eq(f.results[7].result.outcome, CHANNEL_REFUSED);
        ck_assert_int_eq(f.results[7].result.subject, CHANNEL_SUBJECT_ADDRESS);
        ck_assert_uint_eq(count_files(folder, "new"), 19);
        ck_assert_uint_eq(count_files(folder, "tmp"), 0);
    }
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(rehearse_checks_and_accepts) {
    static struct fixture f;
    fixture_open(&f, "rehearse", (const char *[]){NULL});
    for (int i = 0; i < 1500; i++) {
        fixture_add(&f, "ada@example.com");
    }
    fixture_add(&f, "no address");
    struct channel_message *sms = fixture_add(&f, "+886912345678");
    sms->kind = CHANNEL_SMS;
    fixture_run(&f);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_ACCEPTED), 1501);
    ck_assert_int_eq(f.results[1500].result.outcome, CHANNEL_REFUSED);
    ck_assert_uint_eq(f.most_in_flight, 1000);
}
END_TEST

START_TEST(close_gives_the_rest_back) {
    static struct fixture f;
    fixture_open(&f, "rehearse", (const char *[]){NULL});
    for (int i = 0; i < 1900; i++) {
        fixture_add(&f, "ada@example.com");
    }
    fixture_run_closing(&f, 0, 0);
    ck_assert_uint_eq(fixture_count(&f, CHANNEL_ACCEPTED) + fixture_count(&f, CHANNEL_UNSENT),
                      f.handed);
}
END_TEST

Suite *suite_local(void) {
    Suite *s = suite_create("local");
    TCase *t = tcase_create("maildir and rehearse");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, maildir_writes_each_once);
    tcase_add_test(t, rehearse_checks_and_accepts);
    tcase_add_test(t, close_gives_the_rest_back);
    suite_add_tcase(s, t);
    return s;
}
