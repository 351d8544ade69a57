/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/engine/check_decide.h"

#include "base/arena.h"
#include "engine/decide/behaviour_pack.h"
#include "engine/decide/match.h"
#include "engine/decide/membership.h"

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define NOW (INT64_C(1790000000) * SECOND) /* 2026-09-21T14:13:20Z */

static struct arena *arena;
static struct workspace *workspace;

static void setup(void) {
    arena = arena_new(0);
    workspace = load_good("segments");
}

static void teardown(void) {
    workspace_release(workspace);
    arena_free(arena);
}

/* Orders before and after NOW; those after it have not happened yet when it is looked at. */
static struct profile customer(const char *attributes) {
    static const struct {
        int64_t at;
        double amount;
    } orders[] = {{-20 * DAY, 5}, {-6 * DAY - HOUR, 12}, {-4 * DAY, 20}, {-30 * HOUR, 9.5},
                  {-1, 11},       {12 * DAY + 7, 30}};
    struct behaviour *b = ARENA_NEW(arena, struct behaviour);
    behaviour_init(b, behaviour_layout_find(workspace->layouts, workspace->n_layouts, S("order")),
                   arena);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        struct map *m = map_new(arena, 1);
        map_set_str(arena, m, S("amount"), value_double(orders[i].amount));
        behaviour_add(b, (int64_t)i + 1, NOW + orders[i].at, value_map(m));
    }
    struct profile_behaviour *list = ARENA_NEW(arena, struct profile_behaviour);
    *list = (struct profile_behaviour){S("order"), &b->log};
    return (struct profile){.id = 7,
                            .key = S("mei"),
                            .attributes = from_json(arena, attributes),
                            .rfm = {.purchases = 5},
                            .behaviours = list,
                            .n_behaviours = 1};
}

static struct str state_at(const struct profile *p, int64_t at_us) {
    struct match_scope scope;
    struct buf b = BUF_IN(arena);
    match_scope_init(&scope, workspace, p, NULL, at_us, arena);
    for (size_t i = 0; i < workspace->rules.n_segments; i++) {
        const struct segment *s = &workspace->rules.segments[i];
        struct err unanswered = ERR_INIT;
        if (s->tracked && match_segment(&scope, s->name, &unanswered) == MATCH_YES)
            buf_printf(&b, "%s%.*s", b.n ? "," : "", STR_FMT(s->name));
    }
    return buf_str(&b);
}

/* What is recorded, after the changes. */
static struct str changed(struct str recorded, const struct membership *m) {
    struct buf b = BUF_IN(arena);
    for (size_t i = 0; i < workspace->rules.n_segments; i++) {
        const struct segment *s = &workspace->rules.segments[i];
        struct str rest = recorded, part;
        bool in = false;
        while (rest.n && str_split(&rest, ',', &part))
            in = in || str_eq(part, s->name);
        for (size_t k = 0; k < m->n; k++)
            if (m->changes[k].segment == s) {
                ck_assert(m->changes[k].entered != in);
                in = !in;
            }
        if (in)
            buf_printf(&b, "%s%.*s", b.n ? "," : "", STR_FMT(s->name));
    }
    return buf_str(&b);
}

/* Looking only when it is time to look again, nothing is missed, to the microsecond. */
START_TEST(nothing_changes_between_looks) {
    struct profile p = customer("{\"country\":\"TW\",\"joined\":\"2026-09-01T10:20:30Z\"}");
    struct str recorded = STR_NONE;
    int64_t at = NOW;
    int looks = 0;
    for (; at < NOW + 40 * DAY; looks++) {
        struct membership m;
        membership_decide(workspace, &p, recorded, at, arena, &m);
        recorded = changed(recorded, &m);
        ck_assert_int_gt(m.next_us, at);
        for (int i = 0; i <= 6; i++) {
            int64_t between = i == 6 ? m.next_us - 1 : at + (m.next_us - at) / 6 * i;
            struct str now = state_at(&p, between);
            ck_assert_msg(str_eq(now, recorded), "%.1f h after NOW: recorded %.*s, is %.*s",
                          (double)(between - NOW) / (double)HOUR, STR_FMT(recorded), STR_FMT(now));
        }
        at = m.next_us;
    }
    ck_assert_int_lt(looks, 40 * 24 * 5); /* local_hour() costs one an hour or a quarter */
}
END_TEST

START_TEST(first_look_and_definitions) {
    struct profile p = customer("{\"country\":\"HK\"}");
    struct membership m;
    char one[DIGEST_HEX_CHARS + 1], two[DIGEST_HEX_CHARS + 1];
    membership_decide(workspace, &p, S("tw,evening"), NOW, arena, &m);
    ck_assert(str_eq(changed(S("tw,evening"), &m), state_at(&p, NOW)));
    ck_assert(str_eq(state_at(&p, NOW), S("lately,spent,not-long,evening,guests")) ||
              str_find(state_at(&p, NOW), S("guests")) > 0);
    membership_definition(workspace, campaign_set_segment(&workspace->rules, S("nested")), one);
    membership_definition(workspace, campaign_set_segment(&workspace->rules, S("lately")), two);
    ck_assert_str_ne(one, two);
    ck_assert_uint_eq(membership_tracked(workspace), 12);
}
END_TEST

Suite *suite_membership(void) {
    Suite *s = suite_create("membership");
    TCase *t = tcase_create("membership");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, nothing_changes_between_looks);
    tcase_add_test(t, first_look_and_definitions);
    suite_add_tcase(s, t);
    return s;
}
