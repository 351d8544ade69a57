/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign: one file of campaigns/, loaded and checked. Plain data: no I/O, no
 * behaviour. Made by campaign_file.c, read by everything else.
 *
 * Lives in the workspace's arena and is immutable, so a pointer to a campaign is
 * good for as long as the workspace is held (engine/workspace.h).
 *
 * Spans are in microseconds, instants in microseconds since 1970 UTC.
 */
#ifndef GODWIT_RULES_CAMPAIGN_H
#define GODWIT_RULES_CAMPAIGN_H

#include "base/diag.h"

#include <stdint.h>

struct cel_program;

#define CAMPAIGN_VERSION_CHARS 12
#define CAMPAIGN_MAX_AGE_US (INT64_C(7) * 86400 * 1000000) /* when the file says nothing */
#define CAMPAIGN_PPM 1000000                               /* a share of 100 % */

/* What starts a campaign. The loader accepts TRIGGER_EVENT so far. */
enum trigger_kind {
    TRIGGER_EVENT,
    TRIGGER_ABSENCE,
    TRIGGER_ATTRIBUTE,
    TRIGGER_SEGMENT,
    TRIGGER_DATE,
    TRIGGER_SCHEDULE,
    TRIGGER_ONCE
};

struct trigger {
    enum trigger_kind kind;
    struct str event; /* TRIGGER_EVENT: its name */
    struct place at;
};

/* What a campaign does. The loader accepts STEP_SEND so far, one per campaign. */
enum step_kind { STEP_SEND, STEP_WAIT, STEP_SPLIT, STEP_UPDATE, STEP_EMIT, STEP_STOP };

struct step_send {
    struct str channel;
    struct str topic; /* empty when transactional */
    struct str template;
    bool transactional; /* `legal: transactional`: needs no consent to a topic */
};

struct step {
    struct str id; /* unique in the campaign, survives edits; the template's name by default */
    enum step_kind kind;
    struct place at;
    union {
        struct step_send send;
    } u;
};

/* At most `most` messages of this campaign for one customer in any `span_us`;
 * most 0: no limit. `once` is most 1 with span_us 0: ever. */
struct campaign_limit {
    int64_t most;
    int64_t span_us;
    struct str text; /* as written: "1 per 90d" */
};

/* To which messages a success is credited, of those that were clicked, or else opened, or else
 * sent. */
enum goal_attribution {
    GOAL_LAST, /* the one touched last */
    GOAL_FIRST,
    GOAL_LINEAR /* all of them, in equal parts */
};

/* What counts as success. event.n == 0: the campaign has no goal. */
struct campaign_goal {
    struct str event;
    int64_t within_us;
    enum goal_attribution attribution;
    const struct cel_program *value; /* over the goal's event; NULL: nothing is summed up */
    struct place at;
};

struct campaign {
    struct str name; /* unique in the workspace */
    struct str id;   /* `id:` in the file, else the name. Holdout, limits and uniqueness are kept
                        under it, so a campaign that is renamed keeps its old name as id. */
    struct str description;
    char version[CAMPAIGN_VERSION_CHARS + 1]; /* hex, from the file's canonical bytes */
    struct str file;                          /* "campaigns/welcome.yaml" */
    struct str source;                        /* the canonical bytes themselves */
    struct place at;                          /* of the name */

    struct trigger trigger;
    struct str audience_text;           /* as written; empty: everyone */
    const struct cel_program *audience; /* gives a bool; NULL: everyone */
    const struct step *steps;
    size_t n_steps;
    struct campaign_goal goal;
    uint32_t holdout_ppm; /* share of customers that are held out, in CAMPAIGN_PPM */
    struct campaign_limit per_customer;
    double rate_per_s;        /* messages of all customers; 0: no limit */
    int64_t max_age_us;       /* an event older than this when it is decided starts nothing */
    int64_t expires_after_us; /* a message not sent so long after it was due is dropped; 0: never */
    int64_t expires_at_us;    /* no message is sent from this instant on; 0: no end */
    int priority;             /* the higher one wins; 0 by default */
};

#endif
