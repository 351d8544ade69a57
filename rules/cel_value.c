/* SPDX-License-Identifier: Apache-2.0
 *
 * What CEL says about values: equality and order (numbers of different types on
 * one number line), keys of maps, types as values, optionals.
 */
#include "config.h"

#include "rules/cel_internal.h"

#include "base/wallclock.h"

#include <math.h>

#define TWO63 9223372036854775808.0
#define TWO64 18446744073709551616.0

static bool is_number(struct value v) {
    return v.type == V_INT || v.type == V_UINT || v.type == V_DOUBLE;
}

/* ---- order */
static int order(bool less, bool greater) {
    return greater - less;
}

/* Exact, but for one thing that the conformance suite fixes: the double just past
 * the largest int equals the ints that round to it; so for uint. */
static int compare_int_double(int64_t i, double d) {
    if (isnan(d))
        return 2;
    if (d >= TWO63)
        return d == TWO63 && (double)i == d ? 0 : -1;
    if (d < -TWO63)
        return 1;
    int64_t whole = (int64_t)d;
    if (i != whole)
        return order(i<whole, i> whole);
    double rest = d - (double)whole;
    return order(rest > 0, rest < 0);
}

static int compare_uint_double(uint64_t u, double d) {
    if (isnan(d))
        return 2;
    if (d >= TWO64)
        return d == TWO64 && (double)u == d ? 0 : -1;
    if (d < 0)
        return 1;
    uint64_t whole = (uint64_t)d;
    if (u != whole)
        return order(u<whole, u> whole);
    return d - (double)whole > 0 ? -1 : 0;
}

static int flip(int c) {
    return c == 1 || c == -1 ? -c : c;
}

static int compare_numbers(struct value a, struct value b) {
    if (a.type == V_DOUBLE && b.type == V_DOUBLE)
        return isnan(a.u.d) || isnan(b.u.d) ? 2 : order(a.u.d<b.u.d, a.u.d> b.u.d);
    if (a.type == V_INT && b.type == V_INT)
        return order(a.u.i<b.u.i, a.u.i> b.u.i);
    if (a.type == V_UINT && b.type == V_UINT)
        return order(a.u.u<b.u.u, a.u.u> b.u.u);
    if (b.type == V_DOUBLE)
        return a.type == V_INT ? compare_int_double(a.u.i, b.u.d)
                               : compare_uint_double(a.u.u, b.u.d);
    if (a.type == V_DOUBLE)
        return flip(compare_numbers(b, a));
    if (a.type == V_UINT)
        return flip(compare_numbers(b, a));
    return a.u.i < 0 ? -1 : order((uint64_t)a.u.i<b.u.u, (uint64_t)a.u.i> b.u.u);
}

int cel_compare(struct value a, struct value b) {
    if (is_number(a) && is_number(b))
        return compare_numbers(a, b);
    if (a.type != b.type)
        return 3;
    switch (a.type) {
    case V_STRING:
    case V_BYTES: {
        int c = str_cmp(value_text(a), value_text(b));
        return order(c<0, c> 0);
    }
    case V_BOOL:
        return order(a.u.b<b.u.b, a.u.b> b.u.b);
    case V_TIMESTAMP:
        if (a.u.i != b.u.i)
            return order(a.u.i<b.u.i, a.u.i> b.u.i);
        return order(a.aux<b.aux, a.aux> b.aux);
    case V_DURATION:
        return order(a.u.i<b.u.i, a.u.i> b.u.i);
    default:
        return 3;
    }
}

/* ---- equality */
static bool equal_lists(const struct list *a, const struct list *b, int64_t *steps) {
    if (a->n != b->n || (*steps -= (int64_t)a->n) < 0)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!cel_equal(a->v[i], b->v[i], steps))
            return false;
    return true;
}

static bool equal_maps(const struct map *a, const struct map *b, int64_t *steps) {
    if (a->n != b->n || (*steps -= (int64_t)a->n) < 0)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct value *other = cel_map_find(b, a->e[i].key);
        if (!other || !cel_equal(a->e[i].value, *other, steps))
            return false;
    }
    return true;
}

