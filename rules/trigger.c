/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/trigger.h"

#include "base/arena.h"
#include "rules/cel_internal.h"

#include <stdlib.h>

#define VALUES_MAX 100u /* of one condition that are put into the index */

struct rules {
    uint32_t *v;
    size_t n, cap;
};

/* Rules that need a certain value at one path. */
struct discriminator {
    struct discriminator *next;
    struct str path;
    size_t slot;
    struct str *parts; /* of the path behind the variable */
    uint64_t *hashes;
    size_t n_parts;
    struct map *by_value; /* value -> V_OWN pointing at struct rules */
};

/* Rules for events of one name. */
struct group {
    struct rules always;
    struct discriminator *first;
};

struct trigger_index {
    struct arena *arena;
    const struct cel_env *env;
    struct map *by_name; /* event name -> V_OWN pointing at struct group */
    struct group any;
    size_t n;
};

struct trigger_index *trigger_index_new(struct arena *a, const struct cel_env *env) {
    struct trigger_index *ix = ARENA_NEW(a, struct trigger_index);
    ix->arena = a;
    ix->env = env;
    ix->by_name = map_new(a, 0);
    return ix;
}

size_t trigger_index_size(const struct trigger_index *ix) {
    return ix->n;
}

/* ---- building */
static struct value pointer(const void *p) {
    return (struct value){.type = V_OWN, .u.ext = p};
}

static void add_rule(struct arena *a, struct rules *r, uint32_t rule) {
    if (r->n && r->v[r->n - 1] == rule) /* a value stands in its list twice */
        return;
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 4;
        r->v = arena_grow(a, r->v, r->cap * sizeof *r->v, cap * sizeof *r->v);
        r->cap = cap;
    }
    r->v[r->n++] = rule;
}

static struct group *group_of(struct trigger_index *ix, struct str event) {
    if (!event.n)
        return &ix->any;
    const struct value *there = map_get_str(ix->by_name, event);
    if (there)
        return (struct group *)there->u.ext;
    struct group *g = ARENA_NEW(ix->arena, struct group);
    map_set_str(ix->arena, ix->by_name, event, pointer(g));
    return g;
}

/* A number is one key whatever its type; false: the value cannot be a key. */
static bool key_of(struct value v, struct value *key) {
    *key = v;
    int64_t i;
    if (v.type == V_UINT && v.u.u <= INT64_MAX)
        *key = value_int((int64_t)v.u.u);
    else if (v.type == V_DOUBLE && cel_double_to_int(v.u.d, &i) && (double)i == v.u.d)
        *key = value_int(i);
    return cel_is_map_key(*key);
}

static bool variable_slot(const struct trigger_index *ix, struct str path, size_t *slot) {
    struct str rest = path, first;
    if (!str_split(&rest, '.', &first))
        return false;
    for (*slot = 0; *slot < ix->env->n_variables; ++*slot)
        if (str_eq(ix->env->variables[*slot].name, first))
            return true;
    return false;
}

static bool usable(const struct trigger_index *ix, const struct cel_requirement *r) {
    size_t slot;
    struct value key;
    if (r->n > VALUES_MAX || !variable_slot(ix, r->path, &slot))
        return false;
    for (size_t i = 0; i < r->n; i++)
        if (!key_of(r->values[i], &key))
            return false;
    return true;
}

static struct discriminator *discriminator_of(struct trigger_index *ix, struct group *g,
                                              struct str path) {
    struct discriminator **at = &g->first;
    while (*at && !str_eq((*at)->path, path))
        at = &(*at)->next;
    if (*at)
        return *at;
    struct discriminator *d = *at = ARENA_NEW(ix->arena, struct discriminator);
    struct str rest = path, part;
    d->path = path;
    d->by_value = map_new(ix->arena, 0);
    variable_slot(ix, path, &d->slot);
    d->parts = ARENA_ARRAY(ix->arena, struct str, path.n + 1);
    d->hashes = ARENA_ARRAY(ix->arena, uint64_t, path.n + 1);
    str_split(&rest, '.', &part);
    while (str_split(&rest, '.', &part)) {
        d->parts[d->n_parts] = part;
        d->hashes[d->n_parts++] = str_hash(part);
    }
    return d;
}

/* The most telling requirement: the fewest values. */
static const struct cel_requirement *choose(const struct trigger_index *ix,
                                            const struct cel_requirement *list, size_t n) {
    const struct cel_requirement *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (usable(ix, &list[i]) && (!best || list[i].n < best->n))
            best = &list[i];
    return best;
}

void trigger_index_add(struct trigger_index *ix, uint32_t rule, struct str event,
                       const struct cel_program *audience) {
    struct group *g = group_of(ix, event);
    size_t n = 0;
    ix->n++;
    const struct cel_requirement *list =
        audience ? cel_program_requires(audience, ix->arena, &n) : NULL;
    const struct cel_requirement *best = choose(ix, list, n);
    if (!best) {
        add_rule(ix->arena, &g->always, rule);
        return;
    }
    struct discriminator *d = discriminator_of(ix, g, best->path);
    for (size_t i = 0; i < best->n; i++) {
        struct value key;
        key_of(best->values[i], &key);
        const struct value *there = map_get(d->by_value, key);
        struct rules *r = there ? (struct rules *)there->u.ext : ARENA_NEW(ix->arena, struct rules);
        if (!there)
            map_set(ix->arena, d->by_value, key, pointer(r));
        add_rule(ix->arena, r, rule);
    }
}

/* ---- matching */
static const struct rules *rules_for(const struct discriminator *d, const struct value *slots,
                                     size_t n_slots) {
    struct value key;
    if (d->slot >= n_slots)
        return NULL;
    const struct value *v = &slots[d->slot];
    for (size_t i = 0; i < d->n_parts; i++) {
        if (v->type != V_MAP)
            return NULL;
        v = map_get_hashed(v->u.map, d->parts[i], d->hashes[i]);
        if (!v)
            return NULL;
    }
    if (!key_of(*v, &key))
        return NULL;
    const struct value *found = map_get(d->by_value, key);
    return found ? found->u.ext : NULL;
}

static size_t append(uint32_t *out, size_t n, const struct rules *r) {
    if (r && r->n)
        memcpy(out + n, r->v, r->n * sizeof *out);
    return n + (r ? r->n : 0);
}

static size_t match_group(const struct group *g, const struct value *slots, size_t n_slots,
                          uint32_t *out, size_t n, int *lists) {
    size_t before = n;
    n = append(out, n, &g->always);
    *lists += n > before;
    for (const struct discriminator *d = g->first; d; d = d->next) {
        before = n;
        n = append(out, n, rules_for(d, slots, n_slots));
        *lists += n > before;
    }
    return n;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

size_t trigger_index_match(const struct trigger_index *ix, struct str event,
                           const struct value *slots, size_t n_slots, uint32_t *out) {
    int lists = 0;
    size_t n = match_group(&ix->any, slots, n_slots, out, 0, &lists);
    const struct value *named = map_get_str(ix->by_name, event);
    if (named)
        n = match_group(named->u.ext, slots, n_slots, out, n, &lists);
    if (lists > 1)
        qsort(out, n, sizeof *out, ascending);
    return n;
}
