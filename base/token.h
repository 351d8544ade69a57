/* SPDX-License-Identifier: Apache-2.0
 *
 * token: names a message in a URL: short, signed, no personal data in it.
 *
 * 9 bytes (shard, id) and 12 bytes of HMAC-SHA-256 over the purpose and them, as
 * base64url: 28 characters. A token for one purpose is none for another. Pure.
 */
#ifndef GODWIT_BASE_TOKEN_H
#define GODWIT_BASE_TOKEN_H

#include "base/str.h"

#define TOKEN_CHARS 28

enum token_purpose { TOKEN_OPEN = 'o', TOKEN_CLICK = 'c', TOKEN_UNSUBSCRIBE = 'u' };

void token_make(struct str secret, enum token_purpose purpose, int shard, int64_t id,
                char out[TOKEN_CHARS + 1]);

/* False: not ours. Takes the same time whichever byte is wrong. */
bool token_check(struct str secret, enum token_purpose purpose, struct str token, int *shard,
                 int64_t *id);

#endif
