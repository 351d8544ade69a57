/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_open: opens a channel of the workspace: finds the driver, resolves
 * secrets, checks the settings; and tells whether it has changed. Private to engine/delivery.
 */
#ifndef GODWIT_ENGINE_DELIVERY_CHANNEL_OPEN_H
#define GODWIT_ENGINE_DELIVERY_CHANNEL_OPEN_H

#include "base/digest.h"
#include "base/err.h"
#include "channels/channel.h"
#include "engine/workspace.h"

/* NULL: e says what is wrong. `host` is filled but for its folder by the caller and
 * must outlive the channel. */
struct channel *channel_open(const struct workspace *w, const struct settings_channel *c,
                             const struct channel_host *host, const struct channel_driver **driver,
                             struct err *e) MUST_CHECK;

/* What the channel is, as hex: of its driver, its settings with secrets resolved, and its pace.
 * Equal means that nothing about it has changed. */
bool channel_fingerprint(const struct workspace *w, const struct settings_channel *c,
                         char out[DIGEST_HEX_CHARS + 1], struct err *e) MUST_CHECK;

#endif
