/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/wallclock.h"
#include "tests/rules/check_cel.h"

#define DAY (WALLCLOCK_DAY_S * WALLCLOCK_US_PER_S)
#define NOW (INT64_C(1795219200) * WALLCLOCK_US_PER_S) /* 2026-11-21T00:00:00Z, a Saturday */

/* A customer's orders: days before NOW, id, amount (null: absent), sku. */
struct customer {
    struct behaviour_log log;
    struct behaviour_log folded;
};

static struct behaviour_log orders(struct arena *a) {
    static const struct str properties[] = {S("amount"), S("item.sku")};
    static const struct {
        int days;
        int64_t id;
        double amount; /* 0: absent */
        const char *sku;
    } rows[] = {{100, 1, 10, "a"}, {30, 2, 20, "b"}, {29, 3, 60, "a"}, {29, 4, 0, "c"},
                {1, 5, 0.5, "a"},  {0, 6, 100, "b"}, {0, 9, 7, "z"},   {-1, 10, 1000, "future"}};
    struct behaviour_entry *e = ARENA_ARRAY(a, struct behaviour_entry, COUNT(rows));
    for (int i = 0; i < COUNT(rows); i++) {
        struct value *v = ARENA_ARRAY(a, struct value, 2);
        v[0] = rows[i].amount != 0 ? value_double(rows[i].amount) : VALUE_NULL;
        v[1] = value_str(str_from(rows[i].sku));
        e[i] = (struct behaviour_entry){NOW - rows[i].days * DAY, rows[i].id, v};
    }
    return (struct behaviour_log){
        .properties = properties, .n_properties = 2, .entries = e, .n = COUNT(rows)};
}

/* Two more, 400 and 390 days ago, of which only totals are left. */
static struct behaviour_log with_older(struct arena *a) {
    struct behaviour_log log = orders(a);
    struct behaviour_total *t = ARENA_ARRAY(a, struct behaviour_total, 2);
    t[0] = (struct behaviour_total){2, 33, 1, 32, value_double(1), value_double(32)};
    log.older.count = 2;
    log.older.first_at_us = NOW - 400 * DAY;
    log.older.last_at_us = NOW - 390 * DAY;
    log.older.totals = t;
    return log;
}

static const struct behaviour_log *find(void *ctx, const struct cel_behaviour_use *use) {
    struct customer *c = ctx;
    if (str_eq(use->event, S("order")))
        return &c->log;
    return str_eq(use->event, S("old")) ? &c->folded : NULL;
}

static bool segment(void *ctx, struct str name, bool *out, struct err *e) {
    (void)ctx;
    *out = str_eq(name, S("vip"));
    return !str_eq(name, S("broken")) || err_set(e, ERR_INPUT, "the segment is broken");
}

static bool responded(void *ctx, struct str kind, bool *out, struct err *e) {
    (void)ctx;
    (void)e;
    *out = str_eq(kind, S("click"));
    return true;
}

/* From event 6 at NOW: event 9 comes after it, 10 is in the future. */
static const struct {
    const char *source, *value;
} cases[] = {
    {"count(\"order\", \"30d\")", "4"}, /* exactly 30 days ago is outside */
    {"count(\"order\", \"31d\")", "5"},
    {"count(\"order\", \"all\")", "6"},
    {"count(\"order\", \"1s\")", "1"},
    {"count(\"never\", \"all\")", "0"},
    {"count(\"order\", \"all\", it.amount > 15.0)", "3"}, /* an absent amount does not count */
    {"count(\"order\", \"all\", has(it.amount))", "5"},
    {"count(\"order\", \"all\", it.?amount.orValue(99.0) > 90.0)", "2"},
    {"count(\"order\", \"all\", it.item.sku == \"a\")", "3"},
    {"count(\"order\", \"all\", it.item.sku == event.sku)", "2"},
    {"count(\"order\", \"all\", it.at < now - days(29))", "2"},
    {"count(\"order\", \"all\", [it.item.sku].exists(x, x == \"a\"))", "3"},
    {"sum(\"order\", \"amount\", \"30d\")", "160.5"},
    {"sum(\"order\", \"amount\", \"30d\", it.item.sku == \"a\")", "60.5"},
    {"sum(\"order\", \"nothing\", \"30d\")", "0.0"},
    {"sum(\"never\", \"amount\", \"30d\")", "0.0"},
    {"avg(\"order\", \"amount\", \"31d\")", "45.125"},
    {"min(\"order\", \"amount\", \"all\")", "0.5"},
    {"max(\"order\", \"amount\", \"all\")", "100.0"},
    {"max(\"never\", \"amount\", \"all\")", "error: the customer has no `never` to look at"},
    {"first(\"order\").amount", "10.0"},
    {"first(\"order\").occurred_at", "timestamp(\"2026-08-13T00:00:00Z\")"},
    {"first(\"order\").at == first(\"order\").occurred_at", "true"}, /* its short name */
    {"count(\"order\", \"all\", it.occurred_at < now - days(29))", "2"},
    {"last(\"order\").item.sku", "\"b\""},
    {"last(\"order\").id", "6"},
    {"last(\"order\", it.item.sku == \"a\").amount", "0.5"},
    {"last(\"never\").at", "error: the customer has no `never`"},
    {"since(\"order\")", "duration(\"0s\")"},
    {"since(\"order\", it.item.sku == \"c\") == days(29)", "true"},
    {"count(\"never\", \"1d\") > 0 && last(\"never\").at > now", "false"},
    {"count(\"old\", \"all\")", "8"},
    {"count(\"old\", \"395d\")", "8"},
    {"count(\"old\", \"380d\")", "6"},
    {"sum(\"old\", \"amount\", \"all\")", "223.5"},
    {"min(\"old\", \"amount\", \"all\")", "0.5"},
    {"first(\"old\").amount", "1.0"},
    {"first(\"old\").at", "timestamp(\"2025-10-17T00:00:00Z\")"},
    {"count(\"old\", \"all\", it.amount > 1.0)", "error: the window reaches back"},
    {"count(\"old\", \"30d\", it.amount > 50.0)", "2"},
    {"in_segment(\"vip\")", "true"},
    {"in_segment(\"other\")", "false"},
    {"in_segment(\"broken\")", "error: the segment is broken"},
    {"responded(\"click\") && !responded(\"open\")", "true"},
    {"weekday()", "\"sat\""},
    {"local_hour()", "8"},
    {"local_day() == 21 && local_month() == 11 && local_minute() == 0", "true"},
    {"now", "timestamp(\"2026-11-21T00:00:00Z\")"},
    {"now.getHours(\"Asia/Taipei\")", "8"},
    {"days(2) + hours(3) + minutes(4) == duration(\"51h4m\") && weeks(1) == days(7)", "true"},
};

