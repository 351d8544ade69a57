/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/cel_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static struct cel_token bad(struct cel_lexer *l, size_t offset, size_t length) {
    l->at = l->source.n;
    return (struct cel_token){.type = CEL_T_BAD, .offset = offset, .length = length};
}

static int peek(const struct cel_lexer *l, size_t ahead) {
    return l->at + ahead < l->source.n ? (unsigned char)l->source.p[l->at + ahead] : -1;
}

static bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

static int hex_digit(int c) {
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_ident(int c, bool first) {
    return c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (!first && is_digit(c));
}

static void skip_space(struct cel_lexer *l) {
    for (;;) {
        int c = peek(l, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            l->at++;
        } else if (c == '/' && peek(l, 1) == '/') {
            while (peek(l, 0) >= 0 && peek(l, 0) != '\n')
                l->at++;
        } else {
            return;
        }
    }
}

/* ---- numbers */
static struct cel_token number(struct cel_lexer *l) {
    struct cel_token t = {.type = CEL_T_LITERAL, .offset = l->at};
    bool hex = peek(l, 0) == '0' && (peek(l, 1) | 0x20) == 'x' && hex_digit(peek(l, 2)) >= 0;
    bool real = false;
    size_t from = l->at;
    if (hex)
        l->at += 2;
    while (hex ? hex_digit(peek(l, 0)) >= 0 : is_digit(peek(l, 0)))
        l->at++;
    if (!hex && peek(l, 0) == '.' && is_digit(peek(l, 1))) {
        real = true;
        for (l->at++; is_digit(peek(l, 0));)
            l->at++;
    }
    size_t sign = peek(l, 1) == '+' || peek(l, 1) == '-';
    if (!hex && (peek(l, 0) | 0x20) == 'e' && is_digit(peek(l, 1 + sign))) {
        real = true;
        for (l->at += 1 + sign; is_digit(peek(l, 0));)
            l->at++;
    }
    size_t digits_end = l->at;
    bool is_unsigned = !real && (peek(l, 0) | 0x20) == 'u';
    l->at += is_unsigned;
    t.length = l->at - from;
    if (is_ident(peek(l, 0), true)) {
        cel_issue_add(l->issues, from, t.length + 1, "a number ends in a letter here");
        return bad(l, from, t.length);
    }
    const char *text = str_cstr(l->arena, str_of(l->source.p + from, digits_end - from));
    errno = 0;
    if (real) {
        t.value = value_double(strtod(text, NULL));
        if (isfinite(t.value.u.d))
            return t;
    } else {
        uint64_t u = strtoull(text, NULL, hex ? 16 : 10);
        t.huge = !is_unsigned && u == (uint64_t)INT64_MAX + 1;
        t.value = is_unsigned ? value_uint(u) : value_int((int64_t)u);
        if (!errno && (is_unsigned || u <= (uint64_t)INT64_MAX || t.huge))
            return t;
    }
    cel_issue_add(l->issues, from, t.length, "this number is too large for %s",
                  real          ? "a double"
                  : is_unsigned ? "a uint"
                                : "an int (64 bits)");
    return bad(l, from, t.length);
}

/* ---- strings */
struct literal {
    size_t start; /* of the token */
    char quote;
    bool triple, raw, bytes;
};

static void add_char(struct buf *b, uint32_t c) {
    char tmp[4];
    buf_add(b, tmp, cel_utf8_encode(c, tmp));
}

static bool hex_number(struct cel_lexer *l, size_t n, uint32_t *out) {
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        int d = hex_digit(peek(l, 0));
        if (d < 0)
            return false;
        *out = *out << 4 | (uint32_t)d;
        l->at++;
    }
    return true;
}

