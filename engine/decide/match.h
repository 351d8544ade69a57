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

struct cel_context;

enum match_result {
    MATCH_YES,
    MATCH_NO,
    MATCH_ERROR /* the condition could not be evaluated for this customer: e says why */
};

/* What conditions see of one event of one customer; made once an event, used for all campaigns. */
struct match_scope {
    const struct workspace *workspace;
    const struct profile *profile;
    const struct event *event; /* NULL: there is none (segments, timers) */
    int64_t at_us;             /* the instant looked back from */
    struct arena *arena;
};

void match_scope_init(struct match_scope *s, const struct workspace *w, const struct profile *p,
                      const struct event *e, struct arena *a);

enum match_result match_campaign(const struct match_scope *s, const struct campaign *c,
                                 struct err *e);
enum match_result match_segment(const struct match_scope *s, struct str name, struct err *e);

/* Why: one line a part of the condition with the values it saw, for people. */
struct str match_explain(const struct match_scope *s, const struct campaign *c);

#endif
