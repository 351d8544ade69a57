/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/templates/check_templates.h"

#include <stdlib.h>

int main(void) {
    SRunner *r = srunner_create(suite_liquid());
    srunner_add_suite(r, suite_messages());
    srunner_add_suite(r, suite_isolation());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
