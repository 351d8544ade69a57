/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_calls.h"

#include "base/arena.h"
#include "templates/liquid_parse.h"

/* ---- what a loop goes over */
struct segment {
    struct value over; /* V_LIST, V_MAP, V_RANGE, or a text that is its own only element */
    int64_t first, n;  /* of the elements, forwards */
    bool reversed;
};

static int64_t elements_of(struct value v) {
    switch (v.type) {
    case V_LIST:
        return (int64_t)v.u.list->n;
    case V_MAP:
        return (int64_t)v.u.map->n;
    case V_RANGE:
        return range_size(v.u.ext);
    default:
        return 0;
    }
}

static void cut_segment(struct segment *s, int64_t from, int64_t limit, bool limited) {
    int64_t to = INT64_MAX, all = elements_of(s->over);
    if (s->over.type == V_STRING) { /* never cut */
        s->n = s->over.aux > 0;
        return;
    }
    if (limited && __builtin_add_overflow(from, limit, &to))
        to = limit > 0 ? INT64_MAX : INT64_MIN;
    s->first = from > 0 ? from : 0;
    to = to < all ? to : all;
    s->n = to > s->first ? to - s->first : 0;
}

static struct value element(struct render *r, const struct segment *s, int64_t i) {
    int64_t at = s->first + (s->reversed ? s->n - 1 - i : i);
    switch (s->over.type) {
    case V_LIST:
        return s->over.u.list->v[at];
    case V_RANGE:
        return value_int(((const struct range *)s->over.u.ext)->first + at);
    case V_MAP: {
        const struct map_entry *e = &s->over.u.map->e[at];
        struct list *pair = list_new(r->arena, 2);
        list_add(r->arena, pair, e->key);
        list_add(r->arena, pair, e->value);
        return value_list(pair);
    }
    default:
        return s->over;
    }
}

static bool count_iteration(struct render *r) {
    if (++r->iterations > r->most.iterations)
        return liquid_fail(r, "the loops go round more than %llu times",
                           (unsigned long long)r->most.iterations);
    return (r->iterations & 63) || liquid_work(r, 64);
}

/* ---- scopes: a loop or an include sets a variable until it ends */
struct saved {
    uint32_t symbol;
    bool had;
    struct value was;
};

static struct saved save(struct frame *f, uint32_t symbol) {
    const struct slot *s = &f->slots[symbol];
    return (struct saved){symbol, s->has_inner, s->inner};
}

static void set_inner(struct frame *f, uint32_t symbol, struct value v) {
    f->slots[symbol].inner = v;
    f->slots[symbol].has_inner = true;
}

static void restore(struct frame *f, struct saved s) {
    f->slots[s.symbol].inner = s.was;
    f->slots[s.symbol].has_inner = s.had;
}

/* ---- for */
static bool whole(struct render *r, const struct expr *e, const char *what, int64_t *out,
                  bool *given) {
    struct value v = VALUE_NULL;
    struct err err = ERR_INIT;
    *given = false;
    if (e && !liquid_eval(r, e, &v))
        return false;
    if (v.type == V_NULL)
        return true;
    *given = true;
    if (!liquid_integer(v, out, &err))
        return liquid_fail(r, "`%s` needs a whole number: %s", what, err.text);
    return true;
}

static bool for_segment(struct render *r, const struct loop *l, struct segment *s) {
    int64_t from = 0, limit = 0;
    bool given, limited;
    if (l->resume)
        from = r->frame->resume[l->name];
    else if (!whole(r, l->offset, "offset", &from, &given))
        return false;
    if (!liquid_eval(r, &l->collection, &s->over) || !whole(r, l->limit, "limit", &limit, &limited))
        return false;
    s->reversed = l->reversed;
    cut_segment(s, from, limit, limited);
    if (__builtin_add_overflow(from, s->n, &r->frame->resume[l->name]))
        r->frame->resume[l->name] = INT64_MAX;
    return true;
}

static bool for_body(struct render *r, const struct loop *l, const struct segment *s,
                     struct forloop *loop) {
    struct frame *f = r->frame;
    uint32_t at = r->at;
    for (int64_t i = 0; i < s->n; i++) {
        r->at = at;
        if (!count_iteration(r))
            return false;
        set_inner(f, l->symbol, element(r, s, i));
        if (!liquid_render_block(r, &l->body))
            return false;
        loop->index++;
        if (r->interrupts.n && liquid_answer(r))
            break;
    }
    return true;
}

