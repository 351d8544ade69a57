/* SPDX-License-Identifier: Apache-2.0
 *
 * db_result: what a statement returned, read field by field (binary form).
 *
 * Rows and columns count from 0. Text and bytes point into the result and live as
 * long as the reply. A null reads as 0, false or STR_NONE: ask db_is_null where
 * the difference matters. Reading a column as a type that it does not have, or a
 * row that is not there, is a bug (assert): cast in the SQL. Any thread.
 */
#ifndef GODWIT_BASE_IO_DB_RESULT_H
#define GODWIT_BASE_IO_DB_RESULT_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db_result;

size_t db_rows(const struct db_result *r);
size_t db_columns(const struct db_result *r);
const char *db_column_name(const struct db_result *r, size_t col);
int64_t db_affected(const struct db_result *r); /* rows inserted, updated, deleted or selected */

bool db_is_null(const struct db_result *r, size_t row, size_t col);
bool db_bool(const struct db_result *r, size_t row, size_t col);
int64_t db_int(const struct db_result *r, size_t row, size_t col);   /* smallint, integer, bigint */
double db_float8(const struct db_result *r, size_t row, size_t col); /* real, double precision */
struct str db_text(const struct db_result *r, size_t row,
                   size_t col); /* text, varchar, name, char */
struct str db_bytea(const struct db_result *r, size_t row, size_t col);
struct str db_json(const struct db_result *r, size_t row, size_t col); /* json, jsonb: its text */
int64_t db_timestamptz(const struct db_result *r, size_t row, size_t col); /* us since 1970 */

#endif
