/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/import/import.h"

#include "base/arena.h"
#include "base/fault.h"
#include "engine/import/import_ledger.h"
#include "engine/import/import_rejects.h"
#include "engine/import/import_row.h"
#include "engine/sql_text.h"

#define CHUNK_ROWS 5000
#define CHUNK_BYTES (4u * 1024 * 1024)
#define LOCK_BYTES 4096 /* of the file, to tell it from others */
#define COPY_PIECE (64u * 1024)
#define ATTEMPTS 5 /* of a chunk that another writer's lock stands against */

static const struct csv_limits limits = {4u * 1024 * 1024, 1024u * 1024, 1000};

static const struct db_stmt st_customers = {"import_customers", sql_import_customers};

static const char make_table[] =
    "create temp table if not exists godwit_import (n bigint, key text, email text, phone text, "
    "locale text, timezone text, attributes jsonb) on commit delete rows";

struct import {
    struct dbsync *db;
    const struct import_options *o;
    const struct import_events *events;
    struct import_status *status;
    struct arena *arena;   /* of the whole import */
    struct arena *scratch; /* of a row or a statement */
    struct import_file *file;
    struct csv *csv;
    struct str header; /* the first line as it stands in the file */
    struct import_map map;
    struct import_rows rows;
    struct import_rejects *rejects;
    struct import_entry entry;
    struct str mapping; /* what the ledger knows this import by */
    struct str lock;    /* the mapping, and how the file begins */
    bool locked;
    struct buf chunk;   /* lines of COPY */
    int64_t chunk_rows; /* in it */
    bool end;           /* of the file */
};

/* ---- reading */

/* The next row; false with no error set: the end. */
static bool next_row(struct import *x, struct csv_row *row, struct err *e) {
    enum csv_step step;
    while ((step = csv_next(x->csv, row)) == CSV_MORE) {
        struct str bytes;
        if (!import_file_read(x->file, &bytes, e))
            return false;
        csv_feed(x->csv, bytes, bytes.n == 0);
    }
    return step == CSV_ROW;
}

static bool header_problem(const struct csv_row *row, struct err *e) {
    bool utf16 = row->raw.n >= 2 &&
                 (memcmp(row->raw.p, "\xff\xfe", 2) == 0 || memcmp(row->raw.p, "\xfe\xff", 2) == 0);
    return !row->wrong ||
           err_set(e, ERR_INPUT, "line %lld, which names the columns: %s", (long long)row->line,
                   utf16 ? "the file is UTF-16; save it as UTF-8" : row->wrong);
}

static bool read_header(struct import *x, struct err *e) {
    struct csv_row row;
    x->csv = csv_new(&limits, 0, 1);
    if (!next_row(x, &row, e))
        return e->kind == ERR_NONE
                   ? err_set(e, ERR_INPUT, "the file is empty; its first line names the columns")
                   : false;
    x->header = str_dup(x->arena, row.raw);
    return header_problem(&row, e) &&
           import_map_make(x->arena, &x->o->wish, row.field, row.n, &x->map, e);
}

/* ---- where it goes on */

/* The types and --trigger are left out on purpose: the same rows once more, taken otherwise, would
 * be there twice all the same, and need --again. */
static struct str mapping_of(struct import *x) {
    char *hex = arena_alloc(x->arena, DIGEST_HEX_CHARS + 1);
    struct buf b = BUF_IN(x->arena);
    buf_printf(&b, "%d,%.*s", (int)x->map.kind, STR_FMT(x->map.event_name));
    for (int i = 0; i < FIELDS; i++)
        buf_printf(&b, ",%d", x->map.column[i]);
    for (size_t i = 0; i < x->map.n_pairs; i++)
        buf_printf(&b, ",%d=%.*s", x->map.pair[i].column, STR_FMT(x->map.pair[i].name));
    digest_sha256_hex(buf_str(&b), hex);
    return str_from(hex);
}

/* The database takes UTF-8 only, and a file's name may be anything. */
static struct str file_name(struct arena *a, struct str path) {
    struct buf b = BUF_IN(a);
    while (path.n) {
        size_t n = str_utf8(path, NULL);
        buf_add_str(&b, n ? str_of(path.p, n) : S("?"));
        path = str_sub(path, n ? n : 1, path.n);
    }
    return buf_str(&b);
}

