/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_CEL_H
#define TESTS_CHECK_CEL_H

#include "base/arena.h"
#include "rules/cel.h"

#include <check.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

Suite *suite_cel_language(void);
Suite *suite_cel_check(void);
Suite *suite_cel_limits(void);
Suite *suite_cel_behaviour(void);
Suite *suite_cel_next(void);
Suite *suite_cel_program(void);
Suite *suite_trigger(void);
Suite *suite_campaign(void);

/* Compiles, or fails the test with the first issue. */
const struct cel_program *must_compile(struct arena *a, const struct cel_env *env,
                                       const char *source);
/* The value as text, or "error: ...". */
const char *evaluated(struct arena *a, const struct cel_program *p,
                      const struct cel_activation *act);

#endif