static bool equal_optionals(struct value a, struct value b, int64_t *steps) {
    const struct value *x = cel_optional_value(a), *y = cel_optional_value(b);
    return x && y ? cel_equal(*x, *y, steps) : x == y;
}

bool cel_equal(struct value a, struct value b, int64_t *steps) {
    if (is_number(a) && is_number(b))
        return compare_numbers(a, b) == 0;
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case V_NULL:
        return true;
    case V_STRING:
    case V_BYTES:
        *steps -= a.aux / 64;
        return str_eq(value_text(a), value_text(b));
    case V_LIST:
        return equal_lists(a.u.list, b.u.list, steps);
    case V_MAP:
        return equal_maps(a.u.map, b.u.map, steps);
    case CEL_V_TYPE:
        return a.u.i == b.u.i;
    case CEL_V_OPTIONAL:
        return equal_optionals(a, b, steps);
    default:
        return cel_compare(a, b) == 0;
    }
}

/* ---- keys of maps */
bool cel_is_map_key(struct value v) {
    return v.type == V_STRING || v.type == V_INT || v.type == V_UINT || v.type == V_BOOL;
}

/* The same number as another type, if it has one there. */
static bool as_int(struct value v, struct value *out) {
    if (v.type == V_UINT && v.u.u <= INT64_MAX)
        *out = value_int((int64_t)v.u.u);
    else if (v.type == V_DOUBLE && v.u.d >= -TWO63 && v.u.d < TWO63 && v.u.d == trunc(v.u.d))
        *out = value_int((int64_t)v.u.d);
    else
        return false;
    return true;
}

static bool as_uint(struct value v, struct value *out) {
    if (v.type == V_INT && v.u.i >= 0)
        *out = value_uint((uint64_t)v.u.i);
    else if (v.type == V_DOUBLE && v.u.d >= 0 && v.u.d < TWO64 && v.u.d == trunc(v.u.d))
        *out = value_uint((uint64_t)v.u.d);
    else
        return false;
    return true;
}

const struct value *cel_map_find(const struct map *m, struct value key) {
    struct value other;
    const struct value *v = cel_is_map_key(key) ? map_get(m, key) : NULL;
    if (!v && as_int(key, &other))
        v = map_get(m, other);
    if (!v && as_uint(key, &other))
        v = map_get(m, other);
    return v;
}

/* ---- types as values */
static const char *const type_names[] = {"dyn",
                                         "null_type",
                                         "bool",
                                         "int",
                                         "uint",
                                         "double",
                                         "string",
                                         "bytes",
                                         "google.protobuf.Timestamp",
                                         "google.protobuf.Duration",
                                         "list",
                                         "map",
                                         "type",
                                         "optional_type"};

enum cel_kind cel_kind_of(struct value v) {
    switch (v.type) {
    case V_NULL:
        return CEL_NULL;
    case V_BOOL:
        return CEL_BOOL;
    case V_INT:
        return CEL_INT;
    case V_UINT:
        return CEL_UINT;
    case V_DOUBLE:
        return CEL_DOUBLE;
    case V_STRING:
        return CEL_STRING;
    case V_BYTES:
        return CEL_BYTES;
    case V_LIST:
        return CEL_LIST;
    case V_MAP:
        return CEL_MAP;
    case V_TIMESTAMP:
        return CEL_TIMESTAMP;
    case V_DURATION:
        return CEL_DURATION;
    case CEL_V_TYPE:
        return CEL_TYPE;
    case CEL_V_OPTIONAL:
        return CEL_OPTIONAL;
    default:
        return CEL_DYN;
    }
}

struct value cel_type_value(enum cel_kind k) {
    return (struct value){.type = CEL_V_TYPE, .u.i = k};
}

struct str cel_type_value_name(struct value v) {
    return str_from(type_names[v.u.i]);
}

bool cel_type_by_name(struct str name, struct value *out) {
    for (size_t i = CEL_NULL; i < sizeof type_names / sizeof *type_names; i++)
        if (str_eq(name, str_from(type_names[i]))) {
            *out = cel_type_value((enum cel_kind)i);
            return true;
        }
    return false;
}

