/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/keyring.h"

#include <openssl/crypto.h>

#define MARK '_' /* tokens of token.h begin with the upper bits of a shard: A to P */

static const char numbers[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void keyring_clear(struct keyring *k) {
    OPENSSL_cleanse(k, sizeof *k);
}

bool keyring_add(struct keyring *k, int id, struct str secret) {
    if (k->n == KEYRING_KEYS || id < 0 || id >= KEYRING_KEYS || !secret.n ||
        secret.n > KEYRING_SECRET_BYTES)
        return false;
    struct keyring_key *key = &k->key[k->n++];
    key->id = id;
    key->n = secret.n;
    memcpy(key->secret, secret.p, secret.n);
    return true;
}

static struct str secret_of(const struct keyring_key *key) {
    return str_of(key->secret, key->n);
}

/* The key that a token names; *rest is the token of token.h. */
static const struct keyring_key *key_of(const struct keyring *k, struct str token,
                                        struct str *rest) {
    int id = 0;
    *rest = token;
    if (token.n >= 2 && token.p[0] == MARK) {
        const char *at = token.p[1] ? strchr(numbers, token.p[1]) : NULL;
        id = at ? (int)(at - numbers) : -1;
        *rest = str_sub(token, 2, token.n);
        if (id == 0)
            return NULL; /* its tokens have one form only */
    }
    for (size_t i = 0; i < k->n; i++)
        if (k->key[i].id == id)
            return &k->key[i];
    return NULL;
}

void keyring_make(const struct keyring *k, enum token_purpose purpose, int shard, int64_t id,
                  char out[KEYRING_CHARS + 1]) {
    char *to = out;
    *out = 0;
    if (!k->n)
        return;
    if (k->key[0].id) {
        *to++ = MARK;
        *to++ = numbers[k->key[0].id];
    }
    token_make(secret_of(&k->key[0]), purpose, shard, id, to);
}

bool keyring_check(const struct keyring *k, enum token_purpose purpose, struct str token,
                   int *shard, int64_t *id) {
    struct str rest;
    const struct keyring_key *key = key_of(k, token, &rest);
    return key && token_check(secret_of(key), purpose, rest, shard, id);
}

bool keyring_link_make(const struct keyring *k, const struct token_link *link, struct buf *out) {
    size_t before = out->n;
    if (!k->n)
        return false;
    if (k->key[0].id) {
        buf_add_char(out, MARK);
        buf_add_char(out, numbers[k->key[0].id]);
    }
    if (token_link_make(secret_of(&k->key[0]), link, out))
        return true;
    out->n = before;
    return false;
}

bool keyring_link_check(struct arena *a, const struct keyring *k, struct str token,
                        struct token_link *out) {
    struct str rest;
    const struct keyring_key *key = key_of(k, token, &rest);
    return key && token_link_check(a, secret_of(key), rest, out);
}
