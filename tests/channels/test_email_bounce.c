/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "channels/email_bounce.h"
#include "tests/channels/check_channels.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FOLDER SOURCE_DIR "/tests/data/bounce/"

static struct str read_file(struct arena *a, struct str path) {
    struct buf b = BUF_IN(a);
    FILE *f = fopen(str_cstr(a, path), "rb");
    size_t n;
    ck_assert_msg(f != NULL, "%.*s cannot be read", STR_FMT(path));
    do {
        n = fread(buf_reserve(&b, 65536), 1, 65536, f);
        b.n += n;
    } while (n);
    fclose(f);
    return b.p ? buf_str(&b) : S("");
}

/* An empty text is "-", a line end "\n", as in the table. */
static struct str shown(struct arena *a, struct str s) {
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\n')
            buf_add_str(&b, S("\\n"));
        else
            buf_add_char(&b, s.p[i]);
    return b.n ? buf_str(&b) : S("-");
}

static void check_line(struct str line) {
    struct arena *a = arena_new(0);
    struct str column[8];
    struct email_report r;
    for (size_t i = 0; i < 8; i++)
        ck_assert_msg(str_split(&line, '\t', &column[i]), "column %zu is missing", i + 1);
    struct str mail = read_file(a, str_printf(a, FOLDER "%.*s.eml", STR_FMT(column[0])));
    email_bounce_read(a, mail, &r);
    const char *class = bounce_class_name(r.verdict.class);
    struct str more = str_eq(column[1], S("bounce"))
                          ? (r.verdict.reputation ? S("reputation") : S("-"))
                      : str_eq(column[1], S("complaint")) ? r.feedback
                      : str_eq(column[1], S("reply"))     ? r.text
                                                          : r.feedback;
    bool any = str_eq(column[7], S("*")) || !column[7].n;
    const struct str got[] = {column[0],
                              str_from(email_report_kind_name(r.kind)),
                              class ? str_from(class) : S("-"),
                              shown(a, r.status),
                              str_printf(a, "%d", r.code),
                              shown(a, r.recipient),
                              r.n_addresses ? r.addresses[0]
                              : r.n_ids     ? r.ids[0]
                                            : S("-"),
                              any ? column[7] : shown(a, more)};
    for (size_t i = 0; i < 8; i++)
        ck_assert_msg(str_eq(got[i], column[i]), "%.*s, column %zu: wanted %.*s, got %.*s",
                      STR_FMT(column[0]), i + 1, STR_FMT(column[i]), STR_FMT(got[i]));
    arena_free(a);
}

START_TEST(samples) {
    struct arena *a = arena_new(0);
    struct str table = read_file(a, S(FOLDER "expected.tsv")), line;
    int n = 0;
    while (table.n && str_split(&table, '\n', &line)) {
        if (!line.n || line.p[0] == '#')
            continue;
        check_line(line);
        n++;
    }
    ck_assert_int_ge(n, 50);
    arena_free(a);
}
END_TEST

/* What comes first and last in a sample's life: cut anywhere, it is still read. */
START_TEST(cut_anywhere) {
    static const char *const names[] = {"gmail-unknown", "exchange-not-found", "qmail", "arf",
                                        "reply-big5"};
    struct arena *a = arena_new(0);
    struct str mail = read_file(a, str_printf(a, FOLDER "%s.eml", names[_i]));
    for (size_t i = 0; i < mail.n; i += 7) {
        struct arena *b = arena_new(0);
        struct email_report r;
        email_bounce_read(b, str_sub(mail, 0, i), &r);
        ck_assert_int_lt(r.kind, EMAIL_REPORT_KINDS);
        arena_free(b);
    }
    arena_free(a);
}
END_TEST

