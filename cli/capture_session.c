/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/capture_session.h"

#include "base/arena.h"

#include <stdlib.h>

#define ADDRESS_MOST 512u /* bytes; RFC 5321 asks for 256 */
#define KEEP 65536u       /* bytes of buffer that a session keeps between mails */

/* greeted -> ready -> MAIL: mail -> RCPT: mail, n > 0 -> DATA: data -> ready; QUIT: over */
enum state { AT_GREETED, AT_READY, AT_MAIL, AT_DATA, AT_OVER };

struct capture_session {
    enum state state;
    struct capture_budget *budget;
    capture_mail_fn *on_mail;
    void *ctx;
    int mistakes;
    bool utf8;          /* SMTPUTF8 was asked for this mail */
    bool skipping;      /* the rest of a command line that is too long */
    bool dropped;       /* the mail is too big: its bytes are let go */
    bool crowded;       /* ... because others hold the memory */
    struct buf line;    /* a command that is not whole yet */
    struct buf data;    /* the mail; after `dropped` its last bytes only */
    size_t counted;     /* bytes of it that the budget knows of */
    struct arena *mail; /* of the envelope */
    struct buf helo;
    struct str from;
    struct str *to;
    size_t n;
};

struct capture_session *capture_session_new(struct capture_budget *budget, capture_mail_fn *on_mail,
                                            void *ctx, struct buf *out) {
    struct capture_session *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->budget = budget;
    s->on_mail = on_mail;
    s->ctx = ctx;
    s->mail = arena_new(0);
    buf_add_str(out, S("220 localhost ESMTP Godwit keeps what it gets\r\n"));
    return s;
}

static void count(struct capture_session *s, size_t bytes) {
    s->budget->used = s->budget->used - s->counted + bytes;
    s->counted = bytes;
}

void capture_session_free(struct capture_session *s) {
    if (!s)
        return;
    count(s, 0);
    buf_close(&s->line);
    buf_close(&s->data);
    buf_close(&s->helo);
    arena_free(s->mail);
    free(s);
}

/* Forgets the mail, not the greeting. */
static void reset(struct capture_session *s) {
    if (s->state != AT_GREETED)
        s->state = AT_READY;
    if (s->data.cap > KEEP)
        buf_close(&s->data);
    buf_clear(&s->data);
    count(s, 0);
    arena_reset(s->mail);
    s->from = STR_NONE;
    s->to = NULL;
    s->n = 0;
    s->utf8 = s->dropped = s->crowded = false;
}

static void reply(struct buf *out, const char *line) {
    buf_add_str(out, str_from(line));
    buf_add_str(out, S("\r\n"));
}

static void mistake(struct capture_session *s, struct buf *out, const char *line) {
    if (++s->mistakes < CAPTURE_SESSION_MISTAKES) {
        reply(out, line);
    } else {
        reply(out, "421 4.7.0 too many mistakes, good bye");
        s->state = AT_OVER;
    }
}

/* ---- addresses */

/* Takes "<address>" off the front of *rest, a source route left out. */
static bool take_path(struct str *rest, struct str *address) {
    size_t end = 1;
    bool quoted = false;
    if (rest->n < 2 || rest->p[0] != '<')
        return false;
    for (; end < rest->n && (quoted || rest->p[end] != '>'); end++) {
        if (quoted && rest->p[end] == '\\')
            end++;
        else if (rest->p[end] == '"')
            quoted = !quoted;
    }
    if (end >= rest->n)
        return false;
    *address = str_sub(*rest, 1, end);
    *rest = str_sub(*rest, end + 1, rest->n);
    if (address->n && address->p[0] == '@') {
        ptrdiff_t colon = str_find(*address, S(":"));
        if (colon < 0)
            return false;
        *address = str_sub(*address, (size_t)colon + 1, address->n);
    }
    return rest->n == 0 || rest->p[0] == ' ';
}

/* Printable, in UTF-8, not too long; ASCII unless SMTPUTF8 was asked for. */
static bool is_address(struct str address, bool utf8) {
    size_t n;
    if (address.n > ADDRESS_MOST)
        return false;
    for (size_t at = 0; at < address.n; at += n) {
        uint32_t code;
        n = str_utf8(str_sub(address, at, address.n), &code);
        if (n == 0 || code < ' ' || code == 0x7f || (code > 0x7f && (!utf8 || code < 0xa0)))
            return false;
    }
    return true;
}

/* ---- commands */

static void on_helo(struct capture_session *s, struct str name, struct buf *out, bool extended) {
    name = str_trim(name);
    if (!name.n || !is_address(name, true)) {
        mistake(s, out, "501 5.5.4 say who you are: EHLO name");
        return;
    }
    s->state = AT_READY;
    reset(s);
    buf_clear(&s->helo);
    buf_add_str(&s->helo, name);
    if (!extended) {
        reply(out, "250 localhost");
        return;
    }
    buf_printf(out,
               "250-localhost\r\n250-PIPELINING\r\n250-SIZE %zu\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
               "250 ENHANCEDSTATUSCODES\r\n",
               CAPTURE_SESSION_BYTES);
}

