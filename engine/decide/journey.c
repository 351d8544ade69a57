/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/journey.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "engine/decide/chance.h"

#include <inttypes.h>

#define NEVER INT64_MAX

/* What a step leaves to be done. */
enum walk { WALK_ON, WALK_WAITS, WALK_ENDED };

/* One walk: an enrolment at an instant. */
struct walker {
    struct deciding *x;
    struct enrolment *n;
    const struct campaign *campaign;
    int64_t at_us;
    struct match_scope *scope; /* what conditions see; made anew when the customer changes */
    bool skip_sends;           /* came too late, and the campaign says so */
};

static enum walk do_send(struct walker *w, const struct step *s);
static enum walk do_wait(struct walker *w, const struct step *s);
static enum walk do_split(struct walker *w, const struct step *s);
static enum walk do_update(struct walker *w, const struct step *s);
static enum walk do_emit(struct walker *w, const struct step *s);
static enum walk do_go(struct walker *w, const struct step *s);
static enum walk do_stop(struct walker *w, const struct step *s);

static enum walk (*const does[])(struct walker *w, const struct step *s) = {
    [STEP_SEND] = do_send,     [STEP_WAIT] = do_wait, [STEP_SPLIT] = do_split,
    [STEP_UPDATE] = do_update, [STEP_EMIT] = do_emit, [STEP_GO] = do_go,
    [STEP_STOP] = do_stop,
};

/* ---- beginning and end */

static void finish(struct enrolment *n, int64_t at_us, const char *end, struct str detail) {
    n->ended_us = at_us;
    n->wake_us = NEVER;
    n->waiting = false;
    n->end = str_from(end);
    n->end_detail = detail;
    n->changed = true;
}

/* The place for a new one. Pointers into the list are good until the next. */
static struct enrolment *add_enrolment(struct profile *p, struct arena *a) {
    if (p->n_enrolments >= p->cap_enrolments) {
        size_t cap = p->n_enrolments * 2 + 4;
        p->enrolments = arena_grow(a, p->enrolments, p->n_enrolments * sizeof *p->enrolments,
                                   cap * sizeof *p->enrolments);
        p->cap_enrolments = cap;
    }
    p->enrolments[p->n_enrolments] = (struct enrolment){0};
    return &p->enrolments[p->n_enrolments++];
}

static bool may_enter(const struct profile *p, const struct campaign *c, int64_t at_us) {
    for (size_t i = 0; i < p->n_enrolments; i++) {
        const struct enrolment *n = &p->enrolments[i];
        if (!str_eq(n->campaign_id, c->id))
            continue;
        if (!n->ended_us || c->reentry == REENTRY_ONCE)
            return false;
        if (c->reentry == REENTRY_EVERY && n->entered_us > at_us - c->reentry_us)
            return false;
    }
    return true;
}

static void go_to(struct walker *w, size_t step) {
    w->n->step = step < w->campaign->n_steps ? w->campaign->steps[step].id : STR_NONE;
    w->n->waiting = false;
    w->n->changed = true;
}

static void look_again(struct walker *w) {
    struct deciding *x = w->x;
    const struct event *e = w->n->has_event ? &w->n->event : NULL;
    match_scope_init(w->scope, x->workspace, x->profile, e, w->at_us, x->arena);
    w->scope->activation.at.id = INT64_MAX; /* all that happened since counts */
    w->scope->campaign = w->campaign;
    w->scope->occurrence = w->n->occurrence;
}

static bool holds(struct walker *w, const struct cel_program *p) {
    struct err e = ERR_INIT;
    return match_condition(w->scope, p, &e) == MATCH_YES;
}

static bool leaves(struct walker *w) {
    for (size_t i = 0; i < w->campaign->n_exits; i++) {
        const struct campaign_exit *x = &w->campaign->exits[i];
        if (x->event.n || !x->where || !holds(w, x->where))
            continue;
        finish(w->n, w->at_us, "exit", x->text);
        return true;
    }
    return false;
}

static void walk(struct walker *w) {
    const struct campaign *c = w->campaign;
    enum walk on = leaves(w) ? WALK_ENDED : WALK_ON;
    while (on == WALK_ON) {
        size_t i = w->n->step.n ? campaign_step(c, w->n->step) : c->n_steps;
        const struct step *s = &c->steps[i];
        if (i == c->n_steps) {
            finish(w->n, w->at_us, "completed", STR_NONE);
            break;
        }
        bool skipped = !w->n->waiting && s->when && !holds(w, s->when);
        bool by_event = s->kind == STEP_WAIT && s->u.wait.kind == WAIT_EVENT;
        if (skipped)
            go_to(w, by_event ? s->next : s->otherwise);
        else
            on = does[s->kind](w, s);
    }
    w->n->changed = true;
}

