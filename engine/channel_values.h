/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_values: a channel's driver and the values of its settings, with env: and
 * file: looked up. Delivery opens channels with them, the HTTP side reads what providers tell.
 */
#ifndef GODWIT_ENGINE_CHANNEL_VALUES_H
#define GODWIT_ENGINE_CHANNEL_VALUES_H

#include "base/err.h"
#include "channels/channel.h"
#include "engine/workspace.h"

/* A copy of settings with env: and file: replaced by what they stand for, in lists and maps as
 * well. */
bool channel_values_resolve(struct arena *a, const struct workspace *w, struct value *v,
                            struct err *e) MUST_CHECK;

/* The values live in `a`. */
bool channel_values(struct arena *a, const struct workspace *w, const struct settings_channel *c,
                    const struct channel_driver **driver, const struct channel_value **out,
                    struct err *e) MUST_CHECK;

#endif
