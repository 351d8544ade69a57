/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "cli/capture_header.h"
#include "cli/capture_session.h"
#include "tests/cli/check_cli.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena *a;
static struct buf mails; /* "from>to,to:data|" of each mail */
static bool refuse;

static bool on_mail(void *ctx, const struct capture_envelope *e, struct str data) {
    (void)ctx;
    buf_printf(&mails, "%.*s>", STR_FMT(e->from));
    for (size_t i = 0; i < e->n; i++)
        buf_printf(&mails, "%s%.*s", i ? "," : "", STR_FMT(e->to[i]));
    buf_add_char(&mails, ':');
    buf_add_str(&mails, data);
    buf_add_char(&mails, '|');
    return !refuse;
}

static void setup(void) {
    a = arena_new(0);
    mails = BUF_IN(a);
    refuse = false;
}

static void teardown(void) {
    arena_free(a);
}

#define MAIL "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
#define OK "220 250-250-250-250-250-250 250 250 354 "

static const struct {
    const char *in;
    const char *codes; /* of the replies; '-' in a reply that goes on */
    const char *mails;
} talks[] = {
    {"", "220 ", ""},
    {"HELO x\r\nQUIT\r\nNOOP\r\n", "220 250 221 ", ""},
    {MAIL "Subject: x\r\n\r\nhi\r\n.\r\nQUIT\r\n", OK "250 221 ",
     "a@b>c@d:Subject: x\r\n\r\nhi\r\n|"},
    /* dots: stuffed, alone, the end at once, no end in disguise */
    {MAIL "..\r\n.a\r\n...\r\nb.\r\n.\r\n", OK "250 ", "a@b>c@d:.\r\na\r\n..\r\nb.\r\n|"},
    {MAIL ".\r\n", OK "250 ", "a@b>c@d:|"},
    {MAIL "x\n.\nMAIL FROM:<e@f>\r\n.\n\r\n\n.\r\n\r\n.\r\n", OK "250 ",
     "a@b>c@d:x\n.\nMAIL FROM:<e@f>\r\n\n\r\n\n.\r\n\r\n|"},
    {MAIL "x\r.\r\r\n.\r\n", OK "250 ", "a@b>c@d:x\r.\r\r\n|"},
    /* nobody is there */
    {"HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bounce-7@d>\r\nRCPT TO:<bouncy@d>\r\nDATA\r\n.\r\n",
     "220 250 250 550 250 354 250 ", "a@b>bouncy@d:|"},
    /* order */
    {"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", "220 503 503 503 ", ""},
    {"HELO x\r\nMAIL FROM:<a@b>\r\nDATA\r\nMAIL FROM:<a@b>\r\nRSET\r\nRCPT TO:<c@d>\r\n",
     "220 250 250 503 503 250 503 ", ""},
    {"HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nEHLO y\r\nDATA\r\n",
     "220 250 250 250 250-250-250-250-250-250 503 ", ""},
    {"RSET\r\nMAIL FROM:<a@b>\r\n", "220 250 503 ", ""},
    {"HELO\r\nEHLO \r\nHELO a\x01\r\n", "220 501 501 501 ", ""},
    /* several recipients, several mails, the empty sender, lower case, a space, a bare LF */
    {"helo x\nmail from: <>\nrcpt to: <c@d>\nrcpt to:<e@f>\ndata\na\r\n.\r\n"
     "MAIL FROM:<g@h>\r\nRCPT TO:<i@j>\r\nDATA\r\nb\r\n.\r\n",
     "220 250 250 250 250 354 250 250 250 354 250 ", ">c@d,e@f:a\r\n|g@h>i@j:b\r\n|"},
    /* addresses */
    {"HELO x\r\nMAIL FROM:a@b\r\nMAIL FROM:<a@b\r\nMAIL FROM:<a@b>x\r\nMAIL FROM:\r\n",
     "220 250 501 501 501 501 ", ""},
    {"HELO x\r\nMAIL FROM:<@r,@s:a@b>\r\nRCPT TO:<\"c>\\\"d\"@e>\r\nRCPT TO:<>\r\nDATA\r\n.\r\n",
     "220 250 250 250 553 354 250 ", "a@b>\"c>\\\"d\"@e:|"},
    {"HELO x\r\nMAIL FROM:<a\rb@c>\r\nMAIL FROM:<a\xff@c>\r\nMAIL FROM:<\xc3\xa9@c>\r\n",
     "220 250 553 553 553 ", ""},
    {"EHLO x\r\nMAIL FROM:<\xc3\xa9@c> SMTPUTF8 BODY=8BITMIME\r\nRCPT "
     "TO:<\xc3\xa9@d>\r\nDATA\r\n.\r\n"
     "MAIL FROM:<a@b>\r\nRCPT TO:<\xc3\xa9@d>\r\n",
     "220 250-250-250-250-250-250 250 250 354 250 250 553 ", "\xc3\xa9@c>\xc3\xa9@d:|"},
    /* parameters */
    {"EHLO x\r\nMAIL FROM:<a@b> SIZE=99999999999\r\nMAIL FROM:<a@b> SIZE=x\r\n"
     "MAIL FROM:<a@b> X=1\r\nMAIL FROM:<a@b> SIZE=5 BODY=7bit\r\nRCPT TO:<c@d> NOTIFY=NEVER\r\n",
     "220 250-250-250-250-250-250 552 555 555 250 555 ", ""},
    {"VRFY x\r\nNOOP x\r\nHELP\r\nEXPN x\r\nSTARTTLS\r\nDATAX\r\n\r\n",
     "220 252 250 214 500 500 500 500 ", ""},
};

