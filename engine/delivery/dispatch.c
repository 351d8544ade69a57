/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/dispatch_internal.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/io/db.h"
#include "base/log.h"
#include "base/wallclock.h"
#include "engine/delivery/channel_open.h"
#include "engine/delivery/retry.h"

#include <assert.h>
#include <stdlib.h>

/* ---- items */

struct item *dispatch_item(struct dispatch *d) {
    struct arena *a = arena_new(8192);
    struct item *x = ARENA_NEW(a, struct item); /* READY */
    x->arena = a;
    x->prev = d->items.prev;
    x->next = &d->items;
    x->prev->next = x->next->prev = x;
    return x;
}

static void item_free(struct item *x) {
    x->prev->next = x->next;
    x->next->prev = x->prev;
    if (x->workspace)
        workspace_release(x->workspace);
    arena_free(x->arena);
}

void dispatch_move(struct dispatch *d, struct item *x, enum item_state s) {
    d->count[x->state]--;
    x->state = s;
    d->count[s]++;
}

void dispatch_drop(struct dispatch *d, struct item *x) {
    if (x->held && x->state == READY)
        pace_drop(d->throttle.pace, &x->key);
    else if (x->state == MARKING)
        throttle_untake(&d->throttle, &x->key);
    d->count[x->state]--;
    item_free(x);
}

bool dispatch_has(const struct dispatch *d, uint64_t members) {
    for (const struct item *x = d->items.next; x != &d->items; x = x->next)
        if (members >> x->m.shard & 1)
            return true;
    return false;
}

size_t dispatch_in_hand(const struct dispatch *d, int64_t *out, size_t room) {
    size_t n = 0;
    for (const struct item *x = d->items.next; x != &d->items && n < room; x = x->next)
        if (x->state != READY)
            out[n++] = x->m.id;
    return n;
}

void dispatch_forget_ready(struct dispatch *d, uint64_t members) {
    for (struct item *x = d->items.next, *next; x != &d->items; x = next) {
        next = x->next;
        if (x->state == READY && members >> x->m.shard & 1)
            dispatch_drop(d, x);
    }
}

bool dispatch_resting(struct dispatch *d) {
    return d->rests_until_ns && uv_hrtime() < d->rests_until_ns;
}

/* ---- results */

static struct str text_of(struct channel_text t) {
    return str_of(t.p, t.n);
}

static struct str reason_of(struct arena *a, const struct channel_result *r) {
    struct buf b = BUF_IN(a);
    if (r->code)
        buf_printf(&b, "%d ", r->code);
    if (r->enhanced[0])
        buf_printf(&b, "%s ", r->enhanced);
    struct str why = text_of(r->reason);
    /* the peer's text often repeats its code */
    if (b.n && str_starts(why, str_of(b.p, b.n - 1)))
        b.n = 0;
    buf_add_str(&b, why);
    return str_trim(buf_str(&b));
}

static void rest(struct dispatch *d, const struct channel_result *r, struct str reason) {
    if (dispatch_resting(d))
        return;
    d->failures++;
    d->rests_until_ns = uv_hrtime() + (uint64_t)retry_pause_ms(d->failures, r) * 1000000;
    if (d->failures == 1)
        log_warn("channel rests: messages stay queued", LOG_S("channel", d->name),
                 LOG_S("reason", reason));
    snprintf(d->trouble, sizeof d->trouble, "%.*s", STR_FMT(reason));
}

static void recovered(struct dispatch *d) {
    if (d->failures)
        log_info("channel works again", LOG_S("channel", d->name));
    d->failures = 0;
    d->rests_until_ns = 0;
    d->trouble[0] = 0;
}

static void on_done(const struct channel_host *host, uint64_t ref, const struct channel_result *r) {
    struct dispatch *d = host->owner;
    struct item *x = (struct item *)(uintptr_t)ref;
    assert(x->state == IN_FLIGHT);
    fault_point("delivery.before_settle");
    struct retry_input in = {.id = x->m.id,
                             .attempts = x->m.attempts + 1,
                             .queued_us =
                                 x->timed ? hours_when(&x->hours, x->m.queued_us) : x->m.queued_us,
                             .expires_us = x->m.expires_us,
                             .now_us = wallclock_now(),
                             .first_us = d->retry_us,
                             .mail = d->kind == CHANNEL_EMAIL,
                             .in_doubt = d->in_doubt};
    bool pause;
    x->result = retry_after(&in, r, &pause);
    x->result.reason = r->outcome == CHANNEL_ACCEPTED ? STR_NONE : reason_of(x->arena, r);
    x->result.provider_id =
        r->provider_id.n ? str_dup(x->arena, text_of(r->provider_id)) : STR_NONE;
    x->result.segments = r->segments;
    dispatch_move(d, x, DONE);
    pace_result(d->throttle.pace, &x->key, throttle_answer(r), in.now_us);
    if (pause)
        rest(d, r, x->result.reason);
    else
        recovered(d);
    dispatch_cycle(d);
}

static void on_log(const struct channel_host *host, enum channel_level level, const char *text) {
    static const enum log_level levels[] = {LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR};
    log_at(levels[level], text, LOG_S("channel", str_from(host->name)));
}

