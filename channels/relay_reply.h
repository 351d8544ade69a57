/* SPDX-License-Identifier: Apache-2.0
 *
 * relay_reply: what a mail relay's reply means for the message (RFC 5321, 3463).
 *
 * The one place that turns stage, code and enhanced status into outcome and subject.
 * Pure; any thread.
 *
 * A 5xx is final for what the command was about: at the greeting, TLS, login and MAIL
 * that is our channel, so the message costs nothing and waits; at RCPT the address;
 * from DATA on the message. 421 anywhere means the relay has had enough: no attempt was
 * made. Policy codes (x.7.x) from RCPT on are taken for the message's own trouble, so that
 * one that is refused neither marks its address nor stops the others.
 */
#ifndef GODWIT_CHANNELS_RELAY_REPLY_H
#define GODWIT_CHANNELS_RELAY_REPLY_H

#include "base/str.h"
#include "channels/channel.h"

enum relay_stage {
    RELAY_CONNECT,
    RELAY_GREETING, /* banner, EHLO */
    RELAY_TLS,
    RELAY_LOGIN,
    RELAY_MAIL,
    RELAY_RCPT,
    RELAY_DATA, /* before the first byte of the message */
    RELAY_DOT   /* reply to the whole message */
};

/* A result with the memory of its texts. */
struct relay_result {
    struct channel_result result;
    char reason[501];
    char id[101];
};

struct relay_reply {
    int code;                   /* 0: none came */
    int class, subject, detail; /* enhanced status; 0.0.0: none */
    struct str text;            /* without the code; may be several lines */
};

/* Splits "550 5.1.1 text" or several such lines, as they came over the wire. */
struct relay_reply relay_reply_parse(struct str lines);

/* What a relay says in its reply to EHLO that it can do. */
struct relay_offer {
    bool pipelining, dsn, smtputf8, eight_bit, size;
    uint64_t most_bytes; /* SIZE; 0: no limit */
};
struct relay_offer relay_reply_offer(struct str ehlo);

/* How far a message had come when its connection was lost. */
enum relay_progress {
    RELAY_MAIL_SENT,
    RELAY_MAIL_TAKEN,
    RELAY_RCPT_TAKEN,
    RELAY_BODY_BEGUN,
    RELAY_BODY_SENT /* all of it: it may have arrived */
};
/* `silent`: it gave no answer in time, else it hung up; `others`: there are relays to turn to. */
void relay_reply_lost(enum relay_progress progress, const char *relay, bool silent, bool others,
                      struct relay_result *out);

void relay_reply_judge(enum relay_stage stage, const struct relay_reply *reply,
                       struct relay_result *out);

/* A result that does not come from a reply. The reason is made one clean line. */
void relay_result_set(struct relay_result *out, enum channel_outcome outcome,
                      enum channel_subject subject, struct str reason);

#endif
