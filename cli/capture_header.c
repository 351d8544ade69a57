/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/capture_header.h"

static struct str chomp(struct str line) {
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* The field's body with its folds taken out. */
static bool find(struct str mail, struct str name, struct buf *out) {
    struct str line;
    bool found = false;
    while (str_split(&mail, '\n', &line)) {
        line = chomp(line);
        bool folded = line.n && (line.p[0] == ' ' || line.p[0] == '\t');
        if (line.n == 0 || (found && !folded))
            break;
        if (found) {
            buf_add_str(out, line);
        } else if (line.n > name.n && line.p[name.n] == ':' &&
                   str_eq_nocase(str_sub(line, 0, name.n), name)) {
            buf_add_str(out, str_sub(line, name.n + 1, line.n));
            found = true;
        }
    }
    return found;
}

static int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_q(struct str text, struct buf *out) {
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '=') {
            struct str digits = str_sub(text, i + 1, i + 3);
            if (digits.n < 2 || hex(digits.p[0]) < 0 || hex(digits.p[1]) < 0)
                return false;
            c = (char)(hex(digits.p[0]) << 4 | hex(digits.p[1]));
            i += 2;
        } else if (c == '_') {
            c = ' ';
        }
        buf_add_char(out, c);
    }
    return true;
}

static int sextet(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool decode_b(struct str text, struct buf *out) {
    uint32_t bits = 0;
    int n = 0;
    while (text.n && text.p[text.n - 1] == '=')
        text.n--;
    for (size_t i = 0; i < text.n; i++) {
        int six = sextet(text.p[i]);
        if (six < 0)
            return false;
        bits = (bits << 6 | (uint32_t)six) & 0xffffff;
        n += 6;
        if (n >= 8) {
            n -= 8;
            buf_add_char(out, (char)(bits >> n & 0xff));
        }
    }
    return true;
}

/* Takes "=?charset?Q?text?=" off the front of *rest and appends what it means. */
static bool take_word(struct str *rest, struct buf *out) {
    struct str left = *rest, charset, encoding, text;
    if (!str_starts(left, S("=?")))
        return false;
    left = str_sub(left, 2, left.n);
    if (!str_split(&left, '?', &charset) || !str_split(&left, '?', &encoding) ||
        !str_split(&left, '?', &text) || !left.p || !left.n || left.p[0] != '=')
        return false;
    if (!str_eq_nocase(charset, S("utf-8")) && !str_eq_nocase(charset, S("us-ascii")))
        return false;
    size_t before = out->n;
    bool good = str_eq_nocase(encoding, S("Q"))   ? decode_q(text, out)
                : str_eq_nocase(encoding, S("B")) ? decode_b(text, out)
                                                  : false;
    if (!good)
        out->n = before;
    else
        *rest = str_sub(left, 1, left.n);
    return good;
}

/* White space between two encoded words is not part of the text. */
static void decode(struct str text, struct buf *out) {
    while (text.n) {
        if (take_word(&text, out)) {
            struct str next = text;
            while (next.n && (next.p[0] == ' ' || next.p[0] == '\t'))
                next = str_sub(next, 1, next.n);
            if (str_starts(next, S("=?")))
                text = next;
        } else {
            buf_add_char(out, text.p[0]);
            text = str_sub(text, 1, text.n);
        }
    }
}

/* The words may hide control characters or broken UTF-8. */
static void add_clean(struct buf *out, struct str s) {
    size_t n;
    for (size_t at = 0; at < s.n; at += n) {
        uint32_t code;
        n = str_utf8(str_sub(s, at, s.n), &code);
        if (n == 0) {
            buf_add_str(out, S("\xef\xbf\xbd"));
            n = 1;
        } else if (code < ' ' || (code >= 0x7f && code < 0xa0)) {
            buf_add_char(out, ' ');
        } else {
            buf_add(out, s.p + at, n);
        }
    }
}

bool capture_header(struct str mail, struct str name, struct buf *out) {
    struct buf body = BUF_HEAP, text = BUF_HEAP;
    bool found = find(mail, name, &body);
    if (found) {
        decode(str_trim(buf_str(&body)), &text);
        add_clean(out, buf_str(&text));
    }
    buf_close(&body);
    buf_close(&text);
    return found;
}
