/* SPDX-License-Identifier: Apache-2.0
 *
 * How nodes become pairs: cel_sql_internal.h. Here: joining, comparisons of the
 * customer's fields, functions of text; what looks back is in cel_sql_behaviour.c.
 */
#include "config.h"

#include "rules/cel_sql_internal.h"

#include "base/wallclock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define DEPTH_MAX 64
#define PARAMS_MAX 1000u
#define TEXT_MAX 16384u

/* "$3::text" for a value given as a parameter; 3 is its place in t->params for now. */
struct sql_pair cel_sql_exactly(struct sql_translator *t, struct str sql) {
    return (struct sql_pair){
        sql, str_printf(t->arena, "(NOT %.*s)", STR_FMT(sql)), true, true, true, true};
}

struct sql_pair cel_sql_unknown(void) {
    return (struct sql_pair){.may_be_true = S("TRUE"), .may_be_false = S("TRUE")};
}

struct str cel_sql_param(struct sql_translator *t, struct str text, const char *type) {
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
static const struct cel_sql_column *column(const struct sql_translator *t, struct str path) {
    for (size_t i = 0; i < t->scope->n_columns; i++)
        if (str_eq(t->scope->columns[i].path, path))
            return &t->scope->columns[i];
    return NULL;
}

bool cel_sql_speakable(struct str s) {
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
    return !n->optional && cel_sql_speakable(*name);
}

static bool locate(struct sql_translator *t, const struct cel_node *n, struct sql_place *out) {
    if (n->op == CEL_IT)
        return cel_sql_it(t, n, out);
    struct str path = cel_path_of(t->arena, n), name;
    const struct cel_sql_column *c = path.n ? column(t, path) : NULL;
    struct sql_place of;
    out->declared = n->coerce ? n->coerce->kind : CEL_DYN;
    if (c) {
        out->sql = c->sql;
        out->kind = c->kind;
        return true;
    }
    if (!path.n || !field_name(n, &name) || !locate(t, n->args[0], &of) || of.kind != CEL_SQL_JSON)
        return false;
    struct str key = cel_sql_param(t, name, "text");
    out->sql = str_printf(t->arena, "(%.*s->%.*s)", STR_FMT(of.sql), STR_FMT(key));
    out->kind = CEL_SQL_JSON;
    return true;
}

static struct str type_of(struct sql_translator *t, const struct sql_place *x) {
    return str_printf(t->arena, "jsonb_typeof(%.*s)", STR_FMT(x->sql));
}

static struct str text_of(struct sql_translator *t, const struct sql_place *x) {
    return x->kind == CEL_SQL_JSON ? str_printf(t->arena, "(%.*s#>>'{}')", STR_FMT(x->sql))
                                   : x->sql;
}

/* `test` where the field is text; an error elsewhere. */
static struct sql_pair where_text(struct sql_translator *t, const struct sql_place *x,
                                  struct str test) {
    if (x->kind != CEL_SQL_JSON)
        return cel_sql_exactly(t, str_printf(t->arena, "(%.*s)", STR_FMT(test)));
    return cel_sql_exactly(t, str_printf(t->arena, "(CASE WHEN %.*s = 'string' THEN %.*s END)",
                                         STR_FMT(type_of(t, x)), STR_FMT(test)));
}

/* ---- comparisons with a constant */
/* Equality with text or bool. Undeclared, another type is not equal; declared, it is
 * an error, but for null. */
static struct sql_pair equal(struct sql_translator *t, const struct sql_place *x, struct value v) {
    bool text = v.type == V_STRING;
    struct str k = text ? cel_sql_param(t, value_text(v), "text")
                        : cel_sql_param(t, v.u.b ? S("true") : S("false"), "bool");
    if (x->kind != CEL_SQL_JSON)
        return text ? cel_sql_exactly(t, str_printf(t->arena, "(%.*s = %.*s COLLATE \"C\")",
                                                    STR_FMT(x->sql), STR_FMT(k)))
                    : cel_sql_unknown();
    struct str same = str_printf(t->arena, "(%.*s = to_jsonb(%.*s))", STR_FMT(x->sql), STR_FMT(k));
    if (x->declared == CEL_DYN)
        return cel_sql_exactly(t, same);
    if (x->declared != (text ? CEL_STRING : CEL_BOOL))
        return cel_sql_unknown();
    return cel_sql_exactly(
        t, str_printf(t->arena, "(CASE %.*s WHEN '%s' THEN %.*s WHEN 'null' THEN FALSE END)",
                      STR_FMT(type_of(t, x)), text ? "string" : "boolean", STR_FMT(same)));
}

static struct sql_pair swapped(struct sql_pair p) {
    return (struct sql_pair){p.may_be_false, p.may_be_true, p.exact,
                             p.selective,    p.false_exact, p.true_exact};
}

static struct sql_pair order_text(struct sql_translator *t, const struct sql_place *x,
                                  enum cel_op op, struct value v) {
    struct str k = cel_sql_param(t, value_text(v), "text"), text = text_of(t, x);
    if (x->declared != CEL_DYN && x->declared != CEL_STRING)
        return cel_sql_unknown();
    return where_text(t, x,
                      str_printf(t->arena, "%.*s %s %.*s COLLATE \"C\"", STR_FMT(text),
                                 cel_op_name(op), STR_FMT(k)));
}

/* One side of a comparison with a number, a little wider than it says, so that
 * rounding to double and back cannot lose a row. */
static struct str near(struct sql_translator *t, const struct sql_place *x, enum cel_op op,
                       double d) {
    double slack = fabs(d) * 1e-12 + 1e-300;
    char low[64], high[64];
    snprintf(low, sizeof low, "%.17g", d - slack);
    snprintf(high, sizeof high, "%.17g", d + slack);
    struct str number = str_printf(t->arena, "(%.*s#>>'{}')::numeric", STR_FMT(x->sql)), test;
    if (op == CEL_NE)
        test = S("TRUE");
    else if (op == CEL_EQ)
        test = str_printf(t->arena, "%.*s BETWEEN %.*s AND %.*s", STR_FMT(number),
                          STR_FMT(cel_sql_param(t, str_from(low), "numeric")),
                          STR_FMT(cel_sql_param(t, str_from(high), "numeric")));
    else if (op == CEL_GT || op == CEL_GE)
        test = str_printf(t->arena, "%.*s >= %.*s", STR_FMT(number),
                          STR_FMT(cel_sql_param(t, str_from(low), "numeric")));
    else
        test = str_printf(t->arena, "%.*s <= %.*s", STR_FMT(number),
                          STR_FMT(cel_sql_param(t, str_from(high), "numeric")));
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

/* A column of doubles that is always there. */
static struct sql_pair number_column(struct sql_translator *t, const struct sql_place *x,
                                     enum cel_op op, double d) {
    char text[64];
    if (!(fabs(d) < 9007199254740992.0))
        return cel_sql_unknown();
    snprintf(text, sizeof text, "%.17g", d);
    const char *sign = op == CEL_EQ ? "=" : op == CEL_NE ? "<>" : cel_op_name(op);
    return cel_sql_exactly(t, str_printf(t->arena, "(%.*s %s %.*s)", STR_FMT(x->sql), sign,
                                         STR_FMT(cel_sql_param(t, str_from(text), "float8"))));
}

static struct sql_pair number(struct sql_translator *t, const struct sql_place *x, enum cel_op op,
                              struct value v) {
    double d = v.type == V_DOUBLE ? v.u.d : v.type == V_INT ? (double)v.u.i : (double)v.u.u;
    if (x->kind == CEL_SQL_NUMBER)
        return number_column(t, x, op, d);
    bool readable = x->declared == CEL_DYN || x->declared == CEL_INT || x->declared == CEL_UINT ||
                    x->declared == CEL_DOUBLE;
    if (x->kind != CEL_SQL_JSON || !readable || !(fabs(d) < 1e300))
        return cel_sql_unknown();
    return (struct sql_pair){near(t, x, op, d), near(t, x, opposite(op), d), false, true};
}

static bool day_of(int64_t seconds, char out[16]) {
    struct civil c;
    wallclock_utc(seconds, &c);
    snprintf(out, 16, "%04d-%02d-%02d", (int)(c.year % 10000), c.month, c.day);
    return c.year >= 1 && c.year <= 9999;
}

/* A time in a text begins with its day, which is less than two days from the day in UTC. */
static struct sql_pair instant(struct sql_translator *t, const struct sql_place *x, enum cel_op op,
                               struct value v) {
    char from[16], upto[16];
    if (x->kind != CEL_SQL_JSON || x->declared != CEL_TIMESTAMP || op == CEL_EQ || op == CEL_NE ||
        !day_of(v.u.i - 2 * WALLCLOCK_DAY_S, from) || !day_of(v.u.i + 2 * WALLCLOCK_DAY_S, upto))
        return cel_sql_unknown();
    struct str day = str_printf(t->arena, "left(%.*s, 10)", STR_FMT(text_of(t, x)));
    struct str late = str_printf(t->arena, "(%.*s >= %.*s COLLATE \"C\")", STR_FMT(day),
                                 STR_FMT(cel_sql_param(t, str_from(from), "text")));
    struct str early = str_printf(t->arena, "(%.*s <= %.*s COLLATE \"C\")", STR_FMT(day),
                                  STR_FMT(cel_sql_param(t, str_from(upto), "text")));
    if (op == CEL_GT || op == CEL_GE)
        return (struct sql_pair){late, early, false, true};
    return (struct sql_pair){early, late, false, true};
}

static struct sql_pair compare(struct sql_translator *t, const struct sql_place *x, enum cel_op op,
                               struct value v) {
    if (x->kind == CEL_SQL_NUMBER && v.type != V_INT && v.type != V_UINT && v.type != V_DOUBLE)
        return cel_sql_unknown();
    switch (v.type) {
    case V_INT:
    case V_UINT:
    case V_DOUBLE:
        return number(t, x, op, v);
    case V_TIMESTAMP:
        return instant(t, x, op, v);
    case V_STRING:
        if (!cel_sql_speakable(value_text(v)))
            return cel_sql_unknown();
        if (op != CEL_EQ && op != CEL_NE)
            return order_text(t, x, op, v);
        break;
    case V_BOOL:
        if (op != CEL_EQ && op != CEL_NE)
            return cel_sql_unknown();
        break;
    default:
        return cel_sql_unknown();
    }
    struct sql_pair p = equal(t, x, v);
    if (op == CEL_EQ)
        return p;
    return p.exact ? cel_sql_exactly(t, p.may_be_false) : swapped(p);
}

/* ---- values that do not depend on the customer */

static bool depends(const struct cel_node *n) {
    switch ((enum cel_op)n->op) {
    case CEL_CONST:
    case CEL_NOW:
        return false;
    case CEL_CALL:
        for (size_t i = 0; i < n->n_overloads; i++)
            if (n->overloads[i]->result[1] == '!') /* the customer's local time */
                return true;
        break;
    case CEL_ADD:
    case CEL_SUB:
        break;
    default:
        return true;
    }
    for (uint32_t i = 0; i < n->n_args; i++)
        if (depends(n->args[i]))
            return true;
    return false;
}

static bool known(struct sql_translator *t, const struct cel_node *n, struct value *out) {
    if (depends(n))
        return false;
    struct cel_activation act = {.now_us = t->scope->now_us};
    struct cel_run run = cel_run_begin(t->program, &act, t->arena);
    *out = cel_eval_node(n, &run);
    return !cel_is_error(*out) && !run.exhausted;
}

bool cel_sql_double(struct value v, double *out) {
    if (v.type != V_DOUBLE && v.type != V_INT && v.type != V_UINT)
        return false;
    *out = v.type == V_DOUBLE ? v.u.d : v.type == V_INT ? (double)v.u.i : (double)v.u.u;
    return isfinite(*out);
}

#define FIRST_INSTANT_US INT64_C(-210866803200000000) /* of a timestamptz: 4713 BC */

struct str cel_sql_instant(struct sql_translator *t, int64_t us) {
    struct civil c;
    int64_t rest = us % WALLCLOCK_US_PER_S;
    if (us < FIRST_INSTANT_US)
        return STR_NONE;
    rest += rest < 0 ? WALLCLOCK_US_PER_S : 0;
    wallclock_utc((us - rest) / WALLCLOCK_US_PER_S, &c);
    bool before = c.year <= 0;
    int64_t year = before ? 1 - c.year : c.year;
    return cel_sql_param(t,
                         str_printf(t->arena, "%04" PRId64 "-%02d-%02d %02d:%02d:%02d.%06d+00%s",
                                    year, c.month, c.day, c.hour, c.minute, c.second, (int)rest,
                                    before ? " BC" : ""),
                         "timestamptz");
}

static struct sql_pair comparison(struct sql_translator *t, const struct cel_node *n, int depth) {
    const struct cel_node *field = n->args[0];
    enum cel_op op = (enum cel_op)n->op;
    struct sql_place x;
    struct sql_pair p;
    struct value constant;
    if (!known(t, n->args[1], &constant)) {
        field = n->args[1];
        op = cel_op_mirrored(op);
        if (!known(t, n->args[0], &constant))
            return cel_sql_unknown();
    }
    if (cel_sql_behaviour(t, field, op, constant, depth, &p))
        return p;
    return locate(t, field, &x) ? compare(t, &x, op, constant) : cel_sql_unknown();
}

/* A field as a condition. */
static struct sql_pair yes_or_no(struct sql_translator *t, const struct cel_node *n) {
    struct sql_place x;
    if (n->op == CEL_IT && n->loop) { /* has(it.x) */
        if (!cel_sql_it(t, n, &x))
            return cel_sql_unknown();
        return cel_sql_exactly(t, str_printf(t->arena, "(%.*s IS NOT NULL)", STR_FMT(x.sql)));
    }
    if (!locate(t, n, &x) || x.kind != CEL_SQL_JSON ||
        (x.declared != CEL_DYN && x.declared != CEL_BOOL))
        return cel_sql_unknown();
    return cel_sql_exactly(t, str_printf(t->arena,
                                         "(CASE %.*s WHEN 'true'::jsonb THEN TRUE "
                                         "WHEN 'false'::jsonb THEN FALSE END)",
                                         STR_FMT(x.sql)));
}

/* ---- joining */
struct joined {
    struct buf t, f;
    bool exact, selective, true_exact, false_exact;
};

static void join(struct joined *j, bool first, bool and, struct sql_pair p) {
    const char *in_t = and? " AND " : " OR ", *in_f = and? " OR " : " AND ";
    buf_printf(&j->t, "%s%.*s", first ? "(" : in_t, STR_FMT(p.may_be_true));
    buf_printf(&j->f, "%s%.*s", first ? "(" : in_f, STR_FMT(p.may_be_false));
    j->exact = (first || j->exact) && p.exact;
    j->true_exact = (first || j->true_exact) && p.true_exact;
    j->false_exact = (first || j->false_exact) && p.false_exact;
    if (first)
        j->selective = p.selective;
    else
        j->selective = and? j->selective || p.selective : j->selective && p.selective;
}

static struct sql_pair joined_pair(struct sql_translator *t, struct joined *j) {
    buf_add_char(&j->t, ')');
    buf_add_char(&j->f, ')');
    if (j->exact)
        return cel_sql_exactly(t, buf_str(&j->t));
    return (struct sql_pair){buf_str(&j->t), buf_str(&j->f), false,
                             j->selective,   j->true_exact,  j->false_exact};
}

static struct sql_pair and_or(struct sql_translator *t, const struct cel_node *n, int depth) {
    struct joined j = {.t = BUF_IN(t->arena), .f = BUF_IN(t->arena)};
    for (uint32_t i = 0; i < n->n_args; i++)
        join(&j, i == 0, n->op == CEL_AND, cel_sql_translate(t, n->args[i], depth));
    return joined_pair(t, &j);
}

/* x in [constants] is x == a || x == b. */
static struct sql_pair membership(struct sql_translator *t, const struct cel_node *n) {
    struct joined j = {.t = BUF_IN(t->arena), .f = BUF_IN(t->arena)};
    const struct cel_node *list = n->args[1];
    struct sql_place x;
    if (list->op != CEL_CONST || list->constant.type != V_LIST || list->constant.u.list->n == 0 ||
        list->constant.u.list->n > PARAMS_MAX || !locate(t, n->args[0], &x))
        return cel_sql_unknown();
    for (size_t i = 0; i < list->constant.u.list->n; i++)
        join(&j, i == 0, false, compare(t, &x, CEL_EQ, list->constant.u.list->v[i]));
    return joined_pair(t, &j);
}

static struct sql_pair conditional(struct sql_translator *t, const struct cel_node *n, int depth) {
    struct sql_pair c = cel_sql_translate(t, n->args[0], depth),
                    a = cel_sql_translate(t, n->args[1], depth),
                    b = cel_sql_translate(t, n->args[2], depth);
    if (c.exact && a.exact && b.exact)
        return cel_sql_exactly(t, str_printf(t->arena,
                                             "(CASE WHEN %.*s THEN %.*s WHEN %.*s THEN %.*s END)",
                                             STR_FMT(c.may_be_true), STR_FMT(a.may_be_true),
                                             STR_FMT(c.may_be_false), STR_FMT(b.may_be_true)));
    if (c.may_be_true.n + c.may_be_false.n > TEXT_MAX) /* each level would double it */
        return cel_sql_unknown();
    bool sure = c.true_exact && c.false_exact;
    struct sql_pair p = {.selective = c.selective || (a.selective && b.selective),
                         .true_exact = sure && a.true_exact && b.true_exact,
                         .false_exact = sure && a.false_exact && b.false_exact};
    p.may_be_true =
        str_printf(t->arena, "((%.*s AND %.*s) OR (%.*s AND %.*s))", STR_FMT(c.may_be_true),
                   STR_FMT(a.may_be_true), STR_FMT(c.may_be_false), STR_FMT(b.may_be_true));
    p.may_be_false =
        str_printf(t->arena, "((%.*s AND %.*s) OR (%.*s AND %.*s))", STR_FMT(c.may_be_true),
                   STR_FMT(a.may_be_false), STR_FMT(c.may_be_false), STR_FMT(b.may_be_false));
    return p;
}

/* ---- has(), functions of text */
static struct sql_pair has(struct sql_translator *t, const struct cel_node *n) {
    struct str path = cel_path_of(t->arena, n), name;
    const struct cel_sql_column *c = path.n ? column(t, path) : NULL;
    struct sql_place of;
    if (c && c->kind == CEL_SQL_TEXT)
        return cel_sql_exactly(t, str_printf(t->arena, "(%.*s IS NOT NULL)", STR_FMT(c->sql)));
    if (c || !field_name(n, &name) || !locate(t, n->args[0], &of) || of.kind != CEL_SQL_JSON)
        return cel_sql_unknown();
    struct str key = cel_sql_param(t, name, "text");
    return cel_sql_exactly(
        t, str_printf(t->arena, "(CASE WHEN %.*s = 'object' THEN jsonb_exists(%.*s, %.*s) END)",
                      STR_FMT(type_of(t, &of)), STR_FMT(of.sql), STR_FMT(key)));
}

static struct sql_pair text_function(struct sql_translator *t, const struct cel_node *n) {
    struct sql_place x;
    if (!n->member || n->n_args != 2 || n->args[1]->op != CEL_CONST ||
        n->args[1]->constant.type != V_STRING ||
        !cel_sql_speakable(value_text(n->args[1]->constant)) || !locate(t, n->args[0], &x) ||
        (x.declared != CEL_DYN && x.declared != CEL_STRING))
        return cel_sql_unknown();
    bool contains = str_eq(n->name, S("contains")), starts = str_eq(n->name, S("startsWith"));
    if (!contains && !starts && !str_eq(n->name, S("endsWith")))
        return cel_sql_unknown();
    struct str k = cel_sql_param(t, value_text(n->args[1]->constant), "text"),
               text = text_of(t, &x);
    if (contains || starts)
        return where_text(
            t, &x,
            str_printf(t->arena, contains ? "strpos(%.*s, %.*s) > 0" : "starts_with(%.*s, %.*s)",
                       STR_FMT(text), STR_FMT(k)));
    return where_text(t, &x,
                      str_printf(t->arena, "right(%.*s, char_length(%.*s)) = %.*s COLLATE \"C\"",
                                 STR_FMT(text), STR_FMT(k), STR_FMT(k)));
}

/* ---- segments */
static struct sql_pair segment(struct sql_translator *t, const struct cel_node *n, int depth) {
    struct cel_sql_segment found = {0};
    if (!t->scope->segment || !t->scope->segment(t->scope->ctx, n->name, &found))
        return cel_sql_unknown();
    if (!found.program)
        return cel_sql_exactly(t,
                               str_printf(t->arena, "(%.*s = ANY (%.*s))", STR_FMT(t->scope->key),
                                          STR_FMT(cel_sql_param(t, found.keys, "text[]"))));
    const struct cel_program *outer = t->program;
    t->program = found.program;
    struct sql_pair p = cel_sql_translate(t, found.program->root, depth);
    t->program = outer;
    if (p.exact) /* who cannot be told is not in it */
        return cel_sql_exactly(t, str_printf(t->arena, "((%.*s) IS TRUE)", STR_FMT(p.may_be_true)));
    return (struct sql_pair){p.may_be_true, S("TRUE"), false, p.selective};
}

/* ---- all of it */
static struct sql_pair by_operator(struct sql_translator *t, const struct cel_node *n, int depth) {
    switch ((enum cel_op)n->op) {
    case CEL_CONST:
        if (n->constant.type != V_BOOL)
            return cel_sql_unknown();
        return cel_sql_exactly(t, n->constant.u.b ? S("TRUE") : S("FALSE"));
    case CEL_AND:
    case CEL_OR:
        return and_or(t, n, depth - 1);
    case CEL_NOT: {
        struct sql_pair p = cel_sql_translate(t, n->args[0], depth - 1);
        return p.exact ? cel_sql_exactly(t, p.may_be_false) : swapped(p);
    }
    case CEL_COND:
        return conditional(t, n, depth - 1);
    case CEL_EQ:
    case CEL_NE:
    case CEL_LT:
    case CEL_LE:
    case CEL_GT:
    case CEL_GE:
        return comparison(t, n, depth - 1);
    case CEL_IN:
        return membership(t, n);
    case CEL_HAS:
        return has(t, n);
    case CEL_CALL:
        return text_function(t, n);
    case CEL_SEGMENT:
        return segment(t, n, depth - 1);
    case CEL_SELECT:
    case CEL_INDEX:
    case CEL_IT:
        return yes_or_no(t, n);
    default:
        return cel_sql_unknown();
    }
}

struct sql_pair cel_sql_translate(struct sql_translator *t, const struct cel_node *n, int depth) {
    if (depth <= 0 || t->n_params > PARAMS_MAX)
        return cel_sql_unknown();
    struct sql_pair p = by_operator(t, n, depth);
    if (!p.true_exact && !t->why.n)
        t->why = str_sub(t->program->source, n->offset, n->offset + n->length);
    return p;
}

/* Numbers the parameters that are left in the text anew, in order of appearance. */
static struct cel_sql numbered(struct sql_translator *t, struct sql_pair r) {
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

struct cel_sql cel_sql_where(const struct cel_program *p, const struct cel_sql_scope *scope,
                             int first, struct arena *a) {
    struct sql_translator t = {.arena = a, .scope = scope, .program = p, .first = first};
    struct sql_pair root = cel_sql_translate(&t, p->root, DEPTH_MAX);
    struct cel_sql out = numbered(&t, root);
    out.exact = root.true_exact;
    out.errors = root.exact;
    if (!out.exact)
        out.why = t.why.n ? t.why : p->source;
    return out;
}
