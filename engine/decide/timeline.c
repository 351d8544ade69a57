/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/timeline.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "engine/decide/membership.h"

#include <inttypes.h>
#include <stdlib.h>

#define NEVER INT64_MAX
#define MADE_ID (INT64_C(1) << 62) /* ids of events that the timeline makes begin here */
#define MADE_MOST 10000            /* events that campaigns make for one customer */

/* ---- runs for everybody */

static int by_time(const void *pa, const void *pb) {
    const struct timeline_run *a = pa, *b = pb;
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us ? -1 : 1;
    return str_cmp(a->campaign->name, b->campaign->name);
}

static int64_t run_after(const struct workspace *w, const struct campaign *c, int64_t us) {
    if (c->trigger.kind == TRIGGER_SCHEDULE && c->trigger.cron)
        return cron_next(c->trigger.cron, w->settings.zone, us);
    bool once = c->trigger.kind == TRIGGER_ONCE && c->trigger.at_us > us;
    return once ? c->trigger.at_us : NEVER;
}

bool timeline_runs(const struct workspace *w, int64_t from_us, int64_t to_us, struct arena *a,
                   const struct timeline_run **out, size_t *n, struct err *e) {
    struct timeline_run *list = NULL;
    size_t cap = 0;
    *n = 0;
    for (size_t i = 0; i < w->rules.n_campaigns; i++) {
        const struct campaign *c = w->rules.campaigns[i];
        int64_t at = from_us - 1;
        while ((at = run_after(w, c, at)) < to_us) {
            if (*n == TIMELINE_RUNS)
                return err_set(e, ERR_INPUT,
                               "the schedule of `%.*s` comes up more often in this time than can "
                               "be simulated (%u times in all); choose a shorter time",
                               STR_FMT(c->name), TIMELINE_RUNS);
            if (*n == cap) {
                cap = cap ? cap * 2 : 16;
                list = arena_grow(a, list, *n * sizeof *list, cap * sizeof *list);
            }
            list[(*n)++] = (struct timeline_run){c, at};
        }
    }
    if (*n)
        qsort(list, *n, sizeof *list, by_time);
    *out = list;
    return true;
}

/* ---- beginning */

static bool starts_anything(const struct workspace *w, const char *event) {
    size_t n;
    campaign_set_started_by(&w->rules, str_from(event), &n);
    return n > 0 || campaign_set_awaits(&w->rules, str_from(event));
}

void timeline_begin(struct timeline *t, const struct timeline_options *o, const struct profile *p,
                    struct arena *a) {
    const struct workspace *w = o->workspace;
    size_t n = w->n_layouts;
    *t = (struct timeline){.options = o, .arena = a, .profile = *p, .segments_us = NEVER};
    t->logs = ARENA_ARRAY(a, struct behaviour, n + 1);
    struct profile_behaviour *list = ARENA_ARRAY(a, struct profile_behaviour, n + 1);
    for (size_t i = 0; i < n; i++) {
        behaviour_init(&t->logs[i], &w->layouts[i], a);
        list[i] = (struct profile_behaviour){w->layouts[i].event, &t->logs[i].log};
    }
    t->profile.behaviours = list;
    t->profile.n_behaviours = n;
    t->follows_segments = membership_tracked(w) && (starts_anything(w, "segment.entered") ||
                                                    starts_anything(w, "segment.left"));
}

/* ---- what is made on the way */

static bool make_event(struct timeline *t, struct str name, struct value properties, int64_t at_us,
                       struct err *err) {
    if (t->made == MADE_MOST)
        return err_set(err, ERR_INPUT,
                       "campaigns make more than %d events for the customer `%.*s`: do they start "
                       "each other in a circle?",
                       MADE_MOST, STR_FMT(t->profile.key));
    if (t->n_ahead == t->cap_ahead) {
        size_t cap = t->cap_ahead ? t->cap_ahead * 2 : 8;
        t->ahead =
            arena_grow(t->arena, t->ahead, t->n_ahead * sizeof *t->ahead, cap * sizeof *t->ahead);
        t->cap_ahead = cap;
    }
    size_t i = t->n_ahead++;
    for (; i > 0 && t->ahead[i - 1].occurred_us > at_us; i--)
        t->ahead[i] = t->ahead[i - 1];
    t->ahead[i] = (struct event){.id = MADE_ID + t->made++,
                                 .name = name,
                                 .properties = properties,
                                 .occurred_us = at_us,
                                 .mode = EVENT_LIVE};
    return true;
}

