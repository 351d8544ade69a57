/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser: recursive descent for brackets, precedence climbing for operators.
 * Recursion is bounded by CEL_NESTING_MAX and the height of the tree by
 * CEL_DEPTH_MAX, so that no text can exhaust the stack here or in what walks
 * the tree later. The first error ends it.
 */
#include "config.h"

#include "rules/cel_internal.h"

struct parser {
    struct arena *arena;
    struct cel_lexer lexer;
    struct cel_token token; /* not consumed yet */
    size_t end;             /* of the last consumed token */
    struct cel_issues *issues;
    int nesting;
};

static struct cel_node *expression(struct parser *p);

struct cel_node *cel_node_new(struct arena *a, enum cel_op op, size_t offset, size_t length) {
    struct cel_node *n = ARENA_NEW(a, struct cel_node);
    n->op = (uint8_t)op;
    n->offset = offset;
    n->length = length;
    n->depth = 1;
    return n;
}

/* ---- tokens */
static void advance(struct parser *p) {
    p->end = p->token.offset + p->token.length;
    p->token = cel_lex(&p->lexer);
}

static bool at_op(const struct parser *p, int op) {
    return p->token.type == CEL_T_OP && p->token.op == op;
}

static bool accept(struct parser *p, int op) {
    if (!at_op(p, op))
        return false;
    advance(p);
    return true;
}

static struct str token_text(const struct parser *p) {
    return str_sub(p->lexer.source, p->token.offset, p->token.offset + p->token.length);
}

static bool is_word(struct str name, const char *const *words) {
    for (; *words; words++)
        if (str_eq(name, str_from(*words)))
            return true;
    return false;
}

/* People write and, or, not. */
static bool is_logical_word(struct str name) {
    static const char *const words[] = {"and", "or", "not", "AND", "OR", "NOT", NULL};
    return is_word(name, words);
}

static struct cel_node *logical_word(struct parser *p, struct cel_token word, struct str name) {
    struct cel_issue *i = cel_issue_add(p->issues, word.offset, word.length,
                                        "`%.*s` is not an operator", STR_FMT(name));
    if (i)
        i->hint = S("write && for and, || for or, ! for not");
    return NULL;
}

/* NULL, with the issue "expected WHAT" unless the lexer has said something already. */
static struct cel_node *unexpected(struct parser *p, const char *what) {
    struct str text = token_text(p);
    if (p->token.type == CEL_T_END)
        cel_issue_add(p->issues, p->token.offset, 0, "the expression ends where %s is expected",
                      what);
    else if (p->token.type == CEL_T_IDENT && is_logical_word(text))
        return logical_word(p, p->token, text);
    else if (p->token.type != CEL_T_BAD)
        cel_issue_add(p->issues, p->token.offset, p->token.length, "expected %s instead of `%.*s`",
                      what, (int)(text.n < 40 ? text.n : 40), text.p);
    return NULL;
}

static bool expect(struct parser *p, int op) {
    char what[] = {'`', (char)op, '`', 0};
    if (accept(p, op))
        return true;
    unexpected(p, what);
    return false;
}

/* ---- nodes */
static bool raise_depth(struct parser *p, struct cel_node *n) {
    for (uint32_t i = 0; i < n->n_args; i++)
        if (n->args[i] && n->args[i]->depth >= n->depth)
            n->depth = (uint16_t)(n->args[i]->depth + 1);
    if (n->depth <= CEL_DEPTH_MAX)
        return true;
    cel_issue_add(p->issues, n->offset, 1,
                  "this expression is too deep: more than %d operations one inside the other",
                  CEL_DEPTH_MAX);
    return false;
}

static struct cel_node *make(struct parser *p, enum cel_op op, size_t offset,
                             struct cel_node *const *args, size_t n_args) {
    struct cel_node *n = cel_node_new(p->arena, op, offset, p->end - offset);
    n->args = ARENA_ARRAY(p->arena, struct cel_node *, n_args ? n_args : 1);
    for (size_t i = 0; i < n_args; i++)
        n->args[i] = args[i];
    n->n_args = (uint32_t)n_args;
    return raise_depth(p, n) ? n : NULL;
}

static struct cel_node *constant(struct parser *p, struct value v) {
    struct cel_node *n = cel_node_new(p->arena, CEL_CONST, p->token.offset, p->token.length);
    n->constant = v;
    advance(p);
    return n;
}

