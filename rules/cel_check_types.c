/* SPDX-License-Identifier: Apache-2.0
 *
 * Types: what operators, fields and functions take and give. Gradual: what is
 * dyn is left to the evaluation; only what can never work is an issue. Without
 * an environment there are no issues at all.
 */
#include "config.h"

#include "rules/cel_check_internal.h"

/* ---- types */
const struct cel_type *cel_type_new(struct cel_check *c, enum cel_kind kind,
                                    const struct cel_type *element) {
    if (!element || element->kind == CEL_DYN)
        return cel_type_of(kind);
    struct cel_type *t = ARENA_NEW(c->arena, struct cel_type);
    t->kind = kind;
    t->element = element;
    return t;
}

const struct cel_type *cel_type_element(const struct cel_type *t) {
    return t->element ? t->element : cel_type_of(CEL_DYN);
}

const struct cel_type *cel_type_join(struct cel_check *c, const struct cel_type *a,
                                     const struct cel_type *b) {
    if (a == b || b->kind == CEL_NULL)
        return a;
    if (a->kind == CEL_NULL)
        return b;
    if (a->kind != b->kind)
        return cel_type_of(CEL_DYN);
    if (!a->element || !b->element)
        return cel_type_of(a->kind);
    return cel_type_new(c, a->kind, cel_type_join(c, a->element, b->element));
}

static bool numeric(enum cel_kind k) {
    return k == CEL_INT || k == CEL_UINT || k == CEL_DOUBLE;
}

static bool comparable(enum cel_kind a, enum cel_kind b) {
    return a == b || a == CEL_DYN || b == CEL_DYN || (numeric(a) && numeric(b));
}

void cel_check_bool(struct cel_check *c, const struct cel_node *n, const char *what) {
    if (c->env && n->type->kind != CEL_BOOL && n->type->kind != CEL_DYN)
        cel_issue_add(c->issues, n->offset, n->length, "%s must be true or false; this is %s", what,
                      cel_kind_name(n->type->kind));
}

/* ---- fields */
static const struct cel_field *find_field(const struct cel_type *t, struct str name) {
    for (size_t i = 0; i < t->n_fields; i++)
        if (str_eq(t->fields[i].name, name))
            return &t->fields[i];
    return NULL;
}

static void unknown_field(struct cel_check *c, const struct cel_node *n, const struct cel_type *t) {
    struct str *names = ARENA_ARRAY(c->arena, struct str, t->n_fields + 1);
    for (size_t i = 0; i < t->n_fields; i++)
        names[i] = t->fields[i].name;
    size_t end = n->offset + n->length;
    size_t length = n->name.n < n->length ? n->name.n : n->length;
    if (n->op == CEL_HAS && end > 0 && length < n->length)
        end--; /* the bracket of has( ) */
    struct cel_issue *i =
        cel_issue_add(c->issues, end - length, length, "unknown field `%.*s`", STR_FMT(n->name));
    cel_issue_nearest(c->issues, i, n->name, names, t->n_fields);
    if (i && !i->hint.n && t->n_fields && t->n_fields <= 8) {
        struct buf b = BUF_IN(c->arena);
        buf_add_str(&b, S("known are "));
        for (size_t k = 0; k < t->n_fields; k++)
            buf_printf(&b, "%s`%.*s`", k ? ", " : "", STR_FMT(names[k]));
        i->hint = buf_str(&b);
    }
}

/* The type of field `n->name` in t, which is not an optional. */
static const struct cel_type *field_type(struct cel_check *c, struct cel_node *n,
                                         const struct cel_type *t) {
    if (t->kind == CEL_DYN)
        return t;
    if (t->kind != CEL_MAP) {
        if (c->env)
            cel_issue_add(c->issues, n->offset, n->length, "%s has no fields, so no `%.*s`",
                          cel_kind_name(t->kind), STR_FMT(n->name));
        return cel_type_of(CEL_DYN);
    }
    const struct cel_field *f = find_field(t, n->name);
    if (f) {
        n->coerce = f->type && f->type->kind != CEL_DYN ? f->type : NULL;
        return f->type ? f->type : cel_type_of(CEL_DYN);
    }
    if (t->closed)
        unknown_field(c, n, t);
    if (t->n_fields == 0 && t->element)
        return t->element;
    return cel_type_of(CEL_DYN);
}

