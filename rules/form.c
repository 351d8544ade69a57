/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/form.h"

#include "base/arena.h"
#include "base/wallclock.h"

#include <inttypes.h>

#define MAX_NAME 100u

static struct diag *complain(struct form_reader *r, enum diag_severity severity,
                             const struct ynode *node, const char *fmt, va_list ap) {
    struct place at = node ? ynode_place(r->file, node)
                           : (struct place){.file = r->file->name, .line = 1, .column = 1};
    struct str text = str_vprintf(r->a, fmt, ap);
    return diags_add(r->d, severity, at, r->file->source, "%.*s", STR_FMT(text));
}

struct diag *form_error(struct form_reader *r, const struct ynode *node, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    struct diag *x = complain(r, DIAG_ERROR, node, fmt, ap);
    va_end(ap);
    return x;
}

struct diag *form_warning(struct form_reader *r, const struct ynode *node, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    struct diag *x = complain(r, DIAG_WARNING, node, fmt, ap);
    va_end(ap);
    return x;
}

void form_suggest(struct form_reader *r, struct diag *x, struct str wrong, const struct str *names,
                  size_t n) {
    struct str near = str_nearest(wrong, names, n);
    if (near.n)
        x->hint = str_printf(r->a, "did you mean `%.*s`?", STR_FMT(near));
}

const char *form_kind_name(const struct ynode *node) {
    if (!node || (node->kind == Y_SCALAR && !node->quoted && node->text.n == 0))
        return "nothing";
    return node->kind == Y_MAP ? "a map" : node->kind == Y_LIST ? "a list" : "a text";
}

static bool is_empty(const struct ynode *node) {
    return node->kind == Y_SCALAR && node->text.n == 0;
}

/* A plain null is as good as nothing. */
static bool is_null(const struct ynode *node) {
    return node->kind == Y_SCALAR && !node->quoted &&
           (node->text.n == 0 || str_eq(node->text, S("~")) || str_eq(node->text, S("null")));
}

bool form_want_map(struct form_reader *r, const struct ynode *node, const char *what) {
    if (node->kind == Y_MAP)
        return true;
    form_error(r, node, "%s must be a map of keys and values, not %s", what, form_kind_name(node));
    return false;
}

bool form_want_list(struct form_reader *r, const struct ynode *node, const char *what) {
    if (node->kind == Y_LIST)
        return true;
    struct diag *x = form_error(r, node, "%s must be a list, not %s", what, form_kind_name(node));
    x->hint = S("write each item on a line of its own that begins with `- `");
    return false;
}

bool form_want_text(struct form_reader *r, const struct ynode *node, const char *what) {
    if (node->kind == Y_SCALAR && !is_null(node) && node->text.n)
        return true;
    if (node->kind == Y_SCALAR)
        form_error(r, node, "%s is empty", what);
    else
        form_error(r, node, "%s must be a text, not %s", what, form_kind_name(node));
    return false;
}

static bool is_name_char(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c >= 0x80;
}

bool form_want_name(struct form_reader *r, const struct ynode *node, const char *what) {
    if (!form_want_text(r, node, what))
        return false;
    if (node->text.n > MAX_NAME) {
        form_error(r, node, "%s is longer than %u bytes", what, MAX_NAME);
        return false;
    }
    for (size_t i = 0; i < node->text.n; i++) {
        unsigned char c = (unsigned char)node->text.p[i];
        if (is_name_char(c))
            continue;
        diags_add(r->d, DIAG_ERROR, ynode_place_at(r->file, node, i, 1), r->file->source,
                  "%s may hold letters, digits and `.`, `_`, `-`, but not %s", what,
                  c == ' ' ? "a space" : "this character");
        return false;
    }
    return true;
}

static void read_int(struct form_reader *r, const struct form_field *f, const struct ynode *node,
                     const char *what, int64_t *out) {
    int64_t v;
    if (!form_want_text(r, node, what))
        return;
    if (!str_to_int64(node->text, &v)) {
        form_error(r, node, "%s must be a whole number, not `%.*s`", what, STR_FMT(node->text));
        return;
    }
    if (v < f->least || v > f->most) {
        form_error(r, node, "%s must be from %" PRId64 " to %" PRId64 ", not %" PRId64, what,
                   f->least, f->most, v);
        return;
    }
    *out = v;
}

static void read_bool(struct form_reader *r, const struct ynode *node, const char *what,
                      bool *out) {
    struct value v = ynode_value(r->a, node);
    if (value_is(v, V_BOOL)) {
        *out = v.u.b;
        return;
    }
    struct diag *x = form_error(r, node, "%s must be true or false", what);
    if (node->kind == Y_SCALAR && !node->quoted &&
        (str_eq_nocase(node->text, S("yes")) || str_eq_nocase(node->text, S("on"))))
        x->hint = S("write `true`");
    else if (node->kind == Y_SCALAR && !node->quoted &&
             (str_eq_nocase(node->text, S("no")) || str_eq_nocase(node->text, S("off"))))
        x->hint = S("write `false`");
}

