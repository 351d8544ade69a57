/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/relay_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define MS UINT64_C(1000000)
#define REST_FIRST_MS INT64_C(1000)
#define REST_MOST_MS INT64_C(300000)

struct relay_state {
    char *name;
    double weight;
    double load;             /* messages it was given, by weight */
    int failures;            /* in a row; 0: it works */
    uint64_t rests_until_ns; /* when failures > 0 */
    bool probing;            /* a connection tries whether it works again */
    bool told;               /* the log has it as set aside */
    char reason[300];
};

struct relay_pool {
    uv_mutex_t mutex;
    bool failing; /* no message gets through: the loop's thread's */
    size_t n;
    struct relay_state relays[];
};

struct relay_pool *relay_pool_new(const char *const *names, const int *weights, size_t n) {
    struct relay_pool *p = calloc(1, sizeof *p + n * sizeof p->relays[0]);
    if (!p || uv_mutex_init(&p->mutex) != 0) {
        abort();
    }
    p->n = n;
    for (size_t i = 0; i < n; i++) {
        p->relays[i].name = strdup(names[i]);
        p->relays[i].weight = weights[i];
        if (!p->relays[i].name) {
            abort();
        }
    }
    return p;
}

void relay_pool_free(struct relay_pool *p) {
    if (!p) {
        return;
    }
    for (size_t i = 0; i < p->n; i++) {
        free(p->relays[i].name);
    }
    uv_mutex_destroy(&p->mutex);
    free(p);
}

/* ---- choosing */

static bool is_due(const struct relay_state *r, uint64_t now_ns) {
    return r->failures > 0 && !r->probing && now_ns >= r->rests_until_ns;
}

static size_t find_due(const struct relay_pool *p, uint32_t tried, uint64_t now_ns) {
    for (size_t i = 0; i < p->n; i++) {
        if (!(tried >> i & 1) && is_due(&p->relays[i], now_ns)) {
            return i;
        }
    }
    return RELAY_POOL_NONE;
}

/* The working one with the least load. */
static size_t find_working(const struct relay_pool *p, uint32_t tried) {
    size_t best = RELAY_POOL_NONE;
    for (size_t i = 0; i < p->n; i++) {
        const struct relay_state *r = &p->relays[i];
        if (!(tried >> i & 1) && r->failures == 0 &&
            (best == RELAY_POOL_NONE || r->load < p->relays[best].load)) {
            best = i;
        }
    }
    return best;
}

static void count_taken(struct relay_state *r) {
    r->probing = r->failures > 0;
    r->load += 1 / r->weight; /* so that the next one goes elsewhere */
}

size_t relay_pool_probe(struct relay_pool *p, uint32_t tried, uint64_t now_ns) {
    if (p->n == 1) {
        return RELAY_POOL_NONE;
    }
    uv_mutex_lock(&p->mutex);
    size_t i = find_due(p, tried, now_ns);
    if (i != RELAY_POOL_NONE) {
        count_taken(&p->relays[i]);
    }
    uv_mutex_unlock(&p->mutex);
    return i;
}

size_t relay_pool_take(struct relay_pool *p, uint32_t tried, uint64_t now_ns) {
    if (p->n == 1) {
        return 0;
    }
    uv_mutex_lock(&p->mutex);
    size_t i = find_due(p, tried, now_ns);
    if (i == RELAY_POOL_NONE) {
        i = find_working(p, tried);
    }
    if (i != RELAY_POOL_NONE) {
        count_taken(&p->relays[i]);
    }
    uv_mutex_unlock(&p->mutex);
    return i;
}

void relay_pool_leave(struct relay_pool *p, size_t relay) {
    uv_mutex_lock(&p->mutex);
    p->relays[relay].probing = false;
    uv_mutex_unlock(&p->mutex);
}

bool relay_pool_has_other(const struct relay_pool *p, uint32_t tried) {
    return p->n > 1 && (size_t)__builtin_popcount(tried) < p->n;
}

/* ---- what came of it */

/* It takes part again, and not with all that it missed. */
static void restore(struct relay_pool *p, struct relay_state *r) {
    double least = r->load;
    bool found = false;
    for (size_t i = 0; i < p->n; i++) {
        const struct relay_state *o = &p->relays[i];
        if (o != r && o->failures == 0 && (!found || o->load < least)) {
            least = o->load;
            found = true;
        }
    }
    r->load = least > r->load ? least : r->load;
    r->failures = 0;
}

