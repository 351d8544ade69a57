/* SPDX-License-Identifier: Apache-2.0
 *
 * webhook: the driver that posts JSON to a URL, signed as Standard Webhooks specifies,
 * as CloudEvents on demand.
 */
#ifndef GODWIT_CHANNELS_WEBHOOK_H
#define GODWIT_CHANNELS_WEBHOOK_H

#include "channels/channel.h"

extern const struct channel_driver channel_webhook;

#endif
