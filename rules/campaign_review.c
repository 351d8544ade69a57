/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_review.h"

#include "base/arena.h"
#include "rules/cel.h"
#include "rules/own_events.h"

#define TOGETHER_MOST 300u /* campaigns of one event that are compared with each other */

/* ---- two campaigns at one event */

/* A message that the customer's own deal requires does not tire anybody. */
static bool may_tire(const struct campaign *c) {
    return c->per_customer.most == 0 && c->n_steps > 0 && c->steps[0].kind == STEP_SEND &&
           !c->steps[0].u.send.transactional;
}

static bool exclusive(const struct campaign *x, const struct campaign *y) {
    return x->audience && y->audience && cel_program_exclusive(x->audience, y->audience);
}

static void compare_with_earlier(struct arena *a, const struct campaign *const *list, size_t i,
                                 struct diags *d) {
    const struct campaign *c = list[i], *other = NULL;
    size_t more = 0;
    for (size_t k = 0; k < i; k++) {
        if (!may_tire(list[k]) || exclusive(list[k], c))
            continue;
        more += other != NULL;
        other = other ? other : list[k];
    }
    if (!other)
        return;
    struct str others = more ? str_printf(a, " and %zu more", more) : S("");
    struct diag *x =
        diags_add(d, DIAG_WARNING, c->trigger.at, c->source,
                  "the campaigns `%.*s` and `%.*s`%.*s start with the same event and have no "
                  "limit: a customer can get them within the hour",
                  STR_FMT(c->name), STR_FMT(other->name), STR_FMT(others));
    x->hint = S("write for example `limits: { per_customer: 1 per 7d }`, or audiences that exclude "
                "each other");
}

void campaign_review_together(struct arena *a, const struct campaign_set *set, struct diags *d) {
    for (size_t i = 0; i < set->n_campaigns; i++) {
        const struct campaign *c = set->campaigns[i];
        size_t n = 0, at = 0;
        if (c->trigger.kind != TRIGGER_EVENT || !may_tire(c))
            continue;
        const struct campaign *const *list = campaign_set_started_by(set, c->trigger.event, &n);
        while (at < n && list[at] != c)
            at++;
        if (at < n && at < TOGETHER_MOST)
            compare_with_earlier(a, list, at, d);
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
            c->per_customer.most || is_about_others(a, c))
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
