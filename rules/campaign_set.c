/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_set.h"

#include "base/arena.h"
#include "rules/condition.h"
#include "rules/trigger.h"

#include <stdlib.h>

/* Open addressing over the events that mean something to a campaign; free when the name is empty.
 */
struct event_slot {
    struct str event;
    const struct campaign *const *started; /* runs of lists that are sorted by event */
    size_t n_started;
    const struct campaign *const *timed;
    size_t n_timed;
    bool awaited;
};

struct event_table {
    size_t mask;
    struct event_slot *slots;
};

static int by_name(const void *pa, const void *pb) {
    const struct campaign *a = *(const struct campaign *const *)pa;
    const struct campaign *b = *(const struct campaign *const *)pb;
    int c = str_cmp(a->name, b->name);
    return c ? c : str_cmp(a->file, b->file);
}

static int by_id(const void *pa, const void *pb) {
    const struct campaign *a = *(const struct campaign *const *)pa;
    const struct campaign *b = *(const struct campaign *const *)pb;
    int c = str_cmp(a->id, b->id);
    return c ? c : str_cmp(a->file, b->file);
}

static int by_event(const void *pa, const void *pb) {
    const struct campaign *a = *(const struct campaign *const *)pa;
    const struct campaign *b = *(const struct campaign *const *)pb;
    int c = str_cmp(a->trigger.event, b->trigger.event);
    return c ? c : by_name(pa, pb);
}

/* A date among the attributes is looked at again when they change. */
static bool is_of_attribute(const struct campaign *c) {
    return c->trigger.kind == TRIGGER_DATE && !c->trigger.event.n;
}

/* Those that a customer gets a timer of by being there. */
static bool is_of_customer(const struct campaign *c) {
    return is_of_attribute(c) || (c->trigger.kind == TRIGGER_ABSENCE && c->trigger.never);
}

static void check_unique(const struct campaign **names, const struct campaign **ids, size_t n,
                         struct diags *d) {
    for (size_t i = 1; i < n; i++) {
        const struct campaign *a = names[i - 1], *b = names[i];
        if (b->name.n && str_eq(a->name, b->name))
            diags_add(d, DIAG_ERROR, b->at, b->source,
                      "there is a campaign `%.*s` already, in %.*s:%d", STR_FMT(b->name),
                      STR_FMT(a->file), a->at.line);
    }
    for (size_t i = 1; i < n; i++) {
        const struct campaign *a = ids[i - 1], *b = ids[i];
        if (b->id.n && str_eq(a->id, b->id) && !str_eq(a->name, b->name))
            diags_add(d, DIAG_ERROR, b->at, b->source,
                      "the id `%.*s` belongs to the campaign `%.*s` in %.*s already",
                      STR_FMT(b->id), STR_FMT(a->name), STR_FMT(a->file));
    }
}

static struct event_slot *slot_of(const struct event_table *x, struct str event) {
    size_t i = (size_t)str_hash(event) & x->mask;
    while (x->slots[i].event.n && !str_eq(x->slots[i].event, event))
        i = (i + 1) & x->mask;
    return &x->slots[i];
}

static bool starts(const struct campaign *c) {
    return c->trigger.kind == TRIGGER_EVENT && c->trigger.event.n;
}

static bool is_timed(const struct campaign *c) {
    return (c->trigger.kind == TRIGGER_ABSENCE || c->trigger.kind == TRIGGER_DATE) &&
           c->trigger.event.n;
}

static const struct campaign **sorted_by_event(struct arena *a, const struct campaign *const *list,
                                               size_t n, bool (*wanted)(const struct campaign *),
                                               size_t *found) {
    const struct campaign **sorted = ARENA_ARRAY(a, const struct campaign *, n + 1);
    *found = 0;
    for (size_t i = 0; i < n; i++)
        if (wanted(list[i]))
            sorted[(*found)++] = list[i];
    if (*found)
        qsort(sorted, *found, sizeof(*sorted), by_event);
    return sorted;
}

static size_t names_awaited(const struct campaign *c) {
    return c->n_exits + c->n_steps + 1;
}

static void wait_for(const struct event_table *x, struct str event) {
    if (!event.n)
        return;
    struct event_slot *slot = slot_of(x, event);
    slot->event = event;
    slot->awaited = true;
}

