/* SPDX-License-Identifier: Apache-2.0
 *
 * agenda: some hundred things that are due without an event: people whose next step
 * has come, timers of absences and dates, and a part of a campaign that is for
 * everybody (a run). What they are, who they concern, and what is decided. Builds
 * calls and takes results; intake_due.c sends them. Private to engine/intake.
 *
 * At one instant timers go before waits. A timer that is due at -infinity is to be
 * set for the first time. Cost goes with what is due.
 */
#ifndef GODWIT_ENGINE_INTAKE_AGENDA_H
#define GODWIT_ENGINE_INTAKE_AGENDA_H

#include "engine/decide/decide.h"
#include "engine/intake/batch.h"

#define AGENDA_READ_CALLS 4
#define AGENDA_LOOK_CALLS 2

struct agenda_item {
    enum { AGENDA_ENROLMENT, AGENDA_TIMER } kind;
    struct batch_customer *customer;
    int64_t id; /* of the enrolment */
    struct str campaign;
    int64_t due_us;
    struct event last; /* of a timer that is to be set */
    bool has_last;
};

struct agenda {
    struct agenda_item *items;
    size_t n;
    /* a run: one shard's customers behind `after` */
    bool run;
    const struct campaign *campaign;
    int64_t run_us, run_after;
    int run_shard;
    size_t looked_at; /* candidates of the run in this batch */
    /* timers whose events are read: by their ids, and the last of a name */
    struct agenda_item **known, **sought;
    size_t n_known, n_sought;
    size_t unknown; /* people whose version is not loaded though it is kept */
    size_t most;    /* things a batch */
};

/* due_hold, due_read, run_due, schedule_due. */
void agenda_read_calls(struct batch *b, int64_t now_us, size_t most, struct db_call *calls);
/* Takes the rows of what is due, and its customers into the batch. */
void agenda_take(struct agenda *x, struct batch *b, const struct db_reply *reply);
/* The schedules whose instant has come, as calls: at most `most`; how many. */
size_t agenda_schedule_calls(struct batch *b, const struct db_result *r, int64_t now_us,
                             struct db_call *calls, size_t most);
/* The customers that the run may be for. */
struct db_call agenda_candidates(struct agenda *x, struct batch *b, int64_t now_us);
void agenda_take_candidates(struct agenda *x, struct batch *b, const struct db_result *r);
/* Where the run stands behind this batch. */
struct db_call agenda_run_call(const struct agenda *x, struct batch *b);

/* The events that timers count from, when the profiles are there: into calls[]; how many. */
size_t agenda_look_calls(struct agenda *x, struct batch *b, int64_t now_us, struct db_call *calls);
/* Takes their results, from reply->result[at]. */
void agenda_take_looks(struct agenda *x, struct batch *b, const struct db_reply *reply, size_t at);

/* One item, decided; `refused`: why the database did not take what was decided, and the item ends
 * with that (NULL: it did not refuse it). */
void agenda_decide(struct agenda *x, struct agenda_item *item, struct deciding *d,
                   const char *refused);
/* Names the item for as long as it is due. */
struct str agenda_name(const struct agenda_item *item, struct arena *a);

#endif
