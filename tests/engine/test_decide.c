/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/engine/check_decide.h"

#include "base/arena.h"
#include "engine/decide/behaviour_pack.h"
#include "engine/decide/decide.h"

#include <stdlib.h>

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define NOW (INT64_C(1790000000) * SECOND) /* 2026-09-21T14:13:20Z */

static struct arena *arena;
static struct workspace *workspace;

static void setup(void) {
    arena = arena_new(0);
    workspace = load_good("decide");
}

static void teardown(void) {
    workspace_release(workspace);
    arena_free(arena);
}

static const struct profile somebody = {
    .id = 7,
    .key = S("mei"),
    .email = S("mei@example.com"),
    .phone = S("+886912345678"),
    .locale = S("zh-TW"),
};

static struct deciding deciding_at(struct profile *p, int64_t now_us, struct decisions *out) {
    return (struct deciding){workspace, p, now_us, S("salt"), arena, out};
}

static void decide_at(struct profile *p, const struct event *e, int64_t now_us,
                      struct decisions *out) {
    struct deciding x = deciding_at(p, now_us, out);
    decide(&x, e);
}

static void explain(struct profile *p, const struct campaign *c, const struct event *e,
                    struct explanation *out) {
    struct deciding x = deciding_at(p, NOW, NULL);
    decide_explain(&x, c, e, out);
}

/* ---- one campaign, one event: which gate says no */

static struct profile_message earlier[3];

static void set_consent(struct profile *p, const char *channel, const char *topic, bool subscribed,
                        int64_t at) {
    static struct profile_consent list[8];
    if (p->n_consents == 0)
        p->consents = list;
    list[p->n_consents++] =
        (struct profile_consent){str_from(channel), str_from(topic), subscribed, at};
}

static void unsubscribe(struct profile *p) {
    set_consent(p, "email", "news", true, NOW - 3 * DAY);
    set_consent(p, "email", "news", false, NOW - 2 * DAY);
}
static void unsubscribe_all(struct profile *p) {
    set_consent(p, "email", "news", true, NOW - 3 * DAY);
    set_consent(p, "*", "*", false, NOW - 2 * DAY);
}
static void come_back(struct profile *p) {
    set_consent(p, "*", "*", false, NOW - 3 * DAY);
    set_consent(p, "email", "news", true, NOW - 2 * DAY);
}
static void both_at_once(struct profile *p) {
    set_consent(p, "email", "news", false, NOW - DAY);
    set_consent(p, "email", "news", true, NOW - DAY);
}
static void other_topic(struct profile *p) {
    set_consent(p, "email", "offers", false, NOW - DAY);
}
static void subscribe_offers(struct profile *p) {
    set_consent(p, "email", "offers", true, NOW - DAY);
}
static void no_email(struct profile *p) {
    p->email = STR_NONE;
}
static void bad_email(struct profile *p) {
    p->email = S("mei@example.com\nBcc: everyone@example.com");
}
static void no_phone(struct profile *p) {
    p->phone = STR_NONE;
}
static void suppress(struct profile *p) {
    static const struct profile_suppression list[] = {{S("email"), S("hard bounce")}};
    p->suppressions = list;
    p->n_suppressions = 1;
}
static void suppress_sms(struct profile *p) {
    static const struct profile_suppression list[] = {{S("sms"), S("complaint")}};
    p->suppressions = list;
    p->n_suppressions = 1;
}
static void had(struct profile *p, const char *campaign, int64_t at, enum message_status status) {
    earlier[p->n_messages++] = (struct profile_message){.campaign = str_from(campaign),
                                                        .channel = S("email"),
                                                        .topic = S("news"),
                                                        .at_us = at,
                                                        .status = status};
    p->messages = earlier;
}
static void had_once(struct profile *p) {
    had(p, "once", NOW - 400 * DAY, MESSAGE_SENT);
}
static void had_failed(struct profile *p) {
    had(p, "once", NOW - DAY, MESSAGE_FAILED);
    had(p, "once", NOW - DAY, MESSAGE_CANCELLED);
    had(p, "plain", NOW - DAY, MESSAGE_SENT);
}
static void had_held_out(struct profile *p) {
    had(p, "once", NOW - DAY, MESSAGE_HELD_OUT);
}
static void had_two(struct profile *p) {
    had(p, "window", NOW - DAY, MESSAGE_QUEUED);
    had(p, "window", NOW - 7 * DAY + SECOND, MESSAGE_IN_DOUBT);
}
static void had_two_long_ago(struct profile *p) {
    had(p, "window", NOW - DAY, MESSAGE_QUEUED);
    had(p, "window", NOW - 7 * DAY, MESSAGE_SENT);
}

