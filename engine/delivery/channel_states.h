/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_states: every two seconds a row for each channel, for `godwit status`: how
 * fast it goes, how many are on their way, why nothing moves. Private to
 * engine/delivery. Loop thread only.
 */
#ifndef GODWIT_ENGINE_DELIVERY_CHANNEL_STATES_H
#define GODWIT_ENGINE_DELIVERY_CHANNEL_STATES_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct channel_states;

/* Of a channel's rate; zeroed at first, kept by its owner. */
struct channel_average {
    int64_t done; /* at the last look */
    double per_s;
};

struct channel_state {
    struct str channel;
    int64_t done; /* sent or failed, since the start */
    size_t in_flight;
    struct str trouble; /* empty: none */
    struct channel_average *average;
};

struct channel_states *channel_states_new(void);
void channel_states_free(struct channel_states *s); /* NULL is fine; no request is under way */

/* Whether it is time for the next. */
bool channel_states_due(const struct channel_states *s, int64_t now_us);
/* Writes the n of `list`; channels of this engine that are not among them go. */
void channel_states_write(struct channel_states *s, struct db *db, int64_t engine,
                          const struct channel_state *list, size_t n, int64_t now_us);

#endif