/* A growing list of expressions. */
struct items {
    struct cel_node **v;
    uint8_t *optional;
    size_t n, cap;
};

static void items_add(struct parser *p, struct items *l, struct cel_node *n, bool optional) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        l->v = arena_grow(p->arena, l->v, l->cap * sizeof *l->v, cap * sizeof *l->v);
        l->optional = arena_grow(p->arena, l->optional, l->cap, cap);
        l->cap = cap;
    }
    l->optional[l->n] = optional;
    l->v[l->n++] = n;
}

static bool too_many(struct parser *p, const struct items *l) {
    if (l->n < CEL_ARGS_MAX)
        return false;
    cel_issue_add(p->issues, p->token.offset, 1, "more than %d elements in one list", CEL_ARGS_MAX);
    return true;
}

static bool nest(struct parser *p) {
    if (++p->nesting <= CEL_NESTING_MAX)
        return true;
    cel_issue_add(p->issues, p->token.offset, 1, "more than %d brackets are open here",
                  CEL_NESTING_MAX);
    return false;
}

/* ---- primary expressions */
static bool arguments(struct parser *p, struct items *l) {
    while (!at_op(p, ')')) {
        struct cel_node *e = too_many(p, l) ? NULL : expression(p);
        if (!e)
            return false;
        items_add(p, l, e, false);
        if (!accept(p, ','))
            break;
        if (at_op(p, ')'))
            return unexpected(p, "an argument") != NULL;
    }
    return expect(p, ')');
}

static struct cel_node *call(struct parser *p, struct cel_node *receiver, struct str name,
                             size_t offset) {
    struct items l = {0};
    if (receiver)
        items_add(p, &l, receiver, false);
    if (!nest(p) || !arguments(p, &l))
        return NULL;
    p->nesting--;
    struct cel_node *n = make(p, CEL_CALL, offset, l.v, l.n);
    if (!n)
        return NULL;
    n->name = name;
    n->member = receiver != NULL;
    return cel_macro(p->arena, n, p->issues);
}

static struct cel_node *list(struct parser *p) {
    size_t offset = p->token.offset;
    struct items l = {0};
    advance(p);
    if (!nest(p))
        return NULL;
    while (!at_op(p, ']')) {
        bool optional = accept(p, '?');
        struct cel_node *e = too_many(p, &l) ? NULL : expression(p);
        if (!e)
            return NULL;
        items_add(p, &l, e, optional);
        if (!accept(p, ','))
            break;
    }
    if (!expect(p, ']'))
        return NULL;
    p->nesting--;
    struct cel_node *n = make(p, CEL_MAKE_LIST, offset, l.v, l.n);
    if (n)
        n->optionals = l.optional;
    return n;
}

static struct cel_node *map(struct parser *p) {
    size_t offset = p->token.offset;
    struct items l = {0};
    advance(p);
    if (!nest(p))
        return NULL;
    while (!at_op(p, '}')) {
        bool optional = accept(p, '?');
        struct cel_node *key = too_many(p, &l) ? NULL : expression(p);
        if (!key || !expect(p, ':'))
            return NULL;
        struct cel_node *value = expression(p);
        if (!value)
            return NULL;
        items_add(p, &l, key, optional);
        items_add(p, &l, value, optional);
        if (!accept(p, ','))
            break;
    }
    if (!expect(p, '}'))
        return NULL;
    p->nesting--;
    struct cel_node *n = make(p, CEL_MAKE_MAP, offset, l.v, l.n);
    if (n)
        n->optionals = l.optional;
    return n;
}

static struct cel_node *identifier(struct parser *p, bool root, size_t offset) {
    static const char *const reserved[] = {"in",   "as",   "break",    "const",     "continue",
                                           "else", "for",  "function", "if",        "import",
                                           "let",  "loop", "package",  "namespace", "return",
                                           "var",  "void", "while",    NULL};
    struct str name = token_text(p);
    if (!root && (str_eq(name, S("true")) || str_eq(name, S("false"))))
        return constant(p, value_bool(name.n == 4));
    if (!root && str_eq(name, S("null")))
        return constant(p, VALUE_NULL);
    if (is_word(name, reserved)) {
        cel_issue_add(p->issues, p->token.offset, p->token.length,
                      "`%.*s` is a reserved word and cannot be a name", STR_FMT(name));
        return NULL;
    }
    struct cel_token word = p->token;
    advance(p);
    if (is_logical_word(name) && !root &&
        (p->token.type == CEL_T_IDENT || p->token.type == CEL_T_LITERAL))
        return logical_word(p, word, name);
    if (accept(p, '('))
        return call(p, NULL, name, offset);
    struct cel_node *n = cel_node_new(p->arena, CEL_IDENT, offset, p->end - offset);
    n->name = name;
    n->root = root;
    return n;
}