/* \u and \U; a pair of surrogates is one character. */
static bool unicode_escape(struct cel_lexer *l, size_t digits, uint32_t *c) {
    if (!hex_number(l, digits, c))
        return false;
    if (digits == 4 && *c >= 0xd800 && *c <= 0xdbff && peek(l, 0) == '\\' && peek(l, 1) == 'u') {
        uint32_t low;
        l->at += 2;
        if (!hex_number(l, 4, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
    }
    return *c <= 0x10ffff && !(*c >= 0xd800 && *c <= 0xdfff);
}

static bool byte_escape(struct cel_lexer *l, int c, uint32_t *out) {
    if ((c | 0x20) == 'x')
        return hex_number(l, 2, out);
    *out = (uint32_t)(c - '0'); /* three octal digits, the first is read */
    for (int i = 0; i < 2; i++) {
        int d = peek(l, 0);
        if (d < '0' || d > '7')
            return false;
        *out = *out << 3 | (uint32_t)(d - '0');
        l->at++;
    }
    return *out <= 0xff;
}

/* Behind a backslash. */
static bool escape(struct cel_lexer *l, const struct literal *lit, struct buf *b) {
    static const char plain[] = "\\?\"'`";
    static const char code[] = "abfnrtv", means[] = "\a\b\f\n\r\t\v";
    int c = peek(l, 0);
    if (c <= 0)
        return false;
    l->at++;
    const char *at = strchr(plain, c);
    if (at) {
        buf_add_char(b, (char)c);
        return true;
    }
    at = strchr(code, c);
    if (at) {
        buf_add_char(b, means[at - code]);
        return true;
    }
    uint32_t v;
    if ((c | 0x20) == 'x' || (c >= '0' && c <= '3')) {
        if (!byte_escape(l, c, &v))
            return false;
        if (lit->bytes)
            buf_add_char(b, (char)v);
        else
            add_char(b, v);
        return true;
    }
    if (lit->bytes || (c != 'u' && c != 'U') || !unicode_escape(l, c == 'u' ? 4 : 8, &v))
        return false;
    add_char(b, v);
    return true;
}

static bool at_close(const struct cel_lexer *l, const struct literal *lit) {
    if (peek(l, 0) != lit->quote)
        return false;
    return !lit->triple || (peek(l, 1) == lit->quote && peek(l, 2) == lit->quote);
}

static struct cel_token string(struct cel_lexer *l, struct literal lit) {
    lit.quote = (char)peek(l, 0);
    lit.triple = peek(l, 1) == lit.quote && peek(l, 2) == lit.quote;
    l->at += lit.triple ? 3 : 1;
    struct buf b = BUF_IN(l->arena);
    while (!at_close(l, &lit)) {
        int c = peek(l, 0);
        if (c < 0 || (!lit.triple && (c == '\n' || c == '\r'))) {
            cel_issue_add(l->issues, lit.start, 1,
                          "this text is not closed; its end, %s%c, is missing",
                          lit.triple ? "three of " : "", lit.quote);
            return bad(l, lit.start, 1);
        }
        size_t from = l->at++;
        if (c != '\\' || lit.raw) {
            buf_add_char(&b, (char)c);
        } else if (!escape(l, &lit, &b)) {
            cel_issue_add(l->issues, from, l->at - from,
                          "this escape is not known in %s; for a backslash write \\\\",
                          lit.bytes ? "bytes" : "text");
            return bad(l, from, 1);
        }
    }
    l->at += lit.triple ? 3 : 1;
    struct str s = b.n ? buf_str(&b) : S("");
    return (struct cel_token){.type = CEL_T_LITERAL,
                              .offset = lit.start,
                              .length = l->at - lit.start,
                              .value = lit.bytes ? value_bytes(s) : value_str(s)};
}

/* r"", b"", br"" in any case; false: an identifier begins here. */
static bool string_prefix(const struct cel_lexer *l, struct literal *lit, size_t *prefix) {
    *lit = (struct literal){.start = l->at};
    for (*prefix = 0; *prefix < 3; ++*prefix) {
        int c = peek(l, *prefix);
        if (c == '"' || c == '\'')
            return true;
        if ((c | 0x20) == 'r' && !lit->raw)
            lit->raw = true;
        else if ((c | 0x20) == 'b' && *prefix == 0)
            lit->bytes = true;
        else
            return false;
    }
    return false;
}

/* ---- the rest */
static struct cel_token quoted(struct cel_lexer *l) {
    size_t from = l->at++;
    while (peek(l, 0) >= 0 && peek(l, 0) != '`' && peek(l, 0) != '\n')
        l->at++;
    if (peek(l, 0) != '`' || l->at == from + 1) {
        cel_issue_add(l->issues, from, 1, "a field name in ` ` is empty or not closed");
        return bad(l, from, 1);
    }
    l->at++;
    return (struct cel_token){CEL_T_QUOTED, from, l->at - from, 0, VALUE_NULL, false};
}

static struct cel_token operator(struct cel_lexer *l) {
    static const char two[][3] = {"&&", "||", "==", "!=", "<=", ">="};
    struct cel_token t = {.type = CEL_T_OP, .offset = l->at, .length = 1, .op = peek(l, 0)};
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (peek(l, 0) == two[i][0] && peek(l, 1) == two[i][1]) {
            t.op = CEL_OP2(two[i][0], two[i][1]);
            t.length = 2;
        }
    if (t.length == 1 && (t.op == 0 || !strchr("()[]{}.,:?+-*/%!<>", t.op))) {
        struct cel_issue *i;
        uint32_t c = 0;
        size_t n = cel_utf8_decode(l->source.p + l->at, l->source.p + l->source.n, &c);
        i = cel_issue_add(l->issues, l->at, n, "`%.*s` has no meaning here", (int)n,
                          l->source.p + l->at);
        if (i && t.op == '=')
            i->hint = S("write == to compare");
        else if (i && (t.op == '&' || t.op == '|'))
            i->hint = S("write && for and, || for or");
        else if (i && (c == 0x2018 || c == 0x2019 || c == 0x201c || c == 0x201d))
            i->hint = S("these are typographic quotes; write \" or '");
        return bad(l, l->at, 1);
    }
    l->at += t.length;
    return t;
}

struct cel_token cel_lex(struct cel_lexer *l) {
    skip_space(l);
    int c = peek(l, 0);
    struct literal lit;
    size_t prefix;
    if (c < 0)
        return (struct cel_token){.type = CEL_T_END, .offset = l->source.n};
    if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
        return number(l);
    if (string_prefix(l, &lit, &prefix)) {
        l->at += prefix;
        return string(l, lit);
    }
    if (is_ident(c, true)) {
        size_t from = l->at;
        while (is_ident(peek(l, 0), false))
            l->at++;
        return (struct cel_token){CEL_T_IDENT, from, l->at - from, 0, VALUE_NULL, false};
    }
    return c == '`' ? quoted(l) : operator(l);
}
