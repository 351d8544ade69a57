/* SPDX-License-Identifier: Apache-2.0
 *
 * journey: one person's way through the steps of a campaign. Private to
 * engine/decide; everything is reached through decide.h. Pure.
 *
 * A walk does steps until one waits or the last is done. Each send passes the gates
 * by itself; what a gate stops is left out and the way goes on. A condition that
 * cannot be told counts as false. A wait ends at its time, never before; a walk that
 * comes more than CAMPAIGN_LATE_US after it was due follows the campaign's `past_due`.
 *
 * normal:    enter > send > wait > (wake) > send > ... > completed
 * otherwise: goal, exit (an event or a condition), stopped, exited or removed (the
 *            campaign's file changed), unreadable (its version is not there any more)
 */
#ifndef GODWIT_ENGINE_DECIDE_JOURNEY_H
#define GODWIT_ENGINE_DECIDE_JOURNEY_H

#include "engine/decide/gates.h"
#include "engine/decide/match.h"

/* What starts a campaign for the customer, whose audience it matches. */
struct journey_start {
    const struct campaign *campaign;
    const struct event *event; /* NULL: there is none */
    bool entering;             /* the event itself starts it */
    struct str occurrence;
    int64_t at_us;
};

/* Makes an enrolment and does the first steps. Nothing for somebody who is inside already or may
 * not enter again. */
void journey_enter(struct deciding *x, const struct journey_start *s, struct match_scope *scope);

/* What an event means to those inside: the end, or of a wait. */
void journey_event(struct deciding *x, const struct event *e);

/* The next steps, at the time they are due. */
void journey_wake(struct deciding *x, struct enrolment *n);

/* The customer's clock was in another zone up to now: waits for a local time move with it. */
void journey_move_zone(struct deciding *x, const struct zone *from, const struct zone *to);

/* A step's message before the gates. */
struct entry journey_entry(struct deciding *x, const struct journey_start *s,
                           const struct step *step, struct decision *out);

/* Sends a step's message, or records why not. `enrolment`: NULL outside of journeys. */
void journey_send(struct deciding *x, const struct journey_start *s, const struct step *step,
                  const struct enrolment *n);

/* A decision without a step: something that was stopped before the first. */
void journey_refuse(struct deciding *x, const struct journey_start *s, enum outcome outcome,
                    const char *gate, struct str reason);

#endif
