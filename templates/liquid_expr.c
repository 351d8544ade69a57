/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_expr.h"

#include "base/arena.h"
#include "templates/liquid_dates.h"
#include "templates/liquid_filters.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool parser_fail(struct parser *p, struct str where, const char *fmt, ...) {
    struct str source = p->template->source;
    char text[sizeof p->err.text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    p->err_at = where.p >= source.p && where.p <= source.p + source.n
                    ? (uint32_t)(where.p - source.p)
                    : p->at;
    return err_set(&p->err, ERR_INPUT, "%s", text);
}

/* ---- one expression */
static const struct {
    struct str name;
    enum property property;
} properties[] = {
    {{"col", 3}, PROPERTY_COL},
    {{"col0", 4}, PROPERTY_COL0},
    {{"col_first", 9}, PROPERTY_COL_FIRST},
    {{"col_last", 8}, PROPERTY_COL_LAST},
    {{"first", 5}, PROPERTY_FIRST},
    {{"index", 5}, PROPERTY_INDEX},
    {{"index0", 6}, PROPERTY_INDEX0},
    {{"last", 4}, PROPERTY_LAST},
    {{"length", 6}, PROPERTY_LENGTH},
    {{"name", 4}, PROPERTY_NAME},
    {{"parentloop", 10}, PROPERTY_PARENTLOOP},
    {{"rindex", 6}, PROPERTY_RINDEX},
    {{"rindex0", 7}, PROPERTY_RINDEX0},
    {{"row", 3}, PROPERTY_ROW},
    {{"size", 4}, PROPERTY_SIZE},
};

static uint8_t property_of(struct str name) {
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        if (str_eq(properties[i].name, name))
            return (uint8_t)properties[i].property;
    return PROPERTY_NONE;
}

/* The next part of a path: `name`, `name?` or a balanced `[...]`; anything else is
 * passed over. */
static bool path_part(struct str s, size_t *at, struct str *part) {
    while (*at < s.n) {
        size_t i = *at;
        if (s.p[i] == '[') {
            int depth = 0;
            do
                depth += s.p[i] == '[' ? 1 : s.p[i] == ']' ? -1 : 0;
            while (++i < s.n && depth);
            if (depth == 0) {
                *part = str_sub(s, *at, i);
                *at = i;
                return true;
            }
            ++*at;
            continue;
        }
        i += lax_segments(str_sub(s, i, s.n));
        if (i > *at) {
            i += i < s.n && s.p[i] == '?';
            *part = str_sub(s, *at, i);
            *at = i;
            return true;
        }
        ++*at;
    }
    return false;
}

static struct str inside(struct str s) {
    return str_sub(s, 1, s.n - 1);
}

static bool parse_step(struct parser *p, struct str part, struct step *s) {
    *s = (struct step){.name = part};
    if (part.p[0] != '[') {
        s->property = property_of(part);
        s->command = s->property == PROPERTY_SIZE || s->property == PROPERTY_FIRST ||
                     s->property == PROPERTY_LAST;
        return true;
    }
    struct expr key;
    if (!expr_parse(p, inside(part), false, &key))
        return false;
    if (key.kind == EXPR_VALUE && key.value.type == V_STRING) {
        s->name = value_text(key.value);
        s->property = property_of(s->name);
        return true;
    }
    struct expr *copy = ARENA_NEW(p->arena, struct expr);
    *copy = key;
    s->key = copy;
    return true;
}

static bool parse_path(struct parser *p, struct str s, struct expr *out) {
    size_t at = 0, n = 0;
    struct str part;
    *out = (struct expr){.kind = EXPR_VALUE};
    if (!path_part(s, &at, &part))
        return true; /* no name at all: nothing */
    out->kind = EXPR_PATH;
    if (part.p[0] == '[') {
        struct expr root;
        if (!expr_parse(p, inside(part), false, &root))
            return false;
        if (root.kind == EXPR_VALUE && root.value.type == V_STRING) {
            out->symbol = liquid_symbol(p->set, value_text(root.value));
        } else {
            struct expr *copy = ARENA_NEW(p->arena, struct expr);
            *copy = root;
            out->root = copy;
        }
    } else {
        out->symbol = liquid_symbol(p->set, part);
    }
    for (size_t count = at; path_part(s, &count, &part);)
        n++;
    if (n > UINT16_MAX)
        return parser_fail(p, s, "a path of more than %d steps", UINT16_MAX);
    struct step *steps = n ? ARENA_ARRAY(p->arena, struct step, n) : NULL;
    for (size_t i = 0; i < n && path_part(s, &at, &part); i++)
        if (!parse_step(p, part, &steps[i]))
            return false;
    out->steps = steps;
    out->nsteps = (uint16_t)n;
    return true;
}

