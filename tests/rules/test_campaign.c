/* SPDX-License-Identifier: Apache-2.0
 *
 * What a campaign's file becomes: its trigger and its flat list of steps, written out in a short
 * form beside the YAML. (What is said of mistakes: tests/data/campaigns.)
 */
#include "config.h"

#include "tests/rules/check_cel.h"

#include "base/wallclock.h"
#include "rules/campaign_file.h"
#include "rules/form.h"

#include <inttypes.h>
#include <stdlib.h>

static struct arena *arena;
static struct campaign_set set;
static struct campaign_names names;

static const char *const subject[] = {"subject", NULL};
static const char *const body[] = {"text", "html", NULL};
static const char *const sms[] = {"sms", NULL};
static const struct campaign_channel channels[] = {{S("email"), subject, body},
                                                   {S("sms"), NULL, sms}};
static const struct str topics[] = {S("news")};
static const struct str parts[] = {S("subject"), S("text"), S("sms")};
static const struct campaign_template templates[] = {
    {S("a"), parts, 3}, {S("b"), parts, 3}, {S("c"), parts, 3}};

static const char segments[] = "vip: { where: 'customer.points > 10', tracked: true }\n"
                               "rest: customer.points <= 10\n";

static void setup(void) {
    struct err e = ERR_INIT;
    struct yamlfile file;
    struct diags d;
    arena = arena_new(0);
    diags_init(&d, arena);
    names = (struct campaign_names){channels, 2, topics, 1, templates, 3, NULL};
    set = (struct campaign_set){.n_segments = 0};
    ck_assert(wallclock_zone(S("Asia/Taipei"), &names.zone, &e));
    ck_assert(yamlfile_parse(arena, S("segments.yaml"), str_from(segments), &file, &d));
    segment_read(arena, &file, &set.catalog, NULL, &set.segments, &set.n_segments, &d);
    ck_assert_uint_eq(d.n, 0);
}

static void teardown(void) {
    arena_free(arena);
}

static void read_text(struct str text, struct campaign *c, struct diags *d) {
    struct yamlfile file;
    diags_init(d, arena);
    if (yamlfile_parse(arena, S("c.yaml"), text, &file, d))
        campaign_file_read(arena, &file, &set, &names, c, d);
}

static const char *said(const struct diags *d) {
    struct buf b = BUF_IN(arena);
    for (size_t i = 0; i < d->n; i++)
        buf_printf(&b, "%d:%d: %.*s\n", d->list[i].place.line, d->list[i].place.column,
                   STR_FMT(d->list[i].text));
    return buf_cstr(&b);
}

/* ---- triggers */

static void write_literal(struct buf *b, const char *name, bool there, struct value v) {
    if (!there)
        return;
    buf_printf(b, " %s=", name);
    cel_write_value(b, v, 50);
}

static const char *trigger_text(const struct trigger *t) {
    static const char *const kinds[] = {"event", "absence", "date", "schedule", "once"};
    static const char *const backlogs[] = {"skip", "all", "spread"};
    struct buf b = BUF_IN(arena);
    buf_printf(&b, "%s %.*s", kinds[t->kind], STR_FMT(t->event));
    if (t->segment.n)
        buf_printf(&b, " segment=%.*s", STR_FMT(t->segment));
    if (t->attribute.n)
        buf_printf(&b, " attribute=%.*s", STR_FMT(t->attribute));
    write_literal(&b, "from", t->has_from, t->from);
    write_literal(&b, "to", t->has_to, t->to);
    if (t->kind == TRIGGER_ABSENCE)
        buf_printf(&b, " for=%" PRId64 "h %s %" PRId64 "h%s", t->for_us / 3600000000,
                   backlogs[t->backlog], t->spread_us / 3600000000, t->never ? " never" : "");
    if (t->kind == TRIGGER_DATE)
        buf_printf(&b, " %s%+dd %02d:%02d", t->yearly ? "yearly " : "", t->shift_days,
                   t->minute / 60, t->minute % 60);
    if (t->cron)
        buf_printf(&b, " cron");
    if (t->at_us)
        buf_printf(&b, " at=%" PRId64, t->at_us / 1000000);
    return buf_cstr(&b);
}

