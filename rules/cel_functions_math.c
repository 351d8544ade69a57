/* SPDX-License-Identifier: Apache-2.0
 *
 * math.*: greatest, least, rounding, sign, bits.
 */
#include "config.h"

#include "rules/cel_internal.h"

#include <math.h>

#define ARGS struct cel_run *run, const struct cel_node *n, const struct value *args

/* ---- greatest, least: of the arguments, or of one list */
static struct value extreme(struct cel_run *run, const struct cel_node *n, const struct value *args,
                            int sign) {
    const struct value *v = args;
    size_t count = n->n_args;
    if (count == 1 && args[0].type == V_LIST) {
        v = args[0].u.list->v;
        count = args[0].u.list->n;
    }
    if (count == 0)
        return cel_fail(run, "the list is empty");
    if (!cel_step(run, count))
        return cel_error(CEL_E_STEPS, n);
    struct value best = v[0];
    for (size_t i = 0; i < count; i++) {
        if (v[i].type != V_INT && v[i].type != V_UINT && v[i].type != V_DOUBLE)
            return cel_error(CEL_E_OVERLOAD, n);
        if (cel_compare(v[i], best) == sign)
            best = v[i];
    }
    return best;
}

static struct value greatest(ARGS) {
    return extreme(run, n, args, 1);
}

static struct value least(ARGS) {
    return extreme(run, n, args, -1);
}

/* ---- doubles */
static struct value math_ceil(ARGS) {
    (void)run;
    (void)n;
    return value_double(ceil(args[0].u.d));
}

static struct value math_floor(ARGS) {
    (void)run;
    (void)n;
    return value_double(floor(args[0].u.d));
}

static struct value math_round(ARGS) {
    (void)run;
    (void)n;
    return value_double(round(args[0].u.d));
}

static struct value math_trunc(ARGS) {
    (void)run;
    (void)n;
    return value_double(trunc(args[0].u.d));
}

static struct value math_sqrt(ARGS) {
    (void)run;
    (void)n;
    return value_double(sqrt(args[0].type == V_INT    ? (double)args[0].u.i
                             : args[0].type == V_UINT ? (double)args[0].u.u
                                                      : args[0].u.d));
}

static struct value is_nan(ARGS) {
    (void)run;
    (void)n;
    return value_bool(isnan(args[0].u.d));
}

static struct value is_inf(ARGS) {
    (void)run;
    (void)n;
    return value_bool(isinf(args[0].u.d));
}

static struct value is_finite(ARGS) {
    (void)run;
    (void)n;
    return value_bool(isfinite(args[0].u.d));
}

/* ---- abs, sign */
static struct value math_abs(ARGS) {
    (void)n;
    if (args[0].type == V_DOUBLE)
        return value_double(fabs(args[0].u.d));
    if (args[0].type == V_UINT || args[0].u.i >= 0)
        return args[0];
    return args[0].u.i == INT64_MIN ? cel_fail(run, "the result is too large for 64 bits")
                                    : value_int(-args[0].u.i);
}

static struct value sign(ARGS) {
    (void)run;
    (void)n;
    double d = args[0].u.d;
    if (args[0].type == V_INT)
        return value_int((args[0].u.i > 0) - (args[0].u.i < 0));
    if (args[0].type == V_UINT)
        return value_uint(args[0].u.u > 0);
    return isnan(d) ? args[0] : value_double((d > 0) - (d < 0));
}

/* ---- bits */
static struct value bits(struct value like, uint64_t u) {
    return like.type == V_INT ? value_int((int64_t)u) : value_uint(u);
}

static struct value bit_and(ARGS) {
    (void)run;
    (void)n;
    return bits(args[0], args[0].u.u & args[1].u.u);
}

static struct value bit_or(ARGS) {
    (void)run;
    (void)n;
    return bits(args[0], args[0].u.u | args[1].u.u);
}

static struct value bit_xor(ARGS) {
    (void)run;
    (void)n;
    return bits(args[0], args[0].u.u ^ args[1].u.u);
}

static struct value bit_not(ARGS) {
    (void)run;
    (void)n;
    return bits(args[0], ~args[0].u.u);
}

/* Shifts are of the 64 bits, without a sign. */
static struct value shift_left(ARGS) {
    (void)n;
    int64_t by = args[1].u.i;
    if (by < 0)
        return cel_fail(run, "a shift by a negative number");
    return bits(args[0], by > 63 ? 0 : args[0].u.u << by);
}

static struct value shift_right(ARGS) {
    (void)n;
    int64_t by = args[1].u.i;
    if (by < 0)
        return cel_fail(run, "a shift by a negative number");
    return bits(args[0], by > 63 ? 0 : args[0].u.u >> by);
}

const struct cel_function cel_functions_math[] = {
    {"math.greatest", "*+", "*", greatest},
    {"math.least", "*+", "*", least},
    {"math.ceil", "d", "d", math_ceil},
    {"math.floor", "d", "d", math_floor},
    {"math.round", "d", "d", math_round},
    {"math.trunc", "d", "d", math_trunc},
    {"math.sqrt", "d", "d", math_sqrt},
    {"math.sqrt", "i", "d", math_sqrt},
    {"math.sqrt", "u", "d", math_sqrt},
    {"math.isNaN", "d", "b", is_nan},
    {"math.isInf", "d", "b", is_inf},
    {"math.isFinite", "d", "b", is_finite},
    {"math.abs", "i", "i", math_abs},
    {"math.abs", "u", "u", math_abs},
    {"math.abs", "d", "d", math_abs},
    {"math.sign", "i", "i", sign},
    {"math.sign", "u", "u", sign},
    {"math.sign", "d", "d", sign},
    {"math.bitAnd", "ii", "i", bit_and},
    {"math.bitAnd", "uu", "u", bit_and},
    {"math.bitOr", "ii", "i", bit_or},
    {"math.bitOr", "uu", "u", bit_or},
    {"math.bitXor", "ii", "i", bit_xor},
    {"math.bitXor", "uu", "u", bit_xor},
    {"math.bitNot", "i", "i", bit_not},
    {"math.bitNot", "u", "u", bit_not},
    {"math.bitShiftLeft", "ii", "i", shift_left},
    {"math.bitShiftLeft", "ui", "u", shift_left},
    {"math.bitShiftRight", "ii", "i", shift_right},
    {"math.bitShiftRight", "ui", "u", shift_right},
    {0},
};
