/* SPDX-License-Identifier: Apache-2.0
 *
 * Optionals: a value or nothing, as .? and [?] give them.
 */
#include "config.h"

#include "rules/cel_internal.h"

#define ARGS struct cel_run *run, const struct cel_node *n, const struct value *args

static struct value of(ARGS) {
    (void)n;
    return cel_optional(run->arena, args[0]);
}

static struct value of_non_zero(ARGS) {
    (void)n;
    return cel_is_zero_value(args[0]) ? cel_optional_none() : cel_optional(run->arena, args[0]);
}

static struct value none(ARGS) {
    (void)run;
    (void)n;
    (void)args;
    return cel_optional_none();
}

static struct value has_value(ARGS) {
    (void)run;
    (void)n;
    return value_bool(cel_optional_value(args[0]) != NULL);
}

static struct value value(ARGS) {
    (void)n;
    const struct value *v = cel_optional_value(args[0]);
    return v ? *v : cel_fail(run, "the optional holds no value");
}

static struct value or (ARGS) {
    (void)run;
    (void)n;
    return cel_optional_value(args[0]) ? args[0] : args[1];
}

static struct value or_value(ARGS) {
    (void)run;
    (void)n;
    const struct value *v = cel_optional_value(args[0]);
    return v ? *v : args[1];
}

/* The values of a list of optionals, without the empty ones. */
static struct value unwrap(ARGS) {
    const struct list *from = args[0].u.list;
    struct list *l = list_new(run->arena, 0);
    if (!cel_step(run, from->n))
        return cel_error(CEL_E_STEPS, n);
    for (size_t i = 0; i < from->n; i++) {
        if (from->v[i].type != CEL_V_OPTIONAL)
            return cel_error(CEL_E_OVERLOAD, n);
        if (cel_optional_value(from->v[i]))
            list_add(run->arena, l, *cel_optional_value(from->v[i]));
    }
    return value_list(l);
}

static struct value first(ARGS) {
    (void)n;
    const struct list *l = args[0].u.list;
    return l->n ? cel_optional(run->arena, l->v[0]) : cel_optional_none();
}

static struct value last(ARGS) {
    (void)n;
    const struct list *l = args[0].u.list;
    return l->n ? cel_optional(run->arena, l->v[l->n - 1]) : cel_optional_none();
}

const struct cel_function cel_functions_optionals[] = {
    {"optional.of", "*", "O", of},     {"optional.ofNonZeroValue", "*", "O", of_non_zero},
    {"optional.none", "", "o", none},  {"optional.unwrap", "l", "l", unwrap},
    {"unwrapOpt", ".l", "l", unwrap},  {"hasValue", ".o", "b", has_value},
    {"value", ".o", "V", value},       {"or", ".oo", "0", or },
    {"orValue", ".o*", "V", or_value}, {"first", ".l", "E", first},
    {"last", ".l", "E", last},         {0},
};
