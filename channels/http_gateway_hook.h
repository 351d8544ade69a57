/* SPDX-License-Identifier: Apache-2.0
 *
 * http_gateway_hook: what a gateway tells a URL of ours, found by the pointers and
 * patterns of the channel's settings. A form or a query is read as if it were a JSON object of
 * its fields. Pure.
 */
#ifndef GODWIT_CHANNELS_HTTP_GATEWAY_HOOK_H
#define GODWIT_CHANNELS_HTTP_GATEWAY_HOOK_H

#include "base/err.h"
#include "channels/channel.h"

/* The settings, in this order from some index of the driver's table on. */
enum {
    GATEWAY_HOOK_SECRET,
    GATEWAY_HOOK_HEADER,
    GATEWAY_HOOK_AUTH,
    GATEWAY_RECEIPTS,
    GATEWAY_RECEIPT_REFERENCE,
    GATEWAY_RECEIPT_ID,
    GATEWAY_RECEIPT_STATUS,
    GATEWAY_RECEIPT_CODE,
    GATEWAY_DELIVERED,
    GATEWAY_FAILED,
    GATEWAY_INBOUND_FROM,
    GATEWAY_INBOUND_TO,
    GATEWAY_INBOUND_TEXT,
    GATEWAY_INBOUND_ID,
    GATEWAY_HOOK_SETTINGS
};

#define GATEWAY_FIND ": a JSON pointer or a pattern."
#define HTTP_GATEWAY_HOOK_SETTINGS(at)                                                             \
    [(at) +                                                                                        \
        GATEWAY_HOOK_SECRET] = {"hook_secret", CHANNEL_TEXT, .secret = true,                       \
                                .help = "What the gateway must show, or signs with; without "      \
                                        "it only reports on a URL of ours are taken."},            \
        [(at) + GATEWAY_HOOK_HEADER] = {"hook_header", CHANNEL_TEXT,                               \
                                        .help =                                                    \
                                            "The header that holds the secret (also behind "       \
                                            "`Bearer`) or the signature; without it the secret "   \
                                            "is `secret=` in the URL."},                           \
        [(at) + GATEWAY_HOOK_AUTH] = {"hook_auth", CHANNEL_CHOICE, "secret",                       \
                                      .choices = "secret|hmac-sha256",                             \
                                      .help =                                                      \
                                          "Whether the header holds the secret itself, or the "    \
                                          "HMAC-SHA-256 of the body under it, in hex or base64, "  \
                                          "also behind `sha256=`."},                               \
        [(at) + GATEWAY_RECEIPTS] = {"receipts", CHANNEL_TEXT,                                     \
                                     .help =                                                       \
                                         "A JSON pointer to the list, where several reports come " \
                                         "in one request; `/` is the whole body."},                \
        [(at) + GATEWAY_RECEIPT_REFERENCE] =                                                       \
            {"receipt_reference", CHANNEL_TEXT,                                                    \
             .help = "Where a report says `{reference}` again" GATEWAY_FIND},                      \
        [(at) + GATEWAY_RECEIPT_ID] = {"receipt_id", CHANNEL_TEXT,                                 \
                                       .help = "Where a report says the gateway's number of the "  \
                                               "message" GATEWAY_FIND},                            \
        [(at) +                                                                                    \
            GATEWAY_RECEIPT_STATUS] = {"receipt_status", CHANNEL_TEXT,                             \
                                       .help =                                                     \
                                           "Where a report says what became of it" GATEWAY_FIND},  \
        [(at) + GATEWAY_RECEIPT_CODE] = {"receipt_code", CHANNEL_TEXT,                             \
                                         .help =                                                   \
                                             "Where it says the error; `address_codes` are final " \
                                             "for the number, `message_codes` and "                \
                                             "`channel_codes` no mark on it" GATEWAY_FIND},        \
        [(at) + GATEWAY_DELIVERED] = {"delivered", CHANNEL_TEXT, "delivered",                      \
                                      .help = "Statuses, with commas, that say: it arrived."},     \
        [(at) + GATEWAY_FAILED] = {"failed", CHANNEL_TEXT, "failed,undelivered,rejected,expired",  \
                                   .help =                                                         \
                                       "Statuses that say: it will not arrive. All others are "    \
                                       "progress."},                                               \
        [(at) +                                                                                    \
            GATEWAY_INBOUND_FROM] = {"inbound_from", CHANNEL_TEXT,                                 \
                                     .help =                                                       \
                                         "Where an inbound message says its sender" GATEWAY_FIND}, \
        [(at) + GATEWAY_INBOUND_TO] = {"inbound_to", CHANNEL_TEXT,                                 \
                                       .help = "And whom it was sent to" GATEWAY_FIND},            \
        [(at) + GATEWAY_INBOUND_TEXT] = {"inbound_text", CHANNEL_TEXT,                             \
                                         .help = "And its text" GATEWAY_FIND},                     \
        [(at) + GATEWAY_INBOUND_ID] = {"inbound_id", CHANNEL_TEXT,                                 \
                                       .help = "And the gateway's number of it" GATEWAY_FIND}

/* The lists of codes of the driver: final for the number; no mark on it. */
struct gateway_codes {
    const char *address, *message, *channel;
};

/* `v` begins with GATEWAY_HOOK_SECRET. */
enum channel_hook_result gateway_hook_receive(const struct channel_value *v,
                                              const struct gateway_codes *codes,
                                              const struct channel_hook *h);
const char *gateway_hook_answer(const struct channel_hook *h, struct channel_text text);
/* Whether the settings fit each other and all pointers and patterns can be read; else e. */
bool gateway_hook_check(const struct channel_value *v, struct channel_error *e) MUST_CHECK;

#endif
