/* SPDX-License-Identifier: Apache-2.0
 *
 * args: reads a command line against a command's table of options, and prints
 * the help page made from it. GNU style: --name VALUE, --name=VALUE, -x VALUE,
 * options and arguments in any order, `--` ends the options. Main thread.
 */
#ifndef GODWIT_CLI_ARGS_H
#define GODWIT_CLI_ARGS_H

#include "cli/command.h"

#include <stdio.h>

/* argv without the program and the command's name; its pointers are kept and
 * reordered. -1: go on and run; otherwise the exit status (help was shown, or
 * what is wrong was said on standard error). */
int args_parse(const struct command *c, int argc, char **argv, struct args *out);

void args_help(const struct command *c, FILE *out);

#endif