static void wait_for_all(const struct event_table *x, const struct campaign *c) {
    if (!c->journey)
        return;
    if (!c->goal.goes_on)
        wait_for(x, c->goal.event);
    for (size_t i = 0; i < c->n_exits; i++)
        wait_for(x, c->exits[i].event);
    for (size_t i = 0; i < c->n_steps; i++)
        if (c->steps[i].kind == STEP_WAIT)
            wait_for(x, c->steps[i].u.wait.event);
}

static void add_timed(struct arena *a, const struct event_table *x, const struct campaign_set *s,
                      const char *event, bool (*wanted)(const struct campaign *)) {
    size_t n;
    const struct campaign **list = sorted_by_event(a, s->campaigns, s->n_campaigns, wanted, &n);
    struct event_slot *slot = slot_of(x, str_from(event));
    if (n)
        *slot = (struct event_slot){.event = str_from(event),
                                    .started = slot->started,
                                    .n_started = slot->n_started,
                                    .timed = list,
                                    .n_timed = n};
}

static const struct event_table *table_build(struct arena *a, const struct campaign_set *s) {
    struct event_table *x = ARENA_NEW(a, struct event_table);
    size_t size = 8, names = s->n_campaigns + 2, m;
    for (size_t i = 0; i < s->n_campaigns; i++)
        names += names_awaited(s->campaigns[i]);
    for (size_t i = 0; i < s->n_earlier; i++)
        names += names_awaited(s->earlier[i]);
    while (size < 2 * names)
        size *= 2;
    x->mask = size - 1;
    x->slots = ARENA_ARRAY(a, struct event_slot, size);
    const struct campaign **list = sorted_by_event(a, s->campaigns, s->n_campaigns, starts, &m);
    for (size_t i = 0; i < m; i++) {
        struct event_slot *slot = slot_of(x, list[i]->trigger.event);
        slot->event = list[i]->trigger.event;
        if (slot->n_started++ == 0)
            slot->started = list + i;
    }
    list = sorted_by_event(a, s->campaigns, s->n_campaigns, is_timed, &m);
    for (size_t i = 0; i < m; i++) {
        struct event_slot *slot = slot_of(x, list[i]->trigger.event);
        slot->event = list[i]->trigger.event;
        if (slot->n_timed++ == 0)
            slot->timed = list + i;
    }
    add_timed(a, x, s, EVENT_CUSTOMER_CHANGED, is_of_attribute);
    add_timed(a, x, s, EVENT_CUSTOMER_CREATED, is_of_customer);
    for (size_t i = 0; i < s->n_campaigns; i++)
        wait_for_all(x, s->campaigns[i]);
    for (size_t i = 0; i < s->n_earlier; i++)
        wait_for_all(x, s->earlier[i]);
    return x;
}

static void look_ahead(struct campaign_set *s) {
    s->any_journey = s->n_earlier > 0;
    for (size_t i = 0; i < s->n_campaigns; i++)
        s->any_journey = s->any_journey || s->campaigns[i]->journey;
    s->any_later = s->any_journey;
    for (size_t i = 0; i < s->n_campaigns; i++)
        s->any_later = s->any_later || s->campaigns[i]->trigger.kind != TRIGGER_EVENT;
}

/* Rules are numbered by their place in the list. */
static const struct trigger_index *triggers_build(struct arena *a,
                                                  const struct campaign *const *list, size_t n) {
    struct trigger_index *x = trigger_index_new(a, &condition_slots);
    for (size_t i = 0; i < n; i++)
        if (list[i]->trigger.kind == TRIGGER_EVENT && list[i]->trigger.event.n)
            trigger_index_add(x, (uint32_t)i, list[i]->trigger.event, list[i]->audience);
    return x;
}

static void add_goal(struct arena *a, struct campaign_set *s, const struct campaign *c) {
    if (!c->goal.event.n)
        return;
    map_set_str(a, s->goals, c->goal.event, VALUE_NULL);
    if (c->goal.within_us > s->longest_goal_us)
        s->longest_goal_us = c->goal.within_us;
}

static void on_program(void *ctx, const struct cel_program *p) {
    *(bool *)ctx = *(bool *)ctx || (p && cel_program_uses(p)->n_responses > 0);
}

bool campaign_uses_responses(const struct campaign *c) {
    bool uses = false;
    campaign_programs(c, on_program, &uses);
    return uses;
}

