/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_tags.h"

#include "base/arena.h"
#include "templates/liquid_condition.h"
#include "templates/liquid_loops.h"
#include "templates/liquid_parse.h"

static bool parse_assign(struct tag_call *c, struct node *out);
static bool parse_break(struct tag_call *c, struct node *out);
static bool parse_capture(struct tag_call *c, struct node *out);
static bool parse_case(struct tag_call *c, struct node *out);
static bool parse_comment(struct tag_call *c, struct node *out);
static bool parse_counter(struct tag_call *c, struct node *out);
static bool parse_doc(struct tag_call *c, struct node *out);
static bool parse_echo(struct tag_call *c, struct node *out);
static bool parse_if(struct tag_call *c, struct node *out);
static bool parse_ifchanged(struct tag_call *c, struct node *out);
static bool parse_inline_comment(struct tag_call *c, struct node *out);
static bool parse_raw(struct tag_call *c, struct node *out);

/* Sorted by name; {% liquid %} is read by liquid_parse.c. */
static const struct tag tags[] = {
    {{"#", 1}, parse_inline_comment},
    {{"assign", 6}, parse_assign},
    {{"break", 5}, parse_break},
    {{"capture", 7}, parse_capture},
    {{"case", 4}, parse_case},
    {{"comment", 7}, parse_comment},
    {{"continue", 8}, parse_break},
    {{"cycle", 5}, tag_parse_cycle},
    {{"decrement", 9}, parse_counter},
    {{"doc", 3}, parse_doc},
    {{"echo", 4}, parse_echo},
    {{"for", 3}, tag_parse_for},
    {{"if", 2}, parse_if},
    {{"ifchanged", 9}, parse_ifchanged},
    {{"include", 7}, tag_parse_partial},
    {{"increment", 9}, parse_counter},
    {{"raw", 3}, parse_raw},
    {{"render", 6}, tag_parse_partial},
    {{"tablerow", 8}, tag_parse_tablerow},
    {{"unless", 6}, parse_if},
};
#define TAGS (sizeof tags / sizeof *tags)

const struct tag *tag_find(struct str name) {
    for (size_t i = 0; i < TAGS; i++)
        if (str_eq(tags[i].name, name))
            return &tags[i];
    return NULL;
}

bool tag_unexpected(struct parser *p, struct str name, struct str block) {
    static const char *const inner[] = {"else", "elsif", "when"};
    struct str names[TAGS + 1] = {{"liquid", 6}};
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++)
        if (str_eq(name, str_from(inner[i])))
            return parser_fail(p, name, "`%.*s` does not belong %s", STR_FMT(name),
                               block.n ? "into this tag"
                                       : "here: nothing that it is part of is open");
    if (str_starts(name, S("end")) && block.n)
        return parser_fail(p, name, "`%.*s` does not end `%.*s`; that is `end%.*s`", STR_FMT(name),
                           STR_FMT(block), STR_FMT(block));
    if (str_starts(name, S("end")) && tag_find(str_sub(name, 3, name.n)))
        return parser_fail(p, name, "`%.*s` has no `%.*s` in front of it", STR_FMT(name),
                           STR_FMT(str_sub(name, 3, name.n)));
    for (size_t i = 0; i < TAGS; i++)
        names[i + 1] = tags[i].name;
    struct str near = str_nearest(name, names, TAGS + 1);
    if (near.n)
        return parser_fail(p, name, "there is no tag `%.*s`; did you mean `%.*s`?", STR_FMT(name),
                           STR_FMT(near));
    return parser_fail(p, name, "there is no tag `%.*s`", STR_FMT(name));
}

/* ---- blocks */
bool tag_body(struct tag_call *c, struct body *b, struct ended *end) {
    struct parser *p = c->parser;
    uint32_t at = p->at;
    *b = (struct body){.parser = p, .blank = true};
    if (p->depth >= LIQUID_NESTING_MAX)
        return parser_fail(p, STR_NONE, "tags are nested more than %d deep", LIQUID_NESTING_MAX);
    p->depth++;
    bool ok = body_parse(b, c->from, end);
    p->depth--;
    if (!ok)
        return false;
    if (!end->name.p) {
        p->at = at;
        return parser_fail(p, STR_NONE, "`%.*s` is not closed by `end%.*s`", STR_FMT(c->name),
                           STR_FMT(c->name));
    }
    return true;
}

