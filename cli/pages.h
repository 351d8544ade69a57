/* SPDX-License-Identifier: Apache-2.0
 *
 * pages: the man page and the bash completion, made from the tables of commands,
 * so that they cannot say anything else than --help. Used when building.
 */
#ifndef GODWIT_CLI_PAGES_H
#define GODWIT_CLI_PAGES_H

#include "cli/command.h"

#include <stdio.h>

void pages_man(FILE *out, const struct command *const *commands, size_t n);
void pages_completion(FILE *out, const struct command *const *commands, size_t n);

#endif
