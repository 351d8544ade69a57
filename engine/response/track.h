/* SPDX-License-Identifier: Apache-2.0
 *
 * track: what event_api.h read into the database: aliases, customers, events.
 *
 * Requests that come while a transaction is under way are the next one; when it is refused
 * because of what is in it, each is tried alone, so that one cannot spoil the others. `done`
 * comes after the commit. Bounded: when too much waits, track_add says so. Loop thread only.
 */
#ifndef GODWIT_ENGINE_RESPONSE_TRACK_H
#define GODWIT_ENGINE_RESPONSE_TRACK_H

#include "base/err.h"
#include "engine/response/event_api.h"

#include <uv.h>

struct track;

enum track_answer { TRACK_TAKEN, TRACK_BUSY, TRACK_AWAY };

/* e NULL: committed. */
typedef void (*track_done_fn)(void *ctx, const struct err *e);

struct track *track_open(uv_loop_t *loop, const char *conninfo, struct err *e) MUST_CHECK;

/* The batch must live until `done`, which is called when TRACK_TAKEN was returned. */
enum track_answer track_add(struct track *t, const struct api_batch *batch, track_done_fn done,
                            void *ctx);

size_t track_waiting(const struct track *t);   /* requests */
int64_t track_recorded(const struct track *t); /* items committed since the start */
/* What still waits fails. */
void track_close(struct track *t, void (*on_closed)(void *ctx), void *ctx);

#endif
