/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/email_bounce_text.h"

#include "base/arena.h"
#include "channels/email_parts.h"

#define SAID_MOST 1000
#define HEAD_MOST 20000

static bool has(struct str text, const char *phrase) {
    size_t n = strlen(phrase);
    for (size_t i = 0; i + n <= text.n; i++)
        if (str_eq_nocase(str_sub(text, i, i + n), str_of(phrase, n)))
            return true;
    return false;
}

static bool has_any(struct str text, const char *const *phrases) {
    for (; *phrases; phrases++)
        if (has(text, *phrases))
            return true;
    return false;
}

static bool starts(struct str line, const char *prefix) {
    return str_eq_nocase(str_sub(line, 0, strlen(prefix)), str_from(prefix));
}

static bool next_line(struct str *rest, struct str *line) {
    return rest->n && str_split(rest, '\n', line);
}

/* ---- non-delivery */

static const char *const failed_words[] = {"could not be delivered",
                                           "couldn't be delivered",
                                           "wasn't able to deliver",
                                           "unable to deliver",
                                           "undeliverable",
                                           "delivery failed",
                                           "delivery has failed",
                                           "delivery to the following",
                                           "returned to sender",
                                           "permanent error",
                                           "permanent fatal errors",
                                           "failure notice",
                                           "was not delivered",
                                           "not been delivered",
                                           "could not deliver",
                                           "mail delivery failed",
                                           "delivery failure",
                                           "returned mail",
                                           "unzustellbar",
                                           "non remis",
                                           "no se pudo entregar",
                                           "delivery status notification (failure)",
                                           NULL};
static const char *const delayed_words[] = {"will be retried",
                                            "still trying",
                                            "will continue to try",
                                            "has not yet been delivered",
                                            "will keep trying",
                                            "delivery delayed",
                                            "warning: message",
                                            "do not need to resend",
                                            NULL};

/* Lines at which the mail that comes back begins. */
static bool begins_copy(struct str line) {
    static const char *const marks[] = {"--- Below this line is a copy",
                                        "------ This is a copy",
                                        "----- Original message",
                                        "--- The transcript of the",
                                        "--- Original message",
                                        "----- Message header follows",
                                        "---- Unsent message follows",
                                        "----- Unsent message",
                                        "Return-Path:",
                                        "Received:",
                                        "Message headers follow",
                                        "--- Undelivered message follows",
                                        "Message header:",
                                        NULL};
    for (const char *const *m = marks; *m; m++)
        if (starts(line, *m))
            return true;
    return false;
}

/* "<a@b>:", "  a@b", "a@b:": the address, or an empty text. */
static struct str address_of(struct str line) {
    line = str_trim(line);
    size_t from = line.n && line.p[0] == '<', at = 0, end = from;
    while (end < line.n && !strchr(" \t<>,;:\"()", line.p[end])) {
        if (line.p[end] == '@')
            at = end;
        end++;
    }
    struct str rest = str_trim(str_sub(line, end, line.n));
    bool good = at > from && end > at + 1 && end - from <= 320 &&
                (!rest.n || rest.p[0] == '>' || rest.p[0] == ':' || rest.p[0] == '(');
    return good ? str_sub(line, from, end) : S("");
}

static void take_said(struct arena *a, struct str head, struct email_bounce_text *out) {
    struct str line;
    while (next_line(&head, &line)) {
        struct str address = address_of(line);
        if (!address.n)
            continue;
        struct str trimmed = str_trim(line);
        ptrdiff_t colon = str_find(trimmed, S(":"));
        struct buf said = BUF_IN(a);
        out->recipient = email_clean(a, address, 320, false);
        if (colon >= 0)
            buf_add_str(&said, str_sub(trimmed, (size_t)colon + 1, trimmed.n));
        buf_add_char(&said, ' ');
        buf_add_str(&said, head);
        out->said = email_clean(a, buf_str(&said), SAID_MOST, false);
        return;
    }
    out->said = email_clean(a, head, SAID_MOST, false);
}

void email_bounce_text_read(struct arena *a, struct str text, struct email_bounce_text *out) {
    struct str rest = text, line;
    size_t end = text.n;
    *out = (struct email_bounce_text){.recipient = S(""), .said = S(""), .returned = S("")};
    while (next_line(&rest, &line)) {
        if (!begins_copy(line))
            continue;
        end = (size_t)(line.p - text.p);
        out->returned = str_sub(text, end, text.n);
        break;
    }
    struct str head = str_sub(text, 0, end < HEAD_MOST ? end : HEAD_MOST);
    out->failed = has_any(head, failed_words);
    out->delayed = has_any(head, delayed_words);
    take_said(a, head, out);
}

/* ---- replies */