bool tag_ends(const struct tag_call *c, struct str name) {
    return name.n == c->name.n + 3 && str_starts(name, S("end")) &&
           str_eq(str_sub(name, 3, name.n), c->name);
}

/* A block without parts: up to its end. */
bool tag_simple_body(struct tag_call *c, struct body *b) {
    struct ended end;
    if (!tag_body(c, b, &end))
        return false;
    return tag_ends(c, end.name) || tag_unexpected(c->parser, end.name, c->name);
}

/* ---- assign, capture, counters, echo */

/* The characters of the target of an assignment. */
static bool target_char(char c) {
    return liquid_word_char(c) || c == '-' || c == '.' || c == '[' || c == ']';
}

/* One character of a target, with its round brackets; 0: none. */
static size_t target_unit(struct str s) {
    size_t i = s.n && s.p[0] == '(';
    if (i >= s.n || !target_char(s.p[i]))
        return 0;
    i++;
    return i < s.n && s.p[i] == ')' ? i + 1 : i;
}

static size_t target_length(struct str s) {
    size_t n = 0, unit;
    while ((unit = target_unit(str_sub(s, n, s.n))) > 0)
        n += unit;
    return n;
}

static bool parse_assign(struct tag_call *c, struct node *out) {
    struct str s = c->markup;
    for (size_t i = 0; i < s.n; i++) {
        size_t n = target_length(str_sub(s, i, s.n));
        size_t at = i + n + lax_spaces(str_sub(s, i + n, s.n));
        if (n == 0 || at >= s.n || s.p[at] != '=')
            continue;
        struct piped *piped = ARENA_NEW(c->parser->arena, struct piped);
        out->kind = NODE_ASSIGN;
        out->blank = true;
        out->n = liquid_symbol(c->parser->set, str_sub(s, i, i + n));
        out->u.piped = piped;
        return expr_piped(c->parser, str_sub(s, at + 1, s.n), piped);
    }
    return parser_fail(c->parser, s, "write `assign NAME = VALUE`");
}

static bool parse_capture(struct tag_call *c, struct node *out) {
    struct str s = c->markup;
    size_t i = 0, n = 0;
    while (i < s.n && (n = target_length(str_sub(s, i, s.n))) == 0)
        i++;
    if (n == 0)
        return parser_fail(c->parser, s, "write `capture NAME`");
    struct body b;
    if (!tag_simple_body(c, &b))
        return false;
    out->kind = NODE_CAPTURE;
    out->blank = true;
    out->n = liquid_symbol(c->parser->set, str_sub(s, i, i + n));
    out->u.body = ARENA_NEW(c->parser->arena, struct block);
    body_finish(&b, false, out->u.body);
    return true;
}

static bool parse_counter(struct tag_call *c, struct node *out) {
    out->kind = c->name.p[0] == 'i' ? NODE_INCREMENT : NODE_DECREMENT;
    out->n = liquid_symbol(c->parser->set, liquid_strip(c->markup));
    return true;
}

static bool parse_echo(struct tag_call *c, struct node *out) {
    struct piped *piped = ARENA_NEW(c->parser->arena, struct piped);
    out->kind = NODE_OUTPUT;
    out->escape = c->parser->template->html;
    out->u.piped = piped;
    return expr_piped(c->parser, c->markup, piped);
}

static bool parse_break(struct tag_call *c, struct node *out) {
    out->kind = c->name.p[0] == 'b' ? NODE_BREAK : NODE_CONTINUE;
    return true;
}

static bool parse_ifchanged(struct tag_call *c, struct node *out) {
    struct body b;
    if (!tag_simple_body(c, &b))
        return false;
    out->kind = NODE_IFCHANGED;
    out->blank = b.blank;
    out->u.body = ARENA_NEW(c->parser->arena, struct block);
    body_finish(&b, false, out->u.body);
    return true;
}

