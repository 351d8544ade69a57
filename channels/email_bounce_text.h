/* SPDX-License-Identifier: Apache-2.0
 *
 * email_bounce_text: mail in which no standard helps: non-delivery in plain words (qmail,
 * old Exim, gateways), and what a person wrote above the mail that is quoted. Pure.
 */
#ifndef GODWIT_CHANNELS_EMAIL_BOUNCE_TEXT_H
#define GODWIT_CHANNELS_EMAIL_BOUNCE_TEXT_H

#include "base/str.h"

struct arena;

struct email_bounce_text {
    bool failed, delayed; /* it speaks of that */
    struct str recipient; /* may be empty */
    struct str said;      /* what follows the recipient, one line */
    struct str returned;  /* what looks like the header of the mail that comes back */
};

void email_bounce_text_read(struct arena *a, struct str text, struct email_bounce_text *out);

/* Without quoted lines and what introduces them. */
struct str email_bounce_text_reply(struct arena *a, struct str text);

/* The words of HTML. */
struct str email_bounce_text_of_html(struct arena *a, struct str html);

/* Whether a subject is one of those that out-of-office answers have. */
bool email_bounce_text_away(struct str subject);

#endif