/* Nesting, parts and fields without end. */
START_TEST(bounded) {
    struct arena *a = arena_new(0);
    struct buf b = BUF_IN(a);
    struct email_report r;
    buf_add_str(&b, S("From: MAILER-DAEMON@a.example\n"));
    for (int i = 0; i < 5000; i++)
        buf_printf(&b, "Content-Type: multipart/report; boundary=b%d\n\n--b%d\n", i, i);
    email_bounce_read(a, buf_str(&b), &r);
    buf_clear(&b);
    for (int i = 0; i < 100000; i++)
        buf_add_str(&b, S("X-A: b\n"));
    email_bounce_read(a, buf_str(&b), &r);
    buf_clear(&b);
    buf_add_str(&b, S("Content-Type: message/delivery-status\n\n"));
    for (int i = 0; i < 100000; i++)
        buf_add_str(&b, S("\nStatus: 5.1.1\n\n\n"));
    email_bounce_read(a, buf_str(&b), &r);
    ck_assert_int_eq(r.kind, EMAIL_BOUNCE);
    arena_free(a);
}
END_TEST

/* Real reports beside the checkout, where they are: the name says what each is. */
START_TEST(real_ones) {
    const char *folder = getenv("GODWIT_SHARED");
    struct arena *a = arena_new(0);
    DIR *d = folder ? opendir(str_cstr(a, str_printf(a, "%s/samples", folder))) : NULL;
    struct email_report r;
    for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
        struct str name = str_from(e->d_name);
        if (!str_starts(name, S("dsn-")))
            continue;
        email_bounce_read(a, read_file(a, str_printf(a, "%s/samples/%s", folder, e->d_name)), &r);
        enum email_report_kind kind = str_starts(name, S("dsn-delayed"))     ? EMAIL_DELAYED
                                      : str_starts(name, S("dsn-delivered")) ? EMAIL_DELIVERED
                                                                             : EMAIL_BOUNCE;
        ck_assert_msg(r.kind == kind, "%s: %s", e->d_name, email_report_kind_name(r.kind));
        ck_assert_msg(str_find(name, r.status) > 0, "%s: %.*s", e->d_name, STR_FMT(r.status));
        ck_assert_msg((r.verdict.class == BOUNCE_HARD) == str_starts(name, S("dsn-hard")),
                      "%s: its class", e->d_name);
        ck_assert_msg(r.n_addresses && str_starts(r.addresses[0], S("bounce+c42.m")), "%s: address",
                      e->d_name);
    }
    if (d)
        closedir(d);
    arena_free(a);
}
END_TEST

/* ---- classes */

static const struct {
    const char *status;
    int code;
    const char *text;
    enum bounce_class class;
    bool reputation;
} said[] = {
    {"5.1.1", 550, "", BOUNCE_HARD, false},
    {"5.1.3", 0, "", BOUNCE_HARD, false},
    {"5.1.6", 0, "", BOUNCE_HARD, false},
    {"5.1.10", 0, "", BOUNCE_HARD, false},
    {"5.2.1", 0, "", BOUNCE_HARD, false},
    {"4.2.1", 450, "The user is receiving mail too quickly", BOUNCE_SOFT, false},
    {"5.1.2", 0, "", BOUNCE_DOMAIN, false},
    {"5.4.4", 0, "", BOUNCE_DOMAIN, false},
    {"5.2.2", 0, "", BOUNCE_FULL, false},
    {"4.2.2", 0, "", BOUNCE_FULL, false},
    {"5.3.4", 552, "", BOUNCE_CONTENT, false},
    {"5.2.3", 552, "", BOUNCE_CONTENT, false},
    {"5.6.0", 554, "", BOUNCE_CONTENT, false},
    {"5.7.1", 550, "Message rejected", BOUNCE_BLOCK, false},
    {"5.7.1", 550, "Sender address rejected: domain does not exist", BOUNCE_BLOCK, false},
    {"5.7.515", 550,
     "Access denied, sending domain does not meet the required authentication level", BOUNCE_BLOCK,
     false},
    {"4.7.0", 421, "Our system has detected an unusual rate of unsolicited mail", BOUNCE_BLOCK,
     true},
    {"5.1.8", 553, "Sender address rejected: Domain not found", BOUNCE_BLOCK, false},
    {"4.4.7", 0, "delivery time expired", BOUNCE_SOFT, false},
    {"4.1.1", 450, "User unknown", BOUNCE_SOFT, false},
    {"5.3.0", 550, "User unknown", BOUNCE_HARD, false},
    {"5.3.2", 0, "", BOUNCE_SOFT, false},
    {"5.5.0", 550, "nothing of use", BOUNCE_SOFT, false},
    {"5.0.0", 550, "550 5.1.1 gone", BOUNCE_HARD, false},
    {"", 550, "Requested action not taken: mailbox unavailable", BOUNCE_HARD, false},
    {"", 0, "550-5.7.1 [192.0.2.1] blocked\n550 5.7.1 https://x.example", BOUNCE_BLOCK, false},
    {"", 0, "550 no such user", BOUNCE_HARD, false},
    {"", 450, "no such user", BOUNCE_SOFT, false},
    {"", 552, "", BOUNCE_FULL, false},
    {"", 554, "refused, see https://www.spamhaus.org/query/192.0.2.9", BOUNCE_BLOCK, true},
    {"", 550, "relay access denied", BOUNCE_BLOCK, false},
    {"", 550, "Unrouteable address", BOUNCE_DOMAIN, false},
    {"", 400, "The 'To' number is not valid", BOUNCE_SOFT, false},
    {"", 0, "", BOUNCE_SOFT, false},
    {"2.1.5", 250, "fine", BOUNCE_NONE, false},
    {"192.0.2.1", 550, "user unknown", BOUNCE_HARD, false},
};

