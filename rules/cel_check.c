/* SPDX-License-Identifier: Apache-2.0
 *
 * Resolves names and scopes. The rule for a.b.c: a variable of a loop hides
 * everything that starts with its name; otherwise the longest prefix that is a
 * name wins, and what is left selects fields.
 */
#include "config.h"

#include "rules/cel_check_internal.h"

/* ---- names */
static const struct cel_scope *find_local(const struct cel_check *c, struct str name) {
    const struct cel_scope *s = c->scope;
    while (s && !str_eq(s->name, name))
        s = s->outer;
    return s;
}

static size_t chain_parts(const struct cel_node *n, const struct cel_node **ident) {
    size_t parts = 1;
    while (n->op == CEL_SELECT && !n->optional && !n->root) {
        n = n->args[0];
        parts++;
    }
    *ident = n;
    return n->op == CEL_IDENT ? parts : 0;
}

bool cel_chain(struct arena *a, const struct cel_node *n, struct str *dotted,
               const struct cel_node **ident) {
    size_t parts = chain_parts(n, ident);
    if (!parts)
        return false;
    struct str *names = ARENA_ARRAY(a, struct str, parts);
    size_t length = parts - 1, i = parts;
    for (const struct cel_node *at = n; i > 0; at = at->op == CEL_SELECT ? at->args[0] : at) {
        names[--i] = at->name;
        length += at->name.n;
    }
    char *p = arena_alloc(a, length + 1);
    size_t used = 0;
    for (i = 0; i < parts; i++) {
        if (i)
            p[used++] = '.';
        memcpy(p + used, names[i].p, names[i].n);
        used += names[i].n;
    }
    *dotted = str_of(p, used);
    return true;
}

static void become_constant(struct cel_node *n, struct value v) {
    n->op = CEL_CONST;
    n->constant = v;
    n->n_args = 0;
}

/* A variable, `now` or a type of that name; false: there is none. */
static bool resolve_name(struct cel_check *c, struct cel_node *n, struct str name) {
    struct value type;
    for (size_t i = 0; i < c->env->n_variables; i++)
        if (str_eq(c->env->variables[i].name, name)) {
            n->op = CEL_SLOT;
            n->slot = (uint32_t)i;
            n->name = name;
            n->n_args = 0;
            n->type = c->env->variables[i].type;
            n->coerce = n->type;
            c->filter_alone = false;
            return true;
        }
    if (c->env->functions && str_eq(name, S("now"))) {
        n->op = CEL_NOW;
        n->n_args = 0;
        n->type = cel_type_of(CEL_TIMESTAMP);
        c->filter_alone = false;
        return true;
    }
    if (!cel_type_by_name(name, &type))
        return false;
    become_constant(n, type);
    n->type = cel_type_of(CEL_TYPE);
    return true;
}

static void unknown_name(struct cel_check *c, const struct cel_node *n) {
    struct str *names = ARENA_ARRAY(c->arena, struct str, c->env->n_variables + 1);
    size_t count = 0;
    for (; count < c->env->n_variables; count++)
        names[count] = c->env->variables[count].name;
    if (c->env->functions)
        names[count++] = S("now");
    struct cel_issue *i =
        cel_issue_add(c->issues, n->offset, n->length, "unknown name `%.*s`", STR_FMT(n->name));
    cel_issue_nearest(c->issues, i, n->name, names, count);
    if (i && !i->hint.n && cel_function_exists(n->name, false))
        i->hint = str_printf(c->arena, "`%.*s` is a function; call it with ( )", STR_FMT(n->name));
    else if (i && !i->hint.n)
        i->hint = S("text is written in quotes");
}

/* Nothing is declared: every prefix is a candidate when evaluated. */
static void make_dynamic(struct cel_check *c, struct cel_node *n, size_t parts) {
    if (parts > CEL_DEPTH_MAX / 8)
        parts = CEL_DEPTH_MAX / 8;
    n->names = NULL;
    n->n_names = parts;
    struct str *names = ARENA_ARRAY(c->arena, struct str, parts * 2);
    const struct cel_node *at = n, *ident;
    for (size_t i = 0; i < parts; i++) {
        cel_chain(c->arena, at, &names[i], &ident);
        names[parts * 2 - 1 - i] = at->name;
        if (at->op == CEL_SELECT)
            at = at->args[0];
    }
    n->names = names;
    n->op = CEL_NAME;
    n->n_args = 0;
}

