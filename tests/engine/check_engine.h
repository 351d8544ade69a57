/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_ENGINE_H
#define TESTS_CHECK_ENGINE_H

#include <check.h>

Suite *suite_cursor(void);
Suite *suite_flow(void);
Suite *suite_pace(void);
Suite *suite_retry(void);

#endif
