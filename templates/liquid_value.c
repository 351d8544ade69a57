/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_value.h"

#include "base/arena.h"

#include <math.h>

bool liquid_is_empty(struct value v) {
    switch (v.type) {
    case V_STRING:
        return v.aux == 0;
    case V_LIST:
        return v.u.list->n == 0;
    case V_MAP:
        return v.u.map->n == 0;
    default:
        return false;
    }
}

bool liquid_is_blank(struct value v) {
    if (v.type == V_STRING)
        return str_trim(value_text(v)).n == 0;
    return !liquid_truthy(v) || liquid_is_empty(v);
}

/* ---- comparing */
bool liquid_is_number(struct value v) {
    return v.type == V_INT || v.type == V_DOUBLE || v.type == V_UINT || v.type == V_BIG;
}

static int sign_compare(double x, double y) {
    return x < y ? -1 : x > y;
}

static int compare_big(struct value a, struct value b) {
    struct arena *tmp = arena_new(512);
    int c = number_compare(tmp, liquid_number(tmp, a), liquid_number(tmp, b));
    arena_free(tmp);
    return c;
}

static int compare_numbers(struct value a, struct value b) {
    if (a.type == V_INT && b.type == V_INT)
        return (a.u.i > b.u.i) - (a.u.i < b.u.i);
    if (a.type == V_DOUBLE && b.type == V_DOUBLE)
        return sign_compare(a.u.d, b.u.d);
    if (a.type == V_INT && b.type == V_DOUBLE && a.u.i > -(INT64_C(1) << 53) &&
        a.u.i < INT64_C(1) << 53)
        return sign_compare((double)a.u.i, b.u.d);
    if (a.type == V_DOUBLE && b.type == V_INT)
        return -compare_numbers(b, a);
    if (a.type == V_DOUBLE && !isfinite(a.u.d))
        return a.u.d > 0 ? 1 : -1;
    if (b.type == V_DOUBLE && !isfinite(b.u.d))
        return b.u.d > 0 ? -1 : 1;
    return compare_big(a, b);
}

static bool is_nan(struct value v) {
    return v.type == V_DOUBLE && isnan(v.u.d);
}

static bool equal_maps(const struct map *a, const struct map *b) {
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct value *other = map_get(b, a->e[i].key);
        if (!other || !liquid_equal(a->e[i].value, *other))
            return false;
    }
    return true;
}

static bool equal_lists(const struct list *a, const struct list *b) {
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!liquid_equal(a->v[i], b->v[i]))
            return false;
    return true;
}

bool liquid_equal(struct value a, struct value b) {
    if (liquid_is_number(a) && liquid_is_number(b))
        return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) == 0;
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case V_NULL:
        return true;
    case V_BOOL:
        return a.u.b == b.u.b;
    case V_STRING:
    case V_BYTES:
        return str_eq(value_text(a), value_text(b));
    case V_LIST:
        return a.u.list == b.u.list || equal_lists(a.u.list, b.u.list);
    case V_MAP:
        return a.u.map == b.u.map || equal_maps(a.u.map, b.u.map);
    case V_TIMESTAMP:
        return a.u.i == b.u.i && a.aux == b.aux;
    case V_RANGE: {
        const struct range *x = a.u.ext, *y = b.u.ext;
        return x->first == y->first && x->last == y->last;
    }
    default:
        return a.u.u == b.u.u;
    }
}

bool liquid_same(struct value a, struct value b) {
    if (a.type != b.type)
        return false;
    if (a.type == V_LIST) {
        if (a.u.list->n != b.u.list->n)
            return false;
        for (size_t i = 0; i < a.u.list->n; i++)
            if (!liquid_same(a.u.list->v[i], b.u.list->v[i]))
                return false;
        return true;
    }
    return liquid_equal(a, b);
}

uint64_t liquid_hash(struct value v) {
    uint64_t h = v.type * UINT64_C(0x9e3779b97f4a7c15);
    switch (v.type) {
    case V_STRING:
    case V_BYTES:
        return h ^ str_hash(value_text(v));
    case V_LIST:
        for (size_t i = 0; i < v.u.list->n; i++)
            h = h * 31 + liquid_hash(v.u.list->v[i]);
        return h;
    case V_MAP:
        return h + v.u.map->n;
    case V_BIG:
        return h + ((const struct big *)v.u.ext)->mag.limb[0];
    case V_RANGE:
        return h + (uint64_t)((const struct range *)v.u.ext)->first;
    case V_BOOL:
        return h + v.u.b;
    case V_DOUBLE:
        if (v.u.d == 0)
            return h;
        /* fallthrough */
    default:
        return h ^ v.u.u * UINT64_C(0xff51afd7ed558ccd);
    }
}

