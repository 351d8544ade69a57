/* SPDX-License-Identifier: Apache-2.0
 *
 * mailbox: takes mail out of a mailbox over IMAP or POP3 (libcurl).
 *
 * A session: fetch some mails, which stay where they are; when what they tell is safe,
 * finish them: they are deleted, or moved to another folder (IMAP). A session that ends
 * before leaves all as it was. Never finishes a mail that it did not fetch: IMAP's UIDs are
 * used with their UIDVALIDITY, POP3's numbers are looked up by UIDL again.
 *
 * Blocks; one thread at a time, but mailbox_cut() may come from any.
 */
#ifndef GODWIT_BASE_IO_MAILBOX_H
#define GODWIT_BASE_IO_MAILBOX_H

#include "base/err.h"
#include "base/str.h"

struct arena;
struct mailbox;

/* Copied. */
struct mailbox_options {
    const char *url; /* imaps://HOST/FOLDER, imap:, pop3s:, pop3: (STARTTLS but on this machine) */
    const char *username, *password;
    const char *ca_file; /* NULL: the system's */
    const char *move_to; /* IMAP folder; NULL: what is finished is deleted */
    int timeout_s;       /* of each exchange */
};

struct mailbox_mail {
    struct str id;
    struct str text; /* its beginning, when it is longer than was asked for */
};

struct mailbox *mailbox_new(const struct mailbox_options *o);
void mailbox_free(struct mailbox *m); /* NULL is fine; ends the session */

/* Up to `most` mails, oldest first, each up to `bytes`; texts are in `a`. */
bool mailbox_fetch(struct mailbox *m, struct arena *a, size_t most, size_t bytes,
                   struct mailbox_mail *list, size_t *n, struct err *e) MUST_CHECK;
/* Those of the last fetch that are done with. */
bool mailbox_finish(struct mailbox *m, struct arena *a, const struct str *ids, size_t n,
                    struct err *e) MUST_CHECK;
/* Ends the session; the next fetch begins another one. */
void mailbox_leave(struct mailbox *m);

/* What is under way, and all that comes, fails soon. */
void mailbox_cut(struct mailbox *m);

#endif
