/* SPDX-License-Identifier: Apache-2.0
 *
 * intake_internal: what the files of intake share. intake.c runs batch after batch,
 * one at a time: of events (intake_events.c), or of what is due without an event
 * (intake_due.c); both end in the same decisions (this file's functions, in
 * intake_write.c). Private to engine/intake.
 */
#ifndef GODWIT_ENGINE_INTAKE_INTERNAL_H
#define GODWIT_ENGINE_INTAKE_INTERNAL_H

#include "engine/flow.h"
#include "engine/intake/agenda.h"
#include "engine/intake/batch_steps.h"
#include "engine/intake/effects.h"
#include "engine/intake/intake.h"
#include "engine/outbox.h"

#define INTAKE_WRITE_CALLS 16u

struct intake {
    struct intake_events events;
    struct db *db;
    struct shards *shards;
    struct workspace *workspace;
    struct str secret;
    uv_timer_t timer;
    struct flow flow;
    struct batch *batch;
    struct intake_counts counts;
    size_t group;       /* which group of shards is next */
    size_t empty_looks; /* in a row */
    size_t limit;       /* events a batch; smaller after a batch was refused */
    uint64_t serial;    /* of the newest snapshot */
    uint64_t last_event_ns;
    bool reread;        /* the cursors must be read back before the next batch */
    bool rereading;     /* they are being */
    bool created;       /* the wait that just ended made customers */
    int64_t skipped;    /* id of an event whose decisions the database refused */
    char refusal[1000]; /* and why; also of what was due */
    char sqlstate[6];   /* of the error that ended the flow */
    bool barred;        /* the last flow ended with one that is not about data; was said */
    char bar[1000];     /* and why */
    bool goals;         /* the batch has events that are somebody's goal */
    bool touched;       /* the batch has customers whose segments may have changed */
    bool quiet, closing;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
    struct db_reply *reply; /* of the wait that just ended */
    struct outbox_batch *outbox;
    struct effects *effects;

    /* what is due without an event */
    struct agenda agenda;  /* of the batch */
    bool due;              /* the batch is one of these */
    uint64_t due_at;       /* uv_now() of the next look under load */
    size_t due_group;      /* whose turn it is */
    size_t due_empty;      /* looks in a row that found nothing; all groups: all is done */
    size_t due_limit;      /* smaller after a batch was refused */
    char due_refused[160]; /* which item the database refuses */
};

extern const struct flow_step intake_event_steps[];
extern const struct flow_step intake_due_steps[];

/* FLOW_WAIT, or FLOW_FAIL; the answer is x->reply in the next step. */
enum flow_result intake_request(struct intake *x, const struct db_call *calls, size_t n);

/* Makes room for a batch's decisions. */
void intake_begin(struct intake *x);
/* Takes what was decided of a customer. */
void intake_collect(struct intake *x, const struct batch_customer *c, const struct decisions *found,
                    int64_t now_us);
/* All that the batch changes, but for where it stands: appended behind calls[n]; the new n. */
size_t intake_write_calls(struct intake *x, struct db_call *calls, size_t n);
/* It is committed: counts, and tells. */
void intake_written(struct intake *x);

/* Our shards of the batch and their fences, as $1 .. $3: engine, shards, fences. */
struct db_params *intake_fences(struct intake *x);

#endif
