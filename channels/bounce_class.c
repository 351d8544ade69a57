/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/bounce_class.h"

#define TEXT_MOST 2000 /* bytes that are looked at */

struct status {
    int class, subject, detail; /* 0.0.0: none */
};

/* ---- words */

static char lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The phrase as whole words; any white space in the text stands for a space. */
static bool has(struct str text, struct str phrase) {
    for (size_t i = 0; i + phrase.n <= text.n; i++) {
        if (i > 0 && is_word(text.p[i - 1]) && is_word(phrase.p[0]))
            continue;
        size_t at = i, j = 0;
        while (j < phrase.n && at < text.n) {
            bool space = text.p[at] == ' ' || (text.p[at] >= '\t' && text.p[at] <= '\r');
            if (phrase.p[j] == ' ' && space) {
                while (at < text.n &&
                       (text.p[at] == ' ' || (text.p[at] >= '\t' && text.p[at] <= '\r')))
                    at++;
                j++;
            } else if (lower(text.p[at]) == phrase.p[j]) {
                at++, j++;
            } else {
                break;
            }
        }
        if (j == phrase.n && (at == text.n || !is_word(text.p[at]) || !is_word(phrase.p[j - 1])))
            return true;
    }
    return false;
}

static bool has_any(struct str text, const char *const *phrases) {
    for (; *phrases; phrases++)
        if (has(text, str_from(*phrases)))
            return true;
    return false;
}

/* What is held against the sender as such, not against one message. */
static const char *const reputation_words[] = {"spamhaus",
                                               "spamcop",
                                               "barracuda",
                                               "senderscore",
                                               "sender score",
                                               "sorbs",
                                               "uceprotect",
                                               "invaluement",
                                               "cloudmark",
                                               "proofpoint",
                                               "blacklist",
                                               "blacklisted",
                                               "black list",
                                               "blocklist",
                                               "block list",
                                               "blocklisted",
                                               "blocked list",
                                               "dnsbl",
                                               "rbl",
                                               "reputation",
                                               "blocked using",
                                               "is listed by",
                                               "is listed in",
                                               "is listed on",
                                               "is listed at",

                                               "blocked by",
                                               "unsolicited",
                                               "your ip",
                                               "sending ip",
                                               "client host",
                                               "dmarc",
                                               "dkim",
                                               "spf",
                                               "unauthenticated",
                                               "not authenticated",
                                               "rate limit",
                                               "rate limited",
                                               "temporarily deferred due to user complaints",
                                               "user complaints",
                                               "sender denied",
                                               "banned sender",
                                               "banned sending ip",
                                               "s3150",
                                               NULL};
static const char *const block_words[] = {"spam",
                                          "policy",
                                          "policies",
                                          "access denied",
                                          "not authorized",
                                          "not authorised",
                                          "content rejected",
                                          "virus",
                                          "message rejected",
                                          "sender address rejected",
                                          "sender rejected",
                                          "sender verify failed",
                                          "blocked",
                                          "relay access denied",
                                          "relaying denied",
                                          "unable to relay",
                                          "relay not permitted",
                                          NULL};
static const char *const domain_words[] = {"host not found",
                                           "domain not found",
                                           "no such domain",
                                           "name or service not known",
                                           "unrouteable address",
                                           "unroutable address",
                                           "host unknown",
                                           "unknown host",
                                           "domain does not exist",
                                           "nxdomain",
                                           "no mx record",
                                           "null mx",
                                           "does not accept mail",
                                           "no mail exchanger",
                                           "couldn't find any host named",
                                           NULL};