static const struct {
    const char *yaml, *want;
} triggers[] = {
    {"event: order.placed", "event order.placed"},
    {"absence: order.placed, for: 60d", "absence order.placed for=1440h skip 0h"},
    {"absence: x, for: 2w, backlog: all, never: true", "absence x for=336h all 0h never"},
    {"absence: x, for: 1h, backlog: spread over 7d", "absence x for=1h spread 168h"},
    {"absence: x, for: 1h, backlog: skip", "absence x for=1h skip 0h"},
    {"attribute: plan", "event customer.changed attribute=plan"},
    {"attribute: customer.plan.name, to: gold",
     "event customer.changed attribute=plan.name to=\"gold\""},
    {"attribute: plan, from: null, to: 3", "event customer.changed attribute=plan from=null to=3"},
    {"attribute: plan, from: free, to: ~",
     "event customer.changed attribute=plan from=\"free\" to=null"},
    {"attribute: plan, from: true, to: 'true'",
     "event customer.changed attribute=plan from=true to=\"true\""},
    {"segment: vip, on: entered", "event segment.entered segment=vip"},
    {"segment: vip, on: left", "event segment.left segment=vip"},
    {"date: birthday, every: year, before: 30d, at: '08:30'",
     "date  attribute=birthday yearly -30d 08:30"},
    {"date: customer.birthday, every: year, after: 1w",
     "date  attribute=birthday yearly +7d 09:00"},
    {"date: trial.ends", "date  attribute=trial.ends +0d 09:00"},
    {"date: renews_on, event: subscription.renewed, before: 2d, at: 7:05",
     "date subscription.renewed attribute=renews_on -2d 07:05"},
    {"schedule: '0 9 * * mon'", "schedule  cron"},
    {"at: 2026-12-01 10:00", "once  at=1796090400"},
    {"at: 2026-12-01T10:00:00Z", "once  at=1796119200"},
    {"once: true", "once "},
};

START_TEST(trigger) {
    struct campaign c;
    struct diags d;
    read_text(str_printf(arena,
                         "campaign: t\ntrigger: { %s }\nsteps: [ { send: { channel: email, topic: "
                         "news, template: a } } ]\n",
                         triggers[_i].yaml),
              &c, &d);
    ck_assert_msg(d.n == 0, "%s: %s", triggers[_i].yaml, said(&d));
    ck_assert_str_eq(trigger_text(&c.trigger), triggers[_i].want);
    ck_assert(!c.journey);
}
END_TEST

/* Mistakes in a trigger, and in a condition that has no `event` to look at. */
static const struct {
    const char *yaml, *want; /* part of what is said */
} wrong_triggers[] = {
    {"{}", "a trigger needs `event`, `absence`"},
    {"{ event: a, absence: b, for: 1d }", "a trigger with `absence` takes no `event`"},
    {"{ absence: a }", "a trigger with `absence` needs `for`"},
    {"{ absence: a, for: soon }", "`for` must be a span of time, not `soon`"},
    {"{ absence: a, for: 1d, backlog: some }", "`backlog` must be `skip`, `all` or"},
    {"{ event: a, to: gold }", "a trigger with `event` takes no `to`"},
    {"{ attribute: plan, to: [a] }", "`to` must be one value, not a list"},
    {"{ segment: vip }", "a trigger with `segment` needs `on`"},
    {"{ segment: vup, on: left }", "there is no segment `vup`"},
    {"{ segment: rest, on: left }", "`rest` is not tracked"},
    {"{ segment: vip, on: exit }", "`on` must be `entered` or `left`"},
    {"{ date: b, every: month }", "`every` must be `year`"},
    {"{ date: b, before: 36h }", "`before` is counted in whole days"},
    {"{ date: b, before: 1d, after: 1d }", "`before` or `after`, not both"},
    {"{ date: b, at: 25:00 }", "`25:00` is not a time of day"},
    {"{ schedule: every day }", "every day"},
    {"{ at: tomorrow }", "`at` must be a date and time, not `tomorrow`"},
    {"{ once: false }", "`once` can only be `true`"},
    {"{ once: true }\naudience: event.x == 1", "unknown name `event`"},
    {"{ schedule: '@daily' }\naudience: event.x == 1", "unknown name `event`"},
    {"{ date: birthday }\naudience: event.x == 1", "unknown name `event`"},
};

START_TEST(wrong_trigger) {
    struct campaign c;
    struct diags d;
    read_text(str_printf(arena,
                         "trigger: %s\ncampaign: t\nsteps: [ { send: { channel: email, topic: "
                         "news, template: a } } ]\n",
                         wrong_triggers[_i].yaml),
              &c, &d);
    ck_assert_msg(d.errors >= 1 &&
                      str_find(str_from(said(&d)), str_from(wrong_triggers[_i].want)) >= 0,
                  "%s: wanted \"%s\", got \"%s\"", wrong_triggers[_i].yaml, wrong_triggers[_i].want,
                  said(&d));
}
END_TEST

