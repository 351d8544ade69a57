/* SPDX-License-Identifier: Apache-2.0
 *
 * pace: how fast one channel may go: token buckets for the channel, each campaign and
 * each recipient domain, and backing off from a domain that says "later".
 *
 * A message passes here twice. pace_hold(): should it be kept in memory, or is its domain
 * or campaign so far behind that it would only stand in the others' way? Then it is given a
 * slot in time and goes back to the table. pace_take(): may it leave now? So whatever is
 * slowed down never fills the queue that the others need.
 *
 * A domain that defers five messages in a row rests for a second, twice as long each time
 * up to five minutes; then one message goes at a time, twice as many after each that is
 * accepted (slow start), until all connections are in use again.
 *
 * A domain starts with an eighth of the connections, and has all of them after a few answers. One
 * from which nothing has come back for half a second gets no more than that eighth, and no more
 * than twice as many are kept in memory: a domain that never answers leaves the others their rate.
 *
 * The clock is an argument. Pure; memory is bounded: what is idle is forgotten.
 */
#ifndef GODWIT_ENGINE_DELIVERY_PACE_H
#define GODWIT_ENGINE_DELIVERY_PACE_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pace;

struct pace_domain {
    struct str domain; /* lower case; "*": each other one */
    double per_s;
};

struct pace_settings {
    double per_s; /* of the whole channel; 0: no limit */
    const struct pace_domain *domains;
    size_t n_domains;
    size_t connections; /* of the driver: where slow start ends */
};

/* What a message is slowed down by. */
struct pace_key {
    struct str campaign;
    double campaign_per_s;  /* 0: no limit */
    struct str destination; /* lower case; empty: the channel has none */
};

enum pace_answer {
    PACE_GOOD,   /* accepted */
    PACE_BUSY,   /* the destination said: later */
    PACE_NEUTRAL /* says nothing about the destination */
};

/* Settings are borrowed for the call and copied. */
struct pace *pace_new(const struct pace_settings *s);
void pace_free(struct pace *p); /* NULL is fine */

/* Engines share the rates evenly: `share` of them is ours (0 < share <= 1). */
void pace_share(struct pace *p, double share);

/* 0: keep it; otherwise the time (us) for which it is to be put back. */
int64_t pace_hold(struct pace *p, const struct pace_key *k, int64_t now_us);
/* It was kept, and its domain has begun to rest, or was slowed down, since: 0, or the time for
 * which it is to be put back; it is not kept any more then. */
int64_t pace_evict(struct pace *p, const struct pace_key *k, int64_t now_us);
/* Whether any domain or campaign is limited now; false: nothing needs to be evicted. */
bool pace_limits(const struct pace *p);
/* It was kept, and is dropped without having been taken. */
void pace_drop(struct pace *p, const struct pace_key *k);
/* Whether it, kept until now, may leave; if so its tokens are gone. */
bool pace_take(struct pace *p, const struct pace_key *k, int64_t now_us);
/* What came of one that was taken; pace_untake: it did not leave after all. */
void pace_result(struct pace *p, const struct pace_key *k, enum pace_answer answer, int64_t now_us);
void pace_untake(struct pace *p, const struct pace_key *k);

/* Somebody else holds the domain back (us; 0: no longer); then it starts slowly. */
void pace_pause(struct pace *p, struct str domain, int64_t until_us, int64_t now_us);

/* When the channel as a whole has its next token; now_us: it has one. */
int64_t pace_next(struct pace *p, int64_t now_us);

/* Up to when slots of limited domains and campaigns are given away; 0: none. */
int64_t pace_booked(const struct pace *p);

/* Domains and campaigns that are remembered: for tests. */
size_t pace_size(const struct pace *p);

/* The domain of an address in lower case, at most `cap` bytes; empty when there is none. */
struct str pace_destination(struct str address, char *out, size_t cap);

#endif