/* ---- comments and raw text */
static bool parse_inline_comment(struct tag_call *c, struct node *out) {
    struct str s = c->markup;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\n')
            continue;
        i += lax_spaces(str_sub(s, i, s.n));
        if (i < s.n && s.p[i] != '#')
            return parser_fail(c->parser, str_sub(s, i, s.n),
                               "each line of this comment must begin with `#`");
    }
    out->kind = NODE_NOTHING;
    out->blank = true;
    return true;
}

static bool not_closed(struct tag_call *c, struct str name, uint32_t at) {
    c->parser->at = at;
    return parser_fail(c->parser, STR_NONE, "`%.*s` is not closed by `end%.*s`", STR_FMT(name),
                       STR_FMT(name));
}

/* Passes over pieces up to the end of a raw block; keeps its text when asked. */
static bool skip_raw(struct tag_call *c, struct str name, struct buf *keep, struct str *last) {
    struct str before, tag;
    while (liquid_lex_piece(c->from, last)) {
        bool is_tag = liquid_lex_end_tag(*last, &before, &tag);
        if (is_tag && tag.n == name.n + 3 && str_starts(tag, S("end")) && str_ends(tag, name)) {
            if (keep)
                buf_add_str(keep, before);
            return true;
        }
        if (is_tag && str_eq(tag, name) && str_eq(name, S("doc")))
            return parser_fail(c->parser, *last, "`doc` cannot stand inside `doc`");
        if (keep)
            buf_add_str(keep, *last);
    }
    return false;
}

static void set_trim(struct tag_call *c, struct str piece) {
    if (!c->from->lines)
        c->parser->trim = piece.n >= 3 && piece.p[piece.n - 3] == '-';
}

static bool parse_comment(struct tag_call *c, struct node *out) {
    struct str piece, name, markup;
    uint32_t at = c->parser->at;
    int depth = 1;
    out->kind = NODE_NOTHING;
    out->blank = true;
    while (liquid_lex_piece(c->from, &piece)) {
        if (!liquid_lex_tag(piece, c->from->lines, &name, &markup))
            continue;
        struct str last;
        if (str_eq(name, S("raw")) && !skip_raw(c, name, NULL, &last))
            return not_closed(c, name, at);
        if (str_eq(name, S("comment")))
            depth++;
        else if (str_eq(name, S("endcomment")) && --depth == 0) {
            set_trim(c, piece);
            return true;
        }
    }
    return not_closed(c, c->name, at);
}

static bool no_arguments(struct tag_call *c) {
    return lax_spaces(c->markup) == c->markup.n ||
           parser_fail(c->parser, c->markup, "`%.*s` takes nothing after its name",
                       STR_FMT(c->name));
}

static bool parse_raw(struct tag_call *c, struct node *out) {
    struct buf text = BUF_IN(c->parser->arena);
    struct str last;
    uint32_t at = c->parser->at;
    if (!no_arguments(c))
        return false;
    if (!skip_raw(c, c->name, &text, &last))
        return not_closed(c, c->name, at);
    set_trim(c, last);
    out->kind = NODE_RAW;
    out->blank = text.n == 0;
    out->u.text = buf_str(&text);
    return true;
}

static bool parse_doc(struct tag_call *c, struct node *out) {
    struct buf text = BUF_IN(c->parser->arena);
    struct str last;
    uint32_t at = c->parser->at;
    if (!no_arguments(c))
        return false;
    if (!skip_raw(c, c->name, &text, &last))
        return c->parser->err.kind ? false : not_closed(c, c->name, at);
    set_trim(c, last);
    out->kind = NODE_NOTHING;
    out->blank = text.n == 0;
    return true;
}

/* ---- if, unless, case */
struct branches {
    struct tag_call *call;
    struct branch *list;
    struct body *bodies;
    uint32_t n, cap;
    bool blank;
};