/* A number literal; the lax forms "1." and "1.2.3" included. False: it is no number. */
static bool parse_number(struct parser *p, struct str s, struct value *out) {
    size_t i = s.p[0] == '-', dots = 0, end = s.n;
    if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
        return false;
    for (; i < s.n; i++) {
        if (s.p[i] == '.') {
            if (++dots == 2)
                end = i;
        } else if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
    }
    struct number x;
    if (dots == 0) {
        if (!number_from_text(p->arena, s, &x))
            return false;
        *out = number_value(p->arena, x);
        return true;
    }
    *out = value_double(strtod(str_cstr(p->arena, str_sub(s, 0, end)), NULL));
    return true;
}

/* "(A..B)": the first run without spaces holds A up to its last ".."; then B alone. */
static bool split_range(struct str s, struct str *low, struct str *high) {
    if (s.n < 2 || s.p[0] != '(' || s.p[s.n - 1] != ')')
        return false;
    struct str in = str_sub(s, 1, s.n);
    in = str_sub(in, lax_spaces(in), in.n);
    size_t run = 0, dots = 0;
    while (run < in.n && !liquid_space(in.p[run]))
        run++;
    for (size_t i = run; i-- > 1 && !dots;)
        if (i + 1 < run && in.p[i] == '.' && in.p[i + 1] == '.')
            dots = i;
    size_t behind = dots + 2;
    if (!dots) {
        dots = run;
        behind = run + lax_spaces(str_sub(in, run, in.n));
        if (!str_starts(str_sub(in, behind, in.n), S("..")) || run == 0)
            return false;
        behind += 2;
    }
    *low = str_sub(in, 0, dots);
    struct str rest = str_sub(in, behind, in.n - 1);
    rest = str_trim(rest);
    *high = rest;
    if (rest.n == 0)
        return false;
    for (size_t i = 0; i < rest.n; i++)
        if (liquid_space(rest.p[i]))
            return false;
    return true;
}

static bool parse_range(struct parser *p, struct str low, struct str high, struct expr *out) {
    struct expr *ends = ARENA_ARRAY(p->arena, struct expr, 2);
    if (!expr_parse(p, low, false, &ends[0]) || !expr_parse(p, high, false, &ends[1]))
        return false;
    *out = (struct expr){.kind = EXPR_RANGE, .low = &ends[0], .high = &ends[1]};
    if (ends[0].kind != EXPR_VALUE || ends[1].kind != EXPR_VALUE)
        return true;
    struct range *r = ARENA_NEW(p->arena, struct range);
    if (!liquid_leading_integer(ends[0].value, &r->first) ||
        !liquid_leading_integer(ends[1].value, &r->last))
        return parser_fail(p, low, "a range goes from number to number: (1..5)");
    *out = (struct expr){.kind = EXPR_VALUE, .value = {.type = V_RANGE, .u.ext = r}};
    return true;
}

static bool literal(struct str s, bool operand, struct value *out) {
    if (s.n >= 1 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0]) {
        *out = value_str(s.n > 1 ? inside(s) : S(""));
        return true;
    }
    if (s.n == 0 || str_eq(s, S("nil")) || str_eq(s, S("null")))
        *out = VALUE_NULL;
    else if (str_eq(s, S("true")) || str_eq(s, S("false")))
        *out = value_bool(s.n == 4);
    else if (str_eq(s, S("blank")))
        *out = operand ? (struct value){.type = V_BLANK} : value_str(S(""));
    else if (str_eq(s, S("empty")))
        *out = operand ? (struct value){.type = V_EMPTY} : value_str(S(""));
    else
        return false;
    return true;
}

