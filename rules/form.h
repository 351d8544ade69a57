/* SPDX-License-Identifier: Apache-2.0
 *
 * form: reads a map of a YAML file into a struct by a table of its keys, and
 * reports every mistake: unknown keys with the nearest name, missing ones, values
 * of a wrong kind. The same tables give the JSON Schema of each file.
 *
 * A key's value goes to `offset` bytes into the struct; what a table cannot say is
 * read by a function. Fields whose key is absent are left as they are, so callers
 * set the defaults first. Pure; everything is allocated in the reader's arena.
 */
#ifndef GODWIT_RULES_FORM_H
#define GODWIT_RULES_FORM_H

#include "base/diag.h"
#include "base/yamlfile.h"

struct form_reader {
    struct arena *a;
    const struct yamlfile *file;
    struct diags *d;
    void *ctx; /* for the read functions of the table */
};

enum form_type {
    FORM_TEXT,   /* struct str: any text or number, as written; not empty */
    FORM_NAME,   /* struct str: letters, digits and . _ - , at most 100 */
    FORM_INT,    /* int64_t within least..most */
    FORM_BOOL,   /* bool */
    FORM_SPAN,   /* int64_t, microseconds: "7d" */
    FORM_CHOICE, /* int: the index in `choices` */
    FORM_SUB,    /* a struct read by `sub` */
    FORM_CUSTOM  /* whatever read() makes of it */
};

/* How `sub` describes the value of a FORM_CUSTOM field, for the schema. With FORM_ONE and FORM_ANY
 * a `schema` beside it is another way to write one. */
enum form_shape {
    FORM_ONE,
    FORM_MAP_OF,
    FORM_LIST_OF,
    FORM_ANY /* one, or a list of them */
};

struct form {
    const char *what; /* "a campaign": for messages */
    const char *help; /* one sentence, for the schema */
    const struct form_field *fields;
    const char *schema; /* what its JSON Schema says beside that, as text: {"oneOf":...}; or NULL */
    const char *name;   /* of a form that may stand inside of itself; else NULL */
};

struct form_field {
    const char *key; /* NULL ends the table */
    enum form_type type;
    bool required;
    bool nullable; /* FORM_CUSTOM: a plain null is a value */
    size_t offset;
    int64_t least, most;        /* FORM_INT; of a list (FORM_LIST_OF) the least length */
    const char *help;           /* what it is for, a sentence */
    const char *example;        /* how it is written, for messages; may be NULL */
    const char *const *choices; /* NULL-ended */
    const struct form *sub;
    enum form_shape shape;
    void (*read)(struct form_reader *r, const struct ynode *node, void *out);
    const char *schema; /* FORM_CUSTOM: its JSON Schema, as text */
};

/* Reads `node` (NULL: an empty file) by the table into *out. */
void form_read(struct form_reader *r, const struct form *f, const struct ynode *node, void *out);

/* Whether the table has all keys of the map, so that none was complained of. */
bool form_knows(const struct form *f, const struct ynode *map);

/* One value by one line of a table, for read functions that take several shapes. */
void form_read_field(struct form_reader *r, const struct form_field *f, const struct ynode *node,
                     void *out);

/* Complaints at a node; the diagnostic is returned so that a hint can be added. */
struct diag *form_error(struct form_reader *r, const struct ynode *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
struct diag *form_warning(struct form_reader *r, const struct ynode *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds "did you mean `x`?" when one of the n names is near to `wrong`. */
void form_suggest(struct form_reader *r, struct diag *x, struct str wrong, const struct str *names,
                  size_t n);

/* Says what is wrong and returns false unless the node is of that kind. */
bool form_want_map(struct form_reader *r, const struct ynode *node, const char *what);
bool form_want_list(struct form_reader *r, const struct ynode *node, const char *what);
bool form_want_text(struct form_reader *r, const struct ynode *node, const char *what);
/* The same for a name, which may be a key: letters, digits and . _ - */
bool form_want_name(struct form_reader *r, const struct ynode *node, const char *what);

const char *form_kind_name(const struct ynode *node); /* "a list", "the text `x`", ... */

/* Writes the JSON Schema (draft 2020-12) of a file that holds one such map, a map from names to
 * it (or to a text, which stands for its main key), or a list of it. */
void form_schema(struct buf *out, const struct form *f, const char *title, enum form_shape shape);

#endif
