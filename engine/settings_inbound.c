/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/settings_inbound.h"

#include "base/arena.h"
#include "base/token.h"
#include "base/wallclock.h"
#include "engine/secret.h"

#include <stddef.h>

#define LOCAL_MOST 64 /* RFC 5321, 4.5.3.1.1 */
#define SOURCES_MOST 16
#define EVERY_STANDARD_US (60 * WALLCLOCK_US_PER_S)

static void read_url(struct form_reader *r, const struct ynode *node, void *out);
static void read_password(struct form_reader *r, const struct ynode *node, void *out);

const struct form settings_source_form = {
    .what = "a source of mail",
    .help = "Where bounces, complaints and replies come in",
    .fields =
        (const struct form_field[]){
            {.key = "maildir",
             .type = FORM_TEXT,
             .offset = offsetof(struct settings_source, maildir),
             .help = "a Maildir of this machine that is watched",
             .example = "/var/mail/bounces"},
            {.key = "url",
             .type = FORM_CUSTOM,
             .read = read_url,
             .offset = offsetof(struct settings_source, url),
             .schema = "{\"type\":\"string\",\"pattern\":\"^(imaps?|pop3s?)://\"}",
             .help = "a mailbox that is asked: imaps://HOST/FOLDER or pop3s://HOST; imap:// and "
                     "pop3:// encrypt by STARTTLS, and may do without on this machine only",
             .example = "imaps://mail.acme.example/INBOX"},
            {.key = "username",
             .type = FORM_TEXT,
             .offset = offsetof(struct settings_source, username),
             .help = "login of the mailbox",
             .example = "env:MAIL_USER"},
            {.key = "password",
             .type = FORM_CUSTOM,
             .read = read_password,
             .offset = offsetof(struct settings_source, password),
             .schema = "{\"type\":\"string\",\"minLength\":1}",
             .help = "its password, as env:NAME or file:PATH",
             .example = "env:MAIL_PASSWORD"},
            {.key = "ca_file",
             .type = FORM_TEXT,
             .offset = offsetof(struct settings_source, ca_file),
             .help = "PEM file of the authorities to trust instead of the system's"},
            {.key = "every",
             .type = FORM_SPAN,
             .offset = offsetof(struct settings_source, every_us),
             .help = "how often a mailbox is asked; 1m by default",
             .example = "30s"},
            {.key = "move_to",
             .type = FORM_TEXT,
             .offset = offsetof(struct settings_source, move_to),
             .help = "IMAP folder, or other Maildir, that takes what was read; without it, that "
                     "is deleted",
             .example = "Done"},
            {0}},
};

const struct form settings_bounces_form = {
    .what = "`bounces`",
    .help = "What follows from bounces that are no unknown mailbox",
    .fields =
        (const struct form_field[]){
            {.key = "soft",
             .type = FORM_INT,
             .least = 2,
             .most = 1000,
             .offset = offsetof(struct settings, bounces.soft_most),
             .help = "so many soft bounces with nothing delivered between suppress an address; 5 "
                     "by default",
             .example = "5"},
            {.key = "over",
             .type = FORM_SPAN,
             .offset = offsetof(struct settings, bounces.soft_over_us),
             .help = "if the first was at least so long ago; 7d by default",
             .example = "7d"},
            {.key = "pause",
             .type = FORM_SPAN,
             .offset = offsetof(struct settings, bounces.pause_us),
             .help = "how long nothing goes to a domain that refuses us as a sender; 1h by default",
             .example = "1h"},
            {0}},
};