/* "250-" for a line that goes on, "250 " for the last of a reply. */
static struct str codes_of(struct str out) {
    struct buf b = BUF_IN(a);
    struct str line;
    while (str_split(&out, '\n', &line))
        if (line.n)
            buf_add_str(&b, str_sub(line, 0, 4));
    buf_cstr(&b);
    return buf_str(&b);
}

/* Each conversation in one piece, and byte by byte. */
START_TEST(a_conversation_is_answered) {
    struct str in = str_from(talks[_i / 2].in);
    size_t step = _i % 2 ? 1 : in.n + 1;
    struct capture_budget budget = {.most = 1 << 20};
    struct buf out = BUF_HEAP;
    struct capture_session *s = capture_session_new(&budget, on_mail, NULL, &out);
    for (size_t at = 0; at < in.n; at += step)
        if (!capture_session_feed(s, str_sub(in, at, at + step), &out))
            break;
    struct str codes = codes_of(buf_str(&out));
    ck_assert_msg(strcmp(codes.p, talks[_i / 2].codes) == 0, "%s: wanted %s, got %s", in.p,
                  talks[_i / 2].codes, codes.p);
    ck_assert_str_eq(buf_cstr(&mails), talks[_i / 2].mails);
    capture_session_free(s);
    ck_assert_uint_eq(budget.used, 0);
    buf_close(&out);
}
END_TEST

static const char *after(struct capture_session *s, const char *in, struct buf *out) {
    buf_clear(out);
    capture_session_feed(s, str_from(in), out);
    return buf_cstr(out);
}

static void feed_mail(struct capture_session *s, size_t bytes, struct buf *out) {
    char *block = arena_alloc(a, 65536);
    memset(block, 'x', 65536);
    capture_session_feed(s, S(MAIL), out);
    for (size_t n = 0; n < bytes; n += 65536)
        capture_session_feed(s, str_of(block, 65536), out);
}

