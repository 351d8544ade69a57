/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/decide.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/wallclock.h"
#include "engine/decide/match.h"

#include <inttypes.h>

/* One campaign that the event started and whose audience matched, on its way through the gates. */
struct entry {
    const struct workspace *workspace;
    const struct settings_channel *channel;
    const struct profile *profile;
    const struct event *event;
    const struct campaign *campaign;
    int64_t now_us;
    struct str salt;
    struct arena *arena;
    struct decision *decision; /* all is set but outcome, gate and reason */
};

/* A gate returns no reason to let the entry pass. */
typedef struct str (*gate_fn)(const struct entry *x);

static struct str gate_stale(const struct entry *x);
static struct str gate_consent(const struct entry *x);
static struct str gate_suppression(const struct entry *x);
static struct str gate_address(const struct entry *x);
static struct str gate_limit(const struct entry *x);
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
    {"expired", OUTCOME_FAILED, gate_expired},
    {"holdout", OUTCOME_HELD_OUT, gate_holdout},
};
#define GATES (sizeof gates / sizeof *gates)

static const struct {
    const char *name;
    bool entry, message;
} outcomes[OUTCOMES] = {
    [OUTCOME_SEND] = {"send", true, true},
    [OUTCOME_HELD_OUT] = {"held_out", true, true},
    [OUTCOME_SUPPRESSED] = {"suppressed", true, false},
    [OUTCOME_CAPPED] = {"capped", true, false},
    [OUTCOME_FAILED] = {"failed", true, false},
    [OUTCOME_STALE] = {"stale", false, false},
    [OUTCOME_ERROR] = {"error", false, false},
};

bool outcome_is_entry(enum outcome o) {
    return outcomes[o].entry;
}

const char *outcome_name(enum outcome o) {
    return outcomes[o].name;
}

/* ---- deciding */

static struct decision *add(struct arena *a, struct decisions *out) {
    if (out->n == out->cap) {
        size_t cap = out->cap ? out->cap * 2 : 4;
        out->list = arena_grow(a, out->list, out->n * sizeof *out->list, cap * sizeof *out->list);
        out->cap = cap;
    }
    out->list[out->n] = (struct decision){0};
    return &out->list[out->n++];
}

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

/* What the first step would send. */
static void fill(struct entry *x) {
    struct decision *d = x->decision;
    const struct step *step = &x->campaign->steps[0];
    const struct step_send *send = &step->u.send;
    d->step = step;
    d->channel = send->channel;
    d->topic = send->topic;
    d->template = send->template;
    d->address = address_of(x->profile, x->channel->address);
    d->locale = x->profile->locale;
    d->occurrence = str_printf(x->arena, "e%" PRId64, x->event->id);
    d->due_us = x->now_us;
    d->expires_us = expiry_of(x->campaign, d->due_us);
}

static void pass_gates(struct entry *x) {
    struct decision *d = x->decision;
    d->outcome = OUTCOME_SEND;
    for (size_t i = 0; i < GATES; i++) {
        struct str reason = gates[i].ask(x);
        if (!reason.n)
            continue;
        d->outcome = gates[i].outcome;
        d->gate = gates[i].name;
        d->reason = reason;
        break;
    }
    if (!outcomes[d->outcome].entry)
        d->step = NULL;
}

/* Sets up x for a campaign whose audience matched; false when it does nothing. */
static bool enter(struct entry *x, const struct match_scope *s, const struct campaign *c,
                  struct decision *d) {
    if (c->n_steps == 0)
        return false;
    x->channel = settings_channel(&s->workspace->settings, c->steps[0].u.send.channel);
    if (!x->channel)
        return false;
    x->workspace = s->workspace;
    x->profile = s->profile;
    x->event = s->event;
    x->campaign = c;
    x->arena = s->arena;
    x->decision = d;
    d->campaign = c;
    d->customer = s->profile->id;
    d->event = s->event->id;
    d->priority = c->priority;
    fill(x);
    return true;
}

static void decide_one(struct match_scope *s, const struct campaign *c, int64_t now_us,
                       struct str salt, struct decisions *out) {
    struct err e = ERR_INIT;
    enum match_result matched = match_campaign(s, c, &e);
    if (matched == MATCH_NO || matched == MATCH_MISSING)
        return;
    struct entry x = {.now_us = now_us, .salt = salt};
    struct decision *d = add(s->arena, out);
    if (!enter(&x, s, c, d)) {
        out->n--;
    } else if (matched == MATCH_ERROR) {
        d->step = NULL;
        d->outcome = OUTCOME_ERROR;
        d->gate = "audience";
        d->reason = str_dup(s->arena, str_from(e.text));
    } else {
        pass_gates(&x);
    }
}