static void set_aside(struct relay_state *r, const struct channel_result *why, uint64_t now_ns) {
    if (r->failures > 0 && !r->probing && now_ns < r->rests_until_ns) {
        return; /* another connection has said so already */
    }
    int64_t ms = REST_FIRST_MS;
    for (int i = 0; i < r->failures && ms < REST_MOST_MS; i++) {
        ms *= 2;
    }
    ms = ms > REST_MOST_MS ? REST_MOST_MS : ms;
    ms = why->retry_after_ms > ms ? why->retry_after_ms : ms;
    r->failures++;
    r->probing = false;
    r->rests_until_ns = now_ns + (uint64_t)ms * MS;
    snprintf(r->reason, sizeof r->reason, "%.*s", (int)why->reason.n,
             why->reason.p ? why->reason.p : "");
}

static bool is_relays_fault(const struct channel_result *r) {
    return r->outcome != CHANNEL_ACCEPTED && r->outcome != CHANNEL_DOUBT &&
           (r->subject == CHANNEL_SUBJECT_CHANNEL || r->subject == CHANNEL_SUBJECT_DESTINATION);
}

bool relay_pool_result(struct relay_pool *p, size_t relay, const struct channel_result *r,
                       uint64_t now_ns) {
    struct relay_state *s = &p->relays[relay];
    bool fault = is_relays_fault(r);
    if (p->n == 1) {
        return fault;
    }
    uv_mutex_lock(&p->mutex);
    s->load += 1 / s->weight;
    if (fault) {
        set_aside(s, r, now_ns);
    } else if (s->probing && r->code > 0) {
        restore(p, s);
    }
    uv_mutex_unlock(&p->mutex);
    return fault;
}

void relay_pool_silent(struct relay_pool *p, size_t relay, const struct channel_result *r,
                       uint64_t now_ns) {
    if (p->n == 1) {
        return;
    }
    uv_mutex_lock(&p->mutex);
    set_aside(&p->relays[relay], r, now_ns);
    uv_mutex_unlock(&p->mutex);
}

/* ---- what is told */

void relay_pool_explain(struct relay_pool *p, uint64_t now_ns, struct relay_result *out) {
    char text[400];
    uv_mutex_lock(&p->mutex);
    const struct relay_state *soonest = &p->relays[0];
    for (size_t i = 1; i < p->n; i++) {
        if (p->relays[i].rests_until_ns < soonest->rests_until_ns) {
            soonest = &p->relays[i];
        }
    }
    snprintf(text, sizeof text, "no relay works; %s is tried next: %s", soonest->name,
             soonest->reason);
    uint64_t until = soonest->rests_until_ns;
    uv_mutex_unlock(&p->mutex);
    relay_result_set(out, CHANNEL_UNSENT, CHANNEL_SUBJECT_DESTINATION, str_from(text));
    out->result.retry_after_ms = until > now_ns ? (int64_t)((until - now_ns) / MS) + 1 : 100;
}

static void tell_relay(struct relay_state *r, const struct channel_host *host) {
    char text[500];
    if (r->told == (r->failures > 0)) {
        return;
    }
    r->told = r->failures > 0;
    if (r->told) {
        snprintf(text, sizeof text, "the relay %s is set aside: %s", r->name, r->reason);
    } else {
        snprintf(text, sizeof text, "the relay %s takes messages again", r->name);
    }
    host->log(host, r->told ? CHANNEL_LOG_WARN : CHANNEL_LOG_INFO, text);
}

void relay_pool_tell(struct relay_pool *p, const struct channel_host *host,
                     const struct channel_result *r) {
    char text[700];
    uv_mutex_lock(&p->mutex);
    for (size_t i = 0; i < p->n; i++) {
        tell_relay(&p->relays[i], host);
    }
    uv_mutex_unlock(&p->mutex);
    if (r->outcome == CHANNEL_UNSENT && !p->failing) {
        p->failing = true;
        snprintf(text, sizeof text, "the relay takes no messages: %.*s", (int)r->reason.n,
                 r->reason.p ? r->reason.p : "");
        host->log(host, CHANNEL_LOG_WARN, text);
    } else if (p->failing && r->outcome == CHANNEL_ACCEPTED) {
        p->failing = false;
        host->log(host, CHANNEL_LOG_INFO, "the relay takes messages again");
    }
}