static void read_url(struct form_reader *r, const struct ynode *node, void *out) {
    static const char *const schemes[] = {"imaps://", "imap://", "pop3s://", "pop3://"};
    if (!form_want_text(r, node, "`url`"))
        return;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        struct str scheme = str_from(schemes[i]);
        struct str host = str_sub(node->text, scheme.n, node->text.n);
        if (!str_starts(node->text, scheme) || !host.n || host.p[0] == '/')
            continue;
        if (str_find(host, S("@")) >= 0)
            form_error(r, node, "the login stands in `username` and `password`, not in the URL");
        else if (str_find(node->text, S("\"")) >= 0 || str_find(node->text, S(";")) >= 0)
            form_error(r, node, "the URL holds a character that none may");
        else
            *(struct str *)out = node->text;
        return;
    }
    form_error(r, node, "`%.*s` is no mailbox", STR_FMT(node->text))->hint =
        S("for example `imaps://mail.acme.example/INBOX` or `pop3s://mail.acme.example`");
}

static void read_password(struct form_reader *r, const struct ynode *node, void *out) {
    if (!form_want_text(r, node, "`password`"))
        return;
    *(struct str *)out = node->text;
    if (!secret_is_reference(node->text))
        form_warning(r, node, "the password stands here for everyone who reads the workspace")
            ->hint = S("write `env:NAME` or `file:PATH` and keep it outside");
}

static void check_source(struct form_reader *r, const struct ynode *node,
                         const struct settings_source *s) {
    bool pop3 = str_starts(s->url, S("pop3"));
    if (!ynode_get(node, S("maildir")) == !ynode_get(node, S("url")))
        form_error(r, node, "a source of mail has either `maildir` or `url`");
    else if (s->maildir.n && (s->username.n || s->password.n || s->ca_file.n))
        form_error(r, node, "a Maildir needs no login: it is read as files");
    else if (s->url.n && (!s->username.n || !s->password.n))
        form_error(r, node, "a mailbox needs `username` and `password`");
    else if (pop3 && s->move_to.n)
        form_error(r, node, "`move_to` is not possible with POP3, which knows one folder only");
    for (size_t i = 0; i < s->move_to.n; i++)
        if ((unsigned char)s->move_to.p[i] < 0x20 || s->move_to.p[i] == '"' ||
            s->move_to.p[i] == '\\') {
            form_error(r, node, "`move_to` holds a character that no folder's name may");
            break;
        }
}

void settings_inbound_read(struct form_reader *r, const struct ynode *node, void *settings) {
    struct settings *c = settings;
    if (!form_want_list(r, node, "`inbound`"))
        return;
    struct settings_source *list = ARENA_ARRAY(r->a, struct settings_source, node->n + 1);
    if (node->n > SOURCES_MOST)
        form_error(r, node, "`inbound` has more than %d sources", SOURCES_MOST);
    for (size_t i = 0; i < node->n && i < SOURCES_MOST; i++) {
        struct settings_source *s = &list[c->n_inbound++];
        s->every_us = EVERY_STANDARD_US;
        if (!form_want_map(r, node->items[i], "a source of mail"))
            continue;
        form_read(r, &settings_source_form, node->items[i], s);
        check_source(r, node->items[i], s);
    }
    c->inbound = list;
}

void settings_inbound_address(struct form_reader *r, const struct ynode *node, void *out) {
    if (!form_want_text(r, node, "an email address"))
        return;
    const char *problem = address_problem(ADDRESS_EMAIL, node->text);
    ptrdiff_t at = str_find(node->text, S("@"));
    if (problem)
        form_error(r, node, "the email address `%.*s` %s", STR_FMT(node->text), problem);
    else if (str_find(str_sub(node->text, 0, (size_t)at), S("+")) >= 0)
        form_error(r, node,
                   "the address for bounces is written without a +: Godwit puts one there "
                   "for each message");
    else if (at + 1 + TOKEN_MAIL_CHARS > LOCAL_MOST)
        form_error(r, node,
                   "the part before the @ may have %d characters: Godwit puts a + and %d "
                   "more behind it",
                   LOCAL_MOST - 1 - TOKEN_MAIL_CHARS, TOKEN_MAIL_CHARS);
    else
        *(struct str *)out = node->text;
}
