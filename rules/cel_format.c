/* SPDX-License-Identifier: Apache-2.0
 *
 * "text".format([values]): %s %d %f %e %b %o %x %X, with a precision for %f, %e.
 */
#include "config.h"

#include "rules/cel_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PRECISION_MAX 1000

struct format {
    struct cel_run *run;
    const struct cel_node *n;
    struct buf out;
    struct value error;
};

static bool fail(struct format *f, const char *wanted, struct value v) {
    struct str type = cel_type_value_name(cel_type_value(cel_kind_of(v)));
    f->error = cel_fail(f->run, "format(): %s, not for %.*s", wanted, STR_FMT(type));
    return false;
}

static bool not_finite(struct format *f, struct value v) {
    if (v.type != V_DOUBLE || isfinite(v.u.d))
        return false;
    cel_format_double(&f->out, v.u.d, false);
    return true;
}

/* ---- %s */
static void lossy(struct buf *out, struct str s) {
    bool bad = false;
    for (size_t i = 0; i < s.n;) {
        uint32_t c;
        size_t k = cel_utf8_decode(s.p + i, s.p + s.n, &c);
        if (k)
            buf_add(out, s.p + i, k);
        else if (!bad)
            buf_add_str(out, S("\xef\xbf\xbd"));
        bad = !k;
        i += k ? k : 1;
    }
}

static bool text(struct format *f, struct value v);

static bool list_text(struct format *f, const struct list *l) {
    buf_add_char(&f->out, '[');
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            buf_add_str(&f->out, S(", "));
        if (!text(f, l->v[i]))
            return false;
    }
    buf_add_char(&f->out, ']');
    return true;
}

struct entry_text {
    struct str key;
    struct value value;
};

static int by_key(const void *a, const void *b) {
    return str_cmp(((const struct entry_text *)a)->key, ((const struct entry_text *)b)->key);
}

static bool map_text(struct format *f, const struct map *m) {
    struct entry_text *e = ARENA_ARRAY(f->run->arena, struct entry_text, m->n + 1);
    for (size_t i = 0; i < m->n; i++) {
        struct format key = {.run = f->run, .n = f->n, .out = BUF_IN(f->run->arena)};
        if (!text(&key, m->e[i].key)) {
            f->error = key.error;
            return false;
        }
        e[i] = (struct entry_text){buf_str(&key.out), m->e[i].value};
    }
    qsort(e, m->n, sizeof *e, by_key);
    buf_add_char(&f->out, '{');
    for (size_t i = 0; i < m->n; i++) {
        buf_printf(&f->out, "%s%.*s: ", i ? ", " : "", STR_FMT(e[i].key));
        if (!text(f, e[i].value))
            return false;
    }
    buf_add_char(&f->out, '}');
    return true;
}

static bool text(struct format *f, struct value v) {
    if (!cel_step(f->run, 1) || f->out.n > UINT32_MAX / 4) {
        f->error = cel_error(CEL_E_STEPS, f->n);
        return false;
    }
    switch (v.type) {
    case V_NULL:
        buf_add_str(&f->out, S("null"));
        return true;
    case V_BOOL:
        buf_add_str(&f->out, v.u.b ? S("true") : S("false"));
        return true;
    case V_INT:
        buf_printf(&f->out, "%" PRId64, v.u.i);
        return true;
    case V_UINT:
        buf_printf(&f->out, "%" PRIu64, v.u.u);
        return true;
    case V_DOUBLE:
        cel_format_double(&f->out, v.u.d, false);
        return true;
    case V_STRING:
        cel_step(f->run, v.aux / 64);
        buf_add_str(&f->out, value_text(v));
        return true;
    case V_BYTES:
        cel_step(f->run, v.aux / 64);
        lossy(&f->out, value_text(v));
        return true;
    case V_LIST:
        return list_text(f, v.u.list);
    case V_MAP:
        return map_text(f, v.u.map);
    case V_TIMESTAMP:
    case V_DURATION:
        cel_format_time(&f->out, v);
        return true;
    case CEL_V_TYPE:
        buf_add_str(&f->out, cel_type_value_name(v));
        return true;
    default:
        return fail(f, "%s has no form", v);
    }
}

/* ---- numbers */
static bool decimal(struct format *f, struct value v) {
    if (v.type == V_INT || v.type == V_UINT || v.type == V_DOUBLE)
        return text(f, v);
    return fail(f, "%d is for numbers", v);
}

