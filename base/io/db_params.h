/* SPDX-License-Identifier: Apache-2.0
 *
 * db_params: parameters of a statement ($1, $2, ...) in PostgreSQL's binary form,
 * built in an arena in the order of their numbers.
 *
 * Nothing is copied twice: text and bytes of single parameters are borrowed and
 * must live until the request is done; array elements are copied. Instants are
 * microseconds since 1970 UTC; INT64_MIN and INT64_MAX are -infinity and infinity.
 * Text must be UTF-8 without NUL, jsonb valid JSON: else the server refuses the
 * request (ERR_INPUT). Any thread.
 *
 *     struct db_params *p = db_params(arena);
 *     db_param_int2(p, shard);
 *     db_param_array(p, ids);          -- unnest($2::bigint[])
 */
#ifndef GODWIT_BASE_IO_DB_PARAMS_H
#define GODWIT_BASE_IO_DB_PARAMS_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct db_params;
struct db_array;

enum db_type {
    DB_BOOL,
    DB_INT2,
    DB_INT4,
    DB_INT8,
    DB_FLOAT8,
    DB_TEXT,
    DB_BYTEA,
    DB_JSONB,
    DB_TIMESTAMPTZ,
};

struct db_params *db_params(struct arena *a);

void db_param_bool(struct db_params *p, bool v);
void db_param_int2(struct db_params *p, int16_t v);
void db_param_int4(struct db_params *p, int32_t v);
void db_param_int8(struct db_params *p, int64_t v);
void db_param_float8(struct db_params *p, double v);
void db_param_text(struct db_params *p, struct str v); /* p NULL: null; "" is an empty text */
void db_param_bytea(struct db_params *p, struct str v);
void db_param_jsonb(struct db_params *p, struct str v);
void db_param_timestamptz(struct db_params *p, int64_t us);
void db_param_null(struct db_params *p, enum db_type type);

/* An array of one dimension, filled element by element: a column of a batch, to be
 * unfolded with unnest(). `expect` is a hint for the number of elements. Adding a
 * value of another type than the array's is a bug (assert). */
struct db_array *db_array(struct arena *a, enum db_type type, size_t expect);
size_t db_array_count(const struct db_array *array);

void db_array_bool(struct db_array *array, bool v);
void db_array_int2(struct db_array *array, int16_t v);
void db_array_int4(struct db_array *array, int32_t v);
void db_array_int8(struct db_array *array, int64_t v);
void db_array_float8(struct db_array *array, double v);
void db_array_text(struct db_array *array, struct str v); /* p NULL: a null element */
void db_array_bytea(struct db_array *array, struct str v);
void db_array_jsonb(struct db_array *array, struct str v);
void db_array_timestamptz(struct db_array *array, int64_t us);
void db_array_null(struct db_array *array);
void db_array_text_or_null(struct db_array *array, struct str v); /* empty: a null element */
/* An element that is null when `us` is `absent`. */
void db_array_timestamptz_unless(struct db_array *array, int64_t us, int64_t absent);

/* Puts the array in as the next parameter; nothing may be added to it afterwards. */
void db_param_array(struct db_params *p, struct db_array *array);

#endif
