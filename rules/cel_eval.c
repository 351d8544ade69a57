/* SPDX-License-Identifier: Apache-2.0
 *
 * Evaluates nodes that read values or decide what is evaluated. Each node carries
 * the function that evaluates it; an error is a value that && || ?: and the loops
 * may absorb.
 */
#include "config.h"

#include "rules/cel_internal.h"

#include "base/wallclock.h"

#include <stdarg.h>

/* ---- errors */
static struct value error_of(struct cel_run *run, enum cel_error_code code, const char *fmt,
                             va_list ap) {
    struct str *text = ARENA_NEW(run->arena, struct str);
    *text = str_vprintf(run->arena, fmt, ap);
    return (struct value){.type = CEL_V_ERROR, .flags = (uint8_t)code, .u.ext = text};
}

struct value cel_fail(struct cel_run *run, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    struct value v = error_of(run, CEL_E_TEXT, fmt, ap);
    va_end(ap);
    return v;
}

struct value cel_absent(struct cel_run *run, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    struct value v = error_of(run, CEL_E_ABSENT, fmt, ap);
    va_end(ap);
    return v;
}

bool cel_error_is_absence(struct value error) {
    return error.flags == CEL_E_KEY || error.flags == CEL_E_ABSENT;
}

struct str cel_error_text(struct arena *a, struct value error) {
    const struct cel_node *n = error.u.ext;
    switch ((enum cel_error_code)error.flags) {
    case CEL_E_TEXT:
    case CEL_E_ABSENT:
        return *(const struct str *)error.u.ext;
    case CEL_E_KEY:
        return str_printf(a, "there is no `%.*s` here; ask with has(...) first", STR_FMT(n->name));
    case CEL_E_UNBOUND:
        return str_printf(a, "`%.*s` has no value here", STR_FMT(n->name));
    case CEL_E_STEPS:
        return S("the expression takes too much work; make it simpler");
    case CEL_E_OVERLOAD:
        break;
    }
    if (n->op == CEL_CALL)
        return str_printf(a, "`%.*s` does not take values of these types", STR_FMT(n->name));
    if (n->op == CEL_LOOP)
        return S("a loop goes over a list or a map, and its condition must be true or false");
    return str_printf(a, "`%s` does not work with values of these types",
                      cel_op_name((enum cel_op)n->op));
}

/* ---- reading */
static struct value eval_constant(const struct cel_node *n, struct cel_run *run) {
    (void)run;
    return n->constant;
}

static struct value eval_local(const struct cel_node *n, struct cel_run *run) {
    return run->locals[n->slot];
}

static inline struct value read_slot(const struct cel_node *n, struct cel_run *run) {
    if (n->slot >= run->act->n_slots || run->act->slots[n->slot].type == CEL_V_UNBOUND)
        return cel_error(CEL_E_UNBOUND, n);
    return run->act->slots[n->slot];
}

static struct value eval_slot(const struct cel_node *n, struct cel_run *run) {
    struct value v = read_slot(n, run);
    return n->coerce && !cel_is_error(v) ? cel_declared(n, run, v) : v;
}

static struct value eval_now(const struct cel_node *n, struct cel_run *run) {
    (void)n;
    int64_t us = run->act->now_us, s = us / WALLCLOCK_US_PER_S, rest = us % WALLCLOCK_US_PER_S;
    if (rest < 0) {
        rest += WALLCLOCK_US_PER_S;
        s--;
    }
    return value_timestamp(s, (uint32_t)rest * 1000);
}

/* Nothing was declared: the longest bound prefix, then a type, then fields. */
static struct value eval_name(const struct cel_node *n, struct cel_run *run) {
    const struct value *found = NULL;
    struct value v;
    size_t i = 0;
    for (; i < n->n_names && run->act->bindings; i++)
        if ((found = map_get_str(run->act->bindings, n->names[i]))) {
            v = *found;
            break;
        }
    if (!found)
        for (i = 0; i < n->n_names; i++)
            if (cel_type_by_name(n->names[i], &v))
                break;
    if (i == n->n_names)
        return cel_fail(run, "unknown name `%.*s`", STR_FMT(n->names[n->n_names - 1]));
    for (size_t k = n->n_names - i; k < n->n_names; k++) {
        struct cel_node field = {.op = CEL_SELECT, .name = n->names[n->n_names + k]};
        field.hash = str_hash(field.name);
        v = cel_select(&field, run, v);
        if (v.type == CEL_V_ERROR && v.flags == CEL_E_KEY)
            return cel_absent(run, "there is no `%.*s` here; ask with has(...) first",
                              STR_FMT(field.name));
        if (cel_is_error(v))
            return v;
    }
    return v;
}

