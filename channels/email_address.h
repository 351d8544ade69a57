/* SPDX-License-Identifier: Apache-2.0
 *
 * email_address: is this an address that may go onto the wire (RFC 5321, 4.1.2)?
 *
 * Accepts dot-atom and quoted local parts, host names, internationalised names
 * (turned into punycode, UTS #46) and address literals. A local part that is not
 * ASCII needs SMTPUTF8 (RFC 6531) and is marked. Never passes a control character,
 * a space outside quotes, or an angle bracket outside quotes. Does not ask the DNS.
 * The one check of the program: deciding, importing and sending ask here.
 * Pure; any thread.
 */
#ifndef GODWIT_CHANNELS_EMAIL_ADDRESS_H
#define GODWIT_CHANNELS_EMAIL_ADDRESS_H

#include "base/err.h"
#include "base/str.h"

struct arena;

struct email_address {
    struct str wire;   /* local@domain as SMTP and headers want it */
    struct str local;  /* part of wire */
    struct str domain; /* part of wire; ASCII, lower case */
    bool utf8;         /* the local part is not ASCII: SMTPUTF8 is needed */
};

/* NULL when it can be used; otherwise what is wrong, to stand behind the address: "has no @". */
const char *email_address_problem(struct str text);

/* False: e says in a sentence what is wrong with it. */
bool email_address_parse(struct arena *a, struct str text, struct email_address *out,
                         struct err *e) MUST_CHECK;

#endif
