/* SPDX-License-Identifier: Apache-2.0
 *
 * import: customers or events out of a CSV file into the database.
 *
 * Rows go in by COPY, some thousand a transaction, in the order of the file. The same
 * transaction moves the file's entry in godwit.imports, so that after a kill at any
 * point the same call goes on where the last commit was and doubles nothing; that
 * holds for regular files. A refused row goes to the file of rejected rows, and the
 * import goes on. A file that was imported whole is left alone unless `again`.
 *
 * Blocks; one thread. Memory does not grow with the file. When it fails, what was
 * committed stays, and the error says how far it came.
 */
#ifndef GODWIT_ENGINE_IMPORT_IMPORT_H
#define GODWIT_ENGINE_IMPORT_IMPORT_H

#include "base/io/dbsync.h"
#include "engine/import/import_map.h"

struct zone;

struct import_status {
    struct str taking;  /* what is taken from where, in words */
    struct str rejects; /* path of the file of rejected rows */
    struct str earlier; /* when an earlier run was last at work on this file; empty: never */
    bool whole;         /* that run imported all of it: nothing is done */
    bool resumable;     /* a regular file */
    int64_t skipped;    /* rows of the file that earlier runs worked off */
    int64_t rows;       /* read by this run */
    int64_t rejected;   /* of them: refused */
    int64_t duplicates; /* of them: their dedupe was there already */
    int64_t bytes;      /* of the file, worked off */
    int64_t size;       /* of the file; -1: not known */
};

struct import_events {
    void (*on_start)(void *ctx, const struct import_status *s); /* before the first row */
    void (*on_chunk)(void *ctx, const struct import_status *s); /* after each commit */
    void (*on_reject)(void *ctx, int64_t line, const char *reason);
    void *ctx;
};

struct import_options {
    struct import_wish wish;
    struct str path;         /* "-": standard input */
    struct str rejects;      /* empty: beside the file */
    const struct zone *zone; /* of times without one */
    bool trigger;            /* events start campaigns */
    bool again;              /* also when the file was imported already */
    int64_t chunk_rows;      /* in a transaction; 0: 5,000 */
};

/* Allocates in `a` what *out points at. */
bool import_run(struct dbsync *db, struct arena *a, const struct import_options *o,
                const struct import_events *events, struct import_status *out,
                struct err *e) MUST_CHECK;

#endif