/* ---- fields and elements */
static struct value refuse_type(const struct cel_node *n, struct cel_run *run, struct value v) {
    if (!cel_coerce(run->arena, n->coerce, &v))
        return cel_fail(run, "`%.*s` is declared as %s but holds %s", STR_FMT(n->name),
                        cel_kind_name(n->coerce->kind), cel_kind_name(cel_kind_of(v)));
    return v;
}

struct value cel_declared(const struct cel_node *n, struct cel_run *run, struct value v) {
    if (n->coerce->kind == CEL_MAP && v.type == V_MAP)
        return v;
    if (n->coerce->kind == cel_kind_of(v) && v.type != V_LIST)
        return v;
    return refuse_type(n, run, v);
}

static inline struct value field_of_map(const struct cel_node *n, struct cel_run *run,
                                        const struct map *m, bool optional) {
    const struct value *p = map_get_hashed(m, n->name, n->hash);
    if (!p)
        return optional ? cel_optional_none() : cel_error(CEL_E_KEY, n);
    struct value v = n->coerce ? cel_declared(n, run, *p) : *p;
    return optional && !cel_is_error(v) ? cel_optional(run->arena, v) : v;
}

struct value cel_select(const struct cel_node *n, struct cel_run *run, struct value of) {
    bool optional = n->optional;
    if (of.type == CEL_V_OPTIONAL) {
        const struct value *inner = cel_optional_value(of);
        if (!inner)
            return of;
        of = *inner;
        optional = true;
    }
    if (of.type == V_MAP)
        return field_of_map(n, run, of.u.map, optional);
    if (cel_is_error(of))
        return of;
    return cel_fail(run, "`%.*s` is looked for in %s, which has no fields", STR_FMT(n->name),
                    cel_kind_name(cel_kind_of(of)));
}

static struct value eval_select(const struct cel_node *n, struct cel_run *run) {
    return cel_select(n, run, cel_eval_node(n->args[0], run));
}

/* variable.field, the common case, without a call in between. */
static struct value eval_select_slot(const struct cel_node *n, struct cel_run *run) {
    struct value of = read_slot(n->args[0], run);
    if (__builtin_expect(of.type == V_MAP, 1))
        return field_of_map(n, run, of.u.map, false);
    return cel_select(n, run, of);
}

static struct value eval_has(const struct cel_node *n, struct cel_run *run) {
    struct value of = cel_eval_node(n->args[0], run);
    if (of.type == CEL_V_OPTIONAL) {
        const struct value *inner = cel_optional_value(of);
        if (!inner)
            return value_bool(false);
        of = *inner;
    }
    if (of.type == V_MAP)
        return value_bool(map_get_hashed(of.u.map, n->name, n->hash) != NULL);
    if (cel_is_error(of))
        return of;
    return cel_fail(run, "has() asks for `%.*s` in %s, which has no fields", STR_FMT(n->name),
                    cel_kind_name(cel_kind_of(of)));
}

static const struct value *list_at(const struct list *l, struct value key, bool *is_index) {
    int64_t i = -1;
    *is_index = true;
    if (key.type == V_INT)
        i = key.u.i;
    else if (key.type == V_UINT)
        i = key.u.u < l->n ? (int64_t)key.u.u : -1;
    else if (key.type != V_DOUBLE || !cel_double_to_int(key.u.d, &i) || (double)i != key.u.d)
        *is_index = false;
    return *is_index && i >= 0 && (uint64_t)i < l->n ? &l->v[i] : NULL;
}

struct value cel_element(const struct cel_node *n, struct cel_run *run, struct value of,
                         struct value key) {
    bool optional = n->optional, is_index = true;
    if (of.type == CEL_V_OPTIONAL) {
        const struct value *inner = cel_optional_value(of);
        if (!inner)
            return of;
        of = *inner;
        optional = true;
    }
    const struct value *p;
    if (of.type == V_MAP) {
        p = cel_map_find(of.u.map, key);
        if (!p && !cel_is_map_key(key) && key.type != V_DOUBLE)
            return cel_fail(run, "%s cannot be a key of a map", cel_kind_name(cel_kind_of(key)));
    } else if (of.type == V_LIST) {
        p = list_at(of.u.list, key, &is_index);
        if (!is_index)
            return cel_fail(run, "the index of a list is an int from 0");
    } else {
        return cel_error(CEL_E_OVERLOAD, n);
    }
    if (!p && optional)
        return cel_optional_none();
    if (!p)
        return of.type == V_LIST ? cel_absent(run, "the list has no element at this index")
                                 : cel_absent(run, "the map has no such key");
    struct value v = n->coerce ? cel_declared(n, run, *p) : *p;
    return optional && !cel_is_error(v) ? cel_optional(run->arena, v) : v;
}

