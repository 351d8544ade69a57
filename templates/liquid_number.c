/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_number.h"

#include "base/arena.h"
#include "templates/liquid_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define BASE UINT32_C(1000000000)
#define LIMB_DIGITS 9
#define QUOTIENT_DIGITS 40 /* of a division of decimals: far more than a double holds */

/* ---- magnitudes */
static struct mag mag_new(struct arena *a, uint32_t n) {
    return (struct mag){n, ARENA_ARRAY(a, uint32_t, n ? n : 1)};
}

static struct mag mag_trim(struct mag m) {
    while (m.n && m.limb[m.n - 1] == 0)
        m.n--;
    return m;
}

static struct mag mag_from_u64(struct arena *a, uint64_t u) {
    struct mag m = mag_new(a, 3);
    for (uint32_t i = 0; i < 3; i++, u /= BASE)
        m.limb[i] = (uint32_t)(u % BASE);
    return mag_trim(m);
}

static int mag_cmp(struct mag x, struct mag y) {
    if (x.n != y.n)
        return x.n < y.n ? -1 : 1;
    for (uint32_t i = x.n; i-- > 0;)
        if (x.limb[i] != y.limb[i])
            return x.limb[i] < y.limb[i] ? -1 : 1;
    return 0;
}

static struct mag mag_add(struct arena *a, struct mag x, struct mag y) {
    uint32_t n = (x.n > y.n ? x.n : y.n) + 1, carry = 0;
    struct mag r = mag_new(a, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t s = carry + (i < x.n ? x.limb[i] : 0) + (i < y.n ? y.limb[i] : 0);
        carry = s >= BASE;
        r.limb[i] = carry ? s - BASE : s;
    }
    return mag_trim(r);
}

/* x - y, x not smaller. */
static struct mag mag_sub(struct arena *a, struct mag x, struct mag y) {
    struct mag r = mag_new(a, x.n);
    int64_t borrow = 0;
    for (uint32_t i = 0; i < x.n; i++) {
        int64_t d = (int64_t)x.limb[i] - borrow - (i < y.n ? y.limb[i] : 0);
        borrow = d < 0;
        r.limb[i] = (uint32_t)(borrow ? d + BASE : d);
    }
    return mag_trim(r);
}

static struct mag mag_mul(struct arena *a, struct mag x, struct mag y) {
    struct mag r = mag_new(a, x.n + y.n);
    for (uint32_t i = 0; i < x.n; i++) {
        uint64_t carry = 0;
        for (uint32_t j = 0; j < y.n || carry; j++) {
            uint64_t t = r.limb[i + j] + carry + (j < y.n ? (uint64_t)x.limb[i] * y.limb[j] : 0);
            r.limb[i + j] = (uint32_t)(t % BASE);
            carry = t / BASE;
        }
    }
    return mag_trim(r);
}

static uint32_t mag_div_small(struct mag x, uint32_t d, struct mag *q) {
    uint64_t rest = 0;
    for (uint32_t i = x.n; i-- > 0;) {
        rest = rest * BASE + x.limb[i];
        q->limb[i] = (uint32_t)(rest / d);
        rest %= d;
    }
    *q = mag_trim(*q);
    return (uint32_t)rest;
}

/* Subtracts q * y from the limbs of x at `at`; true when that was too much. */
static bool sub_mul(uint32_t *x, struct mag y, uint64_t q) {
    uint64_t carry = 0;
    int64_t borrow = 0;
    for (uint32_t i = 0; i <= y.n; i++) {
        uint64_t p = carry + (i < y.n ? q * y.limb[i] : 0);
        carry = p / BASE;
        int64_t d = (int64_t)x[i] - borrow - (int64_t)(p % BASE);
        borrow = d < 0;
        x[i] = (uint32_t)(borrow ? d + BASE : d);
    }
    return borrow != 0;
}

static void add_back(uint32_t *x, struct mag y) {
    uint32_t carry = 0;
    for (uint32_t i = 0; i <= y.n; i++) {
        uint32_t s = x[i] + carry + (i < y.n ? y.limb[i] : 0);
        carry = s >= BASE;
        x[i] = carry ? s - BASE : s;
    }
}

