/* SPDX-License-Identifier: Apache-2.0
 *
 * gates: whether a message that is due may be sent, and when: consent, suppression,
 * address, caps, quiet hours, holdout. The order and the names are in the table of
 * gates.c. Private to engine/decide. Pure.
 */
#ifndef GODWIT_ENGINE_DECIDE_GATES_H
#define GODWIT_ENGINE_DECIDE_GATES_H

#include "engine/decide/decide.h"

/* One message on its way through the gates. */
struct entry {
    const struct workspace *workspace;
    struct profile *profile;
    const struct campaign *campaign;
    const struct step *step;
    const struct step_send *send; /* the step's, or its fallback */
    const struct event *event;    /* NULL: there is none */
    bool entering;                /* the event itself starts the campaign here and now */
    struct str occurrence;
    int64_t at_us; /* when it is due: of an event the moment of deciding */
    int64_t now_us;
    struct str salt;
    struct arena *arena;
    struct decision *decision;

    const struct settings_channel *channel; /* set by gates_fill */
};

/* Fills the decision with what would be sent, and when. False: there is no such channel. */
bool gates_fill(struct entry *x) MUST_CHECK;
/* Sets outcome, gate and reason. Without an address the fallback takes the step's place. What has
 * to make room for a message that is sent is cancelled in the profile and named in the decision. */
void gates_pass(struct entry *x);
/* Why an event is too old to start the campaign; empty: it is not. */
struct str gates_stale(const struct campaign *c, const struct event *e, int64_t now_us,
                       struct arena *a);
/* What each gate says. */
void gates_explain(const struct entry *x, struct explanation *out);

#endif