START_TEST(limits_are_kept) {
    struct capture_budget budget = {.most = (size_t)64 << 20};
    struct buf out = BUF_HEAP;
    struct capture_session *s = capture_session_new(&budget, on_mail, NULL, &out);
    feed_mail(s, CAPTURE_SESSION_BYTES + 1, &out);
    ck_assert_uint_eq(budget.used, 0); /* let go before the end came */
    ck_assert_int_eq(strncmp(after(s, "\r\n.\r\n", &out), "552 ", 4), 0);
    budget.most = 100000;
    feed_mail(s, 500000, &out);
    ck_assert_uint_eq(budget.used, 0);
    ck_assert_int_eq(strncmp(after(s, "\r\n.\r\n", &out), "452 ", 4), 0);
    ck_assert_uint_eq(mails.n, 0);
    refuse = true;
    feed_mail(s, 10, &out);
    ck_assert_int_eq(strncmp(after(s, "\r\n.\r\n", &out), "452 ", 4), 0);
    capture_session_feed(s, S("MAIL FROM:<a@b>\r\n"), &out);
    for (unsigned i = 0; i <= CAPTURE_SESSION_RECIPIENTS; i++)
        after(s, "RCPT TO:<c@d>\r\n", &out);
    ck_assert_int_eq(strncmp(buf_cstr(&out), "452 ", 4), 0);
    capture_session_free(s);
    buf_close(&out);
}
END_TEST

START_TEST(long_lines_and_many_mistakes_end_it) {
    struct capture_budget budget = {.most = 1 << 20};
    struct buf out = BUF_HEAP;
    struct capture_session *s = capture_session_new(&budget, on_mail, NULL, &out);
    char *line = arena_alloc(a, 100001);
    memset(line, 'x', 100000);
    line[100000] = '\0';
    after(s, line, &out);
    after(s, line, &out);
    ck_assert_uint_eq(out.n, 0);
    ck_assert_int_eq(strncmp(after(s, "\r\n", &out), "500 ", 4), 0);
    int n = 1;
    bool going = true;
    for (; going && n < 100; n++)
        going = capture_session_feed(s, S("WHAT\r\n"), &out);
    ck_assert_int_eq(n, CAPTURE_SESSION_MISTAKES);
    capture_session_free(s);
    buf_close(&out);
}
END_TEST

static const struct {
    const char *mail, *want; /* NULL: there is none */
} subjects[] = {
    {"Subject: Hello\r\n\r\n", "Hello"},
    {"From: x\nSUBJECT:  a\n b\n\tc\nTo: y\n", "a b c"},
    {"From: x\r\n\r\nSubject: in the body\r\n", NULL},
    {"Subjects: x\r\nX: y\r\n\r\n", NULL},
    {"Subject:\r\n\r\n", ""},
    {"", NULL},
    {"Subject: =?UTF-8?Q?caf=C3=A9_x?=\r\n\r\n", "caf\xc3\xa9 x"},
    {"Subject: =?utf-8?b?5Y+w5YyX?= =?utf-8?B?6Iy2?=\r\n =?utf-8?q?!?= end\r\n\r\n",
     "\xe5\x8f\xb0\xe5\x8c\x97\xe8\x8c\xb6! end"},
    {"Subject: =?UTF-8?Q?=E5=8F?= =?UTF-8?Q?=B0?=\r\n\r\n", "\xe5\x8f\xb0"},
    {"Subject: =?ISO-2022-JP?B?GyRC?= =?UTF-8?Q?=4?= =?UTF-8?Q\r\n\r\n",
     "=?ISO-2022-JP?B?GyRC?= =?UTF-8?Q?=4?= =?UTF-8?Q"},
    {"Subject: =?UTF-8?Q?a=0D=0Ab=1B[2J?=\xff\r\n\r\n", "a  b [2J\xef\xbf\xbd"},
};

START_TEST(a_header_is_read_as_people_do) {
    struct buf b = BUF_IN(a);
    bool found = capture_header(str_from(subjects[_i].mail), S("Subject"), &b);
    ck_assert_int_eq(found, subjects[_i].want != NULL);
    ck_assert_str_eq(buf_cstr(&b), found ? subjects[_i].want : "");
}
END_TEST

Suite *suite_capture(void) {
    Suite *s = suite_create("capture");
    TCase *t = tcase_create("capture");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_conversation_is_answered, 0, 2 * (int)(sizeof talks / sizeof *talks));
    tcase_add_test(t, limits_are_kept);
    tcase_add_test(t, long_lines_and_many_mistakes_end_it);
    tcase_add_loop_test(t, a_header_is_read_as_people_do, 0,
                        (int)(sizeof subjects / sizeof *subjects));
    suite_add_tcase(s, t);
    return s;
}
