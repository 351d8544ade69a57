/* SPDX-License-Identifier: Apache-2.0
 *
 * capture: an SMTP server for trying things out: takes every mail for everyone,
 * writes it into a Maildir, and tells. Nothing is passed on.
 *
 * Listens on 127.0.0.1 only. Bounded: connections (the rest hears 421), the size of
 * a mail, all mails being received together, idleness. Runs in the loop given and
 * calls back on its thread.
 */
#ifndef GODWIT_CLI_CAPTURE_H
#define GODWIT_CLI_CAPTURE_H

#include "base/err.h"
#include "base/str.h"

#include <uv.h>

#define CAPTURE_CONNECTIONS 256
#define CAPTURE_IDLE_MS 300000 /* RFC 5321, 4.5.3.2.7 */

struct capture;

struct capture_mail {
    int64_t at_us;
    struct str to;       /* the first recipient */
    size_t others;       /* further ones */
    struct str subject;  /* decoded; empty: it has none */
    struct str campaign; /* the first field of Feedback-ID; empty: it has none */
    struct str path;
    size_t bytes;
};

struct capture_options {
    const char *folder; /* the Maildir; made when missing, its parent exists */
    int port;           /* taken if it is free, else another one; 0: any */
    uint64_t idle_ms;
    void (*on_mail)(void *ctx, const struct capture_mail *m); /* borrowed for the call */
    void *ctx;
};

/* NULL: e says why. */
struct capture *capture_open(uv_loop_t *loop, const struct capture_options *o,
                             struct err *e) MUST_CHECK;
int capture_port(const struct capture *c);
/* Cuts all connections off; on_closed is the last callback. */
void capture_close(struct capture *c, void (*on_closed)(void *ctx), void *ctx);

#endif
