/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/email_address.h"

#include "base/arena.h"
#include "channels/email_text.h"

#include <arpa/inet.h>
#include <unicode/uidna.h>

#define LOCAL_MAX 64
#define DOMAIN_MAX 253
#define ADDRESS_MAX 254 /* 256 of a path, less its brackets */
#define LABEL_MAX 63

static bool check_local(struct str local, bool *utf8, struct err *e);
static bool check_domain(struct arena *a, struct str text, struct str *domain, struct err *e);

/* Where the local part ends: the last @ outside quotes. */
static ptrdiff_t find_at(struct str s) {
    size_t i = 0;
    if (s.n > 0 && s.p[0] == '"') {
        for (i = 1; i < s.n && s.p[i] != '"'; i++) {
            if (s.p[i] == '\\') {
                i++;
            }
        }
    }
    for (; i < s.n; i++) {
        if (s.p[i] == '@') {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static bool check_characters(struct str text, struct err *e) {
    if (!email_text_is_utf8(text)) {
        return err_set(e, ERR_INPUT, "the address is not valid UTF-8");
    }
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        unsigned char d = i + 1 < text.n ? (unsigned char)text.p[i + 1] : 0;
        if (c == '\r' || c == '\n') {
            return err_set(e, ERR_INPUT, "the address contains a line break");
        }
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && d < 0xa0)) {
            return err_set(e, ERR_INPUT, "the address contains a control character");
        }
    }
    return true;
}

bool email_address_parse(struct arena *a, struct str text, struct email_address *out,
                         struct err *e) {
    if (text.n == 0) {
        return err_set(e, ERR_INPUT, "the address is empty");
    }
    if (text.n > 4 * ADDRESS_MAX) {
        return err_set(e, ERR_INPUT, "the address is longer than %d bytes", ADDRESS_MAX);
    }
    if (!check_characters(text, e)) {
        return false;
    }
    ptrdiff_t at = find_at(text);
    if (at < 0) {
        return err_set(e, ERR_INPUT, "`%.*s` is no email address: it has no @", STR_FMT(text));
    }
    struct str local = str_sub(text, 0, (size_t)at);
    struct str domain;
    *out = (struct email_address){0};
    if (!check_local(local, &out->utf8, e) ||
        !check_domain(a, str_sub(text, (size_t)at + 1, text.n), &domain, e)) {
        return err_context(e, "`%.*s` is no email address", STR_FMT(text));
    }
    if (local.n + 1 + domain.n > ADDRESS_MAX) {
        return err_set(e, ERR_INPUT, "the address is longer than %d bytes", ADDRESS_MAX);
    }
    out->wire = str_printf(a, "%.*s@%.*s", STR_FMT(local), STR_FMT(domain));
    out->local = str_sub(out->wire, 0, local.n);
    out->domain = str_sub(out->wire, local.n + 1, out->wire.n);
    return true;
}

/* ---- local part */

