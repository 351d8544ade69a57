/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/email_text.h"

#include <assert.h>

#define LINE_MAX_HEADER 76
#define LINE_MAX_BODY 76
#define WORD_MAX 75   /* an encoded word, RFC 2047 section 2 */
#define WORD_FRAME 12 /* =?utf-8?B??= */
#define LINE_LIMIT 998

static const char hex_digits[] = "0123456789ABCDEF";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Bytes of the character at p, or 0 when it is malformed. */
static size_t utf8_length(const unsigned char *p, size_t n) {
    unsigned char c = p[0];
    if (c < 0x80) {
        return 1;
    }
    size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || len > n) {
        return 0;
    }
    unsigned char least = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char most = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < least || p[1] > most) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

/* How many bytes at p are ASCII, in steps of eight: most text is. */
static size_t ascii_head(const char *p, size_t n) {
    size_t i = 0;
    uint64_t eight;
    while (i + sizeof eight <= n) {
        memcpy(&eight, p + i, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080)) {
            break;
        }
        i += sizeof eight;
    }
    return i;
}

bool email_text_is_utf8(struct str s) {
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n;) {
        i += ascii_head(s.p + i, s.n - i);
        if (i == s.n) {
            break;
        }
        size_t len = utf8_length(p + i, s.n - i);
        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}

bool email_text_is_ascii(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* ---- base64 */

static void add_base64(struct buf *out, struct str s) {
    const unsigned char *p = (const unsigned char *)s.p;
    char *to = buf_reserve(out, (s.n + 2) / 3 * 4);
    char *start = to;
    size_t i = 0;
    for (; i + 2 < s.n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
        *to++ = base64_digits[v >> 18];
        *to++ = base64_digits[v >> 12 & 63];
        *to++ = base64_digits[v >> 6 & 63];
        *to++ = base64_digits[v & 63];
    }
    if (i < s.n) {
        bool two = i + 1 < s.n;
        uint32_t v = (uint32_t)p[i] << 16 | (two ? (uint32_t)p[i + 1] << 8 : 0);
        *to++ = base64_digits[v >> 18];
        *to++ = base64_digits[v >> 12 & 63];
        *to++ = two ? base64_digits[v >> 6 & 63] : '=';
        *to++ = '=';
    }
    out->n += (size_t)(to - start);
}

/* ---- headers */

/* The longest head of s, cut at a character, of which the B encoding fits `room`. */
static struct str word_head(struct str s, size_t room) {
    size_t most = room / 4 * 3;
    size_t n = 0;
    while (n < s.n) {
        size_t len = utf8_length((const unsigned char *)s.p + n, s.n - n);
        assert(len > 0); /* the caller checked */
        if (n + len > most) {
            break;
        }
        n += len;
    }
    return str_sub(s, 0, n);
}

/* Encoded words for s; `column` is where the line stands. Returns the new column. */
static size_t add_words(struct buf *out, struct str s, size_t column) {
    while (s.n > 0) {
        size_t room = column + WORD_FRAME + 8 < LINE_MAX_HEADER ? LINE_MAX_HEADER - column : 0;
        room = room > WORD_MAX ? WORD_MAX : room;
        struct str head = room > WORD_FRAME ? word_head(s, room - WORD_FRAME) : STR_NONE;
        if (head.n == 0) {
            buf_add_str(out, S("\r\n "));
            column = 1;
            continue;
        }
        size_t before = out->n;
        buf_add_str(out, S("=?utf-8?B?"));
        add_base64(out, head);
        buf_add_str(out, S("?="));
        column += out->n - before;
        s = str_sub(s, head.n, s.n);
        if (s.n > 0) {
            buf_add_str(out, S("\r\n "));
            column = 1;
        }
    }
    return column;
}

/* Printable ASCII with no word or gap too long for a line and nothing that looks encoded. */
static bool is_plain(struct str s) {
    size_t run = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        run = i > 0 && (c == ' ') == (s.p[i - 1] == ' ') ? run + 1 : 1;
        if (c < 0x20 || c > 0x7e || run > (c == ' ' ? 40 : LINE_LIMIT - 150)) {
            return false;
        }
    }
    return str_find(s, S("=?")) < 0;
}

