/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/care.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "engine/decide/match.h"
#include "engine/hours.h"

/* ---- when */

int64_t care_when(const struct entry *x) {
    struct hours h;
    if (!hours_of(&h, &x->workspace->settings, x->campaign, x->send->transactional))
        return x->at_us;
    h.zone = match_zone(x->workspace, x->profile);
    int64_t first = x->at_us > x->now_us ? x->at_us : x->now_us; /* it cannot leave before */
    int64_t at = hours_when(&h, first);
    return at == first ? x->at_us : at;
}

/* ---- how many */

/* One cap over the messages that count under it. */
struct count {
    const struct entry *x;
    const struct settings_cap *cap;
    const bool *gone; /* of the profile's messages: displaced */
};

static bool covers(struct str pattern, struct str name) {
    return !pattern.n || str_eq(pattern, name);
}

static bool is_about(const struct settings_cap *cap, struct str channel, struct str topic,
                     bool transactional) {
    return covers(cap->channel, channel) && covers(cap->topic, topic) &&
           (!transactional || cap->transactional);
}

static bool counts(const struct count *c, size_t i) {
    const struct profile_message *m = &c->x->profile->messages[i];
    return !c->gone[i] && message_status_counts(m->status) &&
           is_about(c->cap, m->channel, m->topic, m->transactional);
}

/* Behind `from`, up to and with `upto`. */
static int64_t count_within(const struct count *c, int64_t from, int64_t upto) {
    int64_t n = 0;
    for (size_t i = 0; i < c->x->profile->n_messages; i++)
        n += counts(c, i) && c->x->profile->messages[i].at_us > from &&
             c->x->profile->messages[i].at_us <= upto;
    return n;
}

/* Any span of that length that the message falls into: it ends with the message, or with a later
 * one that is pending. */
static int64_t fullest_span(const struct count *c, int64_t *from, int64_t *upto) {
    const struct profile *p = c->x->profile;
    int64_t due = c->x->decision->due_us, span = c->cap->span_us;
    int64_t most = count_within(c, due - span, due);
    *from = due - span;
    *upto = due;
    for (size_t i = 0; i < p->n_messages; i++) {
        int64_t end = p->messages[i].at_us;
        if (!counts(c, i) || end <= due || end >= due + span)
            continue;
        int64_t n = count_within(c, end - span, end);
        if (n <= most)
            continue;
        most = n;
        *from = end - span;
        *upto = end;
    }
    return most;
}

/* The day, week or month that the message falls into where the customer is. */
static int64_t calendar_span(const struct count *c, int64_t *from, int64_t *upto) {
    static const int days[] = {[CALENDAR_DAY] = 1, [CALENDAR_WEEK] = 7, [CALENDAR_MONTH] = 32};
    const struct zone *z = match_zone(c->x->workspace, c->x->profile);
    enum calendar_unit unit = (enum calendar_unit)c->cap->unit;
    int64_t start = calendar_start_of(z, c->x->decision->due_us, unit);
    *from = start - 1;
    *upto = calendar_start_of(z, calendar_add_days(z, start, days[unit]), unit) - 1;
    return count_within(c, *from, *upto);
}

/* The message that makes room: still to be sent, of lower priority than this one, the lowest first
 * and then the latest. n_messages: there is none. */
static size_t weakest(const struct count *c, int64_t from, int64_t upto) {
    const struct profile *p = c->x->profile;
    size_t found = p->n_messages;
    for (size_t i = 0; i < p->n_messages; i++) {
        const struct profile_message *m = &p->messages[i], *other = &p->messages[found];
        bool pending = m->status == MESSAGE_QUEUED || m->status == MESSAGE_DEFERRED;
        if (!counts(c, i) || !pending || m->at_us <= c->x->now_us || m->at_us <= from ||
            m->at_us > upto || m->priority >= c->x->decision->priority)
            continue;
        if (found == p->n_messages || m->priority < other->priority ||
            (m->priority == other->priority && m->at_us > other->at_us))
            found = i;
    }
    return found;
}

/* Marks what has to go; false: there is no room all the same. */
static bool make_room(struct count *c, bool *gone, int64_t *used) {
    int64_t from, upto;
    for (;;) {
        *used = c->cap->span_us ? fullest_span(c, &from, &upto) : calendar_span(c, &from, &upto);
        if (*used < c->cap->most)
            return true;
        size_t i = weakest(c, from, upto);
        if (i == c->x->profile->n_messages)
            return false;
        gone[i] = true;
    }
}

const struct settings_cap *care_full(const struct entry *x, struct profile_message ***displaced,
                                     size_t *n, int64_t *used) {
    const struct settings *s = &x->workspace->settings;
    struct profile *p = x->profile;
    *n = 0;
    if (x->campaign->ignores_caps || s->n_caps == 0)
        return NULL;
    bool *gone = ARENA_ARRAY(x->arena, bool, p->n_messages + 1);
    for (size_t i = 0; i < s->n_caps; i++) {
        struct count c = {x, &s->caps[i], gone};
        if (is_about(c.cap, x->decision->channel, x->decision->topic, x->send->transactional) &&
            !make_room(&c, gone, used))
            return c.cap;
    }
    *displaced = ARENA_ARRAY(x->arena, struct profile_message *, p->n_messages + 1);
    for (size_t i = 0; i < p->n_messages; i++)
        if (gone[i])
            (*displaced)[(*n)++] = &p->messages[i];
    return NULL;
}
