/* SPDX-License-Identifier: Apache-2.0
 *
 * command: what a subcommand of `godwit` is. Each lives in cli/cmd_NAME.c and
 * exports one `const struct command cmd_NAME`, listed in main.c; help pages and
 * the man page are generated from these tables.
 *
 * run() returns the exit status: 0 done, 1 the input or the world is wrong (said
 * on standard error), 2 wrong usage; a command that others call may have one status of its
 * own for both.
 */
#ifndef GODWIT_CLI_COMMAND_H
#define GODWIT_CLI_COMMAND_H

#include "base/str.h"

#include <stdbool.h>

#define EXIT_DONE 0
#define EXIT_WRONG 1
#define EXIT_USAGE 2

#define ARGS_MAX 64 /* options given at once */

struct args;

struct command_option {
    const char *name;  /* long name without the dashes; NULL ends the list */
    char letter;       /* short form, or 0 */
    const char *value; /* what the value is called ("DIR"), or NULL: a switch */
    const char *help;
};

struct command {
    const char *name;
    const char *arguments;                /* "customers|events FILE.csv|-" */
    const char *summary;                  /* one line */
    const char *about;                    /* some lines; may be NULL */
    const char *example;                  /* what to type, some lines */
    const struct command_option *options; /* on top of --help and -C DIR, which all have */
    int least, most;                      /* number of positional arguments; most -1: no limit */
    int failure;                          /* exit status instead of 1 and 2; 0: those */
    int (*run)(const struct args *args);
};

/* What was typed, checked against the command's options. */
struct args {
    const struct command *command;
    const char *workspace; /* -C DIR, "." by default */
    int n;                 /* positional arguments */
    char **positional;
    int given;
    struct {
        const struct command_option *option;
        const char *value; /* NULL for a switch */
    } option[ARGS_MAX];
};

/* The last value given for --name, or NULL; a switch gives "". */
const char *args_get(const struct args *a, const char *name);
/* The i-th value given for a repeatable option (from 0), or NULL. */
const char *args_nth(const struct args *a, const char *name, int i);

/* Prints "godwit NAME: message" and how to get help; returns EXIT_USAGE. */
int args_usage(const struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
