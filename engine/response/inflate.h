/* SPDX-License-Identifier: Apache-2.0
 *
 * inflate: a body with Content-Encoding: gzip (RFC 1952), up to a size. Pure.
 */
#ifndef GODWIT_ENGINE_RESPONSE_INFLATE_H
#define GODWIT_ENGINE_RESPONSE_INFLATE_H

#include "base/err.h"
#include "base/str.h"

/* False: it is no gzip, is cut short, or is larger than `most` bytes when it is unpacked. */
bool inflate_body(struct arena *a, struct str packed, size_t most, struct str *out,
                  struct err *e) MUST_CHECK;

#endif