static bool order_lists(const struct list *a, const struct list *b, int *out) {
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        if (!liquid_order(a->v[i], b->v[i], out))
            return false;
        if (*out)
            return true;
    }
    *out = (a->n > b->n) - (a->n < b->n);
    return true;
}

bool liquid_order(struct value a, struct value b, int *out) {
    if (is_nan(a) || is_nan(b))
        return false;
    if (liquid_is_number(a) && liquid_is_number(b)) {
        *out = compare_numbers(a, b);
        return true;
    }
    if (a.type != b.type)
        return false;
    if (a.type == V_STRING || a.type == V_BYTES) {
        int c = str_cmp(value_text(a), value_text(b));
        *out = (c > 0) - (c < 0);
        return true;
    }
    if (a.type == V_LIST)
        return order_lists(a.u.list, b.u.list, out);
    if (a.type == V_TIMESTAMP || a.type == V_DURATION) {
        *out = a.u.i != b.u.i ? (a.u.i > b.u.i ? 1 : -1) : (a.aux > b.aux) - (a.aux < b.aux);
        return true;
    }
    *out = 0;
    return liquid_equal(a, b);
}

bool liquid_contains(struct arena *a, struct value whole, struct value part) {
    if (!liquid_truthy(part))
        return false;
    switch (whole.type) {
    case V_STRING:
        return str_find(value_text(whole), liquid_text(a, part)) >= 0;
    case V_LIST:
        for (size_t i = 0; i < whole.u.list->n; i++)
            if (liquid_equal(whole.u.list->v[i], part))
                return true;
        return false;
    case V_MAP:
        return map_get(whole.u.map, part) != NULL;
    case V_RANGE: {
        const struct range *r = whole.u.ext;
        return liquid_is_number(part) && compare_numbers(value_int(r->first), part) <= 0 &&
               compare_numbers(part, value_int(r->last)) <= 0;
    }
    default:
        return false;
    }
}

/* ---- numbers from values */
static bool digit(char c) {
    return c >= '0' && c <= '9';
}

/* The digits an integer text begins with, its underscores taken out. */
static struct str leading_digits(struct arena *a, struct str s, bool *negative) {
    while (s.n && (s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r')))
        s = str_sub(s, 1, s.n);
    *negative = s.n && s.p[0] == '-';
    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
        s = str_sub(s, 1, s.n);
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < s.n && b.n < LIQUID_DIGITS_MAX; i++) {
        if (digit(s.p[i]))
            buf_add_char(&b, s.p[i]);
        else if (s.p[i] != '_' || i == 0 || !digit(s.p[i - 1]) || i + 1 == s.n ||
                 !digit(s.p[i + 1]))
            break;
    }
    return b.n ? buf_str(&b) : S("0");
}

static struct number number_of_text(struct arena *a, struct str s) {
    struct number x;
    bool negative;
    if (number_from_text(a, liquid_strip(s), &x) && !x.integer)
        return x;
    struct str digits = leading_digits(a, s, &negative);
    if (!number_from_text(a, digits, &x))
        return number_from_int(a, 0);
    x.negative = negative && x.mag.n;
    return x;
}

struct number liquid_number(struct arena *a, struct value v) {
    switch (v.type) {
    case V_INT:
        return number_from_int(a, v.u.i);
    case V_DOUBLE:
        return isfinite(v.u.d) ? number_from_double(a, v.u.d) : number_from_int(a, 0);
    case V_BIG: {
        const struct big *b = v.u.ext;
        return (struct number){.integer = true, .negative = b->negative, .mag = b->mag};
    }
    case V_STRING:
        return number_of_text(a, value_text(v));
    default:
        return number_from_int(a, 0);
    }
}

static bool not_integer(struct err *e) {
    return err_set(e, ERR_INPUT, "invalid integer");
}

static int digit_of(char c) {
    return digit(c)               ? c - '0'
           : c >= 'a' && c <= 'z' ? c - 'a' + 10
           : c >= 'A' && c <= 'Z' ? c - 'A' + 10
                                  : 99;
}

/* A whole text as an integer literal: sign, 0x 0b 0o 0, single underscores. */
static bool strict_integer(struct str s, int64_t *out) {
    int base = 10;
    s = str_trim(s);
    bool negative = s.n && s.p[0] == '-';
    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
        s = str_sub(s, 1, s.n);
    if (s.n > 1 && s.p[0] == '0') {
        char c = (char)(s.p[1] | 0x20);
        base = c == 'x' ? 16 : c == 'b' ? 2 : c == 'd' ? 10 : 8;
        s = str_sub(s, c == 'x' || c == 'b' || c == 'd' || c == 'o' ? 2 : 1, s.n);
        if (s.n && s.p[0] == '_' && base == 8 && c == '_')
            s = str_sub(s, 1, s.n);
    }
    int64_t r = 0;
    bool after_digit = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '_' && after_digit) {
            after_digit = false;
            continue;
        }
        int d = digit_of(s.p[i]);
        if (d >= base)
            return false;
        if (__builtin_mul_overflow(r, base, &r) || __builtin_sub_overflow(r, d, &r))
            r = INT64_MIN; /* larger than anything that can be counted here */
        after_digit = true;
    }
    if (!after_digit)
        return false;
    *out = negative ? r : r == INT64_MIN ? INT64_MAX : -r;
    return true;
}

