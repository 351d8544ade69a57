/* SPDX-License-Identifier: Apache-2.0
 *
 * capture_store: a Maildir that captured mails are written into: tmp, then renamed
 * into new. With its lines ended by LF and Return-Path, Delivered-To and Received
 * in front, as a local delivery looks; any mail reader shows it.
 *
 * A file is whole or not there, whatever dies; that it survives a power cut is not
 * promised (no fsync), for it is a copy of what was to be tried out.
 */
#ifndef GODWIT_CLI_CAPTURE_STORE_H
#define GODWIT_CLI_CAPTURE_STORE_H

#include "base/err.h"
#include "cli/capture_session.h"

struct capture_store;

/* Makes the folder (its parent exists) with tmp, new and cur. */
struct capture_store *capture_store_open(const char *folder, struct err *e) MUST_CHECK;
void capture_store_close(struct capture_store *s);

/* `path` gets where the mail is; valid until the next call. */
bool capture_store_add(struct capture_store *s, const struct capture_envelope *envelope,
                       struct str data, int64_t now_us, const char **path,
                       struct err *e) MUST_CHECK;

#endif
