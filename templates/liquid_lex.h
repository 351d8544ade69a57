/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_lex: cuts a source into text, tags and outputs, and the inside of a tag
 * into words. Also the small patterns of the lax parser, which the reference
 * writes as regular expressions. Everything returned borrows from the source.
 * Pure; any thread.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_LEX_H
#define GODWIT_TEMPLATES_LIQUID_LEX_H

#include "base/str.h"

/* ---- pieces of a template */
struct pieces {
    struct str rest;
    bool lines; /* inside {% liquid %}: each line is a tag */
};

/* The next piece, delimiters included; false at the end. */
bool liquid_lex_piece(struct pieces *p, struct str *piece);

/* Splits "{%- name markup -%}" (or a line "name markup"); false when it is no tag. */
bool liquid_lex_tag(struct str piece, bool line, struct str *name, struct str *markup);
/* A tag that ends a raw block: may follow text in the same piece (`before`). */
bool liquid_lex_end_tag(struct str piece, struct str *before, struct str *name);

/* ---- words of an expression, for the strict parser */
enum word {
    WORD_END,
    WORD_ID,
    WORD_STRING,
    WORD_NUMBER,
    WORD_COMPARISON,
    WORD_PIPE,
    WORD_DOT,
    WORD_DOTDOT,
    WORD_COLON,
    WORD_COMMA,
    WORD_OPEN_SQUARE,
    WORD_CLOSE_SQUARE,
    WORD_OPEN_ROUND,
    WORD_CLOSE_ROUND,
    WORD_QUESTION,
    WORD_DASH,
    WORD_BAD
};

/* Takes the next word off *rest. `before` is the kind of the word before. */
enum word liquid_lex_word(struct str *rest, enum word before, struct str *text);
const char *liquid_lex_word_name(enum word w);

/* ---- patterns of the lax parser; a length of 0 means no match */
size_t lax_quoted(struct str s);    /* "..." or '...' */
size_t lax_fragment(struct str s);  /* a quoted text, or a run without spaces , | */
size_t lax_fragments(struct str s); /* one or more */
size_t lax_spaces(struct str s);
size_t lax_words(struct str s);    /* letters, digits, _ */
size_t lax_segments(struct str s); /* letters, digits, _ and - */
/* The first fragment at or after *at, which moves behind it. */
bool lax_find_fragment(struct str s, size_t *at, struct str *fragment);
/* The next `key: value` at or after *at, which moves behind it. */
bool lax_attribute(struct str s, size_t *at, struct str *key, struct str *value);
/* `keyword` with white space before (and behind) it: what was matched. */
size_t lax_keyword(struct str s, struct str keyword);

bool liquid_space(char c);
bool liquid_word_char(char c);

#endif
