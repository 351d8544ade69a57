/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/address.h"

#include "channels/email_address.h"

const char *address_kind_name(enum address_kind kind) {
    return kind == ADDRESS_EMAIL ? "email address" : kind == ADDRESS_PHONE ? "phone number" : "key";
}

static const char *phone_problem(struct str s) {
    size_t digits = 0;
    if (s.p[0] != '+')
        return "does not begin with + and the country's code";
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9')
            digits++;
        else if (!s.p[i] || !strchr(" -().", s.p[i]))
            return "has a character that cannot be there";
    }
    return digits < 7 || digits > 15 ? "does not have 7 to 15 digits" : NULL;
}

const char *address_problem(enum address_kind kind, struct str s) {
    if (kind == ADDRESS_NONE)
        return NULL;
    if (kind == ADDRESS_EMAIL)
        return email_address_problem(s);
    return s.n ? phone_problem(s) : "is empty";
}
