/* SPDX-License-Identifier: Apache-2.0
 *
 * plan_tally: what a plan comes to, added up decision by decision: how many of
 * each outcome, for which reasons, who lacks what a template requires, and which
 * variants of templates the customers' locales get. Bounded: one entry for each
 * campaign, gate, required value and (template, locale), of locales at most
 * PLAN_LOCALES; customers are counted by who runs the plan.
 *
 * Lives in the arena it was made with and borrows the workspace. Pure.
 */
#ifndef GODWIT_ENGINE_INTAKE_PLAN_TALLY_H
#define GODWIT_ENGINE_INTAKE_PLAN_TALLY_H

#include "engine/decide/decide.h"

#define PLAN_KEYS 5
#define PLAN_LOCALES 500

struct plan_campaign {
    const struct campaign *campaign;
    int64_t outcomes[OUTCOMES];
    int64_t customers;    /* who would be sent to */
    int64_t per_customer; /* the most that one of them would get */
};

struct plan_reason {
    const struct campaign *campaign;
    enum outcome outcome;
    const char *gate;
    int64_t count;
    struct str example; /* the first reason given */
};

/* Messages that would fail, as the customer lacks what the template requires. */
struct plan_lack {
    struct str template, value;
    int64_t count;
    struct str keys[PLAN_KEYS]; /* the first customers */
    size_t n_keys;
};

struct plan_variant {
    struct str template, locale, variant; /* variant: "zh", or "default (html)" */
    int64_t messages;
};

struct plan_tally {
    struct arena *arena;
    const struct workspace *workspace;
    struct plan_campaign *campaigns;
    size_t n_campaigns;
    struct plan_reason *reasons;
    size_t n_reasons, cap_reasons;
    struct plan_lack *lacks;
    size_t n_lacks, cap_lacks;
    struct plan_variant *variants;
    size_t n_variants, cap_variants;
};

/* `only`: NULL for all campaigns. */
void plan_tally_init(struct plan_tally *t, const struct workspace *w, const struct campaign *only,
                     struct arena *a);
/* `scratch` is for the work of this call. */
void plan_tally_add(struct plan_tally *t, const struct decision *d, const struct profile *p,
                    struct arena *scratch);
/* NULL: not one of the campaigns looked at. */
struct plan_campaign *plan_tally_campaign(const struct plan_tally *t, const struct campaign *c);

#endif
