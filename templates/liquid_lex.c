/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_lex.h"

bool liquid_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool liquid_word_char(char c) {
    return is_letter(c) || is_digit(c);
}

/* ---- pieces */
static struct str take(struct str *rest, size_t n) {
    struct str piece = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->n);
    return piece;
}

/* Behind the "%}" at or after `from`; `none` when there is none. */
static size_t tag_end(struct str s, size_t from, size_t none) {
    ptrdiff_t end = str_find(str_sub(s, from, s.n), S("%}"));
    return end < 0 ? none : from + (size_t)end + 2;
}

/* Where an output that starts with "{{" ends: behind "}}", a lone "}", or the "%}" of a
 * tag that opens inside; 2 when it is not closed. */
static size_t output_end(struct str s) {
    for (size_t i = 2; i < s.n; i++) {
        char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : 0;
        if (c == '}')
            return i + 1 < s.n && next == '}' ? i + 2 : i + 1;
        if (c == '{' && next == '%')
            return tag_end(s, i + 2, i + 2);
    }
    return 2;
}

static bool next_line(struct pieces *p, struct str *line) {
    return p->rest.n > 0 && str_split(&p->rest, '\n', line);
}

bool liquid_lex_piece(struct pieces *p, struct str *piece) {
    struct str s = p->rest;
    if (p->lines)
        return next_line(p, piece);
    if (s.n == 0)
        return false;
    if (s.n >= 2 && s.p[0] == '{' && s.p[1] == '%') {
        size_t end = tag_end(s, 2, 0);
        *piece = take(&p->rest, end ? end : 2);
        if (!end)
            p->rest = str_sub(s, s.n, s.n);
        return true;
    }
    if (s.n >= 2 && s.p[0] == '{' && s.p[1] == '{') {
        size_t end = output_end(s);
        *piece = take(&p->rest, end);
        if (end == 2)
            p->rest = str_sub(s, s.n, s.n);
        return true;
    }
    size_t i = 0;
    while (i < s.n) {
        const char *hit = memchr(s.p + i, '{', s.n - i);
        if (!hit) {
            i = s.n;
            break;
        }
        i = (size_t)(hit - s.p);
        if (i + 1 < s.n && (s.p[i + 1] == '{' || s.p[i + 1] == '%'))
            break;
        i++;
    }
    *piece = take(&p->rest, i);
    return true;
}

bool liquid_lex_tag(struct str piece, bool line, struct str *name, struct str *markup) {
    struct str s = piece;
    if (!line) {
        if (s.n < 4 || memcmp(s.p, "{%", 2) != 0 || memcmp(s.p + s.n - 2, "%}", 2) != 0)
            return false;
        s = str_sub(s, 2, s.n - 2);
        if (s.n && s.p[0] == '-')
            s = str_sub(s, 1, s.n);
    }
    s = str_sub(s, lax_spaces(s), s.n);
    size_t n = s.n && s.p[0] == '#' ? 1 : lax_words(s);
    if (n == 0)
        return false;
    *name = str_sub(s, 0, n);
    s = str_sub(s, n, s.n);
    s = str_sub(s, lax_spaces(s), s.n);
    if (!line && s.n && s.p[s.n - 1] == '-')
        s.n--;
    *markup = s;
    return true;
}

bool liquid_lex_end_tag(struct str piece, struct str *before, struct str *name) {
    if (piece.n < 4 || memcmp(piece.p + piece.n - 2, "%}", 2) != 0)
        return false;
    for (size_t i = piece.n - 2; i-- > 0;) { /* the last tag in the piece */
        if (memcmp(piece.p + i, "{%", 2) != 0)
            continue;
        struct str s = str_sub(piece, i + 2, piece.n - 2);
        if (s.n && s.p[0] == '-')
            s = str_sub(s, 1, s.n);
        s = str_sub(s, lax_spaces(s), s.n);
        size_t n = lax_words(s);
        if (n == 0)
            continue;
        *before = str_sub(piece, 0, i);
        *name = str_sub(s, 0, n);
        return true;
    }
    return false;
}

/* ---- words */
static size_t number_length(struct str s) {
    size_t i = s.p[0] == '-';
    while (i < s.n && is_digit(s.p[i]))
        i++;
    if (i + 1 < s.n && s.p[i] == '.' && is_digit(s.p[i + 1])) {
        i++;
        while (i < s.n && is_digit(s.p[i]))
            i++;
    }
    return i;
}

static size_t id_length(struct str s) {
    size_t i = lax_segments(s);
    return i < s.n && s.p[i] == '?' ? i + 1 : i;
}

static enum word special(char c) {
    switch (c) {
    case '|':
        return WORD_PIPE;
    case ':':
        return WORD_COLON;
    case ',':
        return WORD_COMMA;
    case '[':
        return WORD_OPEN_SQUARE;
    case ']':
        return WORD_CLOSE_SQUARE;
    case '(':
        return WORD_OPEN_ROUND;
    case ')':
        return WORD_CLOSE_ROUND;
    case '?':
        return WORD_QUESTION;
    case '.':
        return WORD_DOT;
    case '-':
        return WORD_DASH;
    default:
        return WORD_BAD;
    }
}

