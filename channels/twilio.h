/* SPDX-License-Identifier: Apache-2.0
 *
 * twilio: the driver for Twilio's Messages API (SMS).
 */
#ifndef GODWIT_CHANNELS_TWILIO_H
#define GODWIT_CHANNELS_TWILIO_H

#include "channels/channel.h"

extern const struct channel_driver channel_twilio;

#endif
