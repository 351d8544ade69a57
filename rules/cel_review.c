/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks at a condition for what nobody means to write: parts that make no
 * difference since another part decides, comparisons that exclude each other
 * (country == "TW" && country == "HK") or that one of is always true
 * (country != "TW" || country != "HK"). Says so as warnings; the program is good
 * all the same. And tells whether two conditions exclude each other. Works on the lowered tree:
 * constants are folded.
 *
 * Two comparisons are about the same thing when its source reads the same.
 */
#include "config.h"

#include "rules/cel_internal.h"

#define CLAIMS_MOST 64u

/* What a comparison says of the value of an expression. */
struct claim {
    struct str about;
    const struct cel_node *at;
    enum cel_op op; /* CEL_IN: one of the values, CEL_NE: none of them, CEL_LT ...: values[0] */
    const struct value *values;
    size_t n;
};

struct reviewer {
    struct str source;
    struct cel_issues *issues;
    int64_t steps; /* bounds the comparing of constants */
};

static struct str text_of(const struct reviewer *r, const struct cel_node *n) {
    return str_sub(r->source, n->offset, n->offset + n->length);
}

/* ---- what comparisons claim */

static enum cel_op negated(enum cel_op op) {
    switch (op) {
    case CEL_LT:
        return CEL_GE;
    case CEL_LE:
        return CEL_GT;
    case CEL_GT:
        return CEL_LE;
    case CEL_GE:
        return CEL_LT;
    default:
        return op == CEL_IN ? CEL_NE : CEL_IN;
    }
}

static bool is_comparison(enum cel_op op) {
    return op == CEL_EQ || op == CEL_NE || op == CEL_LT || op == CEL_LE || op == CEL_GT ||
           op == CEL_GE;
}

static bool claim_of(const struct reviewer *r, const struct cel_node *n, struct claim *out) {
    if (n->op == CEL_NOT) {
        if (!claim_of(r, n->args[0], out))
            return false;
        out->op = negated(out->op);
        out->at = n;
        return true;
    }
    bool in = n->op == CEL_IN;
    if (!in && !is_comparison((enum cel_op)n->op))
        return false;
    const struct cel_node *left = n->args[0], *right = n->args[1];
    enum cel_op op = (enum cel_op)n->op;
    if (left->op == CEL_CONST && !in) {
        const struct cel_node *other = left;
        left = right;
        right = other;
        op = cel_op_mirrored(op);
    }
    if (left->op == CEL_CONST || right->op != CEL_CONST)
        return false;
    *out = (struct claim){text_of(r, left), n, op == CEL_EQ ? CEL_IN : op, &right->constant, 1};
    if (in && right->constant.type != V_LIST)
        return false;
    if (in) {
        out->values = right->constant.u.list->v;
        out->n = right->constant.u.list->n;
    }
    return true;
}

/* ---- whether two of them can both hold */

static bool one_of(struct reviewer *r, const struct claim *c, struct value v) {
    for (size_t i = 0; i < c->n; i++)
        if (cel_equal(c->values[i], v, &r->steps) || r->steps < 0)
            return true;
    return false;
}

/* v against a bound; what has no order is left alone. */
static bool within(const struct claim *c, struct value v) {
    int order = cel_compare(v, c->values[0]);
    if (order > 1)
        return true;
    return c->op == CEL_LT   ? order < 0
           : c->op == CEL_LE ? order <= 0
           : c->op == CEL_GT ? order > 0
                             : order >= 0;
}

static bool some_value_fits(struct reviewer *r, const struct claim *values,
                            const struct claim *other) {
    for (size_t i = 0; i < values->n; i++) {
        struct value v = values->values[i];
        bool fits = other->op == CEL_IN   ? one_of(r, other, v)
                    : other->op == CEL_NE ? !one_of(r, other, v) || r->steps < 0
                                          : within(other, v);
        if (fits)
            return true;
    }
    return false;
}

/* Of a lower and an upper bound, whether nothing lies between them. */
static bool bounds_exclude(const struct claim *a, const struct claim *b) {
    bool a_low = a->op == CEL_GT || a->op == CEL_GE, b_low = b->op == CEL_GT || b->op == CEL_GE;
    if (a_low == b_low)
        return false;
    int order = cel_compare(a->values[0], b->values[0]);
    if (order > 1)
        return false;
    if (order == 0)
        return a->op == CEL_GT || a->op == CEL_LT || b->op == CEL_GT || b->op == CEL_LT;
    return a_low ? order > 0 : order < 0;
}

static bool exclude_each_other(struct reviewer *r, const struct claim *a, const struct claim *b) {
    if (!str_eq(a->about, b->about))
        return false;
    if (a->op == CEL_IN)
        return !some_value_fits(r, a, b);
    if (b->op == CEL_IN)
        return !some_value_fits(r, b, a);
    return a->op != CEL_NE && b->op != CEL_NE && bounds_exclude(a, b);
}

