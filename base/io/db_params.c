/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/db_params.h"

#include "base/arena.h"
#include "base/io/db_params_internal.h"

#include <assert.h>
#include <stdlib.h>

#define EPOCH_US INT64_C(946684800000000) /* 2000-01-01, where PostgreSQL counts from */
#define ARRAY_HEADER 20                   /* dimensions, has nulls, type, size, lower bound */

/* By enum db_type: the types of PostgreSQL's catalogue, which never change. */
static const struct {
    uint32_t oid, array;
    int size; /* of a value; 0: varies */
} types[] = {
    [DB_BOOL] = {16, 1000, 1},  [DB_INT2] = {21, 1005, 2},    [DB_INT4] = {23, 1007, 4},
    [DB_INT8] = {20, 1016, 8},  [DB_FLOAT8] = {701, 1022, 8}, [DB_TEXT] = {25, 1009, 0},
    [DB_BYTEA] = {17, 1001, 0}, [DB_JSONB] = {3802, 3807, 0}, [DB_TIMESTAMPTZ] = {1184, 1185, 8},
};

struct db_array {
    enum db_type type;
    uint32_t n;
    bool nulls;
    struct buf data; /* wire form, header first */
};

static void put_be(char *to, uint64_t v, int bytes) {
    for (int i = bytes - 1; i >= 0; i--, v >>= 8)
        to[i] = (char)(v & 0xff);
}

static uint64_t wire_timestamp(int64_t us) {
    if (us == INT64_MAX || us == INT64_MIN)
        return (uint64_t)us;
    return (uint64_t)(us < INT64_MIN + EPOCH_US ? INT64_MIN : us - EPOCH_US);
}

