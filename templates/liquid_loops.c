/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_loops.h"

#include "base/arena.h"

/* ---- for, tablerow */
static uint32_t loop_number(struct liquid_set *set, struct str label) {
    const struct value *there = map_get_str(set->loops, label);
    if (there)
        return (uint32_t)there->u.i;
    uint32_t n = (uint32_t)set->loops->n;
    map_set_str(set->arena, set->loops, label, value_int(n));
    return n;
}

static bool set_attribute(struct parser *p, struct loop *l, struct str key, struct str value) {
    if (str_eq(key, S("limit")))
        return expr_new(p, value, &l->limit);
    if (str_eq(key, S("cols")))
        return expr_new(p, value, &l->cols);
    if (!str_eq(key, S("offset")))
        return true;
    l->resume = str_eq(value, S("continue"));
    return l->resume || expr_new(p, value, &l->offset);
}

static void name_loop(struct parser *p, struct loop *l, struct str variable, struct str over) {
    l->symbol = liquid_symbol(p->set, variable);
    l->label = str_printf(p->arena, "%.*s-%.*s", STR_FMT(variable), STR_FMT(over));
    l->name = loop_number(p->set, l->label);
}

static bool all_attributes(struct parser *p, struct loop *l, struct str markup) {
    struct str key, value;
    size_t at = 0;
    while (lax_attribute(markup, &at, &key, &value))
        if (!set_attribute(p, l, key, value))
            return false;
    return true;
}

static bool wrong_for(struct parser *p, struct str s) {
    return parser_fail(p, s,
                       "write `for ITEM in LIST`, and after it: reversed, limit: N, offset: N");
}

static bool lax_for(struct parser *p, struct str s, struct loop *l) {
    size_t n = lax_segments(s), in = n ? n + lax_keyword(str_sub(s, n, s.n), S("in")) : 0;
    struct str rest = str_sub(s, in, s.n);
    size_t over = in > n ? lax_fragments(rest) : 0;
    if (!over)
        return wrong_for(p, s);
    struct str collection = str_sub(rest, 0, over);
    name_loop(p, l, str_sub(s, 0, n), collection);
    rest = str_sub(rest, over, rest.n);
    l->reversed = str_starts(str_sub(rest, lax_spaces(rest), rest.n), S("reversed"));
    return expr_parse(p, collection, false, &l->collection) && all_attributes(p, l, s);
}

static bool strict_for(struct parser *p, struct str s, struct loop *l) {
    struct words w;
    struct str variable, over, value;
    if (!words_check(p, s))
        return false;
    words_start(&w, s);
    if (!words_expect(p, &w, WORD_ID, &variable))
        return false;
    if (!words_accept_id(&w, S("in")))
        return wrong_for(p, w.word);
    if (!words_expression(p, &w, &over) || !expr_parse(p, over, false, &l->collection))
        return false;
    name_loop(p, l, variable, over);
    l->reversed = words_accept_id(&w, S("reversed"));
    while (w.kind == WORD_COMMA || w.kind == WORD_ID) {
        words_accept(&w, WORD_COMMA);
        struct str key = w.word;
        if (!words_accept_id(&w, S("limit")) && !words_accept_id(&w, S("offset")))
            return parser_fail(p, w.word, "`for` knows `limit: N` and `offset: N`");
        if (!words_expect(p, &w, WORD_COLON, NULL) || !words_expression(p, &w, &value) ||
            !set_attribute(p, l, key, value))
            return false;
    }
    return words_end(p, &w);
}

