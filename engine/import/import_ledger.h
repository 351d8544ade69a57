/* SPDX-License-Identifier: Apache-2.0
 *
 * import_ledger: what godwit.imports knows of a file: how far it has come, by the
 * fingerprint of its beginning. The name of the file does not matter: a copy, or a
 * file that has grown since, is known again.
 *
 * import_ledger_advance belongs into the transaction that brings the rows.
 */
#ifndef GODWIT_ENGINE_IMPORT_IMPORT_LEDGER_H
#define GODWIT_ENGINE_IMPORT_IMPORT_LEDGER_H

#include "base/io/dbsync.h"
#include "engine/import/import_file.h"

struct arena;

struct import_entry {
    int64_t id;    /* 0: none */
    int64_t bytes; /* of the file that have been worked off */
    int64_t line;  /* where the next row begins */
    int64_t rows, rejected, duplicates;
    int64_t rejects_bytes;
    bool finished;
    struct str file, updated_at; /* in the arena */
};

/* One import of that name at a time; waits a little for one that is being ended. */
bool import_ledger_lock(struct dbsync *db, struct arena *a, struct str name,
                        struct err *e) MUST_CHECK;
void import_ledger_unlock(struct dbsync *db, struct arena *a, struct str name);

/* The entry that covers most of the file's beginning; `unfinished`: only such. */
bool import_ledger_find(struct dbsync *db, struct arena *a, struct str mapping, bool unfinished,
                        struct import_file *file, struct import_entry *out,
                        struct err *e) MUST_CHECK;

/* Makes the entry; its id is set. */
bool import_ledger_start(struct dbsync *db, struct arena *a, struct str mapping,
                         struct import_file *file, struct import_entry *entry,
                         struct err *e) MUST_CHECK;
bool import_ledger_advance(struct dbsync *db, struct arena *a, struct import_file *file,
                           const struct import_entry *entry, struct err *e) MUST_CHECK;

#endif
