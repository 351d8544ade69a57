/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_state.h"

#include "base/arena.h"
#include "templates/liquid_filters.h"

#include <stdarg.h>
#include <stdio.h>

bool liquid_fail(struct render *r, const char *fmt, ...) {
    char text[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct liquid_place at = {.template = r->template->shown};
    liquid_position(r->template->source, r->at, &at.line, &at.column);
    if (r->place)
        *r->place = at;
    return err_set(r->err, ERR_INPUT, "%.*s:%d:%d: %s", STR_FMT(at.template), at.line, at.column,
                   text);
}

bool liquid_work(struct render *r, uint64_t n) {
    r->steps += n;
    if (r->steps > r->most.steps)
        return liquid_fail(r, "the template takes more than %llu steps",
                           (unsigned long long)r->most.steps);
    if (arena_used(r->arena) - r->arena_base > r->most.memory)
        return liquid_fail(r, "the template needs more than %zu bytes of memory", r->most.memory);
    return true;
}

/* ---- variables */
static struct value data_value(struct frame *f, uint32_t symbol) {
    struct slot *s = &f->slots[symbol];
    if (!s->has_data) {
        const struct value *v =
            f->data ? map_get_str(f->data, value_text(f->set->names->v[symbol])) : NULL;
        s->data = v ? *v : VALUE_NULL;
        s->has_data = true;
    }
    return s->data;
}

struct value liquid_variable(struct render *r, struct frame *f, uint32_t symbol) {
    (void)r;
    const struct slot *s = &f->slots[symbol];
    if (s->has_inner)
        return s->inner;
    if (s->has_assigned)
        return s->assigned;
    struct value v = s->has_data ? s->data : data_value(f, symbol);
    if (v.type == V_NULL && symbol == LIQUID_SYMBOL_SELF)
        return (struct value){.type = V_SELF, .u.ext = f};
    return v;
}

struct value liquid_variable_named(struct render *r, struct frame *f, struct value name) {
    uint32_t symbol;
    if (name.type != V_STRING)
        return VALUE_NULL;
    if (liquid_find_symbol(f->set, value_text(name), &symbol))
        return liquid_variable(r, f, symbol);
    const struct value *v = f->data ? map_get(f->data, name) : NULL;
    return v ? *v : VALUE_NULL;
}

/* ---- paths */
static struct value pair(struct render *r, const struct map_entry *e) {
    struct list *l = list_new(r->arena, 2);
    list_add(r->arena, l, e->key);
    list_add(r->arena, l, e->value);
    return value_list(l);
}

static struct value forloop_get(const struct forloop *l, uint8_t property) {
    switch (property) {
    case PROPERTY_INDEX:
        return value_int(l->index + 1);
    case PROPERTY_INDEX0:
        return value_int(l->index);
    case PROPERTY_RINDEX:
        return value_int(l->length - l->index);
    case PROPERTY_RINDEX0:
        return value_int(l->length - l->index - 1);
    case PROPERTY_FIRST:
        return value_bool(l->index == 0);
    case PROPERTY_LAST:
        return value_bool(l->index == l->length - 1);
    case PROPERTY_LENGTH:
        return value_int(l->length);
    case PROPERTY_NAME:
        return value_str(l->name);
    case PROPERTY_PARENTLOOP:
        return l->parent ? (struct value){.type = V_FORLOOP, .u.ext = l->parent} : VALUE_NULL;
    default:
        return VALUE_NULL;
    }
}

static struct value tablerow_get(const struct tablerow *t, uint8_t property) {
    switch (property) {
    case PROPERTY_COL:
        return value_int(t->col);
    case PROPERTY_COL0:
        return value_int(t->col - 1);
    case PROPERTY_COL_FIRST:
        return value_bool(t->col == 1);
    case PROPERTY_COL_LAST:
        return value_bool(t->col == t->cols);
    case PROPERTY_ROW:
        return value_int(t->row);
    default: {
        struct forloop l = {.length = t->length, .index = t->index};
        return property == PROPERTY_NAME ? VALUE_NULL : forloop_get(&l, property);
    }
    }
}

/* `.size`, `.first`, `.last` of what has no such key. */
static struct value command(struct render *r, struct value v, uint8_t property) {
    switch (v.type) {
    case V_LIST: {
        const struct list *l = v.u.list;
        if (property == PROPERTY_SIZE)
            return value_int((int64_t)l->n);
        return l->n == 0 ? VALUE_NULL : l->v[property == PROPERTY_FIRST ? 0 : l->n - 1];
    }
    case V_MAP:
        if (property == PROPERTY_SIZE)
            return value_int((int64_t)v.u.map->n);
        return property == PROPERTY_FIRST && v.u.map->n ? pair(r, &v.u.map->e[0]) : VALUE_NULL;
    case V_STRING: {
        struct str s = value_text(v);
        if (property == PROPERTY_SIZE)
            return value_int((int64_t)utf8_length(s));
        return value_str(property == PROPERTY_FIRST ? utf8_first(s) : utf8_last(s));
    }
    case V_RANGE: {
        const struct range *g = v.u.ext;
        if (property == PROPERTY_SIZE)
            return value_int(range_size(g));
        return value_int(property == PROPERTY_FIRST ? g->first : g->last);
    }
    case V_INT:
        return property == PROPERTY_SIZE ? value_int(8) : VALUE_NULL; /* bytes of an integer */
    default:
        return VALUE_NULL;
    }
}

static struct value list_at(const struct list *l, int64_t i) {
    if (i < 0)
        i += (int64_t)l->n;
    return i < 0 || i >= (int64_t)l->n ? VALUE_NULL : l->v[i];
}

static uint8_t key_property(struct value key) {
    static const struct str names[] = {
        {"", 0},      {"col", 3},         {"col0", 4},   {"col_first", 9}, {"col_last", 8},
        {"first", 5}, {"index", 5},       {"index0", 6}, {"last", 4},      {"length", 6},
        {"name", 4},  {"parentloop", 10}, {"rindex", 6}, {"rindex0", 7},   {"row", 3}};
    for (uint8_t i = 1; i < sizeof names / sizeof *names; i++)
        if (key.type == V_STRING && str_eq(names[i], value_text(key)))
            return i;
    return PROPERTY_NONE;
}

/* One step whose key is a value: [expression]. */
static struct value step_by_value(struct render *r, struct value v, struct value key) {
    switch (v.type) {
    case V_MAP: {
        const struct value *hit = map_get(v.u.map, key);
        return hit ? *hit : VALUE_NULL;
    }
    case V_LIST:
        return key.type == V_INT ? list_at(v.u.list, key.u.i) : VALUE_NULL;
    case V_FORLOOP:
        return forloop_get(v.u.ext, key_property(key));
    case V_TABLEROW:
        return tablerow_get(v.u.ext, key_property(key));
    case V_SELF:
        return liquid_variable_named(r, (struct frame *)v.u.ext, key);
    default:
        return VALUE_NULL;
    }
}

static struct value step_by_name(struct render *r, struct value v, const struct step *s) {
    switch (v.type) {
    case V_MAP: {
        const struct map *m = v.u.map;
        if (!m->index) {
            for (size_t i = 0; i < m->n; i++)
                if (m->e[i].key.aux == s->name.n && m->e[i].key.type == V_STRING &&
                    memcmp(m->e[i].key.u.p, s->name.p, s->name.n) == 0)
                    return m->e[i].value;
        } else {
            const struct value *hit = map_get_str(m, s->name);
            if (hit)
                return *hit;
        }
        break;
    }
    case V_FORLOOP:
        return forloop_get(v.u.ext, s->property);
    case V_TABLEROW:
        return tablerow_get(v.u.ext, s->property);
    case V_SELF:
        return liquid_variable_named(r, (struct frame *)v.u.ext, value_str(s->name));
    default:
        break;
    }
    return s->command ? command(r, v, s->property) : VALUE_NULL;
}

static bool eval_path(struct render *r, const struct expr *e, struct value *out) {
    struct value v;
    if (e->root) {
        if (!liquid_eval(r, e->root, &v))
            return false;
        v = liquid_variable_named(r, r->frame, v);
    } else {
        v = liquid_variable(r, r->frame, e->symbol);
    }
    for (uint16_t i = 0; i < e->nsteps && v.type != V_NULL; i++) {
        const struct step *s = &e->steps[i];
        struct value key;
        if (!s->key) {
            v = step_by_name(r, v, s);
        } else {
            if (!liquid_eval(r, s->key, &key))
                return false;
            v = step_by_value(r, v, key);
        }
    }
    *out = v;
    return true;
}

static bool range_end(struct render *r, const struct expr *e, int64_t *out) {
    struct value v;
    struct err err = ERR_INIT;
    if (!liquid_eval(r, e, &v))
        return false;
    if (v.type == V_NULL || v.type == V_STRING)
        return liquid_leading_integer(v, out);
    if (!liquid_integer(v, out, &err))
        return liquid_fail(r, "a range needs whole numbers: %s", err.text);
    return true;
}

bool liquid_eval(struct render *r, const struct expr *e, struct value *out) {
    switch (e->kind) {
    case EXPR_VALUE:
        *out = e->value;
        return true;
    case EXPR_PATH:
        return eval_path(r, e, out);
    default: {
        struct range *g = ARENA_NEW(r->arena, struct range);
        *out = (struct value){.type = V_RANGE, .u.ext = g};
        return range_end(r, e->low, &g->first) && range_end(r, e->high, &g->last);
    }
    }
}

/* ---- filters */
/* Whether a value nests deeper than `most`; whatever walks values is recursive. */
static bool deeper(struct render *r, struct value v, int most) {
    size_t n = v.type == V_LIST ? v.u.list->n : v.type == V_MAP ? v.u.map->n : 0;
    r->steps += n;
    if (n && most == 0)
        return true;
    for (size_t i = 0; i < n; i++)
        if (deeper(r, v.type == V_LIST ? v.u.list->v[i] : v.u.map->e[i].value, most - 1))
            return true;
    return false;
}

static bool call_filter(struct render *r, const struct filter_call *c, struct value *v) {
    struct value args[LIQUID_ARGS_MAX + 1];
    uint32_t n = 0;
    const struct filter *f = c->filter;
    for (; n < c->nargs; n++)
        if (!liquid_eval(r, &c->args[n], &args[n]))
            return false;
    if (c->nnamed) { /* named values arrive together, as one map behind the others */
        struct map *m = map_new(r->arena, c->nnamed);
        for (uint32_t i = 0; i < c->nnamed; i++) {
            struct value value;
            if (!liquid_eval(r, &c->named[i], &value))
                return false;
            if (deeper(r, value, LIQUID_DEPTH_MAX))
                return liquid_fail(r, "a value that is nested more than %d deep", LIQUID_DEPTH_MAX);
            map_set_str(r->arena, m, c->names[i], value);
        }
        args[n++] = value_map(m);
    }
    if (!f)
        return true;
    if (n < f->least || n > f->most)
        return liquid_fail(r, "`%.*s` takes %u to %u values after it, not %u", STR_FMT(f->name),
                           (unsigned)f->least, (unsigned)f->most, (unsigned)n);
    struct filter_args in = {.input = *v, .n = n, .v = args};
    return liquid_work(r, 1) && f->apply(r, &in, v);
}

bool liquid_eval_piped(struct render *r, const struct piped *p, struct value *out) {
    if (!liquid_eval(r, &p->expr, out))
        return false;
    for (uint32_t i = 0; i < p->nfilters; i++)
        if (!call_filter(r, &p->filters[i], out))
            return false;
    return true;
}

/* ---- conditions */
static bool is_state(struct value v) {
    return v.type == V_EMPTY || v.type == V_BLANK;
}

static bool matches(struct value a, struct value b) {
    if (is_state(b) && !is_state(a)) {
        struct value t = a;
        a = b;
        b = t;
    }
    if (is_state(a))
        return !is_state(b) && (a.type == V_EMPTY ? liquid_is_empty(b) : liquid_is_blank(b));
    return liquid_equal(a, b);
}

static bool compare(struct render *r, struct value a, struct value b, enum operator op, bool *out) {
    int c;
    bool an = liquid_is_number(a), bn = liquid_is_number(b);
    bool at = a.type == V_STRING || a.type == V_TIMESTAMP,
         bt = b.type == V_STRING || b.type == V_TIMESTAMP;
    *out = false;
    if (!(an || at) || !(bn || bt))
        return true;
    if (an != bn || a.type == V_TIMESTAMP || b.type == V_TIMESTAMP) {
        if (a.type != b.type)
            return liquid_fail(r, "comparison of %s with %s failed", liquid_kind(a),
                               liquid_kind(b));
    }
    if (!liquid_order(a, b, &c))
        return true;
    *out = op == OP_LT ? c < 0 : op == OP_GT ? c > 0 : op == OP_LE ? c <= 0 : c >= 0;
    return true;
}

static bool eval_one(struct render *r, const struct comparison *c, bool *out) {
    struct value a, b;
    if (!liquid_eval(r, &c->left, &a))
        return false;
    if (c->op == OP_NONE) {
        *out = liquid_truthy(a);
        return true;
    }
    if (!liquid_eval(r, &c->right, &b))
        return false;
    switch ((enum operator)c->op) {
    case OP_EQ:
        *out = matches(a, b);
        return true;
    case OP_NE:
        *out = !matches(a, b);
        return true;
    case OP_CONTAINS:
        *out = liquid_contains(r->arena, a, b);
        return true;
    case OP_UNKNOWN:
        return liquid_fail(r, "unknown operator `%.*s`", STR_FMT(c->unknown));
    default:
        return compare(r, a, b, (enum operator)c->op, out);
    }
}

bool liquid_eval_when(struct render *r, const struct comparison *c, bool *out) {
    for (;; c++) {
        if (!eval_one(r, c, out))
            return false;
        if (!c->then || (c->then == 'o') == *out)
            return true;
    }
}

/* ---- elements */
static void flatten(struct arena *a, struct list *into, const struct list *l) {
    for (size_t i = 0; i < l->n; i++) {
        if (l->v[i].type == V_LIST)
            flatten(a, into, l->v[i].u.list);
        else
            list_add(a, into, l->v[i]);
    }
}

static bool range_elements(struct render *r, const struct range *g, const struct list **out) {
    int64_t n = range_size(g);
    if (n > LIQUID_RANGE_MAX)
        return liquid_fail(r, "a range of more than %d numbers", LIQUID_RANGE_MAX);
    struct list *l = list_new(r->arena, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        list_add(r->arena, l, value_int(g->first + i));
    *out = l;
    return liquid_work(r, (uint64_t)n);
}

bool liquid_elements(struct render *r, struct value v, const struct list **out) {
    if (v.type == V_RANGE)
        return range_elements(r, v.u.ext, out);
    if (v.type == V_LIST) {
        const struct list *l = v.u.list;
        size_t nested = 0;
        for (size_t i = 0; i < l->n; i++)
            nested += l->v[i].type == V_LIST;
        *out = l;
        if (nested) {
            struct list *flat = list_new(r->arena, l->n);
            flatten(r->arena, flat, l);
            *out = flat;
        }
        return liquid_work(r, (*out)->n);
    }
    struct list *one = list_new(r->arena, 1);
    if (v.type != V_NULL)
        list_add(r->arena, one, v);
    *out = one;
    return true;
}
