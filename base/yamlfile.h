/* SPDX-License-Identifier: Apache-2.0
 *
 * yamlfile: a YAML file of the workspace as a tree in which every node knows
 * its line and column. libyaml reads; our walk refuses duplicate keys, aliases,
 * anchors, tags, more than one document, and an unquoted {{ ... }} (which YAML
 * would take for a map), each with the position and what to write instead.
 *
 * Limits: 1 MiB a file, depth 64; regular files only. The tree lives in the arena.
 * Any thread.
 */
#ifndef GODWIT_BASE_YAMLFILE_H
#define GODWIT_BASE_YAMLFILE_H

#include "base/diag.h"
#include "base/err.h"
#include "base/value.h"

enum ynode_kind { Y_SCALAR, Y_MAP, Y_LIST };

struct ynode {
    enum ynode_kind kind;
    int line, column;     /* of the first character, from 1 */
    int length;           /* characters on the first line, for underlining */
    bool quoted;          /* scalar in '' or "" or a block: always a string */
    bool exact;           /* scalar whose characters stand in the file one to one, so that a
                             column inside the text can be computed (plain or quoted on one
                             line without escapes) */
    struct str text;      /* scalar */
    struct ypair *pairs;  /* map, in the order of the file */
    struct ynode **items; /* list */
    size_t n;             /* pairs or items */
};

struct ypair {
    struct ynode *key; /* a scalar */
    struct ynode *value;
};

struct yamlfile {
    struct str name;    /* as it is to be shown, relative to the workspace */
    struct str source;  /* the whole text, without a byte order mark */
    struct ynode *root; /* NULL: the file is empty */
};

/* Reads the file at `path` and shows it as `name`. Mistakes go to `d`; false when
 * there is no usable tree. */
bool yamlfile_load(struct arena *a, const char *path, struct str name, struct yamlfile *out,
                   struct diags *d) MUST_CHECK;
bool yamlfile_parse(struct arena *a, struct str name, struct str source, struct yamlfile *out,
                    struct diags *d) MUST_CHECK;

/* The value under `key` of a map node, or NULL. */
struct ynode *ynode_get(const struct ynode *map, struct str key);

/* Where a node stands, and where the byte at `offset` of a scalar's text stands in the file,
 * also in quoted, folded and block scalars; `length` characters are underlined. */
struct place ynode_place(const struct yamlfile *f, const struct ynode *node);
struct place ynode_place_at(const struct yamlfile *f, const struct ynode *node, size_t offset,
                            int length);

/* The tree as data: plain scalars by the core schema (null, bool, int, double,
 * string), quoted ones as strings. Two things differ: a plain `+886912345678`, with
 * its plus, stays text, and so do hexadecimal, octal, .inf and .nan. */
struct value ynode_value(struct arena *a, const struct ynode *node);

#endif
