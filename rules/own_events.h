/* SPDX-License-Identifier: Apache-2.0
 *
 * own_events: the events that Godwit records itself, with the types of their
 * properties: what became of a message (message.clicked, ...), and entry into and
 * exit from segments. Known to every catalog without being declared; names that
 * begin with "message." are nobody else's. Static data.
 */
#ifndef GODWIT_RULES_OWN_EVENTS_H
#define GODWIT_RULES_OWN_EVENTS_H

#include "rules/catalog.h"

const struct catalog_event *own_events_find(struct str name); /* NULL: it is not ours */
const struct catalog_event *own_events_at(size_t i);          /* NULL behind the last */

/* Whether nobody else may record events of this name. */
bool own_events_reserved(struct str name);

/* The event that a response of this kind is: click -> message.clicked. NULL: none. */
const struct catalog_event *own_events_of_response(struct str kind);

/* Whether the event follows from a message without anybody doing anything: a campaign that starts
 * with it and writes again goes on for ever. */
bool own_events_by_itself(struct str name);

#endif