enum word liquid_lex_word(struct str *rest, enum word before, struct str *text) {
    struct str s = str_sub(*rest, lax_spaces(*rest), rest->n);
    *rest = s;
    if (s.n == 0) {
        *text = s;
        return WORD_END;
    }
    char c = s.p[0], next = s.n > 1 ? s.p[1] : 0;
    size_t n = 1;
    enum word w;
    if (c == '.' && next == '.') {
        n = 2;
        w = WORD_DOTDOT;
    } else if (is_digit(c) || (c == '-' && is_digit(next))) {
        n = number_length(s);
        w = WORD_NUMBER;
    } else if (is_letter(c)) {
        n = id_length(s);
        w = before != WORD_DOT && str_eq(str_sub(s, 0, n), S("contains")) ? WORD_COMPARISON
                                                                          : WORD_ID;
    } else if (c == '"' || c == '\'') {
        n = lax_quoted(s);
        w = n ? WORD_STRING : WORD_BAD;
    } else if (c == '<' || c == '>') {
        n = next == '=' || (c == '<' && next == '>') ? 2 : 1;
        w = WORD_COMPARISON;
    } else if ((c == '=' || c == '!') && next == '=') {
        n = 2;
        w = WORD_COMPARISON;
    } else {
        w = special(c);
    }
    if (w == WORD_BAD) {
        n = 1;
        while (n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
            n++;
    }
    *text = take(rest, n);
    return w;
}

const char *liquid_lex_word_name(enum word w) {
    static const char *const names[] = {"the end",  "a name",       "a text in quotes",
                                        "a number", "a comparison", "`|`",
                                        "`.`",      "`..`",         "`:`",
                                        "`,`",      "`[`",          "`]`",
                                        "`(`",      "`)`",          "`?`",
                                        "`-`"};
    return w < sizeof names / sizeof *names ? names[w] : "an unexpected character";
}

/* ---- patterns */
size_t lax_quoted(struct str s) {
    if (s.n < 2 || (s.p[0] != '"' && s.p[0] != '\''))
        return 0;
    const char *end = memchr(s.p + 1, s.p[0], s.n - 1);
    return end ? (size_t)(end - s.p) + 1 : 0;
}

static size_t run_unit(struct str s) {
    if (s.n == 0)
        return 0;
    if (s.p[0] == '"' || s.p[0] == '\'')
        return lax_quoted(s);
    return !liquid_space(s.p[0]) && s.p[0] != ',' && s.p[0] != '|';
}

size_t lax_fragment(struct str s) {
    size_t n = lax_quoted(s), unit;
    if (n)
        return n;
    while ((unit = run_unit(str_sub(s, n, s.n))) > 0)
        n += unit;
    return n;
}

size_t lax_fragments(struct str s) {
    size_t n = 0, unit;
    while ((unit = lax_fragment(str_sub(s, n, s.n))) > 0)
        n += unit;
    return n;
}

size_t lax_spaces(struct str s) {
    size_t i = 0;
    while (i < s.n && liquid_space(s.p[i]))
        i++;
    return i;
}

size_t lax_words(struct str s) {
    size_t i = 0;
    while (i < s.n && liquid_word_char(s.p[i]))
        i++;
    return i;
}

size_t lax_segments(struct str s) {
    size_t i = 0;
    while (i < s.n && (liquid_word_char(s.p[i]) || s.p[i] == '-'))
        i++;
    return i;
}

bool lax_find_fragment(struct str s, size_t *at, struct str *fragment) {
    for (; *at < s.n; (*at)++) {
        size_t n = lax_fragment(str_sub(s, *at, s.n));
        if (n) {
            *fragment = str_sub(s, *at, *at + n);
            *at += n;
            return true;
        }
    }
    return false;
}

bool lax_attribute(struct str s, size_t *at, struct str *key, struct str *value) {
    for (; *at < s.n; (*at)++) {
        if (!liquid_word_char(s.p[*at]))
            continue;
        size_t i = *at + lax_segments(str_sub(s, *at, s.n));
        *key = str_sub(s, *at, i);
        i += lax_spaces(str_sub(s, i, s.n));
        if (i >= s.n || s.p[i] != ':') {
            *at += key->n - 1; /* no shorter name could be followed by a colon */
            continue;
        }
        i++;
        i += lax_spaces(str_sub(s, i, s.n));
        size_t n = lax_fragment(str_sub(s, i, s.n));
        if (n) {
            *value = str_sub(s, i, i + n);
            *at = i + n;
            return true;
        }
    }
    return false;
}

size_t lax_keyword(struct str s, struct str keyword) {
    size_t i = lax_spaces(s);
    if (i == 0 || !str_starts(str_sub(s, i, s.n), keyword))
        return 0;
    i += keyword.n;
    size_t behind = lax_spaces(str_sub(s, i, s.n));
    return behind ? i + behind : 0;
}
