/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_BASE_H
#define TESTS_CHECK_BASE_H

#include <check.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

Suite *suite_arena(void);
Suite *suite_str(void);
Suite *suite_err(void);
Suite *suite_csv(void);
Suite *suite_diag(void);
Suite *suite_digest(void);
Suite *suite_token(void);
Suite *suite_keyring(void);
Suite *suite_value(void);
Suite *suite_json(void);
Suite *suite_log(void);
Suite *suite_yamlfile(void);
Suite *suite_wallclock(void);
Suite *suite_calendar(void);

/* A reproducible stream of numbers for property tests (splitmix64). */
static inline unsigned long next_random(unsigned long *state) {
    unsigned long z = (*state += 0x9e3779b97f4a7c15UL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
    return z ^ (z >> 31);
}

#endif
