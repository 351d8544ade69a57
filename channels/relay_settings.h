/* SPDX-License-Identifier: Apache-2.0
 *
 * relay_settings: what the drivers smtp and smtps are told about their relays: the table of
 * settings, and the values as they need them.
 *
 * Read once when the channel is opened; afterwards nothing changes but the atomics, so all
 * connections share it.
 */
#ifndef GODWIT_CHANNELS_RELAY_SETTINGS_H
#define GODWIT_CHANNELS_RELAY_SETTINGS_H

#include "channels/channel.h"
#include "channels/relay_pool.h"

#include <stdatomic.h>

enum relay_tls {
    RELAY_TLS_OFF,
    RELAY_TLS_OPPORTUNISTIC, /* STARTTLS when it is offered */
    RELAY_TLS_REQUIRED,      /* STARTTLS */
    RELAY_TLS_IMPLICIT       /* from the first byte */
};

struct relay {
    char *host;
    int port;
    char *name;     /* "host:port" */
    char *username; /* NULL: no login */
    char *password;
    char *ca_file; /* NULL: the system's */
    enum relay_tls tls;
    bool verify;                            /* the certificate */
    void *ssl;                              /* the driver smtp's SSL_CTX, or NULL */
    atomic_uint_least64_t login_refused_at; /* uv_hrtime() of it; 0: never */
    atomic_uint_least64_t most_bytes;       /* SIZE as it was last offered; 0: no limit */
};

struct dkim_key;

struct relay_settings {
    struct relay *relays;
    size_t n;
    struct relay_pool *pool;
    size_t connections;
    char *helo;             /* NULL: the machine's name */
    bool dsn;               /* ask for delivery status notifications */
    struct dkim_key **dkim; /* each signs; ended by NULL */
    int connect_ms;
    int reply_ms;
    int dot_ms; /* for the reply to the whole message */
    int idle_ms;
    int most_messages; /* of a connection */
};

extern const struct channel_setting relay_settings_smtp[];
extern const struct channel_setting relay_settings_smtps[];

/* False: e says what does not go together. In both cases to be closed. */
bool relay_settings_read(struct relay_settings *out, const struct channel_value *values,
                         struct channel_error *e);
void relay_settings_close(struct relay_settings *s);

/* A login that was refused a moment ago is not tried again: accounts get locked that way.
 * The time (ms) for which that holds; 0: it may be tried. */
int64_t relay_settings_login_pause(const struct relay *r, uint64_t now_ns);
#define RELAY_LOGIN_PAUSE_MS 60000

#endif