#define NONE OUTCOMES /* no decision at all */

static const struct {
    const char *event;
    enum event_mode mode;
    int64_t age;
    void (*change)(struct profile *);
    enum outcome outcome;
    const char *gate, *reason; /* part of it */
} cases[] = {
    {"plain", EVENT_LIVE, 0, NULL, OUTCOME_SEND, NULL, ""},
    {"unheard.of", EVENT_LIVE, 0, NULL, NONE, NULL, ""},
    {"plain", EVENT_HISTORY, 0, NULL, NONE, NULL, ""},
    /* age */
    {"plain", EVENT_LIVE, 7 * DAY, NULL, OUTCOME_SEND, NULL, ""},
    {"plain", EVENT_LIVE, 7 * DAY + 1, NULL, OUTCOME_STALE, "stale", "up to 7d"},
    {"plain", EVENT_TRIGGER, 9000 * DAY, NULL, OUTCOME_SEND, NULL, ""},
    {"young", EVENT_LIVE, 25 * HOUR, NULL, OUTCOME_STALE, "stale", "1d 1h old"},
    {"young", EVENT_LIVE, -HOUR, NULL, OUTCOME_SEND, NULL, ""},
    /* consent */
    {"plain", EVENT_LIVE, 0, unsubscribe, OUTCOME_SUPPRESSED, "consent", "since 2026-09-19"},
    {"plain", EVENT_LIVE, 0, unsubscribe_all, OUTCOME_SUPPRESSED, "consent", "`news`"},
    {"plain", EVENT_LIVE, 0, come_back, OUTCOME_SEND, NULL, ""},
    {"plain", EVENT_LIVE, 0, both_at_once, OUTCOME_SUPPRESSED, "consent", ""},
    {"plain", EVENT_LIVE, 0, other_topic, OUTCOME_SEND, NULL, ""},
    {"optin", EVENT_LIVE, 0, NULL, OUTCOME_SUPPRESSED, "consent", "needs a yes first"},
    {"optin", EVENT_LIVE, 0, subscribe_offers, OUTCOME_SEND, NULL, ""},
    {"legal", EVENT_LIVE, 0, unsubscribe_all, OUTCOME_SEND, NULL, ""},
    /* address */
    {"plain", EVENT_LIVE, 0, suppress, OUTCOME_SUPPRESSED, "suppression", "hard bounce"},
    {"legal", EVENT_LIVE, 0, suppress, OUTCOME_SUPPRESSED, "suppression", "hard bounce"},
    {"plain", EVENT_LIVE, 0, suppress_sms, OUTCOME_SEND, NULL, ""},
    {"sms", EVENT_LIVE, 0, suppress_sms, OUTCOME_SUPPRESSED, "suppression", "complaint"},
    {"plain", EVENT_LIVE, 0, no_email, OUTCOME_FAILED, "address", "no email address"},
    {"plain", EVENT_LIVE, 0, bad_email, OUTCOME_FAILED, "address", "line break"},
    {"sms", EVENT_LIVE, 0, no_email, OUTCOME_SEND, NULL, ""},
    {"sms", EVENT_LIVE, 0, no_phone, OUTCOME_FAILED, "address", "no phone number"},
    {"crm", EVENT_LIVE, 0, no_email, OUTCOME_SEND, NULL, ""},
    /* limits */
    {"once", EVENT_LIVE, 0, NULL, OUTCOME_SEND, NULL, ""},
    {"once", EVENT_LIVE, 0, had_once, OUTCOME_CAPPED, "limit", "once per customer"},
    {"once", EVENT_LIVE, 0, had_failed, OUTCOME_SEND, NULL, ""},
    {"once", EVENT_LIVE, 0, had_held_out, OUTCOME_CAPPED, "limit", ""},
    {"window", EVENT_LIVE, 0, had_two, OUTCOME_CAPPED, "limit", "had 2 of this campaign"},
    {"window", EVENT_LIVE, 0, had_two_long_ago, OUTCOME_SEND, NULL, ""},
    /* expiry */
    {"over", EVENT_LIVE, 0, NULL, OUTCOME_FAILED, "expired", "2025-12-31T16:00:00Z"},
    {"short", EVENT_LIVE, 0, NULL, OUTCOME_SEND, NULL, ""},
    /* conditions */
    {"amount", EVENT_LIVE, 0, NULL, NONE, NULL, ""},  /* event.amount is missing: no match */
    {"segment", EVENT_LIVE, 0, NULL, NONE, NULL, ""}, /* false && unknown is false */
};