/* An identifier, or a selection that is one as a whole; false: it is a selection. */
static bool resolve_chain(struct cel_check *c, struct cel_node *n) {
    const struct cel_node *ident;
    size_t parts = chain_parts(n, &ident);
    if (!parts)
        return false;
    const struct cel_scope *local = ident->root ? NULL : find_local(c, ident->name);
    if (local && parts > 1)
        return false;
    if (local) {
        for (const struct cel_scope *s = c->filter_scope; s && c->in_filter; s = s->outer)
            c->filter_alone = c->filter_alone && s != local;
        n->op = CEL_LOCAL;
        n->slot = local->slot;
        n->type = local->type;
        return true;
    }
    if (!c->env) {
        if (parts > CEL_DEPTH_MAX / 8)
            return false;
        make_dynamic(c, n, parts);
        return true;
    }
    struct str dotted;
    if (parts > 16 || !cel_chain(c->arena, n, &dotted, &ident))
        return false;
    if (resolve_name(c, n, dotted))
        return true;
    if (parts == 1) {
        unknown_name(c, n);
        n->type = cel_type_of(CEL_DYN);
    }
    return parts == 1;
}

/* ---- loops and other macros */
static const struct cel_type *check_in_scope(struct cel_check *c, struct cel_node *body,
                                             struct cel_scope *scope) {
    scope->outer = c->scope;
    c->scope = scope;
    const struct cel_type *t = cel_check_node(c, body);
    c->scope = scope->outer;
    return t;
}

static uint32_t new_local(struct cel_check *c) {
    return (uint32_t)c->program->n_locals++;
}

static void loop_variable_types(struct cel_check *c, const struct cel_node *n,
                                const struct cel_type *range, struct cel_scope *one,
                                struct cel_scope *two) {
    const struct cel_type *dyn = cel_type_of(CEL_DYN), *element = cel_type_element(range);
    one->type = two->type = dyn;
    if (range->kind == CEL_LIST) {
        one->type = n->name2.n ? cel_type_of(CEL_INT) : element;
        two->type = element;
    } else if (range->kind == CEL_MAP) {
        one->type = range->n_fields ? cel_type_of(CEL_STRING) : dyn;
        two->type = element;
    } else if (range->kind != CEL_DYN && c->env) {
        cel_issue_add(c->issues, n->args[0]->offset, n->args[0]->length,
                      "only lists and maps can be looped over; this is %s",
                      cel_kind_name(range->kind));
    }
}

static const struct cel_type *check_loop(struct cel_check *c, struct cel_node *n) {
    const struct cel_type *range = cel_check_node(c, n->args[0]), *result = NULL;
    struct cel_scope one = {.name = n->name, .slot = new_local(c)};
    struct cel_scope two = {.name = n->name2, .slot = new_local(c)};
    n->slot = one.slot;
    n->slot2 = two.slot;
    loop_variable_types(c, n, range, &one, &two);
    const struct cel_scope *outer = c->scope;
    one.outer = outer;
    c->scope = &one;
    if (n->name2.n) {
        two.outer = &one;
        c->scope = &two;
    }
    if (n->args[1]) {
        cel_check_node(c, n->args[1]);
        cel_check_bool(c, n->args[1], "the condition of a loop");
    }
    if (n->args[2])
        result = cel_check_node(c, n->args[2]);
    c->scope = outer;
    switch ((enum cel_loop)n->loop) {
    case CEL_FILTER:
        return range->kind == CEL_LIST ? range : cel_type_of(CEL_LIST);
    case CEL_TRANSFORM_LIST:
        return cel_type_new(c, CEL_LIST, result);
    case CEL_TRANSFORM_MAP:
        return cel_type_new(c, CEL_MAP, result);
    case CEL_TRANSFORM_ENTRY:
        return cel_type_of(CEL_MAP);
    default:
        return cel_type_of(CEL_BOOL);
    }
}

static const struct cel_type *check_bind(struct cel_check *c, struct cel_node *n) {
    const struct cel_type *t = cel_check_node(c, n->args[0]);
    bool optional = n->op != CEL_BIND;
    if (optional && c->env && t->kind != CEL_OPTIONAL && t->kind != CEL_DYN)
        cel_issue_add(c->issues, n->args[0]->offset, n->args[0]->length,
                      "optMap and optFlatMap want an optional; this is %s", cel_kind_name(t->kind));
    struct cel_scope s = {
        .name = n->name, .slot = new_local(c), .type = optional ? cel_type_element(t) : t};
    n->slot = s.slot;
    const struct cel_type *body = check_in_scope(c, n->args[1], &s);
    if (n->op == CEL_OPTMAP)
        return cel_type_new(c, CEL_OPTIONAL, body);
    return body;
}