bool expr_parse(struct parser *p, struct str text, bool operand, struct expr *out) {
    struct str s = liquid_strip(text), low, high;
    if (p->brackets > LIQUID_EXPR_DEPTH)
        return parser_fail(p, text, "more than %d brackets inside each other", LIQUID_EXPR_DEPTH);
    *out = (struct expr){.kind = EXPR_VALUE};
    if (literal(s, operand && s.n == text.n, &out->value) || parse_number(p, s, &out->value))
        return true;
    p->brackets++;
    bool ok = split_range(s, &low, &high) ? parse_range(p, low, high, out) : parse_path(p, s, out);
    p->brackets--;
    return ok;
}

bool expr_new(struct parser *p, struct str text, const struct expr **out) {
    struct expr *e = ARENA_NEW(p->arena, struct expr);
    *out = e;
    return expr_parse(p, text, false, e);
}

/* ---- words of the strict parser */
void words_start(struct words *w, struct str text) {
    *w = (struct words){.text = text, .rest = text, .kind = WORD_END};
    words_next(w);
}

void words_next(struct words *w) {
    w->kind = liquid_lex_word(&w->rest, w->kind, &w->word);
}

bool words_accept(struct words *w, enum word kind) {
    if (w->kind != kind)
        return false;
    words_next(w);
    return true;
}

bool words_accept_id(struct words *w, struct str name) {
    return w->kind == WORD_ID && str_eq(w->word, name) && words_accept(w, WORD_ID);
}

bool words_expect(struct parser *p, struct words *w, enum word kind, struct str *text) {
    if (w->kind != kind)
        return parser_fail(p, w->word, "expected %s but found %s", liquid_lex_word_name(kind),
                           liquid_lex_word_name(w->kind));
    if (text)
        *text = w->word;
    words_next(w);
    return true;
}

bool words_end(struct parser *p, struct words *w) {
    return words_expect(p, w, WORD_END, NULL);
}

bool words_check(struct parser *p, struct str text) {
    struct words w;
    for (words_start(&w, text); w.kind != WORD_END; words_next(&w))
        if (w.kind == WORD_BAD)
            return parser_fail(p, w.word, "unexpected character `%.*s`", STR_FMT(w.word));
    return true;
}

static bool write_expression(struct parser *p, struct words *w, struct buf *b);

static bool write_lookups(struct parser *p, struct words *w, struct buf *b) {
    struct str name;
    for (;;) {
        if (words_accept(w, WORD_OPEN_SQUARE)) {
            buf_add_char(b, '[');
            if (!write_expression(p, w, b) || !words_expect(p, w, WORD_CLOSE_SQUARE, NULL))
                return false;
            buf_add_char(b, ']');
        } else if (words_accept(w, WORD_DOT)) {
            if (!words_expect(p, w, WORD_ID, &name))
                return false;
            buf_add_char(b, '.');
            buf_add_str(b, name);
        } else {
            return true;
        }
    }
}

static bool write_range(struct parser *p, struct words *w, struct buf *b) {
    words_next(w);
    buf_add_char(b, '(');
    if (!write_expression(p, w, b) || !words_expect(p, w, WORD_DOTDOT, NULL))
        return false;
    buf_add(b, "..", 2);
    if (!write_expression(p, w, b) || !words_expect(p, w, WORD_CLOSE_ROUND, NULL))
        return false;
    buf_add_char(b, ')');
    return true;
}

static bool write_one(struct parser *p, struct words *w, struct buf *b) {
    switch (w->kind) {
    case WORD_ID:
        buf_add_str(b, w->word);
        words_next(w);
        return write_lookups(p, w, b);
    case WORD_OPEN_SQUARE:
        return write_lookups(p, w, b);
    case WORD_STRING:
    case WORD_NUMBER:
        buf_add_str(b, w->word);
        words_next(w);
        return true;
    case WORD_OPEN_ROUND:
        return write_range(p, w, b);
    default:
        return parser_fail(p, w->word, "expected a value but found %s",
                           liquid_lex_word_name(w->kind));
    }
}

