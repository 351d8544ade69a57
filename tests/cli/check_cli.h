/* SPDX-License-Identifier: Apache-2.0
 *
 * check_cli: one suite for each file of cli/ that is tested by itself.
 */
#ifndef GODWIT_TESTS_CLI_CHECK_CLI_H
#define GODWIT_TESTS_CLI_CHECK_CLI_H

#include <check.h>

Suite *suite_capture(void);
Suite *suite_progress(void);

#endif
