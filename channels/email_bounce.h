/* SPDX-License-Identifier: Apache-2.0
 *
 * email_bounce: what a mail that came in tells of a message that went out: a report of
 * non-delivery (RFC 3464, or the texts of qmail and others), a complaint (RFC 5965), an
 * answer by a person or by a machine.
 *
 * Whatever the bytes are, reading them ends with a report: EMAIL_UNRECOGNISED at worst. It
 * says where tokens and Message-IDs may stand that tell which message it is about; whose they
 * are is the caller's business. Parsed with GMime, whose state is global: one thread only.
 * No I/O.
 */
#ifndef GODWIT_CHANNELS_EMAIL_BOUNCE_H
#define GODWIT_CHANNELS_EMAIL_BOUNCE_H

#include "base/str.h"
#include "channels/bounce_class.h"

struct arena;

enum email_report_kind {
    EMAIL_BOUNCE,       /* not delivered, for good */
    EMAIL_DELAYED,      /* not yet */
    EMAIL_DELIVERED,    /* delivered, relayed or expanded */
    EMAIL_COMPLAINT,    /* a recipient calls it spam */
    EMAIL_REPLY,        /* a person wrote back */
    EMAIL_AUTO_REPLY,   /* out of office, receipts, lists */
    EMAIL_UNRECOGNISED, /* none of these */
    EMAIL_REPORT_KINDS
};

#define EMAIL_REPORT_CLUES 64

/* All texts are in the arena, valid UTF-8 without NUL, and may be empty. */
struct email_report {
    enum email_report_kind kind;
    struct bounce_verdict verdict; /* of EMAIL_BOUNCE */
    struct str recipient;          /* whom it was for, as the report says */
    struct str status;             /* "5.1.1" */
    int code;                      /* SMTP; 0: not said */
    struct str diagnostic;         /* what the peer said, one line */
    struct str reporting_mta, remote_mta;
    struct str feedback; /* of a complaint: "abuse", "fraud", ... */
    struct str from;     /* the address that wrote this mail */
    struct str subject, message_id, date;
    struct str text; /* of EMAIL_REPLY: what was written, without what it quotes */
    /* best first */
    struct str addresses[EMAIL_REPORT_CLUES]; /* may have a token behind the + */
    size_t n_addresses;
    struct str ids[EMAIL_REPORT_CLUES]; /* Message-IDs without the angle brackets */
    size_t n_ids;
};

#define EMAIL_REPORT_TEXT 4000 /* bytes of `text` at most */

void email_bounce_read(struct arena *a, struct str mail, struct email_report *out);
const char *email_report_kind_name(enum email_report_kind k); /* "bounce", "auto_reply", ... */

/* Gives back what the parser holds: once, before the process ends. */
void email_bounce_shutdown(void);

#endif
