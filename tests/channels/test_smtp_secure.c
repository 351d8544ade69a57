/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/channels/check_channels.h"
#include "tests/channels/fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* TLS and AUTH. Three messages over one connection; a certificate for localhost that
 * is its own authority, and another one. */
#define TLS "--tls", "CERT", "KEY"
#define LOGIN "--auth", "ada:secret", "--require-auth"

static const struct scenario {
    const char *name;
    const char *driver;
    const char *args[12];
    const char *settings[12];
    enum channel_outcome outcome;
    enum channel_subject subject;
    size_t recorded;
    const char *word; /* in the reason, or in each line of the log when accepted */
} scenarios[] = {
    {"opportunistic, offered",
     "smtp",
     {TLS},
     {"starttls", "opportunistic"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "\"tls\": \"TLSv1.2\""},
    {"opportunistic, not offered",
     "smtp",
     {NULL},
     {"starttls", "opportunistic"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "\"tls\": false"},
    {"off, offered",
     "smtp",
     {TLS},
     {"starttls", "off"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "\"tls\": false"},
    {"required, trusted",
     "smtp",
     {TLS},
     {"starttls", "required", "ca_file", "CERT"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "\"tls\": \"TLSv1.2\""},
    {"required, not offered",
     "smtp",
     {NULL},
     {"starttls", "required"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "does not offer STARTTLS"},
    {"required, unknown authority",
     "smtp",
     {TLS},
     {"starttls", "required", "ca_file", "OTHER"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "certificate"},
    {"required, unknown authority, not verified",
     "smtp",
     {TLS},
     {"starttls", "required", "ca_file", "OTHER", "verify", "false"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "\"tls\": \"TLSv1.2\""},
    {"required, other name",
     "smtp",
     {TLS},
     {"host", "127.0.0.1", "starttls", "required", "ca_file", "CERT"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "another name"},
    {"STARTTLS refused",
     "smtp",
     {TLS, "--rule", "starttls=454 4.7.0 not now"},
     {"starttls", "required"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_DESTINATION,
     0,
     "not now"},
    {"handshake breaks",
     "smtp",
     {TLS, "--rule", "starttls=220 go; cut"},
     {"starttls", "required"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_DESTINATION,
     0,
     "STARTTLS"},
    {"login",
     "smtp",
     {LOGIN},
     {"username", "ada", "password", "secret"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "\"user\": \"ada\""},
    {"login inside TLS only",
     "smtp",
     {TLS, LOGIN, "--auth-tls"},
     {"username", "ada", "password", "secret", "starttls", "required", "ca_file", "CERT"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "\"user\": \"ada\""},
    {"wrong password",
     "smtp",
     {LOGIN},
     {"username", "ada", "password", "wrong"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "refused the login"},
    {"wrong password, and a relay that takes mail without",
     "smtp",
     {"--auth", "ada:secret"},
     {"username", "ada", "password", "wrong"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "refused the login"},
    {"login not offered",
     "smtp",
     {NULL},
     {"username", "ada", "password", "secret"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "offers no login"},
    {"login cannot be checked now",
     "smtp",
     {LOGIN, "--rule", "auth=454 4.7.0 backend down"},
     {"username", "ada", "password", "secret"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_DESTINATION,
     0,
     "backend down"},
    {"no login given, but wanted",
     "smtp",
     {LOGIN},
     {NULL},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "authentication required"},
    {"from the first byte",
     "smtps",
     {TLS, "--tls-first"},
     {"ca_file", "CERT"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "\"tls\": \"TLSv1.3\""},
    {"by STARTTLS",
     "smtps",
     {TLS},
     {"tls", "starttls", "ca_file", "CERT"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "\"tls\": \"TLSv1.3\""},
    {"smtps, STARTTLS not offered",
     "smtps",
     {NULL},
     {"tls", "starttls", "ca_file", "CERT"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "does not offer STARTTLS"},
    {"smtps, unknown authority",
     "smtps",
     {TLS, "--tls-first"},
     {"ca_file", "OTHER"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "certificate"},
    {"smtps by STARTTLS, unknown authority",
     "smtps",
     {TLS},
     {"tls", "starttls", "ca_file", "OTHER"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "certificate"},
    {"smtps, not verified",
     "smtps",
     {TLS, "--tls-first"},
     {"ca_file", "OTHER", "verify", "false"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "TLSv1.3"},
    {"smtps, other name",
     "smtps",
     {TLS, "--tls-first"},
     {"host", "127.0.0.1", "ca_file", "CERT"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "127.0.0.1"},
    {"smtps, the relay speaks no TLS",
     "smtps",
     {NULL},
     {"ca_file", "CERT"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_DESTINATION,
     0,
     "SSL"},
    {"smtps, STARTTLS refused",
     "smtps",
     {TLS, "--rule", "starttls=454 4.7.0 not now"},
     {"tls", "starttls"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_DESTINATION,
     0,
     "not now"},
    {"smtps, login",
     "smtps",
     {TLS, "--tls-first", LOGIN},
     {"username", "ada", "password", "secret", "ca_file", "CERT"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "\"user\": \"ada\""},
    {"smtps, login after STARTTLS",
     "smtps",
     {TLS, LOGIN, "--auth-tls"},
     {"tls", "starttls", "username", "ada", "password", "secret", "ca_file", "CERT"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "\"user\": \"ada\""},
    {"smtps, wrong password",
     "smtps",
     {TLS, "--tls-first", LOGIN},
     {"username", "ada", "password", "wrong", "ca_file", "CERT"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "refused the login"},
    {"smtps, wrong password, and silent at QUIT",
     "smtps",
     {TLS, "--tls-first", LOGIN, "--rule", "quit=stall"},
     {"username", "ada", "password", "wrong", "ca_file", "CERT"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "refused the login"},
    {"smtps, silent at QUIT",
     "smtps",
     {TLS, "--tls-first", "--rule", "quit=stall"},
     {"ca_file", "CERT"},
     CHANNEL_ACCEPTED,
     CHANNEL_SUBJECT_NONE,
     3,
     "TLSv1.3"},
    {"smtps, login not offered",
     "smtps",
     {TLS, "--tls-first"},
     {"username", "ada", "password", "secret", "ca_file", "CERT"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_CHANNEL,
     0,
     "offers no login"},
    {"smtps, login cannot be checked now",
     "smtps",
     {TLS, "--tls-first", LOGIN, "--rule", "auth=454 4.7.0 backend down"},
     {"username", "ada", "password", "secret", "ca_file", "CERT"},
     CHANNEL_UNSENT,
     CHANNEL_SUBJECT_DESTINATION,
     0,
     "backend down"},
};

/* CERT, KEY and OTHER stand for the files' names. */
static const char *file_of(const char *word) {
    return strcmp(word, "CERT") == 0    ? fixture_tls.cert
           : strcmp(word, "KEY") == 0   ? fixture_tls.key
           : strcmp(word, "OTHER") == 0 ? fixture_tls.other
                                        : word;
}

START_TEST(scenario) {
    const struct scenario *s = &scenarios[_i];
    static struct fixture f;
    struct fixture_peer peer;
    const char *args[13] = {NULL};
    char port[8];
    const char *settings[24] = {"host", "localhost",    "connections", "1",    "reply_timeout",
                                "2s",   "idle_timeout", "100ms",       "port", port};
    for (size_t i = 0; i < 12 && s->args[i]; i++) {
        args[i] = file_of(s->args[i]);
    }
    for (size_t i = 0; i < 12 && s->settings[i]; i++) {
        settings[10 + i] = file_of(s->settings[i]);
    }
    fixture_peer_start(&peer, args);
    snprintf(port, sizeof port, "%d", peer.port);
    fixture_open(&f, s->driver, settings);
    for (int i = 0; i < 3; i++) {
        fixture_add(&f, "ada@example.com");
    }
    fixture_run(&f);
    for (size_t i = 0; i < 3; i++) {
        const struct channel_result *r = &f.results[i].result;
        ck_assert_msg(r->outcome == s->outcome && r->subject == s->subject,
                      "%s: wanted %d/%d, got %d/%d: %s", s->name, (int)s->outcome, (int)s->subject,
                      (int)r->outcome, (int)r->subject, f.results[i].reason);
        ck_assert_msg(!strstr(f.results[i].reason, "secret"), "%s", f.results[i].reason);
    }
    ck_assert_uint_eq(fixture_peer_count(&peer, NULL), s->recorded);
    if (s->outcome == CHANNEL_ACCEPTED) {
        ck_assert_msg(fixture_peer_count(&peer, s->word) == s->recorded, "%s", s->name);
    } else {
        ck_assert_msg(strstr(f.results[0].reason, s->word) != NULL, "%s: wanted `%s` in: %s",
                      s->name, s->word, f.results[0].reason);
    }
    fixture_peer_stop(&peer);
}
END_TEST

Suite *suite_smtp_secure(void) {
    Suite *s = suite_create("smtp_secure");
    TCase *t = tcase_create("peer");
    tcase_set_timeout(t, 30);
    tcase_add_unchecked_fixture(t, fixture_tls_make, fixture_tls_remove);
    tcase_add_loop_test(t, scenario, 0, sizeof scenarios / sizeof *scenarios);
    suite_add_tcase(s, t);
    return s;
}
