/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/gates.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/wallclock.h"
#include "engine/decide/care.h"

#include <inttypes.h>

/* A gate returns no reason to let the entry pass. */
typedef struct str (*gate_fn)(const struct entry *x);

static struct str gate_stale(const struct entry *x);
static struct str gate_consent(const struct entry *x);
static struct str gate_suppression(const struct entry *x);
static struct str gate_address(const struct entry *x);
static struct str gate_limit(const struct entry *x);
static struct str gate_cap(const struct entry *x);
static struct str gate_expired(const struct entry *x);
static struct str gate_holdout(const struct entry *x);

/* In the order in which they are asked. The holdout is last, so that those held out have passed
 * all that those who are sent to have passed: a fair comparison. */
static const struct gate {
    const char *name;
    enum outcome outcome;
    gate_fn ask;
} gates[] = {
    {"stale", OUTCOME_STALE, gate_stale},
    {"consent", OUTCOME_SUPPRESSED, gate_consent},
    {"suppression", OUTCOME_SUPPRESSED, gate_suppression},
    {"address", OUTCOME_FAILED, gate_address},
    {"limit", OUTCOME_CAPPED, gate_limit},
    {"cap", OUTCOME_CAPPED, gate_cap},
    {"expired", OUTCOME_FAILED, gate_expired},
    {"holdout", OUTCOME_HELD_OUT, gate_holdout},
};
#define GATES (sizeof gates / sizeof *gates)

static struct str address_of(const struct profile *p, enum address_kind kind) {
    return kind == ADDRESS_EMAIL ? p->email : kind == ADDRESS_PHONE ? p->phone : p->key;
}

/* The earlier of the two ends that a campaign can set; 0: none. */
static int64_t expiry_of(const struct campaign *c, int64_t due_us) {
    int64_t by_span = c->expires_after_us ? due_us + c->expires_after_us : 0;
    if (!by_span || !c->expires_at_us)
        return by_span ? by_span : c->expires_at_us;
    return by_span < c->expires_at_us ? by_span : c->expires_at_us;
}

bool gates_fill(struct entry *x) {
    const struct step_send *send = x->send;
    x->channel = settings_channel(&x->workspace->settings, send->channel);
    if (!x->channel)
        return false;
    *x->decision = (struct decision){
        .campaign = x->campaign,
        .step = x->step,
        .customer = x->profile->id,
        .event = x->event ? x->event->id : 0,
        .channel = send->channel,
        .topic = send->topic,
        .template = send->template,
        .address = address_of(x->profile, x->channel->address),
        .locale = x->profile->locale,
        .occurrence = x->occurrence,
        .due_us = care_when(x),
        .expires_us = expiry_of(x->campaign, x->at_us),
        .priority = x->campaign->priority,
        .variant = x->decision->variant,
        .about = x->event,
    };
    return true;
}

/* The first gate that says no; GATES: none does. */
static size_t ask(struct entry *x, struct str *reason) {
    for (size_t i = 0; i < GATES; i++) {
        *reason = gates[i].ask(x);
        if (reason->n)
            return i;
    }
    return GATES;
}

