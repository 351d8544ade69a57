/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "templates/liquid_filters.h"

#include <unicode/ustring.h>
#include <unicode/utf8.h>

/* A text that came out of another keeps being HTML, or not. */
static bool derived(const struct filter_args *in, struct str s, struct value *out) {
    *out = value_str(s.n ? s : S(""));
    if (in->input.type == V_STRING)
        out->flags = in->input.flags;
    return true;
}

/* ---- joining and cutting */
static bool joined(struct render *r, struct value a, struct value b, struct value *out) {
    struct str x = filter_text(r, a), y = filter_text(r, b);
    bool safe = a.type == V_STRING && b.type == V_STRING && (a.flags & b.flags & VALUE_SAFE);
    if (!filter_room(r, (uint64_t)x.n + y.n))
        return false;
    struct buf t = BUF_IN(r->arena);
    buf_reserve(&t, x.n + y.n + 1);
    buf_add_str(&t, x);
    buf_add_str(&t, y);
    if (!filter_result(r, &t, out))
        return false;
    out->flags = safe ? VALUE_SAFE : 0;
    return true;
}

FILTER(append) {
    return joined(r, in->input, in->v[0], out);
}

FILTER(prepend) {
    return joined(r, in->v[0], in->input, out);
}

FILTER(strip) {
    return derived(in, liquid_strip(filter_text(r, in->input)), out);
}

FILTER(lstrip) {
    return derived(in, liquid_lstrip(filter_text(r, in->input)), out);
}

FILTER(rstrip) {
    return derived(in, liquid_rstrip(filter_text(r, in->input)), out);
}

/* Where a slice of n elements begins and how many it has; false: nowhere. */
static bool window(int64_t n, int64_t offset, int64_t length, int64_t *from, int64_t *count) {
    if (offset < 0 && __builtin_add_overflow(offset, n, &offset))
        return false;
    if (offset < 0 || offset > n || length < 0)
        return false;
    *from = offset;
    *count = length < n - offset ? length : n - offset;
    return true;
}

FILTER(slice) {
    int64_t offset, length = 1, from, count;
    if (!filter_integer(r, in->v[0], &offset))
        return false;
    if (in->n > 1 && liquid_truthy(in->v[1]) && !filter_integer(r, in->v[1], &length))
        return false;
    if (in->input.type == V_LIST) {
        const struct list *l = in->input.u.list;
        struct list *part = list_new(r->arena, 0);
        if (window((int64_t)l->n, offset, length, &from, &count))
            for (int64_t i = 0; i < count; i++)
                list_add(r->arena, part, l->v[from + i]);
        *out = value_list(part);
        return liquid_work(r, part->n);
    }
    struct str s = filter_text(r, in->input);
    if (!window((int64_t)utf8_length(s), offset, length, &from, &count)) {
        *out = value_str(S(""));
        return true;
    }
    s = str_sub(s, utf8_offset(s, (size_t)from), s.n);
    *out = value_str(str_sub(s, 0, utf8_offset(s, (size_t)count)));
    return true;
}

FILTER(truncate) {
    int64_t length = 50;
    if (in->input.type == V_NULL) {
        *out = VALUE_NULL;
        return true;
    }
    if (in->n && !filter_integer(r, in->v[0], &length))
        return false;
    struct str s = filter_text(r, in->input);
    struct str end = in->n > 1 ? filter_text(r, in->v[1]) : S("...");
    if ((int64_t)utf8_length(s) <= length)
        return derived(in, s, out);
    int64_t keep = length > 0 ? length - (int64_t)utf8_length(end) : 0;
    if (!filter_room(r, (uint64_t)s.n + end.n))
        return false;
    struct buf b = BUF_IN(r->arena);
    buf_add_str(&b, str_sub(s, 0, utf8_offset(s, keep > 0 ? (size_t)keep : 0)));
    buf_add_str(&b, end);
    return filter_result(r, &b, out);
}

static bool word_space(char c) {
    return c == 0 || liquid_space(c);
}

