/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_BASE_H
#define TESTS_CHECK_BASE_H
#include <check.h>
Suite *suite_value(void);
#endif
