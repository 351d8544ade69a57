/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/decide.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "engine/decide/arm.h"
#include "engine/decide/chance.h"
#include "engine/decide/gates.h"
#include "engine/decide/journey.h"

#include <inttypes.h>
#include <stdlib.h>

static const struct {
    const char *name;
    bool entry, message;
} outcomes[OUTCOMES] = {
    [OUTCOME_SEND] = {"send", true, true},
    [OUTCOME_HELD_OUT] = {"held_out", true, true},
    [OUTCOME_SUPPRESSED] = {"suppressed", true, false},
    [OUTCOME_CAPPED] = {"capped", true, false},
    [OUTCOME_FAILED] = {"failed", true, false},
    [OUTCOME_STALE] = {"stale", false, false},
    [OUTCOME_ERROR] = {"error", false, false},
};

bool outcome_is_entry(enum outcome o) {
    return outcomes[o].entry;
}

const char *outcome_name(enum outcome o) {
    return outcomes[o].name;
}

/* ---- entering */

/* Of the messages and entries of the campaign that count; only journeys are limited here, as they
 * may send several messages an entry. */
static int64_t entries_within(const struct profile *p, const struct campaign *c, int64_t from_us) {
    int64_t n = 0;
    for (size_t i = 0; i < p->n_enrolments; i++)
        n += p->enrolments[i].entered_us > from_us && str_eq(p->enrolments[i].campaign_id, c->id);
    for (size_t i = 0; i < p->n_messages; i++) {
        const struct profile_message *m = &p->messages[i];
        bool counted =
            !str_eq(m->campaign, c->id) || m->at_us <= from_us || !message_status_counts(m->status);
        for (size_t k = 0; k < i && !counted; k++)
            counted = str_eq(p->messages[k].campaign, c->id) &&
                      str_eq(p->messages[k].occurrence, m->occurrence);
        for (size_t k = 0; k < p->n_enrolments && !counted; k++)
            counted = str_eq(p->enrolments[k].campaign_id, c->id) &&
                      str_eq(p->enrolments[k].occurrence, m->occurrence);
        n += !counted;
    }
    return n;
}

static bool is_limited(struct deciding *x, const struct journey_start *s) {
    const struct campaign_limit *limit = &s->campaign->per_customer;
    if (!limit->most)
        return false;
    int64_t from = limit->span_us ? s->at_us - limit->span_us : INT64_MIN;
    int64_t used = entries_within(x->profile, s->campaign, from);
    if (used < limit->most)
        return false;
    struct str often = used == 1 ? S("once") : str_printf(x->arena, "%" PRId64 " times", used);
    journey_refuse(x, s, OUTCOME_CAPPED, "limit",
                   str_printf(x->arena, "entered this campaign %.*s; the limit is %.*s",
                              STR_FMT(often), STR_FMT(limit->text)));
    return true;
}

/* The campaign starts for this customer, if its audience says so. */
static void start(struct deciding *x, const struct journey_start *s, struct match_scope *scope) {
    const struct campaign *c = s->campaign;
    struct err e = ERR_INIT;
    enum match_result matched = match_campaign(scope, c, &e);
    if (matched == MATCH_NO || matched == MATCH_MISSING || c->n_steps == 0)
        return;
    if (matched == MATCH_ERROR) {
        journey_refuse(x, s, OUTCOME_ERROR, "audience", str_dup(x->arena, str_from(e.text)));
        return;
    }
    if (!c->journey) {
        journey_send(x, s, &c->steps[0], NULL);
        return;
    }
    struct str stale = s->entering ? gates_stale(c, s->event, x->now_us, x->arena) : STR_NONE;
    if (stale.n)
        journey_refuse(x, s, OUTCOME_STALE, "stale", stale);
    else if (!is_limited(x, s))
        journey_enter(x, s, scope);
}

/* ---- an event */

static void move_zone(struct deciding *x, const struct event *e) {
    const struct value *attribute = value_path(&e->properties, S("attribute"));
    const struct value *from = value_path(&e->properties, S("from"));
    const struct zone *old = x->workspace->settings.zone;
    struct err ignored = ERR_INIT;
    if (!attribute || !value_is(*attribute, V_STRING) ||
        !str_eq(value_text(*attribute), S("timezone")))
        return;
    if (from && value_is(*from, V_STRING) && !wallclock_zone(value_text(*from), &old, &ignored))
        old = x->workspace->settings.zone;
    journey_move_zone(x, old, match_zone(x->workspace, x->profile));
}

