/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/engine/check_engine.h"

#include <stdlib.h>

int main(void) {
    SRunner *r = srunner_create(suite_cursor());
    srunner_add_suite(r, suite_flow());
    srunner_add_suite(r, suite_pace());
    srunner_add_suite(r, suite_retry());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
