/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_parse.h"

#include "base/arena.h"
#include "templates/liquid_condition.h"
#include "templates/liquid_expr.h"
#include "templates/liquid_tags.h"

#include <stdio.h>

/* ---- sets and symbols */
struct liquid_set *liquid_set_new(struct arena *a, bool strict, bool known) {
    struct liquid_set *set = ARENA_NEW(a, struct liquid_set);
    set->arena = a;
    set->templates = map_new(a, 8);
    set->symbols = map_new(a, 32);
    set->names = list_new(a, 32);
    set->loops = map_new(a, 8);
    set->strict = strict;
    set->known = known;
    liquid_symbol(set, S("forloop"));
    liquid_symbol(set, S("tablerowloop"));
    liquid_symbol(set, S("self"));
    return set;
}

uint32_t liquid_symbol(struct liquid_set *set, struct str name) {
    const struct value *there = map_get_str(set->symbols, name);
    if (there)
        return (uint32_t)there->u.i;
    uint32_t n = (uint32_t)set->names->n;
    struct str copy = str_dup(set->arena, name);
    list_add(set->arena, set->names, value_str(copy));
    map_set_str(set->arena, set->symbols, copy, value_int(n));
    return n;
}

bool liquid_find_symbol(const struct liquid_set *set, struct str name, uint32_t *out) {
    const struct value *there = map_get_str(set->symbols, name);
    if (there)
        *out = (uint32_t)there->u.i;
    return there != NULL;
}

const struct liquid_template *liquid_find(const struct liquid_set *set, struct str name) {
    const struct value *there = map_get_str(set->templates, name);
    return there ? there->u.ext : NULL;
}

void liquid_position(struct str source, size_t at, int *line, int *column) {
    size_t start = 0;
    if (at > source.n)
        at = source.n;
    *line = 1;
    for (size_t i = 0; i < at; i++)
        if (source.p[i] == '\n') {
            ++*line;
            start = i + 1;
        }
    *column = (int)utf8_length(str_sub(source, start, at)) + 1;
}

/* ---- bodies */
static void add_text(struct body *b, struct str text) {
    bool blank = str_trim(text).n == 0;
    body_add(b, (struct node){.kind = NODE_TEXT, .at = b->parser->at, .u.text = text});
    b->blank = b->blank && blank;
}

struct node *body_add(struct body *b, struct node n) {
    if (b->n == b->cap) {
        uint32_t cap = b->cap ? b->cap * 2 : 4;
        b->nodes = arena_grow(b->parser->arena, b->nodes, b->cap * sizeof n, cap * sizeof n);
        b->cap = cap;
    }
    b->nodes[b->n] = n;
    return &b->nodes[b->n++];
}

void body_finish(struct body *b, bool drop_text, struct block *out) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct node *node = &b->nodes[i];
        bool empty = (node->kind == NODE_TEXT || node->kind == NODE_RAW) && node->u.text.n == 0;
        if (node->kind == NODE_NOTHING || empty || (drop_text && node->kind == NODE_TEXT))
            continue;
        b->nodes[n++] = *node;
    }
    *out = (struct block){.n = n, .blank = b->blank, .nodes = b->nodes};
}

/* "{%-" takes the white space off the end of the text before; "-%}" off the text behind. */
static void handle_dashes(struct body *b, struct str piece) {
    if (piece.n > 2 && piece.p[2] == '-' && b->n && b->nodes[b->n - 1].kind == NODE_TEXT) {
        struct str *text = &b->nodes[b->n - 1].u.text;
        *text = liquid_rstrip(*text);
    }
    b->parser->trim = piece.n >= 3 && piece.p[piece.n - 3] == '-';
}

static bool add_output(struct body *b, struct str piece) {
    struct parser *p = b->parser;
    handle_dashes(b, piece);
    if (piece.n < 4 || piece.p[piece.n - 1] != '}' || piece.p[piece.n - 2] != '}')
        return parser_fail(p, piece, "`{{` is not closed by `}}`");
    size_t from = piece.p[2] == '-' ? 3 : 2, to = piece.n - 2;
    if (to > from && piece.p[to - 1] == '-')
        to--;
    struct piped *piped = ARENA_NEW(p->arena, struct piped);
    struct str inside = to > from ? str_sub(piece, from, to) : STR_NONE;
    if (!expr_piped(p, inside, piped))
        return false;
    body_add(b,
             (struct node){
                 .kind = NODE_OUTPUT, .at = p->at, .escape = p->template->html, .u.piped = piped});
    b->blank = false;
    return true;
}

static bool run_tag(struct body *b, struct pieces *from, struct str name, struct str markup,
                    struct ended *end);

