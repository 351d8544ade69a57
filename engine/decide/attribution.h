/* SPDX-License-Identifier: Apache-2.0
 *
 * attribution: to which of a campaign's messages an event that reached its goal is
 * credited, and what it is worth. Pure: all that counts is passed in.
 *
 * Of the messages within the goal's time before the event those count that were
 * touched most: a click over an open over having been sent; a message that was held
 * out counts only where none was sent. Among these the goal's `attribution` chooses.
 */
#ifndef GODWIT_ENGINE_DECIDE_ATTRIBUTION_H
#define GODWIT_ENGINE_DECIDE_ATTRIBUTION_H

#include "engine/decide/match.h"
#include "rules/campaign.h"

#define ATTRIBUTION_NEVER INT64_MIN

/* A message, and what its reader had done with it by the event; machines do not count. */
struct attribution_message {
    int64_t id;
    struct str campaign; /* campaign->id */
    bool held_out;
    int64_t at_us;                         /* sent, or would have been */
    int64_t first_open_us, last_open_us;   /* ATTRIBUTION_NEVER: not opened */
    int64_t first_click_us, last_click_us; /* likewise */
};

enum attribution_touch {
    ATTRIBUTION_HELD_OUT,
    ATTRIBUTION_SENT,
    ATTRIBUTION_OPEN,
    ATTRIBUTION_CLICK
};

struct attribution_credit {
    int64_t message;
    enum attribution_touch touch;
    int64_t at_us; /* of the touch */
};

/* The credits for an event at `at_us`, into out[], which has room for n; how many. They share
 * equally. The messages are those of one campaign. */
size_t attribution_credits(const struct campaign_goal *goal, int64_t at_us,
                           const struct attribution_message *messages, size_t n,
                           struct attribution_credit *out);

/* What the event is worth, as a decimal number; empty: the goal has no value, or *why says why it
 * has none here. Lives in the scope's arena. */
struct str attribution_value(struct match_scope *s, const struct campaign_goal *goal,
                             struct str *why);

const char *attribution_touch_name(enum attribution_touch t); /* "click" */

#endif
