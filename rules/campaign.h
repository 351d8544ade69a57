/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign: one file of campaigns/, loaded and checked. Plain data, no I/O. Made by
 * campaign_file.c, read by everything else.
 *
 * Lives in the workspace's arena and is immutable, so a pointer to a campaign is
 * good for as long as the workspace is held (engine/workspace.h).
 *
 * Spans are in microseconds, instants in microseconds since 1970 UTC.
 */
#ifndef GODWIT_RULES_CAMPAIGN_H
#define GODWIT_RULES_CAMPAIGN_H

#include "base/diag.h"
#include "base/value.h"

#include <stdint.h>

struct cel_program;
struct cron;

#define CAMPAIGN_VERSION_CHARS 12
#define CAMPAIGN_MAX_AGE_US (INT64_C(7) * 86400 * 1000000) /* when the file says nothing */
#define CAMPAIGN_PPM 1000000                               /* a share of 100 % */

/* What starts a campaign for a customer. An attribute's change, and entering or leaving a segment,
 * are events too (customer.changed, segment.entered, segment.left), so they are TRIGGER_EVENT with
 * a part that must fit (campaign_trigger_fits). */
enum trigger_kind {
    TRIGGER_EVENT,
    TRIGGER_ABSENCE,  /* nothing of the name for a while */
    TRIGGER_DATE,     /* a date among the attributes, or in an event's properties */
    TRIGGER_SCHEDULE, /* cron: everybody in the audience, again and again */
    TRIGGER_ONCE      /* everybody in the audience, at an instant or when told so (godwit send) */
};

/* For those who are past it already when the campaign starts, or when history is imported. */
enum backlog { BACKLOG_SKIP, BACKLOG_ALL, BACKLOG_SPREAD };

#define EVENT_CUSTOMER_CREATED "customer.created" /* made by the database when somebody looks */
#define EVENT_CUSTOMER_CHANGED "customer.changed" /* attribute, from, to */

struct trigger {
    enum trigger_kind kind;
    struct str event; /* EVENT, ABSENCE, and a DATE in an event: its name; else empty */
    struct place at;

    /* EVENT: what must fit beside the name */
    struct str segment;   /* of segment.entered and segment.left; empty: any */
    struct str attribute; /* of customer.changed: dotted path; empty: any. DATE: where the date is:
                             in the attributes, or in the properties of `event` if that is set */
    bool has_from, has_to;
    struct value from, to; /* the attribute's value before and after; V_NULL: not there */

    /* ABSENCE */
    int64_t for_us;
    bool never; /* also those who never had the event, from when the customer was created */
    enum backlog backlog;
    int64_t spread_us; /* BACKLOG_SPREAD: over how long */

    /* DATE: the local day in the customer's zone, `shift_days` later, at `minute` */
    bool yearly;    /* the day comes again each year; 29 February is 28 in common years */
    int shift_days; /* "before: 30d" is -30 */
    int minute;     /* of the local day */

    const struct cron *cron; /* SCHEDULE: in the workspace's zone (base/calendar.h) */
    int64_t at_us;           /* ONCE: 0: only when told so */
};

/* What a campaign does. The steps of all branches stand in one list; `next` and `otherwise` say
 * where it goes on, n_steps being the end. No step leads back, so each is done at most once an
 * entry. */
enum step_kind {
    STEP_SEND,
    STEP_WAIT,
    STEP_SPLIT,  /* goes on at the variant's first step */
    STEP_UPDATE, /* sets attributes of the customer */
    STEP_EMIT,   /* makes an event of the customer */
    STEP_GO,     /* nothing: goes on at `next`; what a `branch` is made of */
    STEP_STOP
};

struct step_send {
    struct str channel;
    struct str topic; /* empty when transactional */
    struct str template;
    bool transactional;               /* `legal: transactional`: needs no consent to a topic */
    const struct step_send *fallback; /* `else`: without an address, or when delivery failed for
                                         good; NULL: none. Has no fallback of its own. */
};

enum wait_kind {
    WAIT_SPAN,  /* days keep the local time of day, what is shorter is absolute */
    WAIT_UNTIL, /* an instant, given or worked out */
    WAIT_TIME,  /* the next time of a local day */
    WAIT_EVENT  /* an event, or the time is over */
};

struct step_wait {
    enum wait_kind kind;
    int days;      /* SPAN */
    int64_t us;    /* SPAN: and what is shorter; EVENT: the longest wait (`timeout`) */
    int64_t at_us; /* UNTIL: 0: see `until` */
    const struct cel_program *until; /* UNTIL: gives a timestamp; one in the past goes on at once */
    int minute;                      /* TIME: of the local day */
    unsigned weekdays;               /* TIME: bit 0 Sunday; 0: any */
    struct str event;                /* EVENT: its name */
    const struct cel_program *where; /* EVENT: over that event; NULL: any of the name */
};

