/* SPDX-License-Identifier: Apache-2.0
 *
 * import_rejects: the rows that were refused, in a CSV file of their own: line,
 * reason, and the row as it was under the columns of the imported file, so that it
 * can be mended there and imported with the same options. A row that is no good CSV
 * stands in one cell.
 *
 * The file is made with the first refusal. What an interrupted import had written
 * beyond its last commit is cut off when it goes on. One thread; blocks.
 */
#ifndef GODWIT_ENGINE_IMPORT_IMPORT_REJECTS_H
#define GODWIT_ENGINE_IMPORT_IMPORT_REJECTS_H

#include "base/csv.h"
#include "base/err.h"

#include <stdint.h>

struct import_rejects;

/* `header`: the first line of the imported file. `bytes`: how much of the file at `path` an earlier
 * run has committed; 0 begins anew. */
struct import_rejects *import_rejects_new(struct str path, struct str header, int64_t bytes);
void import_rejects_free(struct import_rejects *r); /* NULL is fine */

bool import_rejects_add(struct import_rejects *r, const struct csv_row *row, const char *reason,
                        struct err *e) MUST_CHECK;

/* All that was added is on the disk; *bytes: how much that is. */
bool import_rejects_sync(struct import_rejects *r, int64_t *bytes, struct err *e) MUST_CHECK;

/* people.csv -> people.rejected.csv; - -> import.rejected.csv */
struct str import_rejects_path(struct arena *a, struct str path);

#endif