START_TEST(gates) {
    struct profile p = somebody;
    if (cases[_i].change)
        cases[_i].change(&p);
    struct event e = {.id = 4711,
                      .name = str_from(cases[_i].event),
                      .occurred_us = NOW - cases[_i].age,
                      .mode = cases[_i].mode};
    struct decisions out = {0};
    decide_at(&p, &e, NOW, &out);
    if (cases[_i].outcome == NONE) {
        ck_assert_msg(out.n == 0, "%s: decided all the same", cases[_i].event);
        return;
    }
    ck_assert_uint_eq(out.n, 1);
    const struct decision *d = &out.list[0];
    ck_assert_msg(d->outcome == cases[_i].outcome, "%s: wanted %s, got %s (%.*s)", cases[_i].event,
                  outcome_name(cases[_i].outcome), outcome_name(d->outcome), STR_FMT(d->reason));
    ck_assert_str_eq(d->gate ? d->gate : "", cases[_i].gate ? cases[_i].gate : "");
    ck_assert_msg(str_find(d->reason, str_from(cases[_i].reason)) >= 0, "%s: reason is \"%.*s\"",
                  cases[_i].event, STR_FMT(d->reason));
    ck_assert((d->outcome == OUTCOME_SEND) == (d->reason.n == 0));
    ck_assert((d->step != NULL) == outcome_is_entry(d->outcome));
}
END_TEST

/* What is missing is no match; what cannot be compared is an error on record. */
START_TEST(missing_or_wrong) {
    static const struct {
        const char *properties;
        int outcome;
    } rows[] = {{"{}", NONE},
                {"{\"amount\": 9}", NONE},
                {"{\"amount\": 11}", OUTCOME_SEND},
                {"{\"amount\": \"11\"}", OUTCOME_ERROR},
                {"{\"amount\": {\"net\": 11}}", OUTCOME_ERROR}};
    struct profile p = somebody;
    struct event e = {.id = 1, .name = S("amount"), .occurred_us = NOW};
    struct decisions out = {0};
    e.properties = from_json(arena, rows[_i].properties);
    decide_at(&p, &e, NOW, &out);
    ck_assert_int_eq(out.n ? (int)out.list[0].outcome : NONE, rows[_i].outcome);
}
END_TEST

/* ---- what a decision says */

static void ck_str(struct str got, const char *want) {
    ck_assert_msg(str_eq(got, str_from(want)), "wanted \"%s\", got \"%.*s\"", want, STR_FMT(got));
}

START_TEST(content) {
    struct profile p = somebody;
    struct event e = {.id = 12, .name = S("short"), .occurred_us = NOW - HOUR};
    struct decisions out = {0};
    decide_at(&p, &e, NOW, &out);
    ck_assert_uint_eq(out.n, 1);
    const struct decision *d = &out.list[0];
    ck_str(d->campaign->name, "short");
    ck_assert_uint_eq(strlen(d->campaign->version), CAMPAIGN_VERSION_CHARS);
    ck_str(d->channel, "email");
    ck_str(d->topic, "news");
    ck_str(d->template, "note");
    ck_str(d->step->id, "note");
    ck_str(d->address, "mei@example.com");
    ck_str(d->locale, "zh-TW");
    ck_str(d->occurrence, "e12");
    ck_assert_int_eq(d->customer, 7);
    ck_assert_int_eq(d->event, 12);
    ck_assert_int_eq(d->due_us, NOW);
    ck_assert_int_eq(d->expires_us, NOW + 2 * HOUR);
}
END_TEST

