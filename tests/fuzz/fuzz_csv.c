/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes, cut anywhere, give the same rows as in one piece; the reader can go on
 * from behind any row; a good row, written, reads back as the same fields; nothing
 * of the file is passed over but blank lines.
 */
#include "config.h"

#include "base/csv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct csv_limits limits = {200, 50, 8};

static void must(bool ok) {
    if (!ok)
        abort();
}

/* Adds what is read from byte `offset` on to out, fed in pieces of `piece` bytes. */
static void read_all(struct str text, size_t offset, int64_t line, size_t piece, struct buf *out) {
    struct csv *c = csv_new(&limits, (int64_t)offset, line);
    struct csv_row row;
    for (enum csv_step step; (step = csv_next(c, &row)) != CSV_END;) {
        if (step == CSV_MORE) {
            must(offset < text.n || !text.n || piece == 0);
            struct str part = str_sub(text, offset, offset + (piece ? piece : text.n));
            offset += part.n;
            csv_feed(c, part, offset == text.n);
            piece = offset == text.n ? 0 : piece;
            continue;
        }
        must(row.wrong ? row.n == 0 : row.n > 0 && row.n <= limits.fields);
        must(csv_line(c) >= row.line && row.raw.n <= 1000 + limits.row);
        buf_printf(out, "%lld %lld %lld %s", (long long)row.line, (long long)csv_offset(c),
                   (long long)csv_line(c), row.wrong ? row.wrong : "");
        for (size_t i = 0; i < row.n; i++)
            buf_printf(out, "[%.*s]", STR_FMT(row.field[i]));
        buf_add_char(out, '\n');
    }
    must((size_t)csv_offset(c) == text.n);
    csv_free(c);
}

static void reads_back(const struct csv_row *row) {
    const struct csv_limits wide = {100000, 100000, 8};
    struct buf text = BUF_HEAP;
    for (size_t i = 0; i < row->n; i++) {
        if (i)
            buf_add_char(&text, ',');
        csv_write_field(&text, row->field[i]);
    }
    struct csv *c = csv_new(&wide, 1, 1); /* behind where a mark would stand */
    struct csv_row again;
    csv_feed(c, buf_str(&text), true);
    enum csv_step step = csv_next(c, &again);
    must(step == CSV_ROW || (step == CSV_END && text.n == 0));
    if (step == CSV_ROW) {
        must(!again.wrong && again.n == row->n);
        for (size_t i = 0; i < row->n; i++)
            must(str_eq(again.field[i], row->field[i]));
    }
    csv_free(c);
    buf_close(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = str_of((const char *)data, size);
    struct buf whole = BUF_HEAP, pieces = BUF_HEAP;
    read_all(text, 0, 1, 0, &whole);
    read_all(text, 0, 1, 1 + size % 7, &pieces);
    must(str_eq(buf_str(&whole), buf_str(&pieces)));

    struct csv *c = csv_new(&limits, 0, 1);
    struct csv_row row;
    struct buf head = BUF_HEAP;
    csv_feed(c, text, true);
    for (int i = 0; i < 4 && csv_next(c, &row) == CSV_ROW; i++) {
        reads_back(&row);
        buf_clear(&pieces);
        read_all(text, (size_t)csv_offset(c), csv_line(c), 0, &pieces);
        must(str_ends(buf_str(&whole), buf_str(&pieces)));
    }
    csv_free(c);
    buf_close(&head);
    buf_close(&whole);
    buf_close(&pieces);
    return 0;
}
