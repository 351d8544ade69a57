/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/retry.h"

#include <string.h>

#define SECOND INT64_C(1000000)
#define FIRST (300 * SECOND)
#define LONGEST (4 * 3600 * SECOND)
#define GIVE_UP (3 * 86400 * SECOND)
#define DOUBT_DELAY (60 * SECOND)
#define SEEN_DELAY (60 * SECOND)
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

static struct outbox_result again(const struct retry_input *in, enum message_status status,
                                  int64_t due) {
    int64_t end = in->queued_us + GIVE_UP;
    if (in->expires_us && in->expires_us < end)
        end = in->expires_us;
    if (due >= end)
        return (struct outbox_result){.status = MESSAGE_FAILED};
    return (struct outbox_result){.status = status, .due_us = due};
}

/* After `delay`, so that a message of which a relay thinks ill each time does not hold the
 * channel up again and again. */
static struct outbox_result rest(const struct retry_input *in, int64_t delay, bool *pause) {
    struct outbox_result x =
        again(in, MESSAGE_QUEUED, in->now_us + jitter(delay, in->id, in->attempts));
    x.given_back = x.status == MESSAGE_QUEUED;
    *pause = true;
    return x;
}

/* Of which kind the refusal is. What was said of the message marks no address. */
static struct outbox_result bounced(const struct retry_input *in, const struct channel_result *r,
                                    struct outbox_result x) {
    bool address = r->subject == CHANNEL_SUBJECT_ADDRESS;
    bool message = r->subject == CHANNEL_SUBJECT_MESSAGE && in->mail;
    if (x.status != MESSAGE_FAILED || r->code <= 0 || !(address || message))
        return x;
    struct bounce_said said = {str_from(r->enhanced), r->code, str_of(r->reason.p, r->reason.n)};
    if (!in->mail && r->enhanced[0])
        said.text = STR_NONE; /* the driver has judged: a provider's words are no mail server's */
    x.bounce = bounce_classify(&said);
    if (message && x.bounce.class != BOUNCE_BLOCK)
        x.bounce.class = r->outcome == CHANNEL_REFUSED ? BOUNCE_CONTENT : BOUNCE_SOFT;
    memcpy(x.enhanced, r->enhanced, sizeof x.enhanced);
    return x;
}

static struct outbox_result refused(const struct retry_input *in, const struct channel_result *r,
                                    bool *pause) {
    if (r->subject != CHANNEL_SUBJECT_ADDRESS && r->subject != CHANNEL_SUBJECT_MESSAGE)
        return rest(in, SEEN_DELAY, pause);
    return bounced(in, r, (struct outbox_result){.status = MESSAGE_FAILED});
}

static struct outbox_result doubted(const struct retry_input *in) {
    struct outbox_result x = {.status = MESSAGE_IN_DOUBT};
    if (in->in_doubt == IN_DOUBT_RESEND)
        x = again(in, MESSAGE_QUEUED, in->now_us + DOUBT_DELAY);
    if (x.status == MESSAGE_FAILED) /* never forgotten: it may have arrived */
        x.status = MESSAGE_IN_DOUBT;
    x.doubted = true;
    return x;
}

struct outbox_result retry_after(const struct retry_input *in, const struct channel_result *r,
                                 bool *pause) {
    *pause = false;
    switch (r->outcome) {
    case CHANNEL_ACCEPTED:
        return (struct outbox_result){.status = MESSAGE_SENT};
    case CHANNEL_REFUSED:
        return refused(in, r, pause);
    case CHANNEL_DEFERRED:
        if (r->subject == CHANNEL_SUBJECT_ADDRESS || r->subject == CHANNEL_SUBJECT_MESSAGE)
            return bounced(in, r, again(in, MESSAGE_DEFERRED, in->now_us + backoff(in, r)));
        return rest(in, SEEN_DELAY, pause);
    case CHANNEL_DOUBT:
        return doubted(in);
    case CHANNEL_UNSENT:
        break;
    }
    return rest(in, 0, pause);
}

int64_t retry_pause_ms(int failures, const struct channel_result *r) {
    int64_t ms = 1000;
    for (int i = 1; i < failures && ms < PAUSE_LONGEST_MS; i++)
        ms *= 2;
    if (ms > PAUSE_LONGEST_MS)
        ms = PAUSE_LONGEST_MS;
    return r->retry_after_ms > ms ? r->retry_after_ms : ms;
}
