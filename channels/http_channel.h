/* SPDX-License-Identifier: Apache-2.0
 *
 * http_channel: what the drivers over HTTP share: a message becomes a request, an answer
 * becomes a result, and both belong to the driver; the rest is here.
 */
#ifndef GODWIT_CHANNELS_HTTP_CHANNEL_H
#define GODWIT_CHANNELS_HTTP_CHANNEL_H

#include "base/io/http_client.h"
#include "channels/channel.h"
#include "channels/relay_reply.h"
#include "channels/sms.h"

struct arena;

struct http_channel_driver {
    /* The request for a message, in `a`; `note` is kept for judge(), 0 at first. False: *out says
     * why it cannot be sent. */
    bool (*make)(void *self, struct arena *a, const struct channel_message *m,
                 struct http_request *r, int *note, struct relay_result *out);
    void (*judge)(void *self, struct arena *a, const struct http_answer *answer, int note,
                  struct relay_result *out);
    void (*release)(void *self);
};

/* Settings that all of them have, in this order at the beginning of their tables. */
enum {
    HTTP_SET_CONNECTIONS,
    HTTP_SET_CONNECT_TIMEOUT,
    HTTP_SET_TIMEOUT,
    HTTP_SET_CA_FILE,
    HTTP_SET_OWN /* the driver's first */
};

#define HTTP_CHANNEL_SETTINGS                                                                   \
    [HTTP_SET_CONNECTIONS] = {"connections",                                                    \
                              CHANNEL_INTEGER,                                                  \
                              "8",                                                              \
                              .least = 1,                                                       \
                              .most = 256,                                                      \
                              .help = "Connections at most, and so messages on their way at "   \
                                      "once; they are kept and used again."},                   \
    [HTTP_SET_CONNECT_TIMEOUT] = {"connect_timeout",                                            \
                                  CHANNEL_DURATION,                                             \
                                  "10s",                                                        \
                                  .least = 100,                                                 \
                                  .most = 600000,                                               \
                                  .help = "For a connection to be made."},                      \
    [HTTP_SET_TIMEOUT] = {"timeout",      CHANNEL_DURATION,                                     \
                          "30s",          .least = 100,                                         \
                          .most = 600000, .help = "For a whole request, connecting included."}, \
    [HTTP_SET_CA_FILE] = {"ca_file", CHANNEL_TEXT,                                              \
                          .help = "PEM file of the authorities to trust instead of the "        \
                                  "system's."}

/* And those that carry SMS, from index `at` on. */
enum { SMS_SET_FROM, SMS_SET_MAX_SEGMENTS, SMS_SET_TRANSLITERATE, SMS_SETTINGS };

#define HTTP_CHANNEL_SMS_SETTINGS(at)                                                              \
    [(at) +                                                                                        \
        SMS_SET_FROM] = {"from", CHANNEL_TEXT,                                                     \
                         .help = "The sender: a number, or a name where networks allow it."},      \
        [(at) + SMS_SET_MAX_SEGMENTS] = {"max_segments",                                           \
                                         CHANNEL_INTEGER,                                          \
                                         "10",                                                     \
                                         .least = 1,                                               \
                                         .most = 255,                                              \
                                         .help = "A text that needs more is refused, never cut."}, \
        [(at) + SMS_SET_TRANSLITERATE] = {                                                         \
            "transliterate", CHANNEL_BOOLEAN, "false",                                             \
            .help =                                                                                \
                "Write typographic quotes, dashes and spaces plainly where that keeps a text in "  \
                "the GSM alphabet, with 160 characters a segment instead of 70."}

/* `self` is released with the channel, or at once when NULL is returned. `values` are the driver's;
 * the first HTTP_SET_OWN are read here. */
struct channel *http_channel_open(const struct channel_host *host,
                                  const struct http_channel_driver *driver,
                                  const struct channel_value *values, bool private_allowed,
                                  void *self, struct channel_error *e);
size_t http_channel_capacity(const struct channel *c);
void http_channel_submit(struct channel *c, const struct channel_message *const *messages,
                         size_t n);
typedef void http_closed_fn(void *arg);
void http_channel_close(struct channel *c, int64_t deadline_ms, http_closed_fn *closed, void *arg);

/* A copy on the heap; NULL of NULL. */
char *http_channel_copy(const char *text);
/* Whether it is an http:// or https:// URL with a host and without a login in it; else e. */
bool http_channel_check_url(const char *name, struct str url, struct channel_error *e) MUST_CHECK;

/* ---- SMS */

struct sms_rules http_channel_sms_rules(const struct channel_value *values, size_t at);
/* Text and number of the message by the rules; false: *out says why not. */
bool http_channel_sms(struct arena *a, const struct sms_rules *rules,
                      const struct channel_message *m, struct sms *sms,
                      struct relay_result *out) MUST_CHECK;

/* Percent-encodes all but letters, digits and - . _ ~ (RFC 3986). */
void http_channel_escape(struct buf *b, struct str s);
/* Adds "name=value", both encoded, behind an & unless it is the first. */
void http_channel_field(struct buf *b, const char *name, struct str value);

#endif
