/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_review.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "rules/campaign_reach.h"
#include "rules/cel.h"
#include "rules/own_events.h"
#include "rules/window.h"

#include <inttypes.h>

#define TOGETHER_MOST 300u /* campaigns of one event that are compared with each other */

struct review {
    struct arena *a;
    const struct campaign *c;
    const struct campaign_care *care;
    struct diags *d;
};

static struct diag *warn(struct review *r, struct place at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static struct diag *warn(struct review *r, struct place at, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    struct str text = str_vprintf(r->a, fmt, ap);
    va_end(ap);
    return diags_add(r->d, DIAG_WARNING, at, r->c->source, "%.*s", STR_FMT(text));
}

/* ---- steps that nobody comes to. Of several in a row only the first is named. */

static void review_reach(struct review *r, const int64_t *earliest) {
    for (size_t i = 0; i < r->c->n_steps; i++) {
        const struct step *s = &r->c->steps[i];
        if (earliest[i] != REACH_NEVER || (i > 0 && earliest[i - 1] == REACH_NEVER))
            continue;
        warn(r, s->at, "the step `%.*s` is never reached", STR_FMT(s->id))->hint =
            S("what stands before it always ends the journey or goes another way");
    }
}

/* ---- messages after the end */

static void review_end(struct review *r, const int64_t *earliest) {
    int64_t end = r->c->expires_at_us;
    for (size_t i = 0; end && i < r->c->n_steps; i++) {
        const struct step *s = &r->c->steps[i];
        if (s->kind != STEP_SEND || earliest[i] == REACH_NEVER || earliest[i] < end)
            continue;
        warn(r, s->at, "the message `%.*s` is never sent: nobody comes to it before `expires`",
             STR_FMT(s->id))
            ->hint = S("make the waits before it shorter, or let the campaign expire later");
        return;
    }
}

/* ---- windows */

static bool sends_about_topics(const struct campaign *c) {
    for (size_t i = 0; i < c->n_steps; i++)
        if (c->steps[i].kind == STEP_SEND && !c->steps[i].u.send.transactional)
            return true;
    return false;
}

static void review_windows(struct review *r) {
    static const struct campaign_window none;
    const struct campaign *c = r->c;
    bool quiet = !c->ignores_quiet_hours && sends_about_topics(c);
    int minutes = window_longest_wait(&c->send_window, quiet ? &r->care->quiet_hours : &none);
    int64_t expires = c->expires_after_us / CALENDAR_DAY_US * CALENDAR_MINUTES +
                      c->expires_after_us % CALENDAR_DAY_US / (60 * WALLCLOCK_US_PER_S);
    if (minutes == WINDOW_NEVER) {
        diags_add(r->d, DIAG_ERROR, c->at, c->source,
                  "`send_window` lies in the quiet hours: no message of `%.*s` could ever leave",
                  STR_FMT(c->name))
            ->hint = S("change one of them, or write `quiet_hours: off` in the campaign");
    } else if (c->expires_after_us && expires < minutes) {
        warn(r, c->at,
             "messages of `%.*s` may wait up to %dh%02dm for the hours in which they may leave, "
             "but expire before",
             STR_FMT(c->name), minutes / 60, minutes % 60)
            ->hint = S("let them expire later");
    }
}

/* ---- the goal and the exits */

/* A wait for an event that ends the journey before the wait can see it. */
static void review_awaited(struct review *r) {
    const struct campaign *c = r->c;
    for (size_t i = 0; i < c->n_steps; i++) {
        const struct step *s = &c->steps[i];
        if (s->kind != STEP_WAIT || s->u.wait.kind != WAIT_EVENT || !s->u.wait.event.n)
            continue;
        if (!c->goal.goes_on && str_eq(c->goal.event, s->u.wait.event))
            warn(r, s->at, "this wait never sees `%.*s`: it is the goal, which ends the journey",
                 STR_FMT(s->u.wait.event))
                ->hint = S("write `ends: false` in the goal");
        for (size_t k = 0; k < c->n_exits; k++)
            if (!c->exits[k].where && str_eq(c->exits[k].event, s->u.wait.event))
                warn(r, s->at, "this wait never sees `%.*s`: it is an exit of the journey",
                     STR_FMT(s->u.wait.event));
    }
}

static void mark(const struct campaign *c, bool *marks, size_t i) {
    if (i < c->n_steps)
        marks[i] = true;
}

/* The steps that somebody can come to after a message. */
static const bool *after_messages(struct review *r) {
    const struct campaign *c = r->c;
    bool *marks = ARENA_ARRAY(r->a, bool, c->n_steps + 1);
    for (size_t i = 0; i < c->n_steps; i++) {
        const struct step *s = &c->steps[i];
        if (s->kind != STEP_SEND && !marks[i])
            continue;
        mark(c, marks, s->otherwise);
        if (s->kind != STEP_STOP && s->kind != STEP_SPLIT)
            mark(c, marks, s->next);
        for (size_t k = 0; s->kind == STEP_SPLIT && k < s->u.split.n_variants; k++)
            mark(c, marks, s->u.split.variants[k].first);
    }
    return marks;
}

static bool sends(const struct campaign *c) {
    for (size_t i = 0; i < c->n_steps; i++)
        if (c->steps[i].kind == STEP_SEND)
            return true;
    return false;
}

static void review_goal(struct review *r) {
    const struct campaign *c = r->c;
    if (!c->goal.event.n)
        return;
    if (!sends(c))
        warn(r, c->goal.at,
             "a goal is reached within a time after a message, but `%.*s` sends none",
             STR_FMT(c->name));
    const bool *after = after_messages(r);
    for (size_t i = 0; i < c->n_steps && !c->goal.goes_on; i++) {
        const struct step *s = &c->steps[i];
        if (!after[i] || s->kind != STEP_WAIT || s->u.wait.kind != WAIT_SPAN ||
            s->u.wait.days * CALENDAR_DAY_US + s->u.wait.us <= c->goal.within_us)
            continue;
        warn(r, s->at,
             "this wait is longer than the goal's `within`: `%.*s` near its end would end the "
             "journey without counting for a message",
             STR_FMT(c->goal.event))
            ->hint = S("make `within` at least as long as the waits between messages");
        return;
    }
}

/* ---- ways */

static void review_split(struct review *r, const struct step *s) {
    const struct step_split *split = &s->u.split;
    if (split->n_variants == 1)
        warn(r, s->at, "the split `%.*s` has one variant: everybody goes the same way",
             STR_FMT(split->id));
    for (size_t i = 0; i < split->n_variants; i++)
        if (split->variants[i].share_ppm == 0)
            warn(r, s->at, "nobody goes the way `%.*s` of the split `%.*s`: its share is 0%%",
                 STR_FMT(split->variants[i].name), STR_FMT(split->id));
}

/* A part of a branch that asks what one before it has asked. */
static void review_arms(struct review *r, size_t first) {
    const struct step *steps = r->c->steps;
    for (size_t i = steps[first].otherwise; i < r->c->n_steps; i = steps[i].otherwise) {
        const struct step *s = &steps[i];
        if (s->kind != STEP_GO || !s->when)
            return;
        if (str_eq(s->when_text, steps[first].when_text))
            warn(r, s->at, "this part is never reached: the one on line %d has the same condition",
                 steps[first].at.line);
    }
}

void campaign_review(struct arena *a, const struct campaign *c, const struct campaign_care *care,
                     struct diags *d) {
    struct review r = {a, c, care, d};
    const int64_t *earliest = campaign_reach(a, c);
    review_reach(&r, earliest);
    review_end(&r, earliest);
    review_windows(&r);
    review_awaited(&r);
    review_goal(&r);
    for (size_t i = 0; i < c->n_steps; i++) {
        if (c->steps[i].kind == STEP_SPLIT)
            review_split(&r, &c->steps[i]);
        if (c->steps[i].kind == STEP_GO && c->steps[i].when)
            review_arms(&r, i);
    }
}

/* ---- two campaigns at one event */

static bool covers(struct str pattern, struct str name) {
    return !pattern.n || str_eq(pattern, name);
}

static bool is_capped(const struct campaign *c, const struct campaign_cap *cap) {
    const struct step_send *send = &c->steps[0].u.send;
    return !c->ignores_caps && covers(cap->channel, send->channel) &&
           covers(cap->topic, send->topic);
}

/* One cap holds back whichever of both comes later. */
static bool share_a_cap(const struct campaign *x, const struct campaign *y,
                        const struct campaign_care *care) {
    for (size_t i = 0; i < care->n_caps; i++)
        if (is_capped(x, &care->caps[i]) && is_capped(y, &care->caps[i]))
            return true;
    return false;
}

/* A message that the customer's own deal requires does not tire anybody. */
static bool may_tire(const struct campaign *c) {
    return c->per_customer.most == 0 && c->reentry != REENTRY_ONCE && c->n_steps > 0 &&
           c->steps[0].kind == STEP_SEND && !c->steps[0].u.send.transactional;
}

/* Whether what stands beside the event's name lets only one of them start. */
static bool start_apart(const struct trigger *x, const struct trigger *y) {
    return (x->segment.n && y->segment.n && !str_eq(x->segment, y->segment)) ||
           (x->attribute.n && y->attribute.n && !str_eq(x->attribute, y->attribute));
}

static bool exclusive(const struct campaign *x, const struct campaign *y) {
    return start_apart(&x->trigger, &y->trigger) ||
           (x->audience && y->audience && cel_program_exclusive(x->audience, y->audience));
}

static void compare_with_earlier(struct review *r, const struct campaign *const *list, size_t i) {
    const struct campaign *other = NULL;
    size_t more = 0;
    for (size_t k = 0; k < i; k++) {
        if (!may_tire(list[k]) || exclusive(list[k], r->c) || share_a_cap(list[k], r->c, r->care))
            continue;
        more += other != NULL;
        other = other ? other : list[k];
    }
    if (!other)
        return;
    struct str others = more ? str_printf(r->a, " and %zu more", more) : S("");
    warn(r, r->c->trigger.at,
         "the campaigns `%.*s` and `%.*s`%.*s start with the same event and have no limit: a "
         "customer can get them within the hour",
         STR_FMT(r->c->name), STR_FMT(other->name), STR_FMT(others))
        ->hint = S("write for example `limits: { per_customer: 1 per 7d }`, `caps` in godwit.yaml, "
                   "or audiences that exclude each other");
}

void campaign_review_together(struct arena *a, const struct campaign_set *set,
                              const struct campaign_care *care, struct diags *d) {
    for (size_t i = 0; i < set->n_campaigns; i++) {
        struct review r = {a, set->campaigns[i], care, d};
        size_t n = 0, at = 0;
        if (r.c->trigger.kind != TRIGGER_EVENT || !may_tire(r.c))
            continue;
        const struct campaign *const *list = campaign_set_started_by(set, r.c->trigger.event, &n);
        while (at < n && list[at] != r.c)
            at++;
        if (at < n && at < TOGETHER_MOST)
            compare_with_earlier(&r, list, at);
    }
}

/* ---- one campaign at what becomes of its own messages */

/* Whether the audience cannot be true of an event about the campaign's own messages. */
static bool is_about_others(struct arena *a, const struct campaign *c) {
    size_t n = 0;
    const struct cel_requirement *list =
        c->audience ? cel_program_requires(c->audience, a, &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        bool own = !str_eq(list[i].path, S("event.campaign"));
        for (size_t k = 0; k < list[i].n && !own; k++)
            own = value_is(list[i].values[k], V_STRING) &&
                  str_eq(value_text(list[i].values[k]), c->id);
        if (!own)
            return true;
    }
    return false;
}

void campaign_review_circles(struct arena *a, const struct campaign_set *set, struct diags *d) {
    for (size_t i = 0; i < set->n_campaigns; i++) {
        const struct campaign *c = set->campaigns[i];
        if (c->trigger.kind != TRIGGER_EVENT || !own_events_reserved(c->trigger.event) ||
            c->per_customer.most || c->reentry == REENTRY_ONCE || is_about_others(a, c))
            continue;
        struct diag *x = diags_add(
            d, DIAG_WARNING, c->trigger.at, c->source,
            own_events_by_itself(c->trigger.event)
                ? "`%.*s` starts with `%.*s`, also of its own messages, and so writes for ever"
                : "`%.*s` starts with `%.*s`, also of its own messages, as often as that happens",
            STR_FMT(c->name), STR_FMT(c->trigger.event));
        x->hint =
            S("name the other campaign in `audience`, as in `event.campaign == \"welcome\"`, or "
              "write `limits: { per_customer: once }`");
    }
}