static struct cel_node *primary(struct parser *p) {
    size_t offset = p->token.offset;
    switch (p->token.type) {
    case CEL_T_LITERAL:
        if (!p->token.huge)
            return constant(p, p->token.value);
        cel_issue_add(p->issues, offset, p->token.length,
                      "this number is too large for an int (64 bits)");
        return NULL;
    case CEL_T_IDENT:
        return identifier(p, false, offset);
    case CEL_T_OP:
        if (p->token.op == '[')
            return list(p);
        if (p->token.op == '{')
            return map(p);
        if (accept(p, '.'))
            return p->token.type == CEL_T_IDENT ? identifier(p, true, offset)
                                                : unexpected(p, "a name");
        if (accept(p, '(')) {
            struct cel_node *e = nest(p) ? expression(p) : NULL;
            if (!e || !expect(p, ')'))
                return NULL;
            p->nesting--;
            e->offset = offset;
            e->length = p->end - offset;
            return e;
        }
        return unexpected(p, "a value");
    default:
        return unexpected(p, "a value");
    }
}

/* ---- what follows a primary: .name .name() [index] */
static struct cel_node *selection(struct parser *p, struct cel_node *of) {
    bool optional = accept(p, '?');
    bool quoted = p->token.type == CEL_T_QUOTED;
    if (!quoted && p->token.type != CEL_T_IDENT)
        return unexpected(p, "the name of a field");
    struct str name = token_text(p);
    if (quoted)
        name = str_sub(name, 1, name.n - 1);
    advance(p);
    if (!optional && !quoted && accept(p, '('))
        return call(p, of, name, of->offset);
    struct cel_node *n = make(p, CEL_SELECT, of->offset, &of, 1);
    if (!n)
        return NULL;
    n->name = name;
    n->optional = optional;
    n->root = quoted; /* a quoted name is a field, never part of a qualified name */
    return n;
}

static struct cel_node *member(struct parser *p) {
    struct cel_node *e = primary(p);
    while (e) {
        if (accept(p, '.')) {
            e = selection(p, e);
        } else if (accept(p, '[')) {
            bool optional = accept(p, '?');
            struct cel_node *args[2] = {e, nest(p) ? expression(p) : NULL};
            if (!args[1] || !expect(p, ']'))
                return NULL;
            p->nesting--;
            e = make(p, CEL_INDEX, e->offset, args, 2);
            if (e)
                e->optional = optional;
        } else if (at_op(p, '{')) {
            cel_issue_add(p->issues, p->token.offset, 1,
                          "messages cannot be made here; a map is written {\"name\": value}");
            return NULL;
        } else {
            return e;
        }
    }
    return NULL;
}

/* ---- operators */
static struct cel_node *unary(struct parser *p) {
    size_t from[CEL_NESTING_MAX];
    enum cel_op ops[CEL_NESTING_MAX];
    size_t n = 0;
    while (at_op(p, '!') || at_op(p, '-')) {
        if (n == CEL_NESTING_MAX) {
            cel_issue_add(p->issues, p->token.offset, 1, "too many signs in a row");
            return NULL;
        }
        from[n] = p->token.offset;
        ops[n++] = at_op(p, '!') ? CEL_NOT : CEL_NEGATE;
        advance(p);
        if (ops[n - 1] == CEL_NEGATE && p->token.type == CEL_T_LITERAL &&
            (p->token.value.type == V_INT || p->token.value.type == V_DOUBLE)) {
            struct value v = p->token.value; /* the sign belongs to the number */
            n--;
            p->token.value =
                v.type == V_INT ? value_int((int64_t) - (uint64_t)v.u.i) : value_double(-v.u.d);
            p->token.huge = false;
            p->token.length += p->token.offset - from[n];
            p->token.offset = from[n];
        }
    }
    struct cel_node *e = member(p);
    while (e && n > 0) {
        n--;
        e = make(p, ops[n], from[n], &e, 1);
    }
    return e;
}

