/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of text. Positions count characters (code points) from 0.
 */
#include "config.h"

#include "rules/cel_internal.h"

#define ARGS struct cel_run *run, const struct cel_node *n, const struct value *args

static struct value text_in(const struct buf *b) {
    return value_str(b->n ? buf_str(b) : S(""));
}

/* Work in proportion to a text; false: no steps are left. */
static bool work(struct cel_run *run, size_t bytes) {
    return cel_step(run, bytes / 64);
}

static struct value exhausted(const struct cel_node *n) {
    return cel_error(CEL_E_STEPS, n);
}

/* ---- tests */
static struct value contains(ARGS) {
    if (!work(run, args[0].aux))
        return exhausted(n);
    return value_bool(str_find(value_text(args[0]), value_text(args[1])) >= 0);
}

static struct value starts_with(ARGS) {
    (void)run;
    (void)n;
    return value_bool(str_starts(value_text(args[0]), value_text(args[1])));
}

static struct value ends_with(ARGS) {
    (void)run;
    (void)n;
    return value_bool(str_ends(value_text(args[0]), value_text(args[1])));
}

static struct value matches(ARGS) {
    struct err e = ERR_INIT;
    if (!cel_step(run, 200 + args[0].aux / 8))
        return exhausted(n);
    const struct cel_regex *r = n->regex;
    if (!r && !(r = cel_regex_new(run->arena, value_text(args[1]), false, &e)))
        return cel_fail(run, "%s", e.text);
    int found = cel_regex_search(r, run->arena, value_text(args[0]), &e);
    return found < 0 ? cel_fail(run, "%s", e.text) : value_bool(found);
}

/* ---- positions */
static struct value out_of_range(struct cel_run *run, int64_t i) {
    return cel_fail(run, "the text has no position %lld", (long long)i);
}

/* Byte offset of character i of s, i up to its length; false: out of range. */
static bool offset_of(struct str s, int64_t i, size_t *offset) {
    if (i < 0 || (uint64_t)i > s.n)
        return false;
    *offset = cel_utf8_offset(s, (size_t)i);
    return *offset <= s.n;
}

static struct value char_at(ARGS) {
    struct str s = value_text(args[0]);
    size_t at;
    if (!work(run, s.n))
        return exhausted(n);
    if (!offset_of(s, args[1].u.i, &at))
        return out_of_range(run, args[1].u.i);
    struct str rest = str_sub(s, at, s.n);
    return value_str(str_sub(rest, 0, rest.n ? cel_utf8_offset(rest, 1) : 0));
}

static struct value index_of(ARGS) {
    struct str s = value_text(args[0]), part = value_text(args[1]);
    size_t from = 0;
    if (!work(run, s.n * 2))
        return exhausted(n);
    if (n->n_args == 3 && !offset_of(s, args[2].u.i, &from))
        return out_of_range(run, args[2].u.i);
    ptrdiff_t at = str_find(str_sub(s, from, s.n), part);
    return value_int(at < 0 ? -1 : (int64_t)cel_utf8_length(str_sub(s, 0, from + (size_t)at)));
}

static struct value last_index_of(ARGS) {
    struct str s = value_text(args[0]), part = value_text(args[1]);
    size_t most = s.n;
    if (!cel_step(run, s.n / 8 * (1 + part.n / 64)))
        return exhausted(n);
    if (n->n_args == 3 && !offset_of(s, args[2].u.i, &most))
        return out_of_range(run, args[2].u.i);
    if (part.n > s.n)
        return value_int(-1);
    if (most > s.n - part.n)
        most = s.n - part.n;
    for (size_t at = most + 1; at-- > 0;)
        if (str_starts(str_sub(s, at, s.n), part) &&
            (at == s.n || ((unsigned char)s.p[at] & 0xc0) != 0x80))
            return value_int((int64_t)cel_utf8_length(str_sub(s, 0, at)));
    return value_int(-1);
}

static struct value substring(ARGS) {
    struct str s = value_text(args[0]);
    size_t from, to = s.n;
    if (!work(run, s.n))
        return exhausted(n);
    if (!offset_of(s, args[1].u.i, &from))
        return out_of_range(run, args[1].u.i);
    if (n->n_args == 3 && !offset_of(s, args[2].u.i, &to))
        return out_of_range(run, args[2].u.i);
    if (from > to)
        return cel_fail(run, "substring() ends before it starts");
    return value_str(str_sub(s, from, to));
}

