/* SPDX-License-Identifier: Apache-2.0
 *
 * address: of which kind a channel's addresses are, and whether one can be used.
 * Says no to what no provider could deliver and to anything that could break out
 * of a mail header or a protocol line; for email the check of channels/email_address.h. Pure.
 */
#ifndef GODWIT_ENGINE_ADDRESS_H
#define GODWIT_ENGINE_ADDRESS_H

#include "base/str.h"

enum address_kind {
    ADDRESS_EMAIL, /* customer.email */
    ADDRESS_PHONE, /* customer.phone, as +886912345678 */
    ADDRESS_NONE   /* the channel has its own URL; the customer's key stands as address */
};

const char *address_kind_name(enum address_kind kind); /* "email address", ... */

/* NULL when the address can be used; otherwise what is wrong: "has no @". */
const char *address_problem(enum address_kind kind, struct str address);

#endif