struct step_variant {
    struct str name;
    uint32_t share_ppm; /* of a split they add up to CAMPAIGN_PPM */
    size_t first;       /* step */
};

struct step_split {
    struct str id; /* chance hangs on it: renaming the campaign or the step's neighbours does not
                      reshuffle */
    const struct step_variant *variants;
    size_t n_variants;
};

/* A value of `update` and of `emit`: given, or worked out. */
struct step_value {
    struct str name;
    struct value value;
    const struct cel_program *program; /* NULL: `value` */
};

struct step_values {
    struct str event; /* STEP_EMIT: its name */
    const struct step_value *list;
    size_t n;
};

struct step {
    struct str id; /* unique in the campaign, survives edits; the template's name, or the kind and a
                      number, by default */
    enum step_kind kind;
    struct place at;
    struct str when_text;
    const struct cel_program *when; /* NULL: always. What cannot be told counts as false. */
    size_t next;                    /* behind this step; of WAIT_EVENT: when the event came */
    size_t otherwise; /* when `when` is false; of WAIT_EVENT: when the time is over (and
                         `next` when `when` is false) */
    union {
        struct step_send send;
        struct step_wait wait;
        struct step_split split;
        struct step_values values; /* UPDATE, EMIT */
        struct str reason;         /* STOP: for the record, may be empty */
    } u;
};

/* How often a customer may go through it. Twice at a time never. */
enum reentry { REENTRY_ALWAYS, REENTRY_ONCE, REENTRY_EVERY };

/* What becomes of people inside when the file changes. */
enum migrate { MIGRATE_KEEP, MIGRATE_MOVE, MIGRATE_EXIT };

/* Steps that are done more than CAMPAIGN_LATE_US after they were due (the engine stood still). */
enum past_due { PAST_DUE_SPREAD, PAST_DUE_SEND, PAST_DUE_SKIP };
#define CAMPAIGN_LATE_US (INT64_C(3600) * 1000000)

/* Ends a journey early: an event of the name that fits, or (no name) a condition that holds when
 * the person is about to do the next step. */
struct campaign_exit {
    struct str event;
    const struct cel_program *where; /* NULL: any of the name */
    struct str text;                 /* as written, for the record */
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
    bool goes_on;                    /* reaching it does not end the journey */
    struct place at;
};

/* When messages may leave, in the customer's zone. from == to: at any time. */
struct campaign_window {
    int from_minute, to_minute; /* of the local day; from > to: over midnight */
    unsigned weekdays;          /* bit 0 Sunday, of the day on which it begins; 0: any */
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
    bool journey; /* people are enrolled; else it is one send, at once */
    const struct campaign_exit *exits;
    size_t n_exits;
    enum reentry reentry;
    int64_t reentry_us; /* REENTRY_EVERY: since the last entry */
    enum migrate migrate;
    enum past_due past_due;
    int64_t past_due_us; /* PAST_DUE_SPREAD: over how long */
    struct campaign_goal goal;
    uint32_t holdout_ppm; /* share of customers that are held out, in CAMPAIGN_PPM */
    struct campaign_limit per_customer;
    double rate_per_s;        /* messages of all customers; 0: no limit */
    int64_t max_age_us;       /* an event older than this when it is decided starts nothing */
    int64_t expires_after_us; /* a message not sent so long after it was due is dropped; 0: never */
    int64_t expires_at_us;    /* no message is sent from this instant on; 0: no end */
    int64_t priority;         /* the higher one wins; 0 by default */
    struct campaign_window send_window; /* beside the workspace's quiet hours */
    bool ignores_quiet_hours, ignores_caps;
};

/* Whether two values are the same to a marketer: 5 and 5.0 are; null is nothing but null; lists and
 * maps whose values are. */
bool campaign_same_value(struct value a, struct value b);

/* Whether what stands beside the event's name in the trigger fits this event. */
bool campaign_trigger_fits(const struct campaign *c, struct value properties);

/* Whether each customer has a timer of it: it starts with an absence or a date. */
bool campaign_has_timer(const struct campaign *c);
/* Whether it is for everybody in its audience at once: by a schedule, at an instant, when told. */
bool campaign_has_runs(const struct campaign *c);

/* Whether there is an `event` for its conditions and templates. */
bool campaign_has_event(const struct trigger *t);

/* The step of that id; n_steps: there is none. */
size_t campaign_step(const struct campaign *c, struct str id);

/* Whether people inside the journey may wait for such an event, or end with it. */
bool campaign_awaits(const struct campaign *c, struct str event);

/* Every program of the campaign; NULL where there is none. */
typedef void (*campaign_program_fn)(void *ctx, const struct cel_program *p);
void campaign_programs(const struct campaign *c, campaign_program_fn fn, void *ctx);

#endif
