/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/base/check_base.h"

#include <stdlib.h>

int main(void) {
    SRunner *r = srunner_create(suite_arena());
    srunner_add_suite(r, suite_str());
    srunner_add_suite(r, suite_err());
    srunner_add_suite(r, suite_csv());
    srunner_add_suite(r, suite_diag());
    srunner_add_suite(r, suite_digest());
    srunner_add_suite(r, suite_token());
    srunner_add_suite(r, suite_keyring());
    srunner_add_suite(r, suite_value());
    srunner_add_suite(r, suite_json());
    srunner_add_suite(r, suite_log());
    srunner_add_suite(r, suite_yamlfile());
    srunner_add_suite(r, suite_wallclock());
    srunner_add_suite(r, suite_calendar());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