bool liquid_render_for(struct render *r, const struct node *n) {
    const struct loop *l = n->u.loop;
    struct segment s = {0};
    struct frame *f = r->frame;
    if (!for_segment(r, l, &s))
        return false;
    if (s.n == 0)
        return liquid_render_block(r, &l->otherwise);
    struct forloop *loop = ARENA_NEW(r->arena, struct forloop);
    *loop = (struct forloop){.name = l->label, .length = s.n, .parent = f->loop};
    struct saved forloop = save(f, LIQUID_SYMBOL_FORLOOP), variable = save(f, l->symbol);
    set_inner(f, LIQUID_SYMBOL_FORLOOP, (struct value){.type = V_FORLOOP, .u.ext = loop});
    f->loop = loop;
    if (!for_body(r, l, &s, loop))
        return false;
    f->loop = loop->parent;
    restore(f, variable);
    restore(f, forloop);
    return true;
}

/* ---- tablerow */
static bool leading(struct render *r, const struct expr *e, int64_t otherwise, int64_t *out) {
    struct value v;
    *out = otherwise;
    if (!e)
        return true;
    if (!liquid_eval(r, e, &v))
        return false;
    return liquid_leading_integer(v, out) || liquid_fail(r, "invalid integer");
}

static bool table_body(struct render *r, const struct loop *l, const struct segment *s,
                       struct tablerow *t) {
    uint32_t at = r->at;
    for (int64_t i = 0; i < s->n; i++) {
        r->at = at;
        if (!count_iteration(r))
            return false;
        set_inner(r->frame, l->symbol, element(r, s, i));
        buf_printf(r->out, "<td class=\"col%lld\">", (long long)t->col);
        if (!liquid_render_block(r, &l->body))
            return false;
        buf_add_str(r->out, S("</td>"));
        if (r->interrupts.n && liquid_answer(r))
            break;
        bool wraps = t->col == t->cols;
        if (wraps && t->index != t->length - 1)
            buf_printf(r->out, "</tr>\n<tr class=\"row%lld\">", (long long)t->row + 1);
        t->index++;
        t->col = wraps ? 1 : t->col + 1;
        t->row += wraps;
    }
    return true;
}

bool liquid_render_tablerow(struct render *r, const struct node *n) {
    const struct loop *l = n->u.loop;
    struct segment s = {0};
    struct frame *f = r->frame;
    int64_t from, limit;
    if (!liquid_eval(r, &l->collection, &s.over))
        return false;
    if (!liquid_truthy(s.over))
        return true;
    struct tablerow *t = ARENA_NEW(r->arena, struct tablerow);
    if (!leading(r, l->offset, 0, &from) || !leading(r, l->limit, 0, &limit))
        return false;
    cut_segment(&s, from, limit, l->limit != NULL);
    *t = (struct tablerow){.length = s.n, .col = 1, .row = 1};
    if (!leading(r, l->cols, s.n, &t->cols))
        return false;
    struct saved loop = save(f, LIQUID_SYMBOL_TABLEROWLOOP), variable = save(f, l->symbol);
    set_inner(f, LIQUID_SYMBOL_TABLEROWLOOP, (struct value){.type = V_TABLEROW, .u.ext = t});
    buf_add_str(r->out, S("<tr class=\"row1\">\n"));
    if (!table_body(r, l, &s, t))
        return false;
    buf_add_str(r->out, S("</tr>\n"));
    restore(f, variable);
    restore(f, loop);
    return true;
}

/* ---- include and render */

/* The template, in the variant for the locale if there is one: footer.zh-TW. */
static const struct liquid_template *localized(struct render *r, struct str name) {
    struct str locale = r->params->locale_name;
    while (locale.n) {
        struct buf b = BUF_IN(r->arena);
        buf_add_str(&b, name);
        buf_add_char(&b, '.');
        buf_add_str(&b, locale);
        const struct liquid_template *t = liquid_find(r->set, buf_str(&b));
        if (t)
            return t;
        while (locale.n && locale.p[locale.n - 1] != '-')
            locale.n--;
        locale.n -= locale.n > 0;
    }
    return liquid_find(r->set, name);
}

static bool find_partial(struct render *r, const struct partial_call *c,
                         const struct liquid_template **out) {
    struct value name;
    if (!liquid_eval(r, &c->name, &name))
        return false;
    if (name.type != V_STRING)
        return liquid_fail(r, "the name of a template must be a text, not %s", liquid_kind(name));
    *out = localized(r, value_text(name));
    if (!*out)
        return liquid_fail(r, "there is no template `%.*s`", STR_FMT(value_text(name)));
    if ((*out)->usable)
        return true;
    r->template = *out;
    r->at = (*out)->error_at;
    return liquid_fail(r, "%.*s", STR_FMT((*out)->error));
}

