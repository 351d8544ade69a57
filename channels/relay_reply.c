/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/relay_reply.h"

#include "channels/email_text.h"

#include <stdio.h>

#define GREYLIST_WAIT_MS (5 * 60 * 1000)

/* ---- texts */

/* One line of valid UTF-8 without control characters; runs of white space become one. */
static size_t clean(struct str text, char *out, size_t cap) {
    size_t n = 0;
    for (size_t i = 0; i < text.n && n + 5 < cap;) {
        unsigned char c = (unsigned char)text.p[i];
        size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        struct str one = str_sub(text, i, i + len);
        if (c <= 0x20 || c == 0x7f) {
            if (n > 0 && out[n - 1] != ' ') {
                out[n++] = ' ';
            }
            i++;
        } else if (!email_text_is_utf8(one) || (c == 0xc2 && (unsigned char)one.p[1] < 0xa0)) {
            out[n++] = '?';
            i++;
        } else {
            memcpy(out + n, one.p, one.n);
            n += one.n;
            i += one.n;
        }
    }
    while (n > 0 && out[n - 1] == ' ') {
        n--;
    }
    out[n] = '\0';
    return n;
}

void relay_result_set(struct relay_result *out, enum channel_outcome outcome,
                      enum channel_subject subject, struct str reason) {
    *out = (struct relay_result){0};
    out->result.outcome = outcome;
    out->result.subject = subject;
    out->result.retry_after_ms = -1;
    out->result.reason.n = clean(reason, out->reason, sizeof out->reason);
    out->result.reason.p = out->reason;
    out->result.provider_id.p = out->id;
}

static bool has_word(struct str text, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= text.n; i++) {
        if (str_eq_nocase(str_sub(text, i, i + n), str_from(word))) {
            return true;
        }
    }
    return false;
}

/* "Ok: queued as 4ZQx..." (Postfix), "OK id=1tE..." (Exim), "... Message accepted for
 * delivery" has its id in front (Sendmail). */
static void find_id(struct relay_result *out) {
    static const char *const marks[] = {"queued as ", "id=", "queued mail for delivery "};
    struct str reason = str_of(out->result.reason.p, out->result.reason.n);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        ptrdiff_t at = str_find(reason, str_from(marks[i]));
        if (at < 0) {
            continue;
        }
        size_t from = (size_t)at + strlen(marks[i]), to = from;
        while (to < reason.n && reason.p[to] != ' ' && to - from + 1 < sizeof out->id) {
            to++;
        }
        memcpy(out->id, reason.p + from, to - from);
        out->result.provider_id.n = to - from;
        return;
    }
}

/* ---- parsing */

/* "5.1.1" at the start of text; 0 bytes when there is none. */
static size_t parse_enhanced(struct str text, int *part) {
    size_t i = 0;
    for (int k = 0; k < 3; k++) {
        size_t start = i;
        part[k] = 0;
        while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9' && i - start < 3) {
            part[k] = part[k] * 10 + (text.p[i++] - '0');
        }
        if (i == start || (k < 2 && (i >= text.n || text.p[i++] != '.'))) {
            return 0;
        }
    }
    bool ends = i >= text.n || text.p[i] == ' ' || text.p[i] == '\r' || text.p[i] == '\n';
    return ends && (part[0] == 2 || part[0] == 4 || part[0] == 5) ? i : 0;
}

struct relay_reply relay_reply_parse(struct str lines) {
    struct relay_reply r = {0};
    size_t i = 0;
    while (i < 3 && i < lines.n && lines.p[i] >= '0' && lines.p[i] <= '9') {
        r.code = r.code * 10 + (lines.p[i++] - '0');
    }
    if (i != 3) {
        return (struct relay_reply){.text = lines};
    }
    r.text = str_sub(lines, 4, lines.n);
    return r;
}

struct relay_offer relay_reply_offer(struct str ehlo) {
    struct relay_offer o = {0};
    struct str line, word;
    while (str_split(&ehlo, '\n', &line)) {
        int64_t most = 0;
        line = str_trim(str_sub(line, 4, line.n));
        (void)!str_split(&line, ' ', &word);
        o.size = o.size || str_eq_nocase(word, S("SIZE"));
        if (str_eq_nocase(word, S("SIZE")) && str_to_int64(str_trim(line), &most) && most > 0) {
            o.most_bytes = (uint64_t)most;
        }
        o.pipelining = o.pipelining || str_eq_nocase(word, S("PIPELINING"));
        o.dsn = o.dsn || str_eq_nocase(word, S("DSN"));
        o.smtputf8 = o.smtputf8 || str_eq_nocase(word, S("SMTPUTF8"));
        o.eight_bit = o.eight_bit || str_eq_nocase(word, S("8BITMIME"));
    }
    return o;
}

/* ---- judging */

/* x.7.x: what the relay holds against us as sender. The address is not to blame, and one
 * message that is refused so says nothing of the next: only a wanted login or a relay that
 * is not ours to use concerns all. */
static void judge_policy(struct channel_result *r, bool relaying) {
    r->subject = CHANNEL_SUBJECT_MESSAGE;
    if (r->code == 530 || r->code == 535 || r->code == 538 || relaying) {
        r->subject = CHANNEL_SUBJECT_CHANNEL;
        r->outcome = CHANNEL_UNSENT;
    }
}

