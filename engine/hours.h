/* SPDX-License-Identifier: Apache-2.0
 *
 * hours: when a message may leave where its customer is: outside of quiet hours, within its
 * campaign's send window. Looked at when it is decided on and again when it is claimed, since
 * much can hold it up in between; so what holds for it is stored with it, in its input.
 *
 * Pure; any thread.
 */
#ifndef GODWIT_ENGINE_HOURS_H
#define GODWIT_ENGINE_HOURS_H

#include "base/value.h"
#include "rules/campaign.h"

struct arena;
struct settings;
struct zone;

#define HOURS_KEY "_hours" /* in a message's input */

struct hours {
    const struct zone *zone;
    struct campaign_window quiet, window; /* from == to: there is none */
};

/* What holds for messages of the campaign; leaves the zone alone. False: they may leave at any
 * time. */
bool hours_of(struct hours *h, const struct settings *s, const struct campaign *c,
              bool transactional);

/* The first instant from `us` on at which the message may leave. */
int64_t hours_when(const struct hours *h, int64_t us);

/* As it is stored, without the zone; null: it may leave at any time. */
struct value hours_value(const struct hours *h, struct arena *a);
/* What was stored, as JSON; leaves the zone alone. False: at any time. */
bool hours_read(struct hours *h, struct str json, struct arena *a);

#endif
