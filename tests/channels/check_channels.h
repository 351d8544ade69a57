/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GODWIT_TESTS_CHANNELS_CHECK_CHANNELS_H
#define GODWIT_TESTS_CHANNELS_CHECK_CHANNELS_H

#include <check.h>

Suite *suite_dkim(void);
Suite *suite_drivers(void);
Suite *suite_email_address(void);
Suite *suite_email_bounce(void);
Suite *suite_email_mime(void);
Suite *suite_hook(void);
Suite *suite_http(void);
Suite *suite_local(void);
Suite *suite_relay_pool(void);
Suite *suite_relay_reply(void);
Suite *suite_sms(void);
Suite *suite_smtp(void);
Suite *suite_smtp_secure(void);
Suite *suite_worker(void);

#endif
