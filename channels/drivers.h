/* SPDX-License-Identifier: Apache-2.0
 *
 * drivers: which channel drivers there are, and the check of a channel's settings.
 *
 * Built-in ones stand in a table; others are loaded from NAME.so (contract and ABI
 * number in channel.h) and stay loaded. Call from the loop's thread.
 */
#ifndef GODWIT_CHANNELS_DRIVERS_H
#define GODWIT_CHANNELS_DRIVERS_H

#include "base/err.h"
#include "base/value.h"
#include "channels/channel.h"

struct arena;

/* The built-in drivers; the list ends with NULL. */
const struct channel_driver *const *drivers_builtin(void);

/* By name; `folder` is where NAME.so is looked for, NULL: in $GODWIT_CHANNELS,
 * or where they are installed.
 * NULL: e says what is there instead. */
const struct channel_driver *drivers_find(struct str name, const char *folder, struct err *e);

/* A mistake in the settings: `key` as it was written, or the way to it through lists and maps
 * ("relays.1.port"; empty: something is missing at the top), a
 * sentence, and perhaps "did you mean ..." (or empty). */
typedef void drivers_mistake_fn(void *arg, struct str key, struct str text, struct str hint);

/* Checks the map against the driver's table and fills in defaults; env: and file: are
 * resolved by the caller. Keys in `others` are the caller's own and passed over. The
 * values live in the arena. False when a mistake was reported. */
bool drivers_settings(struct arena *a, const struct channel_driver *d, const struct map *given,
                      const struct str *others, size_t other_count,
                      const struct channel_value **out, drivers_mistake_fn *mistake,
                      void *arg) MUST_CHECK;

/* The settings of a driver as a table in Markdown: the reference in docs/channels.md. */
void drivers_reference(struct buf *out, const struct channel_driver *d);

#endif