static bool run_partial(struct render *r, const struct liquid_template *t) {
    const struct liquid_template *caller = r->template;
    uint32_t at = r->at;
    if (++r->partials > r->most.depth)
        return liquid_fail(r, "templates include each other more than %u deep",
                           (unsigned)r->most.depth);
    r->template = t;
    if (!liquid_render_block(r, &t->body))
        return false;
    r->template = caller;
    r->at = at;
    r->partials--;
    return liquid_work(r, 1);
}

static bool include_with(struct render *r, const struct partial_call *c,
                         const struct liquid_template *t, uint32_t symbol) {
    struct value v;
    if (!c->with)
        v = liquid_variable(r, r->frame, t->symbol);
    else if (!liquid_eval(r, c->with, &v))
        return false;
    for (uint32_t i = 0; i < c->nargs; i++) {
        struct value arg;
        if (!liquid_eval(r, &c->args[i], &arg))
            return false;
        set_inner(r->frame, c->arg_symbols[i], arg);
    }
    size_t times = v.type == V_LIST ? v.u.list->n : 1;
    for (size_t i = 0; i < times; i++) {
        if (!count_iteration(r))
            return false;
        set_inner(r->frame, symbol, v.type == V_LIST ? v.u.list->v[i] : v);
        if (!run_partial(r, t))
            return false;
    }
    return true;
}

bool liquid_render_include(struct render *r, const struct node *n) {
    const struct partial_call *c = n->u.call;
    const struct liquid_template *t;
    if (r->frame->isolated)
        return liquid_fail(r, "`include` cannot be used in a template that `render` brought in; "
                              "use `render` there too");
    if (!find_partial(r, c, &t))
        return false;
    uint32_t symbol = c->alias == UINT32_MAX ? t->base_symbol : c->alias;
    struct saved *was = ARENA_ARRAY(r->arena, struct saved, c->nargs + 1);
    was[c->nargs] = save(r->frame, symbol);
    for (uint32_t i = 0; i < c->nargs; i++)
        was[i] = save(r->frame, c->arg_symbols[i]);
    if (!include_with(r, c, t, symbol))
        return false;
    for (uint32_t i = 0; i <= c->nargs; i++)
        restore(r->frame, was[i]);
    return true;
}

static void set_assigned(struct frame *f, uint32_t symbol, struct value v) {
    f->slots[symbol].assigned = v;
    f->slots[symbol].has_assigned = true;
}

/* One rendering in a frame of its own. */
static bool render_once(struct render *r, const struct partial_call *c,
                        const struct liquid_template *t, struct value v, struct forloop *loop) {
    struct frame *caller = r->frame;
    struct interrupts outer = r->interrupts;
    struct frame *f = liquid_frame(r, r->params->globals ? r->params->data : NULL);
    f->isolated = true;
    if (loop)
        set_assigned(f, LIQUID_SYMBOL_FORLOOP, (struct value){.type = V_FORLOOP, .u.ext = loop});
    for (uint32_t i = 0; i < c->nargs; i++) {
        struct value arg;
        if (!liquid_eval(r, &c->args[i], &arg))
            return false;
        set_assigned(f, c->arg_symbols[i], arg);
    }
    if (v.type != V_NULL)
        set_assigned(f, c->alias == UINT32_MAX ? t->base_symbol : c->alias, v);
    r->frame = f;
    r->interrupts = (struct interrupts){0};
    if (!count_iteration(r) || !run_partial(r, t))
        return false;
    r->frame = caller;
    r->interrupts = outer;
    return true;
}

bool liquid_render_partial(struct render *r, const struct node *n) {
    const struct partial_call *c = n->u.call;
    const struct liquid_template *t;
    struct value v = VALUE_NULL;
    if (!find_partial(r, c, &t) || (c->with && !liquid_eval(r, c->with, &v)))
        return false;
    bool many = v.type == V_LIST || v.type == V_MAP || v.type == V_RANGE;
    if (!c->each || !many)
        return render_once(r, c, t, v, NULL);
    struct segment s = {.over = v};
    cut_segment(&s, 0, 0, false);
    struct forloop *loop = ARENA_NEW(r->arena, struct forloop);
    *loop = (struct forloop){.name = t->name, .length = s.n};
    for (int64_t i = 0; i < s.n; i++, loop->index++)
        if (!render_once(r, c, t, element(r, &s, i), loop))
            return false;
    return true;
}