/* Knuth's algorithm D; y is not zero. */
static void mag_divmod(struct arena *a, struct mag x, struct mag y, struct mag *q, struct mag *r) {
    if (mag_cmp(x, y) < 0) {
        *q = mag_new(a, 0);
        *r = x;
        return;
    }
    if (y.n == 1) {
        *q = mag_new(a, x.n);
        *r = mag_from_u64(a, mag_div_small(x, y.limb[0], q));
        return;
    }
    uint32_t f = BASE / (y.limb[y.n - 1] + 1);
    struct mag scale = mag_from_u64(a, f), v = mag_mul(a, y, scale), u = mag_mul(a, x, scale);
    struct mag work = mag_new(a, x.n + 2);
    memcpy(work.limb, u.limb, u.n * sizeof *u.limb);
    uint32_t m = x.n - v.n;
    *q = mag_new(a, m + 1);
    for (uint32_t j = m + 1; j-- > 0;) {
        uint32_t *top = work.limb + j;
        uint64_t two = (uint64_t)top[v.n] * BASE + top[v.n - 1];
        uint64_t guess = two / v.limb[v.n - 1], rest = two % v.limb[v.n - 1];
        while (guess >= BASE || guess * v.limb[v.n - 2] > rest * BASE + top[v.n - 2]) {
            guess--;
            rest += v.limb[v.n - 1];
            if (rest >= BASE)
                break;
        }
        if (sub_mul(top, v, guess)) {
            guess--;
            add_back(top, v);
        }
        q->limb[j] = (uint32_t)guess;
    }
    *q = mag_trim(*q);
    struct mag rest = mag_new(a, work.n);
    work = mag_trim(work);
    mag_div_small(work, f, &rest);
    *r = mag_trim(rest);
}

static struct mag mag_pow10(struct arena *a, uint32_t k) {
    struct mag m = mag_new(a, k / LIMB_DIGITS + 1);
    uint32_t top = 1;
    for (uint32_t i = 0; i < k % LIMB_DIGITS; i++)
        top *= 10;
    m.limb[k / LIMB_DIGITS] = top;
    return m;
}

static struct mag mag_shift(struct arena *a, struct mag m, uint32_t k) {
    return k == 0 || m.n == 0 ? m : mag_mul(a, m, mag_pow10(a, k));
}

static uint32_t mag_digits(struct mag m) {
    if (m.n == 0)
        return 0;
    uint32_t d = (m.n - 1) * LIMB_DIGITS;
    for (uint32_t top = m.limb[m.n - 1]; top; top /= 10)
        d++;
    return d;
}

static void mag_write(struct buf *out, struct mag m) {
    if (m.n == 0) {
        buf_add_char(out, '0');
        return;
    }
    buf_printf(out, "%" PRIu32, m.limb[m.n - 1]);
    for (uint32_t i = m.n - 1; i-- > 0;)
        buf_printf(out, "%09" PRIu32, m.limb[i]);
}

static struct mag mag_from_digits(struct arena *a, const char *p, size_t n) {
    struct mag m = mag_new(a, (uint32_t)(n / LIMB_DIGITS + 1));
    for (uint32_t i = 0; n > 0; i++) {
        size_t take = n < LIMB_DIGITS ? n : LIMB_DIGITS;
        n -= take;
        for (size_t k = 0; k < take; k++)
            m.limb[i] = m.limb[i] * 10 + (uint32_t)(p[n + k] - '0');
    }
    return mag_trim(m);
}

/* ---- numbers */
struct number number_from_int(struct arena *a, int64_t i) {
    uint64_t u = i < 0 ? (uint64_t)0 - (uint64_t)i : (uint64_t)i;
    return (struct number){.negative = i < 0, .integer = true, .mag = mag_from_u64(a, u)};
}