const struct cel_type *cel_check_field(struct cel_check *c, struct cel_node *n) {
    const struct cel_type *t = n->args[0]->type;
    bool chained = t->kind == CEL_OPTIONAL;
    n->constant = value_str(n->name);
    n->hash = str_hash(n->name);
    const struct cel_type *f = field_type(c, n, chained ? cel_type_element(t) : t);
    if (n->op == CEL_HAS)
        return cel_type_of(CEL_BOOL);
    return chained || n->optional ? cel_type_new(c, CEL_OPTIONAL, f) : f;
}

const struct cel_type *cel_check_index(struct cel_check *c, struct cel_node *n) {
    const struct cel_type *t = n->args[0]->type, *i = n->args[1]->type, *result;
    bool chained = t->kind == CEL_OPTIONAL;
    if (chained)
        t = cel_type_element(t);
    result = cel_type_element(t);
    if (c->env && t->kind != CEL_DYN && t->kind != CEL_LIST && t->kind != CEL_MAP)
        cel_issue_add(c->issues, n->offset, n->length, "[ ] looks into lists and maps, not into %s",
                      cel_kind_name(t->kind));
    else if (c->env && t->kind == CEL_LIST && i->kind != CEL_DYN && !numeric(i->kind))
        cel_issue_add(c->issues, n->args[1]->offset, n->args[1]->length,
                      "the index of a list is an int from 0; this is %s", cel_kind_name(i->kind));
    if (t->kind == CEL_MAP && n->args[1]->op == CEL_CONST &&
        n->args[1]->constant.type == V_STRING) {
        const struct cel_field *f = find_field(t, value_text(n->args[1]->constant));
        if (f && f->type) {
            result = f->type;
            n->coerce = f->type;
        }
    }
    return chained || n->optional ? cel_type_new(c, CEL_OPTIONAL, result) : result;
}

/* ---- operators */
static const char *const op_names[] = {
    [CEL_NOT] = "!", [CEL_NEGATE] = "-", [CEL_AND] = "&&", [CEL_OR] = "||", [CEL_COND] = "?:",
    [CEL_EQ] = "==", [CEL_NE] = "!=",    [CEL_LT] = "<",   [CEL_LE] = "<=", [CEL_GT] = ">",
    [CEL_GE] = ">=", [CEL_IN] = "in",    [CEL_ADD] = "+",  [CEL_SUB] = "-", [CEL_MUL] = "*",
    [CEL_DIV] = "/", [CEL_MOD] = "%"};

const char *cel_op_name(enum cel_op op) {
    return op >= CEL_NOT && op <= CEL_MOD ? op_names[op] : "[ ]";
}

