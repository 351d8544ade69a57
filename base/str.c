/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/str.h"

#include "base/arena.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

int str_cmp(struct str a, struct str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_eq_nocase(struct str a, struct str b) {
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix) {
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_ends(struct str s, struct str suffix) {
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

ptrdiff_t str_find(struct str s, struct str needle) {
    if (needle.n == 0)
        return 0;
    const char *hit = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return hit ? hit - s.p : -1;
}

struct str str_sub(struct str s, size_t from, size_t to) {
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return str_of(s.p ? s.p + from : NULL, to - from);
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s) {
    while (s.n && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool str_split(struct str *rest, char sep, struct str *part) {
    if (!rest->p)
        return false;
    const char *hit = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    if (!hit) {
        *part = *rest;
        *rest = STR_NONE;
        return true;
    }
    *part = str_of(rest->p, (size_t)(hit - rest->p));
    *rest = str_of(hit + 1, rest->n - part->n - 1);
    return true;
}

bool str_to_int64(struct str s, int64_t *out) {
    char tmp[24];
    if (s.n == 0 || s.n >= sizeof tmp || is_space(s.p[0]))
        return false;
    memcpy(tmp, s.p, s.n);
    tmp[s.n] = 0;
    char *end;
    errno = 0;
    long long v = strtoll(tmp, &end, 10);
    if (errno || end != tmp + s.n)
        return false;
    *out = v;
    return true;
}

/* The C locale, whatever setlocale() a library of ours may call. */
static locale_t c_locale;

__attribute__((constructor)) static void make_c_locale(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        abort();
}

bool str_to_double(struct str s, double *out) {
    char tmp[512];
    if (s.n == 0 || s.n >= sizeof tmp)
        return false;
    memcpy(tmp, s.p, s.n);
    tmp[s.n] = 0;
    if (strspn(tmp, "0123456789+-.eE") != s.n)
        return false;
    char *end;
    double v = strtod_l(tmp, &end, c_locale);
    if (end != tmp + s.n || !isfinite(v))
        return false;
    *out = v;
    return true;
}

struct str str_from_double(double d, char out[STR_DOUBLE_MAX]) {
    locale_t before = uselocale(c_locale);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, STR_DOUBLE_MAX, "%.*g", digits, d);
        if (strtod(out, NULL) == d)
            break;
    }
    uselocale(before);
    return str_from(out);
}

size_t str_utf8(struct str s, uint32_t *code) {
    if (s.n == 0)
        return 0;
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (n == 0 || n > s.n || p[0] > 0xf4)
        return 0;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)) ||
        (c >= 0xd800 && c <= 0xdfff))
        return 0;
    if (code)
        *code = c;
    return n;
}

struct str str_dup(struct arena *a, struct str s) {
    return str_of(str_cstr(a, s), s.n);
}

char *str_cstr(struct arena *a, struct str s) {
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return p;
}

struct str str_vprintf(struct arena *a, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        n = 0;
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return str_of(p, (size_t)n);
}

struct str str_printf(struct arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    struct str s = str_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}

#define NEAREST_MAX 64u

/* Edit distance with swaps of neighbours (optimal string alignment). */
static size_t distance(struct str a, struct str b) {
    size_t row[3][NEAREST_MAX + 1];
    for (size_t j = 0; j <= b.n; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *now = row[i % 3], *above = row[(i + 2) % 3], *above2 = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t cost = lower(a.p[i - 1]) != lower(b.p[j - 1]);
            size_t d = above[j - 1] + cost;
            if (above[j] + 1 < d)
                d = above[j] + 1;
            if (now[j - 1] + 1 < d)
                d = now[j - 1] + 1;
            if (i > 1 && j > 1 && lower(a.p[i - 1]) == lower(b.p[j - 2]) &&
                lower(a.p[i - 2]) == lower(b.p[j - 1]) && above2[j - 2] + 1 < d)
                d = above2[j - 2] + 1;
            now[j] = d;
        }
    }
    return row[a.n % 3][b.n];
}

struct str str_nearest(struct str wrong, const struct str *candidates, size_t n) {
    struct str best = STR_NONE;
    /* exclusive bound; a single letter is near to nothing but itself */
    size_t best_d = wrong.n < 2 ? 1 : wrong.n < 5 ? 2 : wrong.n / 3 + 1;
    if (wrong.n == 0 || wrong.n > NEAREST_MAX)
        return best;
    for (size_t i = 0; i < n; i++) {
        if (candidates[i].n == 0 || candidates[i].n > NEAREST_MAX)
            continue;
        size_t d = distance(wrong, candidates[i]);
        if (d < best_d) {
            best_d = d;
            best = candidates[i];
        }
    }
    return best;
}

/* ---- SipHash-1-3 */
static uint64_t sip_key[2];

__attribute__((constructor)) static void draw_key(void) {
    if (getrandom(sip_key, sizeof sip_key, GRND_NONBLOCK) != (ssize_t)sizeof sip_key)
        sip_key[0] = (uint64_t)(uintptr_t)&sip_key; /* early boot: better than nothing */
}

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
static inline void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[1] = ROTL(v[1], 13) ^ v[0];
    v[0] = ROTL(v[0], 32);
    v[2] += v[3];
    v[3] = ROTL(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = ROTL(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = ROTL(v[1], 17) ^ v[2];
    v[2] = ROTL(v[2], 32);
}

uint64_t str_hash(struct str s) {
    uint64_t v[4] = {sip_key[0] ^ 0x736f6d6570736575ULL, sip_key[1] ^ 0x646f72616e646f6dULL,
                     sip_key[0] ^ 0x6c7967656e657261ULL, sip_key[1] ^ 0x7465646279746573ULL};
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        uint64_t m;
        memcpy(&m, s.p + i, 8);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    uint64_t last = (uint64_t)s.n << 56;
    for (size_t j = 0; i + j < s.n; j++)
        last |= (uint64_t)(unsigned char)s.p[i + j] << (8 * j);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int k = 0; k < 3; k++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- buffer */
void buf_close(struct buf *b) {
    if (!b->arena)
        free(b->p);
    *b = (struct buf){.arena = b->arena};
}

char *buf_reserve(struct buf *b, size_t more) {
    if (!b->p || b->cap - b->n < more) {
        if (more > SIZE_MAX / 4 || b->n > SIZE_MAX / 4)
            abort(); /* out of memory, and the doubling below would overflow */
        size_t cap = b->cap ? b->cap * 2 : 64;
        while (cap - b->n < more)
            cap *= 2;
        if (b->arena) {
            b->p = arena_grow(b->arena, b->p, b->cap, cap);
        } else {
            b->p = realloc(b->p, cap);
            if (!b->p)
                abort();
        }
        b->cap = cap;
    }
    return b->p + b->n;
}

void buf_add(struct buf *b, const void *p, size_t n) {
    if (n == 0)
        return;
    memcpy(buf_reserve(b, n), p, n);
    b->n += n;
}

void buf_add_str(struct buf *b, struct str s) {
    buf_add(b, s.p, s.n);
}

void buf_add_char(struct buf *b, char c) {
    *buf_reserve(b, 1) = c;
    b->n++;
}

void buf_printf(struct buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0) {
        vsnprintf(buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

const char *buf_cstr(struct buf *b) {
    *buf_reserve(b, 1) = 0;
    return b->p;
}