/* The parameters of MAIL; false: the reply was given. */
static bool mail_parameters(struct capture_session *s, struct str rest, struct buf *out) {
    struct str word;
    while (str_split(&rest, ' ', &word)) {
        int64_t size;
        if (!word.n || str_eq_nocase(word, S("BODY=7BIT")) ||
            str_eq_nocase(word, S("BODY=8BITMIME")))
            continue;
        if (str_eq_nocase(word, S("SMTPUTF8"))) {
            s->utf8 = true;
        } else if (str_eq_nocase(str_sub(word, 0, 5), S("SIZE=")) &&
                   str_to_int64(str_sub(word, 5, word.n), &size) && size >= 0) {
            if ((uint64_t)size > CAPTURE_SESSION_BYTES) {
                reply(out, "552 5.3.4 that is too big");
                return false;
            }
        } else {
            mistake(s, out, "555 5.5.4 this parameter is not known");
            return false;
        }
    }
    return true;
}

static void on_mail(struct capture_session *s, struct str rest, struct buf *out) {
    struct str from;
    rest = str_trim(rest);
    if (s->state == AT_GREETED) {
        mistake(s, out, "503 5.5.1 EHLO first");
    } else if (s->state == AT_MAIL) {
        mistake(s, out, "503 5.5.1 one mail at a time; RSET forgets this one");
    } else if (!take_path(&rest, &from)) {
        mistake(s, out, "501 5.1.7 write MAIL FROM:<address>");
    } else if (mail_parameters(s, rest, out)) {
        if (is_address(from, s->utf8)) {
            s->from = str_dup(s->mail, from);
            s->to = ARENA_ARRAY(s->mail, struct str, CAPTURE_SESSION_RECIPIENTS);
            s->state = AT_MAIL;
            reply(out, "250 2.1.0 Ok");
            return;
        }
        mistake(s, out, "553 5.1.7 this is no address, or one that needs SMTPUTF8");
    }
    if (s->state != AT_MAIL)
        s->utf8 = false;
}

static void on_rcpt(struct capture_session *s, struct str rest, struct buf *out) {
    struct str to;
    rest = str_trim(rest);
    if (s->state != AT_MAIL) {
        mistake(s, out, "503 5.5.1 MAIL first");
    } else if (!take_path(&rest, &to)) {
        mistake(s, out, "501 5.1.3 write RCPT TO:<address>");
    } else if (str_trim(rest).n) {
        mistake(s, out, "555 5.5.4 this parameter is not known");
    } else if (!to.n || !is_address(to, s->utf8)) {
        mistake(s, out, "553 5.1.3 this is no address, or one that needs SMTPUTF8");
    } else if (str_starts(to, S(CAPTURE_SESSION_REFUSED))) {
        reply(out, "550 5.1.1 nobody is there: this server refuses bounce...@");
    } else if (s->n == CAPTURE_SESSION_RECIPIENTS) {
        reply(out, "452 4.5.3 too many recipients");
    } else {
        s->to[s->n++] = str_dup(s->mail, to);
        reply(out, "250 2.1.5 Ok");
    }
}

static void on_data(struct capture_session *s, struct str rest, struct buf *out) {
    if (str_trim(rest).n) {
        mistake(s, out, "501 5.5.4 DATA stands alone");
    } else if (s->state != AT_MAIL || !s->n) {
        mistake(s, out, "503 5.5.1 RCPT first");
    } else {
        s->state = AT_DATA;
        reply(out, "354 go on; a line with one dot ends it");
    }
}

/* Whether the line begins with the words, in any case and with any spaces behind a colon;
 * *rest is what follows. */
static bool is_command(struct str line, struct str words, struct str *rest) {
    if (!str_eq_nocase(str_sub(line, 0, words.n), words))
        return false;
    *rest = str_sub(line, words.n, line.n);
    return words.p[words.n - 1] == ':' || rest->n == 0 || rest->p[0] == ' ';
}