/* Folds in front of a space when the next word would pass the line; runs of spaces
 * stay together with the word behind them, so unfolding gives the same text. */
static size_t add_folded(struct buf *out, struct str s, size_t column) {
    size_t i = 0;
    while (i < s.n) {
        size_t end = i;
        while (end < s.n && s.p[end] == ' ') {
            end++;
        }
        bool spaces = end > i && i > 0;
        while (end < s.n && s.p[end] != ' ') {
            end++;
        }
        bool blank = str_trim(str_sub(s, i, end)).n == 0;
        if (spaces && !blank && column + (end - i) > LINE_MAX_HEADER) {
            buf_add_str(out, S("\r\n"));
            column = 0;
        }
        buf_add(out, s.p + i, end - i);
        column += end - i;
        i = end;
    }
    return column;
}

static size_t add_name(struct buf *out, struct str name) {
    buf_add_str(out, name);
    buf_add_str(out, S(": "));
    return name.n + 2;
}

void email_text_header(struct buf *out, struct str name, struct str text) {
    size_t column = add_name(out, name);
    if (is_plain(text)) {
        add_folded(out, text, column);
    } else {
        add_words(out, text, column);
    }
    buf_add_str(out, S("\r\n"));
}

static bool is_atoms(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr(" !#$%&'*+-/=?^_`{|}~", c)) {
            return false;
        }
    }
    return str_find(s, S("  ")) < 0; /* a reader may make one space of two */
}

static size_t add_phrase(struct buf *out, struct str s, size_t column) {
    bool plain = is_plain(s) && s.n <= 60;
    if (!plain) {
        return add_words(out, s, column);
    }
    if (is_atoms(s)) {
        buf_add_str(out, s);
        return column + s.n;
    }
    size_t before = out->n;
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') {
            buf_add_char(out, '\\');
        }
        buf_add_char(out, s.p[i]);
    }
    buf_add_char(out, '"');
    return column + out->n - before;
}

void email_text_mailbox(struct buf *out, struct str name, struct str phrase, struct str address) {
    size_t column = add_name(out, name);
    phrase = str_trim(phrase);
    if (phrase.n == 0) {
        buf_add_str(out, address);
    } else {
        column = add_phrase(out, phrase, column);
        bool fits = column + address.n + 3 <= LINE_MAX_HEADER;
        buf_add_str(out, fits ? S(" <") : S("\r\n <"));
        buf_add_str(out, address);
        buf_add_char(out, '>');
    }
    buf_add_str(out, S("\r\n"));
}

/* ---- bodies */

