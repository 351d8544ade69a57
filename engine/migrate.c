/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/migrate.h"

#include "base/arena.h"
#include "base/io/dbsync.h"
#include "engine/sql_text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define OLDEST_SERVER 150000

/* "godwit" as a number: the key of the advisory lock. */
static const struct db_stmt lock = {NULL, "select pg_advisory_lock(113670593800564)"};
static const struct db_stmt unlock = {NULL, "select pg_advisory_unlock(113670593800564)"};

static const struct db_stmt read_state = {"migrations_state", sql_migrations_state};
static const struct db_stmt read_applied = {"migrations_read", sql_migrations_read};
static const struct db_stmt add = {"migrations_add", sql_migrations_add};

/* FNV-1a over the lines that are not comments: against mistakes, not against forgery. */
static void checksum(const char *sql, char out[17]) {
    uint64_t hash = UINT64_C(14695981039346656037);
    struct str rest = str_from(sql), line;
    while (str_split(&rest, '\n', &line)) {
        line = str_trim(line);
        if (!line.n || str_starts(line, S("--")))
            continue;
        for (size_t i = 0; i < line.n; i++)
            hash = (hash ^ (unsigned char)line.p[i]) * UINT64_C(1099511628211);
        hash = (hash ^ '\n') * UINT64_C(1099511628211);
    }
    snprintf(out, 17, "%016" PRIx64, hash);
}

static bool check_server(struct dbsync *s, bool *migrated, struct err *e) {
    struct db_reply *reply = NULL;
    if (!dbsync_query(s, &read_state, NULL, &reply, e))
        return false;
    int64_t version = db_int(reply->result[0], 0, 0);
    *migrated = db_bool(reply->result[0], 0, 1);
    bool standby = db_bool(reply->result[0], 0, 2);
    db_reply_free(reply);
    if (version < OLDEST_SERVER)
        return err_set(e, ERR_PERMANENT,
                       "the server is PostgreSQL %" PRId64 "; godwit needs %d or newer",
                       version / 10000, OLDEST_SERVER / 10000);
    if (standby)
        return err_set(e, ERR_TEMPORARY,
                       "the server is a read-only standby; the database URL must "
                       "lead to the primary");
    return true;
}

static const struct sql_migration *find(const struct sql_migration *list, size_t n,
                                        int64_t version) {
    for (size_t i = 0; i < n; i++)
        if (list[i].version == version)
            return &list[i];
    return NULL;
}

static bool check_applied(const struct db_result *r, size_t row, const struct sql_migration *list,
                          size_t n, struct err *e) {
    int64_t version = db_int(r, row, 0);
    struct str name = db_text(r, row, 1);
    const struct sql_migration *m = find(list, n, version);
    if (!m)
        return err_set(e, ERR_PERMANENT,
                       "the database was migrated by a newer godwit (migration %03" PRId64
                       "_%.*s; this program knows up to %03d): update the program",
                       version, STR_FMT(name), list[n - 1].version);
    char sum[17];
    checksum(m->sql, sum);
    if (!str_eq(db_text(r, row, 2), str_from(sum)))
        return err_set(e, ERR_PERMANENT,
                       "migration %03d_%s differs from the one that was applied to this database: "
                       "it was made by another build of godwit; use that one, or restore "
                       "engine/sql/%03d_%s.sql and add a new migration",
                       m->version, m->name, m->version, m->name);
    return true;
}

/* *done[i]: list[i] was applied before. */
static bool note_applied(struct dbsync *s, const struct sql_migration *list, size_t n, bool *done,
                         struct err *e) {
    struct db_reply *reply = NULL;
    if (!dbsync_query(s, &read_applied, NULL, &reply, e))
        return false;
    const struct db_result *r = reply->result[0];
    bool good = true;
    for (size_t row = 0; good && row < db_rows(r); row++) {
        good = check_applied(r, row, list, n, e);
        if (good)
            done[find(list, n, db_int(r, row, 0)) - list] = true;
    }
    db_reply_free(reply);
    return good;
}

/* The file and its line in schema_migrations, in one transaction. */
static bool apply(struct dbsync *s, struct arena *a, const struct sql_migration *m, struct err *e) {
    char sum[17];
    checksum(m->sql, sum);
    struct db_params *p = db_params(a);
    db_param_int4(p, m->version);
    db_param_text(p, str_from(m->name));
    db_param_text(p, str_from(sum));
    bool good = dbsync_script(s, "begin", e) && dbsync_script(s, m->sql, e) &&
                dbsync_query(s, &add, p, NULL, e) && dbsync_script(s, "commit", e);
    struct err ignored = ERR_INIT; /* the reason is known */
    if (!good && !dbsync_script(s, "rollback", &ignored))
        return err_context(e, "migration %03d_%s", m->version, m->name);
    return good || err_context(e, "migration %03d_%s", m->version, m->name);
}

static bool run_locked(struct dbsync *s, struct arena *a, const struct sql_migration *list,
                       size_t n, struct migrate_report *report, struct err *e) {
    bool migrated, *done = ARENA_ARRAY(a, bool, n);
    if (!check_server(s, &migrated, e) || (migrated && !note_applied(s, list, n, done, e)))
        return false;
    for (size_t i = 0; i < n; i++) {
        assert(i == 0 || list[i].version > list[i - 1].version);
        if (done[i])
            continue;
        if (!apply(s, a, &list[i], e))
            return false;
        report->applied++;
    }
    report->version = list[n - 1].version;
    return true;
}

bool migrate_list(struct dbsync *s, const struct sql_migration *list, size_t n,
                  struct migrate_report *report, struct err *e) {
    assert(n >= 1);
    *report = (struct migrate_report){0};
    if (!dbsync_query(s, &lock, NULL, NULL, e))
        return false;
    struct arena *a = arena_new(0);
    bool good = run_locked(s, a, list, n, report, e);
    arena_free(a);
    struct err ignored = ERR_INIT; /* the end of the session unlocks as well */
    return dbsync_query(s, &unlock, NULL, NULL, good ? e : &ignored) && good;
}

bool migrate_report(const char *conninfo, struct migrate_report *report, struct err *e) {
    struct dbsync *s = dbsync_open(conninfo, e);
    bool good = s && migrate_list(s, sql_migrations, sql_migrations_n, report, e);
    dbsync_close(s);
    return good;
}

bool migrate_run(const char *conninfo, struct err *e) {
    struct migrate_report report;
    return migrate_report(conninfo, &report, e);
}