static enum cel_op binary_op(const struct parser *p, int *precedence) {
    static const struct {
        int token;
        enum cel_op op;
        int precedence;
    } table[] = {
        {CEL_OP2('|', '|'), CEL_OR, 1},
        {CEL_OP2('&', '&'), CEL_AND, 2},
        {CEL_OP2('=', '='), CEL_EQ, 3},
        {CEL_OP2('!', '='), CEL_NE, 3},
        {'<', CEL_LT, 3},
        {CEL_OP2('<', '='), CEL_LE, 3},
        {'>', CEL_GT, 3},
        {CEL_OP2('>', '='), CEL_GE, 3},
        {'+', CEL_ADD, 4},
        {'-', CEL_SUB, 4},
        {'*', CEL_MUL, 5},
        {'/', CEL_DIV, 5},
        {'%', CEL_MOD, 5},
    };
    *precedence = 0;
    if (p->token.type == CEL_T_IDENT && str_eq(token_text(p), S("in"))) {
        *precedence = 3;
        return CEL_IN;
    }
    if (p->token.type == CEL_T_OP)
        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
            if (table[i].token == p->token.op) {
                *precedence = table[i].precedence;
                return table[i].op;
            }
    return CEL_CONST;
}

static struct cel_node *binary(struct parser *p, int least);

/* a && b && c is one node with three arguments. */
static struct cel_node *chain(struct parser *p, struct cel_node *left, enum cel_op op,
                              int precedence) {
    struct items l = {0};
    int next = precedence;
    items_add(p, &l, left, false);
    while (next == precedence) {
        advance(p);
        struct cel_node *right = too_many(p, &l) ? NULL : binary(p, precedence + 1);
        if (!right)
            return NULL;
        items_add(p, &l, right, false);
        binary_op(p, &next);
    }
    return make(p, op, left->offset, l.v, l.n);
}

static struct cel_node *binary(struct parser *p, int least) {
    struct cel_node *left = unary(p);
    while (left) {
        int precedence;
        enum cel_op op = binary_op(p, &precedence);
        if (precedence == 0 || precedence < least)
            return left;
        if (op == CEL_AND || op == CEL_OR) {
            left = chain(p, left, op, precedence);
            continue;
        }
        advance(p);
        struct cel_node *args[2] = {left, binary(p, precedence + 1)};
        left = args[1] ? make(p, op, left->offset, args, 2) : NULL;
    }
    return NULL;
}

static struct cel_node *expression(struct parser *p) {
    struct cel_node *args[3] = {binary(p, 1)};
    if (!args[0] || !accept(p, '?'))
        return args[0];
    args[1] = binary(p, 1);
    if (!args[1] || !expect(p, ':') || !nest(p))
        return NULL;
    args[2] = expression(p);
    p->nesting--;
    return args[2] ? make(p, CEL_COND, args[0]->offset, args, 3) : NULL;
}

struct cel_node *cel_parse(struct arena *a, struct str source, struct cel_issues *issues) {
    struct parser p = {
        .arena = a, .lexer = {.arena = a, .source = source, .issues = issues}, .issues = issues};
    if (source.n > CEL_SOURCE_MAX) {
        cel_issue_add(issues, 0, 0, "the expression is longer than %u KiB", CEL_SOURCE_MAX / 1024);
        return NULL;
    }
    if (!cel_utf8_valid(source)) {
        cel_issue_add(issues, 0, 0, "the expression is not valid UTF-8");
        return NULL;
    }
    advance(&p);
    if (p.token.type == CEL_T_END) {
        cel_issue_add(issues, 0, 0, "the expression is empty");
        return NULL;
    }
    struct cel_node *e = expression(&p);
    if (!e || p.token.type == CEL_T_END)
        return e;
    if (at_op(&p, ')') || at_op(&p, ']') || at_op(&p, '}'))
        cel_issue_add(issues, p.token.offset, 1, "this bracket closes nothing");
    else
        unexpected(&p, "an operator or the end");
    return NULL;
}