static bool write_expression(struct parser *p, struct words *w, struct buf *b) {
    if (p->brackets > LIQUID_EXPR_DEPTH)
        return parser_fail(p, w->word, "more than %d brackets inside each other",
                           LIQUID_EXPR_DEPTH);
    p->brackets++;
    bool ok = write_one(p, w, b);
    p->brackets--;
    return ok;
}

bool words_expression(struct parser *p, struct words *w, struct str *out) {
    struct buf b = BUF_IN(p->arena);
    struct str first = w->word;
    if ((w->kind == WORD_STRING || w->kind == WORD_NUMBER)) {
        *out = first;
        words_next(w);
        return true;
    }
    if (!write_expression(p, w, &b))
        return false;
    *out = buf_str(&b);
    return true;
}

/* ---- filters */
struct call_parts {
    struct filter_call call;
    struct expr args[LIQUID_ARGS_MAX];
    struct str names[LIQUID_ARGS_MAX];
    struct expr named[LIQUID_ARGS_MAX];
};

static bool add_argument(struct parser *p, struct call_parts *c, struct str name, struct str text) {
    bool has_name = name.n > 0;
    uint32_t *n = has_name ? &c->call.nnamed : &c->call.nargs;
    if (*n == LIQUID_ARGS_MAX)
        return parser_fail(p, text, "a filter takes at most %d values", LIQUID_ARGS_MAX);
    if (has_name)
        c->names[*n] = name;
    return expr_parse(p, text, false, has_name ? &c->named[(*n)++] : &c->args[(*n)++]);
}

static bool finish_call(struct parser *p, struct call_parts *c, struct str name,
                        struct filter_call *out) {
    *out = c->call;
    out->filter = filter_named(name, p->set->known);
    if (!out->filter && p->set->known) {
        struct str near = filter_nearest(name);
        return near.n ? parser_fail(p, name, "there is no filter `%.*s`; did you mean `%.*s`?",
                                    STR_FMT(name), STR_FMT(near))
                      : parser_fail(p, name, "there is no filter `%.*s`", STR_FMT(name));
    }
    if (out->filter && out->filter->apply == filter_date && !p->set->dates)
        p->set->dates = date_patterns_new(p->set->arena);
    struct expr *all = ARENA_ARRAY(p->arena, struct expr, c->call.nargs + c->call.nnamed + 1);
    memcpy(all, c->args, c->call.nargs * sizeof *all);
    memcpy(all + c->call.nargs, c->named, c->call.nnamed * sizeof *all);
    struct str *names = ARENA_ARRAY(p->arena, struct str, c->call.nnamed + 1);
    memcpy(names, c->names, c->call.nnamed * sizeof *names);
    out->args = all;
    out->named = all + c->call.nargs;
    out->names = names;
    return true;
}

static bool add_call(struct parser *p, struct piped *out, uint32_t *cap, struct filter_call call) {
    struct filter_call *list = (struct filter_call *)out->filters;
    if (out->nfilters == *cap) {
        uint32_t more = *cap ? *cap * 2 : 2;
        list = arena_grow(p->arena, list, *cap * sizeof *list, more * sizeof *list);
        *cap = more;
    }
    list[out->nfilters++] = call;
    out->filters = list;
    return true;
}

static bool strict_arguments(struct parser *p, struct words *w, struct call_parts *c) {
    do {
        struct str name = STR_NONE, text;
        struct words ahead = *w;
        if (w->kind == WORD_ID && (words_next(&ahead), ahead.kind == WORD_COLON)) {
            name = w->word;
            words_next(w);
            words_next(w);
        }
        if (!words_expression(p, w, &text) || !add_argument(p, c, name, text))
            return false;
    } while (words_accept(w, WORD_COMMA));
    return true;
}