/* ---- && and || */

static size_t claims_of(const struct reviewer *r, const struct cel_node *n, struct claim *list,
                        size_t count) {
    for (uint32_t i = 0; i < n->n_args && count < CLAIMS_MOST; i++) {
        if (n->args[i]->op == n->op)
            count = claims_of(r, n->args[i], list, count);
        else
            count += claim_of(r, n->args[i], &list[count]);
    }
    return count;
}

/* What must hold for the condition to be true. */
static size_t required_claims(const struct reviewer *r, const struct cel_node *root,
                              struct claim *list) {
    return root->op == CEL_AND ? claims_of(r, root, list, 0) : claim_of(r, root, &list[0]);
}

static void report(struct reviewer *r, const struct claim *first, const struct claim *second,
                   bool and) {
    struct str text = text_of(r, first->at);
    const struct cel_node *n = second->at;
    struct cel_issue *w = cel_warning_add(
        r->issues, n->offset, n->length,
        and? "this is never true together with `%.*s`, so nobody fulfils both"
           : "this or `%.*s` is true of every value, so everybody fulfils one of them",
        STR_FMT(text));
    if (w)
        w->hint = and? S("for one or the other write ||, or `x in [...]`")
                     : S("for neither of them write &&, or `!(x in [...])`");
}

static void compare_claims(struct reviewer *r, const struct cel_node *n) {
    struct claim list[CLAIMS_MOST];
    bool and = n->op == CEL_AND;
    size_t count = claims_of(r, n, list, 0);
    for (size_t i = 0; !and&&i < count; i++) /* a || b is always true if !a && !b never is */
        list[i].op = negated(list[i].op);
    for (size_t i = 1; i < count; i++)
        for (size_t k = 0; k < i && r->steps > 0; k++) {
            if (!exclude_each_other(r, &list[k], &list[i]))
                continue;
            report(r, &list[k], &list[i], and);
            return;
        }
}

static bool is_bool(const struct cel_node *n, bool b) {
    return n->op == CEL_CONST && n->constant.type == V_BOOL && n->constant.u.b == b;
}

/* It has become known by a part of it that was complained of. */
static bool is_said(const struct cel_issues *issues, const struct cel_node *n) {
    for (size_t i = 0; i < issues->n; i++)
        if (issues->list[i].offset >= n->offset && issues->list[i].offset < n->offset + n->length)
            return true;
    return false;
}

/* An operand that is known: it decides alone, or it makes no difference. */
static bool look_at_operands(struct reviewer *r, const struct cel_node *n) {
    bool and = n->op == CEL_AND;
    for (uint32_t i = 0; i < n->n_args; i++) {
        const struct cel_node *x = n->args[i];
        if (!is_bool(x, true) && !is_bool(x, false))
            continue;
        if (is_said(r->issues, x))
            return true;
        struct cel_issue *w =
            is_bool(x, and)
                ? cel_warning_add(r->issues, x->offset, x->length,
                                  "this is always %s and makes no difference here",
                                  and? "true" : "false")
                : cel_warning_add(r->issues, x->offset, x->length,
                                  "this is always %s, and so is the whole `%s`, whatever the rest "
                                  "of it says",
                                  and? "false" : "true", and? "&&" : "||");
        if (w)
            w->hint = is_bool(x, and) ? S("leave it out") : S("leave out what is not needed");
        return true;
    }
    return false;
}

void cel_review(struct str source, const struct cel_node *n, struct cel_issues *issues) {
    struct reviewer r = {source, issues, CEL_STEPS};
    if (n->op == CEL_COND && n->args[0]->op == CEL_CONST) {
        bool yes = is_bool(n->args[0], true);
        const struct cel_node *dead = n->args[yes ? 2 : 1];
        cel_warning_add(issues, dead->offset, dead->length,
                        "this is never reached: what stands before `?` is always %s",
                        yes ? "true" : "false");
    } else if ((n->op == CEL_AND || n->op == CEL_OR) && !look_at_operands(&r, n)) {
        compare_claims(&r, n);
    }
}

bool cel_program_exclusive(const struct cel_program *x, const struct cel_program *y) {
    struct claim of_x[CLAIMS_MOST], of_y[CLAIMS_MOST];
    struct reviewer rx = {x->source, NULL, CEL_STEPS}, ry = {y->source, NULL, CEL_STEPS};
    size_t n = required_claims(&rx, x->root, of_x), m = required_claims(&ry, y->root, of_y);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m && rx.steps > 0; k++)
            if (exclude_each_other(&rx, &of_x[i], &of_y[k]))
                return true;
    return false;
}