FILTER(truncatewords) {
    int64_t words = 15, n = 0;
    if (in->input.type == V_NULL) {
        *out = VALUE_NULL;
        return true;
    }
    if (in->n && !filter_integer(r, in->v[0], &words))
        return false;
    words = words > 0 ? words : 1;
    struct str s = filter_text(r, in->input);
    struct str end = in->n > 1 ? filter_text(r, in->v[1]) : S("...");
    struct buf b = BUF_IN(r->arena);
    for (size_t i = 0;;) {
        while (i < s.n && word_space(s.p[i]))
            i++;
        if (i >= s.n)
            return derived(in, s, out); /* not more words than asked for */
        if (n == words)
            break;
        size_t start = i;
        while (i < s.n && !word_space(s.p[i]))
            i++;
        if (n++)
            buf_add_char(&b, ' ');
        buf_add_str(&b, str_sub(s, start, i));
    }
    buf_add_str(&b, end);
    return filter_room(r, b.n) && filter_result(r, &b, out);
}

/* ---- split */
static void split_words(struct render *r, struct list *l, struct str s) {
    for (size_t i = 0; i < s.n;) {
        while (i < s.n && word_space(s.p[i]))
            i++;
        size_t start = i;
        while (i < s.n && !word_space(s.p[i]))
            i++;
        if (i > start)
            list_add(r->arena, l, value_str(str_sub(s, start, i)));
    }
}

static void split_at(struct render *r, struct list *l, struct str s, struct str by) {
    for (;;) {
        ptrdiff_t at = by.n ? str_find(s, by) : (ptrdiff_t)utf8_offset(s, 1);
        if (at < 0 || (by.n == 0 && s.n == 0))
            break;
        list_add(r->arena, l, value_str(str_sub(s, 0, (size_t)at)));
        s = str_sub(s, (size_t)at + by.n, s.n);
    }
    list_add(r->arena, l, value_str(s));
    while (l->n && l->v[l->n - 1].aux == 0)
        l->n--;
}

FILTER(split) {
    struct str s = filter_text(r, in->input), by = filter_text(r, in->v[0]);
    struct list *l = list_new(r->arena, 0);
    if (str_eq(by, S(" ")))
        split_words(r, l, s);
    else
        split_at(r, l, s, by);
    *out = value_list(l);
    return liquid_work(r, l->n);
}

/* ---- replace: `replacement` may refer to what was found, as in the reference: \0 and \&
 * are that text, \` and \' what is before and behind it, \\ a backslash. */
struct replacing {
    struct str s, find, with;
    bool plain; /* no backslash in `with` */
};

static void add_replacement(struct buf *b, const struct replacing *p, size_t at) {
    if (p->plain) {
        buf_add_str(b, p->with);
        return;
    }
    for (size_t i = 0; i < p->with.n; i++) {
        char c = p->with.p[i], next = i + 1 < p->with.n ? p->with.p[i + 1] : 0;
        if (c != '\\' || !next || !strchr("0123456789&`'\\", next)) {
            buf_add_char(b, c);
            continue;
        }
        i++;
        if (next == '0' || next == '&')
            buf_add_str(b, p->find);
        else if (next == '`')
            buf_add_str(b, str_sub(p->s, 0, at));
        else if (next == '\'')
            buf_add_str(b, str_sub(p->s, at + p->find.n, p->s.n));
        else if (next == '\\')
            buf_add_char(b, '\\');
    }
}

static bool replace_all(struct render *r, const struct replacing *p, struct value *out) {
    struct buf b = BUF_IN(r->arena);
    size_t at = 0;
    for (;;) {
        ptrdiff_t hit = str_find(str_sub(p->s, at, p->s.n), p->find);
        if (hit < 0)
            break;
        buf_add_str(&b, str_sub(p->s, at, at + (size_t)hit));
        at += (size_t)hit;
        add_replacement(&b, p, at);
        at += p->find.n;
        if (p->find.n == 0) { /* between all characters */
            if (at >= p->s.n)
                break;
            size_t n = utf8_offset(str_sub(p->s, at, p->s.n), 1);
            buf_add_str(&b, str_sub(p->s, at, at + n));
            at += n;
        }
        if (!filter_room(r, b.n) || !liquid_work(r, 1))
            return false;
    }
    buf_add_str(&b, str_sub(p->s, at, p->s.n));
    return filter_result(r, &b, out);
}

static bool replace_one(struct render *r, const struct replacing *p, ptrdiff_t at,
                        struct value *out) {
    struct buf b = BUF_IN(r->arena);
    if (at < 0) {
        *out = value_str(p->s);
        return true;
    }
    if (!filter_room(r, (uint64_t)p->s.n * (p->plain ? 1 : 2) + p->with.n))
        return false;
    buf_add_str(&b, str_sub(p->s, 0, (size_t)at));
    add_replacement(&b, p, (size_t)at);
    buf_add_str(&b, str_sub(p->s, (size_t)at + p->find.n, p->s.n));
    return filter_room(r, b.n) && filter_result(r, &b, out);
}

