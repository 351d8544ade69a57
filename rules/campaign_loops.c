/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_loops.h"

#include "base/arena.h"
#include "rules/campaign_reach.h"
#include "rules/condition.h"

#include <stdlib.h>

/* A step of one campaign starts another. */
struct edge {
    size_t from, to; /* places in the set's list */
    const struct step *step;
    struct str how; /* "emits `club.joined`" */
};

struct graph {
    struct arena *a;
    const struct campaign_set *set;
    struct diags *d;
    struct edge *edges; /* by `from` */
    size_t n, cap;
    size_t *first; /* of each campaign's edges; one more at the end */
};

static int by_name(const void *pa, const void *pb) {
    const struct campaign *a = *(const struct campaign *const *)pa;
    const struct campaign *b = *(const struct campaign *const *)pb;
    return str_cmp(a->name, b->name);
}

/* The list is sorted, and names are unique where there was no mistake. */
static size_t place_of(const struct campaign_set *set, const struct campaign *c) {
    const struct campaign *const *found =
        bsearch(&c, set->campaigns, set->n_campaigns, sizeof(struct campaign *), by_name);
    return (size_t)(found - set->campaigns);
}

static void add_edge(struct graph *g, size_t from, const struct campaign *to,
                     const struct step *step, struct str how) {
    if (to->reentry == REENTRY_ONCE)
        return;
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 16;
        g->edges = arena_grow(g->a, g->edges, g->n * sizeof *g->edges, cap * sizeof *g->edges);
        g->cap = cap;
    }
    g->edges[g->n++] = (struct edge){from, place_of(g->set, to), step, how};
}

/* ---- what a step starts */

static void add_emit(struct graph *g, size_t from, const struct step *s) {
    size_t n;
    struct str event = s->u.values.event;
    const struct campaign *const *list = campaign_set_started_by(g->set, event, &n);
    for (size_t i = 0; i < n; i++)
        add_edge(g, from, list[i], s, str_printf(g->a, "emits `%.*s`", STR_FMT(event)));
}

static bool same_text(struct value a, struct value b) {
    return value_is(a, V_STRING) && value_is(b, V_STRING) && str_eq(value_text(a), value_text(b));
}

/* Whether setting the attribute may be the change that the trigger asks for. A value that is given
 * in the file does not become another one by being set again. */
static bool may_change(const struct trigger *t, const struct step_value *v) {
    struct str path = t->attribute, name;
    if (path.n && (!str_split(&path, '.', &name) || !str_eq(name, v->name)))
        return false;
    if (v->program || !value_is(v->value, V_STRING))
        return true;
    return !(t->has_from && same_text(t->from, v->value)) &&
           !(t->has_to && value_is(t->to, V_STRING) && !same_text(t->to, v->value));
}

static void add_change(struct graph *g, size_t from, const struct step *s,
                       const struct step_value *v) {
    size_t n;
    const struct campaign *const *list =
        campaign_set_started_by(g->set, S(EVENT_CUSTOMER_CHANGED), &n);
    for (size_t i = 0; i < n; i++) {
        bool itself = list[i] == g->set->campaigns[from];
        if (may_change(&list[i]->trigger, v) && !(itself && !v->program))
            add_edge(g, from, list[i], s, str_printf(g->a, "sets `%.*s`", STR_FMT(v->name)));
    }
}

/* Whether the segment hangs on that attribute alone, so that setting it tells who is inside. */
static bool is_decided(const struct segment *segment, const struct step_value *v, struct arena *a,
                       bool *inside) {
    const struct cel_uses *uses = segment->program ? cel_program_uses(segment->program) : NULL;
    struct str path = str_printf(a, "customer.%.*s", STR_FMT(v->name));
    if (!uses || v->program || uses->n_paths != 1 || !str_eq(uses->paths[0], path) ||
        uses->n_behaviour || uses->n_segments || uses->n_responses || uses->now)
        return false;
    struct map *customer = map_new(a, 1);
    struct value slots[CONDITION_SLOTS] = {CEL_UNBOUND, CEL_UNBOUND, CEL_UNBOUND};
    struct cel_activation activation = {.slots = slots, .n_slots = CONDITION_SLOTS};
    struct value result;
    struct err e = ERR_INIT;
    map_set_str(a, customer, v->name, v->value);
    slots[CONDITION_CUSTOMER] = value_map(customer);
    if (!cel_eval(segment->program, &activation, a, &result, &e) || !value_is(result, V_BOOL))
        return false;
    *inside = result.u.b;
    return true;
}