/* `event` is the last one of an absence, and the one with the date. */
START_TEST(conditions_see_the_event) {
    static const char *const good[] = {"{ absence: a, for: 1d }", "{ date: d, event: a }",
                                       "{ attribute: plan }", "{ segment: vip, on: left }"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct campaign c;
        struct diags d;
        read_text(str_printf(arena,
                             "campaign: t\ntrigger: %s\naudience: event.name != \"x\"\nsteps: [ { "
                             "send: { channel: email, topic: news, template: a } } ]\n",
                             good[i]),
                  &c, &d);
        ck_assert_msg(d.n == 0, "%s: %s", good[i], said(&d));
    }
}
END_TEST

/* ---- steps */

static void write_values(struct buf *b, const struct step_values *v) {
    for (size_t i = 0; i < v->n; i++) {
        buf_printf(b, " %.*s=", STR_FMT(v->list[i].name));
        if (v->list[i].program)
            buf_printf(b, "(%.*s)", STR_FMT(cel_program_source(v->list[i].program)));
        else
            cel_write_value(b, v->list[i].value, 50);
    }
}

static void write_wait(struct buf *b, const struct step_wait *w) {
    switch (w->kind) {
    case WAIT_SPAN:
        buf_printf(b, " %dd+%" PRId64 "s", w->days, w->us / 1000000);
        return;
    case WAIT_UNTIL:
        if (w->until)
            buf_printf(b, " until (%.*s)", STR_FMT(cel_program_source(w->until)));
        else
            buf_printf(b, " until %" PRId64, w->at_us / 1000000);
        return;
    case WAIT_TIME:
        buf_printf(b, " at %d on %x", w->minute, w->weekdays);
        return;
    case WAIT_EVENT:
        buf_printf(b, " for %.*s%s %" PRId64 "s", STR_FMT(w->event), w->where ? " where" : "",
                   w->us / 1000000);
        return;
    }
}

static void write_step(struct buf *b, const struct step *s) {
    static const char *const kinds[] = {"send", "wait", "split", "update", "emit", "go", "stop"};
    buf_printf(b, "%.*s: %s", STR_FMT(s->id), kinds[s->kind]);
    if (s->kind == STEP_SEND)
        buf_printf(b, " %.*s/%.*s %.*s", STR_FMT(s->u.send.channel), STR_FMT(s->u.send.topic),
                   STR_FMT(s->u.send.template));
    if (s->kind == STEP_SEND && s->u.send.fallback)
        buf_printf(b, " else %.*s/%.*s %.*s", STR_FMT(s->u.send.fallback->channel),
                   STR_FMT(s->u.send.fallback->topic), STR_FMT(s->u.send.fallback->template));
    if (s->kind == STEP_WAIT)
        write_wait(b, &s->u.wait);
    if (s->kind == STEP_UPDATE || s->kind == STEP_EMIT) {
        buf_printf(b, "%s%.*s", s->u.values.event.n ? " " : "", STR_FMT(s->u.values.event));
        write_values(b, &s->u.values);
    }
    if (s->kind == STEP_STOP)
        buf_printf(b, " %.*s", STR_FMT(s->u.reason));
    for (size_t i = 0; s->kind == STEP_SPLIT && i < s->u.split.n_variants; i++)
        buf_printf(b, " %.*s:%u->%zu", STR_FMT(s->u.split.variants[i].name),
                   s->u.split.variants[i].share_ppm, s->u.split.variants[i].first);
    if (s->when)
        buf_printf(b, " when (%.*s)", STR_FMT(s->when_text));
    buf_printf(b, " ->%zu/%zu\n", s->next, s->otherwise);
}