enum cel_op cel_op_mirrored(enum cel_op op) {
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

static void no_operator(struct cel_check *c, const struct cel_node *n, const char *why) {
    const struct cel_node *a = n->args[0], *b = n->args[1];
    struct cel_issue *i = cel_issue_add(
        c->issues, n->offset, n->length, "`%s` does not work with %s and %s%s", op_names[n->op],
        cel_kind_name(a->type->kind), cel_kind_name(b->type->kind), why);
    const struct cel_node *whole = a->op == CEL_CONST ? a : b;
    const struct cel_node *other = whole == a ? b : a;
    if (i && whole->op == CEL_CONST && whole->constant.type == V_INT &&
        other->type->kind == CEL_DOUBLE && n->op >= CEL_ADD)
        i->hint = str_printf(c->arena, "write %lld.0", (long long)whole->constant.u.i);
    else if (i && n->op >= CEL_ADD && numeric(a->type->kind) && numeric(b->type->kind))
        i->hint = S("convert one side with double(...) or int(...)");
    else if (i && n->op == CEL_ADD && (a->type->kind == CEL_STRING || b->type->kind == CEL_STRING))
        i->hint = S("convert to text with string(...)");
    else if (i && numeric(other->type->kind) && whole->op == CEL_CONST &&
             whole->constant.type == V_STRING)
        i->hint = S("a number is written without quotes");
}

static const struct cel_type *arithmetic(struct cel_check *c, const struct cel_node *n) {
    static const struct {
        uint8_t op, left, right, result;
    } table[] = {
        {CEL_ADD, CEL_INT, CEL_INT, CEL_INT},
        {CEL_ADD, CEL_UINT, CEL_UINT, CEL_UINT},
        {CEL_ADD, CEL_DOUBLE, CEL_DOUBLE, CEL_DOUBLE},
        {CEL_ADD, CEL_STRING, CEL_STRING, CEL_STRING},
        {CEL_ADD, CEL_BYTES, CEL_BYTES, CEL_BYTES},
        {CEL_ADD, CEL_LIST, CEL_LIST, CEL_LIST},
        {CEL_ADD, CEL_TIMESTAMP, CEL_DURATION, CEL_TIMESTAMP},
        {CEL_ADD, CEL_DURATION, CEL_TIMESTAMP, CEL_TIMESTAMP},
        {CEL_ADD, CEL_DURATION, CEL_DURATION, CEL_DURATION},
        {CEL_SUB, CEL_INT, CEL_INT, CEL_INT},
        {CEL_SUB, CEL_UINT, CEL_UINT, CEL_UINT},
        {CEL_SUB, CEL_DOUBLE, CEL_DOUBLE, CEL_DOUBLE},
        {CEL_SUB, CEL_TIMESTAMP, CEL_TIMESTAMP, CEL_DURATION},
        {CEL_SUB, CEL_TIMESTAMP, CEL_DURATION, CEL_TIMESTAMP},
        {CEL_SUB, CEL_DURATION, CEL_DURATION, CEL_DURATION},
        {CEL_MUL, CEL_INT, CEL_INT, CEL_INT},
        {CEL_MUL, CEL_UINT, CEL_UINT, CEL_UINT},
        {CEL_MUL, CEL_DOUBLE, CEL_DOUBLE, CEL_DOUBLE},
        {CEL_DIV, CEL_INT, CEL_INT, CEL_INT},
        {CEL_DIV, CEL_UINT, CEL_UINT, CEL_UINT},
        {CEL_DIV, CEL_DOUBLE, CEL_DOUBLE, CEL_DOUBLE},
        {CEL_MOD, CEL_INT, CEL_INT, CEL_INT},
        {CEL_MOD, CEL_UINT, CEL_UINT, CEL_UINT},
    };
    const struct cel_type *l = n->args[0]->type, *r = n->args[1]->type, *result = NULL;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].op != n->op || (l->kind != CEL_DYN && l->kind != table[i].left) ||
            (r->kind != CEL_DYN && r->kind != table[i].right))
            continue;
        if (result && result->kind != table[i].result)
            return cel_type_of(CEL_DYN);
        result = cel_type_of((enum cel_kind)table[i].result);
    }
    if (result && result->kind == CEL_LIST)
        return cel_type_join(c, l->kind == CEL_DYN ? r : l, r->kind == CEL_DYN ? l : r);
    if (result)
        return result;
    if (c->env)
        no_operator(c, n, "");
    return cel_type_of(CEL_DYN);
}

static void comparison(struct cel_check *c, const struct cel_node *n) {
    enum cel_kind l = n->args[0]->type->kind, r = n->args[1]->type->kind;
    if (n->op == CEL_EQ || n->op == CEL_NE) {
        if (!comparable(l, r) && l != CEL_NULL && r != CEL_NULL)
            no_operator(c, n, ": they are never equal");
        return;
    }
    enum cel_kind known = l == CEL_DYN ? r : l;
    bool ordered = known != CEL_LIST && known != CEL_MAP && known != CEL_TYPE &&
                   known != CEL_NULL && known != CEL_OPTIONAL;
    if (!comparable(l, r) || !ordered)
        no_operator(c, n, "");
}

