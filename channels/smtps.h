/* SPDX-License-Identifier: Apache-2.0
 *
 * smtps: the driver for mail through relays over TLS, from the first byte or by STARTTLS, on
 * the loop: base/io/mail_link makes the connection (TLS 1.3, server names, IPv6, time limits),
 * relay_dialogue speaks on it. Addresses that are not ASCII go where SMTPUTF8 is offered.
 */
#ifndef GODWIT_CHANNELS_SMTPS_H
#define GODWIT_CHANNELS_SMTPS_H

#include "channels/channel.h"

extern const struct channel_driver channel_smtps;

#endif
