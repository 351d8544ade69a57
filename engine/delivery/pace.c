/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/pace.h"

#include <stdlib.h>

#define SECOND 1000000.0
#define BURST_S 0.3 /* of its rate a bucket holds: the loop looks every quarter of a second */
#define LANES_MOST 4096
#define SLOTS 1024
#define BUSY_MOST 5
#define REST_FIRST_US INT64_C(1000000)
#define REST_MOST_US INT64_C(300000000)
#define STALL_US INT64_C(500000)

struct bucket {
    double per_s; /* 0: no limit */
    double tokens;
    int64_t at_us; /* of the last look */
};

/* A domain or a campaign. */
struct lane {
    struct lane *next;
    bool is_domain;
    struct bucket bucket;
    size_t held, in_flight;
    size_t window;        /* may be in flight at once; 0: no limit */
    bool unproven;        /* the window is that of a domain that has not answered enough yet */
    int64_t moved_us;     /* when one was last taken, or answered */
    int busy;             /* "later" in a row */
    int64_t rest_us;      /* how long the last rest was */
    int64_t rests_until;  /* 0: it does not rest */
    int64_t paused_until; /* from outside; 0: it is not */
    int64_t booked_until; /* slots up to here are given away */
    size_t n;
    char name[];
};

struct pace {
    struct bucket bucket;
    double share;
    struct pace_domain *domains;
    size_t n_domains, connections;
    struct lane *lanes[SLOTS];
    size_t n_lanes;
};

/* ---- buckets */

static double burst_of(const struct bucket *b, double share) {
    double burst = b->per_s * share * BURST_S;
    return burst < 1 ? 1 : burst;
}

static void refill(struct bucket *b, double share, int64_t now_us) {
    double most = burst_of(b, share);
    if (b->at_us == 0)
        b->tokens = most;
    else if (now_us > b->at_us)
        b->tokens += (double)(now_us - b->at_us) / SECOND * b->per_s * share;
    if (b->tokens > most)
        b->tokens = most;
    if (now_us > b->at_us || b->at_us - now_us > (int64_t)SECOND) /* a clock that was put back */
        b->at_us = now_us;
}

static bool has_token(struct bucket *b, double share, int64_t now_us) {
    if (b->per_s <= 0)
        return true;
    refill(b, share, now_us);
    return b->tokens >= 1;
}

/* ---- lanes */

static size_t slot_of(bool is_domain, struct str name) {
    return (str_hash(name) ^ is_domain) % SLOTS;
}

static struct lane *find(const struct pace *p, bool is_domain, struct str name) {
    struct lane *l = p->lanes[slot_of(is_domain, name)];
    while (l && !(l->is_domain == is_domain && str_eq(str_of(l->name, l->n), name)))
        l = l->next;
    return l;
}

static int64_t closed_until(const struct lane *l) {
    return l->rests_until > l->paused_until ? l->rests_until : l->paused_until;
}

static bool is_idle(const struct lane *l, int64_t now_us) {
    return !l->held && !l->in_flight && (!l->window || l->unproven) && !l->busy &&
           closed_until(l) <= now_us && l->booked_until <= now_us;
}

static void forget_idle(struct pace *p, int64_t now_us) {
    for (size_t i = 0; i < SLOTS; i++) {
        for (struct lane **at = &p->lanes[i]; *at;) {
            struct lane *l = *at;
            if (!is_idle(l, now_us)) {
                at = &l->next;
                continue;
            }
            *at = l->next;
            free(l);
            p->n_lanes--;
        }
    }
}

/* NULL when too many are remembered and none is idle: that one goes without limits. */
static struct lane *make(struct pace *p, bool is_domain, struct str name, double per_s,
                         int64_t now_us) {
    if (p->n_lanes >= LANES_MOST)
        forget_idle(p, now_us);
    if (p->n_lanes >= LANES_MOST)
        return NULL;
    struct lane *l = calloc(1, sizeof *l + name.n);
    if (!l)
        abort();
    size_t slot = slot_of(is_domain, name);
    l->is_domain = is_domain;
    l->bucket.per_s = per_s;
    l->n = name.n;
    memcpy(l->name, name.p, name.n);
    l->next = p->lanes[slot];
    p->lanes[slot] = l;
    p->n_lanes++;
    return l;
}

static double domain_rate(const struct pace *p, struct str domain) {
    double others = 0;
    for (size_t i = 0; i < p->n_domains; i++) {
        if (str_eq(p->domains[i].domain, domain))
            return p->domains[i].per_s;
        if (str_eq(p->domains[i].domain, S("*")))
            others = p->domains[i].per_s;
    }
    return others;
}

/* How many connections a domain may have that nobody knows, or that says nothing. */
static size_t few(const struct pace *p) {
    return p->connections < 16 ? 1 : p->connections / 8;
}

/* A domain that has not been written to starts slowly: should it never answer, it holds few
 * connections. */