static bool tell(struct timeline *t, struct str attribute, struct value from, struct value to,
                 int64_t at_us, struct err *err) {
    struct map *m = map_new(t->arena, 3);
    if (campaign_same_value(from, to))
        return true;
    map_set_str(t->arena, m, S("attribute"), value_str(attribute));
    map_set_str(t->arena, m, S("from"), from);
    map_set_str(t->arena, m, S("to"), to);
    return make_event(t, S(EVENT_CUSTOMER_CHANGED), value_map(m), at_us, err);
}

/* What campaigns look at inside of the attribute (`address.city`), as the database does. */
static bool tell_parts(struct timeline *t, struct str attribute, struct value from, struct value to,
                       int64_t at_us, struct err *err) {
    size_t n;
    const struct campaign *const *list =
        campaign_set_started_by(&t->options->workspace->rules, S(EVENT_CUSTOMER_CHANGED), &n);
    struct str prefix = str_printf(t->arena, "%.*s.", STR_FMT(attribute));
    for (size_t i = 0; i < n; i++) {
        struct str path = list[i]->trigger.attribute;
        bool told = !str_starts(path, prefix);
        for (size_t k = 0; k < i && !told; k++)
            told = str_eq(list[k]->trigger.attribute, path);
        if (told)
            continue;
        struct str rest = str_sub(path, prefix.n, path.n);
        const struct value *was = value_path(&from, rest), *is = value_path(&to, rest);
        if (!tell(t, path, was ? *was : VALUE_NULL, is ? *is : VALUE_NULL, at_us, err))
            return false;
    }
    return true;
}

/* The attributes are changed already; what is told is which. */
static bool tell_changes(struct timeline *t, const struct effect *f, struct err *err) {
    size_t n;
    campaign_set_timed_by(&t->options->workspace->rules, S(EVENT_CUSTOMER_CHANGED), &n);
    if (!n && !starts_anything(t->options->workspace, EVENT_CUSTOMER_CHANGED))
        return true;
    for (size_t i = 0; i < f->values.u.map->n; i++) {
        struct str name = value_text(f->values.u.map->e[i].key);
        struct value from = f->before.u.map->e[i].value, to = f->values.u.map->e[i].value;
        if (!tell(t, name, from, to, f->at_us, err) ||
            !tell_parts(t, name, from, to, f->at_us, err))
            return false;
    }
    return true;
}

static bool apply(struct timeline *t, const struct decisions *found, int64_t now_us,
                  struct err *err) {
    const struct timeline_options *o = t->options;
    for (size_t i = 0; i < found->n; i++)
        if (!o->on_decision(o->ctx, &found->list[i], &t->profile, now_us, err))
            return false;
    for (size_t i = 0; i < found->n_effects; i++) {
        const struct effect *f = &found->effects[i];
        if (f->kind == EFFECT_EMIT ? !make_event(t, f->name, f->values, f->at_us, err)
                                   : !tell_changes(t, f, err))
            return false;
    }
    return true;
}

/* ---- segments */

static struct str without(struct arena *a, struct str list, struct str name) {
    struct buf b = BUF_IN(a);
    struct str one;
    while (list.n && str_split(&list, ',', &one))
        if (!str_eq(one, name))
            buf_printf(&b, "%s%.*s", b.n ? "," : "", STR_FMT(one));
    return buf_str(&b);
}

/* As of now; who is in at the beginning is told to nobody. */
static bool follow_segments(struct timeline *t, int64_t now_us, bool tell, struct err *err) {
    struct membership m;
    if (!t->follows_segments)
        return true;
    membership_decide(t->options->workspace, &t->profile, t->segments, now_us, t->arena, &m);
    t->segments_us = m.next_us;
    for (size_t i = 0; i < m.n; i++) {
        struct str name = m.changes[i].segment->name;
        if (!m.changes[i].entered)
            t->segments = without(t->arena, t->segments, name);
        else
            t->segments = str_printf(t->arena, "%.*s%s%.*s", STR_FMT(t->segments),
                                     t->segments.n ? "," : "", STR_FMT(name));
        struct map *properties = map_new(t->arena, 1);
        map_set_str(t->arena, properties, S("segment"), value_str(name));
        struct str event = m.changes[i].entered ? S("segment.entered") : S("segment.left");
        if (tell && !make_event(t, event, value_map(properties), now_us, err))
            return false;
    }
    return true;
}

/* ---- one thing after the other */

static struct deciding deciding_at(struct timeline *t, int64_t now_us, struct decisions *out) {
    return (struct deciding){
        .workspace = t->options->workspace,
        .profile = &t->profile,
        .now_us = now_us,
        .salt = t->options->salt,
        .arena = t->arena,
        .out = out,
    };
}

