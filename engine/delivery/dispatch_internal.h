/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch_internal: what the three parts of dispatch share: dispatch.c (messages in
 * hand, results, life), dispatch_claim.c (from the table into memory) and
 * dispatch_cycle.c (marking and settling).
 */
#ifndef GODWIT_ENGINE_DELIVERY_DISPATCH_INTERNAL_H
#define GODWIT_ENGINE_DELIVERY_DISPATCH_INTERNAL_H

#include "base/digest.h"
#include "engine/delivery/dispatch.h"
#include "engine/delivery/render.h"
#include "engine/delivery/throttle.h"
#include "engine/hours.h"
#include "engine/outbox.h"

struct arena;

enum item_state { READY, MARKING, IN_FLIGHT, DONE, SETTLING, ITEM_STATES };

struct item {
    struct item *next, *prev;
    enum item_state state;
    struct arena *arena;         /* the message and all it points at */
    struct workspace *workspace; /* held: hash and attachments live there; NULL: not rendered */
    struct outbox_message m;
    struct channel_message message;
    struct str hash;
    int64_t fence;
    struct pace_key key;
    bool held;  /* counted by the pace */
    bool timed; /* it may not leave at any time, but in its hours */
    struct hours hours;
    /* when DONE */
    struct outbox_result result;
};

/* Claimed rows that are made into items, a few at a time. */
struct take {
    struct db_reply *reply;
    size_t row; /* the next */
    struct outbox_fails *fails;
    struct outbox_postpones *postpones;
    size_t failed, postponed;
};

struct dispatch {
    struct dispatch_host *host;
    struct str name;
    char *name_z;
    const struct channel_driver *driver;
    struct channel *channel;
    struct channel_host channel_host;
    enum in_doubt in_doubt;
    size_t window; /* messages marked and not settled at most: what a crash can leave in doubt */
    double segment_cost;    /* of SMS; 0: not known */
    int64_t retry_us;       /* first delay of a deferred message; 0: the standard one */
    enum channel_kind kind; /* what it carries */
    struct throttle throttle;
    struct item items; /* head of the ring, in order of claiming */
    size_t count[ITEM_STATES];
    struct arena *claim_arena, *cycle_arena;
    struct workspace *claim_workspace; /* held while a claim is under way */
    bool claiming, cycling, more;
    bool quiet; /* the last look found nothing */
    bool asked; /* a look was wanted while one was under way: it may have come too early */
    struct take take;
    uv_idle_t taking;
    uv_timer_t gather;
    bool gathered;                 /* enough was waited for */
    uint64_t cycle_ns, cycle_took; /* when it began; ms that the last one took */
    int64_t done;                  /* sent or failed */
    struct channel_average average;
    char fingerprint[DIGEST_HEX_CHARS + 1];
    int failures;            /* in a row, of the channel as a whole */
    uint64_t rests_until_ns; /* by the clock that nobody sets; 0: it does not rest */
    char trouble[600];       /* why it rests */
    bool retired;            /* hands nothing over any more, and waits for what is in flight */
    bool closing, driver_closed, is_closed;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct item *dispatch_item(struct dispatch *d); /* a new one, READY but not counted yet */
void dispatch_move(struct dispatch *d, struct item *x, enum item_state s);
void dispatch_drop(struct dispatch *d, struct item *x);
bool dispatch_resting(struct dispatch *d);
/* Calls `closed` when the driver is closed and results are settled or cannot be. */
void dispatch_maybe_closed(struct dispatch *d);

#endif
