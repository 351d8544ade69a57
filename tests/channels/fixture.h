/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture: for tests of drivers: a scripted SMTP peer as a child process, and a channel
 * that is driven as the engine does it: never more in flight than its capacity.
 */
#ifndef GODWIT_TESTS_CHANNELS_FIXTURE_H
#define GODWIT_TESTS_CHANNELS_FIXTURE_H

#include "channels/drivers.h"

#include <sys/types.h>
#include <uv.h>

#define FIXTURE_MESSAGES 2000

/* ---- a child that prints its port and ends with its standard input */
struct fixture_peer {
    pid_t pid;
    int input; /* closing it ends the peer */
    int port;
    char folder[40]; /* for its files; removed at the end */
    char log[60];
};

/* `args`: up to 20, ended by NULL; tests/peers/smtp_peer.py with --log. */
void fixture_peer_start(struct fixture_peer *p, const char *const *args);
/* Another script of tests/peers with the same manners. */
void fixture_peer_start_script(struct fixture_peer *p, const char *script, const char *const *args);
void fixture_peer_stop(struct fixture_peer *p);

/* The ways to a relay, which must behave alike: a driver, and the setting that says how. */
struct fixture_way {
    const char *name, *driver, *setting, *value;
    bool tls; /* from the first byte, with the certificate of fixture_tls */
};
#define FIXTURE_WAYS 3
extern const struct fixture_way fixture_ways[FIXTURE_WAYS];
/* A relay for that way; at the end of `args`, up to 16. */
void fixture_relay_start(struct fixture_peer *p, const struct fixture_way *way,
                         const char *const *args);
/* How many lines of the log hold `text`; NULL: all. */
size_t fixture_peer_count(const struct fixture_peer *p, const char *text);
/* A port of 127.0.0.1 on which nobody listens. */
int fixture_free_port(void);

/* Certificates for localhost: one that is its own authority, and another such. Made once for a
 * TCase (an unchecked fixture), removed after it. */
struct fixture_tls {
    char cert[60], key[60], other[60];
};
extern struct fixture_tls fixture_tls;
void fixture_tls_make(void);
void fixture_tls_remove(void);

/* ---- a channel in use */
struct fixture_result {
    int times; /* done() for it: must be 1 */
    struct channel_result result;
    char reason[501];
    char id[101];
    uint64_t at_ms; /* since the run's start */
};

struct fixture {
    uv_loop_t loop;
    uv_timer_t watchdog, closer;
    struct channel_host host;
    const struct channel_driver *driver;
    struct channel *channel;
    struct channel_message messages[FIXTURE_MESSAGES];
    char texts[FIXTURE_MESSAGES][2][64]; /* recipient, Message-ID */
    struct fixture_result results[FIXTURE_MESSAGES];
    size_t wanted, handed, done, in_flight, most_in_flight;
    bool inside; /* of a function of the driver: done() must not come */
    bool closing, closed;
    int64_t close_deadline_ms;
    uint64_t started_ms;
    int warnings, infos;
    char last_log[700];
};

/* `settings`: name, value, ..., NULL; a value that begins with [{ is JSON. Fails the test when the
 * driver does not open. */
void fixture_open(struct fixture *f, const char *driver, const char *const *settings);
/* The message to `to` (copied), the n-th; returns it for changes. */
struct channel_message *fixture_add(struct fixture *f, const char *to);
/* Hands over all messages, waits for all results, closes. With close_after_ms >= 0 the
 * channel is closed at that time instead, with the deadline given. */
void fixture_run(struct fixture *f);
void fixture_run_closing(struct fixture *f, int64_t close_after_ms, int64_t deadline_ms);
size_t fixture_count(const struct fixture *f, enum channel_outcome outcome);

#endif