static int by_priority(const void *pa, const void *pb) {
    const struct campaign *a = *(const struct campaign *const *)pa;
    const struct campaign *b = *(const struct campaign *const *)pb;
    return a->priority != b->priority ? (a->priority < b->priority) - (a->priority > b->priority)
                                      : str_cmp(a->name, b->name);
}

/* The more important first, as it may take the last place under a cap. */
static const struct campaign **in_order(struct arena *a, const struct campaign *const *list,
                                        size_t n) {
    const struct campaign **sorted = ARENA_ARRAY(a, const struct campaign *, n + 1);
    for (size_t i = 0; i < n; i++)
        sorted[i] = list[i];
    if (n > 1)
        qsort(sorted, n, sizeof *sorted, by_priority);
    return sorted;
}

void decide(struct deciding *x, const struct event *e) {
    const struct campaign_set *rules = &x->workspace->rules;
    size_t n;
    arm_event(x, e);
    if (e->mode == EVENT_HISTORY)
        return;
    if (str_eq(e->name, S(EVENT_CUSTOMER_CHANGED)))
        move_zone(x, e);
    if (x->profile->n_enrolments && campaign_set_awaits(rules, e->name))
        journey_event(x, e);
    campaign_set_started_by(rules, e->name, &n);
    if (n == 0) /* most events: nothing is built for them */
        return;
    struct match_scope s;
    match_scope_init(&s, x->workspace, x->profile, e, e->occurred_us, x->arena);
    const struct campaign *const *list =
        campaign_set_match(rules, e->name, s.slots, CONDITION_SLOTS, x->arena, &n);
    const struct campaign **sorted = in_order(x->arena, list, n);
    for (size_t i = 0; i < n; i++) {
        if (!campaign_trigger_fits(sorted[i], e->properties))
            continue;
        struct journey_start one = {
            .campaign = sorted[i],
            .event = e,
            .entering = true,
            .occurrence = str_printf(x->arena, "e%" PRId64, e->id),
            .at_us = x->now_us,
        };
        start(x, &one, &s);
    }
}

/* ---- without an event */

void decide_wake(struct deciding *x, struct enrolment *n) {
    journey_wake(x, n);
}

/* Far behind its time: the campaign says what becomes of it. False: not now. */
static bool is_time(struct deciding *x, struct customer_timer *t) {
    const struct campaign *c = t->campaign;
    const struct str parts[] = {S("past_due"), c->id, x->profile->key};
    if (x->now_us - t->due_us <= CAMPAIGN_LATE_US || c->past_due == PAST_DUE_SEND)
        return true;
    if (c->past_due == PAST_DUE_SKIP) {
        arm_next(x, t);
        return false;
    }
    t->due_us = chance_within(x->salt, parts, 3, x->now_us, c->past_due_us);
    t->changed = true;
    return t->due_us == x->now_us;
}

void decide_timer(struct deciding *x, struct customer_timer *t) {
    const struct campaign *c = t->campaign;
    struct match_scope s;
    if (!is_time(x, t))
        return;
    int64_t at = x->now_us - t->due_us > CAMPAIGN_LATE_US ? x->now_us : t->due_us;
    struct event *e = NULL;
    if (t->has_event) { /* the timer's place in memory may change */
        e = ARENA_NEW(x->arena, struct event);
        *e = t->event;
    }
    struct journey_start one = {
        .campaign = c,
        .event = e,
        .occurrence = c->trigger.kind == TRIGGER_ABSENCE
                          ? str_printf(x->arena, "a%" PRId64, t->since_us)
                          : str_printf(x->arena, "d%" PRId64, t->due_us / WALLCLOCK_US_PER_S),
        .at_us = at,
    };
    arm_next(x, t);
    match_scope_init(&s, x->workspace, x->profile, e, at, x->arena);
    s.activation.at.id = INT64_MAX;
    start(x, &one, &s);
}

void decide_run(struct deciding *x, const struct campaign *c, int64_t at_us) {
    struct match_scope s;
    struct journey_start one = {
        .campaign = c,
        .occurrence = str_printf(x->arena, "r%" PRId64, at_us),
        .at_us = x->now_us - at_us > CAMPAIGN_LATE_US ? x->now_us : at_us,
    };
    match_scope_init(&s, x->workspace, x->profile, NULL, one.at_us, x->arena);
    start(x, &one, &s);
}

/* ---- what was decided counts */

