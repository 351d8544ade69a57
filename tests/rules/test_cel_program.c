/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of a program: uses, requirements, constants, explanations.
 */
#include "config.h"

#include "tests/rules/check_cel.h"

static const struct cel_field variables[] = {{S("event"), NULL}, {S("customer"), NULL}};
static const struct cel_env env = {.variables = variables, .n_variables = 2, .functions = true};
static struct arena *a;

static void setup(void) {
    a = arena_new(0);
}

static void teardown(void) {
    arena_free(a);
}

static const char *joined(const struct str *list, size_t n) {
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s%.*s", i ? " " : "", STR_FMT(list[i]));
    return buf_cstr(&b);
}

START_TEST(uses) {
    const struct cel_uses *u = cel_program_uses(must_compile(
        a, &env,
        "customer.country == event.item.country && customer[\"name\"] != \"\" && "
        "customer.tags.exists(t, t == \"x\") && in_segment(\"vip\") && responded(\"click\") && "
        "count(\"order\", \"90d\", it.amount > 1.0 && it.item.sku == \"a\") > 0 && "
        "sum(\"order\", \"amount\", \"all\", it.sku == event.sku) > 1.0 && has(customer.phone)"));
    ck_assert_str_eq(joined(u->paths, u->n_paths),
                     "customer.country event.item.country customer.name customer.tags event.sku "
                     "customer.phone");
    ck_assert_str_eq(joined(u->segments, u->n_segments), "vip");
    ck_assert_str_eq(joined(u->responses, u->n_responses), "click");
    ck_assert(u->now);
    ck_assert_uint_eq(u->n_behaviour, 2);
    const struct cel_behaviour_use *count = u->behaviour[0], *sum = u->behaviour[1];
    ck_assert(str_eq(count->function, S("count")) && str_eq(count->event, S("order")));
    ck_assert_int_eq(count->window_us, INT64_C(90) * 86400 * 1000000);
    ck_assert(str_eq(count->filter, S("it.amount > 1.0 && it.item.sku == \"a\"")));
    ck_assert(count->filter_alone && !sum->filter_alone);
    ck_assert_str_eq(joined(count->paths, count->n_paths), "amount item.sku");
    ck_assert_str_eq(joined(sum->paths, sum->n_paths), "amount sku");
    ck_assert_int_eq(sum->window_us, BEHAVIOUR_ALL);
    ck_assert(!cel_program_uses(must_compile(a, &env, "customer.x == 1"))->now);
    ck_assert(!cel_program_uses(must_compile(a, &env, "count(\"order\", \"all\") > 1"))->now);
    ck_assert(cel_program_uses(must_compile(a, &env, "since(\"order\") > days(1)"))->now);
    ck_assert(cel_program_uses(must_compile(a, &env, "weekday() == \"mon\""))->now);
}
END_TEST

/* A filter that may be applied when the event comes in, before anybody asks. */
START_TEST(filters_that_stand_alone) {
    static const struct {
        const char *source;
        bool alone;
    } cases[] = {
        {"count(\"o\", \"1d\", it.a > 1.0 && [1, 2].exists(x, x == it.b)) > 1", true},
        {"count(\"o\", \"1d\", it.a > event.a) > 1", false},
        {"count(\"o\", \"1d\", it.at > now - days(1)) > 1", false},
        {"count(\"o\", \"1d\", weekday() == \"mon\") > 1", false},
        {"count(\"o\", \"1d\", in_segment(\"vip\")) > 1", false},
        {"cel.bind(t, event.total, count(\"o\", \"1d\", it.a > t)) > 1", false},
        {"cel.bind(t, 5, count(\"o\", \"1d\", cel.bind(u, it.a, u > 1.0))) > 1", true},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        const struct cel_uses *u = cel_program_uses(must_compile(a, &env, cases[i].source));
        ck_assert_msg(u->behaviour[0]->filter_alone == cases[i].alone, "%s", cases[i].source);
    }
}
END_TEST

