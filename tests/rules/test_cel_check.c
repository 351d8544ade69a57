/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/rules/check_cel.h"

static const struct cel_type *declared(enum cel_kind k) {
    return cel_type_of(k);
}

/* What a workspace declares. */
static struct cel_env environment(struct arena *a) {
    struct cel_field *order = ARENA_ARRAY(a, struct cel_field, 2);
    struct cel_field *customer = ARENA_ARRAY(a, struct cel_field, 4);
    struct cel_field *events = ARENA_ARRAY(a, struct cel_field, 2);
    struct cel_field *variables = ARENA_ARRAY(a, struct cel_field, 3);
    struct cel_type *types = ARENA_ARRAY(a, struct cel_type, 3);
    static const struct str segments[] = {S("repeat-buyers"), S("vip")};
    order[0] = (struct cel_field){S("amount"), declared(CEL_DOUBLE)};
    order[1] = (struct cel_field){S("sku"), declared(CEL_STRING)};
    customer[0] = (struct cel_field){S("country"), declared(CEL_STRING)};
    customer[1] = (struct cel_field){S("points"), declared(CEL_INT)};
    customer[2] = (struct cel_field){S("since"), declared(CEL_TIMESTAMP)};
    customer[3] = (struct cel_field){S("tags"), declared(CEL_LIST)};
    types[0] = (struct cel_type){CEL_MAP, NULL, order, 2, true};
    types[1] = (struct cel_type){CEL_MAP, NULL, customer, 4, true};
    events[0] = (struct cel_field){S("order.placed"), &types[0]};
    events[1] = (struct cel_field){S("page.viewed"), NULL};
    variables[0] = (struct cel_field){S("event"), &types[0]};
    variables[1] = (struct cel_field){S("customer"), &types[1]};
    variables[2] = (struct cel_field){S("anything"), NULL};
    return (struct cel_env){.variables = variables,
                            .n_variables = 3,
                            .functions = true,
                            .events = events,
                            .n_events = 2,
                            .events_closed = true,
                            .segments = segments,
                            .n_segments = 2,
                            .segments_closed = true};
}

/* What is wrong, where (offset), and the hint. */
static const struct {
    const char *source, *text, *hint;
    size_t offset;
} wrong[] = {
    {"custmer.country == \"TW\"", "unknown name `custmer`", "did you mean `customer`?", 0},
    {"customer.county == \"TW\"", "unknown field `county`", "did you mean `country`?", 9},
    {"has(customer.county)", "unknown field `county`", "did you mean `country`?", 13},
    {"customer.country == 5", "`==` does not work with string and int", "", 0},
    {"customer.points == \"5\"", "`==` does not work with int and string",
     "a number is written without quotes", 0},
    {"event.amount * 2 > 10.0", "`*` does not work with double and int", "write 2.0", 0},
    {"customer.country in \"TW\"", "behind `in` a list is expected", "write [ ] around", 20},
    {"customer.country in [1, 2]", "this is never true", "", 0},
    {"customer.points && true", "each side of `&&` must be true or false", "", 0},
    {"customer.country = \"TW\"", "`=` has no meaning here", "write == to compare", 17},
    {"true and false", "`and` is not an operator", "write && for and", 5},
    {"customer.country.startWith(\"T\")", "there is no function `startWith`",
     "did you mean `startsWith`?", 17},
    {"customer.country.substring(\"a\")", "there is no `substring(string)` for string", "", 0},
    {"customer.country.size(1)", "`size` does not take 1 argument", "", 0},
    {"count(\"order.placd\", \"30d\") > 1", "unknown event `order.placd`",
     "did you mean `order.placed`?", 6},
    {"count(\"order.placed\", \"30 days\") > 1", "`30 days` is not a window", "such as \"30d\"",
     22},
    {"count(\"order.placed\") > 1", "`count` does not take 1 argument", "write count(", 0},
    {"count(customer.country, \"30d\") > 1", "the event's name must stand here as text", "", 6},
    {"sum(\"order.placed\", \"amunt\", \"30d\") > 1.0", "unknown property `amunt`",
     "did you mean `amount`?", 20},
    {"sum(\"order.placed\", \"sku\", \"30d\") > 1.0", "`sku` is string, not a number", "", 20},
    {"count(\"order.placed\", \"30d\", it.amunt > 1.0) > 1", "unknown property `amunt`",
     "did you mean `amount`?", 29},
    {"count(\"order.placed\", \"30d\", it) > 1", "`it` is the past event", "", 29},
    {"count(\"order.placed\", \"30d\", count(\"order.placed\", \"1d\") > 1) > 1",
     "`count` cannot be used in it", "", 29},
    {"last(\"order.placed\").amunt > 1.0", "unknown field `amunt`", "did you mean `amount`?", 21},
    {"in_segment(\"vips\")", "unknown segment `vips`", "did you mean `vip`?", 11},
    {"responded(\"clicked\")", "unknown kind of response `clicked`", "did you mean `click`?", 10},
    {"customer.since > \"2026-01-01\"", "`>` does not work with timestamp and string", "", 0},
    {"customer.country.matches(\"(\")", "is not a pattern", "", 25},
    {"customer.country.matches(\"(?=x)\")", "is not a pattern in RE2's language", "", 25},
    {"customer.since > timestamp(\"soon\")", "this always fails: `soon` is not a time", "", 17},
    {"now.getHours(\"Asia/Taipe\") > 1 && 1 / 0 > 2", "this always fails: division by zero", "",
     34},
    {"(customer.points > 1", "the expression ends where `)` is expected", "", 20},
    {"customer.points > 1)", "this bracket closes nothing", "", 19},
    {"\"abc", "this text is not closed", "", 0},
    {"[1, 2].all(x, y > 1)", "unknown name `y`", "", 14},
    {"customer.points.all(x, x > 1)", "only lists and maps can be looped over", "", 0},
    {"", "the expression is empty", "", 0},
    {"count(\"order.placed\", \"30d\")", "a condition must be true or false; this is int",
     "compare it", 0},
};

