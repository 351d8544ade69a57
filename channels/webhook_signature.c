/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/webhook_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#define KEY_LEAST 24

bool webhook_key_parse(struct str text, struct webhook_key *out, struct err *e) {
    struct str code = str_starts(text, S("whsec_")) ? str_sub(text, 6, text.n) : STR_NONE;
    unsigned char bytes[WEBHOOK_KEY_MOST + 8];
    int n = -1;
    if (code.n > 0 && code.n % 4 == 0 && code.n <= (WEBHOOK_KEY_MOST + 2) / 3 * 4)
        n = EVP_DecodeBlock(bytes, (const unsigned char *)code.p, (int)code.n);
    n -= n > 0 && str_ends(code, S("=")) ? str_ends(code, S("==")) ? 2 : 1 : 0;
    if (n < KEY_LEAST || n > WEBHOOK_KEY_MOST)
        return err_set(e, ERR_INPUT,
                       "must be whsec_ and the base64 of 24 to 64 random bytes; make one with: "
                       "echo whsec_$(openssl rand -base64 32)");
    memcpy(out->bytes, bytes, (size_t)n);
    out->n = (size_t)n;
    return true;
}

static void add_one(struct buf *out, const struct webhook_key *key, struct str signed_bytes) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned char code[4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1];
    unsigned n = 0;
    if (!HMAC(EVP_sha256(), key->bytes, (int)key->n, (const unsigned char *)signed_bytes.p,
              signed_bytes.n, mac, &n))
        abort();
    int length = EVP_EncodeBlock(code, mac, (int)n);
    buf_printf(out, "%sv1,", out->n ? " " : "");
    buf_add(out, code, (size_t)length);
}

void webhook_signature_add(struct buf *out, const struct webhook_key *keys, size_t n, struct str id,
                           struct str timestamp, struct str body) {
    struct buf b = BUF_HEAP;
    buf_add_str(&b, id);
    buf_add_char(&b, '.');
    buf_add_str(&b, timestamp);
    buf_add_char(&b, '.');
    buf_add_str(&b, body);
    for (size_t i = 0; i < n; i++)
        if (keys[i].n)
            add_one(out, &keys[i], buf_str(&b));
    buf_close(&b);
}
