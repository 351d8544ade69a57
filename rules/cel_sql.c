/* SPDX-License-Identifier: Apache-2.0
 *
 * Each node becomes a pair: SQL that is true wherever the node may be true, and
 * SQL that is true wherever it may be false. An exact node has one text for
 * both, the second being its NOT. A node that SQL cannot say is the pair (TRUE,
 * TRUE), which && || ! ?: carry upwards without ever losing a row.
 */
#include "config.h"

#include "rules/cel_sql.h"

#include "base/arena.h"
#include "rules/cel_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define DEPTH_MAX 64
#define PARAMS_MAX 1000u

struct translator {
    struct arena *arena;
    const struct cel_sql_column *columns;
    size_t n_columns;
    int first;
    struct str *params;
    size_t n_params, cap;
};

struct pair {
    struct str may_be_true, may_be_false;
    bool exact; /* may_be_true is the value, NULL for an error */
    bool selective;
};

/* A field in the query. */
struct place {
    struct str sql;
    bool json;
    enum cel_kind declared;
};

static struct pair translate(struct translator *t, const struct cel_node *n, int depth);

static struct pair exactly(struct translator *t, struct str sql) {
    return (struct pair){sql, str_printf(t->arena, "(NOT %.*s)", STR_FMT(sql)), true, true};
}

static struct pair unknown(void) {
    return (struct pair){S("TRUE"), S("TRUE"), false, false};
}

/* "$3::text" for a value given as a parameter; 3 is its place in t->params for now. */
static struct str param(struct translator *t, struct str text, const char *type) {
    if (t->n_params == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 8;
        t->params =
            arena_grow(t->arena, t->params, t->cap * sizeof *t->params, cap * sizeof *t->params);
        t->cap = cap;
    }
    t->params[t->n_params++] = str_dup(t->arena, text);
    return str_printf(t->arena, "$%zu::%s", t->n_params - 1, type);
}

/* ---- fields */
static const struct cel_sql_column *column(const struct translator *t, struct str path) {
    for (size_t i = 0; i < t->n_columns; i++)
        if (str_eq(t->columns[i].path, path))
            return &t->columns[i];
    return NULL;
}

static bool speakable(struct str s) { /* PostgreSQL's text has no U+0000 */
    return !s.n || !memchr(s.p, 0, s.n);
}

static bool field_name(const struct cel_node *n, struct str *name) {
    *name = n->name;
    if (n->op == CEL_INDEX) {
        if (n->args[1]->op != CEL_CONST || n->args[1]->constant.type != V_STRING)
            return false;
        *name = value_text(n->args[1]->constant);
    } else if (n->op != CEL_SELECT && n->op != CEL_HAS) {
        return false;
    }
    return !n->optional && speakable(*name);
}

static bool locate(struct translator *t, const struct cel_node *n, struct place *out) {
    struct str path = cel_path_of(t->arena, n), name;
    const struct cel_sql_column *c = path.n ? column(t, path) : NULL;
    struct place of;
    out->declared = n->coerce ? n->coerce->kind : CEL_DYN;
    if (c) {
        out->sql = c->sql;
        out->json = c->json;
        return true;
    }
    if (!path.n || !field_name(n, &name) || !locate(t, n->args[0], &of) || !of.json)
        return false;
    struct str key = param(t, name, "text");
    out->sql = str_printf(t->arena, "(%.*s->%.*s)", STR_FMT(of.sql), STR_FMT(key));
    out->json = true;
    return true;
}

static struct str type_of(struct translator *t, const struct place *x) {
    return str_printf(t->arena, "jsonb_typeof(%.*s)", STR_FMT(x->sql));
}

static struct str text_of(struct translator *t, const struct place *x) {
    return x->json ? str_printf(t->arena, "(%.*s#>>'{}')", STR_FMT(x->sql)) : x->sql;
}

/* `test` where the field is text; an error elsewhere. */
static struct pair where_text(struct translator *t, const struct place *x, struct str test) {
    if (!x->json)
        return exactly(t, str_printf(t->arena, "(%.*s)", STR_FMT(test)));
    return exactly(t, str_printf(t->arena, "(CASE WHEN %.*s = 'string' THEN %.*s END)",
                                 STR_FMT(type_of(t, x)), STR_FMT(test)));
}

/* ---- comparisons with a constant */
/* Equality with text or bool. Undeclared, another type is not equal; declared, it is
 * an error, but for null. */