static void add_move(struct graph *g, size_t from, const struct step *s, const struct step_value *v,
                     struct str event, bool entered) {
    size_t n;
    const struct campaign *const *list = campaign_set_started_by(g->set, event, &n);
    for (size_t i = 0; i < n; i++) {
        const struct segment *segment = campaign_set_segment(g->set, list[i]->trigger.segment);
        bool inside;
        if (!segment || !is_decided(segment, v, g->a, &inside) || inside != entered ||
            list[i] == g->set->campaigns[from])
            continue;
        add_edge(g, from, list[i], s,
                 str_printf(g->a, "sets `%.*s`, with which a customer %s `%.*s`", STR_FMT(v->name),
                            entered ? "enters" : "leaves", STR_FMT(segment->name)));
    }
}

static void add_edges(struct graph *g, size_t from) {
    const struct campaign *c = g->set->campaigns[from];
    const int64_t *earliest = campaign_reach(g->a, c);
    for (size_t i = 0; i < c->n_steps; i++) {
        const struct step *s = &c->steps[i];
        if (earliest[i] == REACH_NEVER)
            continue;
        if (s->kind == STEP_EMIT)
            add_emit(g, from, s);
        for (size_t k = 0; s->kind == STEP_UPDATE && k < s->u.values.n; k++) {
            add_change(g, from, s, &s->u.values.list[k]);
            add_move(g, from, s, &s->u.values.list[k], S(EVENT_SEGMENT_ENTERED), true);
            add_move(g, from, s, &s->u.values.list[k], S(EVENT_SEGMENT_LEFT), false);
        }
    }
}

/* ---- circles */

/* "`a` emits `x`, which starts `b`, which sets `y`, which starts `a`" */
static void report(struct graph *g, const struct edge *const *chain, size_t n) {
    const struct campaign *const *list = g->set->campaigns;
    const struct campaign *c = list[chain[0]->from];
    struct buf b = BUF_IN(g->a);
    for (size_t i = 0; i < n; i++) {
        struct str name = list[chain[i]->from]->name;
        if (i == 0)
            buf_printf(&b, "`%.*s`", STR_FMT(name));
        buf_printf(&b, "%s %.*s, which starts `%.*s`", i ? ", which" : "", STR_FMT(chain[i]->how),
                   STR_FMT(list[chain[i]->to]->name));
    }
    struct str text = buf_str(&b);
    diags_add(g->d, DIAG_WARNING, chain[0]->step->at, c->source,
              n == 1 ? "the campaign starts itself again and again: %.*s"
                     : "campaigns start each other in a circle: %.*s",
              STR_FMT(text))
        ->hint = n == 1 ? S("give it `reentry: once`, or a condition that ends it")
                        : S("give one of them `reentry: once`, or a condition that ends it");
}

enum visit { UNSEEN, OPEN, DONE };

/* From one campaign along all edges, deepest first; an edge to a campaign that is still open closes
 * a circle. */
static void walk(struct graph *g, size_t start, enum visit *visits, size_t *next,
                 const struct edge **chain) {
    size_t depth = 0, at = start;
    visits[at] = OPEN;
    for (;;) {
        if (next[at] == g->first[at + 1]) {
            visits[at] = DONE;
            if (depth == 0)
                return;
            at = chain[--depth]->from;
            continue;
        }
        const struct edge *e = &g->edges[next[at]++];
        if (visits[e->to] == UNSEEN) {
            chain[depth++] = e;
            at = e->to;
            visits[at] = OPEN;
        } else if (visits[e->to] == OPEN) {
            size_t from = depth;
            chain[depth] = e;
            while (chain[from]->from != e->to)
                from--;
            report(g, chain + from, depth + 1 - from);
        }
    }
}

void campaign_loops_review(struct arena *a, const struct campaign_set *set, struct diags *d) {
    struct graph g = {.a = a, .set = set, .d = d};
    size_t n = set->n_campaigns;
    enum visit *visits = ARENA_ARRAY(a, enum visit, n + 1);
    size_t *next = ARENA_ARRAY(a, size_t, n + 1);
    const struct edge **chain = ARENA_ARRAY(a, const struct edge *, n + 1);
    g.first = ARENA_ARRAY(a, size_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        next[i] = g.first[i] = g.n;
        add_edges(&g, i);
    }
    g.first[n] = g.n;
    for (size_t i = 0; i < n; i++)
        if (visits[i] == UNSEEN)
            walk(&g, i, visits, next, chain);
}
