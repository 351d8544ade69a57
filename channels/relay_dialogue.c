/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/relay_dialogue.h"

#include "base/arena.h"
#include "channels/email_text.h"

#define REPLY_MOST 8192

enum { AT_RSET, AT_MAIL, AT_RCPT, AT_DATA, AT_DOT };

void relay_dialogue_init(struct relay_dialogue *d, struct relay_offer offer) {
    *d = (struct relay_dialogue){.offer = offer};
}

void relay_dialogue_close(struct relay_dialogue *d) {
    buf_close(&d->in);
    buf_close(&d->line);
}

/* ---- commands */

static struct str mail_line(struct relay_dialogue *d, struct arena *a,
                            const struct email_mail *mail, const struct channel_message *m,
                            bool dsn) {
    struct buf b = BUF_IN(a);
    bool utf8 = mail->from.utf8 || mail->to.utf8;
    buf_printf(&b, "MAIL FROM:<%.*s>", STR_FMT(mail->from.wire));
    if (d->offer.size) {
        buf_printf(&b, " SIZE=%zu", mail->data.n);
    }
    if (utf8) {
        buf_add_str(&b, S(" SMTPUTF8"));
    }
    if (d->offer.eight_bit && !email_text_is_ascii(mail->data)) {
        buf_add_str(&b, S(" BODY=8BITMIME"));
    }
    if (dsn) {
        struct str id = relay_mail_xtext(a, str_of(m->id.p, m->id.n), RELAY_MAIL_ENVID_MOST);
        buf_printf(&b, " RET=HDRS%s%.*s", id.n > 0 ? " ENVID=" : "", STR_FMT(id));
    }
    buf_add_str(&b, S("\r\n"));
    return buf_str(&b);
}

static struct str rcpt_line(struct arena *a, const struct email_mail *mail, bool dsn) {
    struct buf b = BUF_IN(a);
    buf_printf(&b, "RCPT TO:<%.*s>", STR_FMT(mail->to.wire));
    if (dsn) {
        struct str to =
            mail->to.utf8 ? STR_NONE : relay_mail_xtext(a, mail->to.wire, RELAY_MAIL_ORCPT_MOST);
        buf_printf(&b, " NOTIFY=FAILURE,DELAY%s%.*s", to.n > 0 ? " ORCPT=rfc822;" : "",
                   STR_FMT(to));
    }
    buf_add_str(&b, S("\r\n"));
    return buf_str(&b);
}

/* The next one, or with PIPELINING all that are left. */
static void write_commands(struct relay_dialogue *d, struct buf *out) {
    do {
        buf_add_str(out, d->lines[d->sent++]);
    } while (d->offer.pipelining && d->sent <= AT_DATA);
}

void relay_dialogue_begin(struct relay_dialogue *d, struct arena *a, const struct email_mail *mail,
                          const struct channel_message *m, bool dsn, struct buf *out) {
    dsn = dsn && d->offer.dsn;
    d->lines[AT_RSET] = S("RSET\r\n");
    d->lines[AT_MAIL] = mail_line(d, a, mail, m, dsn);
    d->lines[AT_RCPT] = rcpt_line(a, mail, dsn);
    d->lines[AT_DATA] = S("DATA\r\n");
    d->at = d->sent = d->reset ? AT_RSET : AT_MAIL;
    d->judged = d->mail_ok = d->rcpt_ok = d->reset = false;
    write_commands(d, out);
}

void relay_dialogue_body(struct str data, struct buf *out) {
    buf_reserve(out, data.n + data.n / 64 + 8);
    while (data.n > 0) {
        const char *lf = memchr(data.p, '\n', data.n);
        size_t n = lf ? (size_t)(lf - data.p) + 1 : data.n;
        if (data.p[0] == '.') {
            buf_add_char(out, '.');
        }
        buf_add(out, data.p, n);
        data = str_sub(data, n, data.n);
    }
    buf_add_str(out, S(".\r\n"));
}

/* ---- replies */