bool tag_parse_for(struct tag_call *c, struct node *out) {
    struct parser *p = c->parser;
    struct loop *l = ARENA_NEW(p->arena, struct loop);
    struct body body, otherwise = {.parser = p, .blank = true};
    struct ended end;
    if (!(p->strict ? strict_for(p, c->markup, l) : lax_for(p, c->markup, l)))
        return false;
    l->cols = NULL;
    if (!tag_body(c, &body, &end))
        return false;
    bool blank = body.blank;
    while (str_eq(end.name, S("else"))) {
        if (!tag_body(c, &otherwise, &end))
            return false;
        blank = blank && otherwise.blank;
    }
    if (!tag_ends(c, end.name))
        return tag_unexpected(p, end.name, c->name);
    body_finish(&body, blank, &l->body);
    body_finish(&otherwise, blank, &l->otherwise);
    out->kind = NODE_FOR;
    out->blank = blank;
    out->u.loop = l;
    return true;
}

/* `word in LIST`, at the first place where it fits. */
static bool table_head(struct str s, struct str *variable, struct str *collection) {
    for (size_t i = 0; i < s.n; i++) {
        size_t n = lax_words(str_sub(s, i, s.n));
        size_t in = n ? lax_keyword(str_sub(s, i + n, s.n), S("in")) : 0;
        struct str rest = str_sub(s, i + n + in, s.n);
        size_t over = in ? lax_fragments(rest) : 0;
        if (over) {
            *variable = str_sub(s, i, i + n);
            *collection = str_sub(rest, 0, over);
            return true;
        }
        i += n ? n - 1 : 0;
    }
    return false;
}

bool tag_parse_tablerow(struct tag_call *c, struct node *out) {
    struct parser *p = c->parser;
    struct loop *l = ARENA_NEW(p->arena, struct loop);
    struct str variable, collection;
    struct body body;
    if (!table_head(c->markup, &variable, &collection))
        return parser_fail(p, c->markup, "write `tablerow ITEM in LIST cols: N`");
    l->symbol = liquid_symbol(p->set, variable);
    if (!expr_parse(p, collection, false, &l->collection) || !all_attributes(p, l, c->markup))
        return false;
    if (l->resume) { /* only `for` remembers: here it is a variable of that name */
        l->resume = false;
        if (!expr_new(p, S("continue"), &l->offset))
            return false;
    }
    if (!tag_simple_body(c, &body))
        return false;
    body_finish(&body, false, &l->body);
    out->kind = NODE_TABLEROW;
    out->blank = body.blank;
    out->u.loop = l;
    return true;
}

/* ---- cycle */

/* `NAME: ...` where NAME is the longest fragment that a colon follows: its length. */
static size_t cycle_name(struct str s) {
    size_t quoted = lax_quoted(s), end = lax_fragments(s), best = 0;
    for (size_t i = quoted ? quoted : 1; i <= end; i++) {
        size_t at = i + lax_spaces(str_sub(s, i, s.n));
        if (at < s.n && s.p[at] == ':')
            best = i;
        if (quoted && i == quoted && best)
            break;
        if (i < s.n && (s.p[i] == '"' || s.p[i] == '\'')) {
            size_t q = lax_quoted(str_sub(s, i, s.n));
            i += q ? q - 1 : 0;
        }
    }
    return best;
}

static bool cycle_items(struct parser *p, struct str s, struct cycle *cycle, bool *fixed) {
    size_t n = 1;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == ',';
    struct expr *items = ARENA_ARRAY(p->arena, struct expr, n);
    struct str part, item;
    *fixed = true;
    while (str_split(&s, ',', &part)) {
        size_t at = 0;
        if (!lax_find_fragment(part, &at, &item))
            continue;
        if (!expr_parse(p, item, false, &items[cycle->n]))
            return false;
        *fixed = *fixed && items[cycle->n].kind == EXPR_VALUE;
        cycle->n++;
    }
    cycle->items = items;
    return true;
}

