/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/channels/check_channels.h"

#include <stdlib.h>

int main(void) {
    SRunner *r = srunner_create(suite_email_address());
    srunner_add_suite(r, suite_email_bounce());
    srunner_add_suite(r, suite_email_mime());
    srunner_add_suite(r, suite_relay_reply());
    srunner_add_suite(r, suite_dkim());
    srunner_add_suite(r, suite_relay_pool());
    srunner_add_suite(r, suite_worker());
    srunner_add_suite(r, suite_drivers());
    srunner_add_suite(r, suite_local());
    srunner_add_suite(r, suite_sms());
    srunner_add_suite(r, suite_http());
    srunner_add_suite(r, suite_hook());
    srunner_add_suite(r, suite_smtp());
    srunner_add_suite(r, suite_smtp_secure());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
