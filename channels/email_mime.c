/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/email_mime.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/wallclock.h"
#include "channels/email_text.h"

#include <stdio.h>

#define HEADERS_MAX 50
#define HEADER_NAME_MAX 70
#define HEADER_VALUE_MAX 8000
#define TOKEN_LINE_MAX 990
#define FILE_NAME_MAX 200
#define FILES_MAX 20
#define FILES_BYTES_MAX (10 * 1024 * 1024)

static struct str text_of(struct channel_text t) {
    return str_of(t.p, t.n);
}

/* ---- checks */

/* Nothing from data may end a header line. */
static bool check_header_text(struct str value, const char *what, struct err *e) {
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\r' || c == '\n' || c == '\0') {
            return err_set(e, ERR_INPUT, "the %s contains a %s: it could add headers of its own",
                           what, c ? "line break" : "NUL byte");
        }
    }
    if (value.n > HEADER_VALUE_MAX) {
        return err_set(e, ERR_INPUT, "the %s is longer than %d bytes", what, HEADER_VALUE_MAX);
    }
    if (!email_text_is_utf8(value)) {
        return err_set(e, ERR_INPUT, "the %s is not valid UTF-8", what);
    }
    return true;
}

static bool check_message_id(struct str id, struct err *e) {
    bool good = id.n >= 5 && id.n <= 250 && id.p[0] == '<' && id.p[id.n - 1] == '>' &&
                str_find(id, S("@")) > 1;
    for (size_t i = 0; good && i < id.n; i++) {
        unsigned char c = (unsigned char)id.p[i];
        good = c > 0x20 && c < 0x7f && ((c != '<' && c != '>') || i == 0 || i == id.n - 1);
    }
    return good || err_set(e, ERR_INPUT, "`%.*s` is no Message-ID; it must be <unique@domain>",
                           STR_FMT(id));
}

/* Headers that are written here, by the relay, or that show what must stay hidden. */
static bool is_reserved(struct str name) {
    static const char *const reserved[] = {"from",
                                           "to",
                                           "cc",
                                           "bcc",
                                           "sender",
                                           "subject",
                                           "date",
                                           "message-id",
                                           "reply-to",
                                           "mime-version",
                                           "received",
                                           "return-path",
                                           "original-recipient"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (str_eq_nocase(name, str_from(reserved[i]))) {
            return true;
        }
    }
    return str_eq_nocase(str_sub(name, 0, 8), S("content-")) ||
           str_eq_nocase(str_sub(name, 0, 7), S("resent-"));
}

static bool check_header(struct str name, struct str value, struct err *e) {
    bool good = name.n > 0 && name.n <= HEADER_NAME_MAX;
    for (size_t i = 0; good && i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        good = c > 0x20 && c < 0x7f && c != ':';
    }
    if (!good) {
        return err_set(e, ERR_INPUT,
                       "a header's name must be 1 to %d printable ASCII characters "
                       "without space or colon",
                       HEADER_NAME_MAX);
    }
    if (is_reserved(name)) {
        return err_set(e, ERR_INPUT, "the header %.*s cannot be set: Godwit writes it itself",
                       STR_FMT(name));
    }
    char what[HEADER_NAME_MAX + 10];
    snprintf(what, sizeof what, "header %.*s", STR_FMT(name));
    if (!check_header_text(value, what, e)) {
        return false;
    }
    if (str_eq_nocase(str_sub(name, 0, 5), S("list-")) &&
        (!email_text_is_ascii(value) || value.n > TOKEN_LINE_MAX - name.n)) {
        return err_set(e, ERR_INPUT,
                       "the %s must be ASCII and shorter than %d bytes: it is made of URLs", what,
                       TOKEN_LINE_MAX);
    }
    return true;
}

/* ---- headers */

static bool add_subject(struct buf *out, struct str subject, struct err *e) {
    subject = str_trim(subject);
    if (!check_header_text(subject, "subject", e)) {
        return false;
    }
    email_text_header(out, S("Subject"), subject);
    return true;
}

static bool add_mailbox(struct arena *a, struct buf *out, const char *name, const char *what,
                        struct str phrase, struct str address, struct err *e) {
    struct email_address parsed;
    if (!check_header_text(phrase, what, e)) {
        return false;
    }
    if (!email_address_parse(a, address, &parsed, e)) {
        return err_context(e, "%s", name);
    }
    email_text_mailbox(out, str_from(name), phrase, parsed.wire);
    return true;
}

