/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparison and arithmetic. Integers that overflow are errors; doubles follow
 * IEEE 754; there is no arithmetic between different types of numbers.
 */
#include "config.h"

#include "rules/cel_internal.h"

#include <math.h>

/* Both operands, or the error of one. */
static inline bool operands(const struct cel_node *n, struct cel_run *run, struct value *a,
                            struct value *b, struct value *error) {
    *a = cel_eval_node(n->args[0], run);
    if (__builtin_expect(cel_is_error(*a), 0)) {
        *error = *a;
        return false;
    }
    *b = cel_eval_node(n->args[1], run);
    if (__builtin_expect(cel_is_error(*b), 0)) {
        *error = *b;
        return false;
    }
    return true;
}

/* ---- equality */
static struct value eval_eq(const struct cel_node *n, struct cel_run *run) {
    struct value a, b, error;
    if (!operands(n, run, &a, &b, &error))
        return error;
    bool same = cel_equal(a, b, &run->steps);
    if (!cel_step(run, 0))
        return cel_error(CEL_E_STEPS, n);
    return value_bool(same == (n->op == CEL_EQ));
}

/* x == "text" */
static struct value eval_eq_text(const struct cel_node *n, struct cel_run *run) {
    struct value a = cel_eval_node(n->args[0], run), b = n->args[1]->constant;
    if (__builtin_expect(a.type != V_STRING, 0))
        return cel_is_error(a) ? a : value_bool(n->op == CEL_NE);
    bool same = a.aux == b.aux && (b.aux == 0 || memcmp(a.u.p, b.u.p, b.aux) == 0);
    return value_bool(same == (n->op == CEL_EQ));
}

/* ---- order */
static inline bool holds(enum cel_op op, int c) {
    switch (op) {
    case CEL_LT:
        return c == -1;
    case CEL_LE:
        return c == -1 || c == 0;
    case CEL_GT:
        return c == 1;
    default:
        return c == 1 || c == 0;
    }
}

static struct value eval_order(const struct cel_node *n, struct cel_run *run) {
    struct value a, b, error;
    if (!operands(n, run, &a, &b, &error))
        return error;
    int c;
    if (a.type == V_DOUBLE && b.type == V_DOUBLE)
        c = a.u.d < b.u.d ? -1 : a.u.d > b.u.d ? 1 : a.u.d == b.u.d ? 0 : 2;
    else
        c = cel_compare(a, b);
    if (__builtin_expect(c == 3, 0))
        return cel_error(CEL_E_OVERLOAD, n);
    return value_bool(holds((enum cel_op)n->op, c));
}

/* ---- in */
static bool list_has(const struct list *l, struct value v, int64_t *steps) {
    *steps -= (int64_t)l->n / 8;
    for (size_t i = 0; i < l->n && *steps >= 0; i++)
        if (cel_equal(l->v[i], v, steps))
            return true;
    return false;
}

static struct value eval_in(const struct cel_node *n, struct cel_run *run) {
    struct value a, b, error;
    if (!operands(n, run, &a, &b, &error))
        return error;
    if (b.type == V_LIST) {
        bool has = list_has(b.u.list, a, &run->steps);
        return cel_step(run, 0) ? value_bool(has) : cel_error(CEL_E_STEPS, n);
    }
    if (b.type == V_MAP)
        return value_bool(cel_map_find(b.u.map, a) != NULL);
    return cel_error(CEL_E_OVERLOAD, n);
}

/* x in ["a", "b"] */
static struct value eval_in_texts(const struct cel_node *n, struct cel_run *run) {
    struct value a = cel_eval_node(n->args[0], run);
    if (__builtin_expect(a.type != V_STRING, 0))
        return cel_is_error(a) ? a : value_bool(false);
    if (n->set)
        return value_bool(map_get(n->set, a) != NULL);
    const struct list *l = n->args[1]->constant.u.list;
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].aux == a.aux && (a.aux == 0 || memcmp(l->v[i].u.p, a.u.p, a.aux) == 0))
            return value_bool(true);
    return value_bool(false);
}

/* ---- arithmetic */
static struct value overflow(struct cel_run *run) {
    return cel_fail(run, "the result is too large for 64 bits");
}

static struct value int_arithmetic(const struct cel_node *n, struct cel_run *run, int64_t a,
                                   int64_t b) {
    int64_t r = 0;
    bool over = false;
    switch ((enum cel_op)n->op) {
    case CEL_ADD:
        over = __builtin_add_overflow(a, b, &r);
        break;
    case CEL_SUB:
        over = __builtin_sub_overflow(a, b, &r);
        break;
    case CEL_MUL:
        over = __builtin_mul_overflow(a, b, &r);
        break;
    default:
        if (b == 0)
            return cel_fail(run, "division by zero");
        over = a == INT64_MIN && b == -1;
        if (!over)
            r = n->op == CEL_DIV ? a / b : a % b;
    }
    return over ? overflow(run) : value_int(r);
}

static struct value uint_arithmetic(const struct cel_node *n, struct cel_run *run, uint64_t a,
                                    uint64_t b) {
    uint64_t r = 0;
    bool over = false;
    switch ((enum cel_op)n->op) {
    case CEL_ADD:
        over = __builtin_add_overflow(a, b, &r);
        break;
    case CEL_SUB:
        over = __builtin_sub_overflow(a, b, &r);
        break;
    case CEL_MUL:
        over = __builtin_mul_overflow(a, b, &r);
        break;
    default:
        if (b == 0)
            return cel_fail(run, "division by zero");
        r = n->op == CEL_DIV ? a / b : a % b;
    }
    return over ? overflow(run) : value_uint(r);
}