void decide_remember(struct profile *p, const struct decision *d, struct arena *a) {
    if (!outcomes[d->outcome].message || !d->step)
        return;
    if (p->n_messages >= p->cap_messages) { /* also when the list was the caller's */
        size_t cap = p->n_messages * 2 + 8;
        p->messages = arena_grow(a, p->messages, p->n_messages * sizeof *p->messages,
                                 cap * sizeof *p->messages);
        p->cap_messages = cap;
    }
    p->messages[p->n_messages++] = (struct profile_message){
        .campaign = d->campaign->id,
        .step = d->step->id,
        .occurrence = d->occurrence,
        .channel = d->channel,
        .topic = d->topic,
        .at_us = d->due_us,
        .priority = d->priority,
        .transactional = d->topic.n == 0,
        .status = d->outcome == OUTCOME_SEND ? MESSAGE_QUEUED : MESSAGE_HELD_OUT,
    };
}

bool decide_displaces(const struct decision *d, const struct decision *earlier) {
    for (size_t i = 0; i < d->n_displaced && earlier->step; i++) {
        const struct profile_message *m = d->displaced[i];
        if (str_eq(m->campaign, earlier->campaign->id) && str_eq(m->step, earlier->step->id) &&
            str_eq(m->occurrence, earlier->occurrence))
            return true;
    }
    return false;
}

/* ---- why */

/* Whether decide() would evaluate the campaign at all: an audience that cannot be true is a no,
 * even where evaluating all of it would be an error. */
static bool is_candidate(const struct match_scope *s, const struct campaign *c) {
    size_t n;
    const struct campaign *const *list = campaign_set_match(
        &s->workspace->rules, s->event->name, s->slots, CONDITION_SLOTS, s->arena, &n);
    for (size_t i = 0; i < n; i++)
        if (list[i] == c)
            return true;
    return false;
}

static struct str not_triggered(struct arena *a, const struct campaign *c, const struct event *e) {
    if (e->mode == EVENT_HISTORY)
        return S("the event was imported as history, which starts no campaign");
    if (!str_eq(c->trigger.event, e->name))
        return str_printf(a, "the campaign starts with `%.*s`, not with `%.*s`",
                          STR_FMT(c->trigger.event), STR_FMT(e->name));
    return S("the event is not the change that starts the campaign");
}

/* The first message on the way; NULL: there is none. */
static const struct step *first_send(const struct campaign *c) {
    for (size_t i = 0; i < c->n_steps; i++)
        if (c->steps[i].kind == STEP_SEND)
            return &c->steps[i];
    return NULL;
}

/* Asking changes nothing: what would make room stays for the next question. */
static struct profile *copy_of(struct deciding *x) {
    struct profile *p = ARENA_NEW(x->arena, struct profile);
    *p = *x->profile;
    p->messages = ARENA_ARRAY(x->arena, struct profile_message, p->n_messages + 1);
    if (p->n_messages)
        memcpy(p->messages, x->profile->messages, p->n_messages * sizeof *p->messages);
    return p;
}

/* What the gates say of the first message. */
static void explain_gates(struct deciding *x, const struct journey_start *s,
                          struct explanation *out) {
    const struct step *step = first_send(s->campaign);
    if (!step)
        return;
    struct entry entry = journey_entry(x, s, step, &out->decision);
    entry.profile = copy_of(x);
    if (!gates_fill(&entry))
        return;
    out->decided = true;
    gates_explain(&entry, out);
    gates_pass(&entry);
}

void decide_explain(struct deciding *x, const struct campaign *c, const struct event *e,
                    struct explanation *out) {
    struct match_scope s;
    struct err err = ERR_INIT;
    bool by_event = c->trigger.kind == TRIGGER_EVENT;
    *out = (struct explanation){0};
    out->triggered = !by_event || (str_eq(c->trigger.event, e->name) && e->mode != EVENT_HISTORY &&
                                   campaign_trigger_fits(c, e->properties));
    if (!out->triggered) {
        out->why = not_triggered(x->arena, c, e);
        return;
    }
    struct journey_start one = {
        .campaign = c,
        .event = e,
        .entering = by_event,
        .occurrence = e ? str_printf(x->arena, "e%" PRId64, e->id) : S("-"),
        .at_us = x->now_us,
    };
    match_scope_init(&s, x->workspace, x->profile, e, by_event ? e->occurred_us : x->now_us,
                     x->arena);
    out->why = match_explain(&s, c);
    enum match_result matched = match_campaign(&s, c, &err);
    if (matched == MATCH_ERROR && by_event && !is_candidate(&s, c))
        matched = MATCH_NO;
    out->matched = matched == MATCH_YES;
    if (matched == MATCH_ERROR) {
        out->decided = true;
        out->decision = (struct decision){.campaign = c,
                                          .outcome = OUTCOME_ERROR,
                                          .gate = "audience",
                                          .reason = str_dup(x->arena, str_from(err.text))};
    }
    if (matched == MATCH_YES)
        explain_gates(x, &one, out);
}