static uint64_t wire_float8(double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

struct db_params *db_params(struct arena *a) {
    struct db_params *p = ARENA_NEW(a, struct db_params);
    p->arena = a;
    return p;
}

static void grow(struct db_params *p) {
    size_t cap = p->cap ? p->cap * 2 : 8;
    p->type = arena_grow(p->arena, p->type, p->cap * sizeof *p->type, cap * sizeof *p->type);
    p->value = arena_grow(p->arena, p->value, p->cap * sizeof *p->value, cap * sizeof *p->value);
    p->length =
        arena_grow(p->arena, p->length, p->cap * sizeof *p->length, cap * sizeof *p->length);
    p->format =
        arena_grow(p->arena, p->format, p->cap * sizeof *p->format, cap * sizeof *p->format);
    p->cap = cap;
}

static void add(struct db_params *p, uint32_t oid, const char *value, size_t n) {
    assert(n <= DB_PARAM_MAX);
    if (p->n == p->cap)
        grow(p);
    p->type[p->n] = oid;
    p->value[p->n] = value;
    p->length[p->n] = (int)n;
    p->format[p->n] = 1;
    p->n++;
    p->bytes += n;
}

static void add_fixed(struct db_params *p, enum db_type type, uint64_t v) {
    char *to = arena_alloc(p->arena, 8);
    put_be(to, v, types[type].size);
    add(p, types[type].oid, to, (size_t)types[type].size);
}

void db_param_bool(struct db_params *p, bool v) {
    add_fixed(p, DB_BOOL, v);
}

void db_param_int2(struct db_params *p, int16_t v) {
    add_fixed(p, DB_INT2, (uint64_t)v);
}

void db_param_int4(struct db_params *p, int32_t v) {
    add_fixed(p, DB_INT4, (uint64_t)v);
}

void db_param_int8(struct db_params *p, int64_t v) {
    add_fixed(p, DB_INT8, (uint64_t)v);
}

void db_param_float8(struct db_params *p, double v) {
    add_fixed(p, DB_FLOAT8, wire_float8(v));
}

void db_param_timestamptz(struct db_params *p, int64_t us) {
    add_fixed(p, DB_TIMESTAMPTZ, wire_timestamp(us));
}

void db_param_text(struct db_params *p, struct str v) {
    add(p, types[DB_TEXT].oid, v.p, v.n);
}

void db_param_bytea(struct db_params *p, struct str v) {
    add(p, types[DB_BYTEA].oid, v.p, v.n);
}

void db_param_jsonb(struct db_params *p, struct str v) {
    if (!v.p) {
        db_param_null(p, DB_JSONB);
        return;
    }
    char *to = arena_alloc(p->arena, v.n + 1);
    to[0] = 1; /* version of jsonb's wire form */
    memcpy(to + 1, v.p, v.n);
    add(p, types[DB_JSONB].oid, to, v.n + 1);
}

void db_param_null(struct db_params *p, enum db_type type) {
    add(p, types[type].oid, NULL, 0);
}

/* ---- arrays */

struct db_array *db_array(struct arena *a, enum db_type type, size_t expect) {
    struct db_array *array = ARENA_NEW(a, struct db_array);
    array->type = type;
    array->data = BUF_IN(a);
    size_t each = 4 + (size_t)(types[type].size ? types[type].size : 24);
    if (expect > 1u << 20)
        expect = 1u << 20;
    buf_reserve(&array->data, ARRAY_HEADER + expect * each);
    array->data.n = ARRAY_HEADER;
    return array;
}

size_t db_array_count(const struct db_array *array) {
    return array->n;
}

/* Room for an element of n bytes, its length written. */
static char *element(struct db_array *array, enum db_type type, size_t n) {
    assert(array->type == type);
    assert(array->data.n + n + 4 <= DB_PARAM_MAX);
    char *to = buf_reserve(&array->data, n + 4);
    put_be(to, n, 4);
    array->data.n += n + 4;
    array->n++;
    return to + 4;
}

static void element_fixed(struct db_array *array, enum db_type type, uint64_t v) {
    put_be(element(array, type, (size_t)types[type].size), v, types[type].size);
}

void db_array_bool(struct db_array *array, bool v) {
    element_fixed(array, DB_BOOL, v);
}

void db_array_int2(struct db_array *array, int16_t v) {
    element_fixed(array, DB_INT2, (uint64_t)v);
}

void db_array_int4(struct db_array *array, int32_t v) {
    element_fixed(array, DB_INT4, (uint64_t)v);
}

void db_array_int8(struct db_array *array, int64_t v) {
    element_fixed(array, DB_INT8, (uint64_t)v);
}

void db_array_float8(struct db_array *array, double v) {
    element_fixed(array, DB_FLOAT8, wire_float8(v));
}

void db_array_timestamptz(struct db_array *array, int64_t us) {
    element_fixed(array, DB_TIMESTAMPTZ, wire_timestamp(us));
}

static void element_bytes(struct db_array *array, enum db_type type, struct str v) {
    if (!v.p) {
        db_array_null(array);
        return;
    }
    char *to = element(array, type, v.n);
    if (v.n)
        memcpy(to, v.p, v.n);
}

void db_array_text(struct db_array *array, struct str v) {
    element_bytes(array, DB_TEXT, v);
}

void db_array_bytea(struct db_array *array, struct str v) {
    element_bytes(array, DB_BYTEA, v);
}

void db_array_jsonb(struct db_array *array, struct str v) {
    if (!v.p) {
        db_array_null(array);
        return;
    }
    char *to = element(array, DB_JSONB, v.n + 1);
    to[0] = 1;
    memcpy(to + 1, v.p, v.n);
}

void db_array_null(struct db_array *array) {
    put_be(buf_reserve(&array->data, 4), UINT32_MAX, 4);
    array->data.n += 4;
    array->nulls = true;
    array->n++;
}

void db_array_text_or_null(struct db_array *array, struct str v) {
    db_array_text(array, v.n ? v : STR_NONE);
}

void db_array_timestamptz_unless(struct db_array *array, int64_t us, int64_t absent) {
    if (us == absent)
        db_array_null(array);
    else
        db_array_timestamptz(array, us);
}

void db_param_array(struct db_params *p, struct db_array *array) {
    char *head = array->data.p;
    put_be(head, array->n ? 1 : 0, 4); /* an empty array has no dimension */
    put_be(head + 4, array->nulls, 4);
    put_be(head + 8, types[array->type].oid, 4);
    put_be(head + 12, array->n, 4);
    put_be(head + 16, 1, 4);
    add(p, types[array->type].array, head, array->n ? array->data.n : 12);
}