static struct replacing replacing(struct render *r, const struct filter_args *in, bool removing) {
    struct replacing p = {.s = filter_text(r, in->input), .find = filter_text(r, in->v[0])};
    p.with = removing || in->n < 2 ? S("") : filter_text(r, in->v[1]);
    p.plain = p.with.n == 0 || !memchr(p.with.p, '\\', p.with.n);
    return p;
}

static ptrdiff_t find_last(struct str s, struct str find) {
    if (find.n > s.n)
        return -1;
    for (size_t i = s.n - find.n + 1; i-- > 0;)
        if (find.n == 0 || memcmp(s.p + i, find.p, find.n) == 0)
            return (ptrdiff_t)i;
    return -1;
}

FILTER(replace) {
    struct replacing p = replacing(r, in, false);
    return replace_all(r, &p, out);
}

FILTER(remove) {
    struct replacing p = replacing(r, in, true);
    return replace_all(r, &p, out);
}

FILTER(replace_first) {
    struct replacing p = replacing(r, in, false);
    return replace_one(r, &p, str_find(p.s, p.find), out);
}

FILTER(remove_first) {
    struct replacing p = replacing(r, in, true);
    return replace_one(r, &p, str_find(p.s, p.find), out);
}

FILTER(replace_last) {
    struct replacing p = replacing(r, in, false);
    p.plain = true;
    return replace_one(r, &p, find_last(p.s, p.find), out);
}

FILTER(remove_last) {
    struct replacing p = replacing(r, in, true);
    return replace_one(r, &p, find_last(p.s, p.find), out);
}

/* ---- letters */
enum letters { LETTERS_UP, LETTERS_DOWN, LETTERS_TITLE };

static void add_letter(struct buf *b, const char *p, int32_t n, enum letters to) {
    UChar from[4], made[16];
    char utf8[64];
    int32_t length = 0, bytes = 0;
    UErrorCode code = U_ZERO_ERROR;
    u_strFromUTF8(from, 4, &length, p, n, &code);
    if (U_SUCCESS(code) && to == LETTERS_UP)
        length = u_strToUpper(made, 16, from, length, "", &code);
    else if (U_SUCCESS(code) && to == LETTERS_DOWN)
        length = u_strToLower(made, 16, from, length, "", &code);
    else if (U_SUCCESS(code))
        length = u_strToTitle(made, 16, from, length, NULL, "", &code);
    if (U_SUCCESS(code))
        u_strToUTF8(utf8, sizeof utf8, &bytes, made, length, &code);
    if (U_SUCCESS(code))
        buf_add(b, utf8, (size_t)bytes);
    else
        buf_add(b, p, (size_t)n);
}

static void add_letters(struct buf *b, struct str s, enum letters to) {
    buf_reserve(b, s.n + 1);
    for (size_t i = 0; i < s.n;) {
        char c = s.p[i];
        if (((unsigned char)c & 0x80) == 0) {
            bool small = c >= 'a' && c <= 'z', large = c >= 'A' && c <= 'Z';
            bool flip = to == LETTERS_DOWN ? large : small;
            buf_add_char(b, flip ? (char)(c ^ 0x20) : c);
            i++;
            continue;
        }
        size_t n = utf8_offset(str_sub(s, i, s.n), 1);
        add_letter(b, s.p + i, (int32_t)(n < 8 ? n : 8), to);
        i += n < 8 ? n : 8;
    }
}

static bool letters(struct render *r, const struct filter_args *in, struct value *out,
                    enum letters first, enum letters rest) {
    struct str s = filter_text(r, in->input), head = utf8_first(s);
    struct buf b = BUF_IN(r->arena);
    if (!filter_room(r, (uint64_t)s.n * 3))
        return false;
    add_letters(&b, head, first);
    add_letters(&b, str_sub(s, head.n, s.n), rest);
    return filter_result(r, &b, out);
}

FILTER(upcase) {
    return letters(r, in, out, LETTERS_UP, LETTERS_UP);
}

FILTER(downcase) {
    return letters(r, in, out, LETTERS_DOWN, LETTERS_DOWN);
}

FILTER(capitalize) {
    return letters(r, in, out, LETTERS_TITLE, LETTERS_DOWN);
}
