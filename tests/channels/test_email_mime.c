/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "channels/email_mime.h"
#include "channels/email_text.h"
#include "tests/channels/check_channels.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CJK "\xe6\xad\xa1\xe8\xbf\x8e\xe5\x9b\x9e\xe4\xbe\x86\xef\xbc\x8c\xe9\x80\x99\xe6\x98\xaf"
#define CJK5 CJK CJK CJK CJK CJK
#define EMOJI "\xf0\x9f\x90\xa6\xf0\x9f\x8c\x8f"
#define LONG80 "https://shop.example/" L16 L16 L16 L16
#define L16 "abcdefghijklmnop"
#define L256 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16
#define WORDS "the quick brown fox jumps over the lazy dog and "

static const struct mail {
    const char *subject, *text, *html, *from_name, *to_name, *header, *value;
} mails[] = {
    {"Hello", "Hello Ada\n", "<p>Hello</p>\n", "Acme", "Ada", NULL, NULL},
    {"Only text", "x", NULL, "", "", NULL, NULL},
    {"Only HTML", NULL, "<b>x</b>", "", "", NULL, NULL},
    {CJK5 CJK5 CJK5, CJK5 "\n" CJK5 "\n", "<p>" CJK5 CJK5 "</p>", CJK, CJK5, "X-Note", CJK5},
    {EMOJI " mixed " CJK " and ASCII words behind it " EMOJI EMOJI EMOJI EMOJI EMOJI EMOJI EMOJI,
     EMOJI, EMOJI, EMOJI, "O'Neil \"the boss\", Ada (dear)", NULL, NULL},
    {WORDS WORDS WORDS "end", WORDS WORDS WORDS, "<p>" WORDS WORDS "</p>", "Acme, Inc.", "A.B.",
     "Feedback-ID", "c1:g1:welcome:acme1"},
    {L256 L256 L256 L256 L256, L256 L256 L256 L256 L256 "\n", L256 L256 "=" L256, L16, L16, NULL,
     NULL},
    {"=?utf-8?B?eA==?= looks encoded", ".\n..\n.dot\nFrom here\n>From\n", "a=b&amp;c=_d",
     "=?x?=", "", "List-Unsubscribe", "<" LONG80 ">, <mailto:u@acme.example?subject=stop>"},
    {"spaces", "trailing  \nspace \ttab\t\n   \n\n\n", "caf\xc3\xa9 \n cr\rlf\r\n", "a  b", "x",
     NULL, NULL},
    {"  padded\n", "caf\xc3\xa9 d\xc3\xa9j\xc3\xa0 vu, na\xc3\xafve r\xc3\xa9sum\xc3\xa9 " WORDS,
     "\x01\x02 control \x7f", "Caf\xc3\xa9", "", NULL, NULL},
    {"", "no subject", NULL, "", "", NULL, NULL},
    {"100 \xe2\x82\xac", "--=_godwit_\n", "--=_godwit_", "", "", "List-Unsubscribe-Post",
     "List-Unsubscribe=One-Click"},
};
#define MAILS (sizeof mails / sizeof *mails)

static struct channel_text text_of(const char *p) {
    return (struct channel_text){p, p ? strlen(p) : 0};
}

static struct channel_message message_of(const struct mail *m, struct channel_header *header) {
    *header = (struct channel_header){text_of(m->header), text_of(m->value)};
    return (struct channel_message){.kind = CHANNEL_EMAIL,
                                    .date_us = INT64_C(1795294690123456),
                                    .to = text_of("ada@example.com"),
                                    .to_name = text_of(m->to_name),
                                    .from_name = text_of(m->from_name),
                                    .from_address = text_of("hello@acme.example"),
                                    .message_id = text_of("<1.2.3@acme.example>"),
                                    .subject = text_of(m->subject),
                                    .text = text_of(m->text),
                                    .html = text_of(m->html),
                                    .headers = header,
                                    .header_count = m->header ? 1 : 0};
}

