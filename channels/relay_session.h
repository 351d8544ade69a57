/* SPDX-License-Identifier: Apache-2.0
 *
 * relay_session: one connection to a mail relay, through libesmtp, on a worker's
 * thread: takes messages from the pool one after the other for as long as they come,
 * and gives each back with its result.
 *
 * A line (one for each worker) is used by its own thread; only relay_line_cut() may be
 * called from another. Settings are shared by all lines and do not change, but for the
 * time of the last refused login.
 */
#ifndef GODWIT_CHANNELS_RELAY_SESSION_H
#define GODWIT_CHANNELS_RELAY_SESSION_H

#include "base/io/worker.h"
#include "channels/channel.h"
#include "channels/relay_reply.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

enum relay_tls { RELAY_TLS_OFF, RELAY_TLS_OPPORTUNISTIC, RELAY_TLS_REQUIRED };

struct relay_settings {
    char *server;   /* "host:port", as libesmtp wants it */
    char *helo;     /* NULL: the machine's name */
    char *username; /* NULL: no login */
    char *password;
    enum relay_tls tls;
    bool verify;  /* the certificate */
    SSL_CTX *ssl; /* NULL when tls is off */
    int connect_ms;
    int reply_ms;
    int dot_ms; /* for the reply to the whole message */
    int idle_ms;
    int most_messages;                      /* of a connection */
    atomic_uint_least64_t login_refused_at; /* uv_hrtime() of it; 0: never */
};

struct relay_job {
    struct worker_job job;
    const struct channel_message *message;
    bool retried; /* a stale connection has cost it one start already */
    bool judged;  /* result is there */
    struct relay_result result;
};

struct relay_line;

struct relay_line *relay_line_new(struct relay_settings *settings);
void relay_line_free(struct relay_line *l);

/* Serves `first` and what else the worker can take; all are given back on return. */
void relay_line_serve(struct relay_line *l, struct worker *w, struct relay_job *first);

/* Breaks the connection off for good: what is in flight comes back with its true outcome. */
void relay_line_cut(struct relay_line *l);

#endif
