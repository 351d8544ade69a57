/* SPDX-License-Identifier: Apache-2.0
 *
 * http_reply: what the end of an HTTP request means for the message, where the driver
 * knows nothing better: the one place that turns a status into outcome and subject. Pure.
 *
 *   2xx                      accepted
 *   408 425 429 502 503 504  deferred: destination, after Retry-After
 *   other 5xx                deferred: message (it may be what breaks the peer)
 *   400 409 413 422 and other 4xx  refused: message
 *   3xx 401 403 404 405 407 410    refused: channel (URL or login are wrong for all)
 *   not sent                 unsent: destination; a private address: channel
 *   lost                     doubt
 */
#ifndef GODWIT_CHANNELS_HTTP_REPLY_H
#define GODWIT_CHANNELS_HTTP_REPLY_H

#include "base/io/http_client.h"
#include "channels/relay_reply.h"

void http_reply_judge(const struct http_answer *a, struct relay_result *out);

/* A result from the answer's status with another outcome and reason. */
void http_reply_set(const struct http_answer *a, struct relay_result *out,
                    enum channel_outcome outcome, enum channel_subject subject, struct str reason);

/* The provider's id of the message; cut when it is too long. */
void http_reply_id(struct relay_result *out, struct str id);

#endif
