/* SPDX-License-Identifier: Apache-2.0
 *
 * smtp: the driver for mail through a relay, with libesmtp on threads of our own, one
 * for each connection. What a connection does is in relay_session.
 */
#ifndef GODWIT_CHANNELS_SMTP_H
#define GODWIT_CHANNELS_SMTP_H

#include "channels/channel.h"

extern const struct channel_driver channel_smtp;

#endif
