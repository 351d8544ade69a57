/* SPDX-License-Identifier: Apache-2.0
 *
 * Imports into the database of a scratch server, emptied for each test.
 */
#ifndef TESTS_CHECK_IMPORT_H
#define TESTS_CHECK_IMPORT_H

#include "base/arena.h"
#include "engine/import/import.h"

#include <check.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* What a test works with; made by check_setup, a checked fixture. */
struct check {
    struct arena *arena;
    struct dbsync *db;
    char folder[64];
    struct import_options options; /* events; the catalog below; the zone Asia/Taipei */
    struct import_events events;
    struct import_status status; /* of the last import */
    struct err err;
    int64_t rejects, chunks;
    int64_t kill_after; /* commits, then SIGKILL; 0: never */
    struct buf reasons; /* "LINE: REASON\n"... */
};
extern struct check check;
extern char check_url[512];

void check_setup(void);
void check_teardown(void);

/* Event order.placed: amount double, quantity int, gift bool, at timestamp, tags list, any any.
 * Customer attributes: age int, vip bool. */
extern const struct catalog check_catalog;

void check_maps(const char *const *maps); /* ended by NULL */
/* Writes the file NAME in the test's folder; its path is in the arena. */
struct str check_file(const char *name, struct str text);
bool check_run(struct str path);  /* imports; check.status, check.err */
void check_good(struct str path); /* the same, and must succeed */
/* The only cell of what the statement returns. */
struct str check_cell(const char *sql);
void check_sql(const char *sql);
/* A file's content. */
struct str check_content(struct str path);
#define check_has(text, part) \
    ck_assert_msg(str_find((text), S(part)) >= 0, "no `%s` in: %.*s", (part), STR_FMT(text))
#define check_is(text, wanted)                                                            \
    do {                                                                                  \
        struct str got_ = (text);                                                         \
        ck_assert_msg(str_eq(got_, str_from(wanted)), "wanted %s\ngot    %.*s", (wanted), \
                      STR_FMT(got_));                                                     \
    } while (0)

Suite *suite_rows(void);
Suite *suite_map(void);
Suite *suite_resume(void);

#endif
