/* SPDX-License-Identifier: Apache-2.0
 *
 * bounce_class: of what kind a refusal is, from the words that a mail server (or an SMS
 * provider) used: enhanced status (RFC 3463), reply code, text. The one place that
 * decides it, for refusals while sending and for reports that come later.
 *
 *   hard      nobody is there, or the mailbox is disabled: never write there again
 *   domain    there is no such domain (or its name servers are broken for a day)
 *   full      the mailbox is full
 *   soft      anything else that may be better another time
 *   block     held against the sender: policy, spam, reputation, authentication
 *   content   this message: too big, malformed
 *
 * What a server says in words overrides a status that says nothing (5.0.0), and a list of
 * blocked senders overrides "unknown user": an address is not given up for our fault. Pure.
 */
#ifndef GODWIT_CHANNELS_BOUNCE_CLASS_H
#define GODWIT_CHANNELS_BOUNCE_CLASS_H

#include "base/str.h"

enum bounce_class {
    BOUNCE_NONE, /* no refusal */
    BOUNCE_HARD,
    BOUNCE_DOMAIN,
    BOUNCE_FULL,
    BOUNCE_SOFT,
    BOUNCE_BLOCK,
    BOUNCE_CONTENT
};

struct bounce_said {
    struct str status; /* "5.1.1"; may be empty, then one at the text's beginning counts */
    int code;          /* of the reply; 0: none, then one at the text's beginning counts */
    struct str text;   /* one line or several */
};

struct bounce_verdict {
    enum bounce_class class;
    bool reputation; /* of a block: the words speak of the sender's address, domain or standing */
};

struct bounce_verdict bounce_classify(const struct bounce_said *said);

const char *bounce_class_name(enum bounce_class c); /* "hard", ...; NULL for BOUNCE_NONE */

/* The enhanced status that begins somewhere in the text, or an empty one: "550-5.7.1 [1.2.3.4]",
 * "#5.1.1 smtp;550", but not an IP address. */
struct str bounce_status_in(struct str text);
/* The reply code that the text holds, 400 to 599; 0: none. */
int bounce_code_in(struct str text);

#endif