static const struct {
    const char *yaml, *want;
} lists[] = {
    {"- send: { channel: email, topic: news, template: a }\n"
     "- wait: 3d\n"
     "- when: customer.x == 1\n"
     "  send: { channel: sms, topic: news, template: b }\n",
     "a: send email/news a ->1/1\n"
     "wait-1: wait 3d+0s ->2/2\n"
     "b: send sms/news b when (customer.x == 1) ->3/3\n"},
    {"- wait: 1w2d12h\n- wait: 36h\n- { id: pause, wait: 1d }\n- wait: 90m\n",
     "wait-1: wait 9d+43200s ->1/1\n"
     "wait-2: wait 0d+129600s ->2/2\n"
     "pause: wait 1d+0s ->3/3\n"
     "wait-4: wait 0d+5400s ->4/4\n"},
    {"- wait: { until: 2026-12-24 10:00 }\n- wait: { until: now + days(3) }\n"
     "- wait: { time: '09:00', days: [mon, Tuesday] }\n- wait: { time: 18:30 }\n",
     "wait-1: wait until 1798077600 ->1/1\n"
     "wait-2: wait until (now + days(3)) ->2/2\n"
     "wait-3: wait at 540 on 6 ->3/3\n"
     "wait-4: wait at 1110 on 0 ->4/4\n"},
    {"- wait: { event: y, where: event.amount > 5.0, timeout: 7d, on_timeout: [ { wait: 1d }, { "
     "stop: gone } ] }\n"
     "- wait: { event: z, timeout: 1h }\n",
     "wait-1: wait for y where 604800s ->3/1\n"
     "wait-2: wait 1d+0s ->2/2\n"
     "stop-1: stop gone ->3/3\n"
     "wait-3: wait for z 3600s ->4/4\n"},
    {"- branch:\n"
     "  - { when: customer.x == 1, steps: [ { wait: 1d }, { wait: 2d } ] }\n"
     "  - { when: customer.x == 2, steps: [ { stop: true } ] }\n"
     "  - { else: [ { wait: 3d } ] }\n"
     "- wait: 4d\n",
     "branch-1: go when (customer.x == 1) ->1/3\n"
     "wait-1: wait 1d+0s ->2/2\n"
     "wait-2: wait 2d+0s ->6/6\n"
     "branch-1.2: go when (customer.x == 2) ->4/5\n"
     "stop-1: stop  ->6/6\n"
     "wait-3: wait 3d+0s ->6/6\n"
     "wait-4: wait 4d+0s ->7/7\n"},
    /* without else, with `when`, and in one another */
    {"- id: out\n"
     "  when: customer.y == 1\n"
     "  branch:\n"
     "  - when: customer.x == 1\n"
     "    steps:\n"
     "    - branch: [ { when: customer.z == 1, steps: [ { wait: 1d } ] } ]\n",
     "out: go when (customer.y == 1) ->1/4\n"
     "out.2: go when (customer.x == 1) ->2/4\n"
     "branch-2: go when (customer.z == 1) ->3/4\n"
     "wait-1: wait 1d+0s ->4/4\n"},
    {"- split:\n"
     "    id: subject\n"
     "    variants:\n"
     "      one: { share: 33.33%, steps: [ { wait: 1d } ] }\n"
     "      two: { share: 33.33%, steps: [] }\n"
     "      three: { share: 33.34%, steps: [ { send: { channel: email, topic: news, template: a } "
     "} "
     "] }\n"
     "- stop: true\n",
     "subject: split one:333300->1 two:333300->3 three:333400->2 ->3/3\n"
     "wait-1: wait 1d+0s ->3/3\n"
     "a: send email/news a ->3/3\n"
     "stop-1: stop  ->4/4\n"},
    {"- update: { tier: gold, score: { cel: customer.score + 1 }, address: { city: X } }\n"
     "- emit: { event: club.joined, properties: { tier: { cel: customer.tier }, n: 1 } }\n"
     "- when: customer.score > 3\n"
     "  stop: true\n"
     "- emit: { event: bare }\n",
     "update-1: update tier=\"gold\" score=(customer.score + 1) address={\"city\": \"X\"} ->1/1\n"
     "emit-1: emit club.joined tier=(customer.tier) n=1 ->2/2\n"
     "stop-1: stop  when (customer.score > 3) ->3/3\n"
     "emit-2: emit bare ->4/4\n"},
    {"- send: { id: first, channel: email, topic: news, template: a, else: { channel: sms, "
     "template: "
     "b } }\n"
     "- { id: second, send: { channel: email, legal: transactional, template: a, else: { channel: "
     "sms, template: a } } }\n",
     "first: send email/news a else sms/news b ->1/1\n"
     "second: send email/ a else sms/ a ->2/2\n"},
};

START_TEST(steps) {
    struct campaign c;
    struct diags d;
    struct buf got = BUF_IN(arena);
    read_text(str_printf(arena, "campaign: t\ntrigger: { event: x }\nsteps:\n%s", lists[_i].yaml),
              &c, &d);
    ck_assert_msg(d.n == 0, "%s: %s", lists[_i].yaml, said(&d));
    for (size_t i = 0; i < c.n_steps; i++)
        write_step(&got, &c.steps[i]);
    ck_assert_str_eq(buf_cstr(&got), lists[_i].want);
    ck_assert(c.journey);
    for (size_t i = 0; i < c.n_steps; i++)
        ck_assert_uint_eq(campaign_step(&c, c.steps[i].id), i);
}
END_TEST

/* ---- what stands beside the steps */

