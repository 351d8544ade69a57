/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/arm.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "engine/decide/chance.h"
#include "engine/decide/match.h"

#define NEVER INT64_MAX
#define DATE_AGAIN_US (2 * CALENDAR_DAY_US) /* who moves to another zone has one birthday */

struct customer_timer *arm_timer(struct deciding *x, const struct campaign *c) {
    struct profile *p = x->profile;
    for (size_t i = 0; i < p->n_timers; i++)
        if (str_eq(p->timers[i].campaign->id, c->id))
            return &p->timers[i];
    if (p->n_timers >= p->cap_timers) {
        size_t cap = p->n_timers * 2 + 4;
        p->timers = arena_grow(x->arena, p->timers, p->n_timers * sizeof *p->timers,
                               cap * sizeof *p->timers);
        p->cap_timers = cap;
    }
    struct customer_timer *t = &p->timers[p->n_timers++];
    *t = (struct customer_timer){.campaign = c, .due_us = NEVER, .since_us = INT64_MIN};
    return t;
}

static void set_due(struct customer_timer *t, int64_t due_us) {
    t->changed |= t->due_us != due_us;
    t->due_us = due_us;
}

/* ---- absences */

static int64_t by_backlog(const struct deciding *x, const struct campaign *c) {
    const struct str parts[] = {S("backlog"), c->id, x->profile->key};
    switch (c->trigger.backlog) {
    case BACKLOG_ALL:
        return x->now_us;
    case BACKLOG_SPREAD:
        return chance_within(x->salt, parts, 3, x->now_us, c->trigger.spread_us);
    case BACKLOG_SKIP:
        break;
    }
    return NEVER;
}

static void arm_absence(struct deciding *x, const struct campaign *c, const struct event *e) {
    struct customer_timer *t = arm_timer(x, c);
    int64_t due = e->occurred_us + c->trigger.for_us;
    if (e->occurred_us < t->since_us)
        return; /* something newer is known */
    t->since_us = e->occurred_us;
    t->event = *e;
    t->has_event = str_eq(e->name, c->trigger.event);
    t->changed = true;
    set_due(t, due < x->now_us && e->mode != EVENT_TRIGGER ? by_backlog(x, c) : due);
}

/* ---- dates */

/* The day that a DATE campaign looks at; false: the customer or the event has none. */
static bool date_of(const struct deciding *x, const struct campaign *c, const struct event *e,
                    struct civil *out) {
    const struct zone *z = match_zone(x->workspace, x->profile);
    const struct value *v =
        value_path(e ? &e->properties : &x->profile->attributes, c->trigger.attribute);
    if (!v)
        return false;
    if (value_is(*v, V_TIMESTAMP)) {
        wallclock_local(z, v->u.i, out);
        return true;
    }
    return value_is(*v, V_STRING) && calendar_parse_date(value_text(*v), z, out);
}

static int64_t date_after(const struct deciding *x, const struct campaign *c,
                          const struct civil *date, int64_t us) {
    const struct zone *z = match_zone(x->workspace, x->profile);
    const struct trigger *t = &c->trigger;
    if (t->yearly)
        return calendar_next_yearly(z, date, t->shift_days, t->minute, us);
    int64_t at = calendar_of_date(z, date, t->shift_days, t->minute);
    return at > us ? at : NEVER;
}

/* e: the event with the date; NULL: it is among the attributes. */
static void arm_day(struct deciding *x, const struct campaign *c, const struct event *e) {
    struct customer_timer *t = arm_timer(x, c);
    struct civil date;
    int64_t after = x->now_us;
    if (!e && t->since_us != INT64_MIN && t->since_us + DATE_AGAIN_US > after)
        after = t->since_us + DATE_AGAIN_US;
    if (e) {
        t->event = *e;
        t->has_event = true;
        t->since_us = e->occurred_us;
        t->changed = true;
    }
    set_due(t, date_of(x, c, e, &date) ? date_after(x, c, &date, after) : NEVER);
}

/* ---- when */

void arm_event(struct deciding *x, const struct event *e) {
    size_t n;
    const struct campaign *const *list = campaign_set_timed_by(&x->workspace->rules, e->name, &n);
    for (size_t i = 0; i < n; i++) {
        const struct campaign *c = list[i];
        if (c->trigger.kind == TRIGGER_ABSENCE)
            arm_absence(x, c, e);
        else
            arm_day(x, c, c->trigger.event.n ? e : NULL);
    }
}

void arm_next(struct deciding *x, struct customer_timer *t) {
    const struct campaign *c = t->campaign;
    struct civil date;
    int64_t due = t->due_us;
    t->changed = true;
    t->due_us = NEVER;
    if (c->trigger.kind != TRIGGER_DATE)
        return;
    if (!t->has_event)
        t->since_us = due;
    if (c->trigger.yearly && date_of(x, c, t->has_event ? &t->event : NULL, &date))
        t->due_us = date_after(x, c, &date, due > x->now_us ? due : x->now_us);
}

static void arm_customer(struct deciding *x, const struct campaign *c) {
    struct event made = {.name = S(EVENT_CUSTOMER_CREATED),
                         .occurred_us = x->profile->created_us,
                         .mode = EVENT_LIVE};
    if (c->trigger.kind == TRIGGER_ABSENCE)
        arm_absence(x, c, &made);
    else
        arm_day(x, c, NULL);
}

void decide_arm(struct deciding *x) {
    size_t n;
    const struct campaign *const *list =
        campaign_set_timed_by(&x->workspace->rules, S(EVENT_CUSTOMER_CREATED), &n);
    for (size_t i = 0; i < n; i++)
        arm_customer(x, list[i]);
}

void decide_arm_timer(struct deciding *x, const struct campaign *c, const struct event *last) {
    struct customer_timer *t = arm_timer(x, c);
    set_due(t, NEVER);
    t->since_us = INT64_MIN;
    t->has_event = false;
    if (last && c->trigger.kind == TRIGGER_ABSENCE)
        arm_absence(x, c, last);
    else if (last)
        arm_day(x, c, last);
    else if (c->trigger.kind == TRIGGER_ABSENCE ? c->trigger.never : !c->trigger.event.n)
        arm_customer(x, c);
}