static struct pair equal(struct translator *t, const struct place *x, struct value v) {
    bool text = v.type == V_STRING;
    struct str k =
        text ? param(t, value_text(v), "text") : param(t, v.u.b ? S("true") : S("false"), "bool");
    if (!x->json)
        return text ? exactly(t, str_printf(t->arena, "(%.*s = %.*s COLLATE \"C\")",
                                            STR_FMT(x->sql), STR_FMT(k)))
                    : unknown();
    struct str same = str_printf(t->arena, "(%.*s = to_jsonb(%.*s))", STR_FMT(x->sql), STR_FMT(k));
    if (x->declared == CEL_DYN)
        return exactly(t, same);
    if (x->declared != (text ? CEL_STRING : CEL_BOOL))
        return unknown();
    return exactly(
        t, str_printf(t->arena, "(CASE %.*s WHEN '%s' THEN %.*s WHEN 'null' THEN FALSE END)",
                      STR_FMT(type_of(t, x)), text ? "string" : "boolean", STR_FMT(same)));
}

static struct pair swapped(struct pair p) {
    return (struct pair){p.may_be_false, p.may_be_true, p.exact, p.selective};
}

static struct pair order_text(struct translator *t, const struct place *x, enum cel_op op,
                              struct value v) {
    struct str k = param(t, value_text(v), "text"), text = text_of(t, x);
    if (x->declared != CEL_DYN && x->declared != CEL_STRING)
        return unknown();
    return where_text(t, x,
                      str_printf(t->arena, "%.*s %s %.*s COLLATE \"C\"", STR_FMT(text),
                                 cel_op_name(op), STR_FMT(k)));
}

/* One side of a comparison with a number, a little wider than it says, so that
 * rounding to double and back cannot lose a row. */
static struct str near(struct translator *t, const struct place *x, enum cel_op op, double d) {
    double slack = fabs(d) * 1e-12 + 1e-300;
    char low[64], high[64];
    snprintf(low, sizeof low, "%.17g", d - slack);
    snprintf(high, sizeof high, "%.17g", d + slack);
    struct str number = str_printf(t->arena, "(%.*s#>>'{}')::numeric", STR_FMT(x->sql)), test;
    if (op == CEL_NE)
        test = S("TRUE");
    else if (op == CEL_EQ)
        test = str_printf(t->arena, "%.*s BETWEEN %.*s AND %.*s", STR_FMT(number),
                          STR_FMT(param(t, str_from(low), "numeric")),
                          STR_FMT(param(t, str_from(high), "numeric")));
    else if (op == CEL_GT || op == CEL_GE)
        test = str_printf(t->arena, "%.*s >= %.*s", STR_FMT(number),
                          STR_FMT(param(t, str_from(low), "numeric")));
    else
        test = str_printf(t->arena, "%.*s <= %.*s", STR_FMT(number),
                          STR_FMT(param(t, str_from(high), "numeric")));
    bool others = op == CEL_NE; /* what is no number is different, and has no order */
    return str_printf(t->arena, "(CASE WHEN %.*s = 'number' THEN %.*s ELSE %s END)",
                      STR_FMT(type_of(t, x)), STR_FMT(test), others ? "TRUE" : "FALSE");
}

static enum cel_op opposite(enum cel_op op) {
    switch (op) {
    case CEL_EQ:
        return CEL_NE;
    case CEL_NE:
        return CEL_EQ;
    case CEL_LT:
        return CEL_GE;
    case CEL_LE:
        return CEL_GT;
    case CEL_GT:
        return CEL_LE;
    default:
        return CEL_LT;
    }
}

static struct pair number(struct translator *t, const struct place *x, enum cel_op op,
                          struct value v) {
    double d = v.type == V_DOUBLE ? v.u.d : v.type == V_INT ? (double)v.u.i : (double)v.u.u;
    bool readable = x->declared == CEL_DYN || x->declared == CEL_INT || x->declared == CEL_UINT ||
                    x->declared == CEL_DOUBLE;
    if (!x->json || !readable || !(fabs(d) < 1e300))
        return unknown();
    return (struct pair){near(t, x, op, d), near(t, x, opposite(op), d), false, true};
}

static struct pair compare(struct translator *t, const struct place *x, enum cel_op op,
                           struct value v) {
    switch (v.type) {
    case V_INT:
    case V_UINT:
    case V_DOUBLE:
        return number(t, x, op, v);
    case V_STRING:
        if (!speakable(value_text(v)))
            return unknown();
        if (op != CEL_EQ && op != CEL_NE)
            return order_text(t, x, op, v);
        break;
    case V_BOOL:
        if (op != CEL_EQ && op != CEL_NE)
            return unknown();
        break;
    default:
        return unknown();
    }
    struct pair p = equal(t, x, v);
    if (op == CEL_EQ)
        return p;
    return p.exact ? exactly(t, p.may_be_false) : swapped(p);
}

