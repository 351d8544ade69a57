/* SPDX-License-Identifier: Apache-2.0
 *
 * http_gateway: the driver `http`: any gateway over HTTP, described by its settings.
 */
#ifndef GODWIT_CHANNELS_HTTP_GATEWAY_H
#define GODWIT_CHANNELS_HTTP_GATEWAY_H

#include "channels/channel.h"

extern const struct channel_driver channel_http;

#endif
