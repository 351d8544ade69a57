/* SPDX-License-Identifier: Apache-2.0
 *
 * mail_link: a connection to a mail relay, made by libcurl on the loop: name look-up, TCP, TLS
 * from the first byte or by STARTTLS or none, EHLO and login; what follows is a stream of bytes
 * that the owner writes and reads. (libcurl's own sending of mail blocks the loop until the relay
 * has answered the final dot, so only its way in is used.)
 *
 * A link is opened once and closed once. All callbacks come from the loop, never from inside
 * mail_link_open() or mail_link_write(); after `ended` there is none. The owner closes the link
 * in any case, also from inside a callback. Loop thread only.
 */
#ifndef GODWIT_BASE_IO_MAIL_LINK_H
#define GODWIT_BASE_IO_MAIL_LINK_H

#include "base/io/transfers.h"
#include "base/str.h"

struct mail_link;

/* Borrowed for the call. */
struct mail_link_options {
    const char *host; /* a name or an address */
    int port;
    bool plain;           /* no TLS */
    bool implicit;        /* TLS from the first byte; else STARTTLS, and not without */
    bool verify;          /* the certificate, and that it is the host's */
    const char *ca_file;  /* NULL: the system's */
    const char *helo;     /* NULL: the machine's name */
    const char *username; /* NULL: no login; given: not without */
    const char *password;
    int64_t connect_ms; /* for all of it, login included */
};

/* How far it had come; each ends with the relay's answer. */
enum mail_link_stage {
    MAIL_LINK_CONNECT, /* TCP, TLS from the first byte */
    MAIL_LINK_GREETING,
    MAIL_LINK_TLS,
    MAIL_LINK_LOGIN,
    MAIL_LINK_OPEN
};

/* Texts live until the callback returns. */
struct mail_link_end {
    enum mail_link_stage stage;
    bool silent;      /* no answer in time */
    bool ours;        /* certificate, login or settings: it would fail again */
    struct str reply; /* the relay's last one before MAIL_LINK_OPEN; may be empty */
    const char *reason;
};

struct mail_link_events {
    void (*opened)(void *ctx, struct str ehlo); /* ready for MAIL; the reply to EHLO */
    void (*bytes)(void *ctx, struct str bytes);
    void (*ended)(void *ctx, const struct mail_link_end *end);
};

/* `t` is for this link alone as long as it is open; TLS sessions are kept in it. */
struct mail_link *mail_link_open(uv_loop_t *loop, struct transfers *t,
                                 const struct mail_link_options *o,
                                 const struct mail_link_events *events, void *ctx);

/* When all that was written before has left (mail_link_unsent() is 0). Copies. */
void mail_link_write(struct mail_link *l, struct str bytes);
/* Bytes that the system has not taken yet. */
size_t mail_link_unsent(const struct mail_link *l);

void mail_link_close(struct mail_link *l);

#endif
