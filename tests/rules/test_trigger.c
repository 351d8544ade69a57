/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/trigger.h"
#include "tests/rules/check_cel.h"

#define RULES 300

static const struct cel_field variables[] = {{S("event"), NULL}, {S("customer"), NULL}};
static const struct cel_env env = {.variables = variables, .n_variables = 2};

static uint32_t draw(uint32_t *state, uint32_t below) {
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

static struct str condition(struct arena *a, uint32_t *state) {
    static const char *const forms[] = {
        "customer.country == \"c%u\" && event.n > 2",
        "customer.country in [\"c%u\", \"c1\"] || customer.country == \"c3\"",
        "event.n == %u",
        "event.n == %u.0 && customer.country != \"c2\"",
        "event.item.sku == \"s%u\"",
        "event.n > %u",
        "customer.vip == true && event.n in [%u, 1, 2u, 3.0, 2.5]",
        "!(customer.country == \"c%u\")",
    };
    struct buf b = BUF_IN(a);
    struct str form = str_from(forms[draw(state, COUNT(forms))]), rest = form, part;
    str_split(&rest, '%', &part);
    buf_printf(&b, "%.*s%u%.*s", STR_FMT(part), draw(state, 5), STR_FMT(str_sub(rest, 1, rest.n)));
    return buf_str(&b);
}

static struct value random_event(struct arena *a, uint32_t *state) {
    struct map *m = map_new(a, 0), *item = map_new(a, 0);
    switch (draw(state, 3)) {
    case 0:
        map_set_str(a, m, S("n"), value_int(draw(state, 5)));
        break;
    case 1:
        map_set_str(a, m, S("n"), value_double(draw(state, 10) / 2.0));
        break;
    default:
        break;
    }
    map_set_str(a, item, S("sku"), value_str(str_printf(a, "s%u", draw(state, 5))));
    map_set_str(a, m, S("item"), draw(state, 2) ? value_map(item) : value_int(1));
    return value_map(m);
}

static struct value random_customer(struct arena *a, uint32_t *state) {
    struct map *m = map_new(a, 0);
    if (draw(state, 4))
        map_set_str(a, m, S("country"), value_str(str_printf(a, "c%u", draw(state, 5))));
    map_set_str(a, m, S("vip"), value_bool(draw(state, 2)));
    return value_map(m);
}

/* Whatever is true must be found, and nothing of another event's name. */
START_TEST(finds_all_that_match) {
    struct arena *a = arena_new(0);
    uint32_t state = 2026;
    static const struct cel_program *programs[RULES];
    static struct str names[RULES];
    uint32_t found[RULES];
    struct trigger_index *ix = trigger_index_new(a, &env);
    for (uint32_t i = 0; i < RULES; i++) {
        programs[i] = must_compile(a, &env, str_cstr(a, condition(a, &state)));
        names[i] = i % 3 == 0 ? S("order") : i % 3 == 1 ? S("visit") : STR_NONE;
        trigger_index_add(ix, i, names[i], i % 50 == 49 ? NULL : programs[i]);
    }
    ck_assert_uint_eq(trigger_index_size(ix), RULES);
    size_t hits = 0, candidates = 0;
    for (int round = 0; round < 200; round++) {
        struct value slots[] = {random_event(a, &state), random_customer(a, &state)};
        struct cel_activation act = {.slots = slots, .n_slots = 2};
        struct str name = round % 5 == 0 ? S("unknown") : round % 2 ? S("order") : S("visit");
        size_t n = trigger_index_match(ix, name, slots, 2, found), at = 0;
        candidates += n;
        for (uint32_t i = 0; i < RULES; i++) {
            struct value v;
            struct err e;
            bool here = at < n && found[at] == i;
            bool named = !names[i].n || str_eq(names[i], name);
            bool holds = i % 50 == 49 || (cel_eval(programs[i], &act, a, &v, &e) && v.u.b);
            at += here;
            hits += named && holds;
            ck_assert_msg(!here || named, "rule %u is for another event", i);
            ck_assert_msg(here || !named || !holds, "rule %u was missed: %.*s", i,
                          STR_FMT(cel_program_source(programs[i])));
        }
        ck_assert_uint_eq(at, n); /* ascending, no rule twice */
    }
    ck_assert_uint_gt(hits, 500);
    ck_assert_uint_lt(candidates, hits * 4);
    arena_free(a);
}
END_TEST

Suite *suite_trigger(void) {
    Suite *s = suite_create("trigger");
    TCase *t = tcase_create("index");
    tcase_set_timeout(t, 20);
    tcase_add_test(t, finds_all_that_match);
    suite_add_tcase(s, t);
    return s;
}
