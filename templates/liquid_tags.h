/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_tags: the table of tags, each with the function that parses it and, for
 * a block, what follows up to its end. Used by liquid_parse.c; pure; any thread.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_TAGS_H
#define GODWIT_TEMPLATES_LIQUID_TAGS_H

#include "templates/liquid_expr.h"

struct tag_call {
    struct parser *parser;
    struct pieces *from; /* what follows the tag */
    struct str name, markup;
};

struct tag {
    struct str name;
    bool (*parse)(struct tag_call *c, struct node *out);
};

const struct tag *tag_find(struct str name);
/* The mistake of a tag that belongs elsewhere: inside `block`, or nothing. False. */
bool tag_unexpected(struct parser *p, struct str name, struct str block);

/* ---- the nodes between two tags, while they are collected (liquid_parse.c) */
struct body {
    struct parser *parser;
    struct node *nodes;
    uint32_t n, cap;
    bool blank;
};

/* A tag that liquid_parse.c does not know ended the body: {% endif %}, {% else %}, or
 * nonsense. name.p NULL: the source ended. */
struct ended {
    struct str name, markup;
};

/* The nodes of a block tag up to a tag of its own; nothing else may end the source. */
bool tag_body(struct tag_call *c, struct body *b, struct ended *end) MUST_CHECK;
bool tag_simple_body(struct tag_call *c, struct body *b) MUST_CHECK; /* up to its end tag */
bool tag_ends(const struct tag_call *c, struct str name); /* `name` is the end of this tag */

bool body_parse(struct body *b, struct pieces *from, struct ended *end) MUST_CHECK;
struct node *body_add(struct body *b, struct node n);
/* Drops what does nothing, and all text when asked. */
void body_finish(struct body *b, bool drop_text, struct block *out);

#endif
