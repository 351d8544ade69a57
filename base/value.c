/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/value.h"

#include "base/arena.h"

#include <assert.h>

#define INDEX_FROM 8u /* entries up to which a linear search is faster */

const char *value_type_name(enum value_type t) {
    static const char *const names[] = {"null",  "bool", "int", "uint",      "double",  "string",
                                        "bytes", "list", "map", "timestamp", "duration"};
    return t < sizeof names / sizeof *names ? names[t] : "opaque";
}

struct list *list_new(struct arena *a, size_t cap) {
    struct list *l = ARENA_NEW(a, struct list);
    if (cap) {
        l->v = arena_alloc(a, cap * sizeof *l->v);
        l->cap = cap;
    }
    return l;
}

void list_add(struct arena *a, struct list *l, struct value v) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 4;
        l->v = arena_grow(a, l->v, l->cap * sizeof *l->v, cap * sizeof *l->v);
        l->cap = cap;
    }
    l->v[l->n++] = v;
}

struct map *map_new(struct arena *a, size_t cap) {
    struct map *m = ARENA_NEW(a, struct map);
    if (cap) {
        m->e = arena_alloc(a, cap * sizeof *m->e);
        m->cap = cap;
    }
    return m;
}

static bool key_eq(struct value a, struct value b) {
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case V_STRING:
    case V_BYTES:
        return a.aux == b.aux && (a.aux == 0 || memcmp(a.u.p, b.u.p, a.aux) == 0);
    case V_BOOL:
        return a.u.b == b.u.b;
    default:
        return a.u.u == b.u.u && a.aux == b.aux;
    }
}

static uint64_t key_hash(struct value k) {
    if (k.type == V_STRING || k.type == V_BYTES)
        return str_hash(value_text(k));
    uint64_t u = k.type == V_BOOL ? k.u.b : k.u.u;
    return str_hash(str_of((const char *)&u, sizeof u)) + k.type;
}

static void index_put(struct map *m, size_t at) {
    size_t mask = m->index_cap - 1;
    size_t i = key_hash(m->e[at].key) & mask;
    while (m->index[i])
        i = (i + 1) & mask;
    m->index[i] = (uint32_t)at + 1;
}

static void index_build(struct arena *a, struct map *m, size_t cap) {
    m->index = ARENA_ARRAY(a, uint32_t, cap);
    m->index_cap = cap;
    for (size_t i = 0; i < m->n; i++)
        index_put(m, i);
}

static struct map_entry *find(const struct map *m, struct value key) {
    if (!m->index) {
        for (size_t i = 0; i < m->n; i++)
            if (key_eq(m->e[i].key, key))
                return &m->e[i];
        return NULL;
    }
    size_t mask = m->index_cap - 1;
    for (size_t i = key_hash(key) & mask; m->index[i]; i = (i + 1) & mask)
        if (key_eq(m->e[m->index[i] - 1].key, key))
            return &m->e[m->index[i] - 1];
    return NULL;
}

void map_set(struct arena *a, struct map *m, struct value key, struct value v) {
    struct map_entry *there = find(m, key);
    if (there) {
        there->value = v;
        return;
    }
    if (m->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 4;
        m->e = arena_grow(a, m->e, m->cap * sizeof *m->e, cap * sizeof *m->e);
        m->cap = cap;
    }
    m->e[m->n++] = (struct map_entry){key, v};
    if (m->index && m->n * 2 <= m->index_cap)
        index_put(m, m->n - 1);
    else if (m->n > INDEX_FROM)
        index_build(a, m, m->index_cap ? m->index_cap * 2 : 32);
}

void map_set_str(struct arena *a, struct map *m, struct str key, struct value v) {
    map_set(a, m, value_str(key), v);
}

const struct value *map_get(const struct map *m, struct value key) {
    struct map_entry *e = find(m, key);
    return e ? &e->value : NULL;
}

const struct value *map_get_str(const struct map *m, struct str key) {
    return map_get(m, value_str(key));
}

const struct value *map_get_hashed(const struct map *m, struct str key, uint64_t hash) {
    struct value k = value_str(key);
    if (!m->index) {
        for (size_t i = 0; i < m->n; i++) {
            const struct map_entry *e = &m->e[i];
            if (e->key.aux == key.n && e->key.type == V_STRING &&
                (key.n == 0 || memcmp(e->key.u.p, key.p, key.n) == 0))
                return &e->value;
        }
        return NULL;
    }
    size_t mask = m->index_cap - 1;
    for (size_t i = hash & mask; m->index[i]; i = (i + 1) & mask)
        if (key_eq(m->e[m->index[i] - 1].key, k))
            return &m->e[m->index[i] - 1].value;
    return NULL;
}

const struct value *value_path(const struct value *v, struct str dotted) {
    struct str part;
    while (v && str_split(&dotted, '.', &part))
        v = v->type == V_MAP ? map_get_str(v->u.map, part) : NULL;
    return v;
}

struct value value_copy(struct arena *a, struct value v) {
    assert(v.type < V_OWN);
    switch (v.type) {
    case V_STRING:
    case V_BYTES:
        v.u.p = str_dup(a, value_text(v)).p;
        return v;
    case V_LIST: {
        struct list *l = list_new(a, v.u.list->n);
        for (size_t i = 0; i < v.u.list->n; i++)
            list_add(a, l, value_copy(a, v.u.list->v[i]));
        v.u.list = l;
        return v;
    }
    case V_MAP: {
        struct map *m = map_new(a, v.u.map->n);
        for (size_t i = 0; i < v.u.map->n; i++)
            map_set(a, m, value_copy(a, v.u.map->e[i].key), value_copy(a, v.u.map->e[i].value));
        v.u.map = m;
        return v;
    }
    default:
        return v;
    }
}