bool liquid_integer(struct value v, int64_t *out, struct err *e) {

    if (v.type == V_INT) {
        *out = v.u.i;
        return true;
    }
    if (v.type == V_BIG) {
        *out = ((const struct big *)v.u.ext)->negative ? INT64_MIN : INT64_MAX;
        return true;
    }
    if (v.type != V_STRING || !strict_integer(value_text(v), out))
        return not_integer(e);
    return true;
}

static int64_t saturate(double d) {
    return d >= 9.2e18 ? INT64_MAX : d <= -9.2e18 ? INT64_MIN : (int64_t)d;
}

static int64_t leading_int64(struct str s) {
    s = str_trim(s);
    bool negative = s.n && s.p[0] == '-';
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
    int64_t r = 0;
    for (size_t start = i; i < s.n; i++) {
        if (s.p[i] == '_' && i > start && digit(s.p[i - 1]) && i + 1 < s.n && digit(s.p[i + 1]))
            continue;
        if (!digit(s.p[i]))
            break;
        if (__builtin_mul_overflow(r, 10, &r) || __builtin_sub_overflow(r, s.p[i] - '0', &r))
            return negative ? INT64_MIN : INT64_MAX;
    }
    return negative ? r : r == INT64_MIN ? INT64_MAX : -r;
}

bool liquid_leading_integer(struct value v, int64_t *out) {
    switch (v.type) {
    case V_NULL:
        *out = 0;
        return true;
    case V_INT:
        *out = v.u.i;
        return true;
    case V_BIG:
        *out = ((const struct big *)v.u.ext)->negative ? INT64_MIN : INT64_MAX;
        return true;
    case V_DOUBLE:
        if (!isfinite(v.u.d))
            return false;
        *out = saturate(v.u.d);
        return true;
    case V_STRING:
        *out = leading_int64(value_text(v));
        return true;
    default:
        return false;
    }
}

int64_t range_size(const struct range *r) {
    int64_t n;
    if (r->last < r->first)
        return 0;
    if (__builtin_sub_overflow(r->last, r->first, &n) || n == INT64_MAX)
        return INT64_MAX;
    return n + 1;
}

/* ---- characters */
static bool lead(char c) {
    return ((unsigned char)c & 0xc0) != 0x80;
}

size_t utf8_length(struct str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += lead(s.p[i]);
    return n;
}

size_t utf8_offset(struct str s, size_t chars) {
    size_t i = 0;
    while (i < s.n) {
        if (lead(s.p[i]) && chars-- == 0)
            return i;
        i++;
    }
    return s.n;
}

struct str utf8_first(struct str s) {
    return str_sub(s, 0, utf8_offset(s, 1));
}

struct str utf8_last(struct str s) {
    size_t i = s.n;
    while (i > 0 && !lead(s.p[--i]))
        ;
    return str_sub(s, i, s.n);
}

static bool strip_char(char c) {
    return c == ' ' || c == 0 || (c >= '\t' && c <= '\r');
}

struct str liquid_lstrip(struct str s) {
    size_t i = 0;
    while (i < s.n && strip_char(s.p[i]))
        i++;
    return str_sub(s, i, s.n);
}

struct str liquid_rstrip(struct str s) {
    while (s.n && strip_char(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str liquid_strip(struct str s) {
    return liquid_rstrip(liquid_lstrip(s));
}