/* Continues the entry found, or begins another one where it ended. */
static bool take_up(struct import *x, struct err *e) {
    struct import_entry *entry = &x->entry;
    struct import_status *s = x->status;
    s->earlier = entry->id ? entry->updated_at : S("");
    s->skipped = entry->rows;
    s->bytes = entry->bytes;
    s->whole = entry->finished && entry->bytes == s->size;
    if (s->whole)
        return true;
    bool fresh = !entry->id;
    if (fresh || entry->finished) {
        entry->bytes = fresh ? csv_offset(x->csv) : entry->bytes;
        entry->line = fresh ? csv_line(x->csv) : entry->line;
        entry->rows = entry->rejected = entry->duplicates = entry->rejects_bytes = 0;
        entry->finished = false;
        entry->file = file_name(x->arena, x->o->path);
        if (!import_ledger_start(x->db, x->scratch, x->mapping, x->file, entry, e))
            return false;
    }
    if (fresh)
        return true;
    csv_free(x->csv);
    x->csv = csv_new(&limits, entry->bytes, entry->line);
    return import_file_seek(x->file, entry->bytes, e);
}

/* The same file taken the same way; other files may be imported meanwhile. */
static bool lock_name(struct import *x, struct str *out, struct err *e) {
    char hex[DIGEST_HEX_CHARS + 1];
    int64_t size = x->status->size;
    if (!import_file_digest(x->file, size < LOCK_BYTES ? size : LOCK_BYTES, hex, e))
        return false;
    *out = str_printf(x->arena, "%.*s %s", STR_FMT(x->mapping), hex);
    return true;
}

static bool find_place(struct import *x, struct err *e) {
    struct import_status *s = x->status;
    s->size = import_file_size(x->file);
    s->resumable = s->size >= 0;
    if (!s->resumable)
        return true;
    x->mapping = mapping_of(x);
    if (!lock_name(x, &x->lock, e))
        return false;
    x->locked = import_ledger_lock(x->db, x->scratch, x->lock, e);
    return x->locked &&
           import_ledger_find(x->db, x->arena, x->mapping, x->o->again, x->file, &x->entry, e) &&
           take_up(x, e);
}

/* ---- a chunk: read, then written in one transaction */

static bool is_blank(const struct csv_row *row) {
    for (size_t i = 0; i < row->n; i++)
        if (row->field[i].n)
            return false;
    return !row->wrong;
}

static bool refuse(struct import *x, const struct csv_row *row, const char *why, struct err *e) {
    x->entry.rejected++;
    x->status->rejected++;
    x->events->on_reject(x->events->ctx, row->line, why);
    return import_rejects_add(x->rejects, row, why, e);
}

static bool take_row(struct import *x, const struct csv_row *row, struct err *e) {
    struct err why = ERR_INIT;
    if (is_blank(row))
        return true;
    x->entry.rows++;
    x->status->rows++;
    bool good = import_row_write(&x->rows, row, x->chunk_rows, x->scratch, &x->chunk, &why);
    x->chunk_rows += good;
    arena_reset(x->scratch);
    return good || refuse(x, row, why.text, e);
}

static bool read_chunk(struct import *x, struct err *e) {
    int64_t most = x->o->chunk_rows ? x->o->chunk_rows : CHUNK_ROWS;
    buf_clear(&x->chunk);
    x->chunk_rows = 0;
    for (int64_t taken = 0; taken < most && x->chunk.n < CHUNK_BYTES; taken++) {
        struct csv_row row;
        if (!next_row(x, &row, e)) {
            x->end = true;
            break;
        }
        if (!take_row(x, &row, e))
            return false;
    }
    x->entry.bytes = x->status->bytes = csv_offset(x->csv);
    x->entry.line = csv_line(x->csv);
    x->entry.finished = x->end;
    return e->kind == ERR_NONE && import_rejects_sync(x->rejects, &x->entry.rejects_bytes, e);
}

static bool copy_chunk(struct import *x, int64_t *rows, struct err *e) {
    struct str rest = buf_str(&x->chunk);
    if (!dbsync_copy_begin(x->db, import_rows_copy(&x->rows), e))
        return false;
    while (rest.n) {
        struct err in_between = ERR_INIT; /* dbsync_copy_end says it again */
        if (!dbsync_copy_data(x->db, str_sub(rest, 0, COPY_PIECE), &in_between))
            break;
        rest = str_sub(rest, COPY_PIECE, rest.n);
    }
    return dbsync_copy_end(x->db, NULL, rows, e);
}

