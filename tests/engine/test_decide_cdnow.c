/* SPDX-License-Identifier: Apache-2.0
 *
 * 69,659 real purchases, decided on one by one as the engine does, with the behaviour packed and
 * unpacked between them. Runs where the data is (GODWIT_SHARED); it is not part of the source.
 */
#include "config.h"

#include "tests/engine/check_decide.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "engine/decide/behaviour_pack.h"
#include "engine/decide/decide.h"

#include <stdio.h>
#include <stdlib.h>

struct purchase {
    struct str customer;
    int64_t at_us;
    double amount;
};

static bool next_purchase(FILE *f, char *line, int size, struct purchase *out) {
    struct err e = ERR_INIT;
    struct str rest, date, part;
    int64_t seconds;
    uint32_t nanos;
    if (!fgets(line, size, f))
        return false;
    rest = str_trim(str_from(line));
    ck_assert(str_split(&rest, ',', &out->customer) && str_split(&rest, ',', &date) &&
              str_split(&rest, ',', &part));
    ck_assert(str_to_double(rest, &out->amount));
    const struct zone *utc;
    ck_assert(wallclock_zone(S("UTC"), &utc, &e));
    ck_assert_msg(wallclock_parse(date, utc, &seconds, &nanos, &e), "%s", e.text);
    out->at_us = seconds * WALLCLOCK_US_PER_S;
    return true;
}

/* Decides on one purchase; *stored is the customer's packed behaviour before and after. */
static size_t buy(const struct workspace *w, const struct purchase *x, int64_t id,
                  struct buf *stored, struct arena *a) {
    const struct behaviour_layout *l =
        behaviour_layout_find(w->layouts, w->n_layouts, S("order.placed"));
    struct behaviour b;
    struct map *properties = map_new(a, 1);
    map_set_str(a, properties, S("amount"), value_double(x->amount));
    struct event e = {.id = id,
                      .name = S("order.placed"),
                      .properties = value_map(properties),
                      .occurred_us = x->at_us,
                      .mode = EVENT_TRIGGER};
    if (stored->n == 0)
        behaviour_init(&b, l, a);
    else
        ck_assert(behaviour_unpack(&b, l, buf_str(stored), a));
    behaviour_add(&b, e.id, e.occurred_us, e.properties);
    behaviour_fold(&b, e.occurred_us);
    struct profile_behaviour list[] = {{S("order.placed"), &b.log}};
    struct profile p = {
        .key = x->customer, .email = S("a@example.com"), .behaviours = list, .n_behaviours = 1};
    struct decisions out = {0};
    size_t second = 0;
    struct deciding d = {w, &p, e.occurred_us, S("salt"), a, &out};
    decide(&d, &e);
    for (size_t i = 0; i < out.n; i++)
        second +=
            str_eq(out.list[i].campaign->name, S("second")) && out.list[i].outcome == OUTCOME_SEND;
    buf_clear(stored);
    behaviour_pack(&b, stored);
    return second;
}

/* The file is in order of customer and date; 11,662 people bought at least twice. */
START_TEST(second_purchases) {
    struct workspace *w = load_good("decide");
    struct arena *a = arena_new(0);
    struct buf stored = BUF_HEAP;
    char line[256], customer[64] = "";
    const char *shared = getenv("GODWIT_SHARED");
    FILE *f = fopen(str_printf(a, "%s/data/cdnow.csv", shared ? shared : "../shared").p, "r");
    size_t sent = 0, purchases = 0;
    struct purchase x;
    ck_assert(f != NULL && fgets(line, sizeof line, f) != NULL);
    while (next_purchase(f, line, sizeof line, &x)) {
        if (!str_eq(x.customer, str_from(customer)))
            buf_clear(&stored);
        snprintf(customer, sizeof customer, "%.*s", STR_FMT(x.customer));
        sent += buy(w, &x, (int64_t)++purchases, &stored, a);
        arena_reset(a);
    }
    fclose(f);
    ck_assert_uint_eq(purchases, 69659);
    ck_assert_uint_eq(sent, 11662);
    buf_close(&stored);
    arena_free(a);
    workspace_release(w);
}
END_TEST

Suite *suite_decide_cdnow(void) {
    Suite *s = suite_create("decide_cdnow");
    TCase *t = tcase_create("decide_cdnow");
    struct arena *a = arena_new(0);
    const char *shared = getenv("GODWIT_SHARED");
    FILE *f = fopen(str_printf(a, "%s/data/cdnow.csv", shared ? shared : "../shared").p, "r");
    tcase_set_timeout(t, 120);
    if (f) {
        tcase_add_test(t, second_purchases);
        fclose(f);
    }
    arena_free(a);
    suite_add_tcase(s, t);
    return s;
}
