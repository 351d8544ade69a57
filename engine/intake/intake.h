/* SPDX-License-Identifier: Apache-2.0
 *
 * intake: from events in the database to decisions in the database.
 *
 *   read -> profile -> create -> history -> decide -> write
 *
 * and, in turn with it, what is due without an event (waits that are over, absences,
 * dates, campaigns for everybody):
 *
 *   look -> found -> people -> pasts -> decide -> write
 *
 * One batch at a time. The cursor moves in the transaction that writes the
 * decisions, under the shards' fences: an event is decided exactly once, whatever
 * order transactions commit in and whatever dies when. An answer that was lost is
 * not guessed: the cursors are read back. Loop thread only.
 */
#ifndef GODWIT_ENGINE_INTAKE_INTAKE_H
#define GODWIT_ENGINE_INTAKE_INTAKE_H

#include "base/err.h"
#include "engine/shards.h"
#include "engine/workspace.h"

#include <uv.h>

struct intake;

struct intake_counts {
    int64_t events, decisions, messages; /* since the start */
    bool quiet;                          /* the last look at every group of shards found nothing */
    bool stuck;                          /* the database is away, or refuses to work on any event */
    struct str trouble;                  /* of it: why; until the next call */
};

struct intake_events {
    void *ctx;
    void (*on_messages)(void *ctx); /* messages were put into the outbox */
    void (*on_touched)(void *ctx);  /* segments of customers may have changed: wake.h */
    void (*on_fenced)(void *ctx);   /* a write was refused: shards have gone elsewhere */
    void (*on_quiet)(void *ctx);    /* nothing was found for a second: producers may wake us */
    void (*on_busy)(void *ctx);     /* and now something was */
    void (*on_unknown)(void *ctx);  /* people are in versions of campaigns that are not loaded */
};

struct intake *intake_open(uv_loop_t *loop, const char *conninfo, struct workspace *w,
                           struct shards *shards, struct str secret,
                           const struct intake_events *events, struct err *e) MUST_CHECK;
void intake_kick(struct intake *x); /* look now */
void intake_shards_changed(struct intake *x);
bool intake_idle(const struct intake *x, uint64_t members); /* no batch of these under way */
void intake_reload(struct intake *x, struct workspace *w);
void intake_counts(const struct intake *x, struct intake_counts *out);
void intake_close(struct intake *x, void (*on_closed)(void *ctx), void *ctx);

#endif
