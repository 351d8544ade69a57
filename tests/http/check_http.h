/* SPDX-License-Identifier: Apache-2.0
 *
 * The suites of check_http: the HTTP server, and what reads what comes over it.
 */
#ifndef GODWIT_TESTS_HTTP_CHECK_HTTP_H
#define GODWIT_TESTS_HTTP_CHECK_HTTP_H

#include "base/str.h"

#include <check.h>

#define assert_text(got, wanted)                                                             \
    ck_assert_msg(str_eq((got), (wanted)), "wanted \"%.*s\", got \"%.*s\"", STR_FMT(wanted), \
                  STR_FMT(got))

Suite *suite_http_server(void);
Suite *suite_verdict(void);
Suite *suite_keyword(void);
Suite *suite_post_form(void);
Suite *suite_event_api(void);
Suite *suite_inbound_mail(void);
Suite *suite_page(void);

#endif
