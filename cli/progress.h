/* SPDX-License-Identifier: Apache-2.0
 *
 * progress: how far a long command is. On a terminal one line that is drawn over
 * itself, at most ten times a second; elsewhere the same text as a line of its own
 * every ten seconds, so that a log stays readable.
 *
 * Call as often as you like: what is not due costs a look at the clock. Texts are
 * borrowed for the call; control characters in them are shown as spaces. No colours.
 * One thread. Nothing else may draw on the same terminal line; whole lines go out
 * through progress_say(), or land above the line if they are longer than it.
 */
#ifndef GODWIT_CLI_PROGRESS_H
#define GODWIT_CLI_PROGRESS_H

#include "base/str.h"

#include <stdio.h>

struct progress;

struct progress_look {
    FILE *to;
    bool live;                 /* a terminal that can draw over a line */
    int columns;               /* 0: asked of the terminal at each drawing */
    int64_t (*clock_us)(void); /* any clock that never goes back */
};

/* How `to` (usually stderr) is to be drawn on. */
struct progress_look progress_look(FILE *to);

struct progress *progress_new(struct progress_look look);

/* "import events  [=====>     ]  42 %  9,900 of 23,570  8,100/s  0:02 left  DETAIL"; with a
 * total of 0 (unknown) without bar, per cent and time left. `detail` may be empty. */
void progress_bar(struct progress *p, struct str label, int64_t done, int64_t total,
                  struct str detail);
/* Any text. */
void progress_status(struct progress *p, struct str text);
/* A whole line, above the live one. */
void progress_say(struct progress *p, struct str line);
/* Takes the live line away until it is next drawn: others are about to print. */
void progress_clear(struct progress *p);
/* Takes the live line away; `last` is printed unless it is empty. Frees p; NULL is fine. */
void progress_end(struct progress *p, struct str last);

/* "23,570" */
void progress_number(struct buf *out, int64_t n);

#endif
