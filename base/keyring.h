/* SPDX-License-Identifier: Apache-2.0
 *
 * keyring: the keys under which tokens (token.h) are made and checked. The first signs, all
 * check; a token names its key, so that a key can be replaced while old links go on working.
 *
 * A token of key 0 is as token.h makes it; of another key `_` and a character for the key's
 * number stand before it, which no other token begins with. Pure.
 */
#ifndef GODWIT_BASE_KEYRING_H
#define GODWIT_BASE_KEYRING_H

#include "base/err.h"
#include "base/token.h"

#define KEYRING_KEYS 64
#define KEYRING_SECRET_BYTES 128
#define KEYRING_CHARS (TOKEN_CHARS + 2) /* of a token, at most */

struct keyring {
    size_t n;
    struct keyring_key {
        int id; /* 0..63 */
        size_t n;
        char secret[KEYRING_SECRET_BYTES];
    } key[KEYRING_KEYS];
};

void keyring_clear(struct keyring *k); /* overwrites the secrets */
/* False: there is no room for it, or it is empty. */
bool keyring_add(struct keyring *k, int id, struct str secret) MUST_CHECK;

/* The text is empty when there is no key. */
void keyring_make(const struct keyring *k, enum token_purpose purpose, int shard, int64_t id,
                  char out[KEYRING_CHARS + 1]);
bool keyring_check(const struct keyring *k, enum token_purpose purpose, struct str token,
                   int *shard, int64_t *id);

bool keyring_link_make(const struct keyring *k, const struct token_link *link, struct buf *out);
bool keyring_link_check(struct arena *a, const struct keyring *k, struct str token,
                        struct token_link *out);

#endif
