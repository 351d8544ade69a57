/* SPDX-License-Identifier: Apache-2.0
 *
 * restate: judges opens and clicks again, all of a message together (verdict.h): of
 * messages where a hit told something about the others, and, when the rule's version has risen, of
 * all, in small batches in the order of their key. It goes on where it was after a restart, and
 * several engines may do it at once. Loop thread only.
 */
#ifndef GODWIT_ENGINE_RESPONSE_RESTATE_H
#define GODWIT_ENGINE_RESPONSE_RESTATE_H

#include "engine/response/patient.h"

struct restate;

/* The connection is borrowed. */
struct restate *restate_open(uv_loop_t *loop, struct patient *p);
int64_t restate_changed(const struct restate *r); /* verdicts, since the start */
/* Before the connection is closed; waits for what is under way. */
void restate_close(struct restate *r, void (*on_closed)(void *ctx), void *ctx);

#endif
