/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/import/check_import.h"

#include "base/wallclock.h"
#include "engine/migrate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct check check;

char check_url[512];
static char server_folder[] = "/tmp/godwit-check.XXXXXX";

/* ---- the server */

static bool scratch(const char *command, char *out, size_t cap) {
    const char *srcdir = getenv("srcdir");
    char line[1024];
    snprintf(line, sizeof line, "%s/tests/peers/scratch_pg.sh %s %s", srcdir ? srcdir : ".",
             command, server_folder);
    FILE *f = popen(line, "r");
    if (!f)
        return false;
    char got[512] = "";
    while (fgets(got, sizeof got, f))
        continue;
    if (pclose(f) != 0)
        return false;
    got[strcspn(got, "\n")] = 0;
    if (out)
        snprintf(out, cap, "%s", got);
    return true;
}

static void on_start(void *ctx, const struct import_status *s) {
    (void)ctx;
    (void)s;
}

static void on_chunk(void *ctx, const struct import_status *s) {
    struct check *c = ctx;
    ck_assert_int_le(s->rejected + s->duplicates, s->rows);
    if (++c->chunks == c->kill_after)
        raise(SIGKILL);
}

static void on_reject(void *ctx, int64_t line, const char *reason) {
    struct check *c = ctx;
    c->rejects++;
    buf_printf(&c->reasons, "%lld: %s\n", (long long)line, reason);
}

/* One database serves all tests. */
static const char clean[] =
    "delete from godwit.events; delete from godwit.event_dedupe; delete from godwit.customers;"
    "delete from godwit.imports;"
    "drop trigger if exists unlucky on godwit.events; drop function if exists unlucky();"
    "drop sequence if exists tries;"
    "alter table godwit.events drop constraint if exists house_rule";

void check_setup(void) {
    const struct zone *zone;
    check = (struct check){.arena = arena_new(0), .folder = "/tmp/godwit-import.XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(check.folder));
    check.db = dbsync_open(check_url, &check.err);
    ck_assert_msg(check.db != NULL, "%s", check.err.text);
    check_sql(clean);
    ck_assert(wallclock_zone(S("Asia/Taipei"), &zone, &check.err));
    check.reasons = BUF_IN(check.arena);
    check.events = (struct import_events){on_start, on_chunk, on_reject, &check};
    check.options = (struct import_options){
        .wish = {.kind = IMPORT_EVENTS, .catalog = &check_catalog}, .zone = zone};
}

void check_teardown(void) {
    char line[200];
    dbsync_close(check.db);
    arena_free(check.arena);
    snprintf(line, sizeof line, "rm -rf '%s'", check.folder);
    ck_assert_int_eq(system(line), 0);
}

/* ---- what tests do */

static const struct catalog_field order_properties[] = {
    {.name = {"amount", 6}, .type = CATALOG_DOUBLE}, {.name = {"quantity", 8}, .type = CATALOG_INT},
    {.name = {"gift", 4}, .type = CATALOG_BOOL},     {.name = {"at", 2}, .type = CATALOG_TIMESTAMP},
    {.name = {"tags", 4}, .type = CATALOG_LIST},     {.name = {"any", 3}, .type = CATALOG_ANY},
};
static const struct catalog_event catalog_events[] = {
    {.name = {"order.placed", 12},
     .properties = order_properties,
     .n_properties = COUNT(order_properties)},
};
static const struct catalog_field catalog_attributes[] = {
    {.name = {"age", 3}, .type = CATALOG_INT},
    {.name = {"vip", 3}, .type = CATALOG_BOOL},
};
const struct catalog check_catalog = {.declared = true,
                                      .events = catalog_events,
                                      .n_events = COUNT(catalog_events),
                                      .attributes = catalog_attributes,
                                      .n_attributes = COUNT(catalog_attributes)};

void check_maps(const char *const *maps) {
    size_t n = 0;
    while (maps[n])
        n++;
    struct str *list = ARENA_ARRAY(check.arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = str_from(maps[i]);
    check.options.wish.maps = list;
    check.options.wish.n_maps = n;
}

struct str check_file(const char *name, struct str text) {
    struct str path = str_printf(check.arena, "%s/%s", check.folder, name);
    FILE *f = fopen(str_cstr(check.arena, path), "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text.p, 1, text.n, f), text.n);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

bool check_run(struct str path) {
    check.options.path = path;
    check.rejects = check.chunks = 0;
    buf_clear(&check.reasons);
    return import_run(check.db, check.arena, &check.options, &check.events, &check.status,
                      &check.err);
}

void check_good(struct str path) {
    ck_assert_msg(check_run(path), "%s", check.err.text);
}

struct str check_cell(const char *sql) {
    struct db_stmt stmt = {NULL, sql};
    struct db_reply *reply = NULL;
    ck_assert_msg(dbsync_query(check.db, &stmt, NULL, &reply, &check.err), "%s: %s", sql,
                  check.err.text);
    ck_assert_uint_eq(db_rows(reply->result[0]), 1);
    struct str got = str_dup(check.arena, db_text(reply->result[0], 0, 0));
    db_reply_free(reply);
    return got;
}

void check_sql(const char *sql) {
    ck_assert_msg(dbsync_script(check.db, sql, &check.err), "%s", check.err.text);
}

struct str check_content(struct str path) {
    struct buf b = BUF_IN(check.arena);
    FILE *f = fopen(str_cstr(check.arena, path), "rb");
    ck_assert_msg(f != NULL, "%.*s is not there", STR_FMT(path));
    for (size_t n; (n = fread(buf_reserve(&b, 65536), 1, 65536, f)) > 0;)
        b.n += n;
    fclose(f);
    return buf_str(&b);
}

int main(void) {
    int failed = 1;
    struct err e = ERR_INIT;
    if (!mkdtemp(server_folder) || !scratch("start", check_url, sizeof check_url)) {
        fputs("check_import: no scratch PostgreSQL: the tests need its server programs\n", stderr);
        return EXIT_FAILURE;
    }
    if (!migrate_run(check_url, &e)) {
        fprintf(stderr, "check_import: %s\n", e.text);
    } else {
        SRunner *r = srunner_create(suite_map());
        srunner_add_suite(r, suite_rows());
        srunner_add_suite(r, suite_resume());
        srunner_run_all(r, CK_ENV);
        failed = srunner_ntests_failed(r);
        srunner_free(r);
    }
    scratch("stop", NULL, 0);
    rmdir(server_folder);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
