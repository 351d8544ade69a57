/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "templates/liquid_filters.h"

static struct value argument(const struct filter_args *in, uint32_t i) {
    return i < in->n ? in->v[i] : VALUE_NULL;
}

/* ---- ends */
static struct value ends(struct render *r, struct value v, bool first) {
    switch (v.type) {
    case V_LIST:
        return v.u.list->n ? v.u.list->v[first ? 0 : v.u.list->n - 1] : VALUE_NULL;
    case V_STRING:
        return value_str(first ? utf8_first(value_text(v)) : utf8_last(value_text(v)));
    case V_RANGE: {
        const struct range *g = v.u.ext;
        return value_int(first ? g->first : g->last);
    }
    case V_MAP:
        if (first && v.u.map->n) {
            struct list *pair = list_new(r->arena, 2);
            list_add(r->arena, pair, v.u.map->e[0].key);
            list_add(r->arena, pair, v.u.map->e[0].value);
            return value_list(pair);
        }
        return VALUE_NULL;
    default:
        return VALUE_NULL;
    }
}

FILTER(first) {
    *out = ends(r, in->input, true);
    return true;
}

FILTER(last) {
    *out = ends(r, in->input, false);
    return true;
}

/* ---- whole lists */
FILTER(join) {
    const struct list *l;
    struct str glue = in->n ? filter_text(r, in->v[0]) : S(" ");
    struct buf b = BUF_IN(r->arena);
    if (!liquid_elements(r, in->input, &l) || !filter_room(r, (uint64_t)glue.n * l->n))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            buf_add_str(&b, glue);
        liquid_write(&b, l->v[i]);
        if ((i & 255) == 255 && !filter_room(r, b.n))
            return false;
    }
    return filter_result(r, &b, out);
}

FILTER(reverse) {
    const struct list *l;
    if (!liquid_elements(r, in->input, &l))
        return false;
    struct list *back = list_new(r->arena, l->n);
    for (size_t i = l->n; i-- > 0;)
        list_add(r->arena, back, l->v[i]);
    *out = value_list(back);
    return true;
}

FILTER(concat) {
    const struct list *l;
    if (in->v[0].type != V_LIST)
        return liquid_fail(r, "`concat` needs a list after it, not %s", liquid_kind(in->v[0]));
    if (!liquid_elements(r, in->input, &l))
        return false;
    const struct list *more = in->v[0].u.list;
    struct list *both = list_new(r->arena, l->n + more->n);
    for (size_t i = 0; i < l->n; i++)
        list_add(r->arena, both, l->v[i]);
    for (size_t i = 0; i < more->n; i++)
        list_add(r->arena, both, more->v[i]);
    *out = value_list(both);
    return liquid_work(r, both->n);
}

/* ---- order: a stable merge sort of elements with their keys */
struct keyed {
    struct value item, key;
    struct str text; /* the key, for sort_natural */
};

typedef bool (*before_fn)(struct render *r, const struct keyed *a, const struct keyed *b, int *out);

static bool by_value(struct render *r, const struct keyed *a, const struct keyed *b, int *out) {
    if (liquid_order(a->key, b->key, out))
        return true;
    if (a->key.type == V_NULL || b->key.type == V_NULL) {
        *out = a->key.type == V_NULL ? 1 : -1;
        return true;
    }
    return liquid_fail(r, "cannot sort %s and %s together", liquid_kind(a->key),
                       liquid_kind(b->key));
}

static int lower(char c) {
    return c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c;
}

static bool by_text(struct render *r, const struct keyed *a, const struct keyed *b, int *out) {
    (void)r;
    bool na = a->key.type == V_NULL, nb = b->key.type == V_NULL;
    *out = na - nb;
    if (na || nb)
        return true;
    size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
    for (size_t i = 0; i < n; i++)
        if ((*out = lower(a->text.p[i]) - lower(b->text.p[i])) != 0)
            return true;
    *out = (a->text.n > b->text.n) - (a->text.n < b->text.n);
    return true;
}

static bool merge(struct render *r, struct keyed *v, struct keyed *tmp, size_t n,
                  before_fn before) {
    size_t half = n / 2, i = 0, j = half, k = 0;
    if (n < 2)
        return true;
    if (!merge(r, v, tmp, half, before) || !merge(r, v + half, tmp, n - half, before))
        return false;
    while (i < half && j < n) {
        int c;
        if (!before(r, &v[i], &v[j], &c))
            return false;
        tmp[k++] = c <= 0 ? v[i++] : v[j++];
    }
    while (i < half)
        tmp[k++] = v[i++];
    memcpy(v, tmp, k * sizeof *v);
    return true;
}

static bool has_properties(struct value v) {
    return v.type == V_MAP || v.type == V_STRING || v.type == V_INT || v.type == V_BIG ||
           v.type == V_LIST;
}

static bool sorted(struct render *r, const struct filter_args *in, struct value *out,
                   before_fn before) {
    const struct list *l;
    struct value property = argument(in, 0);
    bool unknown;
    if (!liquid_elements(r, in->input, &l))
        return false;
    for (size_t i = 0; i < l->n && property.type != V_NULL; i++)
        if (!has_properties(l->v[i])) {
            *out = VALUE_NULL;
            return true;
        }
    struct keyed *v = arena_alloc(r->arena, (l->n + 1) * 2 * sizeof *v);
    for (size_t i = 0; i < l->n; i++) {
        v[i] = (struct keyed){.item = l->v[i], .key = l->v[i]};
        if (property.type != V_NULL && l->n > 1 && /* one alone is not compared */
            !filter_property(r, l->v[i], property, &v[i].key, &unknown))
            return false;
        if (before == by_text)
            v[i].text = filter_text(r, v[i].key);
    }
    if (!liquid_work(r, l->n * 8) || !merge(r, v, v + l->n, l->n, before))
        return false;
    struct list *result = list_new(r->arena, l->n);
    for (size_t i = 0; i < l->n; i++)
        list_add(r->arena, result, v[i].item);
    *out = value_list(result);
    return true;
}

