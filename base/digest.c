/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

static void write_hex(const unsigned char *raw, unsigned int n, char *out) {
    static const char hex[] = "0123456789abcdef";
    for (unsigned int i = 0; i < n; i++) {
        out[2 * i] = hex[raw[i] >> 4];
        out[2 * i + 1] = hex[raw[i] & 15];
    }
    out[2 * (size_t)n] = '\0';
}

void digest_sha256_hex(struct str bytes, char out[DIGEST_HEX_CHARS + 1]) {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    if (!EVP_Digest(bytes.n ? bytes.p : "", bytes.n, raw, &n, EVP_sha256(), NULL))
        abort();
    write_hex(raw, n, out);
}

struct digest {
    EVP_MD_CTX *sum;
    EVP_MD_CTX *copy; /* to be finished while sum goes on */
};

struct digest *digest_new(void) {
    struct digest *d = calloc(1, sizeof *d);
    if (!d || !(d->sum = EVP_MD_CTX_new()) || !(d->copy = EVP_MD_CTX_new()) ||
        !EVP_DigestInit_ex(d->sum, EVP_sha256(), NULL))
        abort();
    return d;
}

void digest_free(struct digest *d) {
    if (!d)
        return;
    EVP_MD_CTX_free(d->sum);
    EVP_MD_CTX_free(d->copy);
    free(d);
}

void digest_add(struct digest *d, struct str bytes) {
    if (bytes.n && !EVP_DigestUpdate(d->sum, bytes.p, bytes.n))
        abort();
}

void digest_hex(const struct digest *d, char out[DIGEST_HEX_CHARS + 1]) {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    if (!EVP_MD_CTX_copy_ex(d->copy, d->sum) || !EVP_DigestFinal_ex(d->copy, raw, &n))
        abort();
    write_hex(raw, n, out);
}

static void add_length(struct buf *b, uint64_t n) {
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_add_char(b, (char)(n >> shift & 0xff));
}

/* Made once for each thread: looking the algorithm up costs more than a MAC of a token. */
static EVP_MAC_CTX *hmac(void) {
    static _Thread_local EVP_MAC_CTX *made;
    if (!made) {
        char sha256[] = "SHA256";
        const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", sha256, 0),
                                     OSSL_PARAM_construct_end()};
        EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        made = mac ? EVP_MAC_CTX_new(mac) : NULL;
        EVP_MAC_free(mac);
        if (!made || !EVP_MAC_CTX_set_params(made, params))
            abort();
    }
    return made;
}

void digest_mac(struct str key, const struct str *parts, size_t n,
                unsigned char out[DIGEST_MAC_BYTES]) {
    struct buf message = BUF_HEAP;
    for (size_t i = 0; i < n; i++) {
        add_length(&message, parts[i].n);
        buf_add_str(&message, parts[i]);
    }
    size_t size = 0;
    EVP_MAC_CTX *mac = hmac();
    if (!EVP_MAC_init(mac, (const unsigned char *)(key.n ? key.p : ""), key.n, NULL) ||
        !EVP_MAC_update(mac, (const unsigned char *)(message.n ? message.p : ""), message.n) ||
        !EVP_MAC_final(mac, out, &size, DIGEST_MAC_BYTES))
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
