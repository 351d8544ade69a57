/* SPDX-License-Identifier: Apache-2.0
 *
 * inbound_mail: a mail that came in, as the one statement that records it: which message
 * it is about (the token of the return path first, then Message-IDs), what it tells, and
 * what follows. The same mail twice is one row. Pure, but for GMime: loop thread only.
 */
#ifndef GODWIT_ENGINE_RESPONSE_INBOUND_MAIL_H
#define GODWIT_ENGINE_RESPONSE_INBOUND_MAIL_H

#include "base/io/db.h"
#include "channels/email_bounce.h"
#include "engine/settings.h"

#define INBOUND_MOST (2 << 20) /* bytes of a mail that are looked at */

struct inbound_mail {
    struct email_report report;
    bool ours; /* a token of ours was found: */
    int shard;
    int64_t message;
    struct db_call call; /* column 0: what became of it, as godwit.take_inbound says */
    struct db_call bare; /* for a database that refuses `call`: the mail is unrecognised */
};

/* All is in `a` or in the mail. `recipient`: of the envelope; may be empty. */
void inbound_mail_read(struct arena *a, struct str secret, const struct settings_bounces *rule,
                       struct str recipient, struct str mail, struct inbound_mail *out);

/* "bounce (hard) of message 12: 550 5.1.1 ..." */
struct str inbound_mail_summary(struct arena *a, const struct inbound_mail *m, struct str became);

#endif