FILTER(sort) {
    return sorted(r, in, out, by_value);
}

FILTER(sort_natural) {
    return sorted(r, in, out, by_text);
}

/* ---- picking elements by a property */

/* Whether an element has the property (equal to the value, when there is one).
 * *stop: an element has no properties at all, and the filter's result is nothing. */
static bool fits(struct render *r, const struct filter_args *in, struct value item, bool *yes,
                 bool *stop) {
    struct value v;
    if (!filter_property(r, item, in->v[0], &v, stop))
        return *stop;
    struct value target = argument(in, 1);
    *yes = target.type == V_NULL ? liquid_truthy(v) : liquid_equal(v, target);
    return true;
}

static bool pick(struct render *r, const struct filter_args *in, struct value *out, bool want) {
    const struct list *l;
    if (!liquid_elements(r, in->input, &l))
        return false;
    struct list *result = list_new(r->arena, 0);
    for (size_t i = 0; i < l->n; i++) {
        bool yes = false, stop;
        if (!fits(r, in, l->v[i], &yes, &stop))
            return false;
        if (stop) {
            *out = VALUE_NULL;
            return true;
        }
        if (yes == want)
            list_add(r->arena, result, l->v[i]);
    }
    *out = value_list(result);
    return true;
}

FILTER(where) {
    return pick(r, in, out, true);
}

FILTER(reject) {
    return pick(r, in, out, false);
}

/* The place of the first element that fits; -1 none, -2 the result is nothing. */
static bool search(struct render *r, const struct filter_args *in, const struct list **l,
                   int64_t *at) {
    *at = -1;
    if (!liquid_elements(r, in->input, l))
        return false;
    for (size_t i = 0; i < (*l)->n; i++) {
        bool yes = false, stop;
        if (!fits(r, in, (*l)->v[i], &yes, &stop))
            return false;
        if (stop || yes) {
            *at = stop ? -2 : (int64_t)i;
            break;
        }
    }
    return true;
}

FILTER(find) {
    const struct list *l;
    int64_t at;
    if (!search(r, in, &l, &at))
        return false;
    *out = at >= 0 ? l->v[at] : VALUE_NULL;
    return true;
}

FILTER(find_index) {
    const struct list *l;
    int64_t at;
    if (!search(r, in, &l, &at))
        return false;
    *out = at >= 0 ? value_int(at) : VALUE_NULL;
    return true;
}

FILTER(has) {
    const struct list *l;
    int64_t at;
    if (!search(r, in, &l, &at))
        return false;
    *out = at == -2 ? VALUE_NULL : value_bool(at >= 0);
    return true;
}

FILTER(map) {
    const struct list *l;
    if (!liquid_elements(r, in->input, &l))
        return false;
    struct list *result = list_new(r->arena, l->n);
    bool itself = in->v[0].type == V_STRING && str_eq(value_text(in->v[0]), S("to_liquid"));
    for (size_t i = 0; i < l->n; i++) {
        struct value v = l->v[i];
        bool unknown = false;
        if (!itself && !filter_property(r, l->v[i], in->v[0], &v, &unknown) && !unknown)
            return false;
        list_add(r->arena, result, unknown ? VALUE_NULL : v);
    }
    *out = value_list(result);
    return true;
}

FILTER(compact) {
    const struct list *l;
    struct value property = argument(in, 0);
    if (!liquid_elements(r, in->input, &l))
        return false;
    struct list *result = list_new(r->arena, l->n);
    for (size_t i = 0; i < l->n; i++) {
        struct value v = l->v[i];
        bool unknown = false;
        if (property.type != V_NULL && !filter_property(r, l->v[i], property, &v, &unknown)) {
            *out = VALUE_NULL;
            return unknown;
        }
        if (v.type != V_NULL)
            list_add(r->arena, result, l->v[i]);
    }
    *out = value_list(result);
    return true;
}

/* An open table of the keys seen so far. */
struct seen {
    struct value *key;
    bool *used;
    size_t mask;
};

static bool see(struct seen *s, struct value key) {
    size_t i = liquid_hash(key) & s->mask;
    for (; s->used[i]; i = (i + 1) & s->mask)
        if (liquid_same(s->key[i], key))
            return false;
    s->used[i] = true;
    s->key[i] = key;
    return true;
}

FILTER(uniq) {
    const struct list *l;
    struct value property = argument(in, 0);
    if (!liquid_elements(r, in->input, &l))
        return false;
    size_t cap = 16;
    while (cap < l->n * 2)
        cap *= 2;
    struct seen seen = {ARENA_ARRAY(r->arena, struct value, cap), ARENA_ARRAY(r->arena, bool, cap),
                        cap - 1};
    struct list *result = list_new(r->arena, 0);
    for (size_t i = 0; i < l->n; i++) {
        struct value key = l->v[i];
        bool unknown = false;
        if (property.type != V_NULL && !filter_property(r, l->v[i], property, &key, &unknown)) {
            *out = VALUE_NULL;
            return unknown;
        }
        if (see(&seen, key))
            list_add(r->arena, result, l->v[i]);
    }
    *out = value_list(result);
    return true;
}