START_TEST(requirements) {
    size_t n;
    const struct cel_requirement *r = cel_program_requires(
        must_compile(a, &env,
                     "event.name == \"order\" && (customer.country in [\"TW\", \"HK\"]) && "
                     "(customer.plan == \"a\" || customer.plan == \"b\") && customer.points > 5 && "
                     "(customer.x == 1 || customer.y == 1)"),
        a, &n);
    ck_assert_uint_eq(n, 3);
    ck_assert(str_eq(r[0].path, S("event.name")) && r[0].n == 1);
    ck_assert(str_eq(r[1].path, S("customer.country")) && r[1].n == 2);
    ck_assert(str_eq(r[2].path, S("customer.plan")) && r[2].n == 2);
    ck_assert(str_eq(value_text(r[2].values[1]), S("b")));
    cel_program_requires(must_compile(a, &env, "!(event.name == \"x\")"), a, &n);
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(constants) {
    static const struct {
        const char *source, *value; /* NULL: not constant */
    } cases[] = {
        {"1 + 2 * 3", "7"},
        {"[1, 2, 3].map(x, x * 2).exists(x, x == 4)", "true"},
        {"false && customer.x", "false"},
        {"customer.x || true", "true"},
        {"duration(\"1h\") > days(1)", "false"},
        {"customer.x == 1", NULL},
        {"now > timestamp(0)", NULL},
        {"local_hour() >= 0", NULL},
        {"[1].all(x, x == customer.x)", NULL},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        struct value v;
        struct buf b = BUF_IN(a);
        bool constant = cel_program_constant(must_compile(a, &env, cases[i].source), &v);
        ck_assert_msg(constant == (cases[i].value != NULL), "%s", cases[i].source);
        if (constant) {
            cel_write_value(&b, v, 100);
            ck_assert_str_eq(buf_cstr(&b), cases[i].value);
        }
    }
}
END_TEST

static void draw(struct buf *b, const struct cel_explained *x, int depth) {
    buf_printf(b, "%*s%.*s = ", depth * 2, "", STR_FMT(x->source));
    if (x->failed)
        buf_printf(b, "error: %.*s", STR_FMT(x->error));
    else
        cel_write_value(b, x->value, 60);
    buf_add_char(b, '\n');
    for (size_t i = 0; i < x->n_parts; i++)
        draw(b, &x->parts[i], depth + 1);
}

START_TEST(explains) {
    struct map *customer = map_new(a, 0);
    map_set_str(a, customer, S("country"), value_str(S("JP")));
    map_set_str(a, customer, S("points"), value_int(5));
    struct value slots[] = {CEL_UNBOUND, value_map(customer)};
    struct cel_activation act = {.slots = slots, .n_slots = 2};
    struct buf b = BUF_IN(a);
    draw(
        &b,
        cel_explain(must_compile(a, &env,
                                 "customer.country in [\"TW\", \"HK\"] && (customer.points * 2 > 9 "
                                 "|| event.total > 5.0)"),
                    &act, a),
        0);
    ck_assert_str_eq(
        buf_cstr(&b),
        "customer.country in [\"TW\", \"HK\"] && (customer.points * 2 > 9 || event.total > 5.0) = "
        "false\n"
        "  customer.country in [\"TW\", \"HK\"] = false\n"
        "    customer.country = \"JP\"\n"
        "  (customer.points * 2 > 9 || event.total > 5.0) = true\n"
        "    customer.points * 2 > 9 = true\n"
        "      customer.points * 2 = 10\n"
        "        customer.points = 5\n"
        "    event.total > 5.0 = error: `event` has no value here\n"
        "      event.total = error: `event` has no value here\n");
}
END_TEST

START_TEST(values_are_cut_for_messages) {
    struct buf b = BUF_IN(a);
    cel_write_value(&b, value_str(S("\xe5\x8f\xb0\xe5\x8c\x97 \xe5\x8f\xb0")), 8);
    ck_assert_str_eq(buf_cstr(&b), "\"\xe5\x8f\xb0\xe5\x8c\x97 \"...");
}
END_TEST

Suite *suite_cel_program(void) {
    Suite *s = suite_create("cel_program");
    TCase *t = tcase_create("program");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, uses);
    tcase_add_test(t, filters_that_stand_alone);
    tcase_add_test(t, requirements);
    tcase_add_test(t, constants);
    tcase_add_test(t, explains);
    tcase_add_test(t, values_are_cut_for_messages);
    suite_add_tcase(s, t);
    return s;
}