/* Digits and decimal exponent of the shortest text of d: 0.DIGITS * 10^exponent. */
static int shortest(double d, char digits[32], int *exponent) {
    char tmp[40];
    for (int precision = 14; precision <= 16; precision++) {
        snprintf(tmp, sizeof tmp, "%.*e", precision, d);
        if (strtod(tmp, NULL) == d)
            break;
    }
    int n = 0;
    char *p = tmp;
    for (; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    *exponent = *p ? (int)strtol(p + 1, NULL, 10) + 1 : 1;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = 0;
    return n;
}

struct number number_from_double(struct arena *a, double d) {
    char digits[32];
    int exponent, n = shortest(fabs(d), digits, &exponent);
    struct number x = {.negative = signbit(d) != 0, .mag = mag_from_digits(a, digits, (size_t)n)};
    x.scale = n - exponent;
    if (x.scale < 0) {
        x.mag = mag_shift(a, x.mag, (uint32_t)-x.scale);
        x.scale = 0;
    }
    return x;
}

bool number_from_text(struct arena *a, struct str text, struct number *out) {
    struct number x = {.integer = true};
    size_t i = 0, dot = text.n;
    if (text.n && text.p[0] == '-') {
        x.negative = true;
        i = 1;
    }
    size_t start = i;
    for (; i < text.n; i++) {
        if (text.p[i] == '.' && dot == text.n && i > start && i + 1 < text.n)
            dot = i;
        else if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    }
    if (start == text.n || text.n > LIQUID_DIGITS_MAX)
        return false;
    char *digits = arena_alloc(a, text.n);
    size_t whole = dot - start, n = whole;
    memcpy(digits, text.p + start, whole);
    if (dot < text.n) {
        memcpy(digits + n, text.p + dot + 1, text.n - dot - 1);
        n += text.n - dot - 1;
        x.integer = false;
        x.scale = (int32_t)(n - whole);
    }
    x.mag = mag_from_digits(a, digits, n);
    *out = x;
    return true;
}

static bool too_long(struct err *e) {
    return err_set(e, ERR_INPUT, "the number has more than %d digits", LIQUID_DIGITS_MAX);
}

/* Brings both to one scale, which is returned. */
static int32_t align(struct arena *a, struct number *x, struct number *y) {
    int32_t scale = x->scale > y->scale ? x->scale : y->scale;
    x->mag = mag_shift(a, x->mag, (uint32_t)(scale - x->scale));
    y->mag = mag_shift(a, y->mag, (uint32_t)(scale - y->scale));
    x->scale = y->scale = scale;
    return scale;
}

static struct number add(struct arena *a, struct number x, struct number y) {
    struct number r = {.integer = x.integer && y.integer};
    r.scale = align(a, &x, &y);
    if (x.negative == y.negative) {
        r.mag = mag_add(a, x.mag, y.mag);
        r.negative = x.negative;
        return r;
    }
    int c = mag_cmp(x.mag, y.mag);
    r.mag = c >= 0 ? mag_sub(a, x.mag, y.mag) : mag_sub(a, y.mag, x.mag);
    r.negative = c == 0 ? false : c > 0 ? x.negative : y.negative;
    return r;
}

/* Floored division of the aligned mantissas. */
static void floor_divmod(struct arena *a, struct number x, struct number y, struct number *q,
                         struct number *r) {
    int32_t scale = align(a, &x, &y);
    *q = (struct number){.integer = true, .negative = x.negative != y.negative};
    *r = (struct number){.integer = x.integer && y.integer, .scale = scale};
    mag_divmod(a, x.mag, y.mag, &q->mag, &r->mag);
    r->negative = x.negative;
    if (r->mag.n && q->negative) {
        q->mag = mag_add(a, q->mag, mag_from_u64(a, 1));
        r->mag = mag_sub(a, y.mag, r->mag);
        r->negative = y.negative;
    }
    if (r->mag.n == 0)
        r->negative = false;
}

static struct number divide(struct arena *a, struct number x, struct number y) {
    struct number q, r;
    if (x.integer && y.integer) {
        floor_divmod(a, x, y, &q, &r);
        return q;
    }
    int64_t want = (int64_t)mag_digits(y.mag) - mag_digits(x.mag) + QUOTIENT_DIGITS;
    if (want < 0)
        want = 0;
    q = (struct number){.negative = x.negative != y.negative};
    mag_divmod(a, mag_shift(a, x.mag, (uint32_t)want), y.mag, &q.mag, &r.mag);
    int64_t scale = (int64_t)x.scale + want - y.scale;
    if (scale < 0) {
        q.mag = mag_shift(a, q.mag, (uint32_t)-scale);
        scale = 0;
    }
    q.scale = (int32_t)scale;
    return q;
}

bool number_apply(struct arena *a, enum number_op op, struct number x, struct number y,
                  struct number *out, struct err *e) {
    struct number q;
    uint64_t digits =
        (uint64_t)mag_digits(x.mag) + mag_digits(y.mag) + (uint64_t)x.scale + (uint64_t)y.scale;
    if (digits > LIQUID_DIGITS_MAX)
        return too_long(e);
    switch (op) {
    case NUMBER_SUB:
        y.negative = !y.negative;
        /* fallthrough */
    case NUMBER_ADD:
        *out = add(a, x, y);
        return true;
    case NUMBER_MUL:
        *out = (struct number){.integer = x.integer && y.integer,
                               .negative = x.negative != y.negative,
                               .scale = x.scale + y.scale,
                               .mag = mag_mul(a, x.mag, y.mag)};
        return true;
    case NUMBER_DIV:
    case NUMBER_MOD:
        if (y.mag.n == 0)
            return err_set(e, ERR_INPUT, "divided by 0");
        if (op == NUMBER_DIV)
            *out = divide(a, x, y);
        else
            floor_divmod(a, x, y, &q, out);
        return true;
    }
    return err_set(e, ERR_BUG, "unknown operation %d", op);
}

int number_compare(struct arena *a, struct number x, struct number y) {
    if (x.mag.n == 0 && y.mag.n == 0)
        return 0;
    align(a, &x, &y);
    bool nx = x.negative && x.mag.n, ny = y.negative && y.mag.n;
    if (nx != ny)
        return nx ? -1 : 1;
    int c = mag_cmp(x.mag, y.mag);
    return nx ? -c : c;
}

/* The whole part when `drop` digits at the end are cut off, and whether the rest is
 * nothing, less than half, or half and more. */
static struct mag cut(struct arena *a, struct mag m, uint32_t drop, bool *any, bool *half) {
    struct mag q, r, p = mag_pow10(a, drop);
    mag_divmod(a, m, p, &q, &r);
    *any = r.n > 0;
    *half = mag_cmp(mag_add(a, r, r), p) >= 0;
    return q;
}

bool number_round(struct arena *a, struct number x, int64_t digits, struct number *out,
                  struct err *e) {
    bool any, half;
    *out = x;
    if (digits >= x.scale) {
        out->integer = x.integer || digits < 1;
        return true;
    }
    int64_t drop = x.scale - digits;
    struct number r = {.integer = x.integer || digits < 1, .negative = x.negative};
    if (drop > (int64_t)mag_digits(x.mag) + 1) { /* everything goes */
        r.mag = mag_new(a, 0);
        *out = r;
        return true;
    }
    if (drop > LIQUID_DIGITS_MAX)
        return too_long(e);
    r.mag = cut(a, x.mag, (uint32_t)drop, &any, &half);
    if (half)
        r.mag = mag_add(a, r.mag, mag_from_u64(a, 1));
    if (digits < 0)
        r.mag = mag_shift(a, r.mag, (uint32_t)-digits);
    else
        r.scale = (int32_t)digits;
    *out = r;
    return true;
}

static struct number to_whole(struct arena *a, struct number x, bool away) {
    bool any = false, half;
    struct number r = {.integer = true, .negative = x.negative, .mag = x.mag};
    if (x.scale)
        r.mag = cut(a, x.mag, (uint32_t)x.scale, &any, &half);
    if (any && away)
        r.mag = mag_add(a, r.mag, mag_from_u64(a, 1));
    return r;
}

struct number number_floor(struct arena *a, struct number x) {
    return to_whole(a, x, x.negative);
}

struct number number_ceil(struct arena *a, struct number x) {
    return to_whole(a, x, !x.negative);
}

/* False when it does not fit. */
static bool to_int64(struct number x, int64_t *out) {
    uint64_t u = 0;
    if (x.mag.n > 3)
        return false;
    for (uint32_t i = x.mag.n; i-- > 0;)
        if (__builtin_mul_overflow(u, (uint64_t)BASE, &u) ||
            __builtin_add_overflow(u, (uint64_t)x.mag.limb[i], &u))
            return false;
    if (u > (uint64_t)INT64_MAX + x.negative)
        return false;
    *out = x.negative ? (int64_t)((uint64_t)0 - u) : (int64_t)u;
    return true;
}

double number_double(struct arena *a, struct number x) {
    struct buf b = BUF_IN(a);
    if (x.negative)
        buf_add_char(&b, '-');
    mag_write(&b, x.mag);
    buf_printf(&b, "e%d", -x.scale);
    return strtod(buf_cstr(&b), NULL);
}

struct value number_value(struct arena *a, struct number x) {
    int64_t i;
    if (!x.integer)
        return value_double(number_double(a, x));
    if (to_int64(x, &i))
        return value_int(i);
    struct big *b = ARENA_NEW(a, struct big);
    b->negative = x.negative;
    b->mag = x.mag;
    return (struct value){.type = V_BIG, .u.ext = b};
}

void number_write(struct buf *out, struct number x) {
    if (x.negative && x.mag.n)
        buf_add_char(out, '-');
    mag_write(out, x.mag);
}

void number_write_double(struct buf *out, double d) {
    char digits[32];
    int exponent;
    if (!isfinite(d)) {
        buf_add_str(out, isnan(d) ? S("NaN") : d < 0 ? S("-Infinity") : S("Infinity"));
        return;
    }
    if (signbit(d))
        buf_add_char(out, '-');
    if (d == 0) {
        buf_add_str(out, S("0.0"));
        return;
    }
    int n = shortest(fabs(d), digits, &exponent);
    if (exponent > 15 || exponent < -3) {
        buf_printf(out, "%c.%se%+03d", digits[0], n > 1 ? digits + 1 : "0", exponent - 1);
    } else if (exponent <= 0) {
        buf_printf(out, "0.%.*s%s", -exponent, "0000000000", digits);
    } else if (n <= exponent) {
        buf_printf(out, "%s%.*s.0", digits, exponent - n, "00000000000000000");
    } else {
        buf_printf(out, "%.*s.%s", exponent, digits, digits + exponent);
    }
}
