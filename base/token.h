/* SPDX-License-Identifier: Apache-2.0
 *
 * token: names a message in a URL: short, signed, no personal data in it.
 *
 * 9 bytes (shard, id) and 12 bytes of HMAC-SHA-256 over the purpose and them, as
 * base64url: 28 characters. A token for one purpose is none for another.
 *
 * A link's token holds the address that it leads to besides, under the same MAC: who follows it
 * can be sent on without looking anything up, and nowhere but where the message's own link
 * pointed.
 *
 * In a mail address case is not to be trusted: there the name and MAC are written in base32, 34
 * characters. Pure.
 */
#ifndef GODWIT_BASE_TOKEN_H
#define GODWIT_BASE_TOKEN_H

#include "base/str.h"

#define TOKEN_CHARS 28

enum token_purpose {
    TOKEN_OPEN = 'o',
    TOKEN_UNSUBSCRIBE = 'u',
    TOKEN_BOUNCE = 'b',     /* in the envelope's sender */
    TOKEN_MESSAGE_ID = 'm', /* in the header of that name */
    TOKEN_RECEIPT = 'r',    /* a provider's report on the message */
    TOKEN_CONFIRM = 'd',    /* of a subscription, the second of two opt-ins */
    TOKEN_DECOY = 'l'       /* the link that no person sees */
};

void token_make(struct str secret, enum token_purpose purpose, int shard, int64_t id,
                char out[TOKEN_CHARS + 1]);

/* False: not ours. Takes the same time whichever byte is wrong. */
bool token_check(struct str secret, enum token_purpose purpose, struct str token, int *shard,
                 int64_t *id);

#define TOKEN_MAIL_CHARS 34

/* The same for mail: a-z and 2-7; capitals are read, too. */
void token_mail_make(struct str secret, enum token_purpose purpose, int shard, int64_t id,
                     char out[TOKEN_MAIL_CHARS + 1]);
bool token_mail_check(struct str secret, enum token_purpose purpose, struct str token, int *shard,
                      int64_t *id);

#define TOKEN_URL_BYTES 2000 /* longer addresses get no token */

struct token_link {
    int shard;
    int64_t id;
    uint32_t index; /* which link of the message, from 0 */
    struct str url; /* http:// or https:// */
};

/* Appends the token. False (nothing appended): the address is too long, is not http or https,
 * or holds control characters. */
bool token_link_make(struct str secret, const struct token_link *link, struct buf *out);
/* The address is in `a`. */
bool token_link_check(struct arena *a, struct str secret, struct str token, struct token_link *out);

#endif