static struct value double_arithmetic(const struct cel_node *n, double a, double b) {
    switch ((enum cel_op)n->op) {
    case CEL_ADD:
        return value_double(a + b);
    case CEL_SUB:
        return value_double(a - b);
    case CEL_MUL:
        return value_double(a * b);
    case CEL_DIV:
        return value_double(a / b);
    default:
        return cel_error(CEL_E_OVERLOAD, n);
    }
}

static struct value concatenate(const struct cel_node *n, struct cel_run *run, struct value a,
                                struct value b) {
    if (a.type == V_LIST) {
        size_t count = a.u.list->n + b.u.list->n;
        if (!cel_step(run, count))
            return cel_error(CEL_E_STEPS, n);
        struct list *l = list_new(run->arena, count);
        if (a.u.list->n)
            memcpy(l->v, a.u.list->v, a.u.list->n * sizeof *l->v);
        if (b.u.list->n)
            memcpy(l->v + a.u.list->n, b.u.list->v, b.u.list->n * sizeof *l->v);
        l->n = count;
        return value_list(l);
    }
    size_t count = (size_t)a.aux + b.aux;
    if (!cel_step(run, 1 + count / 64) || count > UINT32_MAX)
        return cel_error(CEL_E_STEPS, n);
    char *p = arena_alloc(run->arena, count + 1);
    if (a.aux)
        memcpy(p, a.u.p, a.aux);
    if (b.aux)
        memcpy(p + a.aux, b.u.p, b.aux);
    struct str s = str_of(p, count);
    return a.type == V_STRING ? value_str(s) : value_bytes(s);
}

static struct value add_duration(struct cel_run *run, struct value t, int64_t nanos,
                                 bool negative) {
    if (negative && nanos == INT64_MIN)
        return overflow(run);
    return cel_timestamp_add(run, t, negative ? -nanos : nanos);
}

/* What + and - do with times. */
static struct value time_arithmetic(const struct cel_node *n, struct cel_run *run, struct value a,
                                    struct value b) {
    bool minus = n->op == CEL_SUB;
    if (!minus && n->op != CEL_ADD)
        return cel_error(CEL_E_OVERLOAD, n);
    if (a.type == V_TIMESTAMP && b.type == V_DURATION)
        return add_duration(run, a, b.u.i, minus);
    if (!minus && a.type == V_DURATION && b.type == V_TIMESTAMP)
        return add_duration(run, b, a.u.i, false);
    if (a.type == V_DURATION && b.type == V_DURATION) {
        int64_t r;
        bool over = minus ? __builtin_sub_overflow(a.u.i, b.u.i, &r)
                          : __builtin_add_overflow(a.u.i, b.u.i, &r);
        return over ? overflow(run) : value_duration(r);
    }
    if (minus && a.type == V_TIMESTAMP && b.type == V_TIMESTAMP) {
        int64_t r;
        if (__builtin_sub_overflow(a.u.i, b.u.i, &r) ||
            __builtin_mul_overflow(r, INT64_C(1000000000), &r) ||
            __builtin_add_overflow(r, (int64_t)a.aux - (int64_t)b.aux, &r))
            return cel_fail(run, "the duration is longer than 292 years");
        return value_duration(r);
    }
    return cel_error(CEL_E_OVERLOAD, n);
}

static struct value eval_arithmetic(const struct cel_node *n, struct cel_run *run) {
    struct value a, b, error;
    if (!operands(n, run, &a, &b, &error))
        return error;
    if (a.type != b.type)
        return time_arithmetic(n, run, a, b);
    switch (a.type) {
    case V_INT:
        return int_arithmetic(n, run, a.u.i, b.u.i);
    case V_UINT:
        return uint_arithmetic(n, run, a.u.u, b.u.u);
    case V_DOUBLE:
        return double_arithmetic(n, a.u.d, b.u.d);
    case V_STRING:
    case V_BYTES:
    case V_LIST:
        return n->op == CEL_ADD ? concatenate(n, run, a, b) : cel_error(CEL_E_OVERLOAD, n);
    default:
        return time_arithmetic(n, run, a, b);
    }
}

static struct value eval_negate(const struct cel_node *n, struct cel_run *run) {
    struct value v = cel_eval_node(n->args[0], run);
    if (v.type == V_DOUBLE)
        return value_double(-v.u.d);
    if (v.type == V_INT)
        return v.u.i == INT64_MIN ? overflow(run) : value_int(-v.u.i);
    return cel_is_error(v) ? v : cel_error(CEL_E_OVERLOAD, n);
}

static bool only_texts(const struct cel_node *n) {
    if (n->op != CEL_CONST || n->constant.type != V_LIST)
        return false;
    for (size_t i = 0; i < n->constant.u.list->n; i++)
        if (n->constant.u.list->v[i].type != V_STRING)
            return false;
    return true;
}

cel_eval_fn cel_operator_of(const struct cel_node *n) {
    switch ((enum cel_op)n->op) {
    case CEL_EQ:
    case CEL_NE:
        return n->args[1]->op == CEL_CONST && n->args[1]->constant.type == V_STRING ? eval_eq_text
                                                                                    : eval_eq;
    case CEL_LT:
    case CEL_LE:
    case CEL_GT:
    case CEL_GE:
        return eval_order;
    case CEL_IN:
        return only_texts(n->args[1]) ? eval_in_texts : eval_in;
    case CEL_NEGATE:
        return eval_negate;
    default:
        return eval_arithmetic;
    }
}
