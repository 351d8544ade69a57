/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_set: all rules of a workspace together: catalog, segments, campaigns,
 * and which campaigns an event could start.
 *
 * Lives in the workspace's arena, immutable once built. Pure.
 */
#ifndef GODWIT_RULES_CAMPAIGN_SET_H
#define GODWIT_RULES_CAMPAIGN_SET_H

#include "base/value.h"
#include "rules/campaign.h"
#include "rules/catalog.h"
#include "rules/segment.h"

struct event_table;
struct trigger_index;

struct campaign_set {
    struct catalog catalog;
    const struct segment *segments; /* in the order of the file */
    size_t n_segments;
    const struct campaign *const *campaigns; /* by name */
    size_t n_campaigns;
    /* Earlier versions that people are inside of: nobody enters them any more. */
    const struct campaign *const *earlier;
    size_t n_earlier;
    bool any_journey; /* of some version */
    bool any_later;   /* something may be due without an event: a journey, a timer, a run */
    const struct event_table *by_event;
    const struct campaign *const *by_id;
    struct map *goals;       /* the events that are goals */
    int64_t longest_goal_us; /* the longest `within` of a goal; 0: no campaign has one */
    const struct trigger_index *triggers; /* by event and by what the audience needs to be true */
    bool responses;                       /* some condition uses responded() */
};

/* Whether any of the campaign's conditions uses responded(). */
bool campaign_uses_responses(const struct campaign *c);

/* Takes n campaigns into the set, sorted by name, and builds the indexes. Two of the same
 * name or id are mistakes, reported at the second. */
void campaign_set_build(struct arena *a, struct campaign_set *s, const struct campaign **list,
                        size_t n, struct diags *d);

const struct campaign *campaign_set_find(const struct campaign_set *s, struct str name);
const struct campaign *campaign_set_by_id(const struct campaign_set *s, struct str id);
const struct segment *campaign_set_segment(const struct campaign_set *s, struct str name);

/* The campaigns whose trigger is an event of this name, in the order of their names; *n of them.
 * Costs one look-up, however many campaigns there are. */
const struct campaign *const *campaign_set_started_by(const struct campaign_set *s,
                                                      struct str event, size_t *n);

/* The campaigns that an event of this name sets a timer of: an absence, a date in the event; for
 * customer.created and customer.changed dates among the attributes. */
const struct campaign *const *campaign_set_timed_by(const struct campaign_set *s, struct str event,
                                                    size_t *n);

/* Whether people inside some journey may wait for such an event, or end with it. */
bool campaign_set_awaits(const struct campaign_set *s, struct str event);

/* The campaign of that id, of any version or (empty) the one in force; NULL: there is none. */
const struct campaign *campaign_set_version(const struct campaign_set *s, struct str id,
                                            struct str version);

/* Adds earlier versions to a set that is built. */
void campaign_set_add_earlier(struct arena *a, struct campaign_set *s,
                              const struct campaign *const *list, size_t n);
/* Whether the event is the goal of some campaign. */
bool campaign_set_is_goal(const struct campaign_set *s, struct str event);

/* Those of them whose audience could be true for these values of `customer` and `event` (slots as
 * in rules/condition.h); each has still to be evaluated. The list lives in `a`. */
const struct campaign *const *campaign_set_match(const struct campaign_set *s, struct str event,
                                                 const struct value *slots, size_t n_slots,
                                                 struct arena *a, size_t *n);

#endif