void campaign_set_build(struct arena *a, struct campaign_set *s, const struct campaign **list,
                        size_t n, struct diags *d) {
    const struct campaign **names = ARENA_ARRAY(a, const struct campaign *, n + 1);
    const struct campaign **ids = ARENA_ARRAY(a, const struct campaign *, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = ids[i] = list[i];
    if (n) {
        qsort(names, n, sizeof(*names), by_name);
        qsort(ids, n, sizeof(*ids), by_id);
    }
    check_unique(names, ids, n, d);
    s->campaigns = names;
    s->n_campaigns = n;
    s->by_event = table_build(a, s);
    look_ahead(s);
    s->triggers = triggers_build(a, names, n);
    s->by_id = ids;
    s->goals = map_new(a, 0);
    for (size_t i = 0; i < n; i++) {
        s->responses = s->responses || campaign_uses_responses(names[i]);
        add_goal(a, s, names[i]);
    }
}

const struct campaign *campaign_set_find(const struct campaign_set *s, struct str name) {
    size_t from = 0, upto = s->n_campaigns;
    while (from < upto) {
        size_t middle = from + (upto - from) / 2;
        int c = str_cmp(name, s->campaigns[middle]->name);
        if (c == 0)
            return s->campaigns[middle];
        if (c < 0)
            upto = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

const struct campaign *campaign_set_by_id(const struct campaign_set *s, struct str id) {
    size_t from = 0, upto = s->n_campaigns;
    while (from < upto) {
        size_t middle = from + (upto - from) / 2;
        int c = str_cmp(id, s->by_id[middle]->id);
        if (c == 0)
            return s->by_id[middle];
        if (c < 0)
            upto = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

bool campaign_set_is_goal(const struct campaign_set *s, struct str event) {
    return s->goals && map_get_str(s->goals, event);
}

const struct segment *campaign_set_segment(const struct campaign_set *s, struct str name) {
    for (size_t i = 0; i < s->n_segments; i++)
        if (str_eq(s->segments[i].name, name))
            return &s->segments[i];
    return NULL;
}

const struct campaign *const *campaign_set_started_by(const struct campaign_set *s,
                                                      struct str event, size_t *n) {
    const struct event_slot *slot = s->by_event ? slot_of(s->by_event, event) : NULL;
    *n = slot ? slot->n_started : 0;
    return slot ? slot->started : NULL;
}

const struct campaign *const *campaign_set_timed_by(const struct campaign_set *s, struct str event,
                                                    size_t *n) {
    const struct event_slot *slot = s->by_event ? slot_of(s->by_event, event) : NULL;
    *n = slot ? slot->n_timed : 0;
    return slot ? slot->timed : NULL;
}

bool campaign_set_awaits(const struct campaign_set *s, struct str event) {
    return s->by_event && slot_of(s->by_event, event)->awaited;
}

const struct campaign *campaign_set_version(const struct campaign_set *s, struct str id,
                                            struct str version) {
    for (size_t i = 0; i < s->n_campaigns; i++)
        if (str_eq(s->campaigns[i]->id, id) &&
            (!version.n || str_eq(str_from(s->campaigns[i]->version), version)))
            return s->campaigns[i];
    for (size_t i = 0; version.n && i < s->n_earlier; i++)
        if (str_eq(s->earlier[i]->id, id) && str_eq(str_from(s->earlier[i]->version), version))
            return s->earlier[i];
    return NULL;
}

void campaign_set_add_earlier(struct arena *a, struct campaign_set *s,
                              const struct campaign *const *list, size_t n) {
    s->earlier = list;
    s->n_earlier = n;
    for (size_t i = 0; i < n; i++)
        s->responses = s->responses || campaign_uses_responses(list[i]);
    s->by_event = table_build(a, s);
    look_ahead(s);
}

const struct campaign *const *campaign_set_match(const struct campaign_set *s, struct str event,
                                                 const struct value *slots, size_t n_slots,
                                                 struct arena *a, size_t *n) {
    campaign_set_started_by(s, event, n);
    if (*n == 0)
        return NULL;
    uint32_t *rules = ARENA_ARRAY(a, uint32_t, *n);
    const struct campaign **list = ARENA_ARRAY(a, const struct campaign *, *n);
    *n = trigger_index_match(s->triggers, event, slots, n_slots, rules);
    for (size_t i = 0; i < *n; i++)
        list[i] = s->campaigns[rules[i]];
    return list;
}
