/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_expr: expressions with their filters: from text to struct expr, in the
 * strict and in the lax way of the reference. Evaluation is in liquid_eval.c.
 *
 * Each function takes the text between its neighbours in a tag. A mistake is put
 * in the parser with its place in the source. Pure; any thread.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_EXPR_H
#define GODWIT_TEMPLATES_LIQUID_EXPR_H

#include "base/err.h"
#include "templates/liquid_lex.h"
#include "templates/liquid_program.h"

#define LIQUID_EXPR_DEPTH 100 /* brackets inside each other */
#define LIQUID_ARGS_MAX 16    /* of each kind, for one filter */

/* A source being parsed. */
struct parser {
    struct arena *arena;
    struct liquid_set *set;
    struct liquid_template *template;
    bool strict;
    bool trim; /* the next text loses its leading white space */
    int depth; /* of tags */
    int brackets;
    uint32_t at;    /* of the tag at hand */
    struct err err; /* the mistake; its text without a place */
    uint32_t err_at;
};

/* Sets the mistake at `where` (a part of the source, or not: then at the tag). */
bool parser_fail(struct parser *p, struct str where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* One expression, as the reference reads its text. `operand`: of a condition, where `empty`
 * and `blank` mean the state and not the text. */
bool expr_parse(struct parser *p, struct str text, bool operand, struct expr *out) MUST_CHECK;
/* The same in the arena. */
bool expr_new(struct parser *p, struct str text, const struct expr **out) MUST_CHECK;
/* The inside of {{ }}. */
bool expr_piped(struct parser *p, struct str text, struct piped *out) MUST_CHECK;

/* ---- the strict parser's words */
struct words {
    struct str text, rest;
    enum word kind; /* of the word at hand */
    struct str word;
};

void words_start(struct words *w, struct str text);
void words_next(struct words *w);
bool words_accept(struct words *w, enum word kind); /* takes it if it is there */
bool words_accept_id(struct words *w, struct str name);
bool words_expect(struct parser *p, struct words *w, enum word kind, struct str *text) MUST_CHECK;
bool words_end(struct parser *p, struct words *w) MUST_CHECK;
/* An expression, written the one way that expr_parse() reads. */
bool words_expression(struct parser *p, struct words *w, struct str *out) MUST_CHECK;
/* Whether all words of the text are words at all: a bad one anywhere is a mistake. */
bool words_check(struct parser *p, struct str text) MUST_CHECK;

#endif
