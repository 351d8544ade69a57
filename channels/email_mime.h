/* SPDX-License-Identifier: Apache-2.0
 *
 * email_mime: a rendered message as the bytes of a mail (RFC 5322, 2045-2047).
 *
 * multipart/alternative with the text first, or the one part there is, in multipart/mixed
 * where there are attachments (20 of 10 MiB together at most); UTF-8; CRLF;
 * no line over 998 bytes, nearly all within 76. The same message gives the same bytes,
 * always: the boundary comes from the Message-ID and the date from the message, so
 * what was sent can be shown again.
 *
 * A line break or NUL in anything that goes into a header refuses the message; so do
 * text that is not UTF-8, a header that is ours to write, and a mail without any part.
 * Pure; any thread.
 */
#ifndef GODWIT_CHANNELS_EMAIL_MIME_H
#define GODWIT_CHANNELS_EMAIL_MIME_H

#include "base/err.h"
#include "base/str.h"
#include "channels/channel.h"
#include "channels/email_address.h"

struct arena;

struct email_mail {
    struct email_address from; /* of the envelope */
    struct email_address to;
    struct str data;  /* headers, empty line, body; not dot-stuffed */
    bool bad_address; /* when refused: because of `to` */
};

/* All in the arena. False: e says why this message cannot be sent as it is. */
bool email_mime_compose(struct arena *a, const struct channel_message *m, struct email_mail *out,
                        struct err *e) MUST_CHECK;

#endif
