/* SPDX-License-Identifier: Apache-2.0
 *
 * test_run: one test of a workspace, on a customer's timeline (engine/decide/timeline.h);
 * what differs from what it expects is added to the diagnostics, at its place in the file.
 */
#ifndef GODWIT_CLI_TEST_RUN_H
#define GODWIT_CLI_TEST_RUN_H

#include "cli/test_file.h"
#include "engine/workspace.h"

void test_run(const struct workspace *w, const struct yamlfile *file, const struct test_case *test,
              struct arena *a, struct diags *d);

#endif
