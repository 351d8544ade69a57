/* SPDX-License-Identifier: Apache-2.0
 *
 * reference: docs/reference.md, made from the tables of commands, files, functions
 * and filters, so that it cannot say anything else than the program does.
 */
#ifndef GODWIT_CLI_REFERENCE_H
#define GODWIT_CLI_REFERENCE_H

#include "cli/command.h"

#include <stdio.h>

void reference_write(FILE *out, const struct command *const *commands, size_t n);

#endif