static void judge_rcpt(struct channel_result *r, const struct relay_reply *reply) {
    r->subject = CHANNEL_SUBJECT_ADDRESS;
    if (r->code == 552 && !(reply->subject == 2 && reply->detail == 2) &&
        !(reply->subject == 3 && reply->detail == 4)) {
        r->outcome = CHANNEL_DEFERRED; /* RFC 5321, 4.5.3.1.10: means "too many recipients" */
    }
    if (reply->subject == 3 && reply->detail == 4) {
        r->subject = CHANNEL_SUBJECT_MESSAGE;
    }
}

static void judge_dot(struct channel_result *r, const struct relay_reply *reply) {
    bool system = reply->subject == 3 && (reply->detail == 1 || reply->detail == 2);
    r->subject = CHANNEL_SUBJECT_MESSAGE;
    if (reply->subject == 1 || reply->subject == 2) {
        r->subject = CHANNEL_SUBJECT_ADDRESS;
    } else if (r->code < 500 && (system || (r->code == 452 && reply->class == 0))) {
        r->subject = CHANNEL_SUBJECT_DESTINATION; /* full, or not accepting now */
    }
}

static void judge_mail(struct channel_result *r, const struct relay_reply *reply) {
    bool size = r->code == 552 || (reply->subject == 3 && reply->detail == 4);
    if (size && r->code >= 500) {
        r->subject = CHANNEL_SUBJECT_MESSAGE; /* SIZE: bigger than the relay takes */
    } else if (r->code >= 500) {
        r->subject = CHANNEL_SUBJECT_CHANNEL;
        r->outcome = CHANNEL_UNSENT;
    } else {
        r->subject = CHANNEL_SUBJECT_DESTINATION;
    }
}

static void judge_before_mail(enum relay_stage stage, struct channel_result *r) {
    bool ours = r->code >= 500 && stage != RELAY_CONNECT && r->code != 554;
    r->subject = ours ? CHANNEL_SUBJECT_CHANNEL : CHANNEL_SUBJECT_DESTINATION;
    r->outcome = CHANNEL_UNSENT;
}

static void judge_failure(enum relay_stage stage, struct channel_result *r,
                          const struct relay_reply *reply) {
    r->outcome = r->code >= 500 ? CHANNEL_REFUSED : CHANNEL_DEFERRED;
    if (r->code == 421) {
        r->outcome = CHANNEL_UNSENT;
        r->subject = CHANNEL_SUBJECT_DESTINATION;
    } else if (stage < RELAY_MAIL) {
        judge_before_mail(stage, r);
    } else if (stage == RELAY_MAIL) {
        judge_mail(r, reply);
    } else if (stage == RELAY_RCPT) {
        judge_rcpt(r, reply);
    } else {
        judge_dot(r, reply);
    }
    bool policy = reply->subject == 7 || r->code == 530 || r->code == 535;
    bool relaying = stage == RELAY_RCPT && r->code >= 500 && (policy || reply->class == 0) &&
                    has_word(reply->text, "relay");
    if (stage >= RELAY_RCPT && r->code != 421 && (policy || relaying)) {
        judge_policy(r, relaying);
    }
}

void relay_reply_judge(enum relay_stage stage, const struct relay_reply *given,
                       struct relay_result *out) {
    struct relay_reply reply = *given;
    int part[3];
    size_t skip = parse_enhanced(reply.text, part);
    if (skip > 0 && reply.class == 0) {
        reply.class = part[0], reply.subject = part[1], reply.detail = part[2];
        reply.text = str_sub(reply.text, skip, reply.text.n);
    }
    relay_result_set(out, CHANNEL_DEFERRED, CHANNEL_SUBJECT_DESTINATION, reply.text);
    struct channel_result *r = &out->result;
    r->code = reply.code;
    if (reply.class > 0) {
        snprintf(r->enhanced, sizeof r->enhanced, "%u.%u.%u", (unsigned)reply.class % 10,
                 (unsigned)reply.subject % 1000, (unsigned)reply.detail % 1000);
    }
    if (reply.code >= 200 && reply.code < 300 && stage == RELAY_DOT) {
        r->outcome = CHANNEL_ACCEPTED;
        r->subject = CHANNEL_SUBJECT_NONE;
        find_id(out);
    } else if (reply.code >= 400 && reply.code < 600) {
        judge_failure(stage, r, &reply);
    } else if (stage == RELAY_DOT) {
        r->outcome = CHANNEL_DOUBT; /* it has the message and talks nonsense */
    } else if (stage < RELAY_MAIL) {
        r->outcome = CHANNEL_UNSENT;
    }
    if (r->code / 10 == 45 && has_word(given->text, "greylist")) {
        r->retry_after_ms = GREYLIST_WAIT_MS;
    }
}

/* Lost in the middle of the body it is the message's own trouble: if the relay died, the next
 * connect says so; if it dies of this message, again and again, the others must not wait. */
void relay_reply_lost(enum relay_progress progress, const char *relay, bool silent, bool others,
                      struct relay_result *out) {
    static const char *const after[] = {"MAIL FROM was sent", "MAIL FROM was accepted",
                                        "RCPT TO was accepted", "a part of the message was sent",
                                        "the whole message was handed over"};
    char text[400];
    bool relays = progress == RELAY_MAIL_SENT || (progress < RELAY_BODY_BEGUN && others);
    snprintf(text, sizeof text, "%.200s %s after %s", relay,
             silent ? "gave no answer in time" : "closed the connection", after[progress]);
    relay_result_set(out, progress == RELAY_BODY_SENT ? CHANNEL_DOUBT : CHANNEL_DEFERRED,
                     relays ? CHANNEL_SUBJECT_DESTINATION : CHANNEL_SUBJECT_MESSAGE,
                     str_from(text));
}