static bool bring_rows(struct import *x, struct err *e) {
    int64_t copied = 0;
    if (x->chunk_rows == 0)
        return true;
    if (!copy_chunk(x, &copied, e))
        return false;
    if (x->map.kind == IMPORT_EVENTS) {
        x->entry.duplicates += x->chunk_rows - copied;
        return true;
    }
    return dbsync_query(x->db, &st_customers, NULL, NULL, e);
}

/* One transaction: the rows, and how far the file has been worked off. */
static bool write_chunk(struct import *x, struct err *e) {
    arena_reset(x->scratch);
    const char *begin = x->o->trigger ? "begin; set local godwit.event_mode = 2"
                                      : "begin; set local godwit.event_mode = 1";
    if (!dbsync_script(x->db, begin, e) || !bring_rows(x, e))
        return false;
    fault_point("import.rows");
    if (x->status->resumable && !import_ledger_advance(x->db, x->scratch, x->file, &x->entry, e))
        return false;
    fault_point("import.commit");
    if (!dbsync_script(x->db, "commit", e))
        return false;
    fault_point("import.committed");
    return true;
}

static bool may_try_again(const struct dbsync *db) {
    const char *state = dbsync_sqlstate(db);
    return strcmp(state, "40P01") == 0 || strcmp(state, "40001") == 0;
}

static bool commit_chunk(struct import *x, struct err *e) {
    int64_t duplicates = x->entry.duplicates;
    for (int attempt = 1;; attempt++) {
        struct err rolled_back = ERR_INIT;
        *e = ERR_INIT;
        x->entry.duplicates = duplicates;
        if (write_chunk(x, e))
            break;
        bool again = attempt < ATTEMPTS && may_try_again(x->db);
        if (!dbsync_script(x->db, "rollback", &rolled_back) || !again)
            return false;
    }
    x->status->duplicates += x->entry.duplicates - duplicates;
    x->events->on_chunk(x->events->ctx, x->status);
    return true;
}

static bool work_off(struct import *x, struct err *e) {
    while (!x->end) {
        int64_t from = csv_line(x->csv);
        if (!read_chunk(x, e) || !commit_chunk(x, e))
            return err_context(e, "lines %lld to %lld", (long long)from,
                               (long long)csv_line(x->csv) - 1);
    }
    return true;
}

/* ---- */

static bool prepare(struct import *x, struct err *e) {
    struct import_status *s = x->status;
    s->taking = import_map_describe(x->arena, &x->map);
    s->rejects = x->o->rejects.n ? x->o->rejects : import_rejects_path(x->arena, x->o->path);
    if (str_eq(s->rejects, x->o->path))
        return err_set(e, ERR_INPUT, "--rejects is the file that is imported; choose another");
    if (!find_place(x, e))
        return false;
    x->events->on_start(x->events->ctx, s);
    import_rows_init(&x->rows, x->arena, &x->map, x->o->zone, x->o->trigger);
    x->rejects = import_rejects_new(s->rejects, x->header, x->entry.rejects_bytes);
    return x->map.kind == IMPORT_EVENTS || dbsync_script(x->db, make_table, e);
}

bool import_run(struct dbsync *db, struct arena *a, const struct import_options *o,
                const struct import_events *events, struct import_status *out, struct err *e) {
    *out = (struct import_status){.size = -1};
    struct import x = {.db = db, .o = o, .events = events, .status = out, .arena = a};
    x.scratch = arena_new(0);
    *e = ERR_INIT;
    bool ok = (x.file = import_file_open(o->path, e)) != NULL;
    if (ok)
        ok = (read_header(&x, e) && prepare(&x, e) && (out->whole || work_off(&x, e))) ||
             err_context(e, "%.*s", STR_FMT(o->path));
    if (x.locked)
        import_ledger_unlock(db, x.scratch, x.lock);
    import_rejects_free(x.rejects);
    csv_free(x.csv);
    import_file_close(x.file);
    buf_close(&x.chunk);
    arena_free(x.scratch);
    return ok;
}
