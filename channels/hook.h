/* SPDX-License-Identifier: Apache-2.0
 *
 * hook: what the drivers' receive() functions share: fields of a request, comparisons that
 * take the same time wherever the difference is, signatures. Pure.
 */
#ifndef GODWIT_CHANNELS_HOOK_H
#define GODWIT_CHANNELS_HOOK_H

#include "base/post_form.h"
#include "channels/channel.h"

struct arena;

static inline struct str hook_str(struct channel_text t) {
    return (struct str){t.p, t.n};
}
static inline struct channel_text hook_text(struct str s) {
    return (struct channel_text){s.p, s.n};
}

struct str hook_header(const struct channel_hook *h, const char *name);

/* The fields of the query, and of a body that is a form. */
const struct post_form *hook_query(struct arena *a, const struct channel_hook *h);
const struct post_form *hook_form(struct arena *a, const struct channel_hook *h);

/* False also when nothing is wanted: an empty secret fits nobody. */
bool hook_same(struct str wanted, struct str given);

enum hook_digest { HOOK_SHA1, HOOK_SHA256 };

/* Whether `given` is the HMAC of the bytes under the key, in base64 or hex. */
bool hook_signed(enum hook_digest digest, struct str key, struct str bytes, struct str given);

/* UTF-8 of UTF-16BE; what is none becomes U+FFFD. */
struct str hook_from_utf16(struct arena *a, struct str bytes);

/* Seconds since 1970 as microseconds; 0: it is no such number. */
int64_t hook_seconds(struct str text);

#endif
