/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_TEMPLATES_H
#define TESTS_CHECK_TEMPLATES_H

#include <check.h>

Suite *suite_liquid(void);
Suite *suite_messages(void);
Suite *suite_isolation(void);

#endif
