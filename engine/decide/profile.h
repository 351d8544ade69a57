/* SPDX-License-Identifier: Apache-2.0
 *
 * profile: what deciding knows of a customer, given as data, and the event that
 * is decided on. Enrolments and timers are changed by deciding; the rest is not. The caller fills
 * it from the database; all pointers are borrowed and must outlive the decisions that are made from
 * them.
 *
 * State is as of just after the event: behaviour includes the event itself,
 * attributes are those in force. Instants are microseconds since 1970 UTC.
 */
#ifndef GODWIT_ENGINE_DECIDE_PROFILE_H
#define GODWIT_ENGINE_DECIDE_PROFILE_H

#include "base/str.h"
#include "base/value.h"
#include "engine/message_status.h"
#include "rules/behaviour.h"

struct campaign;

/* How far an event may start campaigns. */
enum event_mode {
    EVENT_LIVE,    /* yes, unless it is older than the campaign's max_age */
    EVENT_TRIGGER, /* yes, however old: imported with --trigger */
    EVENT_HISTORY  /* no: it only counts as behaviour */
};

struct event {
    int64_t id;
    struct str name;
    struct value properties; /* map, or null */
    int64_t occurred_us;
    enum event_mode mode;
};

/* A person's way through a campaign of several steps. The caller keeps it (godwit.enrolments);
 * deciding changes it and says so. */
struct enrolment {
    int64_t id; /* 0: made just now */
    struct str campaign_id, version;
    const struct campaign *campaign; /* of that version; NULL: it cannot be read any more */
    struct str occurrence;           /* names the entry: "e4711", "a1721692800" */
    int64_t entered_us;
    struct event event; /* what started it: `event` in its steps */
    bool has_event;
    struct str step;    /* id of the one to be done next, or in which it waits */
    bool waiting;       /* in that step */
    int64_t wake_us;    /* INT64_MAX: ended */
    struct str variant; /* of the last split */
    int64_t ended_us;   /* 0: still inside */
    struct str end;     /* "completed", "stopped", "goal", "exit", ... */
    struct str end_detail;
    bool changed;
};

/* When a campaign that does not start with an event looks at this customer: an absence, a date. */
struct customer_timer {
    const struct campaign *campaign;
    int64_t due_us;     /* INT64_MAX: not before something happens */
    int64_t since_us;   /* ABSENCE: when the last event was; DATE: of the event with the date */
    struct event event; /* that event; only read when it is due */
    bool has_event;
    bool changed;
};

/* One line of the history of consents. The newest line that fits a channel and topic holds. */
struct profile_consent {
    struct str channel; /* "*": all channels */
    struct str topic;   /* "*": all topics */
    bool subscribed;
    int64_t at_us;
};

/* An address of this customer that must not be written to. */
struct profile_suppression {
    struct str channel; /* "*": all channels */
    struct str reason;  /* "hard bounce", "complaint", ... */
};

/* What the customer did under one event's name (engine/decide/behaviour_pack.h). */
struct profile_behaviour {
    struct str event;
    const struct behaviour_log *log;
};

/* A message decided on earlier, whatever its campaign. */
struct profile_message {
    int64_t id;          /* godwit.messages; 0: decided on just now */
    struct str campaign; /* campaign->id */
    struct str step, occurrence;
    struct str channel;
    struct str topic;
    int64_t at_us; /* due */
    int64_t priority;
    bool transactional;
    enum message_status status;
};

/* What the customer did with a message of some campaign, or what became of it. Of opens and clicks
 * only a person's: a scanner is no response. */
struct profile_response {
    struct str campaign;   /* campaign->id */
    struct str occurrence; /* of the message: messages.occurrence */
    struct str kind;       /* "click"; one of cel_response_kinds() */
    int64_t at_us;         /* the first of its kind for this occurrence is enough */
};

/* Where the customer stands among all; see godwit.rfm. Zeroed: never bought. */
struct profile_rfm {
    int64_t r, f, m; /* quintiles, 5 is best; 0: never bought */
    int64_t purchases;
    double revenue;
    double top; /* share of buyers with at least this revenue, 0 < top <= 1; 0: never bought */
};

struct profile {
    int64_t id;     /* customers.id; 0 when there is none yet */
    struct str key; /* what the producer calls the customer: holdout hangs on it */
    struct str email;
    struct str phone;
    struct str locale;       /* "zh-TW"; may be empty */
    struct str timezone;     /* may be empty: the workspace's */
    struct value attributes; /* map, or null */
    struct profile_rfm rfm;
    const struct profile_consent *consents;
    size_t n_consents;
    const struct profile_suppression *suppressions;
    size_t n_suppressions;
    struct profile_message *messages;         /* in any order */
    size_t n_messages, cap_messages;          /* cap: 0 when the list is the caller's */
    const struct profile_response *responses; /* of the campaigns whose conditions ask; any order */
    size_t n_responses;
    const struct profile_behaviour
        *behaviours; /* one for each event name that rules look back on */
    size_t n_behaviours;
    int64_t created_us;           /* when the customer was made */
    struct enrolment *enrolments; /* those inside, and of each campaign the newest that ended */
    size_t n_enrolments, cap_enrolments;
    struct customer_timer *timers; /* one for each campaign with an absence or a date */
    size_t n_timers, cap_timers;
};

#endif
