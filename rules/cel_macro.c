/* SPDX-License-Identifier: Apache-2.0
 *
 * Macros: calls that are not functions because they bind variables or look at
 * the form of their argument. One line of the table each.
 */
#include "config.h"

#include "rules/cel_internal.h"

struct macro;
typedef struct cel_node *(*expand_fn)(struct arena *a, const struct macro *m, struct cel_node *call,
                                      struct cel_issues *issues);

struct macro {
    const char *name;
    bool member;
    uint8_t args;      /* without the receiver */
    uint8_t variables; /* of a loop */
    uint8_t kind;      /* enum cel_loop or enum cel_op */
    expand_fn expand;
};

static struct cel_node *has(struct arena *a, const struct macro *m, struct cel_node *call,
                            struct cel_issues *issues);
static struct cel_node *loop(struct arena *a, const struct macro *m, struct cel_node *call,
                             struct cel_issues *issues);
static struct cel_node *bind(struct arena *a, const struct macro *m, struct cel_node *call,
                             struct cel_issues *issues);
static struct cel_node *optional(struct arena *a, const struct macro *m, struct cel_node *call,
                                 struct cel_issues *issues);

static const struct macro macros[] = {
    {"has", false, 1, 0, CEL_HAS, has},
    {"all", true, 2, 1, CEL_ALL, loop},
    {"all", true, 3, 2, CEL_ALL, loop},
    {"exists", true, 2, 1, CEL_EXISTS, loop},
    {"exists", true, 3, 2, CEL_EXISTS, loop},
    {"exists_one", true, 2, 1, CEL_EXISTS_ONE, loop},
    {"exists_one", true, 3, 2, CEL_EXISTS_ONE, loop},
    {"existsOne", true, 2, 1, CEL_EXISTS_ONE, loop},
    {"existsOne", true, 3, 2, CEL_EXISTS_ONE, loop},
    {"filter", true, 2, 1, CEL_FILTER, loop},
    {"map", true, 2, 1, CEL_TRANSFORM_LIST, loop},
    {"map", true, 3, 1, CEL_TRANSFORM_LIST, loop},
    {"transformList", true, 3, 2, CEL_TRANSFORM_LIST, loop},
    {"transformList", true, 4, 2, CEL_TRANSFORM_LIST, loop},
    {"transformMap", true, 3, 2, CEL_TRANSFORM_MAP, loop},
    {"transformMap", true, 4, 2, CEL_TRANSFORM_MAP, loop},
    {"transformMapEntry", true, 3, 2, CEL_TRANSFORM_ENTRY, loop},
    {"transformMapEntry", true, 4, 2, CEL_TRANSFORM_ENTRY, loop},
    {"optMap", true, 2, 1, CEL_OPTMAP, optional},
    {"optFlatMap", true, 2, 1, CEL_OPTFLATMAP, optional},
    {"bind", true, 3, 1, CEL_BIND, bind},
};

struct cel_node *cel_macro(struct arena *a, struct cel_node *call, struct cel_issues *issues) {
    size_t args = call->n_args - call->member;
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++) {
        const struct macro *m = &macros[i];
        if (m->member == call->member && m->args == args && str_eq(call->name, str_from(m->name)))
            return m->expand(a, m, call, issues);
    }
    return call;
}

static struct cel_node *has(struct arena *a, const struct macro *m, struct cel_node *call,
                            struct cel_issues *issues) {
    (void)a;
    struct cel_node *field = call->args[0];
    if (field->op != CEL_SELECT || field->optional) {
        cel_issue_add(issues, field->offset, field->length,
                      "has() takes a field, such as has(customer.country)");
        return NULL;
    }
    field->op = m->kind;
    field->offset = call->offset;
    field->length = call->length;
    return field;
}

static bool variable(const struct cel_node *n, struct str *name, struct cel_issues *issues) {
    if (n->op != CEL_IDENT || n->root) {
        cel_issue_add(issues, n->offset, n->length,
                      "a variable name is expected here, such as x in list.all(x, x > 0)");
        return false;
    }
    *name = n->name;
    return true;
}

static struct cel_node *loop(struct arena *a, const struct macro *m, struct cel_node *call,
                             struct cel_issues *issues) {
    struct cel_node **arg = call->args;
    if (!variable(arg[1], &call->name, issues) ||
        (m->variables == 2 && !variable(arg[2], &call->name2, issues)))
        return NULL;
    if (m->variables == 2 && str_eq(call->name, call->name2)) {
        cel_issue_add(issues, arg[2]->offset, arg[2]->length,
                      "the two variables need different names");
        return NULL;
    }
    struct cel_node **bodies = arg + 1 + m->variables;
    size_t n = (size_t)m->args - m->variables;
    bool transforms = m->kind >= CEL_TRANSFORM_LIST;
    struct cel_node **args = ARENA_ARRAY(a, struct cel_node *, 3);
    args[0] = arg[0];
    args[1] = !transforms || n == 2 ? bodies[0] : NULL;
    args[2] = transforms ? bodies[n - 1] : NULL;
    call->op = CEL_LOOP;
    call->loop = m->kind;
    call->args = args;
    call->n_args = 3;
    return call;
}

/* cel.bind(name, value, body) */
static struct cel_node *bind(struct arena *a, const struct macro *m, struct cel_node *call,
                             struct cel_issues *issues) {
    (void)a;
    struct cel_node *receiver = call->args[0];
    if (receiver->op != CEL_IDENT || !str_eq(receiver->name, S("cel")))
        return call;
    if (!variable(call->args[1], &call->name, issues))
        return NULL;
    call->op = m->kind;
    call->args += 2;
    call->n_args = 2;
    return call;
}

static struct cel_node *optional(struct arena *a, const struct macro *m, struct cel_node *call,
                                 struct cel_issues *issues) {
    (void)a;
    if (!variable(call->args[1], &call->name, issues))
        return NULL;
    call->op = m->kind;
    call->args[1] = call->args[2];
    call->n_args = 2;
    return call;
}
