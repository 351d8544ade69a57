/* SPDX-License-Identifier: Apache-2.0
 *
 * inbound: mail that comes in, in the running engine: Maildirs that are watched and
 * mailboxes that are asked. Each mail is one transaction; it is removed, or moved, after the
 * commit: what a crash leaves behind comes again and counts once.
 *
 * Of several engines the one that holds a lock in the database looks. A source that does
 * not work is said once and tried again. Loop thread only.
 */
#ifndef GODWIT_ENGINE_RESPONSE_INBOUND_H
#define GODWIT_ENGINE_RESPONSE_INBOUND_H

#include "base/err.h"
#include "engine/workspace.h"

#include <uv.h>

struct inbound;

/* Opens also when the workspace names no source: a reload may. `secret` is borrowed. */
struct inbound *inbound_open(uv_loop_t *loop, const char *conninfo, struct workspace *w,
                             struct str secret, struct err *e) MUST_CHECK;

/* Whether the logins that the workspace names are there. */
bool inbound_check(const struct workspace *w, struct err *e) MUST_CHECK;
void inbound_reload(struct inbound *in, struct workspace *w);

void inbound_metrics(const struct inbound *in, struct buf *out);

void inbound_close(struct inbound *in, void (*on_closed)(void *ctx), void *ctx);

#endif
