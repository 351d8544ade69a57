/* SPDX-License-Identifier: Apache-2.0
 *
 * starter: the files of cli/starter/, built into the program for `godwit init`.
 */
#ifndef GODWIT_CLI_STARTER_H
#define GODWIT_CLI_STARTER_H

struct starter_file {
    const char *path; /* relative to the workspace; NULL ends the table */
    const char *text;
};

extern const struct starter_file starter_files[];

#endif