/* ---- behaviour: the event itself is included, whenever it is decided on */

static const struct behaviour_layout *layouts;
static size_t n_layouts;

static struct behaviour *orders(void) {
    static struct behaviour b;
    behaviour_layouts(arena, &workspace->rules, &layouts, &n_layouts);
    behaviour_init(&b, behaviour_layout_find(layouts, n_layouts, S("order.placed")), arena);
    return &b;
}

static size_t order(struct behaviour *b, int64_t id, int64_t at, double amount, int64_t now,
                    struct decisions *out) {
    struct profile p = somebody;
    struct profile_behaviour list[] = {{S("order.placed"), &b->log}};
    struct map *properties = map_new(arena, 1);
    map_set_str(arena, properties, S("amount"), value_double(amount));
    struct event e = {.id = id,
                      .name = S("order.placed"),
                      .properties = value_map(properties),
                      .occurred_us = at,
                      .mode = EVENT_TRIGGER};
    behaviour_add(b, id, at, e.properties);
    p.behaviours = list;
    p.n_behaviours = 1;
    *out = (struct decisions){0};
    decide_at(&p, &e, now, out);
    return out->n;
}

START_TEST(looking_back) {
    struct behaviour *b = orders();
    struct decisions out;
    ck_assert_uint_eq(order(b, 1, NOW - 100 * DAY, 60, NOW, &out), 0);
    ck_assert_uint_eq(order(b, 2, NOW - 50 * DAY, 60, NOW, &out), 1); /* the second */
    ck_str(out.list[0].campaign->name, "second");
    ck_str(out.list[0].step->id, "thanks");
    ck_assert_int_eq(out.list[0].priority, 5);
    ck_assert_uint_eq(order(b, 3, NOW - 30 * DAY, 60, NOW, &out), 1); /* 120 in 30 days */
    ck_str(out.list[0].campaign->name, "big");
    ck_str(out.list[0].campaign->id, "big-order");
    ck_assert_uint_eq(order(b, 4, NOW, 99.99, NOW, &out), 0); /* 30 days ago is out of the window */
    /* one that comes late looks back from its own time */
    ck_assert_uint_eq(order(b, 5, NOW - 90 * DAY, 1, NOW, &out), 1);
    ck_str(out.list[0].campaign->name, "second");
}
END_TEST

START_TEST(segments) {
    struct behaviour *b = orders();
    behaviour_add(b, 1, NOW - 3 * DAY, VALUE_NULL);
    behaviour_add(b, 2, NOW - 2 * DAY, VALUE_NULL);
    struct profile_behaviour list[] = {{S("order.placed"), &b->log}};
    static const struct {
        const char *attributes;
        size_t behaviours, decisions;
    } who[] = {{"{\"country\":\"TW\"}", 1, 1},
               {"{\"country\":\"TW\"}", 0, 0},
               {"{\"country\":\"HK\"}", 1, 0}};
    for (size_t i = 0; i < 3; i++) {
        struct profile p = somebody;
        p.attributes = from_json(arena, who[i].attributes);
        p.behaviours = list;
        p.n_behaviours = who[i].behaviours;
        struct event e = {.id = 9, .name = S("segment"), .occurred_us = NOW};
        struct decisions out = {0};
        decide_at(&p, &e, NOW, &out);
        ck_assert_msg(out.n == who[i].decisions, "%s: %zu", who[i].attributes, out.n);
        if (out.n)
            ck_assert_int_eq(out.list[0].outcome, OUTCOME_SEND);
    }
}
END_TEST