static void read_span(struct form_reader *r, const struct ynode *node, const char *what,
                      int64_t *out) {
    struct err e = ERR_INIT;
    if (!form_want_text(r, node, what))
        return;
    int64_t us;
    if (wallclock_parse_span(node->text, &us, &e)) {
        *out = us;
        return;
    }
    struct diag *x =
        form_error(r, node, "%s must be a span of time, not `%.*s`", what, STR_FMT(node->text));
    x->hint = S("a number and a unit: 30s, 90m, 12h, 7d, 2w, or together: 1d12h");
}

static void read_choice(struct form_reader *r, const struct form_field *f, const struct ynode *node,
                        const char *what, int *out) {
    struct str names[32];
    size_t n = 0;
    if (!form_want_text(r, node, what))
        return;
    for (; f->choices[n] && n < 32; n++) {
        names[n] = str_from(f->choices[n]);
        if (str_eq(names[n], node->text)) {
            *out = (int)n;
            return;
        }
    }
    struct buf list = BUF_IN(r->a);
    for (size_t i = 0; i < n; i++)
        buf_printf(&list, "%s`%s`", i == 0 ? "" : i + 1 == n ? " or " : ", ", f->choices[i]);
    struct str words = buf_str(&list);
    struct diag *x = form_error(r, node, "%s must be %.*s, not `%.*s`", what, STR_FMT(words),
                                STR_FMT(node->text));
    form_suggest(r, x, node->text, names, n);
}

void form_read_field(struct form_reader *r, const struct form_field *f, const struct ynode *node,
                     void *out) {
    const char *what = str_printf(r->a, "`%s`", f->key).p;
    char *to = (char *)out + f->offset;
    if ((is_null(node) && !f->nullable) || (is_empty(node) && f->type != FORM_CUSTOM)) {
        struct diag *x = form_error(r, node, "%s is empty", what);
        if (f->example)
            x->hint = str_printf(r->a, "for example `%s: %s`", f->key, f->example);
        return;
    }
    switch (f->type) {
    case FORM_TEXT:
        if (form_want_text(r, node, what))
            *(struct str *)(void *)to = node->text;
        return;
    case FORM_NAME:
        if (form_want_name(r, node, what))
            *(struct str *)(void *)to = node->text;
        return;
    case FORM_INT:
        read_int(r, f, node, what, (int64_t *)(void *)to);
        return;
    case FORM_BOOL:
        read_bool(r, node, what, (bool *)to);
        return;
    case FORM_SPAN:
        read_span(r, node, what, (int64_t *)(void *)to);
        return;
    case FORM_CHOICE:
        read_choice(r, f, node, what, (int *)(void *)to);
        return;
    case FORM_SUB:
        if (form_want_map(r, node, what))
            form_read(r, f->sub, node, to);
        return;
    case FORM_CUSTOM:
        f->read(r, node, to);
        return;
    }
}

static const struct form_field *find(const struct form *f, struct str key) {
    for (const struct form_field *x = f->fields; x->key; x++)
        if (str_eq(key, str_from(x->key)))
            return x;
    return NULL;
}

bool form_knows(const struct form *f, const struct ynode *map) {
    size_t i = 0;
    while (i < map->n && find(f, map->pairs[i].key->text))
        i++;
    return i == map->n;
}

/* The keys of the table, for suggestions. */
static size_t key_names(const struct form *f, struct str *names, size_t cap) {
    size_t n = 0;
    for (const struct form_field *x = f->fields; x->key && n < cap; x++)
        names[n++] = str_from(x->key);
    return n;
}

static void unknown_key(struct form_reader *r, const struct form *f, const struct ynode *key) {
    struct str names[64];
    size_t n = key_names(f, names, 64);
    struct diag *x = form_error(r, key, "%s has no key `%.*s`", f->what, STR_FMT(key->text));
    form_suggest(r, x, key->text, names, n);
    if (x->hint.n)
        return;
    struct buf list = BUF_IN(r->a);
    for (size_t i = 0; i < n; i++) {
        buf_add_str(&list, i ? S(", ") : S("it may have: "));
        buf_add_str(&list, names[i]);
    }
    x->hint = buf_str(&list);
}

void form_read(struct form_reader *r, const struct form *f, const struct ynode *node, void *out) {
    if (node && !form_want_map(r, node, f->what))
        return;
    for (size_t i = 0; node && i < node->n; i++) {
        const struct ynode *key = node->pairs[i].key;
        const struct form_field *x = find(f, key->text);
        if (!x)
            unknown_key(r, f, key);
        else if (ynode_get(node, key->text) == node->pairs[i].value)
            form_read_field(r, x, node->pairs[i].value, out);
    }
    for (const struct form_field *x = f->fields; x->key; x++) {
        if (!x->required || (node && ynode_get(node, str_from(x->key))))
            continue;
        struct diag *d = form_error(r, node, "%s needs `%s`: %s", f->what, x->key, x->help);
        if (x->example)
            d->hint = str_printf(r->a, "for example `%s: %s`", x->key, x->example);
    }
}
