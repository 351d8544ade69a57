/* SPDX-License-Identifier: Apache-2.0
 *
 * arm: when a campaign that does not start with an event looks at a customer next:
 * an absence, a date among the attributes or in an event. One timer for each such
 * campaign and customer. Private to engine/decide. Pure.
 *
 * An absence that is over already when Godwit learns of its event (history, or an
 * event that comes late) follows the campaign's `backlog`.
 */
#ifndef GODWIT_ENGINE_DECIDE_ARM_H
#define GODWIT_ENGINE_DECIDE_ARM_H

#include "engine/decide/decide.h"

/* The customer's timer of the campaign; made when it is not there. */
struct customer_timer *arm_timer(struct deciding *x, const struct campaign *c);

/* Sets the timers that the event sets. */
void arm_event(struct deciding *x, const struct event *e);

/* Behind a timer that was worked off. */
void arm_next(struct deciding *x, struct customer_timer *t);

#endif
