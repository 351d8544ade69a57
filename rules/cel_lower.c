/* SPDX-License-Identifier: Apache-2.0
 *
 * The last hand: arguments first, each node is given the function that evaluates
 * it. What does not depend on the activation is evaluated here once; constant
 * patterns are compiled. With an environment, a constant part that fails is an
 * issue: it would fail for everyone.
 */
#include "config.h"

#include "rules/cel_internal.h"

#define FOLD_STEPS 20000u
#define SET_FROM 9u /* texts in a list from which a hash is faster */

struct lowering {
    struct arena *arena;
    struct cel_program *p;
    struct cel_issues *issues;
    int loops; /* bodies of loops and binds around */
};

static void lower(struct lowering *l, struct cel_node *n);

static void become_constant(struct cel_node *n, struct value v) {
    n->op = CEL_CONST;
    n->constant = v;
    n->n_args = 0;
    n->eval = cel_eval_of(n);
}

static bool reads_clock(const struct cel_node *n) {
    for (size_t i = 0; i < n->n_overloads; i++)
        if (n->overloads[i]->result[1] == '!')
            return true;
    return false;
}

static bool fixed_by_itself(const struct cel_node *n) {
    switch ((enum cel_op)n->op) {
    case CEL_SLOT:
    case CEL_NAME:
    case CEL_NOW:
    case CEL_IT:
    case CEL_BEHAVIOUR:
    case CEL_SEGMENT:
    case CEL_RESPONDED:
        return false;
    case CEL_CALL:
        return !reads_clock(n);
    default:
        return true;
    }
}

/* An operand that decides && or || alone. */
static bool decided(struct cel_node *n) {
    for (uint32_t i = 0; i < n->n_args; i++) {
        const struct cel_node *a = n->args[i];
        if (a->op == CEL_CONST && a->constant.type == V_BOOL &&
            a->constant.u.b == (n->op == CEL_OR)) {
            become_constant(n, a->constant);
            n->fixed = true;
            return true;
        }
    }
    return false;
}

static void fold(struct lowering *l, struct cel_node *n) {
    struct cel_activation act = {.steps = FOLD_STEPS};
    struct cel_run run = cel_run_begin(l->p, &act, l->arena);
    struct value v = cel_eval_node(n, &run);
    if (run.exhausted)
        return;
    if (!cel_is_error(v)) {
        become_constant(n, v);
        return;
    }
    if (!l->p->env || n->op == CEL_AND || n->op == CEL_OR || n->op == CEL_COND)
        return;
    for (uint32_t i = 0; i < n->n_args; i++) /* reported where it arose */
        if (n->args[i] && n->args[i]->op != CEL_CONST)
            return;
    struct str text = cel_error_text(l->arena, v);
    cel_issue_add(l->issues, n->offset, n->length, "this always fails: %.*s", STR_FMT(text));
}

static void prepare_pattern(struct lowering *l, struct cel_node *n) {
    struct err e = ERR_INIT;
    if (!str_eq(n->name, S("matches")) || n->n_args != 2 || n->args[1]->op != CEL_CONST ||
        n->args[1]->constant.type != V_STRING)
        return;
    n->regex = cel_regex_new(l->arena, value_text(n->args[1]->constant), true, &e);
    if (!n->regex && l->p->env)
        cel_issue_add(l->issues, n->args[1]->offset, n->args[1]->length, "%s", e.text);
}

static void prepare_set(struct lowering *l, struct cel_node *n) {
    const struct cel_node *list = n->args[1];
    if (list->op != CEL_CONST || list->constant.type != V_LIST ||
        list->constant.u.list->n < SET_FROM)
        return;
    struct map *m = map_new(l->arena, list->constant.u.list->n);
    for (size_t i = 0; i < list->constant.u.list->n; i++)
        if (list->constant.u.list->v[i].type == V_STRING)
            map_set(l->arena, m, list->constant.u.list->v[i], VALUE_NULL);
    n->set = m;
}

/* "text" == x is x == "text", which is faster. */
static void swap_equal(struct cel_node *n) {
    if (n->args[0]->op == CEL_CONST && n->args[1]->op != CEL_CONST) {
        struct cel_node *a = n->args[0];
        n->args[0] = n->args[1];
        n->args[1] = a;
    }
}

static void lower_args(struct lowering *l, struct cel_node *n) {
    bool binds =
        n->op == CEL_LOOP || n->op == CEL_BIND || n->op == CEL_OPTMAP || n->op == CEL_OPTFLATMAP;
    n->fixed = true;
    for (uint32_t i = 0; i < n->n_args; i++) {
        if (!n->args[i])
            continue;
        l->loops += binds && i > 0;
        lower(l, n->args[i]);
        l->loops -= binds && i > 0;
        n->fixed = n->fixed && n->args[i]->fixed;
        n->has_local = n->has_local || n->args[i]->has_local;
    }
    n->fixed = n->fixed && fixed_by_itself(n);
    n->has_local = n->has_local || n->op == CEL_LOCAL;
}

static void lower(struct lowering *l, struct cel_node *n) {
    size_t errors = l->issues->errors;
    lower_args(l, n);
    if (l->p->env && l->issues->errors == errors)
        cel_review(l->p->source, n, l->issues);
    if ((n->op == CEL_AND || n->op == CEL_OR) && decided(n))
        return;
    if (n->op == CEL_CALL)
        prepare_pattern(l, n);
    else if (n->op == CEL_IN)
        prepare_set(l, n);
    else if (n->op == CEL_EQ || n->op == CEL_NE)
        swap_equal(n);
    n->eval = cel_eval_of(n);
    if (n->op != CEL_CONST && n->fixed && (!n->has_local || l->loops == 0) &&
        l->issues->errors == errors)
        fold(l, n);
}

void cel_lower(struct arena *a, struct cel_program *p, struct cel_node *root,
               struct cel_issues *issues) {
    struct lowering l = {a, p, issues, 0};
    lower(&l, root);
}
