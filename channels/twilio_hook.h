/* SPDX-License-Identifier: Apache-2.0
 *
 * twilio_hook: what Twilio tells a URL of ours: status callbacks and inbound messages,
 * signed with the account's auth token (X-Twilio-Signature). Pure.
 */
#ifndef GODWIT_CHANNELS_TWILIO_HOOK_H
#define GODWIT_CHANNELS_TWILIO_HOOK_H

#include "base/str.h"
#include "channels/channel.h"

/* `bounce_of` says what an error code means for the number. */
enum channel_hook_result twilio_hook_receive(struct str token, const struct channel_hook *h,
                                             enum channel_bounce (*bounce_of)(int code));
/* TwiML. Nothing is said where Twilio has answered a keyword itself (OptOutType). */
const char *twilio_hook_answer(const struct channel_hook *h, struct channel_text text);

#endif
