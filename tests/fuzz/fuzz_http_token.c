/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: no bytes are taken but those that were made under the secret, and these give back what
 * they were made of.
 */
#include "config.h"

#include "base/arena.h"
#include "base/token.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = arena_new(0);
    struct str text = str_of((const char *)data, size);
    struct token_link out, in = {(int)(size % 64), (int64_t)size * 977 + 1, (uint32_t)size, text};
    struct buf b = BUF_IN(a);
    char name[TOKEN_CHARS + 1];
    int shard;
    int64_t id;
    /* as a token */
    must(!token_link_check(a, S("secret"), text, &out));
    must(!token_check(S("secret"), TOKEN_OPEN, text, &shard, &id));
    /* as an address */
    if (token_link_make(S("secret"), &in, &b)) {
        must(token_link_check(a, S("secret"), buf_str(&b), &out));
        must(out.shard == in.shard && out.id == in.id && out.index == in.index);
        must(str_eq(out.url, text) && text.n <= TOKEN_URL_BYTES);
        must(!memchr(out.url.p, '\r', out.url.n) && !memchr(out.url.p, '\n', out.url.n));
        size_t at = size % b.n;
        b.p[at] = b.p[at] == 'A' ? 'B' : 'A';
        must(!token_link_check(a, S("secret"), buf_str(&b), &out));
    }
    token_make(S("secret"), TOKEN_UNSUBSCRIBE, in.shard, in.id, name);
    must(token_check(S("secret"), TOKEN_UNSUBSCRIBE, str_from(name), &shard, &id) && id == in.id);
    must(!token_check(S("secret"), TOKEN_OPEN, str_from(name), &shard, &id));
    arena_free(a);
    return 0;
}