START_TEST(keys) {
    static const char text[] =
        "campaign: t\ntrigger: { event: x }\n"
        "exit: [ { event: y, where: event.a > 1 }, { event: z }, customer.gone == true ]\n"
        "goal: { event: order.placed, within: 7d, ends: false }\n"
        "reentry: every 90d\nmigrate: move\npast_due: spread over 2h\n"
        "send_window: { from: '22:00', to: '06:30', days: [sat, sun] }\n"
        "quiet_hours: off\ncaps: off\npriority: -7\n"
        "steps: [ { send: { channel: email, topic: news, template: a } } ]\n";
    struct campaign c;
    struct diags d;
    read_text(str_from(text), &c, &d);
    ck_assert_msg(d.n == 0, "%s", said(&d));
    ck_assert(c.journey);
    ck_assert_uint_eq(c.n_exits, 3);
    ck_assert(str_eq(c.exits[0].text, S("y where event.a > 1")) && c.exits[0].where);
    ck_assert(str_eq(c.exits[1].event, S("z")) && !c.exits[1].where);
    ck_assert(c.exits[2].event.n == 0 && c.exits[2].where);
    ck_assert(c.goal.goes_on);
    ck_assert_int_eq(c.reentry, REENTRY_EVERY);
    ck_assert_int_eq(c.reentry_us, INT64_C(90) * 86400 * 1000000);
    ck_assert_int_eq(c.migrate, MIGRATE_MOVE);
    ck_assert_int_eq(c.past_due, PAST_DUE_SPREAD);
    ck_assert_int_eq(c.past_due_us, INT64_C(7200) * 1000000);
    ck_assert_int_eq(c.send_window.from_minute, 22 * 60);
    ck_assert_int_eq(c.send_window.to_minute, 6 * 60 + 30);
    ck_assert_uint_eq(c.send_window.weekdays, 1u << 6 | 1u);
    ck_assert(c.ignores_quiet_hours && c.ignores_caps);
    ck_assert_int_eq(c.priority, -7);
}
END_TEST

START_TEST(defaults) {
    static const char text[] = "campaign: t\ntrigger: { event: x }\nsteps: [ { send: { channel: "
                               "email, topic: news, template: a } } ]\n";
    struct campaign c;
    struct diags d;
    read_text(str_from(text), &c, &d);
    ck_assert_msg(d.n == 0, "%s", said(&d));
    ck_assert(!c.journey && !c.ignores_caps && !c.ignores_quiet_hours && !c.goal.goes_on);
    ck_assert_int_eq(c.reentry, REENTRY_ALWAYS);
    ck_assert_int_eq(c.migrate, MIGRATE_KEEP);
    ck_assert_int_eq(c.past_due, PAST_DUE_SPREAD);
    ck_assert_int_eq(c.past_due_us, INT64_C(3600) * 1000000);
    ck_assert_int_eq(c.send_window.from_minute, c.send_window.to_minute);
}
END_TEST

/* Too many, too deep: one message, and it ends. */
START_TEST(bounds) {
    struct campaign c;
    struct diags d;
    struct buf b = BUF_IN(arena);
    buf_printf(&b, "campaign: t\ntrigger: { event: x }\nsteps:\n");
    for (int i = 0; i < 600; i++)
        buf_printf(&b, "- wait: 1d\n");
    read_text(buf_str(&b), &c, &d);
    ck_assert_uint_eq(d.errors, 1);
    ck_assert(str_find(d.list[0].text, S("more than 500 steps")) >= 0);
    ck_assert_uint_eq(c.n_steps, 500);
    b.n = 0;
    buf_printf(&b, "campaign: t\ntrigger: { event: x }\nsteps: ");
    for (int i = 0; i < 12; i++)
        buf_printf(&b, "[ { branch: [ { else: ");
    buf_printf(&b, "[ { wait: 1d } ]");
    for (int i = 0; i < 12; i++)
        buf_printf(&b, " } ] } ]");
    read_text(buf_str(&b), &c, &d);
    ck_assert_msg(d.errors == 1 && str_find(d.list[0].text, S("more than 8 deep")) >= 0, "%s",
                  said(&d));
}
END_TEST

Suite *suite_campaign(void) {
    Suite *s = suite_create("campaign");
    TCase *t = tcase_create("campaign");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, trigger, 0, COUNT(triggers));
    tcase_add_loop_test(t, wrong_trigger, 0, COUNT(wrong_triggers));
    tcase_add_test(t, conditions_see_the_event);
    tcase_add_loop_test(t, steps, 0, COUNT(lists));
    tcase_add_test(t, keys);
    tcase_add_test(t, defaults);
    tcase_add_test(t, bounds);
    suite_add_tcase(s, t);
    return s;
}
