/* SPDX-License-Identifier: Apache-2.0
 *
 * send_once: hands one message to a channel and waits for what comes of it: for a
 * test message. Nothing is recorded and nothing is tried again. Blocking; it runs a
 * loop of its own.
 */
#ifndef GODWIT_ENGINE_DELIVERY_SEND_ONCE_H
#define GODWIT_ENGINE_DELIVERY_SEND_ONCE_H

#include "base/err.h"
#include "channels/channel.h"
#include "engine/workspace.h"

/* True: the channel accepted it; `answer` (at most n bytes, may be empty) is what it said. False:
 * e says why not. */
bool send_once(const struct workspace *w, const struct settings_channel *c,
               const struct channel_message *m, char *answer, size_t n, struct err *e) MUST_CHECK;

#endif
