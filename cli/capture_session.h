/* SPDX-License-Identifier: Apache-2.0
 *
 * capture_session: one SMTP conversation on the server's side (RFC 5321 with SIZE,
 * PIPELINING, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES): bytes in, replies out.
 *
 * Accepts every mail, for whomever but those whose address begins with "bounce": so that
 * one can see what a bounce leads to. No I/O and no clock: the owner reads and writes,
 * watches idleness, and may be called with any cut of the stream. Memory of one
 * session is bounded by CAPTURE_SESSION_BYTES, of all together by the budget that
 * they share; what is beyond is refused with a reply. A mail ends with CRLF.CRLF and
 * with nothing that merely looks like it.
 */
#ifndef GODWIT_CLI_CAPTURE_SESSION_H
#define GODWIT_CLI_CAPTURE_SESSION_H

#include "base/str.h"

#define CAPTURE_SESSION_BYTES ((size_t)16 << 20) /* of one mail */
#define CAPTURE_SESSION_LINE 2048u               /* of a command */
#define CAPTURE_SESSION_RECIPIENTS 1000u
#define CAPTURE_SESSION_REFUSED "bounce"
#define CAPTURE_SESSION_MISTAKES 20 /* then the client is sent away */

struct arena;
struct capture_session;

struct capture_envelope {
    struct str helo; /* what the client calls itself */
    struct str from; /* empty: <> */
    const struct str *to;
    size_t n;
};

struct capture_budget {
    size_t most, used; /* bytes of mails that are being received */
};

/* A mail is complete: `data` with lines ended by CRLF, dots unstuffed. False: it could not be
 * kept; the client is told to try again. Everything is borrowed for the call. */
typedef bool capture_mail_fn(void *ctx, const struct capture_envelope *envelope, struct str data);

/* Appends the greeting to `out`. `budget` outlives the session. */
struct capture_session *capture_session_new(struct capture_budget *budget, capture_mail_fn *on_mail,
                                            void *ctx, struct buf *out);
void capture_session_free(struct capture_session *s);

/* Appends the replies to `out`. False: the conversation is over; write what is in `out`, close. */
bool capture_session_feed(struct capture_session *s, struct str bytes, struct buf *out);

#endif
