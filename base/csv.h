/* SPDX-License-Identifier: Apache-2.0
 *
 * csv: rows out of the bytes of a CSV file (RFC 4180), as they come.
 *
 * Reads commas, quoted fields with doubled quotes and line ends in them, LF and
 * CRLF, a byte order mark at the beginning, a last line without an end. A quote
 * inside a field that does not begin with one stands for itself. Knows nothing of
 * headers; blank lines are skipped. Pure; one thread.
 *
 * Memory is bounded by the limits. A row that is broken (a quote never closed, text
 * behind a closing quote, too long, not UTF-8, a NUL) comes with `wrong` set and
 * costs one line of the file, its first: reading goes on behind that line, so that
 * one stray quote cannot swallow the rest.
 */
#ifndef GODWIT_BASE_CSV_H
#define GODWIT_BASE_CSV_H

#include "base/str.h"

struct csv;

struct csv_limits {
    size_t row;    /* bytes of a row as it stands in the file */
    size_t field;  /* bytes of a field's content */
    size_t fields; /* in a row */
};

/* What csv_next found; lives until the next call of a function here. */
struct csv_row {
    int64_t line;            /* where the row begins, from 1 */
    const struct str *field; /* the n fields, quotes taken off; none when `wrong` is set */
    size_t n;
    const char *wrong; /* what is wrong with the row, a clause; NULL: nothing */
    struct str raw;    /* as in the file, without its line end; of a row too long its beginning */
};

enum csv_step {
    CSV_ROW,
    CSV_MORE, /* feed again */
    CSV_END
};

/* A reader at byte `offset` of a file, where line `line` begins (0 and 1: at its start). */
struct csv *csv_new(const struct csv_limits *limits, int64_t offset, int64_t line);
void csv_free(struct csv *c); /* NULL is fine */

/* The next bytes of the file (copied); `last`: none follow. */
void csv_feed(struct csv *c, struct str bytes, bool last);

enum csv_step csv_next(struct csv *c, struct csv_row *row);

/* Behind the last row that was returned: bytes of the file, and the next row's line. */
int64_t csv_offset(const struct csv *c);
int64_t csv_line(const struct csv *c);

/* Writes text as one field, quoted where it must be. */
void csv_write_field(struct buf *out, struct str text);

#endif