void journey_enter(struct deciding *x, const struct journey_start *s, struct match_scope *scope) {
    const struct campaign *c = s->campaign;
    if (!may_enter(x->profile, c, s->at_us))
        return;
    struct enrolment *n = add_enrolment(x->profile, x->arena);
    *n = (struct enrolment){
        .campaign_id = c->id,
        .version = str_from(c->version),
        .campaign = c,
        .occurrence = s->occurrence,
        .entered_us = s->at_us,
        .step = c->n_steps ? c->steps[0].id : STR_NONE,
        .wake_us = s->at_us,
        .changed = true,
    };
    if (s->event) {
        n->event = *s->event;
        n->has_event = true;
    }
    struct walker w = {.x = x, .n = n, .campaign = c, .at_us = s->at_us, .scope = scope};
    scope->occurrence = n->occurrence;
    walk(&w);
    scope->occurrence = STR_NONE;
}

/* ---- going on */

/* A later version of the file may move people, or end their way. False: it has ended. */
static bool follow_version(struct deciding *x, struct enrolment *n, int64_t at_us) {
    const struct campaign *now =
        campaign_set_version(&x->workspace->rules, n->campaign_id, STR_NONE);
    if (!now) {
        finish(n, at_us, "removed", S("the campaign's file is not there any more"));
        return false;
    }
    if (str_eq(str_from(now->version), n->version)) {
        n->campaign = now;
        return true;
    }
    if (now->migrate == MIGRATE_EXIT || !now->journey) {
        finish(n, at_us, "exited", S("the campaign's file changed"));
        return false;
    }
    if (now->migrate == MIGRATE_MOVE) {
        size_t i = campaign_step(now, n->step);
        if (n->step.n && i == now->n_steps) {
            finish(n, at_us, "exited",
                   str_printf(x->arena, "the campaign's new file has no step `%.*s`",
                              STR_FMT(n->step)));
            return false;
        }
        n->waiting = n->waiting && now->steps[i].kind == STEP_WAIT;
        n->campaign = now;
        n->version = str_from(now->version);
        n->changed = true;
    }
    if (!n->campaign)
        finish(n, at_us, "unreadable", S("the version that was entered cannot be read any more"));
    return n->campaign != NULL;
}

/* False: not now. */
static bool is_time(struct walker *w) {
    const struct campaign *c = w->campaign;
    struct deciding *x = w->x;
    if (x->now_us - w->n->wake_us <= CAMPAIGN_LATE_US)
        return true;
    w->at_us = x->now_us;
    w->skip_sends = c->past_due == PAST_DUE_SKIP;
    if (c->past_due != PAST_DUE_SPREAD)
        return true;
    struct str parts[] = {S("past_due"), c->id, x->profile->key, w->n->occurrence};
    w->n->wake_us = chance_within(x->salt, parts, 4, x->now_us, c->past_due_us);
    w->n->changed = true;
    return w->n->wake_us == x->now_us;
}

void journey_wake(struct deciding *x, struct enrolment *n) {
    struct match_scope scope;
    if (n->ended_us || !follow_version(x, n, x->now_us))
        return;
    struct walker w = {
        .x = x, .n = n, .campaign = n->campaign, .at_us = n->wake_us, .scope = &scope};
    if (!is_time(&w))
        return;
    look_again(&w);
    walk(&w);
}

/* ---- events while inside */

static bool event_fits(struct deciding *x, const struct enrolment *n, const struct event *e,
                       struct str name, const struct cel_program *where) {
    struct match_scope s;
    struct err ignored = ERR_INIT;
    if (!name.n || !str_eq(name, e->name))
        return false;
    if (!where)
        return true;
    match_scope_init(&s, x->workspace, x->profile, e, e->occurred_us, x->arena);
    s.campaign = n->campaign;
    s.occurrence = n->occurrence;
    return match_condition(&s, where, &ignored) == MATCH_YES;
}

static bool ends_with(struct deciding *x, struct enrolment *n, const struct event *e) {
    const struct campaign *c = n->campaign;
    if (!c->goal.goes_on && event_fits(x, n, e, c->goal.event, NULL)) {
        finish(n, e->occurred_us, "goal", c->goal.event);
        return true;
    }
    for (size_t i = 0; i < c->n_exits; i++)
        if (event_fits(x, n, e, c->exits[i].event, c->exits[i].where)) {
            finish(n, e->occurred_us, "exit", c->exits[i].text);
            return true;
        }
    return false;
}

