/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/retry.h"

#define SECOND INT64_C(1000000)
#define FIRST (300 * SECOND)
#define LONGEST (4 * 3600 * SECOND)
#define GIVE_UP (3 * 86400 * SECOND)
#define DOUBT_DELAY (60 * SECOND)
#define PAUSE_LONGEST_MS 60000

/* -20 % .. +20 %, the same for the same message and attempt. */
static int64_t jitter(int64_t delay, int64_t id, int attempts) {
    uint64_t x = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)attempts;
    x ^= x >> 31;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 29;
    return delay + delay / 5 * ((int64_t)(x % 2001) - 1000) / 1000;
}

static int64_t backoff(const struct retry_input *in, const struct channel_result *r) {
    int64_t delay = in->first_us ? in->first_us : FIRST;
    for (int i = 1; i < in->attempts && delay < LONGEST; i++)
        delay *= 2;
    if (delay > LONGEST)
        delay = LONGEST;
    delay = jitter(delay, in->id, in->attempts);
    if (r->retry_after_ms >= 0 && r->retry_after_ms * 1000 > delay)
        delay = r->retry_after_ms * 1000;
    return delay;
}

static struct retry again(const struct retry_input *in, enum message_status status, int64_t due) {
    int64_t end = in->queued_us + GIVE_UP;
    if (in->expires_us && in->expires_us < end)
        end = in->expires_us;
    if (due >= end)
        return (struct retry){.status = MESSAGE_FAILED};
    return (struct retry){.status = status, .due_us = due};
}

static struct retry rest(const struct retry_input *in) {
    struct retry x = again(in, MESSAGE_QUEUED, in->now_us);
    x.given_back = x.status == MESSAGE_QUEUED;
    x.pause = true;
    return x;
}

struct retry retry_after(const struct retry_input *in, const struct channel_result *r) {
    bool theirs = r->subject == CHANNEL_SUBJECT_ADDRESS || r->subject == CHANNEL_SUBJECT_MESSAGE;
    struct retry x;
    switch (r->outcome) {
    case CHANNEL_ACCEPTED:
        return (struct retry){.status = MESSAGE_SENT};
    case CHANNEL_REFUSED:
        return theirs ? (struct retry){.status = MESSAGE_FAILED} : rest(in);
    case CHANNEL_DEFERRED:
        return theirs ? again(in, MESSAGE_DEFERRED, in->now_us + backoff(in, r)) : rest(in);
    case CHANNEL_DOUBT:
        x = in->in_doubt == IN_DOUBT_RESEND ? again(in, MESSAGE_QUEUED, in->now_us + DOUBT_DELAY)
                                            : (struct retry){.status = MESSAGE_IN_DOUBT};
        x.doubted = true;
        if (x.status == MESSAGE_FAILED) /* never forgotten: it may have arrived */
            x.status = MESSAGE_IN_DOUBT;
        return x;
    case CHANNEL_UNSENT:
        break;
    }
    return rest(in);
}

int64_t retry_pause_ms(int failures, const struct channel_result *r) {
    int64_t ms = 1000;
    for (int i = 1; i < failures && ms < PAUSE_LONGEST_MS; i++)
        ms *= 2;
    if (ms > PAUSE_LONGEST_MS)
        ms = PAUSE_LONGEST_MS;
    return r->retry_after_ms > ms ? r->retry_after_ms : ms;
}