static struct value eval_index(const struct cel_node *n, struct cel_run *run) {
    struct value of = cel_eval_node(n->args[0], run);
    if (cel_is_error(of))
        return of;
    struct value key = cel_eval_node(n->args[1], run);
    return cel_is_error(key) ? key : cel_element(n, run, of, key);
}

/* ---- literals of lists and maps */
/* An element behind `?`: false when it is to be left out, or *v is an error. */
static bool present(struct cel_run *run, struct value *v) {
    if (v->type != CEL_V_OPTIONAL) {
        *v = cel_fail(run, "behind ? an optional is expected, not %s",
                      cel_kind_name(cel_kind_of(*v)));
        return true;
    }
    const struct value *inner = cel_optional_value(*v);
    if (inner)
        *v = *inner;
    return inner != NULL;
}

static struct value eval_list(const struct cel_node *n, struct cel_run *run) {
    struct list *l = list_new(run->arena, n->n_args);
    if (!cel_step(run, n->n_args))
        return cel_error(CEL_E_STEPS, n);
    for (uint32_t i = 0; i < n->n_args; i++) {
        struct value v = cel_eval_node(n->args[i], run);
        if (cel_is_error(v))
            return v;
        if (n->optionals[i] && !present(run, &v))
            continue;
        if (cel_is_error(v))
            return v;
        list_add(run->arena, l, v);
    }
    return value_list(l);
}

static struct value eval_map(const struct cel_node *n, struct cel_run *run) {
    struct map *m = map_new(run->arena, n->n_args / 2);
    if (!cel_step(run, n->n_args))
        return cel_error(CEL_E_STEPS, n);
    for (uint32_t i = 0; i < n->n_args; i += 2) {
        struct value key = cel_eval_node(n->args[i], run);
        if (cel_is_error(key))
            return key;
        struct value v = cel_eval_node(n->args[i + 1], run);
        if (cel_is_error(v))
            return v;
        if (!cel_is_map_key(key))
            return cel_fail(run, "%s cannot be a key of a map", cel_kind_name(cel_kind_of(key)));
        if (n->optionals[i] && !present(run, &v))
            continue;
        if (cel_is_error(v))
            return v;
        if (cel_map_find(m, key)) /* 1 and 1u are the same key */
            return cel_fail(run, "a key stands in the map twice");
        map_set(run->arena, m, key, v);
    }
    return value_map(m);
}

/* ---- control */
static inline struct value not_bool(const struct cel_node *n, struct value v) {
    return cel_is_error(v) ? v : cel_error(CEL_E_OVERLOAD, n);
}

static struct value eval_and(const struct cel_node *n, struct cel_run *run) {
    struct value result = value_bool(true);
    for (uint32_t i = 0; i < n->n_args; i++) {
        struct value v = cel_eval_node(n->args[i], run);
        if (v.type != V_BOOL)
            result = cel_is_error(result) ? result : not_bool(n, v);
        else if (!v.u.b)
            return v;
    }
    return result;
}

static struct value eval_or(const struct cel_node *n, struct cel_run *run) {
    struct value result = value_bool(false);
    for (uint32_t i = 0; i < n->n_args; i++) {
        struct value v = cel_eval_node(n->args[i], run);
        if (v.type != V_BOOL)
            result = cel_is_error(result) ? result : not_bool(n, v);
        else if (v.u.b)
            return v;
    }
    return result;
}

static struct value eval_not(const struct cel_node *n, struct cel_run *run) {
    struct value v = cel_eval_node(n->args[0], run);
    return v.type == V_BOOL ? value_bool(!v.u.b) : not_bool(n, v);
}

static struct value eval_cond(const struct cel_node *n, struct cel_run *run) {
    struct value v = cel_eval_node(n->args[0], run);
    if (v.type != V_BOOL)
        return not_bool(n, v);
    return cel_eval_node(n->args[v.u.b ? 1 : 2], run);
}

