/* SPDX-License-Identifier: Apache-2.0
 *
 * email_text: how text is written in a mail: header fields with encoded words
 * (RFC 2047) and folding, bodies in quoted-printable or base64 (RFC 2045).
 *
 * Input is UTF-8 and was checked by the caller (email_text_is_utf8). Output uses
 * CRLF; header lines stay within 76 characters where the text can be broken, body
 * lines within 76 always. Appends to a buffer, never fails. Pure; any thread.
 */
#ifndef GODWIT_CHANNELS_EMAIL_TEXT_H
#define GODWIT_CHANNELS_EMAIL_TEXT_H

#include "base/str.h"

bool email_text_is_utf8(struct str s);  /* well-formed: no surrogates, nothing overlong */
bool email_text_is_ascii(struct str s); /* bytes below 0x80 */

/* "Name: text\r\n", unstructured: folded at spaces, encoded when it is not printable
 * ASCII. `text` has no CR, LF or NUL. */
void email_text_header(struct buf *out, struct str name, struct str text);

/* "Name: phrase <address>\r\n", or "Name: address\r\n" without a phrase. */
void email_text_mailbox(struct buf *out, struct str name, struct str phrase, struct str address);

enum email_encoding { EMAIL_7BIT, EMAIL_QUOTED_PRINTABLE, EMAIL_BASE64 };

/* The encoding that makes `text` (lines ended by CRLF) shortest and safe in transit. */
enum email_encoding email_text_choose(struct str text);
const char *email_text_encoding_name(enum email_encoding encoding);
/* The encoded text; ends with CRLF. */
void email_text_body(struct buf *out, struct str text, enum email_encoding encoding);

#endif