/* {% liquid %}: its lines are tags of the body around it. */
static bool liquid_tag(struct body *b, struct str markup) {
    struct pieces lines = {.rest = markup, .lines = true};
    struct ended end;
    if (b->parser->depth >= LIQUID_NESTING_MAX)
        return parser_fail(b->parser, markup, "tags are nested more than %d deep",
                           LIQUID_NESTING_MAX);
    b->parser->depth++;
    if (!body_parse(b, &lines, &end))
        return false;
    b->parser->depth--;
    if (end.name.p)
        return tag_unexpected(b->parser, end.name, S("liquid"));
    return true;
}

static bool run_tag(struct body *b, struct pieces *from, struct str name, struct str markup,
                    struct ended *end) {
    struct parser *p = b->parser;
    if (str_eq(name, S("liquid")))
        return liquid_tag(b, markup);
    const struct tag *tag = tag_find(name);
    if (!tag) {
        *end = (struct ended){.name = name, .markup = markup};
        return true;
    }
    struct node node = {.at = p->at};
    struct tag_call call = {.parser = p, .from = from, .name = name, .markup = markup};
    if (!tag->parse(&call, &node))
        return false;
    body_add(b, node);
    b->blank = b->blank && node.blank;
    return true;
}

static bool add_tag(struct body *b, struct pieces *from, struct str piece, struct ended *end) {
    struct str name, markup;
    if (!from->lines)
        handle_dashes(b, piece);
    if (!liquid_lex_tag(piece, from->lines, &name, &markup)) {
        struct str shown = str_sub(piece, 0, 40);
        if (!from->lines && !str_ends(piece, S("%}")))
            return parser_fail(b->parser, piece, "`{%%` is not closed by `%%}`");
        return parser_fail(b->parser, piece, "`%.*s` is no tag", STR_FMT(shown));
    }
    return run_tag(b, from, name, markup, end);
}

bool body_parse(struct body *b, struct pieces *from, struct ended *end) {
    struct parser *p = b->parser;
    struct str piece, source = p->template->source;
    *end = (struct ended){0};
    while (liquid_lex_piece(from, &piece)) {
        bool ok = true;
        if (piece.p >= source.p && piece.p <= source.p + source.n)
            p->at = (uint32_t)(piece.p - source.p);
        if (from->lines) {
            size_t spaces = lax_spaces(piece);
            if (spaces == piece.n)
                continue;
            p->at += (uint32_t)spaces;
            ok = add_tag(b, from, piece, end);
        } else if (str_starts(piece, S("{%"))) {
            ok = add_tag(b, from, piece, end);
        } else if (str_starts(piece, S("{{"))) {
            ok = add_output(b, piece);
        } else {
            struct str text = p->trim ? liquid_lstrip(piece) : piece;
            p->trim = false;
            add_text(b, text);
        }
        if (!ok || end->name.p)
            return ok;
    }
    return true;
}

/* ---- a template */
static bool parse_source(struct parser *p) {
    struct liquid_template *t = p->template;
    struct pieces pieces = {.rest = str_sub(t->source, t->skip, t->source.n)};
    struct body body = {.parser = p, .blank = true};
    struct ended end;
    if (t->source.n > LIQUID_SOURCE_MAX)
        return parser_fail(p, t->source, "the template is larger than %zu bytes",
                           LIQUID_SOURCE_MAX);
    if (!body_parse(&body, &pieces, &end))
        return false;
    if (end.name.p)
        return tag_unexpected(p, end.name, STR_NONE);
    body_finish(&body, false, &t->body);
    return true;
}

static struct str base_name(struct str name) {
    for (size_t i = name.n; i-- > 0;)
        if (name.p[i] == '/')
            return str_sub(name, i + 1, name.n);
    return name;
}

bool liquid_parse(struct liquid_set *set, struct str name, struct str source, size_t skip,
                  bool html, const struct liquid_template **out, struct err *e,
                  struct liquid_place *place) {
    struct arena *a = set->arena;
    struct liquid_template *t = ARENA_NEW(a, struct liquid_template);
    t->name = str_dup(a, name);
    t->shown = t->name;
    t->source = str_dup(a, source);
    t->html = html;
    t->skip = skip;
    t->symbol = liquid_symbol(set, t->name);
    t->base_symbol = liquid_symbol(set, base_name(t->name));
    map_set_str(a, set->templates, t->name, (struct value){.type = V_OWN, .u.ext = t});
    *out = t;
    struct parser p = {.arena = a, .set = set, .template = t, .strict = set->strict};
    t->usable = parse_source(&p);
    if (t->usable)
        return true;
    t->error = str_dup(a, str_from(p.err.text));
    t->error_at = p.err_at;
    struct liquid_place at = {.template = t->name};
    liquid_position(t->source, p.err_at, &at.line, &at.column);
    if (place)
        *place = at;
    return err_set(e, ERR_INPUT, "%.*s:%d:%d: %s", STR_FMT(t->name), at.line, at.column,
                   p.err.text);
}
