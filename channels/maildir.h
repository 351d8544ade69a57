/* SPDX-License-Identifier: Apache-2.0
 *
 * maildir: a driver that writes each mail into a Maildir instead of sending it: tmp,
 * fsync, rename into new. A message tried again replaces its file: never two.
 */
#ifndef GODWIT_CHANNELS_MAILDIR_H
#define GODWIT_CHANNELS_MAILDIR_H

#include "channels/channel.h"

extern const struct channel_driver channel_maildir;

#endif
