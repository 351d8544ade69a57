/* SPDX-License-Identifier: Apache-2.0
 *
 * digest: SHA-256 of some bytes, and numbers that look random but follow from a
 * key and a message (HMAC-SHA-256): the only source of chance in deciding. Pure.
 */
#ifndef GODWIT_BASE_DIGEST_H
#define GODWIT_BASE_DIGEST_H

#include "base/str.h"

#define DIGEST_HEX_CHARS 64

/* The digest in lower-case hex, ended by NUL. */
void digest_sha256_hex(struct str bytes, char out[DIGEST_HEX_CHARS + 1]);

/* The same of bytes that come piece by piece. digest_hex may be asked at any time and again. */
struct digest;
struct digest *digest_new(void);
void digest_free(struct digest *d); /* NULL is fine */
void digest_add(struct digest *d, struct str bytes);
void digest_hex(const struct digest *d, char out[DIGEST_HEX_CHARS + 1]);

#define DIGEST_MAC_BYTES 32

/* HMAC-SHA-256 under the key of the n parts, each taken with its length, so that ("ab", "c") and
 * ("a", "bc") differ. */
void digest_mac(struct str key, const struct str *parts, size_t n,
                unsigned char out[DIGEST_MAC_BYTES]);

/* A number in 0..UINT64_MAX: the first bytes of digest_mac. The same on every machine, for
 * ever. */
uint64_t digest_chance(struct str key, const struct str *parts, size_t n);

#endif
