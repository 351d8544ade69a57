/* SPDX-License-Identifier: Apache-2.0
 *
 * http_finder: takes one text out of an answer: by a JSON pointer ("/messages/0/id",
 * RFC 6901) or by a PCRE2 pattern ("id: (\w+)": its first group, or all of the match).
 * What begins with a slash is a pointer. Matching is bounded in steps and memory. Any
 * thread, one at a time.
 */
#ifndef GODWIT_CHANNELS_HTTP_FINDER_H
#define GODWIT_CHANNELS_HTTP_FINDER_H

#include "base/err.h"
#include "base/str.h"

struct arena;
struct http_finder;

/* NULL: e says what is wrong with the text. */
struct http_finder *http_finder_new(struct str text, struct err *e) MUST_CHECK;
void http_finder_free(struct http_finder *f); /* NULL is fine */

/* False: it is not there, or the body is not JSON. A number or boolean is found as its text, null
 * is not found. *out lives in `a` or in the body. */
bool http_finder_find(const struct http_finder *f, struct arena *a, struct str body,
                      struct str *out) MUST_CHECK;

#endif
