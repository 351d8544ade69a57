/* SPDX-License-Identifier: Apache-2.0
 *
 * json: text to value and back (RFC 8259, strict; jansson reads).
 *
 * Read: duplicate keys, keys with NUL, bad UTF-8, lone surrogates (all with line
 * and column) and nesting over 128 are refused. An integer outside int64 becomes
 * a double, a number beyond a double the largest one. Order of members is kept. Write: compact, members in order, UTF-8 as
 * it is but for control characters (C1 too) and U+2028/2029, which are escaped;
 * what is not UTF-8 becomes U+FFFD, so the output always is. 1.0 keeps its ".0" so
 * that an int and a double stay apart. V_BYTES (base64), V_TIMESTAMP (RFC 3339)
 * and V_DURATION ("1.5s") are written as strings; NaN and infinities as null. Any
 * thread.
 */
#ifndef GODWIT_BASE_JSON_H
#define GODWIT_BASE_JSON_H

#include "base/err.h"
#include "base/value.h"

bool json_parse(struct arena *a, struct str text, struct value *out, struct err *e) MUST_CHECK;

void json_write(struct buf *out, struct value v);
void json_write_pretty(struct buf *out, struct value v); /* two spaces, for people */
void json_write_string(struct buf *out, struct str s);   /* with the quotes */

#endif
