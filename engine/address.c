/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/address.h"

#define MAX_EMAIL 254u
#define MAX_LOCAL 64u
#define MAX_LABEL 63u

const char *address_kind_name(enum address_kind kind) {
    return kind == ADDRESS_EMAIL ? "email address" : kind == ADDRESS_PHONE ? "phone number" : "key";
}

static bool is_alnum(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

static const char *domain_problem(struct str domain) {
    struct str rest = domain, label;
    while (str_split(&rest, '.', &label)) {
        if (label.n == 0 || label.n > MAX_LABEL || label.p[0] == '-' || label.p[label.n - 1] == '-')
            return "has a broken domain";
        for (size_t i = 0; i < label.n; i++)
            if (!is_alnum((unsigned char)label.p[i]) && label.p[i] != '-')
                return "has a character in its domain that cannot be there";
    }
    return domain.n ? NULL : "has no domain behind the @";
}

static const char *email_problem(struct str s) {
    if (s.n > MAX_EMAIL)
        return "is longer than 254 bytes";
    size_t at = s.n;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '@')
            at = i;
    if (at == s.n)
        return "has no @";
    if (at == 0)
        return "has nothing before the @";
    if (at > MAX_LOCAL)
        return "has more than 64 bytes before the @";
    for (size_t i = 0; i < at; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (!is_alnum(c) && !strchr("!#$%&'*+-/=?^_`{|}~.", c))
            return "has a character before the @ that cannot be there";
    }
    return domain_problem(str_sub(s, at + 1, s.n));
}

static const char *phone_problem(struct str s) {
    size_t digits = 0;
    if (s.p[0] != '+')
        return "does not begin with + and the country's code";
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9')
            digits++;
        else if (!strchr(" -().", s.p[i]))
            return "has a character that cannot be there";
    }
    return digits < 7 || digits > 15 ? "does not have 7 to 15 digits" : NULL;
}

const char *address_problem(enum address_kind kind, struct str s) {
    if (kind == ADDRESS_NONE)
        return NULL;
    if (s.n == 0)
        return "is empty";
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return "has a control character in it";
    return kind == ADDRESS_EMAIL ? email_problem(s) : phone_problem(s);
}
