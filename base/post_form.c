/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/post_form.h"

#include "base/arena.h"

static void add(struct post_form *f, struct str name, struct str value) {
    if (f->n < POST_FIELDS)
        f->field[f->n++] = (struct post_field){name, value};
}

/* ---- urlencoded */

static int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static struct str decode(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int high = s.p[i] == '%' && i + 2 < s.n ? hex(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex(s.p[i + 2]) : -1;
        if (low >= 0) {
            out[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    return str_of(out, n);
}

static void read_urlencoded(struct arena *a, struct str body, struct post_form *f) {
    struct str pair;
    while (f->n < POST_FIELDS && str_split(&body, '&', &pair)) {
        ptrdiff_t eq = str_find(pair, S("="));
        struct str name = eq < 0 ? pair : str_sub(pair, 0, (size_t)eq);
        struct str value = eq < 0 ? S("") : str_sub(pair, (size_t)eq + 1, pair.n);
        if (pair.n)
            add(f, decode(a, name), decode(a, str_trim(value)));
    }
}

/* ---- multipart */

/* The value of a parameter of a header's line: ; name="value" or ; name=value */
static struct str parameter(struct str line, struct str wanted) {
    struct str part;
    while (str_split(&line, ';', &part)) {
        ptrdiff_t eq = str_find(part, S("="));
        if (eq < 0 || !str_eq_nocase(str_trim(str_sub(part, 0, (size_t)eq)), wanted))
            continue;
        struct str value = str_trim(str_sub(part, (size_t)eq + 1, part.n));
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
            value = str_sub(value, 1, value.n - 1);
        return value;
    }
    return STR_NONE;
}

/* A part: header lines, an empty line, the content. */
static void read_part(struct str part, struct post_form *f) {
    struct str name = STR_NONE;
    for (;;) {
        ptrdiff_t end = str_find(part, S("\r\n"));
        if (end < 0)
            return;
        struct str line = str_sub(part, 0, (size_t)end);
        part = str_sub(part, (size_t)end + 2, part.n);
        if (!line.n)
            break;
        if (str_eq_nocase(str_sub(line, 0, 20), S("Content-Disposition:")))
            name = parameter(line, S("name"));
    }
    if (name.n)
        add(f, name, str_trim(part));
}

static void read_multipart(struct arena *a, struct str boundary, struct str body,
                           struct post_form *f) {
    struct str mark = str_printf(a, "--%.*s", STR_FMT(boundary));
    ptrdiff_t at = str_find(body, mark);
    while (at >= 0 && f->n < POST_FIELDS) {
        body = str_sub(body, (size_t)at + mark.n, body.n);
        if (str_starts(body, S("--")))
            return;
        if (str_starts(body, S("\r\n")))
            body = str_sub(body, 2, body.n);
        at = str_find(body, mark);
        read_part(at < 0 ? body : str_sub(body, 0, (size_t)at), f);
    }
}

struct post_form *post_form_read(struct arena *a, struct str type, struct str body) {
    struct post_form *f = ARENA_NEW(a, struct post_form);
    if (str_eq_nocase(str_sub(type, 0, 19), S("multipart/form-data"))) {
        struct str boundary = parameter(type, S("boundary"));
        if (boundary.n && boundary.n <= 70)
            read_multipart(a, boundary, body, f);
    } else {
        read_urlencoded(a, body, f);
    }
    return f;
}

struct str post_form_get(const struct post_form *f, struct str name) {
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->field[i].name, name))
            return f->field[i].value;
    return STR_NONE;
}

bool post_form_has(const struct post_form *f, struct str name, struct str value) {
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->field[i].name, name) && str_eq(f->field[i].value, value))
            return true;
    return false;
}