static void write_file(const char *folder, size_t n, const char *end, struct str data) {
    char path[200];
    snprintf(path, sizeof path, "%s/%zu.%s", folder, n, end);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data.p, 1, data.n, f), data.n);
    ck_assert_int_eq(fclose(f), 0);
}

static void put(struct arena *a, struct map *m, const char *key, const char *text) {
    map_set_str(a, m, str_from(key), value_str(str_from(text ? text : "")));
}

static void write_source(struct arena *a, const char *folder, size_t n) {
    const struct mail *m = &mails[n];
    struct map *map = map_new(a, 16), *headers = map_new(a, 2);
    put(a, map, "subject", m->subject);
    put(a, map, "text", m->text);
    put(a, map, "html", m->html);
    put(a, map, "from_name", m->from_name);
    put(a, map, "to_name", m->to_name);
    put(a, map, "from_address", "hello@acme.example");
    put(a, map, "to", "ada@example.com");
    put(a, map, "message_id", "<1.2.3@acme.example>");
    put(a, map, "date", "2026-11-21T20:58:10+00:00");
    if (m->header) {
        put(a, headers, m->header, m->value);
    }
    map_set_str(a, map, S("headers"), value_map(headers));
    struct buf out = BUF_IN(a);
    json_write(&out, value_map(map));
    write_file(folder, n, "json", buf_str(&out));
}

START_TEST(python_reads_the_same) {
    char folder[] = "/tmp/godwit-mime-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    struct arena *a = arena_new(0);
    for (size_t i = 0; i < MAILS; i++) {
        struct channel_header header;
        struct channel_message m = message_of(&mails[i], &header);
        struct email_mail mail, again;
        struct err e = ERR_INIT;
        ck_assert_msg(email_mime_compose(a, &m, &mail, &e), "mail %zu: %s", i, e.text);
        ck_assert(email_mime_compose(a, &m, &again, &e));
        ck_assert(str_eq(mail.data, again.data));
        write_file(folder, i, "eml", mail.data);
        write_source(a, folder, i);
    }
    char command[500];
    snprintf(command, sizeof command, "%s '%s/tests/channels/read_mail.py' %s && rm -r %s",
             PYTHON3_PATH, SOURCE_DIR, folder, folder);
    ck_assert_msg(system(command) == 0, "see above; the mails are in %s", folder);
    arena_free(a);
}
END_TEST

/* ---- what must be refused */

enum field {
    F_TO,
    F_TO_NAME,
    F_ENVELOPE,
    F_FROM_NAME,
    F_FROM,
    F_REPLY_TO,
    F_MESSAGE_ID,
    F_SUBJECT,
    F_TEXT,
    F_HTML,
    F_HEADER_NAME,
    F_HEADER_VALUE
};

static const struct {
    enum field field;
    const char *value;
    size_t n; /* 0: strlen */
    const char *word;
} refused[] = {
    {F_TO, "ada@example.com\r\nBcc: eve@example.com", 0, "line break"},
    {F_TO, "", 0, "empty"},
    {F_TO_NAME, "Ada\nBcc: eve@example.com", 0, "line break"},
    {F_TO_NAME, "Ada\rBcc: eve@example.com", 0, "line break"},
    {F_FROM_NAME, "A\0b", 3, "NUL"},
    {F_FROM, "not an address", 0, "no @"},
    {F_ENVELOPE, "a@b\r\nDATA", 0, "line break"},
    {F_REPLY_TO, "x@y\n", 0, "line break"},
    {F_MESSAGE_ID, "", 0, "Message-ID"},
    {F_MESSAGE_ID, "<a b@c>", 0, "Message-ID"},
    {F_MESSAGE_ID, "<a@c>\r\nX: y", 0, "Message-ID"},
    {F_MESSAGE_ID, "a@c", 0, "Message-ID"},
    {F_SUBJECT, "Hi\r\nBcc: eve@example.com", 0, "line break"},
    {F_SUBJECT, "Hi\nthere", 0, "line break"},
    {F_SUBJECT, "Hi\0there", 8, "NUL"},
    {F_SUBJECT, "bad \xff", 0, "UTF-8"},
    {F_TEXT, "bad \xc3", 0, "UTF-8"},
    {F_HTML, "bad \xed\xa0\x80", 0, "UTF-8"},
    {F_HEADER_NAME, "Bcc", 0, "cannot be set"},
    {F_HEADER_NAME, "content-Type", 0, "cannot be set"},
    {F_HEADER_NAME, "Resent-To", 0, "cannot be set"},
    {F_HEADER_NAME, "X Y", 0, "name must be"},
    {F_HEADER_NAME, "X:Y", 0, "name must be"},
    {F_HEADER_NAME, "", 0, "name must be"},
    {F_HEADER_NAME, "X\r\nBcc", 0, "name must be"},
    {F_HEADER_VALUE, "1\r\nBcc: eve@example.com", 0, "line break"},
    {F_HEADER_VALUE, "1\n\n<script>", 0, "line break"},
};