static void membership(struct cel_check *c, const struct cel_node *n) {
    const struct cel_type *l = n->args[0]->type, *r = n->args[1]->type;
    if (r->kind == CEL_DYN || (r->kind == CEL_MAP && l->kind != CEL_LIST))
        return;
    if (r->kind != CEL_LIST) {
        struct cel_issue *i =
            cel_issue_add(c->issues, n->args[1]->offset, n->args[1]->length,
                          "behind `in` a list is expected; this is %s", cel_kind_name(r->kind));
        if (i && r->kind == CEL_STRING)
            i->hint = S("write [ ] around the values, or text.contains(part)");
        return;
    }
    if (!comparable(l->kind, cel_type_element(r)->kind) && l->kind != CEL_NULL)
        cel_issue_add(c->issues, n->offset, n->length,
                      "this is never true: %s is looked for in a list of %s",
                      cel_kind_name(l->kind), cel_kind_name(cel_type_element(r)->kind));
}

const struct cel_type *cel_check_operator(struct cel_check *c, struct cel_node *n) {
    const struct cel_type *boolean = cel_type_of(CEL_BOOL);
    switch ((enum cel_op)n->op) {
    case CEL_NOT:
        cel_check_bool(c, n->args[0], "what `!` turns round");
        return boolean;
    case CEL_AND:
    case CEL_OR:
        for (uint32_t i = 0; i < n->n_args; i++)
            cel_check_bool(c, n->args[i],
                           n->op == CEL_AND ? "each side of `&&`" : "each side of `||`");
        return boolean;
    case CEL_COND:
        cel_check_bool(c, n->args[0], "what stands before `?`");
        return cel_type_join(c, n->args[1]->type, n->args[2]->type);
    case CEL_NEGATE: {
        enum cel_kind k = n->args[0]->type->kind;
        if (c->env && k != CEL_INT && k != CEL_DOUBLE && k != CEL_DYN)
            cel_issue_add(c->issues, n->offset, n->length, "`-` does not work with %s",
                          cel_kind_name(k));
        return k == CEL_INT || k == CEL_DOUBLE ? n->args[0]->type : cel_type_of(CEL_DYN);
    }
    case CEL_IN:
        if (c->env)
            membership(c, n);
        return boolean;
    case CEL_EQ:
    case CEL_NE:
    case CEL_LT:
    case CEL_LE:
    case CEL_GT:
    case CEL_GE:
        if (c->env)
            comparison(c, n);
        return boolean;
    default:
        return arithmetic(c, n);
    }
}

/* ---- functions */
static const struct cel_function *const tables[] = {
    cel_functions_convert,  cel_functions_strings,   cel_functions_math,
    cel_functions_time,     cel_functions_optionals, cel_functions_collections,
    cel_functions_encoders, cel_functions_godwit,
};
#define TABLES (sizeof tables / sizeof *tables)

static const struct cel_function *next_function(const struct cel_check *c, size_t *table,
                                                const struct cel_function *f) {
    f = f ? f + 1 : tables[*table];
    while (!f->name) {
        if (++*table == TABLES ||
            (tables[*table] == cel_functions_godwit && (!c || !c->env || !c->env->functions)))
            return NULL;
        f = tables[*table];
    }
    return f;
}

static bool is_member(const struct cel_function *f) {
    return f->args[0] == '.';
}

bool cel_function_exists(struct str name, bool member) {
    size_t table = 0;
    const struct cel_function *f = NULL;
    while ((f = next_function(NULL, &table, f)))
        if (is_member(f) == member && str_eq(name, str_from(f->name)))
            return true;
    return false;
}

const struct cel_type *cel_type_letter(char letter) {
    static const char letters[] = "*nbiudsytplmTo"; /* in the order of enum cel_kind */
    const char *at = letter ? strchr(letters, letter) : NULL;
    return cel_type_of(at ? (enum cel_kind)(at - letters) : CEL_DYN);
}

/* -1: the number of arguments does not fit; 0: types do not; 1: fits. */
static int fits(const struct cel_function *f, const struct cel_node *n) {
    const char *letters = f->args + is_member(f);
    size_t count = strlen(letters);
    bool variadic = count && letters[count - 1] == '+';
    if (variadic ? n->n_args < count - 1 : n->n_args != count)
        return -1;
    for (size_t i = 0; i < n->n_args; i++) {
        char letter = letters[variadic && i >= count - 1 ? count - 2 : i];
        enum cel_kind want = cel_type_letter(letter)->kind, have = n->args[i]->type->kind;
        if (want != CEL_DYN && have != CEL_DYN && want != have)
            return 0;
    }
    return 1;
}

