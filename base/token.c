/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/token.h"

#include "base/arena.h"
#include "base/digest.h"

#include <openssl/crypto.h>

#define NAME_BYTES 9
#define MAC_BYTES 12
#define RAW_BYTES (NAME_BYTES + MAC_BYTES) /* 21: 28 characters without padding */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void sign(struct str secret, const char *what, struct str name,
                 unsigned char out[DIGEST_MAC_BYTES]) {
    struct str parts[] = {S("token"), str_from(what), name};
    digest_mac(secret, parts, 3, out);
}

static void sign_name(struct str secret, enum token_purpose purpose, const unsigned char *name,
                      unsigned char out[DIGEST_MAC_BYTES]) {
    const char what[] = {(char)purpose, 0};
    sign(secret, what, str_of((const char *)name, NAME_BYTES), out);
}

/* ---- base64url without padding */

static void encode(const unsigned char *raw, size_t n, struct buf *out) {
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t three = (uint32_t)raw[i] << 16;
        three |= have > 1 ? (uint32_t)raw[i + 1] << 8 : 0;
        three |= have > 2 ? raw[i + 2] : 0;
        for (size_t j = 0; j <= have; j++)
            buf_add_char(out, alphabet[three >> (18 - 6 * j) & 63]);
    }
}

static int value_of(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Only what encode() makes: the bits that no byte needs are zero. `raw` has room for 3 bytes of
 * each 4 characters. */
static bool decode(struct str token, unsigned char *raw, size_t *n) {
    uint32_t bits = 0;
    int held = 0;
    *n = 0;
    for (size_t i = 0; i < token.n; i++) {
        int six = value_of(token.p[i]);
        if (six < 0)
            return false;
        bits = bits << 6 | (uint32_t)six;
        held += 6;
        if (held >= 8) {
            held -= 8;
            raw[(*n)++] = (unsigned char)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    return held < 6 && bits == 0;
}

/* ---- names */

/* shard, id, MAC */
static void pack(struct str secret, enum token_purpose purpose, int shard, int64_t id,
                 unsigned char raw[RAW_BYTES]) {
    unsigned char mac[DIGEST_MAC_BYTES];
    raw[0] = (unsigned char)shard;
    for (int i = 0; i < 8; i++)
        raw[1 + i] = (unsigned char)((uint64_t)id >> (56 - 8 * i));
    sign_name(secret, purpose, raw, mac);
    memcpy(raw + NAME_BYTES, mac, MAC_BYTES);
}

static bool unpack(struct str secret, enum token_purpose purpose,
                   const unsigned char raw[RAW_BYTES], int *shard, int64_t *id) {
    unsigned char mac[DIGEST_MAC_BYTES];
    sign_name(secret, purpose, raw, mac);
    if (CRYPTO_memcmp(raw + NAME_BYTES, mac, MAC_BYTES) != 0)
        return false;
    uint64_t n = 0;
    for (int i = 0; i < 8; i++)
        n = n << 8 | raw[1 + i];
    *shard = raw[0];
    *id = (int64_t)n;
    return true;
}

void token_make(struct str secret, enum token_purpose purpose, int shard, int64_t id,
                char out[TOKEN_CHARS + 1]) {
    unsigned char raw[RAW_BYTES];
    struct buf text = BUF_HEAP;
    pack(secret, purpose, shard, id, raw);
    encode(raw, RAW_BYTES, &text);
    memcpy(out, text.p, TOKEN_CHARS);
    out[TOKEN_CHARS] = 0;
    buf_close(&text);
}

bool token_check(struct str secret, enum token_purpose purpose, struct str token, int *shard,
                 int64_t *id) {
    unsigned char raw[RAW_BYTES];
    size_t size;
    return token.n == TOKEN_CHARS && decode(token, raw, &size) &&
           unpack(secret, purpose, raw, shard, id);
}

/* ---- the same in base32 (RFC 4648), lower case, without padding */

static const char alphabet32[] = "abcdefghijklmnopqrstuvwxyz234567";

void token_mail_make(struct str secret, enum token_purpose purpose, int shard, int64_t id,
                     char out[TOKEN_MAIL_CHARS + 1]) {
    unsigned char raw[RAW_BYTES + 1] = {0}; /* the last character's spare bits are zero */
    pack(secret, purpose, shard, id, raw);
    for (size_t i = 0; i < TOKEN_MAIL_CHARS; i++) {
        size_t byte = i * 5 / 8, bit = i * 5 % 8;
        uint32_t two = (uint32_t)raw[byte] << 8 | (byte + 1 < sizeof raw ? raw[byte + 1] : 0);
        out[i] = alphabet32[two >> (11 - bit) & 31];
    }
    out[TOKEN_MAIL_CHARS] = 0;
}

bool token_mail_check(struct str secret, enum token_purpose purpose, struct str token, int *shard,
                      int64_t *id) {
    unsigned char raw[RAW_BYTES];
    uint32_t bits = 0;
    int held = 0;
    size_t n = 0;
    if (token.n != TOKEN_MAIL_CHARS)
        return false;
    for (size_t i = 0; i < token.n; i++) {
        char c = token.p[i];
        const char *at = strchr(alphabet32, c >= 'A' && c <= 'Z' ? c + 32 : c);
        if (!c || !at)
            return false;
        bits = bits << 5 | (uint32_t)(at - alphabet32);
        held += 5;
        if (held >= 8) {
            held -= 8;
            raw[n++] = (unsigned char)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    return bits == 0 && unpack(secret, purpose, raw, shard, id);
}

/* ---- links: shard, id and index in as few bytes as they need, 's' or 'h' for the scheme, the
 * rest of the address, the MAC */

#define HEAD_MOST (1 + 10 + 5 + 1)
#define LINK_TOKEN_MOST ((HEAD_MOST + TOKEN_URL_BYTES + MAC_BYTES) * 4 / 3 + 4)

static size_t put_number(unsigned char *out, uint64_t v) {
    size_t n = 0;
    for (; v >= 128; v >>= 7)
        out[n++] = (unsigned char)(v | 128);
    out[n++] = (unsigned char)v;
    return n;
}

static bool get_number(const unsigned char *raw, size_t n, size_t *at, uint64_t *v) {
    *v = 0;
    for (int shift = 0; *at < n && shift < 64; shift += 7) {
        unsigned char byte = raw[(*at)++];
        *v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

static bool plain(struct str url) {
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] < 0x20 || url.p[i] == 0x7f)
            return false;
    return true;
}

bool token_link_make(struct str secret, const struct token_link *link, struct buf *out) {
    unsigned char raw[HEAD_MOST + TOKEN_URL_BYTES + MAC_BYTES], mac[DIGEST_MAC_BYTES];
    bool secure = str_starts(link->url, S("https://"));
    if ((!secure && !str_starts(link->url, S("http://"))) || link->url.n > TOKEN_URL_BYTES ||
        !plain(link->url))
        return false;
    struct str rest = str_sub(link->url, secure ? 8 : 7, link->url.n);
    size_t n = 0;
    raw[n++] = (unsigned char)link->shard;
    n += put_number(raw + n, (uint64_t)link->id);
    n += put_number(raw + n, link->index);
    raw[n++] = secure ? 's' : 'h';
    if (rest.n)
        memcpy(raw + n, rest.p, rest.n);
    n += rest.n;
    sign(secret, "link", str_of((const char *)raw, n), mac);
    memcpy(raw + n, mac, MAC_BYTES);
    encode(raw, n + MAC_BYTES, out);
    return true;
}

bool token_link_check(struct arena *a, struct str secret, struct str token,
                      struct token_link *out) {
    unsigned char mac[DIGEST_MAC_BYTES];
    size_t n, at = 1;
    if (token.n < 20 || token.n > LINK_TOKEN_MOST)
        return false;
    unsigned char *raw = arena_alloc(a, token.n);
    if (!decode(token, raw, &n) || n <= MAC_BYTES)
        return false;
    n -= MAC_BYTES;
    sign(secret, "link", str_of((const char *)raw, n), mac);
    if (CRYPTO_memcmp(raw + n, mac, MAC_BYTES) != 0)
        return false;
    uint64_t id, index;
    if (!get_number(raw, n, &at, &id) || !get_number(raw, n, &at, &index) || at >= n)
        return false;
    bool secure = raw[at++] == 's';
    out->shard = raw[0];
    out->id = (int64_t)id;
    out->index = (uint32_t)index;
    struct buf url = BUF_IN(a);
    buf_add_str(&url, secure ? S("https://") : S("http://"));
    buf_add(&url, raw + at, n - at);
    out->url = buf_str(&url);
    return true;
}