void journey_event(struct deciding *x, const struct event *e) {
    for (size_t i = 0; i < x->profile->n_enrolments; i++) {
        struct enrolment *n = &x->profile->enrolments[i];
        if (n->ended_us || !n->campaign || e->occurred_us < n->entered_us ||
            (n->has_event && n->event.id == e->id) || ends_with(x, n, e) || !n->waiting)
            continue;
        size_t at = campaign_step(n->campaign, n->step);
        const struct step *s = &n->campaign->steps[at];
        if (at == n->campaign->n_steps || s->kind != STEP_WAIT || s->u.wait.kind != WAIT_EVENT ||
            !event_fits(x, n, e, s->u.wait.event, s->u.wait.where))
            continue;
        struct match_scope scope;
        struct walker w = {
            .x = x, .n = n, .campaign = n->campaign, .at_us = x->now_us, .scope = &scope};
        go_to(&w, s->next);
        look_again(&w);
        walk(&w);
    }
}

/* ---- the steps */

static struct decision *add_decision(struct deciding *x) {
    struct decisions *out = x->out;
    if (out->n == out->cap) {
        size_t cap = out->cap ? out->cap * 2 : 4;
        out->list =
            arena_grow(x->arena, out->list, out->n * sizeof *out->list, cap * sizeof *out->list);
        out->cap = cap;
    }
    out->list[out->n] = (struct decision){0};
    return &out->list[out->n++];
}

void journey_refuse(struct deciding *x, const struct journey_start *s, enum outcome outcome,
                    const char *gate, struct str reason) {
    *add_decision(x) = (struct decision){
        .campaign = s->campaign,
        .outcome = outcome,
        .gate = gate,
        .reason = reason,
        .customer = x->profile->id,
        .event = s->event ? s->event->id : 0,
        .occurrence = s->occurrence,
        .due_us = s->at_us,
        .about = s->event,
    };
}

struct entry journey_entry(struct deciding *x, const struct journey_start *s,
                           const struct step *step, struct decision *out) {
    return (struct entry){
        .workspace = x->workspace,
        .profile = x->profile,
        .campaign = s->campaign,
        .step = step,
        .send = &step->u.send,
        .event = s->event,
        .entering = s->entering,
        .occurrence = s->occurrence,
        .at_us = s->at_us,
        .now_us = x->now_us,
        .salt = x->salt,
        .arena = x->arena,
        .decision = out,
    };
}

void journey_send(struct deciding *x, const struct journey_start *s, const struct step *step,
                  const struct enrolment *n) {
    struct entry entry = journey_entry(x, s, step, add_decision(x));
    entry.decision->variant = n ? n->variant : STR_NONE;
    if (!gates_fill(&entry)) {
        x->out->n--;
        journey_refuse(x, s, OUTCOME_FAILED, "channel",
                       str_printf(x->arena, "there is no channel `%.*s` any more",
                                  STR_FMT(step->u.send.channel)));
        return;
    }
    gates_pass(&entry);
    decide_remember(x->profile, entry.decision, x->arena);
}

static enum walk do_send(struct walker *w, const struct step *s) {
    struct journey_start start = {
        .campaign = w->campaign,
        .event = w->n->has_event ? &w->n->event : NULL,
        .occurrence = w->n->occurrence,
        .at_us = w->at_us,
    };
    if (w->skip_sends)
        journey_refuse(w->x, &start, OUTCOME_FAILED, "past_due",
                       S("it was due while nothing was sent; the campaign says `past_due: skip`"));
    else
        journey_send(w->x, &start, s, w->n);
    go_to(w, s->next);
    return WALK_ON;
}

/* When a wait that begins now is over. */
static int64_t wait_until(struct walker *w, const struct step_wait *wait) {
    const struct zone *z = match_zone(w->x->workspace, w->x->profile);
    struct value v;
    struct err ignored = ERR_INIT;
    switch (wait->kind) {
    case WAIT_SPAN:
        return calendar_add_days(z, w->at_us, wait->days) + wait->us;
    case WAIT_TIME:
        return calendar_next_time(z, w->at_us, wait->minute, wait->weekdays);
    case WAIT_EVENT:
        return w->at_us + wait->us;
    case WAIT_UNTIL:
        break;
    }
    if (!wait->until)
        return wait->at_us;
    if (!match_value(w->scope, wait->until, &v, &ignored) || !value_is(v, V_TIMESTAMP))
        return w->at_us; /* nothing to wait for */
    return v.u.i * WALLCLOCK_US_PER_S + v.aux / 1000;
}

static enum walk do_wait(struct walker *w, const struct step *s) {
    const struct step_wait *wait = &s->u.wait;
    if (w->n->waiting) { /* it is over */
        go_to(w, wait->kind == WAIT_EVENT ? s->otherwise : s->next);
        return WALK_ON;
    }
    int64_t until = wait_until(w, wait);
    if (until <= w->at_us) {
        go_to(w, s->next);
        return WALK_ON;
    }
    w->n->waiting = true;
    w->n->wake_us = until;
    return WALK_WAITS;
}

