/* SPDX-License-Identifier: Apache-2.0
 *
 * The suites of tests/check_decide, and what they share.
 */
#ifndef GODWIT_TESTS_ENGINE_CHECK_DECIDE_H
#define GODWIT_TESTS_ENGINE_CHECK_DECIDE_H

#include "engine/workspace.h"

#include <check.h>

Suite *suite_decide(void);
Suite *suite_decide_cdnow(void);
Suite *suite_care(void);
Suite *suite_behaviour_pack(void);
Suite *suite_membership(void);
Suite *suite_chances(void);
Suite *suite_attribution(void);
Suite *suite_workspace(void);

/* The absolute or relative path of tests/data/NAME, in the arena. */
struct str data_path(struct arena *a, const char *name);

/* Loads tests/data/NAME, which must have no mistakes. */
struct workspace *load_good(const char *name);

/* A property map from JSON. */
struct value from_json(struct arena *a, const char *json);

#endif