static bool at_line_end(struct str s, size_t i) {
    return i >= s.n || (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n');
}

/* Must byte i be written as =XX? */
static bool must_quote(struct str s, size_t i) {
    unsigned char c = (unsigned char)s.p[i];
    if (c == ' ' || c == '\t') {
        return at_line_end(s, i + 1);
    }
    return c < 0x21 || c > 0x7e || c == '=';
}

struct census {
    size_t quoted; /* bytes that quoted-printable must encode, but for = */
    size_t equals;
    size_t longest; /* line */
    bool from;      /* a line begins with "From ": mail stores put a > before it */
};

/* One line, without its end. */
static void take_line(struct census *c, struct str line) {
    for (size_t i = 0; i < line.n; i++) {
        unsigned char b = (unsigned char)line.p[i];
        c->equals += b == '=';
        c->quoted += (b < 0x20) | (b > 0x7e);
    }
    if (line.n > 0) {
        char last = line.p[line.n - 1];
        c->quoted += last == ' ' || last == '\t';
        c->from = c->from || str_starts(line, S("From "));
    }
    c->longest = line.n > c->longest ? line.n : c->longest;
}

enum email_encoding email_text_choose(struct str text) {
    struct census c = {0};
    for (size_t i = 0; i < text.n;) {
        const char *end = memchr(text.p + i, '\n', text.n - i);
        size_t next = end ? (size_t)(end - text.p) + 1 : text.n;
        bool crlf = end && next >= i + 2 && end[-1] == '\r';
        take_line(&c, str_sub(text, i, crlf ? next - 2 : next));
        i = next;
    }
    /* "=_" is kept out of every part: boundaries begin with it */
    if (c.quoted == 0 && !c.from && c.longest <= LINE_MAX_BODY &&
        (c.equals == 0 || str_find(text, S("=_")) < 0)) {
        return EMAIL_7BIT;
    }
    size_t qp = text.n + (c.quoted + c.equals) * 2;
    qp += qp / (LINE_MAX_BODY - 3) * 3;
    size_t base64 = (text.n + 2) / 3 * 4;
    base64 += base64 / LINE_MAX_BODY * 2;
    return qp <= base64 ? EMAIL_QUOTED_PRINTABLE : EMAIL_BASE64;
}

const char *email_text_encoding_name(enum email_encoding encoding) {
    static const char *const names[] = {"7bit", "quoted-printable", "base64"};
    return names[encoding];
}

/* How many bytes from i on, at most `most`, are written as they are. */
static size_t plain_run(struct str s, size_t i, size_t most) {
    size_t n = 0;
    for (; n < most && i + n < s.n; n++) {
        char c = s.p[i + n];
        bool inner = c == ' ' && i + n + 1 < s.n && s.p[i + n + 1] > ' ';
        if ((c < 0x21 || c > 0x7e || c == '=') && !inner) {
            break;
        }
    }
    return n;
}

static void body_quoted(struct buf *out, struct str s) {
    size_t column = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (at_line_end(s, i)) {
            buf_add_str(out, S("\r\n"));
            column = 0;
            i++;
            continue;
        }
        unsigned char c = (unsigned char)s.p[i];
        size_t run = 0;
        if (column < LINE_MAX_BODY - 1 && (column > 0 || c != 'F')) {
            run = plain_run(s, i, LINE_MAX_BODY - 1 - column);
        }
        if (run > 0) {
            buf_add_str(out, str_sub(s, i, i + run));
            column += run;
            i += run - 1;
            continue;
        }
        bool from = column == 0 && s.n - i >= 5 && memcmp(s.p + i, "From ", 5) == 0;
        bool quote = from || must_quote(s, i);
        size_t need = quote ? 3 : 1;
        size_t room = at_line_end(s, i + 1) ? LINE_MAX_BODY : LINE_MAX_BODY - 1;
        if (column + need > room) {
            buf_add_str(out, S("=\r\n"));
            column = 0;
        }
        char *to = buf_reserve(out, 3);
        if (quote) {
            to[0] = '=';
            to[1] = hex_digits[c >> 4];
            to[2] = hex_digits[c & 15];
        } else {
            to[0] = (char)c;
        }
        out->n += need;
        column += need;
    }
    if (column > 0) {
        buf_add_str(out, S("\r\n"));
    }
}

void email_text_body(struct buf *out, struct str text, enum email_encoding encoding) {
    if (encoding == EMAIL_BASE64) {
        const size_t bytes = LINE_MAX_BODY / 4 * 3;
        for (size_t i = 0; i < text.n; i += bytes) {
            add_base64(out, str_sub(text, i, i + bytes));
            buf_add_str(out, S("\r\n"));
        }
    } else if (encoding == EMAIL_QUOTED_PRINTABLE) {
        body_quoted(out, text);
    } else {
        buf_add_str(out, text);
        if (!str_ends(text, S("\r\n"))) {
            buf_add_str(out, S("\r\n"));
        }
    }
}