static bool real(struct format *f, struct value v, int precision, char conversion) {
    if (v.type != V_INT && v.type != V_UINT && v.type != V_DOUBLE)
        return fail(f, "%f and %e are for numbers", v);
    if (not_finite(f, v))
        return true;
    long double d = v.type == V_INT    ? (long double)v.u.i
                    : v.type == V_UINT ? (long double)v.u.u
                                       : (long double)v.u.d;
    buf_printf(&f->out, conversion == 'f' ? "%.*Lf" : "%.*Le", precision, d);
    return true;
}

/* base 2, 8 or 16 */
static void digits(struct buf *out, struct value v, unsigned bits, bool upper) {
    char tmp[65];
    size_t at = sizeof tmp;
    bool negative = v.type == V_INT && v.u.i < 0;
    uint64_t u = v.type == V_BOOL ? v.u.b : negative ? -(uint64_t)v.u.i : v.u.u;
    do {
        tmp[--at] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[u & ((1u << bits) - 1)];
        u >>= bits;
    } while (u);
    if (negative)
        buf_add_char(out, '-');
    buf_add(out, tmp + at, sizeof tmp - at);
}

static bool hex(struct format *f, struct value v, bool upper) {
    if (v.type == V_INT || v.type == V_UINT) {
        digits(&f->out, v, 4, upper);
        return true;
    }
    if (v.type != V_STRING && v.type != V_BYTES)
        return fail(f, "%x is for integers, strings and bytes", v);
    cel_step(f->run, v.aux / 32);
    for (size_t i = 0; i < v.aux; i++)
        buf_printf(&f->out, upper ? "%02X" : "%02x", (unsigned char)v.u.p[i]);
    return true;
}

static bool convert(struct format *f, struct value v, char conversion, int precision) {
    bool whole = v.type == V_INT || v.type == V_UINT;
    switch (conversion) {
    case 's':
        return text(f, v);
    case 'd':
        return decimal(f, v);
    case 'f':
    case 'e':
        return real(f, v, precision < 0 ? 6 : precision, conversion);
    case 'x':
    case 'X':
        return hex(f, v, conversion == 'X');
    case 'b':
        if (!whole && v.type != V_BOOL)
            return fail(f, "%b is for integers and bools", v);
        digits(&f->out, v, 1, false);
        return true;
    default:
        if (!whole)
            return fail(f, "%o is for integers", v);
        digits(&f->out, v, 3, false);
        return true;
    }
}

/* Reads ".3f" behind a %; false: it is none. */
static bool clause(struct str s, size_t *i, char *conversion, int *precision) {
    *precision = -1;
    if (*i < s.n && s.p[*i] == '.') {
        size_t from = ++*i;
        *precision = 0;
        while (*i < s.n && s.p[*i] >= '0' && s.p[*i] <= '9' && *precision <= PRECISION_MAX)
            *precision = *precision * 10 + (s.p[(*i)++] - '0');
        if (*i == from || *precision > PRECISION_MAX)
            return false;
    }
    if (*i >= s.n || !s.p[*i] || !strchr("sdfexXbo", s.p[*i]))
        return false;
    *conversion = s.p[(*i)++];
    return *precision < 0 || *conversion == 'f' || *conversion == 'e';
}

struct value cel_string_format(struct cel_run *run, const struct cel_node *n,
                               const struct value *args) {
    struct str s = value_text(args[0]);
    const struct list *values = args[1].u.list;
    struct format f = {.run = run, .n = n, .out = BUF_IN(run->arena)};
    size_t next = 0;
    for (size_t i = 0; i < s.n;) {
        char conversion;
        int precision;
        if (s.p[i] != '%') {
            buf_add_char(&f.out, s.p[i++]);
            continue;
        }
        if (++i < s.n && s.p[i] == '%') {
            buf_add_char(&f.out, s.p[i++]);
            continue;
        }
        if (!clause(s, &i, &conversion, &precision))
            return cel_fail(run, "format(): behind %% one of s d f e b o x X is expected");
        if (next == values->n)
            return cel_fail(run, "format(): there are more %% than the %zu values", values->n);
        if (!convert(&f, values->v[next++], conversion, precision))
            return f.error;
    }
    if (!cel_step(run, f.out.n / 64))
        return cel_error(CEL_E_STEPS, n);
    return value_str(f.out.n ? buf_str(&f.out) : S(""));
}