static struct value eval_bind(const struct cel_node *n, struct cel_run *run) {
    struct value v = cel_eval_node(n->args[0], run);
    if (cel_is_error(v))
        return v;
    if (n->op != CEL_BIND) {
        if (v.type != CEL_V_OPTIONAL)
            return cel_error(CEL_E_OVERLOAD, n);
        const struct value *inner = cel_optional_value(v);
        if (!inner)
            return v;
        v = *inner;
    }
    run->locals[n->slot] = v;
    v = cel_eval_node(n->args[1], run);
    if (n->op == CEL_OPTMAP && !cel_is_error(v))
        return cel_optional(run->arena, v);
    if (n->op == CEL_OPTFLATMAP && !cel_is_error(v) && v.type != CEL_V_OPTIONAL)
        return cel_error(CEL_E_OVERLOAD, n);
    return v;
}

/* ---- calls */
static bool matches(const struct cel_function *f, const struct value *args, size_t n) {
    static const char letter_of[] = {
        [V_NULL] = 'n',        [V_BOOL] = 'b',      [V_INT] = 'i',      [V_UINT] = 'u',
        [V_DOUBLE] = 'd',      [V_STRING] = 's',    [V_BYTES] = 'y',    [V_LIST] = 'l',
        [V_MAP] = 'm',         [V_TIMESTAMP] = 't', [V_DURATION] = 'p', [CEL_V_TYPE] = 'T',
        [CEL_V_OPTIONAL] = 'o'};
    const char *want = f->args + (f->args[0] == '.');
    for (size_t i = 0; i < n; i++) {
        if (*want != '*' && *want != letter_of[args[i].type])
            return false;
        if (want[1] != '+')
            want++;
    }
    return true;
}

static struct value eval_call(const struct cel_node *n, struct cel_run *run) {
    struct value few[6], *args = few;
    if (!cel_step(run, 1))
        return cel_error(CEL_E_STEPS, n);
    if (n->n_args > sizeof few / sizeof *few)
        args = arena_alloc(run->arena, n->n_args * sizeof *args);
    for (uint32_t i = 0; i < n->n_args; i++) {
        args[i] = cel_eval_node(n->args[i], run);
        if (cel_is_error(args[i]))
            return args[i];
    }
    for (size_t i = 0; i < n->n_overloads; i++)
        if (matches(n->overloads[i], args, n->n_args))
            return n->overloads[i]->call(run, n, args);
    return cel_error(CEL_E_OVERLOAD, n);
}

static struct value ask(const struct cel_node *n, struct cel_run *run) {
    bool yes = false;
    struct err e = ERR_INIT;
    bool (*fn)(void *, struct str, bool *, struct err *) =
        n->op == CEL_SEGMENT ? run->act->in_segment : run->act->responded;
    if (!fn)
        return cel_fail(run, "%s is not known here",
                        n->op == CEL_SEGMENT ? "membership of segments" : "the response");
    if (!fn(run->act->ctx, n->name, &yes, &e))
        return cel_fail(run, "%s", e.text);
    return value_bool(yes);
}

cel_eval_fn cel_eval_of(const struct cel_node *n) {
    switch ((enum cel_op)n->op) {
    case CEL_CONST:
        return eval_constant;
    case CEL_LOCAL:
        return eval_local;
    case CEL_SLOT:
        return eval_slot;
    case CEL_NAME:
        return eval_name;
    case CEL_NOW:
        return eval_now;
    case CEL_IT:
        return cel_it_eval;
    case CEL_SELECT:
        return n->args[0]->op == CEL_SLOT && !n->optional ? eval_select_slot : eval_select;
    case CEL_HAS:
        return eval_has;
    case CEL_INDEX:
        return eval_index;
    case CEL_MAKE_LIST:
        return eval_list;
    case CEL_MAKE_MAP:
        return eval_map;
    case CEL_NOT:
        return eval_not;
    case CEL_AND:
        return eval_and;
    case CEL_OR:
        return eval_or;
    case CEL_COND:
        return eval_cond;
    case CEL_CALL:
        return eval_call;
    case CEL_LOOP:
        return cel_loop_eval;
    case CEL_BIND:
    case CEL_OPTMAP:
    case CEL_OPTFLATMAP:
        return eval_bind;
    case CEL_BEHAVIOUR:
        return cel_behaviour_eval;
    case CEL_SEGMENT:
    case CEL_RESPONDED:
        return ask;
    default:
        return cel_operator_of(n);
    }
}