/* ---- literals */
static const struct cel_type *element_type(struct cel_check *c, const struct cel_node *e,
                                           bool optional) {
    const struct cel_type *t = e->type;
    if (!optional)
        return t;
    if (c->env && t->kind != CEL_OPTIONAL && t->kind != CEL_DYN)
        cel_issue_add(c->issues, e->offset, e->length,
                      "behind ? an optional is expected; this is %s", cel_kind_name(t->kind));
    return cel_type_element(t);
}

static const struct cel_type *check_list(struct cel_check *c, struct cel_node *n) {
    const struct cel_type *element = NULL;
    for (uint32_t i = 0; i < n->n_args; i++) {
        cel_check_node(c, n->args[i]);
        const struct cel_type *t = element_type(c, n->args[i], n->optionals[i]);
        element = element ? cel_type_join(c, element, t) : t;
    }
    return cel_type_new(c, CEL_LIST, element);
}

static const struct cel_type *check_map(struct cel_check *c, struct cel_node *n) {
    const struct cel_type *element = NULL;
    for (uint32_t i = 0; i < n->n_args; i += 2) {
        enum cel_kind key = cel_check_node(c, n->args[i])->kind;
        cel_check_node(c, n->args[i + 1]);
        const struct cel_type *t = element_type(c, n->args[i + 1], n->optionals[i]);
        element = element ? cel_type_join(c, element, t) : t;
        if (c->env && key != CEL_DYN && key != CEL_STRING && key != CEL_INT && key != CEL_UINT &&
            key != CEL_BOOL)
            cel_issue_add(c->issues, n->args[i]->offset, n->args[i]->length,
                          "the key of a map is a string, int, uint or bool; this is %s",
                          cel_kind_name(key));
    }
    return cel_type_new(c, CEL_MAP, element);
}

/* ---- calls */
/* math.greatest(...): the receiver is part of the function's name. */
static void resolve_namespace(struct cel_check *c, struct cel_node *n) {
    const struct cel_node *ident;
    struct str dotted;
    if (!n->member || chain_parts(n->args[0], &ident) == 0 || chain_parts(n->args[0], &ident) > 4)
        return;
    if ((!ident->root && find_local(c, ident->name)) ||
        !cel_chain(c->arena, n->args[0], &dotted, &ident))
        return;
    struct str name = str_printf(c->arena, "%.*s.%.*s", STR_FMT(dotted), STR_FMT(n->name));
    if (!cel_function_exists(name, false))
        return;
    n->name = name;
    n->member = false;
    n->args++;
    n->n_args--;
}

static const struct cel_type *check_call(struct cel_check *c, struct cel_node *n) {
    resolve_namespace(c, n);
    if (!n->member && c->env && c->env->functions && cel_check_godwit(c, n))
        return n->type;
    for (uint32_t i = 0; i < n->n_args; i++)
        cel_check_node(c, n->args[i]);
    return cel_check_call(c, n);
}

const struct cel_type *cel_check_node(struct cel_check *c, struct cel_node *n) {
    const struct cel_type *t = NULL;
    switch ((enum cel_op)n->op) {
    case CEL_CONST:
        t = cel_type_of(cel_kind_of(n->constant));
        break;
    case CEL_IDENT:
    case CEL_SELECT:
    case CEL_HAS:
        if (c->in_filter && cel_check_it(c, n))
            return n->type;
        if (n->op != CEL_HAS && resolve_chain(c, n)) {
            t = n->type ? n->type : cel_type_of(CEL_DYN);
            break;
        }
        cel_check_node(c, n->args[0]);
        t = cel_check_field(c, n);
        break;
    case CEL_INDEX:
        cel_check_node(c, n->args[0]);
        cel_check_node(c, n->args[1]);
        t = cel_check_index(c, n);
        break;
    case CEL_MAKE_LIST:
        t = check_list(c, n);
        break;
    case CEL_MAKE_MAP:
        t = check_map(c, n);
        break;
    case CEL_LOOP:
        t = check_loop(c, n);
        break;
    case CEL_BIND:
    case CEL_OPTMAP:
    case CEL_OPTFLATMAP:
        t = check_bind(c, n);
        break;
    case CEL_CALL:
        t = check_call(c, n);
        break;
    default:
        for (uint32_t i = 0; i < n->n_args; i++)
            cel_check_node(c, n->args[i]);
        t = cel_check_operator(c, n);
    }
    n->type = t;
    return t;
}

bool cel_check(struct arena *a, const struct cel_env *env, struct cel_node *root,
               struct cel_program *p, struct cel_issues *issues) {
    size_t before = issues->errors;
    struct cel_check c = {.arena = a, .env = env, .program = p, .issues = issues};
    cel_check_node(&c, root);
    return issues->errors == before;
}