static void meet(struct pace *p, const struct pace_key *k, int64_t now_us) {
    if (!k->destination.n || p->connections < 2 || find(p, true, k->destination))
        return;
    struct lane *l = make(p, true, k->destination, domain_rate(p, k->destination), now_us);
    if (l) {
        l->window = few(p);
        l->unproven = true;
    }
}

/* Nothing has come back for some time from a domain that some are on their way to. */
static bool stalls(const struct lane *l, int64_t now_us) {
    return l->is_domain && l->in_flight && now_us - l->moved_us > STALL_US;
}

/* The lanes of a key that have something to say: at most two. */
static size_t lanes_of(struct pace *p, const struct pace_key *k, int64_t now_us,
                       struct lane *out[2]) {
    size_t n = 0;
    if (!p->n_lanes && !p->n_domains && k->campaign_per_s <= 0)
        return 0; /* as most channels are */
    struct lane *l = k->destination.n ? find(p, true, k->destination) : NULL;
    double per_s = !l && k->destination.n ? domain_rate(p, k->destination) : 0;
    if (per_s > 0)
        l = make(p, true, k->destination, per_s, now_us);
    if (l)
        out[n++] = l;
    l = k->campaign_per_s > 0 ? find(p, false, k->campaign) : NULL;
    if (!l && k->campaign_per_s > 0)
        l = make(p, false, k->campaign, k->campaign_per_s, now_us);
    if (l) {
        l->bucket.per_s = k->campaign_per_s; /* the file may have changed */
        out[n++] = l;
    }
    return n;
}

static void less(size_t *n) {
    *n -= *n > 0; /* a lane may have been made while the message was on its way */
}

/* ---- on the way in */

/* How many messages of a lane are worth keeping in memory: a second's, or the window's. */
static size_t worth_holding(const struct pace *p, const struct lane *l, int64_t now_us) {
    double n = l->bucket.per_s > 0 ? l->bucket.per_s * p->share : (double)LANES_MOST;
    size_t window = stalls(l, now_us) ? few(p) : l->unproven ? 0 : l->window;
    if (window && (double)(2 * window) < n)
        n = (double)(2 * window);
    return n < 1 ? 1 : (size_t)n;
}

static int64_t book(struct pace *p, struct lane *l, int64_t now_us) {
    int64_t soon = now_us + (int64_t)SECOND, from = closed_until(l) > soon ? closed_until(l) : soon;
    double per_s = l->bucket.per_s > 0 ? l->bucket.per_s * p->share : (double)(4 * p->connections);
    if (l->booked_until < from)
        l->booked_until = from;
    int64_t slot = l->booked_until;
    l->booked_until += (int64_t)(SECOND / per_s);
    return slot;
}

int64_t pace_hold(struct pace *p, const struct pace_key *k, int64_t now_us) {
    struct lane *lanes[2];
    meet(p, k, now_us);
    size_t n = lanes_of(p, k, now_us, lanes);
    int64_t slot = 0;
    for (size_t i = 0; i < n; i++) {
        if (closed_until(lanes[i]) <= now_us && lanes[i]->held < worth_holding(p, lanes[i], now_us))
            continue;
        int64_t one = book(p, lanes[i], now_us);
        slot = one > slot ? one : slot;
    }
    for (size_t i = 0; i < n && !slot; i++)
        lanes[i]->held++;
    return slot;
}

int64_t pace_evict(struct pace *p, const struct pace_key *k, int64_t now_us) {
    struct lane *lanes[2];
    size_t n = lanes_of(p, k, now_us, lanes);
    int64_t slot = 0;
    for (size_t i = 0; i < n; i++) {
        if (closed_until(lanes[i]) <= now_us &&
            lanes[i]->held <= worth_holding(p, lanes[i], now_us))
            continue;
        int64_t one = book(p, lanes[i], now_us);
        slot = one > slot ? one : slot;
    }
    for (size_t i = 0; i < n && slot; i++)
        less(&lanes[i]->held);
    return slot;
}

bool pace_limits(const struct pace *p) {
    return p->n_lanes > 0;
}

void pace_drop(struct pace *p, const struct pace_key *k) {
    struct lane *lanes[2];
    size_t n = lanes_of(p, k, 0, lanes);
    for (size_t i = 0; i < n; i++)
        less(&lanes[i]->held);
}

static bool has_room(const struct pace *p, const struct lane *l, int64_t now_us) {
    return (!l->window || l->in_flight < l->window) &&
           (!stalls(l, now_us) || l->in_flight < few(p));
}

bool pace_take(struct pace *p, const struct pace_key *k, int64_t now_us) {
    struct lane *lanes[2];
    size_t n = lanes_of(p, k, now_us, lanes);
    if (!has_token(&p->bucket, p->share, now_us))
        return false;
    for (size_t i = 0; i < n; i++)
        if (closed_until(lanes[i]) > now_us || !has_token(&lanes[i]->bucket, p->share, now_us) ||
            !has_room(p, lanes[i], now_us))
            return false;
    p->bucket.tokens--;
    for (size_t i = 0; i < n; i++) {
        lanes[i]->bucket.tokens--;
        less(&lanes[i]->held);
        lanes[i]->in_flight++;
        lanes[i]->moved_us = now_us;
    }
    return true;
}