size_t decide_variant(const struct campaign *c, const struct step_split *s, struct str customer_key,
                      struct str salt) {
    const struct str parts[] = {S("split"), c->id, s->id, customer_key};
    uint64_t chance = chance_of(salt, parts, 4) % CAMPAIGN_PPM;
    for (size_t i = 0; i + 1 < s->n_variants; i++) {
        if (chance < s->variants[i].share_ppm)
            return i;
        chance -= s->variants[i].share_ppm;
    }
    return s->n_variants - 1;
}

static enum walk do_split(struct walker *w, const struct step *s) {
    const struct step_split *split = &s->u.split;
    size_t i = decide_variant(w->campaign, split, w->x->profile->key, w->x->salt);
    w->n->variant = split->variants[i].name;
    go_to(w, split->variants[i].first);
    return WALK_ON;
}

static struct effect *add_effect(struct deciding *x) {
    struct decisions *out = x->out;
    if (out->n_effects == out->cap_effects) {
        size_t cap = out->cap_effects ? out->cap_effects * 2 : 4;
        out->effects = arena_grow(x->arena, out->effects, out->n_effects * sizeof *out->effects,
                                  cap * sizeof *out->effects);
        out->cap_effects = cap;
    }
    return &out->effects[out->n_effects++];
}

/* What cannot be worked out is left out. */
static struct map *values_of(struct walker *w, const struct step_values *values) {
    struct map *m = map_new(w->x->arena, values->n);
    for (size_t i = 0; i < values->n; i++) {
        const struct step_value *v = &values->list[i];
        struct value given = v->value;
        struct err ignored = ERR_INIT;
        if (!v->program || match_value(w->scope, v->program, &given, &ignored))
            map_set_str(w->x->arena, m, v->name, given);
    }
    return m;
}

static enum walk do_update(struct walker *w, const struct step *s) {
    struct deciding *x = w->x;
    struct map *values = values_of(w, &s->u.values), *before = map_new(x->arena, values->n), *all;
    struct value old = x->profile->attributes;
    for (size_t i = 0; i < values->n; i++) {
        const struct value *was =
            value_is(old, V_MAP) ? map_get(old.u.map, values->e[i].key) : NULL;
        map_set(x->arena, before, values->e[i].key, was ? *was : VALUE_NULL);
    }
    *add_effect(x) = (struct effect){.kind = EFFECT_UPDATE,
                                     .campaign = w->campaign,
                                     .values = value_map(values),
                                     .before = value_map(before),
                                     .at_us = w->at_us};
    all = map_new(x->arena, values->n);
    for (size_t i = 0; value_is(old, V_MAP) && i < old.u.map->n; i++)
        map_set(x->arena, all, old.u.map->e[i].key, old.u.map->e[i].value);
    for (size_t i = 0; i < values->n; i++)
        map_set(x->arena, all, values->e[i].key, values->e[i].value);
    x->profile->attributes = value_map(all);
    look_again(w);
    go_to(w, s->next);
    return WALK_ON;
}

static enum walk do_emit(struct walker *w, const struct step *s) {
    *add_effect(w->x) = (struct effect){
        .kind = EFFECT_EMIT,
        .campaign = w->campaign,
        .name = s->u.values.event,
        .values = value_map(values_of(w, &s->u.values)),
        .dedupe = str_printf(w->x->arena, "journey %.*s %.*s %.*s", STR_FMT(w->campaign->id),
                             STR_FMT(w->n->occurrence), STR_FMT(s->id)),
        .at_us = w->at_us,
    };
    go_to(w, s->next);
    return WALK_ON;
}

static enum walk do_go(struct walker *w, const struct step *s) {
    go_to(w, s->next);
    return WALK_ON;
}

static enum walk do_stop(struct walker *w, const struct step *s) {
    finish(w->n, w->at_us, "stopped", s->u.reason);
    return WALK_ENDED;
}

/* ---- moving to another zone */

static bool is_local(const struct enrolment *n) {
    size_t i = n->campaign ? campaign_step(n->campaign, n->step) : 0;
    if (n->ended_us || !n->waiting || !n->campaign || i == n->campaign->n_steps)
        return false;
    const struct step_wait *wait = &n->campaign->steps[i].u.wait;
    return wait->kind == WAIT_TIME || (wait->kind == WAIT_SPAN && wait->days > 0);
}

void journey_move_zone(struct deciding *x, const struct zone *from, const struct zone *to) {
    for (size_t i = 0; i < x->profile->n_enrolments; i++) {
        struct enrolment *n = &x->profile->enrolments[i];
        struct civil c;
        if (!is_local(n))
            continue;
        int64_t seconds = n->wake_us / WALLCLOCK_US_PER_S;
        wallclock_local(from, seconds, &c);
        int64_t moved = wallclock_from_local(to, &c) * WALLCLOCK_US_PER_S;
        n->wake_us = moved > x->now_us ? moved : x->now_us;
        n->changed = true;
    }
}