static enum cel_op mirrored(enum cel_op op) {
    switch (op) {
    case CEL_LT:
        return CEL_GT;
    case CEL_LE:
        return CEL_GE;
    case CEL_GT:
        return CEL_LT;
    case CEL_GE:
        return CEL_LE;
    default:
        return op;
    }
}

static struct pair comparison(struct translator *t, const struct cel_node *n) {
    const struct cel_node *field = n->args[0], *constant = n->args[1];
    enum cel_op op = (enum cel_op)n->op;
    struct place x;
    if (field->op == CEL_CONST) {
        field = n->args[1];
        constant = n->args[0];
        op = mirrored(op);
    }
    if (constant->op != CEL_CONST || !locate(t, field, &x))
        return unknown();
    return compare(t, &x, op, constant->constant);
}

/* ---- joining */
struct joined {
    struct buf t, f;
    bool exact, selective;
};

static void join(struct joined *j, bool first, bool and, struct pair p) {
    const char *in_t = and? " AND " : " OR ", *in_f = and? " OR " : " AND ";
    buf_printf(&j->t, "%s%.*s", first ? "(" : in_t, STR_FMT(p.may_be_true));
    buf_printf(&j->f, "%s%.*s", first ? "(" : in_f, STR_FMT(p.may_be_false));
    j->exact = first ? p.exact : j->exact && p.exact;
    if (first)
        j->selective = p.selective;
    else
        j->selective = and? j->selective || p.selective : j->selective && p.selective;
}

static struct pair joined_pair(struct translator *t, struct joined *j) {
    buf_add_char(&j->t, ')');
    buf_add_char(&j->f, ')');
    if (j->exact)
        return exactly(t, buf_str(&j->t));
    return (struct pair){buf_str(&j->t), buf_str(&j->f), false, j->selective};
}

static struct pair and_or(struct translator *t, const struct cel_node *n, int depth) {
    struct joined j = {.t = BUF_IN(t->arena), .f = BUF_IN(t->arena)};
    for (uint32_t i = 0; i < n->n_args; i++)
        join(&j, i == 0, n->op == CEL_AND, translate(t, n->args[i], depth));
    return joined_pair(t, &j);
}

/* x in [constants] is x == a || x == b. */
static struct pair membership(struct translator *t, const struct cel_node *n) {
    struct joined j = {.t = BUF_IN(t->arena), .f = BUF_IN(t->arena)};
    const struct cel_node *list = n->args[1];
    struct place x;
    if (list->op != CEL_CONST || list->constant.type != V_LIST || list->constant.u.list->n == 0 ||
        list->constant.u.list->n > PARAMS_MAX || !locate(t, n->args[0], &x))
        return unknown();
    for (size_t i = 0; i < list->constant.u.list->n; i++)
        join(&j, i == 0, false, compare(t, &x, CEL_EQ, list->constant.u.list->v[i]));
    return joined_pair(t, &j);
}

static struct pair conditional(struct translator *t, const struct cel_node *n, int depth) {
    struct pair c = translate(t, n->args[0], depth), a = translate(t, n->args[1], depth),
                b = translate(t, n->args[2], depth);
    if (c.exact && a.exact && b.exact)
        return exactly(t, str_printf(t->arena, "(CASE WHEN %.*s THEN %.*s WHEN %.*s THEN %.*s END)",
                                     STR_FMT(c.may_be_true), STR_FMT(a.may_be_true),
                                     STR_FMT(c.may_be_false), STR_FMT(b.may_be_true)));
    struct pair p = {.selective = c.selective || (a.selective && b.selective)};
    p.may_be_true =
        str_printf(t->arena, "((%.*s AND %.*s) OR (%.*s AND %.*s))", STR_FMT(c.may_be_true),
                   STR_FMT(a.may_be_true), STR_FMT(c.may_be_false), STR_FMT(b.may_be_true));
    p.may_be_false =
        str_printf(t->arena, "((%.*s AND %.*s) OR (%.*s AND %.*s))", STR_FMT(c.may_be_true),
                   STR_FMT(a.may_be_false), STR_FMT(c.may_be_false), STR_FMT(b.may_be_false));
    return p;
}