/* Those of lower priority that have to make room under the caps. */
static void displace(struct entry *x) {
    struct profile_message **list;
    int64_t used;
    size_t n;
    if (care_full(x, &list, &n, &used) || n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        list[i]->status = MESSAGE_CANCELLED;
    x->decision->displaced = (const struct profile_message **)list;
    x->decision->n_displaced = n;
}

void gates_pass(struct entry *x) {
    struct decision *d = x->decision;
    struct str reason;
    size_t no = ask(x, &reason);
    if (no < GATES && gates[no].ask == gate_address && x->send->fallback) {
        struct entry other = *x;
        other.send = x->send->fallback;
        if (gates_fill(&other)) {
            *x = other;
            no = ask(x, &reason);
        }
    }
    d->outcome = OUTCOME_SEND;
    if (no < GATES) {
        d->outcome = gates[no].outcome;
        d->gate = gates[no].name;
        d->reason = reason;
    } else {
        displace(x); /* not for those held out: nothing is sent instead */
    }
    if (!outcome_is_entry(d->outcome))
        d->step = NULL;
}

void gates_explain(const struct entry *x, struct explanation *out) {
    out->gates = ARENA_ARRAY(x->arena, struct explanation_gate, GATES);
    out->n_gates = GATES;
    for (size_t i = 0; i < GATES; i++) {
        struct explanation_gate *g = &out->gates[i];
        g->name = gates[i].name;
        g->reason = gates[i].ask(x);
        g->passed = g->reason.n == 0;
    }
}

/* ---- one by one */

/* "9d 3h", "45s": the two largest units. */
static struct str span_text(struct arena *a, int64_t us) {
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    struct buf b = BUF_IN(a);
    int64_t left = us / WALLCLOCK_US_PER_S;
    int shown = 0;
    for (size_t i = 0; i < 4 && shown < 2; i++) {
        int64_t n = left / units[i].seconds;
        left %= units[i].seconds;
        if (n == 0)
            continue;
        buf_printf(&b, "%s%" PRId64 "%c", shown++ ? " " : "", n, units[i].letter);
    }
    if (!shown)
        buf_add_str(&b, S("0s"));
    return buf_str(&b);
}

static struct str instant_text(struct arena *a, int64_t us) {
    char text[48];
    int64_t seconds = us / WALLCLOCK_US_PER_S - (us % WALLCLOCK_US_PER_S < 0);
    wallclock_format(seconds, 0, text, sizeof text);
    return str_dup(a, str_from(text));
}

struct str gates_stale(const struct campaign *c, const struct event *e, int64_t now_us,
                       struct arena *a) {
    int64_t age = now_us - e->occurred_us;
    if (e->mode != EVENT_LIVE || age <= c->max_age_us)
        return STR_NONE;
    struct str old = span_text(a, age);
    struct str most = span_text(a, c->max_age_us);
    return str_printf(a,
                      "the event was %.*s old when it was decided on; the campaign takes events of "
                      "up to %.*s (max_age)",
                      STR_FMT(old), STR_FMT(most));
}

static struct str gate_stale(const struct entry *x) {
    return x->entering ? gates_stale(x->campaign, x->event, x->now_us, x->arena) : STR_NONE;
}

static bool covers(struct str pattern, struct str name) {
    return str_eq(pattern, S("*")) || str_eq(pattern, name);
}

/* The newest line that covers channel and topic; of two at one instant the one that says no. */
static const struct profile_consent *consent_of(const struct profile *p, struct str channel,
                                                struct str topic) {
    const struct profile_consent *newest = NULL;
    for (size_t i = 0; i < p->n_consents; i++) {
        const struct profile_consent *c = &p->consents[i];
        if (!covers(c->channel, channel) || !covers(c->topic, topic))
            continue;
        if (!newest || c->at_us > newest->at_us || (c->at_us == newest->at_us && !c->subscribed))
            newest = c;
    }
    return newest;
}

static struct str gate_consent(const struct entry *x) {
    const struct step_send *send = x->send;
    if (send->transactional)
        return STR_NONE;
    const struct profile_consent *c = consent_of(x->profile, send->channel, send->topic);
    if (c && c->subscribed)
        return STR_NONE;
    if (c) {
        struct str since = instant_text(x->arena, c->at_us);
        return str_printf(x->arena, "unsubscribed from `%.*s` on %.*s since %.*s",
                          STR_FMT(send->topic), STR_FMT(send->channel), STR_FMT(since));
    }
    const struct settings_topic *topic = settings_topic(&x->workspace->settings, send->topic);
    if (topic && topic->subscribed)
        return STR_NONE;
    return str_printf(x->arena, "has not subscribed to `%.*s`, which needs a yes first",
                      STR_FMT(send->topic));
}

static struct str gate_suppression(const struct entry *x) {
    const struct profile *p = x->profile;
    for (size_t i = 0; i < p->n_suppressions; i++)
        if (covers(p->suppressions[i].channel, x->decision->channel))
            return str_printf(x->arena, "the address is suppressed on %.*s: %.*s",
                              STR_FMT(x->decision->channel), STR_FMT(p->suppressions[i].reason));
    return STR_NONE;
}

static struct str gate_address(const struct entry *x) {
    enum address_kind kind = x->channel->address;
    struct str address = x->decision->address;
    if (kind != ADDRESS_NONE && address.n == 0)
        return str_printf(x->arena, "the customer has no %s", address_kind_name(kind));
    const char *problem = address_problem(kind, address);
    if (!problem)
        return STR_NONE;
    return str_printf(x->arena, "the %s %s", address_kind_name(kind), problem);
}

static struct str gate_limit(const struct entry *x) {
    const struct campaign_limit *limit = &x->campaign->per_customer;
    int64_t used = 0;
    if (limit->most == 0 || x->campaign->journey) /* of a journey entries are counted */
        return STR_NONE;
    for (size_t i = 0; i < x->profile->n_messages; i++) {
        const struct profile_message *m = &x->profile->messages[i];
        bool within = limit->span_us == 0 || m->at_us > x->decision->due_us - limit->span_us;
        used += within && message_status_counts(m->status) && str_eq(m->campaign, x->campaign->id);
    }
    if (used < limit->most)
        return STR_NONE;
    return str_printf(x->arena, "had %" PRId64 " of this campaign; the limit is %.*s%s", used,
                      STR_FMT(limit->text), limit->span_us ? "" : " per customer");
}

static struct str gate_cap(const struct entry *x) {
    struct profile_message **displaced;
    int64_t used;
    size_t n;
    const struct settings_cap *cap = care_full(x, &displaced, &n, &used);
    if (!cap)
        return STR_NONE;
    struct buf b = BUF_IN(x->arena);
    buf_printf(&b, "had or will have %" PRId64 " message%s", used, used == 1 ? "" : "s");
    if (cap->channel.n)
        buf_printf(&b, " on `%.*s`", STR_FMT(cap->channel));
    if (cap->topic.n)
        buf_printf(&b, " about `%.*s`", STR_FMT(cap->topic));
    buf_printf(&b, "; the cap is %.*s", STR_FMT(cap->text));
    return buf_str(&b);
}

static struct str gate_expired(const struct entry *x) {
    if (x->decision->expires_us == 0 || x->decision->due_us < x->decision->expires_us)
        return STR_NONE;
    struct str end = instant_text(x->arena, x->decision->expires_us);
    return str_printf(x->arena, "the campaign's messages expired at %.*s", STR_FMT(end));
}

bool decide_held_out(const struct campaign *c, struct str customer_key, struct str salt) {
    const struct str parts[] = {S("holdout"), c->id, customer_key};
    return salt.n > 0 && c->holdout_ppm > 0 &&
           digest_chance(salt, parts, 3) % CAMPAIGN_PPM < c->holdout_ppm;
}

static struct str gate_holdout(const struct entry *x) {
    if (!decide_held_out(x->campaign, x->profile->key, x->salt))
        return STR_NONE;
    return str_printf(x->arena, "held out to compare with (%g%% are)",
                      (double)x->campaign->holdout_ppm * 100 / CAMPAIGN_PPM);
}
