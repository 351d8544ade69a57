/* SPDX-License-Identifier: Apache-2.0
 *
 * dkim: signs a composed mail (RFC 6376, relaxed/relaxed) with rsa-sha256 or ed25519-sha256
 * (RFC 8463), whichever the key is for; with several keys there are several signatures.
 *
 * All headers of the mail are signed, List-Unsubscribe and List-Unsubscribe-Post among them
 * (RFC 8058, 4), and those of which a second one would mislead a reader are signed as absent.
 * The same mail and key give the same bytes. Keys do not change; any thread may sign.
 */
#ifndef GODWIT_CHANNELS_DKIM_H
#define GODWIT_CHANNELS_DKIM_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

struct arena;
struct dkim_key;

/* `pem`: a private key. NULL: e says what is wrong, without showing it. */
struct dkim_key *dkim_key_new(const char *domain, const char *selector, const char *pem,
                              struct err *e) MUST_CHECK;
void dkim_key_free(struct dkim_key *k); /* NULL is fine */

/* Appends "DKIM-Signature: ...\r\n", to stand before the mail (headers, empty line, body;
 * CRLF). `seconds`: when it was made, since 1970. */
void dkim_sign(const struct dkim_key *k, struct arena *a, struct str mail, int64_t seconds,
               struct buf *out);

#endif
