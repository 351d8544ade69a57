/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops that macros become: over the elements of a list or the keys of a map,
 * with one variable or two (index or key, and value).
 */
#include "config.h"

#include "rules/cel_internal.h"

struct loop {
    const struct cel_node *n;
    struct cel_run *run;
    struct value range;
    size_t count;
    struct list *list; /* what filter and transforms build */
    struct map *map;
    size_t hits;
    struct value error; /* kept by all and exists until a deciding element comes */
};

static void set_variables(struct loop *l, size_t i) {
    struct value *locals = l->run->locals;
    const struct cel_node *n = l->n;
    bool two = n->name2.n > 0;
    if (l->range.type == V_LIST) {
        struct value e = l->range.u.list->v[i];
        locals[n->slot] = two ? value_int((int64_t)i) : e;
        locals[n->slot2] = e;
    } else {
        locals[n->slot] = l->range.u.map->e[i].key;
        locals[n->slot2] = l->range.u.map->e[i].value;
    }
}

static struct value add_entries(struct loop *l, struct value entries) {
    if (entries.type != V_MAP)
        return cel_error(CEL_E_OVERLOAD, l->n);
    const struct map *m = entries.u.map;
    if (!cel_step(l->run, m->n))
        return cel_error(CEL_E_STEPS, l->n);
    for (size_t i = 0; i < m->n; i++) {
        if (cel_map_find(l->map, m->e[i].key))
            return cel_fail(l->run, "transformMapEntry gives a key twice");
        map_set(l->run->arena, l->map, m->e[i].key, m->e[i].value);
    }
    return VALUE_NULL;
}

/* The element is taken: transform and keep it. Null, or an error. */
static struct value keep(struct loop *l, size_t i) {
    const struct cel_node *n = l->n;
    struct value key = l->run->locals[n->slot], v;
    if (n->loop == CEL_FILTER) {
        list_add(l->run->arena, l->list, l->range.type == V_LIST ? l->range.u.list->v[i] : key);
        return VALUE_NULL;
    }
    v = cel_eval_node(n->args[2], l->run);
    if (cel_is_error(v))
        return v;
    if (n->loop == CEL_TRANSFORM_ENTRY)
        return add_entries(l, v);
    if (n->loop == CEL_TRANSFORM_MAP)
        map_set(l->run->arena, l->map, key, v);
    else
        list_add(l->run->arena, l->list, v);
    return VALUE_NULL;
}

/* One element; true: *result is the answer of the whole loop. */
static bool turn(struct loop *l, size_t i, struct value *result) {
    const struct cel_node *n = l->n;
    struct value v = n->args[1] ? cel_eval_node(n->args[1], l->run) : value_bool(true);
    bool absorbs = n->loop == CEL_ALL || n->loop == CEL_EXISTS;
    if (v.type != V_BOOL) {
        v = cel_is_error(v) ? v : cel_error(CEL_E_OVERLOAD, n);
        *result = v;
        if (!cel_is_error(l->error))
            l->error = v;
        return !absorbs;
    }
    if (absorbs) {
        *result = v;
        return v.u.b == (n->loop == CEL_EXISTS);
    }
    if (!v.u.b)
        return false;
    l->hits++;
    if (n->loop == CEL_EXISTS_ONE)
        return false;
    *result = keep(l, i);
    return cel_is_error(*result);
}

static struct value finish(const struct loop *l) {
    switch ((enum cel_loop)l->n->loop) {
    case CEL_ALL:
    case CEL_EXISTS:
        return cel_is_error(l->error) ? l->error : value_bool(l->n->loop == CEL_ALL);
    case CEL_EXISTS_ONE:
        return value_bool(l->hits == 1);
    case CEL_FILTER:
    case CEL_TRANSFORM_LIST:
        return value_list(l->list);
    default:
        return value_map(l->map);
    }
}

struct value cel_loop_eval(const struct cel_node *n, struct cel_run *run) {
    struct loop l = {.n = n, .run = run, .range = cel_eval_node(n->args[0], run)};
    struct value result;
    if (l.range.type != V_LIST && l.range.type != V_MAP)
        return cel_is_error(l.range) ? l.range : cel_error(CEL_E_OVERLOAD, n);
    l.count = l.range.type == V_LIST ? l.range.u.list->n : l.range.u.map->n;
    if (n->loop == CEL_FILTER || n->loop == CEL_TRANSFORM_LIST)
        l.list = list_new(run->arena, 0);
    else if (n->loop >= CEL_TRANSFORM_MAP)
        l.map = map_new(run->arena, 0);
    for (size_t i = 0; i < l.count; i++) {
        if (!cel_step(run, 1))
            return cel_error(CEL_E_STEPS, n);
        set_variables(&l, i);
        if (turn(&l, i, &result))
            return result;
    }
    return finish(&l);
}
