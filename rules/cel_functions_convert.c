/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversions between types: int(), uint(), double(), string(), bytes(), bool(),
 * dyn(), type().
 */
#include "config.h"

#include "rules/cel_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- helpers that others use too */
bool cel_double_to_int(double d, int64_t *out) {
    if (!(d > -9223372036854775808.0 && d < 9223372036854775808.0))
        return false;
    *out = (int64_t)d;
    return true;
}

/* The shortest digits that read back equal; with an exponent for very small and
 * very large numbers when one is allowed. No ".0" is added. */
void cel_format_double(struct buf *out, double d, bool exponent) {
    char tmp[400];
    if (isnan(d) || isinf(d)) {
        buf_add_str(out, isnan(d) ? S("NaN") : d > 0 ? S("Infinity") : S("-Infinity"));
        return;
    }
    int digits = 1;
    for (; digits < 17; digits++) {
        snprintf(tmp, sizeof tmp, "%.*e", digits - 1, d);
        if (strtod(tmp, NULL) == d)
            break;
    }
    snprintf(tmp, sizeof tmp, "%.*e", digits - 1, d);
    int power = (int)strtol(strchr(tmp, 'e') + 1, NULL, 10);
    if (!exponent || (power >= -4 && power < 21)) {
        int decimals = digits - 1 - power;
        snprintf(tmp, sizeof tmp, "%.*f", decimals > 0 ? decimals : 0, d);
    }
    buf_add_str(out, str_from(tmp));
}

static size_t digits_at(struct str s, size_t i) {
    size_t n = 0;
    while (i + n < s.n && s.p[i + n] >= '0' && s.p[i + n] <= '9')
        n++;
    return n;
}