static const char *const hard_words[] = {"user unknown",
                                         "unknown user",
                                         "no such user",
                                         "does not exist",
                                         "doesn't exist",
                                         "doesn't have a",
                                         "unknown recipient",
                                         "recipient unknown",
                                         "recipient not found",
                                         "recipientnotfound",
                                         "mailbox unavailable",
                                         "mailbox not found",
                                         "no mailbox",
                                         "no mailbox here by that name",
                                         "invalid mailbox",
                                         "invalid recipient",
                                         "no such recipient",
                                         "no such mailbox",
                                         "unknown local part",
                                         "user not found",
                                         "account not found",
                                         "unknown address",
                                         "no such address",
                                         "address unknown",
                                         "account disabled",
                                         "mailbox disabled",
                                         "account is disabled",
                                         "account has been disabled",
                                         "mailbox is disabled",
                                         "disabled mailbox",
                                         "is inactive",
                                         "account inactive",
                                         "not a valid mailbox",
                                         "deactivated",
                                         "no longer available",
                                         "no longer valid",
                                         "no longer in use",
                                         "no longer accepts mail",
                                         "no such account",
                                         "unknown mailbox",
                                         "not our customer",
                                         "user doesn't have",
                                         "not listed in domino directory",
                                         "recipient address rejected: access denied",
                                         "couldn't be found",
                                         "wasn't found at",
                                         NULL};
static const char *const full_words[] = {"mailbox full",
                                         "mailbox is full",
                                         "mailbox too full",
                                         "quota",
                                         "over quota",
                                         "overquota",
                                         "out of storage",
                                         "exceeded storage allocation",
                                         "storage space",
                                         "inbox is full",
                                         "mailbox has exceeded",
                                         "mailfolder is full",
                                         "exceeds storage limit",
                                         NULL};
static const char *const content_words[] = {
    "too large", "message size",  "size limit",   "message too big",
    "too big",   "line too long", "exceeds size", NULL};
static const char *const rate_words[] = {"too quickly", "at a rate", "too many messages",
                                         "try again later", NULL};

/* ---- numbers in texts */

static size_t digits(struct str text, size_t at, int *out) {
    size_t n = 0;
    *out = 0;
    while (at + n < text.n && n < 3 && text.p[at + n] >= '0' && text.p[at + n] <= '9')
        *out = *out * 10 + (text.p[at + n++] - '0');
    return n;
}

/* "5.1.1" at `at`: its length, or 0. */
static size_t status_at(struct str text, size_t at, struct status *out) {
    size_t i = at, n;
    int *parts[] = {&out->class, &out->subject, &out->detail};
    for (int k = 0; k < 3; k++) {
        n = digits(text, i, parts[k]);
        if (!n || (k == 0 && n != 1))
            return 0;
        i += n;
        if (k < 2 && (i >= text.n || text.p[i++] != '.'))
            return 0;
    }
    bool more =
        i < text.n && (is_word(text.p[i]) || (text.p[i] == '.' && i + 1 < text.n &&
                                              text.p[i + 1] >= '0' && text.p[i + 1] <= '9'));
    return !more && (out->class == 2 || out->class == 4 || out->class == 5) ? i - at : 0;
}

struct str bounce_status_in(struct str text) {
    struct status s;
    text = str_sub(text, 0, TEXT_MOST);
    for (size_t i = 0; i < text.n; i++) {
        if (i > 0 && (is_word(text.p[i - 1]) || text.p[i - 1] == '.'))
            continue;
        size_t n = status_at(text, i, &s);
        if (n && s.class != 2)
            return str_sub(text, i, i + n);
    }
    return S("");
}

int bounce_code_in(struct str text) {
    int code;
    text = str_sub(text, 0, TEXT_MOST);
    for (size_t i = 0; i + 3 <= text.n; i++) {
        bool begins = i == 0 || !(is_word(text.p[i - 1]) || strchr(".-[#", text.p[i - 1]));
        if (!begins || digits(text, i, &code) != 3 || code < 400 || code > 599)
            continue;
        if (i + 3 == text.n || text.p[i + 3] == ' ' || text.p[i + 3] == '-' ||
            text.p[i + 3] == '\r' || text.p[i + 3] == '\n')
            return code;
    }
    return 0;
}

/* ---- judging */

static struct bounce_verdict verdict(enum bounce_class class) {
    return (struct bounce_verdict){class, false};
}

