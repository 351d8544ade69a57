/* SPDX-License-Identifier: Apache-2.0
 *
 * What a program reads, and what must hold for it to be true.
 */
#include "config.h"

#include "rules/cel_internal.h"

#define PATH_MAX_BYTES 1000u

struct collector {
    struct arena *arena;
    struct cel_uses *uses;
    struct str *paths;
    size_t n, cap;
};

struct str cel_path_of(struct arena *a, const struct cel_node *n) {
    if (n->op == CEL_SLOT)
        return n->name;
    struct str name = n->name;
    if (n->op == CEL_INDEX && n->args[1]->op == CEL_CONST && n->args[1]->constant.type == V_STRING)
        name = value_text(n->args[1]->constant);
    else if (n->op != CEL_SELECT && n->op != CEL_HAS)
        return STR_NONE;
    struct str of = cel_path_of(a, n->args[0]);
    return of.n && of.n < PATH_MAX_BYTES ? str_printf(a, "%.*s.%.*s", STR_FMT(of), STR_FMT(name))
                                         : STR_NONE;
}

static void add_path(struct collector *c, struct str path) {
    for (size_t i = 0; i < c->n; i++)
        if (str_eq(c->paths[i], path))
            return;
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 8;
        c->paths =
            arena_grow(c->arena, c->paths, c->cap * sizeof *c->paths, cap * sizeof *c->paths);
        c->cap = cap;
    }
    c->paths[c->n++] = path;
}

static void collect(struct collector *c, const struct cel_node *n) {
    struct str path = cel_path_of(c->arena, n);
    if (path.n) {
        add_path(c, path);
        return;
    }
    if (n->op == CEL_NOW || (n->op == CEL_BEHAVIOUR && (n->use->window_us != BEHAVIOUR_ALL ||
                                                        str_eq(n->use->function, S("since")))))
        c->uses->now = true;
    for (size_t i = 0; i < n->n_overloads; i++)
        if (n->overloads[i]->result[1] == '!')
            c->uses->now = true;
    for (uint32_t i = 0; i < n->n_args; i++)
        if (n->args[i])
            collect(c, n->args[i]);
}

void cel_uses_collect(struct arena *a, struct cel_program *p) {
    struct collector c = {.arena = a, .uses = &p->uses};
    collect(&c, p->root);
    p->uses.paths = c.paths;
    p->uses.n_paths = c.n;
}

/* ---- requirements */
struct requirements {
    struct arena *arena;
    struct cel_requirement *list;
    size_t n;
};

/* path == constant, path in [constants], or a choice of such over one path. */
static bool requirement_of(struct arena *a, const struct cel_node *n, struct cel_requirement *out) {
    if (n->op == CEL_EQ || n->op == CEL_IN) {
        const struct cel_node *right = n->args[1];
        out->path = cel_path_of(a, n->args[0]);
        if (!out->path.n || right->op != CEL_CONST)
            return false;
        out->values = &right->constant;
        out->n = 1;
        if (n->op == CEL_EQ)
            return true;
        if (right->constant.type != V_LIST)
            return false;
        out->values = right->constant.u.list->v;
        out->n = right->constant.u.list->n;
        return true;
    }
    if (n->op != CEL_OR)
        return false;
    struct list *values = list_new(a, n->n_args);
    for (uint32_t i = 0; i < n->n_args; i++) {
        struct cel_requirement part;
        if (!requirement_of(a, n->args[i], &part) || (i && !str_eq(part.path, out->path)))
            return false;
        out->path = part.path;
        for (size_t k = 0; k < part.n; k++)
            list_add(a, values, part.values[k]);
    }
    out->values = values->v;
    out->n = values->n;
    return true;
}

static void require(struct requirements *r, const struct cel_node *n) {
    struct cel_requirement found;
    if (n->op == CEL_AND) {
        for (uint32_t i = 0; i < n->n_args; i++)
            require(r, n->args[i]);
    } else if (requirement_of(r->arena, n, &found)) {
        r->list = arena_grow(r->arena, r->list, r->n * sizeof found, (r->n + 1) * sizeof found);
        r->list[r->n++] = found;
    }
}

const struct cel_requirement *cel_program_requires(const struct cel_program *p, struct arena *a,
                                                   size_t *n) {
    struct requirements r = {.arena = a};
    require(&r, p->root);
    *n = r.n;
    return r.list;
}
