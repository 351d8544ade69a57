/* SPDX-License-Identifier: Apache-2.0
 *
 * value: the one dynamic value of JSON, YAML, CEL and Liquid data.
 *
 * 16 bytes, passed by value. What it points at (text, lists, maps) lives in an
 * arena and is immutable once built: whoever builds a list or map finishes it
 * before handing it out. A zeroed value is null. Nothing here knows a language:
 * equality and conversion rules belong to rules/ and templates/.
 */
#ifndef GODWIT_BASE_VALUE_H
#define GODWIT_BASE_VALUE_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct list;
struct map;

enum value_type {
    V_NULL,
    V_BOOL,
    V_INT,  /* int64 */
    V_UINT, /* uint64: CEL only */
    V_DOUBLE,
    V_STRING, /* UTF-8, u.p with aux bytes */
    V_BYTES,  /* u.p with aux bytes */
    V_LIST,
    V_MAP,       /* ordered as inserted */
    V_TIMESTAMP, /* u.i seconds since 1970 UTC, aux nanoseconds 0..999999999 */
    V_DURATION,  /* u.i nanoseconds */
    V_OWN = 32   /* from here on: types private to one room, u.ext points at them */
};

struct value {
    uint8_t type;
    uint8_t flags; /* private to the room that made the value; 0 in base */
    uint16_t spare;
    uint32_t aux;
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
        const char *p;
        const struct list *list;
        const struct map *map;
        const void *ext;
    } u;
};

struct list {
    size_t n;
    size_t cap;
    struct value *v;
};

struct map_entry {
    struct value key; /* V_STRING in data; V_INT, V_UINT, V_BOOL too in CEL */
    struct value value;
};

struct map {
    size_t n;
    size_t cap;
    struct map_entry *e; /* in order of insertion */
    uint32_t *index;     /* hash index, made when n passes 8; NULL before */
    size_t index_cap;
};

#define VALUE_NULL ((struct value){0})

static inline struct value value_bool(bool b) {
    return (struct value){.type = V_BOOL, .u.b = b};
}
static inline struct value value_int(int64_t i) {
    return (struct value){.type = V_INT, .u.i = i};
}
static inline struct value value_uint(uint64_t u) {
    return (struct value){.type = V_UINT, .u.u = u};
}
static inline struct value value_double(double d) {
    return (struct value){.type = V_DOUBLE, .u.d = d};
}
/* Borrows the bytes; at most UINT32_MAX of them. */
static inline struct value value_str(struct str s) {
    return (struct value){.type = V_STRING, .aux = (uint32_t)s.n, .u.p = s.p};
}
static inline struct value value_bytes(struct str s) {
    return (struct value){.type = V_BYTES, .aux = (uint32_t)s.n, .u.p = s.p};
}
static inline struct value value_list(const struct list *l) {
    return (struct value){.type = V_LIST, .u.list = l};
}
static inline struct value value_map(const struct map *m) {
    return (struct value){.type = V_MAP, .u.map = m};
}
static inline struct value value_timestamp(int64_t seconds, uint32_t nanos) {
    return (struct value){.type = V_TIMESTAMP, .aux = nanos, .u.i = seconds};
}
static inline struct value value_duration(int64_t nanos) {
    return (struct value){.type = V_DURATION, .u.i = nanos};
}
/* The text of a V_STRING or V_BYTES. */
static inline struct str value_text(struct value v) {
    return str_of(v.u.p, v.aux);
}
static inline bool value_is(struct value v, enum value_type t) {
    return v.type == t;
}

const char *value_type_name(enum value_type t); /* "null", "bool", "int", ... */

struct list *list_new(struct arena *a, size_t cap);
void list_add(struct arena *a, struct list *l, struct value v);

struct map *map_new(struct arena *a, size_t cap);
/* Adds, or replaces the value under a key that is there (its place stays). */
void map_set(struct arena *a, struct map *m, struct value key, struct value v);
void map_set_str(struct arena *a, struct map *m, struct str key, struct value v);
/* The value under the key, or NULL. Keys are equal when type and content are
 * (an int 1 and a uint 1 are two keys here). */
const struct value *map_get(const struct map *m, struct value key);
const struct value *map_get_str(const struct map *m, struct str key);
/* The same for a key looked up again and again: `hash` is str_hash(key). */
const struct value *map_get_hashed(const struct map *m, struct str key, uint64_t hash);

/* Walks "a.b.c" through maps; NULL when a step is missing. */
const struct value *value_path(const struct value *v, struct str dotted);

/* A copy that shares nothing with the original; V_OWN types are not allowed. */
struct value value_copy(struct arena *a, struct value v);

#endif