static void add_branch(struct branches *b, const struct comparison *when, struct body body) {
    struct arena *a = b->call->parser->arena;
    if (b->n == b->cap) {
        uint32_t cap = b->cap ? b->cap * 2 : 2;
        b->list = arena_grow(a, b->list, b->cap * sizeof *b->list, cap * sizeof *b->list);
        b->bodies = arena_grow(a, b->bodies, b->cap * sizeof *b->bodies, cap * sizeof *b->bodies);
        b->cap = cap;
    }
    b->list[b->n].when = when;
    b->bodies[b->n++] = body;
}

static void finish_branches(struct branches *b, struct node *out) {
    for (uint32_t i = 0; i < b->n; i++) {
        if (i && b->bodies[i].nodes && b->bodies[i].nodes == b->bodies[i - 1].nodes)
            b->list[i].body = b->list[i - 1].body; /* `when a, b` */
        else
            body_finish(&b->bodies[i], b->blank, &b->list[i].body);
    }
    out->n = b->n;
    out->blank = b->blank;
    out->u.branches = b->list;
}

static bool parse_if(struct tag_call *c, struct node *out) {
    struct branches b = {.call = c, .blank = true};
    const struct comparison *when;
    struct ended end;
    if (!condition_parse(c->parser, c->markup, &when))
        return false;
    for (;;) {
        struct body body;
        if (!tag_body(c, &body, &end))
            return false;
        b.blank = b.blank && body.blank;
        add_branch(&b, when, body);
        when = NULL;
        if (tag_ends(c, end.name))
            break;
        if (str_eq(end.name, S("elsif"))) {
            if (!condition_parse(c->parser, end.markup, &when))
                return false;
        } else if (!str_eq(end.name, S("else"))) {
            return tag_unexpected(c->parser, end.name, c->name);
        }
    }
    out->kind = NODE_IF;
    out->inverted = c->name.p[0] == 'u';
    finish_branches(&b, out);
    return true;
}

/* The values of a `when`: one comparison each. */
static bool parse_when(struct branches *b, const struct expr *left, struct str markup,
                       struct body body) {
    struct parser *p = b->call->parser;
    struct str rest = markup;
    for (;;) {
        size_t at = 0;
        struct str value;
        if (!lax_find_fragment(rest, &at, &value))
            return parser_fail(p, rest, "write `when VALUE` or `when VALUE, VALUE`");
        struct comparison *c = ARENA_NEW(p->arena, struct comparison);
        *c = (struct comparison){.left = *left, .op = OP_EQ};
        if (!expr_parse(p, value, true, &c->right))
            return false;
        add_branch(b, c, body);
        struct str s = str_sub(rest, at, rest.n);
        size_t n = lax_keyword(s, S("or"));
        if (!n) {
            n = lax_spaces(s);
            n = n < s.n && s.p[n] == ',' ? n + 1 : 0;
            n += n ? lax_spaces(str_sub(s, n, s.n)) : 0;
        }
        rest = str_sub(s, n, s.n);
        if (!n || !lax_fragment(rest))
            return true;
    }
}

static bool parse_case(struct tag_call *c, struct node *out) {
    struct parser *p = c->parser;
    struct branches b = {.call = c, .blank = true};
    struct ended end, before = {0};
    struct str value;
    struct expr left;
    size_t at = 0;
    if (!lax_find_fragment(c->markup, &at, &value))
        return parser_fail(p, c->markup, "write `case VALUE`");
    if (!expr_parse(p, value, false, &left))
        return false;
    for (bool first = true;; first = false) {
        struct body body;
        if (!tag_body(c, &body, &end))
            return false;
        b.blank = b.blank && body.blank;
        if (!first && str_eq(before.name, S("when"))) {
            if (!parse_when(&b, &left, before.markup, body))
                return false;
        } else if (!first) {
            add_branch(&b, NULL, body);
        }
        if (tag_ends(c, end.name))
            break;
        if (!str_eq(end.name, S("when")) && !str_eq(end.name, S("else")))
            return tag_unexpected(p, end.name, c->name);
        if (str_eq(end.name, S("else")) && lax_spaces(end.markup) < end.markup.n)
            return parser_fail(p, end.markup, "`else` takes nothing after it");
        before = end;
    }
    out->kind = NODE_CASE;
    finish_branches(&b, out);
    return true;
}
