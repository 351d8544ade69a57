/* SPDX-License-Identifier: Apache-2.0
 *
 * Events against many rules: the index finds the rules that could match, their
 * audiences are evaluated. Rules have five conditions as in the be-tree
 * measurement: the event's name, a band of totals, a pair of countries, points.
 * One run has 10,000 rules of which 1 % share the event's name, one only those
 * 100. Prints both speeds; fails when a goal is missed.
 */
#include "config.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "rules/trigger.h"

#include <stdio.h>
#include <stdlib.h>

#define EVENTS 2000
#define SHARING 100
#define GOAL 50000

static uint32_t draw(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static const char *const countries[] = {"TW", "HK", "JP", "US", "DE", "FR", "GB", "KR"};

struct world {
    struct arena *arena;
    struct trigger_index *index;
    const struct cel_program **programs;
    uint32_t *found;
    struct value (*events)[2];
};

static const struct cel_program *rule(struct arena *a, const struct cel_env *env, uint32_t *state) {
    struct cel_issues issues;
    cel_issues_init(&issues, a);
    unsigned low = draw(state) % 80, first = draw(state) % 8;
    struct str source = str_printf(
        a,
        "event.total >= %u.0 && event.total < %u.0 && customer.country in [\"%s\", \"%s\"] "
        "&& customer.points >= %u",
        low, low + 20, countries[first], countries[(first + 1 + draw(state) % 7) % 8],
        draw(state) % 500);
    return cel_compile_condition(a, env, source, &issues);
}

/* The first SHARING rules wait for "order" and are the same in every world. */
static void build(struct world *w, const struct cel_env *env, size_t rules) {
    uint32_t state = 7;
    w->arena = arena_new(1 << 20);
    w->index = trigger_index_new(w->arena, env);
    w->programs = ARENA_ARRAY(w->arena, const struct cel_program *, rules);
    w->found = ARENA_ARRAY(w->arena, uint32_t, rules);
    for (size_t i = 0; i < rules; i++) {
        w->programs[i] = rule(w->arena, env, &state);
        if (!w->programs[i])
            abort();
        struct str name =
            i < SHARING ? S("order") : str_printf(w->arena, "event-%zu", (i - SHARING) % 99);
        trigger_index_add(w->index, (uint32_t)i, name, w->programs[i]);
    }
}

static void make_events(struct arena *a, struct value (*events)[2]) {
    uint32_t state = 11;
    for (size_t i = 0; i < EVENTS; i++) {
        struct map *event = map_new(a, 4), *customer = map_new(a, 4);
        map_set_str(a, event, S("name"), value_str(S("order")));
        map_set_str(a, event, S("total"), value_double(draw(&state) % 1000 / 10.0));
        map_set_str(a, customer, S("country"), value_str(str_from(countries[draw(&state) % 8])));
        map_set_str(a, customer, S("points"), value_int(draw(&state) % 1000));
        events[i][0] = value_map(event);
        events[i][1] = value_map(customer);
    }
}

static size_t one_round(const struct world *w, struct arena *batch) {
    size_t hits = 0;
    struct value v;
    struct err e;
    arena_reset(batch);
    for (size_t i = 0; i < EVENTS; i++) {
        struct cel_activation act = {.slots = w->events[i], .n_slots = 2};
        size_t n = trigger_index_match(w->index, S("order"), act.slots, 2, w->found);
        for (size_t k = 0; k < n; k++)
            hits += cel_eval(w->programs[w->found[k]], &act, batch, &v, &e) && v.u.b;
    }
    return hits;
}

static double speed(const struct world *w, double seconds, size_t *hits) {
    struct arena *batch = arena_new(1 << 20);
    size_t rounds = 0;
    *hits = one_round(w, batch);
    int64_t start = wallclock_now(), now = start;
    while ((now = wallclock_now()) - start < (int64_t)(seconds * 1e6)) {
        one_round(w, batch);
        rounds++;
    }
    arena_free(batch);
    return (double)rounds * EVENTS / ((double)(now - start) / 1e6);
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2.0;
    static const struct cel_field variables[] = {{S("event"), NULL}, {S("customer"), NULL}};
    struct cel_env env = {.variables = variables, .n_variables = 2};
    static struct value events[EVENTS][2];
    struct arena *a = arena_new(1 << 20);
    struct world few = {.events = events}, many = {.events = events};
    size_t hits_few, hits_many;
    make_events(a, events);
    build(&few, &env, SHARING);
    build(&many, &env, 10000);
    double of_few = speed(&few, seconds, &hits_few), of_many = speed(&many, seconds, &hits_many);
    printf("100 rules: %.0f events/s; 10,000 rules: %.0f events/s (%.2f times the time); "
           "%zu hits in %d events\n",
           of_few, of_many, of_few / of_many, hits_many, EVENTS);
    arena_free(few.arena);
    arena_free(many.arena);
    arena_free(a);
    return hits_few == hits_many && of_many >= GOAL && of_few / of_many <= 2 ? 0 : 1;
}
