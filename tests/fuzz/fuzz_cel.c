/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as a condition: refused with issues that lie inside the text, or
 * compiled, evaluated and explained within the limits. Compiled twice, with a
 * workspace's declarations and with nothing known; where both give a value it is the
 * same one.
 */
#include "config.h"

#include "base/arena.h"
#include "rules/cel_sql.h"
#include "rules/trigger.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cel_field variables[] = {
    {S("event"), NULL}, {S("customer"), NULL}, {S("x"), NULL}};
static const struct cel_env env = {.variables = variables, .n_variables = 3, .functions = true};

static void check_issues(const struct cel_issues *issues, struct str source) {
    if (issues->n == 0 || issues->errors == 0)
        abort();
    for (size_t i = 0; i < issues->n; i++)
        if (issues->list[i].offset > source.n || issues->list[i].length > source.n ||
            !issues->list[i].text.n)
            abort();
}

static const struct behaviour_log *behaviour(void *ctx, const struct cel_behaviour_use *use) {
    return use->event.n % 2 ? ctx : NULL;
}

static bool yes(void *ctx, struct str name, bool *out, struct err *e) {
    (void)ctx;
    (void)e;
    *out = name.n % 2;
    return true;
}

static struct value thing(struct arena *a, int depth) {
    struct map *m = map_new(a, 0);
    struct list *l = list_new(a, 0);
    map_set_str(a, m, S("name"), value_str(S("order")));
    map_set_str(a, m, S("n"), value_int(-3));
    map_set_str(a, m, S("d"), value_double(2.5));
    map_set_str(a, m, S("text"), value_str(S("\xc3\xa9t\xc3\xa9 \xf0\x9f\x90\xb1 a")));
    map_set_str(a, m, S("at"), value_timestamp(1795219200, 5));
    for (int i = 0; i < 4; i++)
        list_add(a, l, i % 2 ? value_int(i) : value_str(S("a")));
    map_set_str(a, m, S("list"), value_list(l));
    if (depth)
        map_set_str(a, m, S("more"), thing(a, depth - 1));
    return value_map(m);
}

static bool is_value(const struct cel_program *p, const struct cel_activation *act, struct arena *a,
                     struct str *out) {
    struct value v;
    struct err e = ERR_INIT;
    struct buf b = BUF_IN(a);
    if (!cel_eval(p, act, a, &v, &e)) {
        if (e.kind != ERR_INPUT || !e.text[0])
            abort();
        return false;
    }
    cel_write_value(&b, v, 300);
    *out = buf_str(&b);
    return true;
}

/* Every $N of the SQL has its parameter, and the index takes the program. */
static void check_derived(const struct cel_program *p, struct arena *a, const struct value *slots) {
    static const struct cel_sql_column columns[] = {
        {S("customer"), S("c.attributes"), CEL_SQL_JSON},
        {S("customer.name"), S("c.name"), CEL_SQL_TEXT}};
    struct cel_sql_scope scope = {.columns = columns,
                                  .n_columns = 2,
                                  .events = S("godwit.events e where e.customer = c.key"),
                                  .properties = S("e.properties"),
                                  .key = S("c.key")};
    struct cel_sql q = cel_sql_where(p, &scope, 1, a);
    for (size_t i = 0; i < q.text.n; i++) {
        size_t number = 0;
        if (q.text.p[i] != '$')
            continue;
        while (i + 1 < q.text.n && q.text.p[i + 1] >= '0' && q.text.p[i + 1] <= '9')
            number = number * 10 + (size_t)(q.text.p[++i] - '0');
        if (number == 0 || number > q.n_params)
            abort();
    }
    uint32_t found[1];
    struct trigger_index *ix = trigger_index_new(a, &env);
    trigger_index_add(ix, 0, S("order"), p);
    struct cel_activation act = {.slots = slots, .n_slots = 3};
    struct value v;
    struct err e;
    if (trigger_index_match(ix, S("order"), slots, 3, found) == 0 && cel_eval(p, &act, a, &v, &e) &&
        v.type == V_BOOL && v.u.b)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct str properties[] = {S("amount")};
    struct arena *a = arena_new(0);
    struct str source = str_of((const char *)data, size), one, two;
    struct cel_issues issues, dynamic_issues;
    struct value slots[] = {thing(a, 1), thing(a, 0), value_str(S("text"))};
    struct value amounts[] = {value_int(1), value_double(2.5), VALUE_NULL};
    struct behaviour_entry entries[] = {
        {0, 1, &amounts[0]}, {5, 2, &amounts[1]}, {5, 3, &amounts[2]}};
    struct behaviour_log log = {
        .properties = properties, .n_properties = 1, .entries = entries, .n = 3};
    struct map *bindings = map_new(a, 0);
    for (int i = 0; i < 3; i++)
        map_set_str(a, bindings, variables[i].name, slots[i]);
    struct cel_activation act = {.slots = slots,
                                 .n_slots = 3,
                                 .bindings = bindings,
                                 .now_us = 10,
                                 .at = {10, INT64_MAX},
                                 .ctx = &log,
                                 .behaviour = behaviour,
                                 .in_segment = yes,
                                 .responded = yes,
                                 .steps = 20000};
    cel_issues_init(&issues, a);
    cel_issues_init(&dynamic_issues, a);
    const struct cel_program *p = cel_compile(a, &env, source, &issues);
    const struct cel_program *dynamic = cel_compile(a, NULL, source, &dynamic_issues);
    if (!p)
        check_issues(&issues, source);
    if (!dynamic)
        check_issues(&dynamic_issues, source);
    if (p && !dynamic)
        abort();
    bool first = p && is_value(p, &act, a, &one),
         second = dynamic && is_value(dynamic, &act, a, &two);
    if (first && second && !str_eq(one, two))
        abort();
    size_t n;
    if (p) {
        cel_explain(p, &act, a);
        cel_program_requires(p, a, &n);
        check_derived(p, a, slots);
        if (cel_next_change(p, &act, a) <= act.now_us)
            abort();
    }
    arena_free(a);
    return 0;
}