static const struct cel_type *result_type(struct cel_check *c, const struct cel_function *f,
                                          const struct cel_node *n) {
    const struct cel_type *first = n->n_args ? n->args[0]->type : cel_type_of(CEL_DYN);
    switch (f->result[0]) {
    case '0': /* as the first argument */
        return first;
    case 'E': /* optional of an element */
        return cel_type_new(c, CEL_OPTIONAL, cel_type_element(first));
    case 'O': /* optional of the first argument */
        return cel_type_new(c, CEL_OPTIONAL, first);
    case 'V': /* what is in the optional */
        return cel_type_element(first);
    case 'S': /* list of strings */
        return cel_type_new(c, CEL_LIST, cel_type_of(CEL_STRING));
    default:
        return cel_type_letter(f->result[0]);
    }
}

static void unknown_function(struct cel_check *c, const struct cel_node *n) {
    struct str names[256];
    size_t count = 0, table = 0;
    const struct cel_function *f = NULL;
    while ((f = next_function(c, &table, f)) && count < 200)
        if (is_member(f) == n->member)
            names[count++] = str_from(f->name);
    if (!n->member && c->env->functions)
        count += cel_godwit_names(names + count, 256 - count);
    size_t at = n->member ? n->args[0]->offset + n->args[0]->length + 1 : n->offset;
    struct cel_issue *i =
        cel_issue_add(c->issues, at, n->name.n, "there is no function `%.*s`", STR_FMT(n->name));
    cel_issue_nearest(c->issues, i, n->name, names, count);
    if (i && !i->hint.n && cel_function_exists(n->name, !n->member))
        i->hint = n->member
                      ? str_printf(c->arena, "it is written %.*s(...)", STR_FMT(n->name))
                      : str_printf(c->arena, "it is written value.%.*s(...)", STR_FMT(n->name));
}

static void no_overload(struct cel_check *c, const struct cel_node *n, bool count_fits) {
    struct buf b = BUF_IN(c->arena);
    if (!count_fits) {
        cel_issue_add(c->issues, n->offset, n->length, "`%.*s` does not take %zu argument%s",
                      STR_FMT(n->name), (size_t)n->n_args - n->member,
                      n->n_args - n->member == 1 ? "" : "s");
        return;
    }
    for (uint32_t i = n->member; i < n->n_args; i++)
        buf_printf(&b, "%s%s", i > n->member ? ", " : "", cel_kind_name(n->args[i]->type->kind));
    if (n->member)
        cel_issue_add(c->issues, n->offset, n->length, "there is no `%.*s(%.*s)` for %s",
                      STR_FMT(n->name), STR_FMT(buf_str(&b)),
                      cel_kind_name(n->args[0]->type->kind));
    else
        cel_issue_add(c->issues, n->offset, n->length, "`%.*s` does not take (%.*s)",
                      STR_FMT(n->name), STR_FMT(buf_str(&b)));
}

const struct cel_type *cel_check_call(struct cel_check *c, struct cel_node *n) {
    const struct cel_function **found = ARENA_ARRAY(c->arena, const struct cel_function *, 16);
    const struct cel_type *result = NULL;
    size_t count = 0, table = 0;
    bool named = false, count_fits = false;
    const struct cel_function *f = NULL;
    while ((f = next_function(c, &table, f))) {
        if (is_member(f) != n->member || !str_eq(n->name, str_from(f->name)))
            continue;
        named = true;
        int fit = fits(f, n);
        count_fits = count_fits || fit >= 0;
        if (fit <= 0 || count == 16)
            continue;
        const struct cel_type *t = result_type(c, f, n);
        c->filter_alone = c->filter_alone && f->result[1] != '!';
        result = result ? cel_type_join(c, result, t) : t;
        found[count++] = f;
    }
    n->overloads = found;
    n->n_overloads = count;
    if (c->env && !named)
        unknown_function(c, n);
    else if (c->env && count == 0)
        no_overload(c, n, count_fits);
    return result ? result : cel_type_of(CEL_DYN);
}