START_TEST(classes) {
    struct bounce_said s = {str_from(said[_i].status), said[_i].code, str_from(said[_i].text)};
    struct bounce_verdict v = bounce_classify(&s);
    const char *got = bounce_class_name(v.class), *wanted = bounce_class_name(said[_i].class);
    ck_assert_msg(v.class == said[_i].class && v.reputation == said[_i].reputation,
                  "%s %d %s: wanted %s%s, got %s%s", said[_i].status, said[_i].code, said[_i].text,
                  wanted ? wanted : "none", said[_i].reputation ? " for reputation" : "",
                  got ? got : "none", v.reputation ? " for reputation" : "");
}
END_TEST

static const struct {
    const char *text, *status;
    int code;
} numbers[] = {
    {"smtp; 550 5.1.1 gone", "5.1.1", 550},
    {"550-5.7.26 not you", "5.7.26", 550},
    {"(#5.1.1)", "5.1.1", 0},
    {"host 192.0.2.5 said: 451 4.7.1 later", "4.7.1", 451},
    {"5.1.1.7 and 5.1 and 15.1.1 and 5.1.1234", "", 0},
    {"at port 5500, in 2550 ways, v5.450", "", 0},
    {"said 552", "", 552},
    {"2.0.0 fine, 4.0.0", "4.0.0", 0},
    {"", "", 0},
};

START_TEST(numbers_in_texts) {
    struct str status = bounce_status_in(str_from(numbers[_i].text));
    ck_assert_msg(str_eq(status, str_from(numbers[_i].status)), "%s: %.*s", numbers[_i].text,
                  STR_FMT(status));
    ck_assert_int_eq(bounce_code_in(str_from(numbers[_i].text)), numbers[_i].code);
}
END_TEST

Suite *suite_email_bounce(void) {
    Suite *s = suite_create("email_bounce");
    TCase *t = tcase_create("mail");
    tcase_add_unchecked_fixture(t, NULL, email_bounce_shutdown);
    tcase_add_test(t, samples);
    tcase_add_loop_test(t, cut_anywhere, 0, 5);
    tcase_add_test(t, bounded);
    tcase_add_test(t, real_ones);
    suite_add_tcase(s, t);
    t = tcase_create("classes");
    tcase_add_loop_test(t, classes, 0, sizeof said / sizeof *said);
    tcase_add_loop_test(t, numbers_in_texts, 0, sizeof numbers / sizeof *numbers);
    suite_add_tcase(s, t);
    return s;
}
