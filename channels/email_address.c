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

/* An address taken apart; the domain is ASCII and in lower case. */
struct parts {
    struct str local;
    char domain[DOMAIN_MAX + 2];
    size_t domain_n;
};

static const char *characters_problem(struct str text);
static const char *local_problem(struct str local);
static const char *read_domain(struct str text, struct parts *out);

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

/* NULL, or what is wrong: it continues a sentence that begins with the address. */
static const char *take_apart(struct str text, struct parts *out) {
    if (text.n == 0) {
        return "is empty";
    }
    if (text.n > 4 * ADDRESS_MAX) {
        return "is longer than 254 bytes";
    }
    ptrdiff_t at = find_at(text);
    const char *problem = characters_problem(text);
    if (!problem && at < 0) {
        problem = "has no @";
    }
    if (!problem) {
        out->local = str_sub(text, 0, (size_t)at);
        problem = local_problem(out->local);
    }
    if (!problem) {
        problem = read_domain(str_sub(text, (size_t)at + 1, text.n), out);
    }
    if (!problem && out->local.n + 1 + out->domain_n > ADDRESS_MAX) {
        problem = "is longer than 254 bytes";
    }
    return problem;
}

const char *email_address_problem(struct str text) {
    struct parts parts;
    return take_apart(text, &parts);
}

bool email_address_parse(struct arena *a, struct str text, struct email_address *out,
                         struct err *e) {
    struct parts parts;
    const char *problem = take_apart(text, &parts);
    *out = (struct email_address){0};
    if (problem && !characters_problem(text)) {
        return err_set(e, ERR_INPUT, "`%.*s` is no email address: it %s",
                       STR_FMT(str_sub(text, 0, ADDRESS_MAX)), problem);
    }
    if (problem) { /* not to be shown */
        return err_set(e, ERR_INPUT, "the address %s", problem);
    }
    out->wire = str_printf(a, "%.*s@%.*s", STR_FMT(parts.local), (int)parts.domain_n, parts.domain);
    out->local = str_sub(out->wire, 0, parts.local.n);
    out->domain = str_sub(out->wire, parts.local.n + 1, out->wire.n);
    out->utf8 = !email_text_is_ascii(out->local);
    return true;
}

static const char *characters_problem(struct str text) {
    if (!email_text_is_utf8(text)) {
        return "is not valid UTF-8";
    }
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        unsigned char d = i + 1 < text.n ? (unsigned char)text.p[i + 1] : 0;
        if (c == '\r' || c == '\n') {
            return "has a line break in it";
        }
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && d < 0xa0)) {
            return "has a control character in it";
        }
    }
    return NULL;
}

/* ---- local part */

static bool is_atext(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c >= 0x80 || (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static const char *quoted_problem(struct str local) {
    size_t end = local.n - 1; /* where the closing quote must be */
    size_t i = 1;
    while (i < end && local.p[i] != '"') {
        i += local.p[i] == '\\' ? 2 : 1;
    }
    bool good = local.n >= 3 && i == end && local.p[end] == '"';
    return good ? NULL
                : "has quotes before the @ that are empty, not closed, or hold a quotation mark "
                  "that is not written \\\"";
}

static const char *local_problem(struct str local) {
    if (local.n == 0) {
        return "has nothing before the @";
    }
    if (local.n > LOCAL_MAX) {
        return "has a part before the @ that is longer than 64 bytes";
    }
    if (local.p[0] == '"') {
        return quoted_problem(local);
    }
    char before = '.';
    for (size_t i = 0; i < local.n; i++) {
        if (local.p[i] == '.' && before == '.') {
            return "has a dot at the start of the part before the @, or two in a row";
        }
        if (local.p[i] != '.' && !is_atext((unsigned char)local.p[i])) {
            return "has a character before the @ that is not allowed there";
        }
        before = local.p[i];
    }
    return before == '.' ? "has a dot right before the @" : NULL;
}

/* ---- domain */

static const char *literal_problem(struct str text) {
    char inside[80];
    unsigned char address[16];
    struct str s = str_sub(text, 1, text.n - 1);
    bool six = str_eq_nocase(str_sub(s, 0, 5), S("IPv6:"));
    if (six) {
        s = str_sub(s, 5, s.n);
    }
    bool good = text.n > 2 && text.p[text.n - 1] == ']' && s.n < sizeof inside;
    if (good) {
        memcpy(inside, s.p, s.n);
        inside[s.n] = '\0';
        good = inet_pton(six ? AF_INET6 : AF_INET, inside, address) == 1;
    }
    return good ? NULL
                : "has an address literal behind the @ that is not [192.0.2.1] or "
                  "[IPv6:2001:db8::1]";
}

static const char *label_problem(struct str label) {
    if (label.n == 0) {
        return "has an empty label in its domain";
    }
    if (label.n > LABEL_MAX) {
        return "has a label in its domain that is longer than 63 bytes";
    }
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (c == '-' && (i == 0 || i + 1 == label.n)) {
            return "has a hyphen at one of the ends of a label of its domain";
        }
        if (c != '-' && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
            return "has a character in the domain that is not allowed there";
        }
    }
    return NULL;
}

/* IDN to ASCII; never with a label that ICU finds fault with. */
static const char *to_punycode(struct str text, struct parts *out) {
    static const char bad[] = "has a domain that is no valid internationalised name";
    UErrorCode rc = U_ZERO_ERROR;
    UIDNA *idna = uidna_openUTS46(
        UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ, &rc);
    if (U_FAILURE(rc)) {
        return bad;
    }
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    int32_t n = uidna_nameToASCII_UTF8(idna, text.p, (int32_t)text.n, out->domain, DOMAIN_MAX + 1,
                                       &info, &rc);
    uidna_close(idna);
    if (U_FAILURE(rc) || info.errors != 0 || n <= 0 || n > DOMAIN_MAX) {
        return bad;
    }
    out->domain_n = (size_t)n;
    return NULL;
}

static void to_lower(struct str text, struct parts *out) {
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        out->domain[i] = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
    }
    out->domain_n = text.n;
}

static const char *read_domain(struct str text, struct parts *out) {
    bool ascii = email_text_is_ascii(text);
    const char *problem = NULL;
    if (text.n == 0) {
        return "has nothing behind the @";
    }
    if (ascii && text.n > DOMAIN_MAX) {
        return "has a domain that is longer than 253 bytes";
    }
    if (text.p[0] == '[') {
        problem = literal_problem(text);
        if (!problem) {
            memcpy(out->domain, text.p, text.n);
            out->domain_n = text.n;
        }
        return problem;
    }
    if (ascii) {
        to_lower(text, out);
    } else {
        problem = to_punycode(text, out);
    }
    struct str rest = str_of(out->domain, problem ? 0 : out->domain_n), label;
    while (!problem && str_split(&rest, '.', &label)) {
        problem = label_problem(label);
    }
    return problem;
}
