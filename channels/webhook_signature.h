/* SPDX-License-Identifier: Apache-2.0
 *
 * webhook_signature: Standard Webhooks: HMAC-SHA-256 over "id.timestamp.body" under each
 * of the secrets in use, so that one can be exchanged without a gap. Pure.
 */
#ifndef GODWIT_CHANNELS_WEBHOOK_SIGNATURE_H
#define GODWIT_CHANNELS_WEBHOOK_SIGNATURE_H

#include "base/err.h"
#include "base/str.h"

#define WEBHOOK_KEY_MOST 64

struct webhook_key {
    unsigned char bytes[WEBHOOK_KEY_MOST];
    size_t n; /* 0: none */
};

/* Reads "whsec_" and base64 of 24 to 64 bytes; false: e says what is wrong, without the secret. */
bool webhook_key_parse(struct str text, struct webhook_key *out, struct err *e) MUST_CHECK;

/* Adds "v1,BASE64", one for each key, with a space between. */
void webhook_signature_add(struct buf *out, const struct webhook_key *keys, size_t n, struct str id,
                           struct str timestamp, struct str body);

#endif