static bool is_atext(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c >= 0x80 || (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool check_quoted(struct str local, struct err *e) {
    size_t end = local.n - 1; /* where the closing quote must be */
    size_t i = 1;
    while (i < end && local.p[i] != '"') {
        i += local.p[i] == '\\' ? 2 : 1;
    }
    if (local.n < 3 || i != end || local.p[end] != '"') {
        return err_set(e, ERR_INPUT,
                       "the quotes before the @ are empty, not closed, or hold a "
                       "quotation mark that is not written \\\"");
    }
    return true;
}

static bool check_local(struct str local, bool *utf8, struct err *e) {
    if (local.n == 0) {
        return err_set(e, ERR_INPUT, "nothing stands before the @");
    }
    if (local.n > LOCAL_MAX) {
        return err_set(e, ERR_INPUT, "the part before the @ is longer than %d bytes", LOCAL_MAX);
    }
    for (size_t i = 0; i < local.n; i++) {
        *utf8 = *utf8 || (unsigned char)local.p[i] >= 0x80;
    }
    if (local.p[0] == '"') {
        return check_quoted(local, e);
    }
    char before = '.';
    for (size_t i = 0; i < local.n; i++) {
        char c = local.p[i];
        if (c == '.' && before == '.') {
            return err_set(e, ERR_INPUT, "a dot stands first or after another dot");
        }
        if (c != '.' && !is_atext((unsigned char)c)) {
            return err_set(e, ERR_INPUT, "`%c` is not allowed before the @", c);
        }
        before = c;
    }
    if (before == '.') {
        return err_set(e, ERR_INPUT, "a dot stands right before the @");
    }
    return true;
}

/* ---- domain */

static bool check_literal(struct arena *a, struct str text, struct err *e) {
    unsigned char binary[16];
    if (text.n >= 4 && text.p[text.n - 1] == ']') {
        struct str inside = str_sub(text, 1, text.n - 1);
        bool six = inside.n > 5 && str_eq_nocase(str_sub(inside, 0, 5), S("IPv6:"));
        const char *address = str_cstr(a, six ? str_sub(inside, 5, inside.n) : inside);
        if (inet_pton(six ? AF_INET6 : AF_INET, address, binary) == 1) {
            return true;
        }
    }
    return err_set(e, ERR_INPUT, "`%.*s` is no IP address literal", STR_FMT(text));
}

static bool check_label(struct str label, struct err *e) {
    if (label.n == 0) {
        return err_set(e, ERR_INPUT, "the domain has an empty label");
    }
    if (label.n > LABEL_MAX) {
        return err_set(e, ERR_INPUT, "a label of the domain is longer than %d bytes", LABEL_MAX);
    }
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        bool hyphen = c == '-' && i > 0 && i + 1 < label.n;
        if (!hyphen && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
            return err_set(e, ERR_INPUT, "`%c` is not allowed %s", c,
                           c == '-' ? "at the ends of a label of the domain" : "in the domain");
        }
    }
    return true;
}

/* IDN to ASCII; never with a label that ICU finds fault with. */
static bool to_punycode(struct arena *a, struct str text, struct str *domain, struct err *e) {
    UErrorCode rc = U_ZERO_ERROR;
    UIDNA *idna = uidna_openUTS46(
        UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ, &rc);
    if (U_FAILURE(rc)) {
        return err_set(e, ERR_PERMANENT, "ICU cannot convert domain names: %s", u_errorName(rc));
    }
    char *out = arena_alloc(a, DOMAIN_MAX + 2);
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    int32_t n =
        uidna_nameToASCII_UTF8(idna, text.p, (int32_t)text.n, out, DOMAIN_MAX + 1, &info, &rc);
    uidna_close(idna);
    if (U_FAILURE(rc) || info.errors != 0 || n <= 0 || n > DOMAIN_MAX) {
        return err_set(e, ERR_INPUT, "the domain is no valid internationalised name");
    }
    *domain = str_of(out, (size_t)n);
    return true;
}

static bool to_lower(struct arena *a, struct str text, struct str *domain) {
    char *out = arena_alloc(a, text.n + 1);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
    }
    *domain = str_of(out, text.n);
    return true;
}

static bool check_domain(struct arena *a, struct str text, struct str *domain, struct err *e) {
    if (text.n == 0) {
        return err_set(e, ERR_INPUT, "nothing stands behind the @");
    }
    if (text.p[0] == '[') {
        *domain = text;
        return check_literal(a, text, e);
    }
    bool ascii = email_text_is_ascii(text);
    if (!(ascii ? to_lower(a, text, domain) : to_punycode(a, text, domain, e))) {
        return false;
    }
    if (domain->n > DOMAIN_MAX) {
        return err_set(e, ERR_INPUT, "the domain is longer than %d bytes", DOMAIN_MAX);
    }
    struct str rest = *domain, label;
    while (str_split(&rest, '.', &label)) {
        if (!check_label(label, e)) {
            return false;
        }
    }
    return true;
}