bool tag_parse_cycle(struct tag_call *c, struct node *out) {
    struct parser *p = c->parser;
    struct cycle *cycle = ARENA_NEW(p->arena, struct cycle);
    struct str s = c->markup;
    bool fixed;
    size_t name = cycle_name(s);
    if (!name && !lax_fragment(s))
        return parser_fail(p, s, "write `cycle VALUE, VALUE` or `cycle NAME: VALUE, VALUE`");
    if (name) {
        size_t colon = name + lax_spaces(str_sub(s, name, s.n));
        if (!expr_new(p, str_sub(s, 0, name), &cycle->name))
            return false;
        s = str_sub(s, colon + 1, s.n);
    }
    if (!cycle_items(p, s, cycle, &fixed))
        return false;
    if (!name) { /* the same fixed values are the same cycle; others are one of their own */
        struct buf key = BUF_IN(p->arena);
        for (uint32_t i = 0; i < cycle->n; i++) {
            buf_add(&key, i ? ", " : "[", i ? 2 : 1);
            if (cycle->items[i].kind == EXPR_VALUE)
                liquid_inspect(&key, cycle->items[i].value);
        }
        if (!fixed)
            buf_printf(&key, "%.*s:%u", STR_FMT(p->template->name), p->at);
        buf_add_char(&key, ']');
        cycle->key = value_str(buf_str(&key));
    }
    out->kind = NODE_CYCLE;
    out->escape = p->template->html;
    out->u.cycle = cycle;
    return true;
}

/* ---- include, render */
static size_t quoted_run(struct str s) {
    size_t n = 0, unit;
    while ((unit = lax_quoted(str_sub(s, n, s.n))) > 0)
        n += unit;
    return n;
}

static bool partial_arguments(struct parser *p, struct str markup, struct partial_call *call) {
    struct str key, value;
    size_t at = 0, n = 0;
    while (lax_attribute(markup, &at, &key, &value))
        n++;
    uint32_t *symbols = ARENA_ARRAY(p->arena, uint32_t, n + 1);
    struct expr *args = ARENA_ARRAY(p->arena, struct expr, n + 1);
    at = 0;
    while (call->nargs < n && lax_attribute(markup, &at, &key, &value)) {
        symbols[call->nargs] = liquid_symbol(p->set, key);
        if (!expr_parse(p, value, false, &args[call->nargs++]))
            return false;
    }
    call->arg_symbols = symbols;
    call->args = args;
    return true;
}

bool tag_parse_partial(struct tag_call *c, struct node *out) {
    struct parser *p = c->parser;
    bool render = c->name.p[0] == 'r';
    struct partial_call *call = ARENA_NEW(p->arena, struct partial_call);
    struct str s = c->markup;
    size_t at = 0, n = 0;
    call->alias = UINT32_MAX;
    while (at < s.n &&
           !(n = render ? quoted_run(str_sub(s, at, s.n)) : lax_fragments(str_sub(s, at, s.n))))
        at++;
    if (!n)
        return parser_fail(p, s, "write `%.*s 'NAME'`: the template's name in quotes",
                           STR_FMT(c->name));
    if (!expr_parse(p, str_sub(s, at, at + n), false, &call->name))
        return false;
    at += n;
    struct str rest = str_sub(s, at, s.n);
    size_t with = lax_keyword(rest, S("with")), each = lax_keyword(rest, S("for"));
    n = with || each ? lax_fragments(str_sub(rest, with + each, rest.n)) : 0;
    if (n) {
        size_t from = with + each;
        call->each = each > 0;
        if (!expr_new(p, str_sub(rest, from, from + n), &call->with))
            return false;
        if (call->with->kind == EXPR_VALUE && !liquid_truthy(call->with->value))
            call->with = NULL; /* nil or false, written out, is as if it were not there */
        rest = str_sub(rest, from + n, rest.n);
    }
    size_t as = lax_keyword(rest, S("as"));
    n = as ? lax_segments(str_sub(rest, as, rest.n)) : 0;
    if (n)
        call->alias = liquid_symbol(p->set, str_sub(rest, as, as + n));
    out->kind = render ? NODE_RENDER : NODE_INCLUDE;
    out->u.call = call;
    return partial_arguments(p, s, call);
}