bool cel_parse_double(struct str s, double *out) {
    static const struct {
        struct str name;
        double d;
    } words[] = {{S("inf"), INFINITY}, {S("infinity"), INFINITY}, {S("nan"), NAN}};
    size_t i = s.n && (s.p[0] == '+' || s.p[0] == '-');
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        if (str_eq_nocase(str_sub(s, i, s.n), words[w].name)) {
            *out = s.p[0] == '-' ? -words[w].d : words[w].d;
            return true;
        }
    size_t whole = digits_at(s, i), fraction = 0;
    i += whole;
    if (i < s.n && s.p[i] == '.') {
        fraction = digits_at(s, i + 1);
        i += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (i < s.n && (s.p[i] | 0x20) == 'e') {
        i++;
        i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
        size_t power = digits_at(s, i);
        if (!power)
            return false;
        i += power;
    }
    return i == s.n && str_to_double(s, out) && isfinite(*out);
}

static struct value range_error(struct cel_run *run, const char *type) {
    return cel_fail(run, "the value is outside the range of %s", type);
}

static struct value text_error(struct cel_run *run, const struct value *v, const char *type) {
    return cel_fail(run, "`%.*s` cannot be read as %s", (int)(v->aux < 60 ? v->aux : 60),
                    v->aux ? v->u.p : "", type);
}

/* ---- int */
static struct value same(struct cel_run *run, const struct cel_node *n, const struct value *args) {
    (void)run;
    (void)n;
    return args[0];
}

static struct value int_of_uint(struct cel_run *run, const struct cel_node *n,
                                const struct value *args) {
    (void)n;
    return args[0].u.u > INT64_MAX ? range_error(run, "int") : value_int((int64_t)args[0].u.u);
}

static struct value int_of_double(struct cel_run *run, const struct cel_node *n,
                                  const struct value *args) {
    (void)n;
    int64_t i;
    return cel_double_to_int(args[0].u.d, &i) ? value_int(i) : range_error(run, "int");
}

static struct value int_of_string(struct cel_run *run, const struct cel_node *n,
                                  const struct value *args) {
    (void)n;
    int64_t i;
    struct str s = value_text(args[0]);
    return str_to_int64(s, &i) ? value_int(i) : text_error(run, args, "int");
}

static struct value int_of_timestamp(struct cel_run *run, const struct cel_node *n,
                                     const struct value *args) {
    (void)run;
    (void)n;
    return value_int(args[0].u.i);
}

/* ---- uint */
static struct value uint_of_int(struct cel_run *run, const struct cel_node *n,
                                const struct value *args) {
    (void)n;
    return args[0].u.i < 0 ? range_error(run, "uint") : value_uint((uint64_t)args[0].u.i);
}

static struct value uint_of_double(struct cel_run *run, const struct cel_node *n,
                                   const struct value *args) {
    (void)n;
    double d = args[0].u.d;
    return d >= 0 && d < 18446744073709551616.0 ? value_uint((uint64_t)d)
                                                : range_error(run, "uint");
}

static struct value uint_of_string(struct cel_run *run, const struct cel_node *n,
                                   const struct value *args) {
    (void)n;
    uint64_t u = 0;
    struct str s = value_text(args[0]);
    bool ok = s.n > 0;
    for (size_t i = 0; ok && i < s.n; i++)
        ok = s.p[i] >= '0' && s.p[i] <= '9' && !__builtin_mul_overflow(u, 10u, &u) &&
             !__builtin_add_overflow(u, (uint64_t)(s.p[i] - '0'), &u);
    return ok ? value_uint(u) : text_error(run, args, "uint");
}

/* ---- double */
static struct value double_of_int(struct cel_run *run, const struct cel_node *n,
                                  const struct value *args) {
    (void)run;
    (void)n;
    return value_double((double)args[0].u.i);
}

static struct value double_of_uint(struct cel_run *run, const struct cel_node *n,
                                   const struct value *args) {
    (void)run;
    (void)n;
    return value_double((double)args[0].u.u);
}

static struct value double_of_string(struct cel_run *run, const struct cel_node *n,
                                     const struct value *args) {
    (void)n;
    double d;
    return cel_parse_double(value_text(args[0]), &d) ? value_double(d)
                                                     : text_error(run, args, "double");
}

/* ---- string and bytes */
static struct value string_of_scalar(struct cel_run *run, const struct cel_node *n,
                                     const struct value *args) {
    (void)n;
    struct buf b = BUF_IN(run->arena);
    switch (args[0].type) {
    case V_BOOL:
        return value_str(args[0].u.b ? S("true") : S("false"));
    case V_INT:
        buf_printf(&b, "%" PRId64, args[0].u.i);
        break;
    case V_UINT:
        buf_printf(&b, "%" PRIu64, args[0].u.u);
        break;
    case V_DOUBLE:
        cel_format_double(&b, args[0].u.d, true);
        break;
    default:
        cel_format_time(&b, args[0]);
    }
    return value_str(buf_str(&b));
}

static struct value string_of_bytes(struct cel_run *run, const struct cel_node *n,
                                    const struct value *args) {
    (void)n;
    struct str s = value_text(args[0]);
    return cel_utf8_valid(s) ? value_str(s) : cel_fail(run, "the bytes are not valid UTF-8");
}

static struct value bytes_of_string(struct cel_run *run, const struct cel_node *n,
                                    const struct value *args) {
    (void)run;
    (void)n;
    return value_bytes(value_text(args[0]));
}

/* ---- bool, type */
static struct value bool_of_string(struct cel_run *run, const struct cel_node *n,
                                   const struct value *args) {
    (void)n;
    static const struct str yes[] = {S("1"), S("t"), S("T"), S("true"), S("TRUE"), S("True")};
    static const struct str no[] = {S("0"), S("f"), S("F"), S("false"), S("FALSE"), S("False")};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (str_eq(value_text(args[0]), yes[i]))
            return value_bool(true);
        if (str_eq(value_text(args[0]), no[i]))
            return value_bool(false);
    }
    return text_error(run, args, "bool");
}

static struct value type_of(struct cel_run *run, const struct cel_node *n,
                            const struct value *args) {
    (void)run;
    (void)n;
    return cel_type_value(cel_kind_of(args[0]));
}

const struct cel_function cel_functions_convert[] = {
    {"int", "i", "i", same},
    {"int", "u", "i", int_of_uint},
    {"int", "d", "i", int_of_double},
    {"int", "s", "i", int_of_string},
    {"int", "t", "i", int_of_timestamp},
    {"uint", "u", "u", same},
    {"uint", "i", "u", uint_of_int},
    {"uint", "d", "u", uint_of_double},
    {"uint", "s", "u", uint_of_string},
    {"double", "d", "d", same},
    {"double", "i", "d", double_of_int},
    {"double", "u", "d", double_of_uint},
    {"double", "s", "d", double_of_string},
    {"string", "s", "s", same},
    {"string", "b", "s", string_of_scalar},
    {"string", "i", "s", string_of_scalar},
    {"string", "u", "s", string_of_scalar},
    {"string", "d", "s", string_of_scalar},
    {"string", "t", "s", string_of_scalar},
    {"string", "p", "s", string_of_scalar},
    {"string", "y", "s", string_of_bytes},
    {"bytes", "y", "y", same},
    {"bytes", "s", "y", bytes_of_string},
    {"bool", "b", "b", same},
    {"bool", "s", "b", bool_of_string},
    {"dyn", "*", "*", same},
    {"type", "*", "T", type_of},
    {0},
};
