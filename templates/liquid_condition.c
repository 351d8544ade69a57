/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_condition.h"

#include "base/arena.h"

#define TERMS_MAX 500

struct terms {
    struct parser *parser;
    struct comparison *list;
    size_t n, cap;
};

static struct comparison *add_term(struct terms *t) {
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 2;
        t->list =
            arena_grow(t->parser->arena, t->list, t->cap * sizeof *t->list, cap * sizeof *t->list);
        t->cap = cap;
    }
    t->list[t->n] = (struct comparison){0};
    return &t->list[t->n++];
}

static enum operator operator_of(struct str s) {
    static const struct {
        struct str text;
        enum operator op;
    } table[] = {
        {{"==", 2}, OP_EQ}, {{"!=", 2}, OP_NE}, {{"<>", 2}, OP_NE}, {{"<", 1}, OP_LT},
        {{">", 1}, OP_GT},  {{"<=", 2}, OP_LE}, {{">=", 2}, OP_GE}, {{"contains", 8}, OP_CONTAINS}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (str_eq(s, table[i].text))
            return table[i].op;
    return OP_UNKNOWN;
}

static bool too_many(struct parser *p, struct str text) {
    return parser_fail(p, text, "a condition of more than %d comparisons", TERMS_MAX);
}

/* ---- strict */
static bool strict_term(struct terms *t, struct words *w) {
    struct parser *p = t->parser;
    struct str left, right;
    struct comparison *c = add_term(t);
    if (!words_expression(p, w, &left) || !expr_parse(p, left, true, &c->left))
        return false;
    if (w->kind != WORD_COMPARISON)
        return true;
    c->op = (uint8_t)operator_of(w->word);
    words_next(w);
    return words_expression(p, w, &right) && expr_parse(p, right, true, &c->right);
}

static bool strict_condition(struct terms *t, struct str text) {
    struct words w;
    if (!words_check(t->parser, text))
        return false;
    words_start(&w, text);
    for (;;) {
        if (t->n == TERMS_MAX)
            return too_many(t->parser, text);
        if (!strict_term(t, &w))
            return false;
        bool is_and = words_accept_id(&w, S("and"));
        if (!is_and && !words_accept_id(&w, S("or")))
            break;
        t->list[t->n - 1].then = is_and ? 'a' : 'o';
    }
    if (w.kind == WORD_ID && w.word.n)
        return parser_fail(t->parser, w.word,
                           "`%.*s` is no comparison; use ==, !=, <, >, <=, >=, contains, and, or",
                           STR_FMT(w.word));
    return words_end(t->parser, &w);
}

/* ---- lax: the text is cut at `and` and `or`; of each part the first value, operator and
 * second value count, and the rest is passed over. */

/* `and` or `or` as a word of its own at the start of s: its length. */
static size_t junction(struct str s) {
    size_t n = str_starts(s, S("and")) ? 3 : str_starts(s, S("or")) ? 2 : 0;
    return n && (n == s.n || !liquid_word_char(s.p[n])) ? n : 0;
}

static size_t lax_word(struct str s) {
    size_t n = lax_fragment(s);
    if (n)
        return n;
    while (n < s.n && !liquid_space(s.p[n]))
        n++;
    return n;
}

/* The next part or junction at *at. */
static bool lax_part(struct str s, size_t *at, struct str *part) {
    size_t start = *at, n;
    if ((n = junction(str_sub(s, start, s.n))) > 0 &&
        (start == 0 || !liquid_word_char(s.p[start - 1]))) {
        n += n + start < s.n && liquid_space(s.p[start + n]);
        *part = str_sub(s, start, start + n);
        *at = start + n;
        return true;
    }
    size_t i = start;
    for (;;) {
        size_t word = i + lax_spaces(str_sub(s, i, s.n));
        bool boundary = word == 0 || !liquid_word_char(s.p[word - 1]);
        if (word >= s.n || (boundary && junction(str_sub(s, word, s.n))))
            break;
        i = word + lax_word(str_sub(s, word, s.n));
    }
    if (i == start)
        return false;
    i += lax_spaces(str_sub(s, i, s.n));
    *part = str_sub(s, start, i);
    *at = i;
    return true;
}

static size_t operator_length(struct str s) {
    size_t n = 0;
    while (n < s.n && (strchr("=!<>_", s.p[n]) ? s.p[n] != 0 : s.p[n] >= 'a' && s.p[n] <= 'z'))
        n++;
    return n;
}

static bool lax_term(struct terms *t, struct str part) {
    struct parser *p = t->parser;
    struct str left, right;
    size_t at = 0;
    if (!lax_find_fragment(part, &at, &left))
        return parser_fail(p, part, "a condition is missing: {%% if customer.vip %%}");
    struct comparison *c = add_term(t);
    if (!expr_parse(p, left, true, &c->left))
        return false;
    at += lax_spaces(str_sub(part, at, part.n));
    size_t n = operator_length(str_sub(part, at, part.n));
    if (n == 0)
        return true;
    c->unknown = str_sub(part, at, at + n);
    c->op = (uint8_t)operator_of(c->unknown);
    at += n;
    at += lax_spaces(str_sub(part, at, part.n));
    right = str_sub(part, at, at + lax_fragment(str_sub(part, at, part.n)));
    return expr_parse(p, right, true, &c->right);
}

static size_t lax_parts(struct parser *p, struct str text, struct str **out) {
    struct buf parts = BUF_IN(p->arena);
    struct str part;
    size_t at = 0, n = 0;
    while (at < text.n && n <= TERMS_MAX * 2) {
        if (lax_part(text, &at, &part)) {
            buf_add(&parts, &part, sizeof part);
            n++;
        } else {
            at++;
        }
    }
    *out = (struct str *)(void *)parts.p;
    return n;
}

/* Read from the end, as the reference does: what stands last is a comparison whatever it
 * looks like, what stands before it must join it to another. */
static bool lax_condition(struct terms *t, struct str text) {
    struct str *parts;
    size_t n = lax_parts(t->parser, text, &parts);
    if (n > TERMS_MAX * 2)
        return too_many(t->parser, text);
    if (n == 0)
        return parser_fail(t->parser, text, "a condition is missing: {%% if customer.vip %%}");
    for (size_t i = 1; i < n; i += 2) {
        struct str joint = str_trim(parts[n - 1 - i]);
        if (i + 1 == n || (!str_eq(joint, S("and")) && !str_eq(joint, S("or"))))
            return parser_fail(t->parser, joint, "`%.*s` cannot stand here in a condition",
                               STR_FMT(joint));
    }
    for (size_t i = 0; i < n; i += 2) {
        if (!lax_term(t, parts[i]))
            return false;
        if (i + 1 < n)
            t->list[t->n - 1].then = *str_trim(parts[i + 1]).p == 'a' ? 'a' : 'o';
    }
    return true;
}

bool condition_parse(struct parser *p, struct str text, const struct comparison **out) {
    struct terms t = {.parser = p};
    bool ok = p->strict ? strict_condition(&t, text) : lax_condition(&t, text);
    *out = t.list;
    return ok;
}
