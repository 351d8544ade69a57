/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/template_inputs.h"

#include "base/arena.h"
#include "templates/liquid_filters.h"

#define BOUND_MAX 64 /* loop variables inside each other that are told apart from data */

struct walker {
    struct template_needs *needs;
    const struct liquid_set *set;
    const struct liquid_template *template;
    uint32_t bound[BOUND_MAX]; /* symbols that loops around here have set */
    size_t nbound;
    missing_partial_fn missing;
    void *context;
};

void template_needs_init(struct template_needs *n, struct arena *a) {
    *n = (struct template_needs){.arena = a, .paths = list_new(a, 0), .partials = list_new(a, 0)};
}

/* ---- paths */
static bool covers(struct str shorter, struct str longer) {
    return str_eq(shorter, S("*")) ||
           (str_starts(longer, shorter) && (longer.n == shorter.n || longer.p[shorter.n] == '.'));
}

void template_needs_path(struct template_needs *n, struct str path) {
    struct list *l = n->paths;
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++)
        if (covers(value_text(l->v[i]), path))
            return;
    for (size_t i = 0; i < l->n; i++)
        if (!covers(path, value_text(l->v[i])))
            l->v[kept++] = l->v[i];
    l->n = kept;
    list_add(n->arena, l, value_str(str_dup(n->arena, path)));
}

static bool is_bound(const struct walker *w, uint32_t symbol) {
    if (symbol == LIQUID_SYMBOL_FORLOOP || symbol == LIQUID_SYMBOL_TABLEROWLOOP)
        return true;
    for (size_t i = 0; i < w->nbound; i++)
        if (w->bound[i] == symbol)
            return true;
    return false;
}

static void bind(struct walker *w, uint32_t symbol) {
    if (w->nbound < BOUND_MAX)
        w->bound[w->nbound++] = symbol;
}

static void walk_expr(struct walker *w, const struct expr *e);

static void walk_path(struct walker *w, const struct expr *e) {
    for (uint16_t i = 0; i < e->nsteps; i++)
        if (e->steps[i].key)
            walk_expr(w, e->steps[i].key);
    if (e->root) {
        walk_expr(w, e->root);
        template_needs_path(w->needs, S("*"));
        return;
    }
    if (is_bound(w, e->symbol))
        return;
    bool self = e->symbol == LIQUID_SYMBOL_SELF;
    struct buf b = BUF_IN(w->needs->arena);
    if (!self)
        buf_add_str(&b, value_text(w->set->names->v[e->symbol]));
    for (uint16_t i = 0; i < e->nsteps; i++) {
        const struct step *s = &e->steps[i];
        if (s->key || s->command || !s->name.n || memchr(s->name.p, '.', s->name.n))
            break;
        if (b.n)
            buf_add_char(&b, '.');
        buf_add_str(&b, s->name);
    }
    template_needs_path(w->needs, b.n ? buf_str(&b) : S("*"));
}

static void walk_expr(struct walker *w, const struct expr *e) {
    if (!e)
        return;
    if (e->kind == EXPR_PATH)
        walk_path(w, e);
    if (e->kind == EXPR_RANGE) {
        walk_expr(w, e->low);
        walk_expr(w, e->high);
    }
}

static void walk_piped(struct walker *w, const struct piped *p) {
    walk_expr(w, &p->expr);
    for (uint32_t i = 0; i < p->nfilters; i++) {
        const struct filter_call *c = &p->filters[i];
        for (uint32_t k = 0; k < c->nargs + c->nnamed; k++)
            walk_expr(w, &c->args[k]); /* the named ones stand behind the others */
        if (c->filter && c->filter->apply == filter_t)
            w->needs->translates = true;
    }
}

/* ---- nodes */
static void walk_block(struct walker *w, const struct block *b);

static void walk_template(struct walker *w, const struct liquid_template *t) {
    struct list *l = w->needs->partials;
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(value_text(l->v[i]), t->name))
            return;
    list_add(w->needs->arena, l, value_str(t->name));
    struct walker inner = {.needs = w->needs,
                           .set = w->set,
                           .template = t,
                           .missing = w->missing,
                           .context = w->context};
    walk_block(&inner, &t->body);
}

