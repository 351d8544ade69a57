/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/http_reply.h"

#include <stdio.h>

static enum channel_outcome outcome_of(int status, enum channel_subject *subject) {
    *subject = CHANNEL_SUBJECT_NONE;
    if (status < 300)
        return CHANNEL_ACCEPTED;
    switch (status) {
    case 408:
    case 425:
    case 429:
    case 502:
    case 503:
    case 504:
        *subject = CHANNEL_SUBJECT_DESTINATION;
        return CHANNEL_DEFERRED;
    case 401:
    case 403:
    case 404:
    case 405:
    case 407:
    case 410:
        *subject = CHANNEL_SUBJECT_CHANNEL;
        return CHANNEL_REFUSED;
    default:
        break;
    }
    *subject = status < 400 ? CHANNEL_SUBJECT_CHANNEL : CHANNEL_SUBJECT_MESSAGE;
    return status >= 500 ? CHANNEL_DEFERRED : CHANNEL_REFUSED;
}

void http_reply_set(const struct http_answer *a, struct relay_result *out,
                    enum channel_outcome outcome, enum channel_subject subject, struct str reason) {
    relay_result_set(out, outcome, subject, reason);
    out->result.code = a->fate == HTTP_ANSWERED ? a->status : 0;
    out->result.retry_after_ms = a->retry_after_ms;
}

static void judge_status(const struct http_answer *a, struct relay_result *out) {
    enum channel_subject subject;
    enum channel_outcome outcome = outcome_of(a->status, &subject);
    char text[400];
    struct str said = str_trim(str_sub(a->body, 0, 300));
    if (a->status >= 300 && a->status < 400) {
        snprintf(text, sizeof text, "the URL redirects%s%.*s, which is not followed",
                 a->location.n ? " to " : "", STR_FMT(a->location));
        said = str_from(text);
    }
    if (said.n == 0) {
        snprintf(text, sizeof text, "HTTP status %d", a->status);
        said = str_from(text);
    }
    http_reply_set(a, out, outcome, subject, said);
}

void http_reply_judge(const struct http_answer *a, struct relay_result *out) {
    switch (a->fate) {
    case HTTP_ANSWERED:
        judge_status(a, out);
        break;
    case HTTP_UNSENT:
        http_reply_set(a, out, CHANNEL_UNSENT,
                       a->private_refused ? CHANNEL_SUBJECT_CHANNEL : CHANNEL_SUBJECT_DESTINATION,
                       str_from(a->reason));
        break;
    case HTTP_LOST:
        http_reply_set(a, out, CHANNEL_DOUBT, CHANNEL_SUBJECT_DESTINATION, str_from(a->reason));
        break;
    }
}

void http_reply_id(struct relay_result *out, struct str id) {
    snprintf(out->id, sizeof out->id, "%.*s", STR_FMT(str_trim(id)));
    out->result.provider_id.p = out->id;
    out->result.provider_id.n = strlen(out->id);
}
