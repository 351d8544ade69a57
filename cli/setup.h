/* SPDX-License-Identifier: Apache-2.0
 *
 * setup: what most commands begin with: the workspace, its database (the embedded
 * one is started if it is not running), the schema brought up to date.
 *
 * A failure has been said on standard error when a function here returns false or
 * NULL; the command exits with EXIT_WRONG.
 */
#ifndef GODWIT_CLI_SETUP_H
#define GODWIT_CLI_SETUP_H

#include "base/arena.h"
#include "base/io/dbsync.h"
#include "cli/command.h"
#include "engine/cluster.h"
#include "engine/workspace.h"

struct setup {
    struct arena *arena;
    struct workspace *workspace; /* held */
    char *conninfo;              /* in the arena */
    struct cluster *cluster;     /* NULL: the database is not ours */
};

/* The workspace; mistakes are said, warnings are left to `check`. */
bool setup_workspace(const struct args *args, struct setup *s) MUST_CHECK;
/* The same, and the database. */
bool setup_database(const struct args *args, struct setup *s) MUST_CHECK;
/* The same for what must go also while a campaign or template is being repaired: if only
 * godwit.yaml is good, the workspace is that alone. */
bool setup_database_anyway(const struct args *args, struct setup *s) MUST_CHECK;
void setup_close(struct setup *s);

/* Says "godwit COMMAND: text" on standard error; returns EXIT_WRONG. */
int setup_fail(const struct args *args, const struct err *e);

/* Whether standard error shows colours: a terminal, and NO_COLOR is not set. */
bool setup_colour(void);

#endif
