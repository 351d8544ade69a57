/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "templates/liquid_filters.h"

/* A result that is HTML and is not escaped again. */
static bool html_result(struct render *r, struct buf *b, struct value *out) {
    if (!filter_result(r, b, out))
        return false;
    out->flags = VALUE_SAFE;
    return true;
}

/* ---- escaping */
static bool escaped(struct render *r, const struct filter_args *in, struct value *out) {
    if (in->input.type == V_NULL) {
        *out = VALUE_NULL;
        return true;
    }
    struct str s = filter_text(r, in->input);
    struct buf b = BUF_IN(r->arena);
    if (!filter_room(r, (uint64_t)s.n * 2))
        return false;
    liquid_escape(&b, s);
    return html_result(r, &b, out);
}

FILTER(escape) {
    return escaped(r, in, out);
}

FILTER(h) {
    return escaped(r, in, out);
}

/* The length of an entity at the start of s: &name; or &#123; */
static size_t entity(struct str s) {
    size_t i = 1;
    bool number = s.n > 1 && s.p[1] == '#';
    size_t start = i += number;
    while (i < s.n && (number ? s.p[i] >= '0' && s.p[i] <= '9'
                              : (s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z'))
        i++;
    return i > start && i < s.n && s.p[i] == ';' ? i + 1 : 0;
}

FILTER(escape_once) {
    struct str s = filter_text(r, in->input);
    struct buf b = BUF_IN(r->arena);
    if (!filter_room(r, (uint64_t)s.n * 2))
        return false;
    for (size_t i = 0; i < s.n;) {
        size_t n = s.p[i] == '&' ? entity(str_sub(s, i, s.n)) : 0;
        if (n)
            buf_add(&b, s.p + i, n);
        else
            liquid_escape(&b, str_sub(s, i, i + 1));
        i += n ? n : 1;
    }
    return html_result(r, &b, out);
}

FILTER(raw) {
    *out = value_str(filter_text(r, in->input));
    out->flags = VALUE_SAFE;
    return true;
}

/* In an HTML part the text is escaped first, for what comes out is HTML. */
FILTER(newline_to_br) {
    struct str s = filter_text(r, in->input);
    struct buf b = BUF_IN(r->arena);
    bool escape = r->template->html && !(in->input.flags & VALUE_SAFE);
    if (!filter_room(r, (uint64_t)s.n * 2))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        bool crlf = s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';
        i += crlf;
        if (s.p[i] == '\n')
            buf_add_str(&b, S("<br />\n"));
        else if (escape)
            liquid_escape(&b, str_sub(s, i, i + 1));
        else
            buf_add_char(&b, s.p[i]);
    }
    return escape || (in->input.type == V_STRING && (in->input.flags & VALUE_SAFE))
               ? html_result(r, &b, out)
               : filter_result(r, &b, out);
}

FILTER(strip_newlines) {
    struct str s = filter_text(r, in->input);
    struct buf b = BUF_IN(r->arena);
    for (size_t i = 0; i < s.n; i++) {
        bool crlf = s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';
        i += crlf;
        if (s.p[i] != '\n')
            buf_add_char(&b, s.p[i]);
    }
    return filter_result(r, &b, out);
}

/* ---- strip_html: scripts, comments and styles with their content, then all tags */
struct stripper {
    struct str open, close;
    bool none; /* no close is left in the text: do not look again */
};

static size_t skip_block(struct stripper *kinds, struct str s, size_t at) {
    for (int k = 0; k < 3; k++) {
        struct stripper *x = &kinds[k];
        if (x->none || !str_starts(str_sub(s, at, s.n), x->open))
            continue;
        ptrdiff_t end = str_find(str_sub(s, at + x->open.n, s.n), x->close);
        if (end >= 0)
            return x->open.n + (size_t)end + x->close.n;
        x->none = true;
    }
    return 0;
}

FILTER(strip_html) {
    struct stripper kinds[] = {{S("<script"), S("</script>"), false},
                               {S("<!--"), S("-->"), false},
                               {S("<style"), S("</style>"), false}};
    struct str s = filter_text(r, in->input);
    struct buf first = BUF_IN(r->arena), b = BUF_IN(r->arena);
    for (size_t i = 0; i < s.n;) {
        size_t n = s.p[i] == '<' ? skip_block(kinds, s, i) : 0;
        if (!n)
            buf_add_char(&first, s.p[i]);
        i += n ? n : 1;
    }
    s = buf_str(&first);
    for (size_t i = 0; i < s.n; i++) {
        const char *end = s.p[i] == '<' ? memchr(s.p + i, '>', s.n - i) : NULL;
        if (s.p[i] == '<' && !end) {
            buf_add_str(&b, str_sub(s, i, s.n));
            break;
        }
        if (end)
            i = (size_t)(end - s.p);
        else
            buf_add_char(&b, s.p[i]);
    }
    return filter_room(r, s.n) && filter_result(r, &b, out);
}

/* ---- URLs */
static bool url_plain(char c) {
    return liquid_word_char(c) || c == '.' || c == '-' || c == '~';
}

FILTER(url_encode) {
    if (in->input.type == V_NULL) {
        *out = VALUE_NULL;
        return true;
    }
    struct str s = filter_text(r, in->input);
    struct buf b = BUF_IN(r->arena);
    if (!filter_room(r, (uint64_t)s.n * 3))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (url_plain(s.p[i]))
            buf_add_char(&b, s.p[i]);
        else if (s.p[i] == ' ')
            buf_add_char(&b, '+');
        else
            buf_printf(&b, "%%%02X", (unsigned)(unsigned char)s.p[i]);
    }
    return filter_result(r, &b, out);
}

static int hex(char c) {
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

static bool valid_utf8(struct str s) {
    for (size_t i = 0, n; i < s.n; i += n)
        if ((n = str_utf8(str_sub(s, i, s.n), NULL)) == 0)
            return false;
    return true;
}

FILTER(url_decode) {
    if (in->input.type == V_NULL) {
        *out = VALUE_NULL;
        return true;
    }
    struct str s = filter_text(r, in->input);
    struct buf b = BUF_IN(r->arena);
    for (size_t i = 0; i < s.n; i++) {
        int high = s.p[i] == '%' && i + 2 < s.n ? hex(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex(s.p[i + 2]) : -1;
        if (low >= 0) {
            buf_add_char(&b, (char)(high << 4 | low));
            i += 2;
        } else {
            buf_add_char(&b, s.p[i] == '+' ? ' ' : s.p[i]);
        }
    }
    if (!valid_utf8(buf_str(&b)))
        return liquid_fail(r, "`url_decode` gives no valid text");
    return filter_room(r, b.n) && filter_result(r, &b, out);
}

/* ---- base64 */
static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool encode(struct render *r, const struct filter_args *in, struct value *out, bool url) {
    struct str s = filter_text(r, in->input);
    struct buf b = BUF_IN(r->arena);
    if (!filter_room(r, (uint64_t)s.n * 2))
        return false;
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0);
        for (size_t k = 0; k < 4; k++) {
            char c = i + k > s.n ? '=' : standard[bits >> (18 - 6 * k) & 63];
            buf_add_char(&b, !url ? c : c == '+' ? '-' : c == '/' ? '_' : c);
        }
    }
    return filter_result(r, &b, out);
}

FILTER(base64_encode) {
    return encode(r, in, out, false);
}

FILTER(base64_url_safe_encode) {
    return encode(r, in, out, true);
}

static int sextet(char c, bool url) {
    if (url && (c == '-' || c == '_'))
        return c == '-' ? 62 : 63;
    const char *hit = c ? memchr(standard, c, 64) : NULL;
    return hit ? (int)(hit - standard) : -1;
}

/* Exactly base64: whole groups, padding only at the end, no stray bits. */
static bool decode_into(struct buf *b, struct str s, bool url) {
    if (url && s.n % 4 && s.p[s.n - 1] != '=') { /* unpadded is fine */
        if (s.n % 4 == 1)
            return false;
    } else if (s.n % 4) {
        return false;
    } else {
        for (int k = 0; k < 2 && s.n && s.p[s.n - 1] == '='; k++)
            s.n--;
    }
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < s.n; i++) {
        int six = sextet(s.p[i], url);
        if (six < 0)
            return false;
        bits = bits << 6 | (uint32_t)six;
        have += 6;
        if (have >= 8) {
            have -= 8;
            buf_add_char(b, (char)(bits >> have & 0xff));
        }
    }
    return have < 6 && (bits & ((1u << have) - 1)) == 0;
}

static bool decode(struct render *r, const struct filter_args *in, struct value *out, bool url) {
    struct buf b = BUF_IN(r->arena);
    if (!decode_into(&b, filter_text(r, in->input), url))
        return liquid_fail(r, "this is not base64");
    return filter_room(r, b.n) && filter_result(r, &b, out);
}

FILTER(base64_decode) {
    return decode(r, in, out, false);
}

FILTER(base64_url_safe_decode) {
    return decode(r, in, out, true);
}