START_TEST(says_what_is_wrong) {
    struct arena *a = arena_new(0);
    struct cel_env env = environment(a);
    struct cel_issues issues;
    cel_issues_init(&issues, a);
    const struct cel_program *p =
        cel_compile_condition(a, &env, str_from(wrong[_i].source), &issues);
    ck_assert_msg(p == NULL && issues.n > 0, "%s: no issue", wrong[_i].source);
    const struct cel_issue *i = &issues.list[0];
    ck_assert_msg(str_find(i->text, str_from(wrong[_i].text)) >= 0, "%s: %.*s", wrong[_i].source,
                  STR_FMT(i->text));
    ck_assert_msg(str_find(i->hint, str_from(wrong[_i].hint)) >= 0, "%s: hint %.*s",
                  wrong[_i].source, STR_FMT(i->hint));
    ck_assert_msg(i->offset == wrong[_i].offset, "%s: at %zu", wrong[_i].source, i->offset);
    arena_free(a);
}
END_TEST

static const char *const right[] = {
    "customer.country in [\"TW\", \"HK\"] && event.amount > 50.0",
    "event.amount > 50 || customer.points < 2.5",
    "customer.country == null || anything.of.any.kind == 5",
    "count(\"order.placed\", \"90d\", it.amount > 50.0 && it.sku == event.sku) >= 2",
    "sum(\"order.placed\", \"amount\", \"all\") > 1000.0",
    "count(\"page.viewed\", \"1d12h\", it.path == \"/cart\") > 0",
    "last(\"order.placed\").at > now - days(30) && since(\"order.placed\") < weeks(2)",
    "in_segment(\"vip\") && responded(\"click\")",
    "weekday() in [\"sat\", \"sun\"] && local_hour() >= 9",
    "customer.tags.exists(t, t == \"gold\")",
    "customer.?country.orValue(\"TW\") == \"TW\"",
    "now.getHours(\"Asia/Taipei\") >= 9",
    "customer.since + days(365) < now",
};

START_TEST(accepts_what_is_right) {
    struct arena *a = arena_new(0);
    struct cel_env env = environment(a);
    struct cel_issues issues;
    cel_issues_init(&issues, a);
    const struct cel_program *p = cel_compile_condition(a, &env, str_from(right[_i]), &issues);
    ck_assert_msg(p != NULL, "%s: %.*s", right[_i], STR_FMT(issues.list[0].text));
    arena_free(a);
}
END_TEST

START_TEST(several_at_once) {
    struct arena *a = arena_new(0);
    struct cel_env env = environment(a);
    struct cel_issues issues;
    cel_issues_init(&issues, a);
    ck_assert_ptr_null(cel_compile_condition(
        a, &env, S("customer.a == 1 && custmer.b == 2 && count(\"x\", \"y\") > 1"), &issues));
    ck_assert_uint_eq(issues.n, 4);
    for (size_t i = 1; i < issues.n; i++)
        ck_assert_uint_le(issues.list[i - 1].offset, issues.list[i].offset);
    arena_free(a);
}
END_TEST

/* Data is read as what is declared. */
START_TEST(declared_types_convert) {
    static const struct {
        const char *source, *value;
    } cases[] = {
        {"event.amount * 2.0", "14.0"},
        {"customer.points + 1", "6"},
        {"customer.since.getFullYear()", "2026"},
        {"customer.country", "error: `country` is declared as string but holds int"},
        {"event.sku == \"x\"", "error: there is no `sku` here; ask with has(...) first"},
    };
    struct arena *a = arena_new(0);
    struct cel_env env = environment(a);
    struct map *event = map_new(a, 0), *customer = map_new(a, 0);
    map_set_str(a, event, S("amount"), value_int(7));
    map_set_str(a, customer, S("points"), value_double(5.0));
    map_set_str(a, customer, S("since"), value_str(S("2026-11-21T08:00:00Z")));
    map_set_str(a, customer, S("country"), value_int(886));
    struct value slots[] = {value_map(event), value_map(customer), CEL_UNBOUND};
    struct cel_activation act = {.slots = slots, .n_slots = 3};
    for (int i = 0; i < COUNT(cases); i++)
        ck_assert_str_eq(evaluated(a, must_compile(a, &env, cases[i].source), &act),
                         cases[i].value);
    ck_assert_str_eq(evaluated(a, must_compile(a, &env, "anything"), &act),
                     "error: `anything` has no value here");
    arena_free(a);
}
END_TEST

Suite *suite_cel_check(void) {
    Suite *s = suite_create("cel_check");
    TCase *t = tcase_create("issues");
    tcase_add_loop_test(t, says_what_is_wrong, 0, COUNT(wrong));
    tcase_add_loop_test(t, accepts_what_is_right, 0, COUNT(right));
    tcase_add_test(t, several_at_once);
    tcase_add_test(t, declared_types_convert);
    suite_add_tcase(s, t);
    return s;
}
