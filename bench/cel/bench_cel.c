/* SPDX-License-Identifier: Apache-2.0
 *
 * Evaluates one condition over prepared inputs as often as it can for some
 * seconds; bench/cel.sh runs it beside npm @bufbuild/cel on the same inputs.
 * Prints "evaluations-per-second hits-per-round".
 */
#include "config.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "rules/cel.h"

#include <stdio.h>
#include <stdlib.h>

#define INPUTS 3000
#define SOURCE \
    "event.name == \"order\" && event.total > 50.0 && customer.country in [\"TW\",\"HK\"]"

/* The same few lines as in bench_cel.mjs, so that both see the same inputs. */
static uint32_t draw(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static struct value event(struct arena *a, uint32_t *state) {
    static const struct str names[] = {S("order"), S("order"), S("visit")};
    struct map *m = map_new(a, 4);
    map_set_str(a, m, S("name"), value_str(names[draw(state) % 3]));
    map_set_str(a, m, S("total"), value_double(draw(state) % 1000 / 10.0));
    map_set_str(a, m, S("currency"), value_str(S("TWD")));
    return value_map(m);
}

static struct value customer(struct arena *a, uint32_t *state) {
    static const struct str countries[] = {S("TW"), S("HK"), S("JP"), S("US"), S("DE")};
    struct map *m = map_new(a, 4);
    map_set_str(a, m, S("key"), value_str(S("c-1")));
    map_set_str(a, m, S("country"), value_str(countries[draw(state) % 5]));
    map_set_str(a, m, S("locale"), value_str(S("zh-TW")));
    return value_map(m);
}

static size_t one_round(const struct cel_program *p, struct value (*inputs)[2],
                        struct arena *batch) {
    size_t hits = 0;
    struct value v;
    struct err e;
    arena_reset(batch);
    for (size_t i = 0; i < INPUTS; i++) {
        struct cel_activation act = {.slots = inputs[i], .n_slots = 2};
        if (cel_eval(p, &act, batch, &v, &e) && v.type == V_BOOL && v.u.b)
            hits++;
    }
    return hits;
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2.0;
    struct arena *a = arena_new(1 << 20), *batch = arena_new(1 << 20);
    static const struct cel_field variables[] = {{S("event"), NULL}, {S("customer"), NULL}};
    struct cel_env env = {.variables = variables, .n_variables = 2};
    struct cel_issues issues;
    static struct value inputs[INPUTS][2];
    uint32_t state = 42;
    for (size_t i = 0; i < INPUTS; i++) {
        inputs[i][0] = event(a, &state);
        inputs[i][1] = customer(a, &state);
    }
    cel_issues_init(&issues, a);
    const struct cel_program *p = cel_compile_condition(a, &env, S(SOURCE), &issues);
    if (!p) {
        fprintf(stderr, "%.*s\n", STR_FMT(issues.list[0].text));
        return 1;
    }
    size_t hits = one_round(p, inputs, batch), rounds = 0;
    int64_t start = wallclock_now(), now = start;
    while ((now = wallclock_now()) - start < (int64_t)(seconds * 1e6)) {
        if (one_round(p, inputs, batch) != hits)
            return 1;
        rounds++;
    }
    printf("%.0f %zu\n", (double)rounds * INPUTS / ((double)(now - start) / 1e6), hits);
    arena_free(batch);
    arena_free(a);
    return 0;
}
