/* SPDX-License-Identifier: Apache-2.0
 *
 * relay_mail: a message as one relay can be given it: composed, within the relay's size,
 * with an address that it can read, and with the parameters of MAIL and RCPT for delivery
 * status notifications (RFC 3461).
 *
 * The envelope's sender is set in one place, email_mime_compose(). Pure; any thread.
 */
#ifndef GODWIT_CHANNELS_RELAY_MAIL_H
#define GODWIT_CHANNELS_RELAY_MAIL_H

#include "channels/email_mime.h"
#include "channels/relay_reply.h"
#include "channels/relay_settings.h"

/* False: *refused says why the message cannot go at all. */
bool relay_mail_compose(struct arena *a, const struct channel_message *m,
                        const struct relay_settings *s, struct email_mail *out,
                        struct relay_result *refused);

/* Whether the relay takes it, by what it offers: not when it is too big, or has an address that
 * needs SMTPUTF8 and `no_smtputf8` says why that is not to be had (NULL: it is). */
bool relay_mail_fits(const struct email_mail *mail, const struct relay *r, const char *no_smtputf8,
                     struct relay_result *refused);

/* In xtext (RFC 3461, 4); empty when it would be longer than `most`. */
struct str relay_mail_xtext(struct arena *a, struct str text, size_t most);
#define RELAY_MAIL_ENVID_MOST 100 /* RFC 3461, 4.4 */
#define RELAY_MAIL_ORCPT_MOST 480 /* RFC 3461, 4.2: 500 with "rfc822;" */

#endif
