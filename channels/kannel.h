/* SPDX-License-Identifier: Apache-2.0
 *
 * kannel: the driver for Kannel's sendsms interface (SMS).
 */
#ifndef GODWIT_CHANNELS_KANNEL_H
#define GODWIT_CHANNELS_KANNEL_H

#include "channels/channel.h"

extern const struct channel_driver channel_kannel;

#endif