static void add_date(struct buf *out, int64_t us) {
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil c;
    wallclock_utc(us / WALLCLOCK_US_PER_S - (us % WALLCLOCK_US_PER_S < 0), &c);
    buf_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[c.weekday], c.day,
               months[c.month - 1], (int)c.year, c.hour, c.minute, c.second);
}

static bool add_further(struct buf *out, const struct channel_message *m, struct err *e) {
    if (m->header_count > HEADERS_MAX) {
        return err_set(e, ERR_INPUT, "a mail can have at most %d further headers", HEADERS_MAX);
    }
    for (size_t i = 0; i < m->header_count; i++) {
        struct str name = text_of(m->headers[i].name);
        struct str value = str_trim(text_of(m->headers[i].value));
        if (!check_header(name, value, e)) {
            return false;
        }
        email_text_header(out, name, value);
    }
    return true;
}

static bool add_headers(struct arena *a, struct buf *out, const struct channel_message *m,
                        struct err *e) {
    struct str id = text_of(m->message_id);
    if (!add_mailbox(a, out, "From", "sender's name", text_of(m->from_name),
                     text_of(m->from_address), e) ||
        !add_mailbox(a, out, "To", "recipient's name", text_of(m->to_name), text_of(m->to), e)) {
        return false;
    }
    if (m->reply_to.n > 0 &&
        !add_mailbox(a, out, "Reply-To", "name to reply to", STR_NONE, text_of(m->reply_to), e)) {
        return false;
    }
    if (!add_subject(out, text_of(m->subject), e) || !check_message_id(id, e)) {
        return false;
    }
    add_date(out, m->date_us);
    buf_printf(out, "Message-ID: %.*s\r\n", STR_FMT(id));
    return add_further(out, m, e);
}

/* ---- body */

/* Line ends of any kind become CRLF; the text ends with one. */
static struct str with_crlf(struct arena *a, struct str s) {
    struct buf out = BUF_IN(a);
    buf_reserve(&out, s.n + s.n / 16 + 64);
    size_t i = 0;
    while (i < s.n) {
        const char *lf = memchr(s.p + i, '\n', s.n - i);
        size_t end = lf ? (size_t)(lf - s.p) : s.n;
        const char *cr = memchr(s.p + i, '\r', end - i);
        size_t stop = cr ? (size_t)(cr - s.p) : end;
        buf_add(&out, s.p + i, stop - i);
        buf_add_str(&out, S("\r\n"));
        i = stop + 1 + (cr && stop + 1 == end && lf);
    }
    if (s.n == 0) {
        buf_add_str(&out, S("\r\n"));
    }
    return buf_str(&out);
}

static bool add_part(struct arena *a, struct buf *out, const char *type, struct str text,
                     struct err *e) {
    if (!email_text_is_utf8(text)) {
        return err_set(e, ERR_INPUT, "the %s part is not valid UTF-8", type);
    }
    struct str body = with_crlf(a, text);
    enum email_encoding encoding = email_text_choose(body);
    buf_printf(out, "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n",
               type, email_text_encoding_name(encoding));
    email_text_body(out, body, encoding);
    return true;
}

/* From the Message-ID alone. No part can hold it: "=_" is in none of the encodings. */
static void make_boundary(struct str id, const char *kind, char *out, size_t cap) {
    char hex[DIGEST_HEX_CHARS + 1];
    digest_sha256_hex(id, hex);
    snprintf(out, cap, "=_godwit_%s%.32s", kind, hex);
}

/* One part with its headers, or both as alternatives. */
static bool add_content(struct arena *a, struct buf *out, const struct channel_message *m,
                        struct err *e) {
    struct str text = text_of(m->text), html = text_of(m->html);
    char boundary[64];
    if (text.n == 0 || html.n == 0) {
        return text.n > 0 ? add_part(a, out, "plain", text, e) : add_part(a, out, "html", html, e);
    }
    make_boundary(text_of(m->message_id), "", boundary, sizeof boundary);
    buf_printf(out, "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n--%s\r\n",
               boundary, boundary);
    if (!add_part(a, out, "plain", text, e)) {
        return false;
    }
    buf_printf(out, "\r\n--%s\r\n", boundary);
    if (!add_part(a, out, "html", html, e)) {
        return false;
    }
    buf_printf(out, "\r\n--%s--\r\n", boundary);
    return true;
}

/* ---- attachments */

static bool is_token(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c >= 0x7f || strchr("()<>@,;:\\\"/[]?=", c)) {
            return false;
        }
    }
    return s.n > 0 && s.n <= 100;
}

