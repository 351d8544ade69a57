/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/db_result.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdlib.h>

#define EPOCH_US INT64_C(946684800000000)

/* Oids of the catalogue that are read here; they never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_CHAR = 18,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_UNKNOWN = 705,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_TIMESTAMPTZ = 1184,
    OID_JSONB = 3802
};

/* A struct db_result is libpq's PGresult under a name of ours. */
static const PGresult *of(const struct db_result *r) {
    return (const PGresult *)(const void *)r;
}

size_t db_rows(const struct db_result *r) {
    return (size_t)PQntuples(of(r));
}

size_t db_columns(const struct db_result *r) {
    return (size_t)PQnfields(of(r));
}

const char *db_column_name(const struct db_result *r, size_t col) {
    return PQfname(of(r), (int)col);
}

int64_t db_affected(const struct db_result *r) {
    int64_t n = 0;
    const char *text = PQcmdTuples((PGresult *)(uintptr_t)of(r)); /* libpq forgot the const */
    return str_to_int64(str_from(text), &n) ? n : 0;
}

/* The bytes of a field, or p NULL. */
static struct str field(const struct db_result *r, size_t row, size_t col) {
    const PGresult *res = of(r);
    assert(row < (size_t)PQntuples(res) && col < (size_t)PQnfields(res));
    assert(PQfformat(res, (int)col) == 1);
    if (PQgetisnull(res, (int)row, (int)col))
        return STR_NONE;
    return str_of(PQgetvalue(res, (int)row, (int)col),
                  (size_t)PQgetlength(res, (int)row, (int)col));
}

static uint64_t get_be(struct str s) {
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++)
        v = v << 8 | (unsigned char)s.p[i];
    return v;
}

bool db_is_null(const struct db_result *r, size_t row, size_t col) {
    return !field(r, row, col).p;
}

bool db_bool(const struct db_result *r, size_t row, size_t col) {
    assert(PQftype(of(r), (int)col) == OID_BOOL);
    return get_be(field(r, row, col)) != 0;
}

int64_t db_int(const struct db_result *r, size_t row, size_t col) {
    uint64_t v = get_be(field(r, row, col));
    switch (PQftype(of(r), (int)col)) {
    case OID_INT2:
        return (int16_t)v;
    case OID_INT4:
        return (int32_t)v;
    default:
        assert(PQftype(of(r), (int)col) == OID_INT8);
        return (int64_t)v;
    }
}

double db_float8(const struct db_result *r, size_t row, size_t col) {
    uint64_t v = get_be(field(r, row, col));
    if (PQftype(of(r), (int)col) == OID_FLOAT4) {
        uint32_t bits = (uint32_t)v;
        float f;
        memcpy(&f, &bits, sizeof f);
        return f;
    }
    assert(PQftype(of(r), (int)col) == OID_FLOAT8);
    double d;
    memcpy(&d, &v, sizeof d);
    return d;
}

struct str db_text(const struct db_result *r, size_t row, size_t col) {
    switch (PQftype(of(r), (int)col)) {
    case OID_TEXT:
    case OID_VARCHAR:
    case OID_BPCHAR:
    case OID_NAME:
    case OID_CHAR:
    case OID_UNKNOWN:
        return field(r, row, col);
    default:
        assert(!"db_text: not a text column; cast it in the SQL");
        return STR_NONE;
    }
}

struct str db_bytea(const struct db_result *r, size_t row, size_t col) {
    assert(PQftype(of(r), (int)col) == OID_BYTEA);
    return field(r, row, col);
}

struct str db_json(const struct db_result *r, size_t row, size_t col) {
    struct str s = field(r, row, col);
    if (PQftype(of(r), (int)col) == OID_JSON || !s.p)
        return s;
    assert(PQftype(of(r), (int)col) == OID_JSONB);
    assert(s.n >= 1 && s.p[0] == 1); /* version of jsonb's wire form */
    return str_of(s.p + 1, s.n - 1);
}

int64_t db_timestamptz(const struct db_result *r, size_t row, size_t col) {
    assert(PQftype(of(r), (int)col) == OID_TIMESTAMPTZ);
    struct str s = field(r, row, col);
    if (!s.p)
        return 0;
    int64_t v = (int64_t)get_be(s);
    if (v == INT64_MIN || v == INT64_MAX)
        return v; /* the infinities */
    return v + EPOCH_US;
}
