/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/import/import_ledger.h"

#include "base/arena.h"
#include "engine/sql_text.h"

#define LOCK_NOT_AVAILABLE "55P03"

static const struct db_stmt st_lock = {"import_lock",
                                       "select pg_advisory_lock(7310, hashtext($1::text))"};
static const struct db_stmt st_unlock = {"import_unlock",
                                         "select pg_advisory_unlock(7310, hashtext($1::text))"};
static const struct db_stmt st_find = {"import_find", sql_import_find};
static const struct db_stmt st_start = {"import_start", sql_import_start};
static const struct db_stmt st_advance = {"import_advance", sql_import_advance};

bool import_ledger_lock(struct dbsync *db, struct arena *a, struct str name, struct err *e) {
    struct db_params *p = db_params(a);
    db_param_text(p, name);
    if (!dbsync_script(db, "set lock_timeout = '10s'", e))
        return false;
    if (dbsync_query(db, &st_lock, p, NULL, e))
        return dbsync_script(db, "reset lock_timeout", e);
    if (strcmp(dbsync_sqlstate(db), LOCK_NOT_AVAILABLE) == 0)
        err_set(e, ERR_TEMPORARY,
                "another process is importing this file right now; wait for it to end");
    return false;
}

void import_ledger_unlock(struct dbsync *db, struct arena *a, struct str name) {
    struct err ignored = ERR_INIT; /* the session's end gives it back too */
    struct db_params *p = db_params(a);
    db_param_text(p, name);
    if (!dbsync_query(db, &st_unlock, p, NULL, &ignored))
        return;
}

static void read_entry(struct arena *a, const struct db_result *r, size_t row,
                       struct import_entry *out) {
    *out = (struct import_entry){
        .id = db_int(r, row, 0),
        .file = str_dup(a, db_text(r, row, 1)),
        .bytes = db_int(r, row, 2),
        .line = db_int(r, row, 3),
        .rows = db_int(r, row, 5),
        .rejected = db_int(r, row, 6),
        .duplicates = db_int(r, row, 7),
        .rejects_bytes = db_int(r, row, 8),
        .finished = db_bool(r, row, 9),
        .updated_at = str_dup(a, db_text(r, row, 10)),
    };
}

bool import_ledger_find(struct dbsync *db, struct arena *a, struct str mapping, bool unfinished,
                        struct import_file *file, struct import_entry *out, struct err *e) {
    struct db_params *p = db_params(a);
    struct db_reply *reply = NULL;
    char digest[DIGEST_HEX_CHARS + 1];
    bool ok = true;
    *out = (struct import_entry){0};
    db_param_text(p, mapping);
    db_param_int8(p, import_file_size(file));
    db_param_bool(p, unfinished);
    if (!dbsync_query(db, &st_find, p, &reply, e))
        return false;
    const struct db_result *r = reply->result[0];
    for (size_t i = 0; ok && i < db_rows(r); i++) {
        int64_t bytes = db_int(r, i, 2);
        ok = import_file_digest(file, bytes, digest, e);
        if (ok && str_eq(db_text(r, i, 4), str_from(digest)) && import_file_line_ends(file, bytes))
            read_entry(a, r, i, out);
    }
    db_reply_free(reply);
    return ok;
}

bool import_ledger_start(struct dbsync *db, struct arena *a, struct str mapping,
                         struct import_file *file, struct import_entry *entry, struct err *e) {
    struct db_params *p = db_params(a);
    struct db_reply *reply = NULL;
    char digest[DIGEST_HEX_CHARS + 1];
    if (!import_file_digest(file, entry->bytes, digest, e))
        return false;
    db_param_text(p, mapping);
    db_param_text(p, entry->file);
    db_param_int8(p, entry->bytes);
    db_param_int8(p, entry->line);
    db_param_text(p, str_from(digest));
    if (!dbsync_query(db, &st_start, p, &reply, e))
        return false;
    entry->id = db_int(reply->result[0], 0, 0);
    db_reply_free(reply);
    return true;
}

bool import_ledger_advance(struct dbsync *db, struct arena *a, struct import_file *file,
                           const struct import_entry *entry, struct err *e) {
    struct db_params *p = db_params(a);
    char digest[DIGEST_HEX_CHARS + 1];
    if (!import_file_digest(file, entry->bytes, digest, e))
        return false;
    db_param_int8(p, entry->id);
    db_param_int8(p, entry->bytes);
    db_param_int8(p, entry->line);
    db_param_text(p, str_from(digest));
    db_param_int8(p, entry->rows);
    db_param_int8(p, entry->rejected);
    db_param_int8(p, entry->duplicates);
    db_param_int8(p, entry->rejects_bytes);
    db_param_bool(p, entry->finished);
    return dbsync_query(db, &st_advance, p, NULL, e);
}
