/* SPDX-License-Identifier: Apache-2.0
 *
 * diag: what is wrong in the files of a workspace, all of it in one go.
 *
 * A reader that finds a mistake adds a diagnostic and goes on, so that a file
 * with twenty mistakes gives twenty messages. Lives in the arena of the load;
 * one thread.
 */
#ifndef GODWIT_BASE_DIAG_H
#define GODWIT_BASE_DIAG_H

#include "base/str.h"

#include <stdbool.h>
#include <stdio.h>

struct arena;

enum diag_severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

/* Where something stands. Line and column count from 1, columns in characters
 * (code points); 0 means unknown. */
struct place {
    struct str file; /* as the user would name it, relative to the workspace */
    int line;
    int column;
    int length; /* characters to underline; 0 or 1: a caret */
};

struct diag {
    enum diag_severity severity;
    struct place place;
    struct str text; /* what is wrong and what was expected: one sentence */
    struct str hint; /* "did you mean `country`?", or empty */
    struct str line; /* the start of the source line, without its end; may be empty */
};

struct diags {
    struct arena *arena;
    struct diag *list;
    size_t n, cap;
    size_t errors;
    size_t warnings;
    size_t dropped;    /* found after the list was full */
    struct diag spare; /* what diags_add returns then */
};

void diags_init(struct diags *d, struct arena *a);

/* `source` is the whole text of the file (or empty): the line is cut out of it.
 * Returns the new diagnostic, so that a hint can be added. At most 1,000 are kept. */
struct diag *diags_add(struct diags *d, enum diag_severity severity, struct place at,
                       struct str source, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Sorts by file, line, column and removes exact repetitions. */
void diags_sort(struct diags *d);

/*   campaigns/x.yaml:3:11: error: unknown field `county`
 *     3 | audience: customer.county == "TW"
 *       |                    ^~~~~~
 *       = did you mean `country`?                                          */
void diags_print(const struct diags *d, FILE *out, bool colour);

#endif
