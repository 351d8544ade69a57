/* SPDX-License-Identifier: Apache-2.0
 *
 * From source to program, and from program to value.
 */
#include "config.h"

#include "rules/cel_internal.h"

static struct cel_program *compile(struct arena *a, const struct cel_env *env, struct str source,
                                   struct cel_issues *issues) {
    size_t before = issues->errors;
    struct cel_program *p = ARENA_NEW(a, struct cel_program);
    p->source = str_dup(a, source);
    p->env = env;
    struct cel_node *root = cel_parse(a, p->source, issues);
    if (!root || !cel_check(a, env, root, p, issues))
        return NULL;
    cel_lower(a, p, root, issues);
    if (issues->errors != before)
        return NULL;
    p->root = root;
    cel_uses_collect(a, p);
    return p;
}

const struct cel_program *cel_compile(struct arena *a, const struct cel_env *env, struct str source,
                                      struct cel_issues *issues) {
    return compile(a, env, source, issues);
}

const struct cel_program *cel_compile_condition(struct arena *a, const struct cel_env *env,
                                                struct str source, struct cel_issues *issues) {
    struct cel_program *p = compile(a, env, source, issues);
    if (!p || p->root->type->kind == CEL_BOOL || p->root->type->kind == CEL_DYN)
        return p;
    struct cel_issue *i = cel_issue_add(issues, p->root->offset, p->root->length,
                                        "a condition must be true or false; this is %s",
                                        cel_kind_name(p->root->type->kind));
    if (i && p->root->type->kind == CEL_INT)
        i->hint = S("compare it, as in count(\"order.placed\", \"30d\") > 0");
    return NULL;
}

struct str cel_program_source(const struct cel_program *p) {
    return p->source;
}

const struct cel_type *cel_program_type(const struct cel_program *p) {
    return p->root->type;
}

const struct cel_uses *cel_program_uses(const struct cel_program *p) {
    return &p->uses;
}

bool cel_program_constant(const struct cel_program *p, struct value *out) {
    if (p->root->op != CEL_CONST)
        return false;
    *out = p->root->constant;
    return true;
}

struct cel_run cel_run_begin(const struct cel_program *p, const struct cel_activation *act,
                             struct arena *a) {
    struct cel_run run = {.act = act, .arena = a, .steps = act->steps ? act->steps : CEL_STEPS};
    if (p->n_locals)
        run.locals = ARENA_ARRAY(a, struct value, p->n_locals);
    return run;
}

bool cel_eval_missing(const struct cel_program *p, const struct cel_activation *act,
                      struct arena *a, struct value *out, bool *missing, struct err *e) {
    struct cel_run run = cel_run_begin(p, act, a);
    struct value v = cel_eval_node(p->root, &run);
    if (__builtin_expect(!cel_is_error(v) && !run.exhausted, 1)) {
        *out = v;
        return true;
    }
    if (run.exhausted)
        v = cel_error(CEL_E_STEPS, p->root);
    *missing = cel_error_is_absence(v);
    struct str text = cel_error_text(a, v);
    return err_set(e, ERR_INPUT, "%.*s", STR_FMT(text));
}

bool cel_eval(const struct cel_program *p, const struct cel_activation *act, struct arena *a,
              struct value *out, struct err *e) {
    bool missing;
    return cel_eval_missing(p, act, a, out, &missing, e);
}
