/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/token.h"
#include "engine/response/inbound_mail.h"
#include "tests/http/check_http.h"

#define SECRET S("the installation's secret")
#define SHARD 42
#define ID INT64_C(987654321)

/* Where a token may stand: %s is the bounce token, %m the Message-ID's; both of message ID. */
static const struct {
    const char *name, *recipient, *mail;
    bool ours;
} cases[] = {
    {"the envelope", "bounces+%s@acme.example", "From: a@b.example\n\nx\n", true},
    {"Delivered-To", "", "Delivered-To: bounces+%s@acme.example\n\nx\n", true},
    {"To, with a name", "", "To: \"Acme + Co\" <bounces+%s@acme.example>\n\nx\n", true},
    {"the second of two", "", "To: x+y@z.example, bounces+%s@acme.example\n\nx\n", true},
    {"a forwarder's SRS", "SRS0=ab=cd=acme.example=bounces+%s@forward.example", "\n", true},
    {"BATV", "prvs=0123456789=bounces+%s@acme.example", "\n", true},
    {"In-Reply-To", "", "From: a@b.example\nIn-Reply-To: <%m.00ff@acme.example>\n\nx\n", true},
    {"References, among others", "",
     "References: <a@b.example>\n <%m.00ff@acme.example> <c@d.example>\n\nx\n", true},
    {"a returned header", "",
     "Content-Type: text/rfc822-headers\n\nMessage-ID: <%m.00ff@acme.example>\n", true},
    {"a returned mail", "",
     "Content-Type: message/rfc822\n\nReturn-Path: <bounces+%s@acme.example>\n\nx\n", true},
    {"one purpose for the other", "bounces+%m@acme.example",
     "In-Reply-To: <%s.0@acme.example>\n\nx\n", false},
    {"cut", "bounces+aaa@acme.example", "\n", false},
    {"longer", "bounces+%sa@acme.example", "\n", false},
    {"no +", "%s@acme.example", "\n", false},
    {"nothing", "", "", false},
    {"odd", "+@", "To: +@, @+, <+@>, a+b\nReferences: <> <@> < x@y\n\n", false},
};

static struct str fill(struct arena *a, const char *text, const char *bounce, const char *id) {
    struct buf b = BUF_IN(a);
    for (; *text; text++) {
        if (text[0] == '%' && (text[1] == 's' || text[1] == 'm'))
            buf_add_str(&b, str_from(*++text == 's' ? bounce : id));
        else
            buf_add_char(&b, *text);
    }
    return b.n ? buf_str(&b) : S("");
}

START_TEST(finds_the_message) {
    static const struct settings_bounces rule = {5, 1, 1};
    struct arena *a = arena_new(0);
    char bounce[TOKEN_MAIL_CHARS + 1], id[TOKEN_MAIL_CHARS + 1];
    token_mail_make(SECRET, TOKEN_BOUNCE, SHARD, ID, bounce);
    token_mail_make(SECRET, TOKEN_MESSAGE_ID, SHARD, ID, id);
    struct str recipient = fill(a, cases[_i].recipient, bounce, id);
    struct str mail = fill(a, cases[_i].mail, bounce, id);
    struct inbound_mail m;
    inbound_mail_read(a, SECRET, &rule, recipient, mail, &m);
    ck_assert_msg(m.ours == cases[_i].ours, "%s", cases[_i].name);
    if (m.ours) {
        ck_assert_int_eq(m.shard, SHARD);
        ck_assert_int_eq(m.message, ID);
    }
    inbound_mail_read(a, S("another secret"), &rule, recipient, mail, &m);
    ck_assert_msg(!m.ours, "%s, under another secret", cases[_i].name);
    arena_free(a);
}
END_TEST

Suite *suite_inbound_mail(void) {
    Suite *s = suite_create("inbound_mail");
    TCase *t = tcase_create("messages");
    tcase_add_unchecked_fixture(t, NULL, email_bounce_shutdown);
    tcase_add_loop_test(t, finds_the_message, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(s, t);
    return s;
}