static enum relay_stage stage_of(int at) {
    static const enum relay_stage stages[] = {RELAY_MAIL, RELAY_MAIL, RELAY_RCPT, RELAY_DATA,
                                              RELAY_DOT};
    return stages[at];
}

static void judge(struct relay_dialogue *d, const struct relay_reply *reply) {
    if (!d->judged) {
        relay_reply_judge(stage_of(d->at), reply, &d->result);
        d->judged = true;
    }
}

/* The next command, unless the message has its result: then what is under way is waited for. */
static enum relay_step go_on(struct relay_dialogue *d, struct buf *out) {
    d->at++;
    if (d->judged) {
        return d->at < d->sent ? RELAY_STEP_WAIT : RELAY_STEP_DONE;
    }
    if (d->at == d->sent) {
        write_commands(d, out);
    }
    return RELAY_STEP_WAIT;
}

static enum relay_step on_data_reply(struct relay_dialogue *d, const struct relay_reply *reply,
                                     struct buf *out) {
    if (reply->code != 354) {
        judge(d, reply);
        return RELAY_STEP_DONE;
    }
    d->at = AT_DOT;
    d->sent = AT_DOT + 1;
    if (!d->judged) {
        return RELAY_STEP_BODY;
    }
    buf_add_str(out, S(".\r\n")); /* RFC 2920, 3.1: it wants one although it took no recipient */
    return RELAY_STEP_WAIT;
}

static enum relay_step on_reply(struct relay_dialogue *d, const struct relay_reply *reply,
                                struct buf *out) {
    bool good = reply->code / 100 == 2;
    if (reply->code == 421 || reply->code < 200) {
        judge(d, reply);
        d->over = true;
        return RELAY_STEP_DONE;
    }
    d->reset = d->reset || (!good && reply->code != 354);
    switch (d->at) {
    case AT_RSET:
        d->reset = false;
        return go_on(d, out);
    case AT_MAIL:
        d->mail_ok = good;
        break;
    case AT_RCPT:
        d->rcpt_ok = good;
        break;
    case AT_DATA:
        return on_data_reply(d, reply, out);
    default:
        judge(d, reply);
        return RELAY_STEP_DONE;
    }
    if (!good) {
        judge(d, reply);
    }
    return go_on(d, out);
}

/* "5.1.1 " at the start of a line that goes on; the first line has it already. */
static size_t enhanced_length(struct str text) {
    size_t i = 0, dots = 0;
    while (i < text.n && (text.p[i] == '.' || (text.p[i] >= '0' && text.p[i] <= '9'))) {
        dots += text.p[i++] == '.';
    }
    return dots == 2 && i < text.n && text.p[i] == ' ' ? i + 1 : 0;
}

/* Adds the whole line to the reply. True: it was the last one. */
static bool add_line(struct relay_dialogue *d, struct str line) {
    if (d->in.n > 0) {
        struct str text = str_sub(line, 4, line.n);
        buf_add_str(&d->in, str_sub(text, enhanced_length(text), text.n));
    } else {
        buf_add_str(&d->in, line);
    }
    return line.n < 4 || line.p[3] != '-' || d->in.n > REPLY_MOST;
}

enum relay_step relay_dialogue_feed(struct relay_dialogue *d, struct str *bytes, struct buf *out) {
    enum relay_step step = RELAY_STEP_WAIT;
    while (step == RELAY_STEP_WAIT && bytes->n > 0) {
        const char *lf = memchr(bytes->p, '\n', bytes->n);
        size_t n = lf ? (size_t)(lf - bytes->p) + 1 : bytes->n;
        buf_add(&d->line, bytes->p, n);
        *bytes = str_sub(*bytes, n, bytes->n);
        bool endless = d->line.n > REPLY_MOST;
        bool whole = lf && add_line(d, buf_str(&d->line));
        if (lf) {
            buf_clear(&d->line);
        }
        if (whole || endless) {
            struct str text = endless ? S("a reply without end") : buf_str(&d->in);
            struct relay_reply reply = relay_reply_parse(text);
            step = on_reply(d, &reply, out);
            buf_clear(&d->in);
        }
    }
    return step;
}
