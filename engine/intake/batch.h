/* SPDX-License-Identifier: Apache-2.0
 *
 * batch: some hundred events on their way from the table to their decisions,
 * with the customers that they are about. Everything lives in the batch's arena.
 * Made by intake.c, filled by profile.c. Private to engine/intake.
 */
#ifndef GODWIT_ENGINE_INTAKE_BATCH_H
#define GODWIT_ENGINE_INTAKE_BATCH_H

#include "base/arena.h"
#include "base/io/db.h"
#include "engine/cursor.h"
#include "engine/decide/profile.h"
#include "engine/workspace.h"

#define BATCH_VALUE_MOST 1000000 /* bytes of one event's properties, one customer's attributes */

struct attribution_message;
struct past; /* what one customer did under one event name */

struct batch_customer {
    struct profile profile; /* id 0: not found in the database yet */
    int shard;
    bool fresh;         /* made by this batch: nothing of it was decided before */
    bool involved;      /* has an event that may start a campaign or that rules look back on */
    bool looked_at;     /* has an event that rules look back on */
    bool live;          /* has an event that is not mere history */
    bool in_journeys;   /* an event may mean something to journeys */
    bool timed;         /* an event may set a timer of a campaign */
    struct str refused; /* why its attributes cannot be used; empty: they can */
    struct past *pasts; /* side by side with the workspace's layouts */
    struct profile_consent *consents;
    struct profile_suppression suppressions[2];
    struct profile_message *messages;
    struct profile_response *responses;
    size_t cap_consents, cap_messages, cap_responses;
};

struct batch_event {
    struct event event;
    struct batch_customer *customer;
    struct str refused; /* why its properties cannot be used; empty: they can */
    const struct attribution_message *messages; /* that it may be credited to, if it is a goal */
    size_t n_messages;
};

struct batch {
    struct arena *arena;
    struct workspace *workspace; /* held */
    uint64_t members;            /* shards of the group */
    struct cursor from, to;      /* where the cursor stood, and where it will */
    bool exhausted;              /* nothing is left of the round behind this batch */
    bool bounded;                /* its customers' attributes are read up to a number of bytes */
    bool cut;                    /* and some were left out for it: a smaller batch is to be read */
    struct batch_event *events;
    size_t n;
    struct batch_customer *customers;
    size_t n_customers;
    struct db_array **credits;           /* of goals.c; NULL: none yet */
    struct map *by_key;                  /* key -> index of the customer */
    struct map *by_id;                   /* customers.id -> index */
    bool enrolments_asked, timers_asked; /* of those of them whom they concern */
};

struct batch *batch_new(void);
void batch_free(struct batch *b);
/* Empties it for the next use; lets the workspace go. */
void batch_reset(struct batch *b);

/* Takes the rows of event_read.sql, which are all that is left of the round or not; b->from,
 * members and workspace are set. False: no events. */
bool batch_take(struct batch *b, const struct db_result *r, bool exhausted);

/* Takes one row alone, with the cursor set so that everything visible to the row's snapshot is
 * the past: for looking at one event again. */
void batch_take_row(struct batch *b, const struct db_result *r, size_t row);

/* Columns $1 (shards) and $2 (keys) of the statements about customers; missing: only those
 * that the database does not have yet. */
struct db_params *batch_customer_params(const struct batch *b, bool missing);

/* Room for that many events or customers. */
void batch_prepare(struct batch *b, size_t rows);
/* The customer of that key; made when it is new to the batch. */
struct batch_customer *batch_customer(struct batch *b, int shard, struct str key);

struct batch_customer *batch_by_key(const struct batch *b, struct str key);
struct batch_customer *batch_by_id(const struct batch *b, int64_t id);

#endif
