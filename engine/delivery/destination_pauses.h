/* SPDX-License-Identifier: Apache-2.0
 *
 * destination_pauses: domains that refuse us as a sender, as the table has them: looked at
 * every two seconds, told to the channels, and to the operator when one comes or goes.
 * Private to engine/delivery. Loop thread only.
 */
#ifndef GODWIT_ENGINE_DELIVERY_DESTINATION_PAUSES_H
#define GODWIT_ENGINE_DELIVERY_DESTINATION_PAUSES_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct db;
struct destination_pauses;

/* until_us 0: the domain goes again. */
typedef void (*destination_paused_fn)(void *ctx, struct str channel, struct str domain,
                                      int64_t until_us);

struct destination_pauses *destination_pauses_new(destination_paused_fn paused, void *ctx);
void destination_pauses_free(struct destination_pauses *s); /* no request is under way */

/* Looks at the table when it is time to. */
void destination_pauses_look(struct destination_pauses *s, struct db *db,
                             const struct str *channels, size_t n, int64_t now_us);

#endif
