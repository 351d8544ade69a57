/* SPDX-License-Identifier: Apache-2.0
 *
 * capture_header: a header field of a mail as a person reads it: unfolded, encoded
 * words (RFC 2047, in UTF-8 or ASCII) decoded. For showing only; what cannot be
 * decoded stays as it stands. Pure.
 */
#ifndef GODWIT_CLI_CAPTURE_HEADER_H
#define GODWIT_CLI_CAPTURE_HEADER_H

#include "base/str.h"

/* Appends the first field of that name to `out`; false: the mail has none. Lines may end with
 * CRLF or LF. What is appended is valid UTF-8 without control characters. */
bool capture_header(struct str mail, struct str name, struct buf *out);

#endif
