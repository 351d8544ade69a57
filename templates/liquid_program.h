/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_program: what a template is after parsing: a tree of nodes in one
 * arena, immutable, shared by all threads. Only the files templates/liquid_*.c
 * and links.c look inside.
 *
 * Names of variables are numbered once for a whole set of templates ("symbols"),
 * so that a render looks them up by index and a partial shares them with the
 * template that includes it.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_PROGRAM_H
#define GODWIT_TEMPLATES_LIQUID_PROGRAM_H

#include "templates/liquid_value.h"

struct date_patterns;
struct filter;
struct liquid_set;

/* ---- expressions */
enum expr_kind { EXPR_VALUE, EXPR_PATH, EXPR_RANGE };

/* A step that loops and `self` understand; the number is found when parsing. */
enum property {
    PROPERTY_NONE,
    PROPERTY_COL,
    PROPERTY_COL0,
    PROPERTY_COL_FIRST,
    PROPERTY_COL_LAST,
    PROPERTY_FIRST,
    PROPERTY_INDEX,
    PROPERTY_INDEX0,
    PROPERTY_LAST,
    PROPERTY_LENGTH,
    PROPERTY_NAME,
    PROPERTY_PARENTLOOP,
    PROPERTY_RINDEX,
    PROPERTY_RINDEX0,
    PROPERTY_ROW,
    PROPERTY_SIZE
};

struct step {
    struct str name;        /* of `.name` or ['name'] */
    const struct expr *key; /* [expression]; NULL: the name */
    uint8_t property;       /* enum property, of the name */
    bool command;           /* written `.size`, `.first` or `.last` */
};

struct expr {
    uint8_t kind;
    uint16_t nsteps;
    uint32_t symbol;         /* EXPR_PATH: the variable it starts from */
    struct value value;      /* EXPR_VALUE */
    const struct expr *root; /* EXPR_PATH: the variable's name is the value of this; or NULL */
    const struct step *steps;
    const struct expr *low, *high; /* EXPR_RANGE */
};

struct filter_call {
    const struct filter *filter; /* NULL: unknown, passes its input on */
    uint32_t nargs, nnamed;
    const struct expr *args;
    const struct str *names; /* of the named arguments */
    const struct expr *named;
};

/* An expression with its filters. */
struct piped {
    struct expr expr;
    uint32_t nfilters;
    uint32_t at; /* offset in the source */
    const struct filter_call *filters;
};

enum operator{ OP_NONE, OP_EQ, OP_NE, OP_LT, OP_GT, OP_LE, OP_GE, OP_CONTAINS, OP_UNKNOWN };

struct comparison {
    struct expr left, right;
    uint8_t op;
    uint8_t then;       /* 0: the last; 'a': and; 'o': or */
    struct str unknown; /* OP_UNKNOWN: as written */
};

/* ---- nodes */
enum node_kind {
    NODE_NOTHING, /* a comment: only while parsing */
    NODE_TEXT,
    NODE_RAW,
    NODE_OUTPUT,
    NODE_ASSIGN,
    NODE_CAPTURE,
    NODE_IF,
    NODE_CASE,
    NODE_FOR,
    NODE_TABLEROW,
    NODE_CYCLE,
    NODE_INCREMENT,
    NODE_DECREMENT,
    NODE_INCLUDE,
    NODE_RENDER,
    NODE_IFCHANGED,
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_LINK /* the value of a link's href, or a URL in text: see links.h */
};

struct block {
    uint32_t n;
    bool blank; /* nothing in it can write */
    struct node *nodes;
};

struct branch {
    const struct comparison *when; /* NULL: else */
    struct block body;
};

struct loop {
    uint32_t symbol; /* the variable */
    uint32_t name;   /* number of the loop's name, for offset: continue */
    struct str label;
    struct expr collection;
    const struct expr *limit, *offset, *cols; /* NULL: not given */
    bool reversed, resume;
    struct block body, otherwise;
};

struct cycle {
    const struct expr *name; /* NULL: not named */
    struct value key;        /* of an unnamed one */
    uint32_t n;
    const struct expr *items;
};

struct partial_call {
    struct expr name;
    const struct expr *with; /* or NULL */
    uint32_t alias;          /* symbol, or UINT32_MAX: after the template */
    bool each;               /* render ... for */
    uint32_t nargs;
    const uint32_t *arg_symbols;
    const struct expr *args;
};

struct link_node {
    struct block url;
};

struct node {
    uint8_t kind;
    bool blank;
    bool inverted; /* NODE_IF: unless */
    bool escape;   /* NODE_OUTPUT, NODE_CYCLE: into HTML */
    uint32_t at;   /* offset in the source */
    uint32_t n;    /* branches; NODE_ASSIGN, NODE_CAPTURE, counters: the symbol */
    union {
        struct str text;
        const struct piped *piped;
        struct block *body;
        struct branch *branches; /* of NODE_CASE: the conditions hold the whole comparison */
        struct loop *loop;
        const struct cycle *cycle;
        const struct partial_call *call;
        struct link_node *link;
    } u;
};

struct liquid_template {
    struct str name;
    struct str shown; /* in messages: the name, or the file's path */
    struct str source;
    size_t skip; /* bytes of the source in front of the text */
    bool usable; /* otherwise `error` says why it could not be parsed */
    bool html;   /* values are escaped */
    struct str error;
    uint32_t error_at;
    uint32_t symbol, base_symbol; /* its name, and what follows the last slash of it */
    uint32_t nlinks;
    struct block body;
};

/* ---- sets */
struct liquid_set {
    struct arena *arena;
    struct map *templates; /* name -> V_OWN pointing at the template */
    struct map *symbols;   /* name -> V_INT */
    struct list *names;    /* symbol -> V_STRING */
    struct map *loops;     /* name of a loop -> V_INT */
    bool strict;           /* the strict parser; unknown filters are errors when `known` */
    bool known;
    struct date_patterns *dates; /* when a template uses `date`; NULL otherwise */
};

uint32_t liquid_symbol(struct liquid_set *set, struct str name);
bool liquid_find_symbol(const struct liquid_set *set, struct str name, uint32_t *out);
const struct liquid_template *liquid_find(const struct liquid_set *set, struct str name);

/* Line and column (from 1, in characters) of an offset in a source. */
void liquid_position(struct str source, size_t at, int *line, int *column);

#endif