static bool strict_piped(struct parser *p, struct str text, struct piped *out) {
    struct words w;
    struct str e, name;
    uint32_t cap = 0;
    if (!words_check(p, text))
        return false;
    words_start(&w, text);
    if (w.kind == WORD_END)
        return true;
    if (!words_expression(p, &w, &e) || !expr_parse(p, e, false, &out->expr))
        return false;
    while (words_accept(&w, WORD_PIPE)) {
        struct call_parts *c = ARENA_NEW(p->arena, struct call_parts);
        struct filter_call call;
        if (!words_expect(p, &w, WORD_ID, &name))
            return false;
        if (words_accept(&w, WORD_COLON) && !strict_arguments(p, &w, c))
            return false;
        if (!finish_call(p, c, name, &call) || !add_call(p, out, &cap, call))
            return false;
    }
    return words_end(p, &w);
}

/* `name: value` as a whole. */
static bool named_argument(struct str s, struct str *name, struct str *value) {
    size_t at = 0;
    return s.n && liquid_word_char(s.p[0]) && lax_attribute(s, &at, name, value) &&
           name->p == s.p && at == s.n;
}

/* The next `: value` or `, value` in the text of a filter; the value may have a name. */
static bool lax_argument(struct str s, size_t *at, struct str *arg) {
    for (; *at < s.n; ++*at) {
        if (s.p[*at] != ':' && s.p[*at] != ',')
            continue;
        size_t start = *at + 1;
        start += lax_spaces(str_sub(s, start, s.n));
        size_t i = start + lax_words(str_sub(s, start, s.n)), n = 0;
        if (i > start) {
            i += lax_spaces(str_sub(s, i, s.n));
            if (i < s.n && s.p[i] == ':') {
                i++;
                i += lax_spaces(str_sub(s, i, s.n));
                n = lax_fragment(str_sub(s, i, s.n));
            }
        }
        if (!n) {
            i = start;
            n = lax_fragment(str_sub(s, i, s.n));
        }
        if (n) {
            *arg = str_sub(s, start, i + n);
            *at = i + n;
            return true;
        }
    }
    return false;
}

static bool lax_call(struct parser *p, struct str piece, struct piped *out, uint32_t *cap) {
    size_t i = 0, at = 0;
    while (i < piece.n && !liquid_word_char(piece.p[i]))
        i++;
    struct str name = str_sub(piece, i, i + lax_words(str_sub(piece, i, piece.n))), arg;
    if (name.n == 0)
        return true;
    struct call_parts *c = ARENA_NEW(p->arena, struct call_parts);
    struct filter_call call;
    while (lax_argument(piece, &at, &arg)) {
        struct str key = STR_NONE, value = arg;
        if (!named_argument(arg, &key, &value)) {
            key = STR_NONE;
            value = arg;
        }
        if (!add_argument(p, c, key, value))
            return false;
    }
    return finish_call(p, c, name, &call) && add_call(p, out, cap, call);
}

static bool lax_piped(struct parser *p, struct str text, struct piped *out) {
    size_t at = 0;
    struct str name;
    uint32_t cap = 0;
    if (!lax_find_fragment(text, &at, &name))
        return true;
    if (!expr_parse(p, name, false, &out->expr))
        return false;
    struct str rest = str_sub(text, at, text.n);
    const char *pipe = rest.n ? memchr(rest.p, '|', rest.n) : NULL;
    if (!pipe)
        return true;
    rest = str_sub(rest, (size_t)(pipe - rest.p) + 1, rest.n);
    for (size_t i = 0; i < rest.n;) {
        size_t start = i, n;
        for (;; i += n) {
            struct str s = str_sub(rest, i, rest.n);
            n = lax_spaces(s);
            if (!n)
                n = lax_fragment(s);
            if (!n)
                n = s.n && s.p[0] == ',';
            if (!n)
                break;
        }
        if (i > start && !lax_call(p, str_sub(rest, start, i), out, &cap))
            return false;
        i += i == start || i < rest.n;
    }
    return true;
}

bool expr_piped(struct parser *p, struct str text, struct piped *out) {
    *out = (struct piped){.at = p->at};
    int brackets = p->brackets;
    if (strict_piped(p, text, out))
        return true;
    if (p->strict)
        return false;
    p->brackets = brackets;
    *out = (struct piped){.at = p->at};
    return lax_piped(p, text, out);
}
