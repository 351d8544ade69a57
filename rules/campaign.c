/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign.h"

static bool same_list(const struct list *a, const struct list *b) {
    for (size_t i = 0; a->n == b->n && i < a->n; i++)
        if (!campaign_same_value(a->v[i], b->v[i]))
            return false;
    return a->n == b->n;
}

static bool same_map(const struct map *a, const struct map *b) {
    for (size_t i = 0; a->n == b->n && i < a->n; i++) {
        const struct value *there = map_get(b, a->e[i].key);
        if (!there || !campaign_same_value(a->e[i].value, *there))
            return false;
    }
    return a->n == b->n;
}

bool campaign_same_value(struct value a, struct value b) {
    double x, y;
    if (value_is(a, V_LIST) && value_is(b, V_LIST))
        return same_list(a.u.list, b.u.list);
    if (value_is(a, V_MAP) && value_is(b, V_MAP))
        return same_map(a.u.map, b.u.map);
    if (value_is(a, V_STRING) && value_is(b, V_STRING))
        return str_eq(value_text(a), value_text(b));
    if (value_is(a, V_BOOL) && value_is(b, V_BOOL))
        return a.u.b == b.u.b;
    if (value_is(a, V_INT) && value_is(b, V_INT))
        return a.u.i == b.u.i;
    if (value_is(a, V_NULL) || value_is(b, V_NULL))
        return value_is(a, V_NULL) && value_is(b, V_NULL);
    x = value_is(a, V_INT) ? (double)a.u.i : a.u.d;
    y = value_is(b, V_INT) ? (double)b.u.i : b.u.d;
    return (value_is(a, V_INT) || value_is(a, V_DOUBLE)) &&
           (value_is(b, V_INT) || value_is(b, V_DOUBLE)) && x == y;
}

static struct value property(struct value properties, struct str name) {
    const struct value *v =
        value_is(properties, V_MAP) ? map_get_str(properties.u.map, name) : NULL;
    return v ? *v : VALUE_NULL;
}

bool campaign_trigger_fits(const struct campaign *c, struct value properties) {
    const struct trigger *t = &c->trigger;
    if (t->segment.n &&
        !campaign_same_value(property(properties, S("segment")), value_str(t->segment)))
        return false;
    if (t->attribute.n &&
        !campaign_same_value(property(properties, S("attribute")), value_str(t->attribute)))
        return false;
    return (!t->has_from || campaign_same_value(property(properties, S("from")), t->from)) &&
           (!t->has_to || campaign_same_value(property(properties, S("to")), t->to));
}

bool campaign_has_timer(const struct campaign *c) {
    return c->trigger.kind == TRIGGER_ABSENCE || c->trigger.kind == TRIGGER_DATE;
}

bool campaign_has_runs(const struct campaign *c) {
    return c->trigger.kind == TRIGGER_SCHEDULE || c->trigger.kind == TRIGGER_ONCE;
}

bool campaign_has_event(const struct trigger *t) {
    return t->kind == TRIGGER_EVENT || t->kind == TRIGGER_ABSENCE ||
           (t->kind == TRIGGER_DATE && t->event.n);
}

size_t campaign_step(const struct campaign *c, struct str id) {
    size_t i = 0;
    while (i < c->n_steps && !str_eq(c->steps[i].id, id))
        i++;
    return i;
}

static void step_programs(const struct step *s, campaign_program_fn fn, void *ctx) {
    fn(ctx, s->when);
    if (s->kind == STEP_WAIT) {
        fn(ctx, s->u.wait.until);
        fn(ctx, s->u.wait.where);
    }
    if (s->kind == STEP_UPDATE || s->kind == STEP_EMIT)
        for (size_t i = 0; i < s->u.values.n; i++)
            fn(ctx, s->u.values.list[i].program);
}

void campaign_programs(const struct campaign *c, campaign_program_fn fn, void *ctx) {
    fn(ctx, c->audience);
    fn(ctx, c->goal.value);
    for (size_t i = 0; i < c->n_exits; i++)
        fn(ctx, c->exits[i].where);
    for (size_t i = 0; i < c->n_steps; i++)
        step_programs(&c->steps[i], fn, ctx);
}

bool campaign_awaits(const struct campaign *c, struct str event) {
    if (!c->journey)
        return false;
    if (str_eq(c->goal.event, event) && event.n && !c->goal.goes_on)
        return true;
    for (size_t i = 0; i < c->n_exits; i++)
        if (c->exits[i].event.n && str_eq(c->exits[i].event, event))
            return true;
    for (size_t i = 0; i < c->n_steps; i++)
        if (c->steps[i].kind == STEP_WAIT && c->steps[i].u.wait.kind == WAIT_EVENT &&
            str_eq(c->steps[i].u.wait.event, event))
            return true;
    return false;
}
