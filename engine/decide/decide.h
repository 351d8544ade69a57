/* SPDX-License-Identifier: Apache-2.0
 *
 * decide: what one event of one customer, or the hour, leads to. The same functions
 * serve the live engine, plan, simulate, explain and the tests.
 *
 * Pure: touches no database, socket, clock or random source. The time is an
 * argument; the chance of a holdout is a keyed hash of (salt, campaign's id,
 * customer's key). Everything is allocated in the given arena; decisions point at
 * the workspace's campaigns, so the workspace must be held as long as they are.
 *
 * For each campaign that starts and whose audience matches: one decision for each
 * message that is due now. Campaigns of several steps leave an enrolment in the
 * profile, which wakes when the next step is due (journey.h). The gates are asked in
 * the order of the table in gates.c; the first that says no makes the outcome and
 * leaves its name. Those held out pass all other gates first.
 *
 *     stale > consent > suppression > address > limit > cap > expired > holdout
 *
 * Nothing is left by a campaign whose audience does not match.
 */
#ifndef GODWIT_ENGINE_DECIDE_DECIDE_H
#define GODWIT_ENGINE_DECIDE_DECIDE_H

#include "engine/decide/profile.h"
#include "engine/workspace.h"

enum outcome {
    OUTCOME_SEND,       /* into the outbox, status queued */
    OUTCOME_HELD_OUT,   /* into the outbox, status held_out */
    OUTCOME_SUPPRESSED, /* no consent, or the address is suppressed */
    OUTCOME_CAPPED,     /* a limit is reached */
    OUTCOME_FAILED,     /* cannot be sent: no address, expired */
    OUTCOME_STALE,      /* the event was too old when it was decided: not an entry */
    OUTCOME_ERROR,      /* the audience could not be evaluated: not an entry */
    OUTCOMES
};

struct decision {
    const struct campaign *campaign; /* its id and version go into the record */
    const struct step *step;         /* NULL for OUTCOME_STALE and OUTCOME_ERROR */
    enum outcome outcome;
    const char *gate;  /* name of the gate that said no; NULL for OUTCOME_SEND */
    struct str reason; /* a sentence for people; empty for OUTCOME_SEND */
    int64_t customer;  /* profile->id */
    int64_t event;     /* event->id */

    /* What to send; set whenever step is, whatever the outcome. */
    struct str channel;
    struct str topic; /* empty: transactional */
    struct str template;
    struct str address;    /* of the channel's kind; empty if the customer has none */
    struct str locale;     /* the customer's, may be empty */
    struct str occurrence; /* "e4711": with campaign->id, customer and step->id unique for ever */
    int64_t due_us;
    int64_t expires_us; /* not to be sent from here on; 0: never expires */
    int64_t priority;
    struct str variant;        /* of the last split on the way; empty: none */
    const struct event *about; /* what `event` is in the template; NULL: there is none */
    /* Messages of lower priority that had to make room: not to be sent any more. */
    const struct profile_message **displaced;
    size_t n_displaced;
};

/* What a step does beside sending. The caller applies them, in order, after the decisions. */
struct effect {
    enum effect_kind {
        EFFECT_UPDATE, /* attributes to be merged into the customer's */
        EFFECT_EMIT    /* an event of the customer */
    } kind;
    const struct campaign *campaign;
    struct str name;     /* EMIT: of the event */
    struct value values; /* map: attributes, or properties */
    struct value before; /* UPDATE: map: the attributes as they were, side by side */
    struct str dedupe;   /* EMIT: the same for the same step of the same entry */
    int64_t at_us;
};

struct decisions {
    struct decision *list;
    size_t n, cap;
    struct effect *effects;
    size_t n_effects, cap_effects;
};

/* Each of these appends to *out, which starts zeroed, and takes what it decided into account at
 * once: p->messages, p->enrolments and p->timers are changed (what is new or different says
 * `changed`). `now_us`: the instant of deciding. `salt`: the installation's secret for chances;
 * the same for ever. Empty: nobody is held out. */
struct deciding {
    const struct workspace *workspace;
    struct profile *profile;
    int64_t now_us;
    struct str salt;
    struct arena *arena;
    struct decisions *out;
};

/* An event of the customer; behaviour includes it already. History sets timers and ends waits of
 * nobody. */
void decide(struct deciding *x, const struct event *e);
/* The next steps of an enrolment whose wake_us has come. */
void decide_wake(struct deciding *x, struct enrolment *n);
/* A timer that is due: an absence that is complete, a date that has come. Sets it anew. */
void decide_timer(struct deciding *x, struct customer_timer *t);
/* One customer's share of a campaign that is for everybody (SCHEDULE, ONCE), at `at_us`. */
void decide_run(struct deciding *x, const struct campaign *c, int64_t at_us);
/* After customer's attributes or time zone changed, or when a campaign is new: sets the timers of
 * dates in attributes; makes those that are missing. */
void decide_arm(struct deciding *x);
/* The campaign is new here, or its trigger is: sets its timer of this customer, who is there for
 * longer. `last`: the newest event of the trigger's name; NULL: none. */
void decide_arm_timer(struct deciding *x, const struct campaign *c, const struct event *last);

/* Adds a decision made elsewhere to the profile's messages, so that what comes is limited by it;
 * deciding does it by itself. Does nothing for outcomes that leave no message. */
void decide_remember(struct profile *p, const struct decision *d, struct arena *a);

/* Whether the earlier one's message makes room for that of `d`: it is not sent any more. */
bool decide_displaces(const struct decision *d, const struct decision *earlier);

bool outcome_is_entry(enum outcome o);    /* counts as entered in the accounting */
const char *outcome_name(enum outcome o); /* "send", "held_out", "suppressed", ... */

/* Whether the customer is in the campaign's holdout. */
bool decide_held_out(const struct campaign *c, struct str customer_key, struct str salt);
/* Which variant of a split the customer is in; an index. */
size_t decide_variant(const struct campaign *c, const struct step_split *s, struct str customer_key,
                      struct str salt);

/* ---- why, for one campaign */

struct explanation {
    bool triggered; /* the event's name starts the campaign */
    bool matched;   /* and the audience matches */
    struct str why; /* not triggered: the reason; else each part of the condition with its value, a
                       line each; empty: no condition */
    bool decided;   /* `decision` is set: some gate or none said no */
    struct decision decision;
    /* Every gate in order, also those after the first no. */
    struct explanation_gate {
        const char *name;
        bool passed;
        struct str reason; /* when it did not pass */
    } * gates;
    size_t n_gates;
};

/* `e`: NULL for a campaign that does not start with an event: as if it started now. Leaves
 * x->out and the profile alone. */
void decide_explain(struct deciding *x, const struct campaign *c, const struct event *e,
                    struct explanation *out);

#endif