/* responded(): of this campaign, by its id, and up to the event's own time. */
START_TEST(responses) {
    static const struct {
        struct profile_response list[2];
        size_t n, decisions;
    } who[] = {
        {{{S("clicks"), S("e1"), S("click"), NOW}}, 1, 1},
        {{{S("clicks"), S("e1"), S("click"), NOW + 1}}, 1, 0}, /* after the event */
        {{{S("clicked"), S("e1"), S("click"), NOW}}, 1, 0},    /* another campaign's id */
        {{{S("clicks"), S("e1"), S("open"), NOW}}, 1, 0},
        {{{S("clicks"), S("e1"), S("click"), NOW - DAY},
          {S("clicks"), S("e3"), S("unsubscribe"), NOW}},
         2,
         0},
        {{{S("clicks"), S("e1"), S("click"), NOW - DAY},
          {S("clicks"), S("e3"), S("unsubscribe"), NOW + HOUR}},
         2,
         1},
    };
    struct profile p = somebody;
    p.responses = who[_i].list;
    p.n_responses = who[_i].n;
    struct event e = {.id = 9, .name = S("again"), .occurred_us = NOW};
    struct decisions out = {0};
    decide_at(&p, &e, NOW + DAY, &out);
    ck_assert_uint_eq(out.n, who[_i].decisions);
    ck_assert_uint_eq(workspace->rules.responses, true);

    struct explanation why;
    const struct campaign *c = campaign_set_find(&workspace->rules, S("clicked"));
    struct deciding x = deciding_at(&p, NOW + DAY, NULL);
    decide_explain(&x, c, &e, &why);
    ck_assert_uint_eq(why.matched, who[_i].decisions);
    ck_assert_msg(str_find(why.why, S("responded(\"click\"): ")) >= 0, "%.*s", STR_FMT(why.why));
}
END_TEST

/* Campaigns whose audience cannot be true are not even evaluated; the answers are the same. */
START_TEST(indexed) {
    static const struct {
        const char *attributes, *properties, *want;
    } who[] = {
        {"{\"country\":\"TW\"}", "{\"pages\":4}", "taiwan"},
        {"{\"country\":\"SG\"}", "{\"pages\":4.5}", "abroad"},
        {"{\"country\":\"TW\"}", "{\"pages\":3}", ""},
        {"{\"country\":\"DE\"}", "{\"pages\":4}", ""},
        {"{}", "{\"pages\":4}", ""}, /* no country: cannot be true, so no error either */
    };
    for (size_t i = 0; i < sizeof who / sizeof *who; i++) {
        struct profile p = somebody;
        p.attributes = from_json(arena, who[i].attributes);
        struct event e = {.id = 1, .name = S("visited"), .occurred_us = NOW};
        e.properties = from_json(arena, who[i].properties);
        struct decisions out = {0};
        decide_at(&p, &e, NOW, &out);
        ck_assert_uint_eq(out.n, *who[i].want != 0);
        if (out.n)
            ck_str(out.list[0].campaign->name, who[i].want);
    }
}
END_TEST

/* ---- limits within one batch, and the holdout */

START_TEST(remembering) {
    struct profile p = somebody;
    static const enum outcome want[] = {OUTCOME_SEND, OUTCOME_SEND, OUTCOME_CAPPED, OUTCOME_CAPPED};
    for (int i = 0; i < 4; i++) {
        struct event e = {.id = i, .name = S("window"), .occurred_us = NOW};
        struct decisions out = {0};
        decide_at(&p, &e, NOW, &out);
        ck_assert_uint_eq(out.n, 1);
        ck_assert_int_eq(out.list[0].outcome, want[i]);
    }
    ck_assert_uint_eq(p.n_messages, 2);
}
END_TEST

static struct str customer_number(int i) {
    return str_printf(arena, "customer-%d", i);
}

START_TEST(holdout_share) {
    const struct campaign *c = campaign_set_find(&workspace->rules, S("half"));
    struct campaign tenth = *c, renamed = *c, other = *c;
    int held[4] = {0}, n = 4000;
    tenth.holdout_ppm = CAMPAIGN_PPM / 10;
    renamed.name = S("a new name");
    other.id = S("other");
    int both = 0;
    for (int i = 0; i < n; i++) {
        struct str key = customer_number(i);
        bool half = decide_held_out(c, key, S("salt"));
        bool small = decide_held_out(&tenth, key, S("salt"));
        ck_assert(half == decide_held_out(&renamed, key, S("salt")));
        ck_assert(!small || half); /* widening a holdout lets nobody out */
        ck_assert(!decide_held_out(c, key, STR_NONE));
        held[0] += half;
        held[1] += small;
        held[2] += decide_held_out(&other, key, S("salt"));
        held[3] += decide_held_out(c, key, S("other salt"));
        both += half && decide_held_out(&other, key, S("salt"));
        arena_reset(arena);
    }
    /* six standard deviations: n p (1 - p) */
    ck_assert_int_lt(abs(held[0] - n / 2), 190);
    ck_assert_int_lt(abs(held[1] - n / 10), 114);
    ck_assert_int_lt(abs(held[2] - n / 2), 190);
    ck_assert_int_lt(abs(held[3] - n / 2), 190);
    ck_assert_int_lt(abs(both - n / 4), 165); /* two campaigns hold out independently */
}
END_TEST

