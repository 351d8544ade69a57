/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "templates/liquid_filters.h"

#include <math.h>

static bool whole_pair(struct value a, struct value b) {
    return a.type == V_INT && b.type == V_INT;
}

/* The common case without the arithmetic of any size; false when it does not fit. */
static bool quick(enum number_op op, int64_t a, int64_t b, struct value *out) {
    int64_t r;
    if (op == NUMBER_ADD && !__builtin_add_overflow(a, b, &r))
        *out = value_int(r);
    else if (op == NUMBER_SUB && !__builtin_sub_overflow(a, b, &r))
        *out = value_int(r);
    else if (op == NUMBER_MUL && !__builtin_mul_overflow(a, b, &r))
        *out = value_int(r);
    else
        return false;
    return true;
}

static bool endless(struct value v) {
    return v.type == V_DOUBLE && !isfinite(v.u.d);
}

/* With an infinity or what is no number, as floats. */
static double apply_endless(enum number_op op, double x, double y) {
    switch (op) {
    case NUMBER_ADD:
        return x + y;
    case NUMBER_SUB:
        return x - y;
    case NUMBER_MUL:
        return x * y;
    case NUMBER_DIV:
        return x / y;
    default:
        return NAN;
    }
}

/* Of a filter that needs a finite number. */
static bool finite_input(struct render *r, struct value v) {
    return !endless(v) || liquid_fail(r, "the number is %s", isnan(v.u.d) ? "NaN" : "Infinity");
}

static bool operate(struct render *r, const struct filter_args *in, enum number_op op,
                    struct value *out) {
    struct err e = ERR_INIT;
    struct number result;
    if (whole_pair(in->input, in->v[0]) && quick(op, in->input.u.i, in->v[0].u.i, out))
        return true;
    struct number x = liquid_number(r->arena, in->input), y = liquid_number(r->arena, in->v[0]);
    if (endless(in->input) || endless(in->v[0])) {
        double a = endless(in->input) ? in->input.u.d : number_double(r->arena, x);
        double b = endless(in->v[0]) ? in->v[0].u.d : number_double(r->arena, y);
        *out = value_double(apply_endless(op, a, b));
        return true;
    }
    if (op == NUMBER_DIV && y.mag.n == 0 && !(x.integer && y.integer)) { /* of decimals */
        bool negative = x.negative != y.negative;
        *out = value_double(x.mag.n == 0 ? (double)NAN : negative ? -INFINITY : INFINITY);
        return true;
    }
    if (!liquid_work(r, ((uint64_t)x.mag.n + 1) * (y.mag.n + 1)))
        return false;
    if (!number_apply(r->arena, op, x, y, &result, &e))
        return liquid_fail(r, "%s", e.text);
    *out = number_value(r->arena, result);
    return true;
}

FILTER(plus) {
    return operate(r, in, NUMBER_ADD, out);
}

FILTER(minus) {
    return operate(r, in, NUMBER_SUB, out);
}

FILTER(times) {
    return operate(r, in, NUMBER_MUL, out);
}

FILTER(divided_by) {
    return operate(r, in, NUMBER_DIV, out);
}

FILTER(modulo) {
    return operate(r, in, NUMBER_MOD, out);
}

FILTER(abs) {
    if (endless(in->input)) {
        *out = value_double(fabs(in->input.u.d));
        return true;
    }
    struct number x = liquid_number(r->arena, in->input);
    x.negative = false;
    *out = number_value(r->arena, x);
    return true;
}

FILTER(ceil) {
    if (!finite_input(r, in->input))
        return false;
    *out = number_value(r->arena, number_ceil(r->arena, liquid_number(r->arena, in->input)));
    return true;
}

FILTER(floor) {
    if (!finite_input(r, in->input))
        return false;
    *out = number_value(r->arena, number_floor(r->arena, liquid_number(r->arena, in->input)));
    return true;
}

FILTER(round) {
    struct err e = ERR_INIT;
    struct number x = liquid_number(r->arena, in->input), result;
    int64_t digits = 0;
    if (!finite_input(r, in->input))
        return false;
    if (in->n) {
        struct value places = number_value(r->arena, liquid_number(r->arena, in->v[0]));
        if (!liquid_leading_integer(places, &digits) || digits > INT32_MAX || digits < INT32_MIN)
            return liquid_fail(r, "`round` cannot take so many decimals");
    }
    if (!number_round(r->arena, x, digits, &result, &e))
        return liquid_fail(r, "%s", e.text);
    *out = number_value(r->arena, result);
    return true;
}

static bool bound(struct render *r, const struct filter_args *in, int wanted, struct value *out) {
    int c;
    if (endless(in->input) || endless(in->v[0])) {
        if (liquid_is_number(in->input) && liquid_order(in->v[0], in->input, &c) && c == wanted)
            *out = in->v[0];
        return true;
    }
    struct number x = liquid_number(r->arena, in->input), y = liquid_number(r->arena, in->v[0]);
    c = number_compare(r->arena, y, x);
    *out = number_value(r->arena, c == wanted ? y : x);
    return true;
}

FILTER(at_least) {
    return bound(r, in, 1, out);
}

FILTER(at_most) {
    return bound(r, in, -1, out);
}

FILTER(sum) {
    const struct list *l;
    struct err e = ERR_INIT;
    struct value property = in->n ? in->v[0] : VALUE_NULL;
    struct number total = number_from_int(r->arena, 0);
    if (!liquid_elements(r, in->input, &l))
        return false;
    struct list *values = list_new(r->arena, l->n);
    for (size_t i = 0; i < l->n; i++) {
        struct value v = l->v[i];
        bool unknown = false;
        if (property.type != V_NULL && !filter_property(r, v, property, &v, &unknown) && !unknown)
            return false;
        list_add(r->arena, values, unknown ? value_int(0) : v);
    }
    if (!liquid_elements(r, value_list(values), &l))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        if (!number_apply(r->arena, NUMBER_ADD, total, liquid_number(r->arena, l->v[i]), &total,
                          &e))
            return liquid_fail(r, "%s", e.text);
        if (!liquid_work(r, 1))
            return false;
    }
    *out = number_value(r->arena, total);
    return true;
}