START_TEST(refusals) {
    struct arena *a = arena_new(0);
    struct channel_header header;
    struct channel_message m = message_of(&mails[0], &header);
    header = (struct channel_header){text_of("X-Test"), text_of("1")};
    m.header_count = 1;
    struct channel_text *const fields[] = {
        &m.to,         &m.to_name, &m.envelope_from, &m.from_name, &m.from_address, &m.reply_to,
        &m.message_id, &m.subject, &m.text,          &m.html,      &header.name,    &header.value};
    struct email_mail mail;
    struct err e = ERR_INIT;
    ck_assert_msg(email_mime_compose(a, &m, &mail, &e), "%s", e.text);
    struct channel_text *field = fields[refused[_i].field];
    *field = text_of(refused[_i].value);
    field->n = refused[_i].n ? refused[_i].n : field->n;
    ck_assert_msg(!email_mime_compose(a, &m, &mail, &e), "row %d was accepted", _i);
    ck_assert_msg(strstr(e.text, refused[_i].word) != NULL, "row %d: wanted `%s` in: %s", _i,
                  refused[_i].word, e.text);
    ck_assert_int_eq(mail.bad_address, refused[_i].field == F_TO);
    arena_free(a);
}
END_TEST

START_TEST(without_any_part) {
    struct arena *a = arena_new(0);
    struct channel_header header;
    struct channel_message m = message_of(&mails[0], &header);
    struct email_mail mail;
    struct err e = ERR_INIT;
    m.text.n = m.html.n = 0;
    ck_assert(!email_mime_compose(a, &m, &mail, &e));
    ck_assert(strstr(e.text, "neither") != NULL);
    arena_free(a);
}
END_TEST

static const struct {
    const char *text;
    enum email_encoding encoding;
} encodings[] = {
    {"plain\r\n", EMAIL_7BIT},
    {"caf\xc3\xa9 " WORDS "\r\n", EMAIL_QUOTED_PRINTABLE},
    {CJK5 "\r\n", EMAIL_BASE64},
    {"ends in space \r\n", EMAIL_QUOTED_PRINTABLE},
    {"From x\r\n", EMAIL_QUOTED_PRINTABLE},
    {"a=_b\r\n", EMAIL_QUOTED_PRINTABLE},
    {"a=b\r\n", EMAIL_7BIT},
    {L256 "\r\n", EMAIL_QUOTED_PRINTABLE},
};

START_TEST(encoding_is_the_shortest) {
    ck_assert_int_eq(email_text_choose(str_from(encodings[_i].text)), encodings[_i].encoding);
}
END_TEST

Suite *suite_email_mime(void) {
    Suite *s = suite_create("email_mime");
    TCase *t = tcase_create("compose");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, python_reads_the_same);
    tcase_add_loop_test(t, refusals, 0, sizeof refused / sizeof *refused);
    tcase_add_test(t, without_any_part);
    tcase_add_loop_test(t, encoding_is_the_shortest, 0, sizeof encodings / sizeof *encodings);
    suite_add_tcase(s, t);
    return s;
}
