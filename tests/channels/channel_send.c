/* SPDX-License-Identifier: Apache-2.0
 * Sends messages through a driver, for tests against real counterparts:
 *     channel_send DRIVER KIND [SETTING VALUE]... -- [TO TEXT]...
 * Prints a line each: outcome code segments id reason. */
#include "config.h"

#include "tests/channels/fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct channel_text text_of(const char *p) {
    return (struct channel_text){p, strlen(p)};
}

/* Of all that a campaign's mail has. */
static void add_mail(struct channel_message *m, const char *text) {
    static struct channel_header headers[3];
    static struct channel_attachment file;
    headers[0] = (struct channel_header){text_of("List-Unsubscribe"),
                                         text_of("<https://acme.example/u/0123456789abcdef>")};
    headers[1] = (struct channel_header){text_of("List-Unsubscribe-Post"),
                                         text_of("List-Unsubscribe=One-Click")};
    headers[2] = (struct channel_header){text_of("X-Note"), text_of("two  words, 你好 🐦")};
    file = (struct channel_attachment){text_of("型錄 2026 春.txt"), text_of("text/plain"),
                                       text_of("a file\n")};
    m->subject = text_of("歡迎回來 🐦 welcome");
    m->text = text_of(text);
    m->html = text_of("<p>one\ttab  and blanks </p>\n\n\n");
    m->headers = headers;
    m->header_count = 3;
    m->attachments = &file;
    m->attachment_count = 1;
}

static int argc;
static char **argv;

START_TEST(send_all) {
    static struct fixture f;
    static const char *const outcomes[] = {"accepted", "refused", "deferred", "doubt", "unsent"};
    const char *settings[60] = {NULL};
    int i = 3;
    for (size_t n = 0; i < argc && n < 58 && strcmp(argv[i], "--") != 0; i++)
        settings[n++] = argv[i];
    fixture_open(&f, argv[1], settings);
    for (i++; i + 1 < argc; i += 2) {
        struct channel_message *m = fixture_add(&f, argv[i]);
        m->id = text_of("0123456789abcdef@acme.example");
        if (strcmp(argv[2], "email") == 0) {
            add_mail(m, argv[i + 1]);
            continue;
        }
        m->kind = strcmp(argv[2], "sms") == 0 ? CHANNEL_SMS : CHANNEL_WEBHOOK;
        m->sms = m->body = text_of(argv[i + 1]);
    }
    fixture_run(&f);
    for (size_t n = 0; n < f.wanted; n++)
        printf("%s %d %d %s %s\n", outcomes[f.results[n].result.outcome], f.results[n].result.code,
               f.results[n].result.segments, f.results[n].id[0] ? f.results[n].id : "-",
               f.results[n].reason);
}
END_TEST

/* The fixture asserts, so it runs as a test. */
int main(int given, char **words) {
    Suite *s = suite_create("send");
    TCase *t = tcase_create("send");
    argc = given;
    argv = words;
    if (argc < 4)
        return 2;
    tcase_add_test(t, send_all);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK);
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
