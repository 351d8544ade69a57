/* SPDX-License-Identifier: Apache-2.0
 *
 * err: why something failed, in a sentence for people, and of which kind.
 *
 * The place where an error arises writes the sentence once: what happened and
 * what to do. Callers add only what they alone know, with err_context(). The
 * kind decides policy (retry, give up, stop); policy lives with the flows.
 *
 *     bool thing_load(struct str path, struct err *e) MUST_CHECK;
 *     ...
 *     return err_set(e, ERR_INPUT, "%s: no such file; create it with `godwit init`", p);
 */
#ifndef GODWIT_BASE_ERR_H
#define GODWIT_BASE_ERR_H

#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))

enum err_kind {
    ERR_NONE,
    ERR_INPUT,     /* what was given is wrong: refuse it, say where */
    ERR_TEMPORARY, /* the same call may succeed later */
    ERR_PERMANENT, /* it will not, and it is not the input's fault */
    ERR_BUG        /* an invariant of ours does not hold */
};

struct err {
    enum err_kind kind;
    char text[1000]; /* UTF-8, no line end; cut at a character if too long */
};

#define ERR_INIT ((struct err){0})

/* Sets e (NULL is fine) and returns false, so that it can be returned. */
bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the text. Returns false. */
bool err_context(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *err_kind_name(enum err_kind kind); /* "input", "temporary", ... */

#endif