void dispatch_count(struct dispatch *d, struct delivery_counts *out, struct str *trouble) {
    out->ready += d->count[READY];
    out->in_flight += d->count[IN_FLIGHT] + d->count[DONE] + d->cycling;
    int64_t now_us = wallclock_now();
    bool waits = throttle_waits(&d->throttle, now_us); /* what is ready may stay so for long */
    bool none =
        d->items.next == &d->items || (waits && !d->count[MARKING] && !d->count[IN_FLIGHT] &&
                                       !d->count[DONE] && !d->count[SETTLING]);
    out->quiet = out->quiet && none && (d->quiet || waits) && !d->claiming && !d->cycling &&
                 !d->throttle.asking && (waits || pace_booked(d->throttle.pace) <= now_us);
    if (d->failures) {
        out->stuck = true;
        *trouble = str_from(d->trouble);
    }
}

void dispatch_pause(struct dispatch *d, struct str channel, struct str domain, int64_t until_us) {
    if (str_eq(d->name, channel))
        pace_pause(d->throttle.pace, domain, until_us, wallclock_now());
}

void dispatch_state(struct dispatch *d, struct channel_state *out) {
    *out = (struct channel_state){.channel = d->name,
                                  .done = d->done,
                                  .in_flight = d->count[IN_FLIGHT],
                                  .trouble = str_from(d->failures ? d->trouble : NULL),
                                  .average = &d->average};
}

/* ---- life */

struct dispatch *dispatch_new(struct dispatch_host *host, const struct workspace *w,
                              struct str channel, struct err *e) {
    const struct settings_channel *c = settings_channel(&w->settings, channel);
    assert(c);
    struct dispatch *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    d->host = host;
    d->items.next = d->items.prev = &d->items;
    d->name_z = strndup(channel.p, channel.n);
    d->name = str_from(d->name_z);
    d->in_doubt = c->in_doubt;
    d->retry_us = c->retry_us;
    d->segment_cost = c->segment_cost;
    d->kind = settings_channel_kind(c);
    d->claim_arena = arena_new(0);
    d->cycle_arena = arena_new(0);
    d->channel_host = (struct channel_host){d, host->loop, d->name_z, NULL, on_done, on_log};
    if (channel_fingerprint(w, c, d->fingerprint, e))
        d->channel = channel_open(w, c, &d->channel_host, &d->driver, e);
    if (d->channel) {
        size_t connections = d->driver->capacity(d->channel);
        d->window = c->in_flight ? c->in_flight : connections;
        throttle_init(&d->throttle, c, connections);
        uv_timer_init(host->loop, &d->gather);
        uv_idle_init(host->loop, &d->taking);
        d->gather.data = d->taking.data = d;
        return d;
    }
    err_context(e, "channel %s", d->name_z);
    dispatch_free(d);
    return NULL;
}

bool dispatch_is(const struct dispatch *d, const struct workspace *w,
                 const struct settings_channel *c) {
    char now[DIGEST_HEX_CHARS + 1];
    struct err e = ERR_INIT; /* a secret that is not there is found when it is opened */
    return !d->retired && str_eq(d->name, c->name) && channel_fingerprint(w, c, now, &e) &&
           strcmp(now, d->fingerprint) == 0;
}

struct str dispatch_name(const struct dispatch *d) {
    return d->name;
}

void dispatch_free(struct dispatch *d) {
    while (d->items.next != &d->items)
        item_free(d->items.next);
    if (d->throttle.pace)
        throttle_close(&d->throttle);
    arena_free(d->claim_arena);
    arena_free(d->cycle_arena);
    free(d->name_z);
    free(d);
}

static void on_taking_closed(uv_handle_t *h) {
    struct dispatch *d = h->data;
    d->is_closed = true;
    d->closed(d->closed_ctx);
}

static void on_gather_closed(uv_handle_t *h) {
    struct dispatch *d = h->data;
    uv_close((uv_handle_t *)&d->taking, on_taking_closed);
}

/* Closed when the driver is, and its results are settled or there is no way to. */
void dispatch_maybe_closed(struct dispatch *d) {
    if (!d->closing || !d->driver_closed || d->claiming || d->cycling)
        return;
    if (d->count[DONE] && db_is_up(d->host->marks)) {
        dispatch_cycle(d);
        if (d->cycling)
            return;
    }
    if (d->closed && !uv_is_closing((uv_handle_t *)&d->gather))
        uv_close((uv_handle_t *)&d->gather, on_gather_closed);
}

static void on_driver_closed(void *arg) {
    struct dispatch *d = arg;
    d->driver_closed = true;
    dispatch_maybe_closed(d);
}

void dispatch_close(struct dispatch *d, int64_t deadline_ms, void (*closed)(void *ctx), void *ctx) {
    d->closing = true;
    d->closed = closed;
    d->closed_ctx = ctx;
    d->driver->close(d->channel, deadline_ms, on_driver_closed, d);
}

/* ---- when another takes its place */

void dispatch_retire(struct dispatch *d, struct dispatch *successor) {
    d->retired = true;
    dispatch_forget_ready(d, ~UINT64_C(0)); /* still queued in the table */
    if (successor && d->throttle.warmup.per_day && successor->throttle.warmup.per_day)
        successor->throttle.allowance = d->throttle.allowance;
}

bool dispatch_is_retired(const struct dispatch *d) {
    return d->retired;
}

bool dispatch_is_spent(const struct dispatch *d) {
    return d->retired && !d->closing && d->items.next == &d->items && !d->claiming && !d->cycling &&
           !d->throttle.asking;
}

bool dispatch_is_closing(const struct dispatch *d) {
    return d->closing;
}

bool dispatch_is_closed(const struct dispatch *d) {
    return d->is_closed;
}
