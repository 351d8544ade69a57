/* SPDX-License-Identifier: Apache-2.0
 *
 * profile: what deciding knows of a customer, given as data, and the event that
 * is decided on. The caller fills it from the database; all pointers are borrowed
 * and must outlive the decisions that are made from them.
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
    struct str campaign; /* campaign->id */
    struct str channel;
    struct str topic;
    int64_t at_us; /* due */
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
};

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

#endif
