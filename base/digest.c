/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

void digest_sha256_hex(struct str bytes, char out[DIGEST_HEX_CHARS + 1]) {
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    if (!EVP_Digest(bytes.n ? bytes.p : "", bytes.n, raw, &n, EVP_sha256(), NULL))
        abort();
    for (unsigned int i = 0; i < n; i++) {
        out[2 * i] = hex[raw[i] >> 4];
        out[2 * i + 1] = hex[raw[i] & 15];
    }
    out[2 * (size_t)n] = '\0';
}

static void add_length(struct buf *b, uint64_t n) {
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_add_char(b, (char)(n >> shift & 0xff));
}

void digest_mac(struct str key, const struct str *parts, size_t n,
                unsigned char out[DIGEST_MAC_BYTES]) {
    struct buf message = BUF_HEAP;
    for (size_t i = 0; i < n; i++) {
        add_length(&message, parts[i].n);
        buf_add_str(&message, parts[i]);
    }
    unsigned int size = 0;
    const char *empty = "";
    if (!HMAC(EVP_sha256(), key.n ? key.p : empty, (int)key.n,
              (const unsigned char *)(message.n ? message.p : empty), message.n, out, &size))
        abort();
    buf_close(&message);
}

uint64_t digest_chance(struct str key, const struct str *parts, size_t n) {
    unsigned char raw[DIGEST_MAC_BYTES];
    digest_mac(key, parts, n, raw);
    uint64_t out = 0;
    for (int i = 0; i < 8; i++)
        out = out << 8 | raw[i];
    return out;
}
