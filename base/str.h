/* SPDX-License-Identifier: Apache-2.0
 *
 * str: text with a length, and a buffer that grows.
 *
 * A `struct str` borrows its bytes (UTF-8 unless said otherwise, may hold NUL)
 * from an arena, a literal or a buffer. `char *` appears only at the edge of a
 * library. No function here fails; out of memory aborts.
 */
#ifndef GODWIT_BASE_STR_H
#define GODWIT_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct str {
    const char *p;
    size_t n;
};

#define S(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf: "%.*s", STR_FMT(s) */
#define STR_FMT(s) (int)((s).n < INT32_MAX ? (s).n : INT32_MAX), (s).p ? (s).p : ""

static inline struct str str_from(const char *cstr) {
    return (struct str){cstr, cstr ? strlen(cstr) : 0};
}
static inline struct str str_of(const char *p, size_t n) {
    return (struct str){p, n};
}
static inline bool str_eq(struct str a, struct str b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
int str_cmp(struct str a, struct str b);        /* by byte, which for UTF-8 is by code point */
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
ptrdiff_t str_find(struct str s, struct str needle);      /* offset of the first, or -1 */
struct str str_sub(struct str s, size_t from, size_t to); /* cut to what is there */
struct str str_trim(struct str s);                        /* ASCII white space, both ends */

/* The part of *rest before the first `sep` (or all of it); *rest moves behind it.
 * False when *rest was exhausted (its p is NULL) before the call. */
bool str_split(struct str *rest, char sep, struct str *part);

/* Whole-string decimal numbers, whatever the locale: false on empty input, a stray
 * character or overflow; "inf", "nan" and hexadecimal are no numbers here. */
bool str_to_int64(struct str s, int64_t *out);
bool str_to_double(struct str s, double *out);

/* The shortest decimal text that reads back as exactly d ("0.1", "1e+22", "7"),
 * whatever the locale. */
#define STR_DOUBLE_MAX 32
struct str str_from_double(double d, char out[STR_DOUBLE_MAX]);

/* Bytes of the valid UTF-8 character that s begins with; 0 when it begins with none
 * (empty, a stray or cut sequence, an overlong form, a surrogate). `code`, if not
 * NULL, gets the code point. */
size_t str_utf8(struct str s, uint32_t *code);

struct str str_dup(struct arena *a, struct str s);
char *str_cstr(struct arena *a, struct str s); /* a copy ended by NUL */
struct str str_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct str str_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Of n candidates the one nearest to `wrong` by edit distance, if it is near
 * enough to be worth suggesting; STR_NONE otherwise. */
struct str str_nearest(struct str wrong, const struct str *candidates, size_t n);

/* A hash for tables whose keys come from outside: SipHash-1-3 under a key drawn
 * once per process. */
uint64_t str_hash(struct str s);

/* ---- buffer: grows on the heap, or in an arena when one was given */
struct buf {
    char *p;
    size_t n;
    size_t cap;
    struct arena *arena; /* NULL: heap, to be ended with buf_close */
};

#define BUF_HEAP ((struct buf){0})
#define BUF_IN(a) ((struct buf){.arena = (a)})

void buf_close(struct buf *b); /* frees a heap buffer; b is empty afterwards */
static inline void buf_clear(struct buf *b) {
    b->n = 0;
}
/* Room for `more` bytes behind the content; returns where they go. */
char *buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_cstr(struct buf *b); /* the content, ended by a NUL that does not count */
static inline struct str buf_str(const struct buf *b) {
    return (struct str){b->p, b->n};
}

#endif
