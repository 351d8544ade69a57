/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/cli/check_cli.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGPIPE, SIG_IGN);
    SRunner *r = srunner_create(suite_progress());
    srunner_add_suite(r, suite_capture());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
