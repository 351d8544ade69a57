/* SPDX-License-Identifier: Apache-2.0
 *
 * match: which campaigns' rules an event satisfies: the trigger index by the
 * event's name, then the audience's condition. Looks back from the event's own time.
 *
 * Pure: no I/O, no clock, no chance. Allocates in the given arena.
 */
#ifndef GODWIT_ENGINE_DECIDE_MATCH_H
#define GODWIT_ENGINE_DECIDE_MATCH_H

#include "base/err.h"
#include "engine/decide/profile.h"
#include "engine/workspace.h"
#include "rules/cel.h"
#include "rules/condition.h"

enum match_result {
    MATCH_YES,
    MATCH_NO,
    MATCH_MISSING, /* it reads what is not there, and so does not hold: e says what */
    MATCH_ERROR    /* the condition could not be evaluated for this customer: e says why */
};

/* What conditions see of one event of one customer; made once an event, used for all campaigns.
 * `now` in a condition is the instant looked back from. */
struct match_scope {
    const struct workspace *workspace;
    const struct profile *profile;
    const struct event *event; /* NULL: there is none (segments, timers) */
    struct arena *arena;
    struct value slots[CONDITION_SLOTS];
    struct cel_activation activation;
    const struct campaign *campaign; /* whose messages responded() asks about; NULL: nobody's */
    struct str occurrence;           /* only about this one; empty: about all so far */
    unsigned char *segments;         /* what is known of each: 0 nothing, else match_result + 1 */
};

/* With an event, `at_us` is its own time; without, the clock. */
void match_scope_init(struct match_scope *s, const struct workspace *w, const struct profile *p,
                      const struct event *e, int64_t at_us, struct arena *a);

/* Also makes responded() ask about c. */
enum match_result match_campaign(struct match_scope *s, const struct campaign *c, struct err *e);
/* A condition in the same surroundings; NULL: yes. */
enum match_result match_condition(struct match_scope *s, const struct cel_program *p,
                                  struct err *e);
/* An expression; false: it has no value here, e says why. */
bool match_value(struct match_scope *s, const struct cel_program *p, struct value *out,
                 struct err *e) MUST_CHECK;
enum match_result match_segment(struct match_scope *s, struct str name, struct err *e);

/* The customer's zone, or the workspace's. */
const struct zone *match_zone(const struct workspace *w, const struct profile *p);

/* Why: a line for each part of the condition with the value it had, for people; empty when the
 * campaign has no condition. */
struct str match_explain(struct match_scope *s, const struct campaign *c);

#endif