static void command(struct capture_session *s, struct str line, struct buf *out) {
    struct str rest;
    if (is_command(line, S("EHLO"), &rest)) {
        on_helo(s, rest, out, true);
    } else if (is_command(line, S("HELO"), &rest)) {
        on_helo(s, rest, out, false);
    } else if (is_command(line, S("MAIL FROM:"), &rest)) {
        on_mail(s, rest, out);
    } else if (is_command(line, S("RCPT TO:"), &rest)) {
        on_rcpt(s, rest, out);
    } else if (is_command(line, S("DATA"), &rest)) {
        on_data(s, rest, out);
    } else if (is_command(line, S("RSET"), &rest)) {
        reset(s);
        reply(out, "250 2.0.0 Ok");
    } else if (is_command(line, S("NOOP"), &rest)) {
        reply(out, "250 2.0.0 Ok");
    } else if (is_command(line, S("VRFY"), &rest)) {
        reply(out, "252 2.5.2 every recipient is taken");
    } else if (is_command(line, S("HELP"), &rest)) {
        reply(out, "214 2.0.0 see RFC 5321");
    } else if (is_command(line, S("QUIT"), &rest)) {
        reply(out, "221 2.0.0 good bye");
        s->state = AT_OVER;
    } else {
        mistake(s, out, "500 5.5.2 this command is not known");
    }
}

/* Takes one line, or what there is of it, off *bytes. */
static void feed_line(struct capture_session *s, struct str *bytes, struct buf *out) {
    const char *end = memchr(bytes->p, '\n', bytes->n);
    size_t take = end ? (size_t)(end - bytes->p) + 1 : bytes->n;
    if (s->line.n + take > CAPTURE_SESSION_LINE)
        s->skipping = true;
    if (!s->skipping)
        buf_add(&s->line, bytes->p, take);
    *bytes = str_sub(*bytes, take, bytes->n);
    if (!end)
        return;
    struct str line = buf_str(&s->line);
    while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (s->skipping)
        mistake(s, out, "500 5.5.6 this line is too long");
    else
        command(s, line, out);
    s->skipping = false;
    buf_clear(&s->line);
}

/* ---- the mail itself */

/* One dot off each line that begins with one. */
static void unstuff(struct buf *data) {
    size_t to = 0;
    char before[2] = {'\r', '\n'};
    for (size_t i = 0; i < data->n; i++) {
        char c = data->p[i];
        if (c != '.' || before[0] != '\r' || before[1] != '\n')
            data->p[to++] = c;
        before[0] = before[1];
        before[1] = c;
    }
    data->n = to;
}

static void finish(struct capture_session *s, struct buf *out) {
    struct capture_envelope envelope = {buf_str(&s->helo), s->from, s->to, s->n};
    if (s->crowded) {
        reply(out, "452 4.3.1 too many mails at once, try again");
    } else if (s->dropped) {
        reply(out, "552 5.3.4 that is too big");
    } else {
        unstuff(&s->data);
        if (s->on_mail(s->ctx, &envelope, buf_str(&s->data)))
            reply(out, "250 2.0.0 Ok, kept");
        else
            reply(out, "452 4.3.1 it could not be written, try again");
    }
    reset(s);
}

/* Where the end ("CRLF.CRLF", or ".CRLF" at once) is in the buffer: the length of the mail, and
 * of all with the end; false: not there yet. `from` is how much was searched before. */
static bool find_end(const struct capture_session *s, size_t from, size_t *mail, size_t *all) {
    struct str data = buf_str(&s->data);
    if (!s->dropped && str_starts(data, S(".\r\n"))) {
        *mail = 0;
        *all = 3;
        return true;
    }
    from = from > 4 ? from - 4 : 0;
    ptrdiff_t at = str_find(str_sub(data, from, data.n), S("\r\n.\r\n"));
    if (at < 0)
        return false;
    *mail = from + (size_t)at + 2;
    *all = *mail + 3;
    return true;
}

/* Lets go of a mail that is too big but for the bytes in which its end may begin. */
static void drop(struct capture_session *s, bool crowded) {
    if (!s->dropped)
        s->crowded = crowded;
    s->dropped = true;
    size_t keep = s->data.n < 4 ? s->data.n : 4;
    char last[4];
    memcpy(last, s->data.p + s->data.n - keep, keep);
    if (s->data.cap > KEEP)
        buf_close(&s->data);
    buf_clear(&s->data);
    buf_add(&s->data, last, keep);
    count(s, 0);
}

static void feed_data(struct capture_session *s, struct str *bytes, struct buf *out) {
    size_t before = s->data.n, mail, all;
    struct str part = str_sub(*bytes, 0, KEEP);
    buf_add_str(&s->data, part);
    if (find_end(s, before, &mail, &all)) {
        *bytes = str_sub(*bytes, all - before, bytes->n);
        s->data.n = mail;
        finish(s, out);
        return;
    }
    *bytes = str_sub(*bytes, part.n, bytes->n);
    if (s->dropped || s->data.n > CAPTURE_SESSION_BYTES) {
        drop(s, false);
        return;
    }
    count(s, s->data.n);
    if (s->budget->used > s->budget->most)
        drop(s, true);
}

bool capture_session_feed(struct capture_session *s, struct str bytes, struct buf *out) {
    while (bytes.n && s->state != AT_OVER) {
        if (s->state == AT_DATA)
            feed_data(s, &bytes, out);
        else
            feed_line(s, &bytes, out);
    }
    return s->state != AT_OVER;
}