void decide(const struct workspace *w, const struct profile *p, const struct event *e,
            int64_t now_us, struct str salt, struct arena *a, struct decisions *out) {
    size_t n;
    if (e->mode == EVENT_HISTORY)
        return;
    campaign_set_started_by(&w->rules, e->name, &n);
    if (n == 0) /* most events: nothing is built for them */
        return;
    struct match_scope s;
    match_scope_init(&s, w, p, e, e->occurred_us, a);
    const struct campaign *const *list =
        campaign_set_match(&w->rules, e->name, s.slots, CONDITION_SLOTS, a, &n);
    for (size_t i = 0; i < n; i++)
        decide_one(&s, list[i], now_us, salt, out);
}

void decide_remember(struct profile *p, const struct decision *d, struct arena *a) {
    if (!outcomes[d->outcome].message)
        return;
    if (p->n_messages >= p->cap_messages) { /* also when the list was the caller's */
        size_t cap = p->n_messages * 2 + 8;
        struct profile_message *list = ARENA_ARRAY(a, struct profile_message, cap);
        if (p->n_messages)
            memcpy(list, p->messages, p->n_messages * sizeof *list);
        p->messages = list;
        p->cap_messages = cap;
    }
    p->messages[p->n_messages++] = (struct profile_message){
        .campaign = d->campaign->id,
        .channel = d->channel,
        .topic = d->topic,
        .at_us = d->due_us,
        .status = d->outcome == OUTCOME_SEND ? MESSAGE_QUEUED : MESSAGE_HELD_OUT,
    };
}

/* ---- the gates */

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

static struct str gate_stale(const struct entry *x) {
    int64_t age = x->now_us - x->event->occurred_us;
    if (x->event->mode != EVENT_LIVE || age <= x->campaign->max_age_us)
        return STR_NONE;
    struct str old = span_text(x->arena, age);
    struct str most = span_text(x->arena, x->campaign->max_age_us);
    return str_printf(x->arena,
                      "the event was %.*s old when it was decided on; the campaign takes "
                      "events of up to %.*s (max_age)",
                      STR_FMT(old), STR_FMT(most));
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
    const struct step_send *send = &x->decision->step->u.send;
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
    if (limit->most == 0)
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

/* ---- why */

static void ask_all(struct entry *x, struct explanation *out) {
    out->gates = ARENA_ARRAY(x->arena, struct explanation_gate, GATES);
    out->n_gates = GATES;
    for (size_t i = 0; i < GATES; i++) {
        struct explanation_gate *g = &out->gates[i];
        g->name = gates[i].name;
        g->reason = gates[i].ask(x);
        g->passed = g->reason.n == 0;
    }
}

/* Whether decide() would evaluate the campaign at all: an audience that cannot be true is a no,
 * even where evaluating all of it would be an error. */
static bool is_candidate(const struct match_scope *s, const struct campaign *c) {
    size_t n;
    const struct campaign *const *list = campaign_set_match(
        &s->workspace->rules, s->event->name, s->slots, CONDITION_SLOTS, s->arena, &n);
    for (size_t i = 0; i < n; i++)
        if (list[i] == c)
            return true;
    return false;
}

void decide_explain(const struct workspace *w, const struct campaign *c, const struct profile *p,
                    const struct event *e, int64_t now_us, struct str salt, struct arena *a,
                    struct explanation *out) {
    struct match_scope s;
    struct err err = ERR_INIT;
    *out = (struct explanation){0};
    out->triggered = c->trigger.kind == TRIGGER_EVENT && str_eq(c->trigger.event, e->name) &&
                     e->mode != EVENT_HISTORY;
    if (!out->triggered) {
        out->why = e->mode == EVENT_HISTORY
                       ? S("the event was imported as history, which starts no campaign")
                       : str_printf(a, "the campaign starts with `%.*s`, not with `%.*s`",
                                    STR_FMT(c->trigger.event), STR_FMT(e->name));
        return;
    }
    match_scope_init(&s, w, p, e, e->occurred_us, a);
    out->why = match_explain(&s, c);
    enum match_result matched = match_campaign(&s, c, &err);
    if (matched == MATCH_ERROR && !is_candidate(&s, c))
        matched = MATCH_NO;
    out->matched = matched == MATCH_YES;
    struct entry x = {.now_us = now_us, .salt = salt};
    if (matched == MATCH_NO || matched == MATCH_MISSING || !enter(&x, &s, c, &out->decision))
        return;
    out->decided = true;
    if (matched == MATCH_ERROR) {
        out->decision.step = NULL;
        out->decision.outcome = OUTCOME_ERROR;
        out->decision.gate = "audience";
        out->decision.reason = str_dup(a, str_from(err.text));
        return;
    }
    ask_all(&x, out);
    pass_gates(&x);
}