/* ---- optionals */
struct value cel_optional(struct arena *a, struct value v) {
    struct value *copy = ARENA_NEW(a, struct value);
    *copy = v;
    return (struct value){.type = CEL_V_OPTIONAL, .u.ext = copy};
}

struct value cel_optional_none(void) {
    return (struct value){.type = CEL_V_OPTIONAL};
}

const struct value *cel_optional_value(struct value optional) {
    return optional.u.ext;
}

bool cel_is_zero_value(struct value v) {
    switch (v.type) {
    case V_NULL:
        return true;
    case V_BOOL:
        return !v.u.b;
    case V_DOUBLE:
        return v.u.d == 0;
    case V_STRING:
    case V_BYTES:
        return v.aux == 0;
    case V_LIST:
        return v.u.list->n == 0;
    case V_MAP:
        return v.u.map->n == 0;
    case V_INT:
    case V_UINT:
    case V_DURATION:
        return v.u.i == 0;
    case V_TIMESTAMP:
        return v.u.i == 0 && v.aux == 0;
    case CEL_V_OPTIONAL:
        return !v.u.ext;
    default:
        return false;
    }
}

/* ---- data read as a declared type */
static bool coerce_number(const struct cel_type *t, struct value *v) {
    struct value other;
    if (t->kind == CEL_DOUBLE && (v->type == V_INT || v->type == V_UINT)) {
        *v = value_double(v->type == V_INT ? (double)v->u.i : (double)v->u.u);
        return true;
    }
    if (t->kind == CEL_INT && as_int(*v, &other)) {
        *v = other;
        return true;
    }
    if (t->kind == CEL_UINT && as_uint(*v, &other)) {
        *v = other;
        return true;
    }
    return false;
}

static bool coerce_list(struct arena *a, const struct cel_type *t, struct value *v) {
    const struct list *from = v->u.list;
    struct list *l = list_new(a, from->n);
    for (size_t i = 0; i < from->n; i++) {
        struct value e = from->v[i];
        if (!cel_coerce(a, t->element, &e))
            return false;
        list_add(a, l, e);
    }
    *v = value_list(l);
    return true;
}

bool cel_coerce(struct arena *a, const struct cel_type *t, struct value *v) {
    if (t->kind == CEL_DYN || v->type == V_NULL)
        return true;
    if (cel_kind_of(*v) == t->kind)
        return t->kind == CEL_LIST && t->element && t->element->kind != CEL_DYN
                   ? coerce_list(a, t, v)
                   : true;
    if (v->type != V_STRING)
        return coerce_number(t, v);
    int64_t nanos;
    if (t->kind == CEL_TIMESTAMP)
        return cel_parse_timestamp(value_text(*v), v);
    if (t->kind != CEL_DURATION || !cel_parse_duration(value_text(*v), &nanos))
        return false;
    *v = value_duration(nanos);
    return true;
}

/* ---- kinds and static types */
static const struct cel_type types[] = {{CEL_DYN},       {CEL_NULL},     {CEL_BOOL},   {CEL_INT},
                                        {CEL_UINT},      {CEL_DOUBLE},   {CEL_STRING}, {CEL_BYTES},
                                        {CEL_TIMESTAMP}, {CEL_DURATION}, {CEL_LIST},   {CEL_MAP},
                                        {CEL_TYPE},      {CEL_OPTIONAL}};
static const char *const kind_names[] = {"dyn",    "null",   "bool",  "int",       "uint",
                                         "double", "string", "bytes", "timestamp", "duration",
                                         "list",   "map",    "type",  "optional"};

const struct cel_type *cel_type_of(enum cel_kind kind) {
    return &types[kind];
}

const char *cel_kind_name(enum cel_kind kind) {
    return kind_names[kind];
}

bool cel_kind_parse(struct str name, enum cel_kind *out) {
    for (size_t i = 0; i < sizeof kind_names / sizeof *kind_names; i++)
        if (str_eq(name, str_from(kind_names[i]))) {
            *out = (enum cel_kind)i;
            return true;
        }
    return false;
}