START_TEST(looks_back) {
    struct arena *a = arena_new(0);
    static const struct cel_field variables[] = {{S("event"), NULL}};
    struct cel_env env = {.variables = variables, .n_variables = 1, .functions = true};
    struct customer c = {orders(a), with_older(a)};
    struct map *event = map_new(a, 0);
    const struct zone *taipei;
    struct err e;
    map_set_str(a, event, S("sku"), value_str(S("b")));
    struct value slots[] = {value_map(event)};
    ck_assert(wallclock_zone(S("Asia/Taipei"), &taipei, &e));
    struct cel_activation act = {.slots = slots,
                                 .n_slots = 1,
                                 .now_us = NOW,
                                 .zone = taipei,
                                 .at = {NOW, 6},
                                 .ctx = &c,
                                 .behaviour = find,
                                 .in_segment = segment,
                                 .responded = responded};
    const char *got = evaluated(a, must_compile(a, &env, cases[_i].source), &act);
    bool part = strncmp(cases[_i].value, "error", 5) == 0;
    ck_assert_msg(part ? strncmp(got, cases[_i].value, strlen(cases[_i].value)) == 0
                       : strcmp(got, cases[_i].value) == 0,
                  "%s\n  wanted %s\n  got    %s", cases[_i].source, cases[_i].value, got);
    arena_free(a);
}
END_TEST

START_TEST(sums_do_not_drift) {
    struct behaviour_tally t = BEHAVIOUR_TALLY_INIT;
    for (int i = 0; i < 1000000; i++)
        behaviour_tally_add(&t, value_double(0.1));
    behaviour_tally_add(&t, value_double(1e17));
    behaviour_tally_add(&t, value_double(-1e17));
    struct behaviour_number r = behaviour_tally_end(&t);
    ck_assert_double_eq_tol(r.sum, 100000.0, 1e-9);
    ck_assert_int_eq(r.n, 1000002);
}
END_TEST

/* Against counting by hand. */
START_TEST(ranges) {
    struct arena *a = arena_new(0);
    struct behaviour_log log = orders(a);
    for (int day = -3; day < 110; day++)
        for (int64_t window = 0; window < 110; window += 7)
            for (int64_t id = 0; id < 12; id++) {
                struct behaviour_position at = {NOW - day * DAY, id};
                int64_t n = 0;
                for (size_t i = 0; i < log.n; i++) {
                    const struct behaviour_entry *e = &log.entries[i];
                    n += (e->at_us < at.at_us || (e->at_us == at.at_us && e->id <= id)) &&
                         (window == 0 || e->at_us > at.at_us - window * DAY);
                }
                ck_assert_int_eq(behaviour_count(&log, at, window * DAY), n);
            }
    arena_free(a);
}
END_TEST

Suite *suite_cel_behaviour(void) {
    Suite *s = suite_create("cel_behaviour");
    TCase *t = tcase_create("behaviour");
    tcase_add_loop_test(t, looks_back, 0, COUNT(cases));
    tcase_add_test(t, sums_do_not_drift);
    tcase_add_test(t, ranges);
    suite_add_tcase(s, t);
    return s;
}