/* ---- has(), functions of text */
static struct pair has(struct translator *t, const struct cel_node *n) {
    struct str path = cel_path_of(t->arena, n), name;
    const struct cel_sql_column *c = path.n ? column(t, path) : NULL;
    struct place of;
    if (c)
        return exactly(t, str_printf(t->arena, "(%.*s IS NOT NULL)", STR_FMT(c->sql)));
    if (!field_name(n, &name) || !locate(t, n->args[0], &of) || !of.json)
        return unknown();
    struct str key = param(t, name, "text");
    return exactly(t, str_printf(t->arena,
                                 "(CASE WHEN %.*s = 'object' THEN jsonb_exists(%.*s, %.*s) END)",
                                 STR_FMT(type_of(t, &of)), STR_FMT(of.sql), STR_FMT(key)));
}

static struct pair text_function(struct translator *t, const struct cel_node *n) {
    struct place x;
    if (!n->member || n->n_args != 2 || n->args[1]->op != CEL_CONST ||
        n->args[1]->constant.type != V_STRING || !speakable(value_text(n->args[1]->constant)) ||
        !locate(t, n->args[0], &x) || (x.declared != CEL_DYN && x.declared != CEL_STRING))
        return unknown();
    bool contains = str_eq(n->name, S("contains")), starts = str_eq(n->name, S("startsWith"));
    if (!contains && !starts && !str_eq(n->name, S("endsWith")))
        return unknown();
    struct str k = param(t, value_text(n->args[1]->constant), "text"), text = text_of(t, &x);
    if (contains || starts)
        return where_text(
            t, &x,
            str_printf(t->arena, contains ? "strpos(%.*s, %.*s) > 0" : "starts_with(%.*s, %.*s)",
                       STR_FMT(text), STR_FMT(k)));
    return where_text(t, &x,
                      str_printf(t->arena, "right(%.*s, char_length(%.*s)) = %.*s COLLATE \"C\"",
                                 STR_FMT(text), STR_FMT(k), STR_FMT(k)));
}

static struct pair translate(struct translator *t, const struct cel_node *n, int depth) {
    if (depth == 0 || t->n_params > PARAMS_MAX)
        return unknown();
    switch ((enum cel_op)n->op) {
    case CEL_CONST:
        if (n->constant.type != V_BOOL)
            return unknown();
        return exactly(t, n->constant.u.b ? S("TRUE") : S("FALSE"));
    case CEL_AND:
    case CEL_OR:
        return and_or(t, n, depth - 1);
    case CEL_NOT: {
        struct pair p = translate(t, n->args[0], depth - 1);
        return p.exact ? exactly(t, p.may_be_false) : swapped(p);
    }
    case CEL_COND:
        return conditional(t, n, depth - 1);
    case CEL_EQ:
    case CEL_NE:
    case CEL_LT:
    case CEL_LE:
    case CEL_GT:
    case CEL_GE:
        return comparison(t, n);
    case CEL_IN:
        return membership(t, n);
    case CEL_HAS:
        return has(t, n);
    case CEL_CALL:
        return text_function(t, n);
    default:
        return unknown();
    }
}

/* Numbers the parameters that are left in the text anew, in order of appearance. */
static struct cel_sql numbered(struct translator *t, struct pair r) {
    struct cel_sql out = {.exact = r.exact, .selective = r.selective};
    struct str *used = ARENA_ARRAY(t->arena, struct str, t->n_params + 1);
    int *number_of = ARENA_ARRAY(t->arena, int, t->n_params + 1);
    struct buf b = BUF_IN(t->arena);
    struct str s = r.may_be_true;
    for (size_t i = 0; i < s.n;) {
        if (s.p[i] != '$') {
            buf_add_char(&b, s.p[i++]);
            continue;
        }
        size_t old = 0;
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
            old = old * 10 + (size_t)(s.p[i] - '0');
        if (!number_of[old]) {
            used[out.n_params++] = t->params[old];
            number_of[old] = t->first + (int)out.n_params - 1;
        }
        buf_printf(&b, "$%d", number_of[old]);
    }
    out.text = buf_str(&b);
    out.params = used;
    return out;
}

struct cel_sql cel_sql_where(const struct cel_program *p, const struct cel_sql_column *columns,
                             size_t n_columns, int first, struct arena *a) {
    struct translator t = {.arena = a, .columns = columns, .n_columns = n_columns, .first = first};
    return numbered(&t, translate(&t, p->root, DEPTH_MAX));
}
