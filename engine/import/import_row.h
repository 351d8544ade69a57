/* SPDX-License-Identifier: Apache-2.0
 *
 * import_row: a row of the file as a line of COPY, or why it is refused.
 *
 * Refuses whatever the database would refuse, so that one bad row cannot undo a
 * chunk. An empty cell is a field left out. A date without a time, and a time
 * without an offset, is meant in the zone given. Pure.
 */
#ifndef GODWIT_ENGINE_IMPORT_IMPORT_ROW_H
#define GODWIT_ENGINE_IMPORT_IMPORT_ROW_H

#include "base/csv.h"
#include "engine/import/import_map.h"

struct zone;

struct import_rows {
    const struct import_map *map;
    const struct zone *zone;
    bool trigger;
    struct buf types_of;      /* the event of the last row, where a column names it */
    enum catalog_type *types; /* of each pair, for that event */
};

void import_rows_init(struct import_rows *r, struct arena *a, const struct import_map *map,
                      const struct zone *zone, bool trigger);

/* What import_row_write writes for: COPY ... FROM STDIN in text form. */
const char *import_rows_copy(const struct import_rows *r);

/* Appends the line; nth orders the rows of a chunk. False: nothing was appended, and e says what
 * is wrong with which column. Uses `scratch`, which the caller resets. */
bool import_row_write(struct import_rows *r, const struct csv_row *row, int64_t nth,
                      struct arena *scratch, struct buf *out, struct err *e) MUST_CHECK;

#endif