static void walk_all_templates(struct walker *w) {
    w->needs->any_partial = true;
    for (size_t i = 0; i < w->set->templates->n; i++)
        walk_template(w, w->set->templates->e[i].value.u.ext);
}

static void walk_call(struct walker *w, const struct node *n) {
    const struct partial_call *c = n->u.call;
    walk_expr(w, &c->name);
    walk_expr(w, c->with);
    for (uint32_t i = 0; i < c->nargs; i++)
        walk_expr(w, &c->args[i]);
    if (c->name.kind != EXPR_VALUE) {
        walk_all_templates(w);
        return;
    }
    struct str name = c->name.value.type == V_STRING ? value_text(c->name.value) : S("");
    const struct liquid_template *t = liquid_find(w->set, name);
    if (!t && w->missing)
        w->missing(w->context, w->template, n->at, name);
    if (!t)
        return;
    walk_template(w, t);
    struct str prefix = str_printf(w->needs->arena, "%.*s.", STR_FMT(name));
    for (size_t i = 0; i < w->set->templates->n; i++) { /* its variants: footer.zh-TW */
        const struct liquid_template *v = w->set->templates->e[i].value.u.ext;
        if (str_starts(v->name, prefix))
            walk_template(w, v);
    }
    if (n->kind == NODE_INCLUDE && !c->with) /* an include sees a variable of its name */
        template_needs_path(w->needs, name);
}

static void walk_loop(struct walker *w, const struct loop *l) {
    size_t bound = w->nbound;
    walk_expr(w, &l->collection);
    walk_expr(w, l->limit);
    walk_expr(w, l->offset);
    walk_expr(w, l->cols);
    bind(w, l->symbol);
    walk_block(w, &l->body);
    w->nbound = bound;
    walk_block(w, &l->otherwise);
}

static void walk_branches(struct walker *w, const struct node *n) {
    for (uint32_t i = 0; i < n->n; i++) {
        const struct comparison *c = n->u.branches[i].when;
        for (; c; c = c->then ? c + 1 : NULL) {
            walk_expr(w, &c->left);
            walk_expr(w, &c->right);
        }
        walk_block(w, &n->u.branches[i].body);
    }
}

static void walk_cycle(struct walker *w, const struct cycle *c) {
    walk_expr(w, c->name);
    for (uint32_t i = 0; i < c->n; i++)
        walk_expr(w, &c->items[i]);
}

static void walk_node(struct walker *w, const struct node *n) {
    switch ((enum node_kind)n->kind) {
    case NODE_OUTPUT:
    case NODE_ASSIGN:
        walk_piped(w, n->u.piped);
        break;
    case NODE_CAPTURE:
    case NODE_IFCHANGED:
        walk_block(w, n->u.body);
        break;
    case NODE_IF:
    case NODE_CASE:
        walk_branches(w, n);
        break;
    case NODE_FOR:
    case NODE_TABLEROW:
        walk_loop(w, n->u.loop);
        break;
    case NODE_CYCLE:
        walk_cycle(w, n->u.cycle);
        break;
    case NODE_INCREMENT:
    case NODE_DECREMENT:
        template_needs_path(w->needs, value_text(w->set->names->v[n->n]));
        break;
    case NODE_INCLUDE:
    case NODE_RENDER:
        walk_call(w, n);
        break;
    case NODE_LINK:
        walk_block(w, &n->u.link->url);
        break;
    case NODE_NOTHING:
    case NODE_TEXT:
    case NODE_RAW:
    case NODE_BREAK:
    case NODE_CONTINUE:
        break;
    }
}

static void walk_block(struct walker *w, const struct block *b) {
    for (uint32_t i = 0; i < b->n; i++)
        walk_node(w, &b->nodes[i]);
}

void template_needs_add(struct template_needs *n, const struct liquid_set *set,
                        const struct liquid_template *t, missing_partial_fn missing,
                        void *context) {
    struct walker w = {
        .needs = n, .set = set, .template = t, .missing = missing, .context = context};
    walk_block(&w, &t->body);
}