static bool check_file(const struct channel_attachment *f, struct err *e) {
    struct str name = text_of(f->name), rest = text_of(f->type), type, top;
    if (!check_header_text(name, "name of an attachment", e)) {
        return false;
    }
    if (name.n == 0 || name.n > FILE_NAME_MAX || memchr(name.p, '/', name.n)) {
        return err_set(e, ERR_INPUT,
                       "the name of an attachment must be 1 to %d bytes without a slash",
                       FILE_NAME_MAX);
    }
    bool good = check_header_text(rest, "type of an attachment", e) && email_text_is_ascii(rest) &&
                rest.n <= 200 && str_split(&rest, ';', &type) && str_split(&type, '/', &top) &&
                is_token(top) && is_token(type);
    if (!good) {
        return err_set(e, ERR_INPUT, "the attachment `%.*s` has no type such as application/pdf",
                       STR_FMT(name));
    }
    return true;
}

/* filename="plain.pdf", or by RFC 2231 in pieces: filename*0*=utf-8''%E5%9E%8B; */
static void add_file_name(struct buf *out, struct str name) {
    bool plain = name.n <= 60;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        plain = plain && c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
    }
    if (plain) {
        buf_printf(out, ";\r\n filename=\"%.*s\"", STR_FMT(name));
        return;
    }
    for (size_t i = 0, piece = 0; i < name.n; piece++) {
        size_t line = out->n;
        buf_printf(out, ";\r\n filename*%zu*=%s", piece, piece == 0 ? "utf-8''" : "");
        while (i < name.n && out->n - line < 70) {
            unsigned char c = (unsigned char)name.p[i++];
            bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
            buf_printf(out, safe ? "%c" : "%%%02X", c);
        }
    }
}

static bool add_files(struct buf *out, const struct channel_message *m, const char *boundary,
                      struct err *e) {
    size_t bytes = 0;
    for (size_t i = 0; i < m->attachment_count; i++) {
        const struct channel_attachment *f = &m->attachments[i];
        bytes += f->data.n;
        if (i >= FILES_MAX || bytes > FILES_BYTES_MAX) {
            return err_set(e, ERR_INPUT,
                           "a mail can have %d attachments of %d MiB together at most", FILES_MAX,
                           FILES_BYTES_MAX >> 20);
        }
        if (!check_file(f, e)) {
            return false;
        }
        buf_printf(out, "\r\n--%s\r\nContent-Type: %.*s\r\nContent-Transfer-Encoding: base64\r\n",
                   boundary, STR_FMT(text_of(f->type)));
        buf_add_str(out, S("Content-Disposition: attachment"));
        add_file_name(out, text_of(f->name));
        buf_add_str(out, S("\r\n\r\n"));
        email_text_body(out, text_of(f->data), EMAIL_BASE64);
    }
    buf_printf(out, "\r\n--%s--\r\n", boundary);
    return true;
}

static bool add_body(struct arena *a, struct buf *out, const struct channel_message *m,
                     struct err *e) {
    if (m->text.n == 0 && m->html.n == 0) {
        return err_set(e, ERR_INPUT, "the mail has neither a text nor an HTML part");
    }
    buf_add_str(out, S("MIME-Version: 1.0\r\n"));
    if (m->attachment_count == 0) {
        return add_content(a, out, m, e);
    }
    char boundary[64];
    make_boundary(text_of(m->message_id), "mixed_", boundary, sizeof boundary);
    buf_printf(out, "Content-Type: multipart/mixed;\r\n boundary=\"%s\"\r\n\r\n--%s\r\n", boundary,
               boundary);
    return add_content(a, out, m, e) && add_files(out, m, boundary, e);
}

bool email_mime_compose(struct arena *a, const struct channel_message *m, struct email_mail *out,
                        struct err *e) {
    *out = (struct email_mail){0};
    if (!email_address_parse(a, text_of(m->to), &out->to, e)) {
        out->bad_address = true;
        return false;
    }
    /* the one place where the envelope's sender is set */
    struct str from = text_of(m->envelope_from.n > 0 ? m->envelope_from : m->from_address);
    if (!email_address_parse(a, from, &out->from, e)) {
        return err_context(e, "the sender of the envelope");
    }
    struct buf data = BUF_IN(a);
    size_t files = 0;
    for (size_t i = 0; i < m->attachment_count && files <= FILES_BYTES_MAX; i++) {
        files += m->attachments[i].data.n;
    }
    buf_reserve(&data, 1024 + (m->text.n + m->html.n) * 5 / 4 +
                           (files <= FILES_BYTES_MAX ? files * 7 / 5 : 0));
    if (!add_headers(a, &data, m, e) || !add_body(a, &data, m, e)) {
        return false;
    }
    out->data = buf_str(&data);
    return true;
}