static struct bounce_verdict blocked(struct str text) {
    return (struct bounce_verdict){BOUNCE_BLOCK, has_any(text, reputation_words)};
}

/* There is no status that says anything. */
static struct bounce_verdict by_words(int code, struct str text) {
    if (has_any(text, reputation_words))
        return blocked(text);
    if (has_any(text, full_words))
        return verdict(BOUNCE_FULL);
    if (code && code < 500)
        return verdict(BOUNCE_SOFT);
    if (has_any(text, domain_words))
        return verdict(BOUNCE_DOMAIN);
    if (has_any(text, hard_words))
        return verdict(BOUNCE_HARD);
    if (has_any(text, content_words))
        return verdict(BOUNCE_CONTENT);
    if (has_any(text, block_words))
        return blocked(text);
    return verdict(code == 552 ? BOUNCE_FULL : BOUNCE_SOFT);
}

/* 5.1.x: the address. */
static struct bounce_verdict by_address(const struct status *s, int code, struct str text) {
    switch (s->detail) {
    case 1:
    case 3:
    case 6:
    case 10:
        return has_any(text, reputation_words) ? blocked(text) : verdict(BOUNCE_HARD);
    case 2:
        return verdict(BOUNCE_DOMAIN);
    case 7:
    case 8: /* our own address */
        return blocked(text);
    default:
        return by_words(code, text);
    }
}

static struct bounce_verdict by_mailbox(const struct status *s, int code, struct str text) {
    if (s->detail == 1 && !has_any(text, rate_words))
        return has_any(text, reputation_words) ? blocked(text) : verdict(BOUNCE_HARD);
    if (s->detail == 3)
        return verdict(BOUNCE_CONTENT);
    return s->detail ? verdict(BOUNCE_SOFT) : by_words(code, text);
}

static struct bounce_verdict by_status(const struct status *s, int code, struct str text) {
    if (s->subject == 7)
        return blocked(text);
    if (s->subject == 2 && s->detail == 2)
        return verdict(BOUNCE_FULL);
    if (s->class == 4)
        return has_any(text, reputation_words) ? blocked(text) : verdict(BOUNCE_SOFT);
    if (s->subject == 1)
        return by_address(s, code, text);
    if (s->subject == 2)
        return by_mailbox(s, code, text);
    if (s->subject == 6 || (s->subject == 3 && s->detail == 4))
        return verdict(BOUNCE_CONTENT);
    if (s->subject == 4 && s->detail == 4)
        return verdict(BOUNCE_DOMAIN);
    bool vague = s->detail == 0 || (s->subject == 4 && s->detail == 1);
    return vague ? by_words(code, text) : verdict(BOUNCE_SOFT);
}

struct bounce_verdict bounce_classify(const struct bounce_said *said) {
    struct status s = {0, 0, 0};
    struct str text = str_sub(said->text, 0, TEXT_MOST);
    struct str status = str_trim(said->status);
    int code = said->code ? said->code : bounce_code_in(text);
    if (status_at(status, 0, &s) != status.n)
        s = (struct status){0, 0, 0};
    if (s.subject == 0 && s.detail == 0) { /* 5.0.0 says less than the text may */
        struct status better;
        struct str found = bounce_status_in(text);
        if (found.n && status_at(found, 0, &better) && (better.subject || better.detail))
            s = better;
    }
    if (s.class == 2)
        return verdict(BOUNCE_NONE);
    if (s.class == 4 && !code)
        code = 400;
    return s.subject || s.detail ? by_status(&s, code, text) : by_words(code, text);
}

const char *bounce_class_name(enum bounce_class c) {
    static const char *const names[] = {
        [BOUNCE_NONE] = NULL,        [BOUNCE_HARD] = "hard", [BOUNCE_DOMAIN] = "domain",
        [BOUNCE_FULL] = "full",      [BOUNCE_SOFT] = "soft", [BOUNCE_BLOCK] = "block",
        [BOUNCE_CONTENT] = "content"};
    return names[c];
}
