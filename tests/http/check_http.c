/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/http/check_http.h"

#include <signal.h>
#include <stdlib.h>

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    SRunner *r = srunner_create(suite_http_server());
    srunner_add_suite(r, suite_verdict());
    srunner_add_suite(r, suite_keyword());
    srunner_add_suite(r, suite_post_form());
    srunner_add_suite(r, suite_event_api());
    srunner_add_suite(r, suite_inbound_mail());
    srunner_add_suite(r, suite_page());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
