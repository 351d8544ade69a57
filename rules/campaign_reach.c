/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_reach.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "rules/cel.h"

#define HOUR_US (INT64_C(3600) * WALLCLOCK_US_PER_S)

/* 0: it hangs on the customer. */
static int constant(const struct cel_program *p) {
    struct value v;
    if (!p)
        return 1;
    if (!cel_program_constant(p, &v) || !value_is(v, V_BOOL))
        return 0;
    return v.u.b ? 1 : -1;
}

static void come(int64_t *earliest, const struct campaign *c, size_t to, int64_t at) {
    if (to < c->n_steps && at < earliest[to])
        earliest[to] = at;
}

static int64_t later(int64_t at, int64_t us) {
    return at == INT64_MIN ? at : at + us;
}

/* When a wait that begins at `at` is over at the earliest. A day may have an hour less. */
static int64_t waited(const struct step_wait *w, int64_t at) {
    if (w->kind == WAIT_SPAN)
        return later(at, w->days * CALENDAR_DAY_US - (w->days ? HOUR_US : 0) + w->us);
    if (w->kind == WAIT_UNTIL && !w->until && w->at_us > at)
        return w->at_us;
    return at;
}

/* Steps only lead forward, so that one pass is enough. */
static void go_on(int64_t *earliest, const struct campaign *c, const struct step *s, int64_t at) {
    switch (s->kind) {
    case STEP_WAIT:
        come(earliest, c, s->next, waited(&s->u.wait, at));
        if (s->u.wait.kind == WAIT_EVENT)
            come(earliest, c, s->otherwise, later(at, s->u.wait.us));
        return;
    case STEP_SPLIT:
        for (size_t i = 0; i < s->u.split.n_variants; i++)
            come(earliest, c, s->u.split.variants[i].first, at);
        return;
    case STEP_STOP:
        return;
    case STEP_SEND:
    case STEP_UPDATE:
    case STEP_EMIT:
    case STEP_GO:
        come(earliest, c, s->next, at);
        return;
    }
}

const int64_t *campaign_reach(struct arena *a, const struct campaign *c) {
    int64_t *earliest = ARENA_ARRAY(a, int64_t, c->n_steps + 1);
    for (size_t i = 0; i < c->n_steps; i++)
        earliest[i] = REACH_NEVER;
    bool known = c->trigger.kind == TRIGGER_ONCE && c->trigger.at_us;
    come(earliest, c, 0, known ? c->trigger.at_us : INT64_MIN);
    for (size_t i = 0; i < c->n_steps; i++) {
        const struct step *s = &c->steps[i];
        int when = constant(s->when);
        bool by_event = s->kind == STEP_WAIT && s->u.wait.kind == WAIT_EVENT;
        if (earliest[i] == REACH_NEVER)
            continue;
        if (when >= 0)
            go_on(earliest, c, s, earliest[i]);
        if (when <= 0)
            come(earliest, c, by_event ? s->next : s->otherwise, earliest[i]);
    }
    return earliest;
}
