/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch: one channel's way from claimed message to settled result.
 *
 *   claim -> ready -> (mark, one transaction with the settling of results) ->
 *   in flight at the driver -> result -> settled, freed
 *
 * One claim and one mark-and-settle request at a time; while one is under way,
 * and for some ms before it, results gather, so that under load a transaction
 * carries many (group commit).
 * A channel that fails as a whole rests, longer each time, and says so once.
 * Private to engine/delivery. Loop thread only.
 */
#ifndef GODWIT_ENGINE_DELIVERY_DISPATCH_H
#define GODWIT_ENGINE_DELIVERY_DISPATCH_H

#include "channels/channel.h"
#include "engine/delivery/channel_states.h"
#include "engine/delivery/delivery.h"
#include "engine/delivery/render.h"

struct db;
struct dispatch;

/* What all channels of a delivery share; owned by delivery.c. */
struct dispatch_host {
    uv_loop_t *loop;
    struct db *claims; /* claim, fail */
    struct db *marks;  /* mark, settle */
    struct shards *shards;
    struct workspace *workspace; /* held */
    struct render render;
    bool stopping;
    unsigned ticks; /* since the start */
    bool recovered; /* after a lost connection, what we had marked was looked for */
    struct delivery_counts counts;
};

/* `w` is the workspace whose settings it gets. */
struct dispatch *dispatch_new(struct dispatch_host *host, const struct workspace *w,
                              struct str channel, struct err *e) MUST_CHECK;
/* Whether it is the channel `c` of `w` as it stands there. */
bool dispatch_is(const struct dispatch *d, const struct workspace *w,
                 const struct settings_channel *c);
struct str dispatch_name(const struct dispatch *d);
void dispatch_claim(struct dispatch *d); /* looks for due messages, if there is room */
void dispatch_cycle(struct dispatch *d); /* settles and marks what there is */
void dispatch_tick(struct dispatch *d);  /* every 250 ms */
bool dispatch_has(const struct dispatch *d, uint64_t members);
/* Ids that were marked and are not settled yet, appended to out. */
size_t dispatch_in_hand(const struct dispatch *d, int64_t *out, size_t room);
void dispatch_forget_ready(struct dispatch *d, uint64_t members); /* of these shards */
void dispatch_count(struct dispatch *d, struct delivery_counts *out, struct str *trouble);

/* If it is this channel's: nothing goes to the domain before then (us; 0: it goes again). */
void dispatch_pause(struct dispatch *d, struct str channel, struct str domain, int64_t until_us);

void dispatch_state(struct dispatch *d, struct channel_state *out);

/* Hands nothing more over: another takes its place (it inherits what is left of a warm-up's day),
 * or its channel is gone (NULL). It is to be closed when dispatch_is_spent(). */
void dispatch_retire(struct dispatch *d, struct dispatch *successor);
bool dispatch_is_retired(const struct dispatch *d);
bool dispatch_is_spent(const struct dispatch *d); /* nothing in hand any more, and not closing */
bool dispatch_is_closing(const struct dispatch *d);
bool dispatch_is_closed(const struct dispatch *d);

/* Closes the driver; then, when results are settled or cannot be, calls closed. */
void dispatch_close(struct dispatch *d, int64_t deadline_ms, void (*closed)(void *ctx), void *ctx);
void dispatch_free(struct dispatch *d);

#endif
