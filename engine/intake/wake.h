/* SPDX-License-Identifier: Apache-2.0
 *
 * wake: works off the timers of customers that are due: who is in the tracked
 * segments is evaluated again as of now, entries and exits are recorded (as
 * memberships, and as the events segment.entered and segment.left, which start
 * campaigns like any event), and the timer is set to when the clock alone can
 * change the answer.
 *
 *   claim -> past -> history -> decide and write
 *
 * Once a day it also makes godwit.rfm anew, when the catalog says what a purchase is.
 *
 * Cost goes with what is due. Everything a batch does is one transaction under the
 * shards' fences. A customer to whom something happened meanwhile (godwit.touch:
 * an event, new attributes, another standing among buyers) stays due, so a stale
 * look is followed by a fresh one. One batch at a time, on a connection of its own.
 * Loop thread only.
 */
#ifndef GODWIT_ENGINE_INTAKE_WAKE_H
#define GODWIT_ENGINE_INTAKE_WAKE_H

#include "base/err.h"
#include "engine/shards.h"
#include "engine/workspace.h"

#include <uv.h>

struct wake;

struct wake_events {
    void *ctx;
    void (*on_events)(void *ctx); /* entries or exits were recorded as events */
    void (*on_fenced)(void *ctx); /* a write was refused: shards have gone elsewhere */
};

struct wake *wake_open(uv_loop_t *loop, const char *conninfo, struct workspace *w,
                       struct shards *shards, const struct wake_events *events,
                       struct err *e) MUST_CHECK;
void wake_kick(struct wake *x);                         /* look now */
bool wake_idle(const struct wake *x, uint64_t members); /* no batch of these under way */
bool wake_quiet(const struct wake *x); /* nothing was due at the last look, rfm is fresh */
void wake_reload(struct wake *x, struct workspace *w);
void wake_close(struct wake *x, void (*on_closed)(void *ctx), void *ctx);

#endif
