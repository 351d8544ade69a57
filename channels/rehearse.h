/* SPDX-License-Identifier: Apache-2.0
 *
 * rehearse: a driver that does everything but send: composes and checks each message as
 * a real driver would, and accepts or refuses it.
 */
#ifndef GODWIT_CHANNELS_REHEARSE_H
#define GODWIT_CHANNELS_REHEARSE_H

#include "channels/channel.h"

extern const struct channel_driver channel_rehearse;

#endif
