/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/token.h"

#include "base/digest.h"

#include <openssl/crypto.h>

#define NAME_BYTES 9
#define MAC_BYTES 12
#define RAW_BYTES (NAME_BYTES + MAC_BYTES) /* 21: 28 characters without padding */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void sign(struct str secret, enum token_purpose purpose, const unsigned char *name,
                 unsigned char out[DIGEST_MAC_BYTES]) {
    char letter = (char)purpose;
    struct str parts[] = {S("token"), str_of(&letter, 1), str_of((const char *)name, NAME_BYTES)};
    digest_mac(secret, parts, 3, out);
}

void token_make(struct str secret, enum token_purpose purpose, int shard, int64_t id,
                char out[TOKEN_CHARS + 1]) {
    unsigned char raw[RAW_BYTES], mac[DIGEST_MAC_BYTES];
    raw[0] = (unsigned char)shard;
    for (int i = 0; i < 8; i++)
        raw[1 + i] = (unsigned char)((uint64_t)id >> (56 - 8 * i));
    sign(secret, purpose, raw, mac);
    memcpy(raw + NAME_BYTES, mac, MAC_BYTES);
    for (int i = 0; i < RAW_BYTES / 3; i++) {
        uint32_t three =
            (uint32_t)raw[3 * i] << 16 | (uint32_t)raw[3 * i + 1] << 8 | raw[3 * i + 2];
        for (int j = 0; j < 4; j++)
            out[4 * i + j] = alphabet[three >> (18 - 6 * j) & 63];
    }
    out[TOKEN_CHARS] = 0;
}

static bool decode(struct str token, unsigned char raw[RAW_BYTES]) {
    if (token.n != TOKEN_CHARS)
        return false;
    for (int i = 0; i < RAW_BYTES / 3; i++) {
        uint32_t three = 0;
        for (int j = 0; j < 4; j++) {
            const char *at = token.p[4 * i + j] ? strchr(alphabet, token.p[4 * i + j]) : NULL;
            if (!at)
                return false;
            three = three << 6 | (uint32_t)(at - alphabet);
        }
        raw[3 * i] = (unsigned char)(three >> 16);
        raw[3 * i + 1] = (unsigned char)(three >> 8);
        raw[3 * i + 2] = (unsigned char)three;
    }
    return true;
}

bool token_check(struct str secret, enum token_purpose purpose, struct str token, int *shard,
                 int64_t *id) {
    unsigned char raw[RAW_BYTES], mac[DIGEST_MAC_BYTES];
    if (!decode(token, raw))
        return false;
    sign(secret, purpose, raw, mac);
    if (CRYPTO_memcmp(raw + NAME_BYTES, mac, MAC_BYTES) != 0)
        return false;
    uint64_t n = 0;
    for (int i = 0; i < 8; i++)
        n = n << 8 | raw[1 + i];
    *shard = raw[0];
    *id = (int64_t)n;
    return true;
}