/* ---- changes */
static struct value change_case(struct cel_run *run, const struct cel_node *n, struct str s,
                                char from, char to) {
    if (!work(run, s.n))
        return exhausted(n);
    char *p = arena_alloc(run->arena, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= from && s.p[i] <= to ? (char)(s.p[i] ^ 0x20) : s.p[i];
    return value_str(str_of(p, s.n));
}

static struct value lower_ascii(ARGS) {
    return change_case(run, n, value_text(args[0]), 'A', 'Z');
}

static struct value upper_ascii(ARGS) {
    return change_case(run, n, value_text(args[0]), 'a', 'z');
}

static bool is_space(uint32_t c) {
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static struct value trim(ARGS) {
    struct str s = value_text(args[0]);
    size_t from = 0, to = s.n;
    uint32_t c = 0;
    if (!work(run, s.n))
        return exhausted(n);
    while (from < to) {
        size_t k = cel_utf8_decode(s.p + from, s.p + to, &c);
        if (!k || !is_space(c))
            break;
        from += k;
    }
    while (to > from) {
        size_t k = to - 1;
        while (k > from && ((unsigned char)s.p[k] & 0xc0) == 0x80)
            k--;
        if (!cel_utf8_decode(s.p + k, s.p + to, &c) || !is_space(c))
            break;
        to = k;
    }
    return value_str(str_sub(s, from, to));
}

static struct value reverse(ARGS) {
    struct str s = value_text(args[0]);
    if (!work(run, s.n))
        return exhausted(n);
    char *p = arena_alloc(run->arena, s.n + 1);
    size_t out = s.n;
    for (size_t i = 0; i < s.n;) {
        size_t k = 1;
        while (i + k < s.n && ((unsigned char)s.p[i + k] & 0xc0) == 0x80)
            k++;
        out -= k;
        memcpy(p + out, s.p + i, k);
        i += k;
    }
    return value_str(str_of(p, s.n));
}

static struct value replace(ARGS) {
    struct str s = value_text(args[0]), what = value_text(args[1]), with = value_text(args[2]);
    int64_t left = n->n_args == 4 ? args[3].u.i : -1;
    struct buf b = BUF_IN(run->arena);
    size_t i = 0;
    while (left != 0 && (what.n || i <= s.n)) {
        ptrdiff_t at = str_find(str_sub(s, i, s.n), what);
        if (at < 0)
            break;
        if (!cel_step(run, 1 + ((size_t)at + with.n) / 64))
            return exhausted(n);
        buf_add(&b, s.p + i, (size_t)at);
        buf_add_str(&b, with);
        i += (size_t)at + what.n;
        left--;
        if (what.n)
            continue;
        if (i == s.n)
            return text_in(&b);
        size_t k = cel_utf8_offset(str_sub(s, i, s.n), 1); /* between all characters */
        buf_add(&b, s.p + i, k);
        i += k;
    }
    if (!work(run, s.n - i) || b.n + s.n - i > UINT32_MAX)
        return exhausted(n);
    buf_add(&b, s.p + i, s.n - i);
    return text_in(&b);
}

static struct value split(ARGS) {
    struct str s = value_text(args[0]), by = value_text(args[1]);
    int64_t most = n->n_args == 3 ? args[2].u.i : -1;
    struct list *l = list_new(run->arena, 0);
    size_t i = 0;
    if (!work(run, s.n))
        return exhausted(n);
    while (most != 0) {
        struct str rest = str_sub(s, i, s.n);
        ptrdiff_t at = str_find(rest, by);
        if (!by.n)
            at = rest.n ? (ptrdiff_t)cel_utf8_offset(rest, 1) : -1;
        if (!by.n && (!rest.n || (size_t)at == rest.n))
            at = -1; /* the last character is the rest */
        if (at < 0 || most == 1)
            break;
        if (!cel_step(run, 1))
            return exhausted(n);
        list_add(run->arena, l, value_str(str_sub(rest, 0, (size_t)at)));
        i += (size_t)at + by.n;
        most--;
    }
    if (most != 0 && (by.n || i < s.n))
        list_add(run->arena, l, value_str(str_sub(s, i, s.n)));
    return value_list(l);
}

static struct value join(ARGS) {
    struct str by = n->n_args == 2 ? value_text(args[1]) : STR_NONE;
    const struct list *l = args[0].u.list;
    struct buf b = BUF_IN(run->arena);
    for (size_t i = 0; i < l->n; i++) {
        if (l->v[i].type != V_STRING)
            return cel_fail(run, "join() wants a list of strings");
        if (!cel_step(run, 1 + (by.n + l->v[i].aux) / 64) || b.n > UINT32_MAX / 2)
            return exhausted(n);
        if (i)
            buf_add_str(&b, by);
        buf_add_str(&b, value_text(l->v[i]));
    }
    return text_in(&b);
}

static struct value quote(ARGS) {
    static const char plain[] = "\a\b\f\n\r\t\v\\\"", letter[] = "abfnrtv\\\"";
    struct str s = value_text(args[0]);
    struct buf b = BUF_IN(run->arena);
    if (!work(run, s.n))
        return exhausted(n);
    buf_add_char(&b, '"');
    for (size_t i = 0; i < s.n; i++) {
        const char *at = s.p[i] ? strchr(plain, s.p[i]) : NULL;
        if (at)
            buf_add_char(&b, '\\');
        buf_add_char(&b, at ? letter[at - plain] : s.p[i]);
    }
    buf_add_char(&b, '"');
    return text_in(&b);
}

const struct cel_function cel_functions_strings[] = {
    {"contains", ".ss", "b", contains},
    {"startsWith", ".ss", "b", starts_with},
    {"endsWith", ".ss", "b", ends_with},
    {"matches", ".ss", "b", matches},
    {"matches", "ss", "b", matches},
    {"charAt", ".si", "s", char_at},
    {"indexOf", ".ss", "i", index_of},
    {"indexOf", ".ssi", "i", index_of},
    {"lastIndexOf", ".ss", "i", last_index_of},
    {"lastIndexOf", ".ssi", "i", last_index_of},
    {"substring", ".si", "s", substring},
    {"substring", ".sii", "s", substring},
    {"lowerAscii", ".s", "s", lower_ascii},
    {"upperAscii", ".s", "s", upper_ascii},
    {"trim", ".s", "s", trim},
    {"reverse", ".s", "s", reverse},
    {"replace", ".sss", "s", replace},
    {"replace", ".sssi", "s", replace},
    {"split", ".ss", "S", split},
    {"split", ".ssi", "S", split},
    {"join", ".l", "s", join},
    {"join", ".ls", "s", join},
    {"format", ".sl", "s", cel_string_format},
    {"strings.quote", "s", "s", quote},
    {0},
};