static void look_back_on(struct timeline *t, const struct event *e) {
    const struct workspace *w = t->options->workspace;
    const struct behaviour_layout *l = behaviour_layout_find(w->layouts, w->n_layouts, e->name);
    if (l)
        behaviour_add(&t->logs[l - w->layouts], e->id, e->occurred_us, e->properties);
}

static bool happen(struct timeline *t, const struct event *e, struct err *err) {
    struct decisions found = {0};
    struct deciding x = deciding_at(t, e->occurred_us, &found);
    look_back_on(t, e);
    decide(&x, e);
    return apply(t, &found, e->occurred_us, err) && follow_segments(t, e->occurred_us, true, err);
}

/* The clock of the simulation reaches its beginning. */
static bool begin(struct timeline *t, struct err *err) {
    struct decisions none = {0};
    struct deciding x = deciding_at(t, t->options->from_us, &none);
    t->began = true;
    decide_arm(&x);
    return follow_segments(t, t->options->from_us, false, err);
}

enum due_kind { DUE_EVENT, DUE_SEGMENTS, DUE_TIMER, DUE_WAKE, DUE_RUN, DUE_NOTHING };

struct due {
    enum due_kind kind;
    int64_t at_us;
    size_t i;
    struct str campaign; /* its id; empty: of none */
};

/* The kinds are given in their order; within a kind the campaign's id decides. */
static void consider(struct due *best, enum due_kind kind, int64_t at_us, size_t i,
                     struct str campaign) {
    bool before = best->kind == kind && at_us == best->at_us && campaign.n &&
                  str_cmp(campaign, best->campaign) < 0;
    if (at_us < best->at_us || before)
        *best = (struct due){kind, at_us, i, campaign};
}

/* What is due first; of several at one instant the first kind. */
static struct due next_due(const struct timeline *t) {
    const struct timeline_options *o = t->options;
    const struct profile *p = &t->profile;
    struct due best = {DUE_NOTHING, NEVER, 0, STR_NONE};
    if (t->n_ahead)
        consider(&best, DUE_EVENT, t->ahead[0].occurred_us, 0, STR_NONE);
    consider(&best, DUE_SEGMENTS, t->segments_us, 0, STR_NONE);
    for (size_t i = 0; i < p->n_timers; i++)
        consider(&best, DUE_TIMER, p->timers[i].due_us, i, p->timers[i].campaign->id);
    for (size_t i = 0; i < p->n_enrolments; i++)
        consider(&best, DUE_WAKE, p->enrolments[i].wake_us, i, p->enrolments[i].campaign_id);
    if (t->run < o->n_runs)
        consider(&best, DUE_RUN, o->runs[t->run].at_us, t->run, STR_NONE);
    return best;
}

static bool do_due(struct timeline *t, const struct due *d, struct err *err) {
    struct decisions found = {0};
    struct deciding x = deciding_at(t, d->at_us, &found);
    struct event e;
    switch (d->kind) {
    case DUE_EVENT:
        e = t->ahead[0];
        memmove(t->ahead, t->ahead + 1, --t->n_ahead * sizeof *t->ahead);
        return happen(t, &e, err);
    case DUE_SEGMENTS:
        return follow_segments(t, d->at_us, true, err);
    case DUE_TIMER:
        decide_timer(&x, &t->profile.timers[d->i]);
        break;
    case DUE_WAKE:
        decide_wake(&x, &t->profile.enrolments[d->i]);
        break;
    case DUE_RUN:
        decide_run(&x, t->options->runs[d->i].campaign, d->at_us);
        t->run++;
        break;
    case DUE_NOTHING:
        return true;
    }
    return apply(t, &found, d->at_us, err) &&
           (!found.n_effects || follow_segments(t, d->at_us, true, err));
}

bool timeline_advance(struct timeline *t, int64_t until_us, struct err *err) {
    if (!t->began && !begin(t, err))
        return false;
    for (;;) {
        struct due d = next_due(t);
        if (d.kind == DUE_NOTHING || d.at_us >= until_us)
            return true;
        if (!do_due(t, &d, err))
            return false;
    }
}

bool timeline_event(struct timeline *t, const struct event *e, struct err *err) {
    const struct timeline_options *o = t->options;
    if (e->occurred_us < o->from_us) {
        struct decisions none = {0};
        struct event history = *e;
        struct deciding x = deciding_at(t, o->from_us, &none);
        history.mode = EVENT_HISTORY;
        look_back_on(t, e);
        decide(&x, &history);
        return true;
    }
    if (e->occurred_us >= o->to_us)
        return true;
    return timeline_advance(t, e->occurred_us, err) && happen(t, e, err);
}

bool timeline_end(struct timeline *t, struct err *err) {
    return timeline_advance(t, t->options->to_us, err);
}