START_TEST(holdout_passes_gates) {
    struct profile p = somebody;
    struct event e = {.id = 1, .name = S("half"), .occurred_us = NOW};
    const struct campaign *c = campaign_set_find(&workspace->rules, S("half"));
    int i = 0;
    do
        p.key = customer_number(i++);
    while (!decide_held_out(c, p.key, S("salt")));
    struct decisions out = {0};
    decide_at(&p, &e, NOW, &out);
    ck_assert_int_eq(out.list[0].outcome, OUTCOME_HELD_OUT);
    ck_str(out.list[0].address, "mei@example.com");
    ck_assert_int_eq(out.list[0].due_us, NOW);
    decide_at(&p, &e, NOW, &out);
    ck_assert_int_eq(out.list[1].outcome, OUTCOME_CAPPED);
    unsubscribe(&p);
    decide_at(&p, &e, NOW, &out);
    ck_assert_int_eq(out.list[2].outcome, OUTCOME_SUPPRESSED);
}
END_TEST

/* ---- explaining */

START_TEST(explaining) {
    struct profile p = somebody;
    struct explanation x;
    const struct campaign *c = campaign_set_find(&workspace->rules, S("amount"));
    struct event e = {.id = 1, .name = S("amount"), .occurred_us = NOW};
    e.properties = from_json(arena, "{\"amount\":9.5}");
    explain(&p, c, &e, &x);
    ck_assert(x.triggered && !x.matched && !x.decided);
    ck_assert_msg(str_find(x.why, S("event.amount > 10.0: false")) >= 0, "%.*s", STR_FMT(x.why));
    ck_assert_msg(str_find(x.why, S("event.amount: 9.5")) >= 0, "%.*s", STR_FMT(x.why));

    e.properties = from_json(arena, "{\"amount\":10.5}");
    no_email(&p);
    unsubscribe(&p);
    explain(&p, c, &e, &x);
    ck_assert(x.triggered && x.matched && x.decided);
    ck_assert_int_eq(x.decision.outcome, OUTCOME_SUPPRESSED);
    ck_assert_uint_eq(x.n_gates, 8);
    for (size_t i = 0; i < x.n_gates; i++) {
        bool no =
            strcmp(x.gates[i].name, "consent") == 0 || strcmp(x.gates[i].name, "address") == 0;
        ck_assert_msg(x.gates[i].passed == !no, "%s", x.gates[i].name);
    }
    /* an attribute that is not there: no error where the audience cannot be true anyway */
    struct event visit = {.id = 1, .name = S("visited"), .occurred_us = NOW};
    visit.properties = e.properties;
    explain(&p, campaign_set_find(&workspace->rules, S("taiwan")), &visit, &x);
    ck_assert(x.triggered && !x.matched && !x.decided);
    ck_assert_msg(str_find(x.why, S("customer.country: missing")) >= 0, "%.*s", STR_FMT(x.why));
    ck_assert_msg(str_ends(x.why, S("customer.country is missing, so the condition does not hold")),
                  "%.*s", STR_FMT(x.why));
    explain(&p, campaign_set_find(&workspace->rules, S("plain")), &e, &x);
    ck_assert(!x.triggered && !x.decided);
    ck_str(x.why, "the campaign starts with `plain`, not with `amount`");
}
END_TEST

Suite *suite_decide(void) {
    Suite *s = suite_create("decide");
    TCase *t = tcase_create("decide");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, gates, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, missing_or_wrong, 0, 5);
    tcase_add_test(t, content);
    tcase_add_test(t, looking_back);
    tcase_add_test(t, segments);
    tcase_add_loop_test(t, responses, 0, 6);
    tcase_add_test(t, indexed);
    tcase_add_test(t, remembering);
    tcase_add_test(t, holdout_share);
    tcase_add_test(t, holdout_passes_gates);
    tcase_add_test(t, explaining);
    suite_add_tcase(s, t);
    return s;
}
