/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/hook.h"

#include "base/arena.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define LATEST_S INT64_C(32503680000) /* the year 3000 */

struct str hook_header(const struct channel_hook *h, const char *name) {
    return hook_str(h->header(h, name));
}

const struct post_form *hook_query(struct arena *a, const struct channel_hook *h) {
    return post_form_read(a, STR_NONE, hook_str(h->query));
}

const struct post_form *hook_form(struct arena *a, const struct channel_hook *h) {
    return post_form_read(a, hook_header(h, "Content-Type"), hook_str(h->body));
}

bool hook_same(struct str wanted, struct str given) {
    return wanted.n > 0 && wanted.n == given.n && CRYPTO_memcmp(wanted.p, given.p, wanted.n) == 0;
}

/* ---- signatures */

static void to_hex(const unsigned char *raw, size_t n, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[raw[i] >> 4];
        out[2 * i + 1] = digits[raw[i] & 15];
    }
}

bool hook_signed(enum hook_digest digest, struct str key, struct str bytes, struct str given) {
    unsigned char mac[EVP_MAX_MD_SIZE], base64[2 * EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE], lower[2 * EVP_MAX_MD_SIZE];
    unsigned n = 0;
    const EVP_MD *md = digest == HOOK_SHA1 ? EVP_sha1() : EVP_sha256();
    if (!key.n || given.n > sizeof lower ||
        !HMAC(md, key.p, (int)key.n, (const unsigned char *)(bytes.p ? bytes.p : ""), bytes.n, mac,
              &n))
        return false;
    to_hex(mac, n, hex);
    int encoded = EVP_EncodeBlock(base64, mac, (int)n);
    for (size_t i = 0; i < given.n; i++)
        lower[i] = (char)(given.p[i] >= 'A' && given.p[i] <= 'F' ? given.p[i] + 32 : given.p[i]);
    bool as_base64 = hook_same(str_of((const char *)base64, (size_t)encoded), given);
    bool as_hex = hook_same(str_of(hex, 2 * (size_t)n), str_of(lower, given.n));
    return as_base64 || as_hex;
}

/* ---- values */

static void add_utf8(struct buf *b, uint32_t c) {
    if (c < 0x80) {
        buf_add_char(b, (char)c);
    } else if (c < 0x800) {
        buf_add_char(b, (char)(0xc0 | c >> 6));
        buf_add_char(b, (char)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        buf_add_char(b, (char)(0xe0 | c >> 12));
        buf_add_char(b, (char)(0x80 | (c >> 6 & 63)));
        buf_add_char(b, (char)(0x80 | (c & 63)));
    } else {
        buf_add_char(b, (char)(0xf0 | c >> 18));
        buf_add_char(b, (char)(0x80 | (c >> 12 & 63)));
        buf_add_char(b, (char)(0x80 | (c >> 6 & 63)));
        buf_add_char(b, (char)(0x80 | (c & 63)));
    }
}

static uint32_t unit_at(struct str s, size_t i) {
    return (uint32_t)(unsigned char)s.p[i] << 8 | (unsigned char)s.p[i + 1];
}

struct str hook_from_utf16(struct arena *a, struct str bytes) {
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i + 1 < bytes.n; i += 2) {
        uint32_t c = unit_at(bytes, i);
        bool high = c >= 0xd800 && c < 0xdc00;
        uint32_t next = high && i + 3 < bytes.n ? unit_at(bytes, i + 2) : 0;
        if (next >= 0xdc00 && next < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (next - 0xdc00);
            i += 2;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
        }
        add_utf8(&b, c);
    }
    return b.n ? buf_str(&b) : S("");
}

int64_t hook_seconds(struct str text) {
    int64_t s;
    return str_to_int64(text, &s) && s > 0 && s < LATEST_S ? s * 1000000 : 0;
}