/* What stands above a quoted mail in the programs that do not mark its lines. */
static bool begins_quote(struct str line) {
    static const char *const marks[] = {"-----Original Message-----",
                                        "----- Original Message -----",
                                        "-----Ursprüngliche Nachricht-----",
                                        "-----原始邮件-----",
                                        "-------- Original Message --------",
                                        "________________________________",
                                        NULL};
    for (const char *const *m = marks; *m; m++)
        if (starts(line, *m))
            return true;
    return false;
}

/* "On Tue, 3 Mar 2026 Acme wrote:", in any language: a line that ends with a colon and
 * holds an address or a digit, right above what is quoted. */
static bool introduces(struct str line) {
    bool digit = false;
    for (size_t i = 0; i < line.n; i++)
        digit = digit || (line.p[i] >= '0' && line.p[i] <= '9') || line.p[i] == '@';
    return digit && (str_ends(line, S(":")) || str_ends(line, S("：")));
}

struct str email_bounce_text_reply(struct arena *a, struct str text) {
    struct buf out = BUF_IN(a);
    struct str rest = text, line;
    size_t line_at = 0, before_at = 0; /* where the last lines that are not empty begin */
    while (next_line(&rest, &line)) {
        struct str words = str_trim(line);
        if (begins_quote(words))
            break;
        if (words.n && words.p[0] == '>') {
            struct str last = str_trim(str_sub(buf_str(&out), line_at, out.n));
            struct str two = str_trim(str_sub(buf_str(&out), before_at, out.n));
            bool folded = starts(two, "On ") || starts(two, "Am ") || starts(two, "Le ");
            if (folded && introduces(two)) /* "On ...\nAcme <a@b> wrote:" */
                out.n = before_at;
            else if (introduces(last))
                out.n = line_at;
            line_at = before_at = out.n;
            continue;
        }
        if (words.n) {
            before_at = line_at;
            line_at = out.n;
        }
        buf_add_str(&out, line);
        buf_add_char(&out, '\n');
    }
    return str_trim(out.n ? buf_str(&out) : S(""));
}

/* ---- HTML */

static const struct {
    const char *name;
    const char *text;
} entities[] = {{"&nbsp;", " "}, {"&amp;", "&"},   {"&lt;", "<"},
                {"&gt;", ">"},   {"&quot;", "\""}, {"&#39;", "'"}};

static bool breaks(struct str tag) {
    static const char *const names[] = {"br", "/p", "/div", "/tr", "/li", "/h", NULL};
    for (const char *const *n = names; *n; n++)
        if (starts(tag, *n))
            return true;
    return false;
}

struct str email_bounce_text_of_html(struct arena *a, struct str html) {
    struct buf out = BUF_IN(a);
    bool hidden = false;
    for (size_t i = 0; i < html.n; i++) {
        if (html.p[i] == '<') {
            ptrdiff_t end = str_find(str_sub(html, i, html.n), S(">"));
            struct str tag = str_sub(html, i + 1, end < 0 ? html.n : i + (size_t)end);
            if (starts(tag, "blockquote") || has(str_sub(tag, 0, 60), "gmail_quote"))
                break; /* what is quoted */
            hidden = starts(tag, "style") || starts(tag, "script") || starts(tag, "title") ||
                     (hidden && tag.n && tag.p[0] != '/');
            if (breaks(tag))
                buf_add_char(&out, '\n');
            i += tag.n + 1;
            continue;
        }
        size_t e = 0, kinds = sizeof entities / sizeof *entities;
        while (e < kinds && !starts(str_sub(html, i, html.n), entities[e].name))
            e++;
        if (hidden)
            continue;
        if (e < kinds) {
            buf_add_str(&out, str_from(entities[e].text));
            i += strlen(entities[e].name) - 1;
        } else {
            buf_add_char(&out, html.p[i]);
        }
    }
    return out.n ? str_trim(buf_str(&out)) : S("");
}

/* ---- out of office */

bool email_bounce_text_away(struct str subject) {
    static const char *const words[] = {"out of office",
                                        "out of the office",
                                        "automatic reply",
                                        "auto-reply",
                                        "autoreply",
                                        "auto reply",
                                        "autoresponse",
                                        "automatische antwort",
                                        "abwesenheit",
                                        "réponse automatique",
                                        "absence du bureau",
                                        "respuesta automática",
                                        "fuera de la oficina",
                                        "risposta automatica",
                                        "resposta automática",
                                        "自動回覆",
                                        "自动回复",
                                        "自動返信",
                                        "自動応答",
                                        "자동 회신",
                                        "automatisch antwoord",
                                        "autosvar",
                                        "on vacation",
                                        NULL};
    return has_any(subject, words);
}