/* ---- on the way back */

void pace_untake(struct pace *p, const struct pace_key *k) {
    struct lane *lanes[2];
    size_t n = lanes_of(p, k, 0, lanes);
    p->bucket.tokens++;
    for (size_t i = 0; i < n; i++) {
        lanes[i]->bucket.tokens++;
        less(&lanes[i]->in_flight);
    }
}

static void went_well(const struct pace *p, struct lane *l) {
    l->busy = 0;
    l->window *= 2;
    if (l->window >= p->connections) { /* as good as new */
        l->window = 0;
        l->unproven = false;
        l->rest_us = 0;
    }
}

static void was_busy(struct lane *l, int64_t now_us) {
    l->busy++;
    if (l->rests_until > now_us || (l->busy < BUSY_MOST && (!l->window || l->unproven)))
        return;
    l->rest_us = l->rest_us ? l->rest_us * 2 : REST_FIRST_US;
    if (l->rest_us > REST_MOST_US)
        l->rest_us = REST_MOST_US;
    l->rests_until = now_us + l->rest_us;
    l->window = 1;
    l->unproven = false;
}

void pace_result(struct pace *p, const struct pace_key *k, enum pace_answer answer,
                 int64_t now_us) {
    struct lane *lanes[2];
    size_t n = lanes_of(p, k, now_us, lanes);
    for (size_t i = 0; i < n; i++) {
        less(&lanes[i]->in_flight);
        lanes[i]->moved_us = now_us;
    }
    struct lane *l = k->destination.n ? find(p, true, k->destination) : NULL;
    if (!l && answer == PACE_BUSY && k->destination.n)
        l = make(p, true, k->destination, 0, now_us);
    if (l && answer == PACE_GOOD)
        went_well(p, l);
    else if (l && answer == PACE_BUSY)
        was_busy(l, now_us);
}

void pace_pause(struct pace *p, struct str domain, int64_t until_us, int64_t now_us) {
    struct lane *l = find(p, true, domain);
    if (!l && until_us > now_us)
        l = make(p, true, domain, domain_rate(p, domain), now_us);
    if (!l || (!until_us && !l->paused_until))
        return;
    if (until_us > now_us && (!l->window || l->unproven)) {
        l->window = 1;
        l->unproven = false;
    }
    l->paused_until = until_us;
    if (!until_us)
        l->booked_until = 0;
}

/* ---- life */

int64_t pace_next(struct pace *p, int64_t now_us) {
    if (has_token(&p->bucket, p->share, now_us))
        return now_us;
    return now_us + (int64_t)((1 - p->bucket.tokens) / (p->bucket.per_s * p->share) * SECOND) + 1;
}

int64_t pace_booked(const struct pace *p) {
    int64_t last = 0;
    for (size_t i = 0; i < SLOTS && p->n_lanes; i++)
        for (const struct lane *l = p->lanes[i]; l; l = l->next)
            if (l->bucket.per_s > 0 && l->booked_until > last)
                last = l->booked_until;
    return last;
}

void pace_share(struct pace *p, double share) {
    p->share = share;
}

size_t pace_size(const struct pace *p) {
    return p->n_lanes;
}

struct pace *pace_new(const struct pace_settings *s) {
    struct pace *p = calloc(1, sizeof *p);
    if (!p || !(p->domains = calloc(s->n_domains + 1, sizeof *p->domains)))
        abort();
    p->bucket.per_s = s->per_s;
    p->share = 1;
    p->connections = s->connections;
    for (size_t i = 0; i < s->n_domains; i++) {
        struct str name = s->domains[i].domain;
        p->domains[i] =
            (struct pace_domain){str_of(strndup(name.p, name.n), name.n), s->domains[i].per_s};
    }
    p->n_domains = s->n_domains;
    return p;
}

void pace_free(struct pace *p) {
    if (!p)
        return;
    for (size_t i = 0; i < SLOTS; i++) {
        for (struct lane *l = p->lanes[i], *next; l; l = next) {
            next = l->next;
            free(l);
        }
    }
    for (size_t i = 0; i < p->n_domains; i++)
        free((char *)(uintptr_t)p->domains[i].domain.p);
    free(p->domains);
    free(p);
}

struct str pace_destination(struct str address, char *out, size_t cap) {
    size_t at = address.n;
    while (at > 0 && address.p[at - 1] != '@')
        at--;
    if (at == 0 || address.n - at > cap)
        return STR_NONE;
    for (size_t i = at; i < address.n; i++) {
        char c = address.p[i];
        out[i - at] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    return str_of(out, address.n - at);
}
