/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/dispatch.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/io/db.h"
#include "base/log.h"
#include "base/wallclock.h"
#include "engine/delivery/channel_open.h"
#include "engine/delivery/render.h"
#include "engine/delivery/retry.h"
#include "engine/delivery/throttle.h"
#include "engine/outbox.h"

#include <assert.h>
#include <stdlib.h>

#define READY_LEAST 64u
#define READY_MOST 512u
#define POLL_TICKS 2 /* a look at the table at least every 500 ms */
#define GATHER_MOST_MS 5

enum item_state { READY, MARKING, IN_FLIGHT, DONE, SETTLING, ITEM_STATES };

struct item {
    struct item *next, *prev;
    enum item_state state;
    struct arena *arena; /* the message and all it points at */
    struct outbox_message m;
    struct channel_message message;
    struct str hash;
    int64_t fence;
    struct pace_key key;
    bool held; /* counted by the pace */
    /* when DONE */
    struct outbox_result result;
};

struct dispatch {
    struct dispatch_host *host;
    struct str name;
    char *name_z;
    const struct channel_driver *driver;
    struct channel *channel;
    struct channel_host channel_host;
    enum in_doubt in_doubt;
    int64_t retry_us;       /* first delay of a deferred message; 0: the standard one */
    enum channel_kind kind; /* what it carries */
    struct throttle throttle;
    struct item items; /* head of the ring, in order of claiming */
    size_t count[ITEM_STATES];
    struct arena *claim_arena, *cycle_arena;
    struct workspace *claim_workspace; /* held while a claim is under way */
    bool claiming, cycling, more;
    bool quiet; /* the last look found nothing */
    uv_timer_t gather;
    bool gathered;       /* enough was waited for */
    uint64_t cycle_ns;   /* when the cycle under way began */
    uint64_t cycle_took; /* the last one, ms */
    int ticks;
    int64_t done;           /* sent or failed */
    int failures;           /* in a row, of the channel as a whole */
    int64_t rests_until_us; /* 0: it does not rest */
    char trouble[600];      /* why it rests */
    bool closing, driver_closed;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void maybe_closed(struct dispatch *d);

/* ---- items */

static struct item *item_new(struct dispatch *d) {
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
    arena_free(x->arena);
}

static void set_state(struct dispatch *d, struct item *x, enum item_state s) {
    d->count[x->state]--;
    x->state = s;
    d->count[s]++;
}

static void drop(struct dispatch *d, struct item *x) {
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
            drop(d, x);
    }
}

/* ---- claim */

static size_t ready_most(const struct dispatch *d) {
    size_t n = d->driver->capacity(d->channel) * 16;
    return n < READY_LEAST ? READY_LEAST : n > READY_MOST ? READY_MOST : n;
}

/* Makes an item of a claimed row; false: it cannot be sent, and why stands in e. *later: when its
 * turn comes, if that is not soon. */
static bool take_row(struct dispatch *d, const struct db_result *r, size_t row, int64_t now_us,
                     struct item **out, int64_t *later, struct err *e) {
    struct item *x = item_new(d);
    *out = x;
    outbox_claimed(r, row, &x->m);
    d->count[READY]++;
    struct outbox_message *m = &x->m;
    struct str *texts[] = {&m->campaign, &m->step,   &m->occurrence, &m->version, &m->address,
                           &m->topic,    &m->locale, &m->template,   &m->input};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = texts[i]->n ? str_dup(x->arena, *texts[i]) : STR_NONE;
    x->fence = shards_fence(d->host->shards, m->shard);
    if (m->expires_us && m->expires_us <= now_us)
        return err_set(e, ERR_INPUT, "expired before it could be sent");
    throttle_key(&d->throttle, d->claim_workspace, m, x->arena, &x->key);
    *later = pace_hold(d->throttle.pace, &x->key, now_us);
    x->held = *later == 0;
    if (*later)
        return true;
    fault_point("delivery.render");
    if (!render_message(d->claim_workspace, m, d->kind, &d->host->render, x->arena, &x->message, &x->hash, e))
        return false;
    x->message.ref = (uint64_t)(uintptr_t)x;
    return true;
}

static void on_failed(void *ctx, const struct err *e, struct db_reply *reply) {
    struct dispatch *d = ctx;
    if (e) /* they stay queued and are claimed again */
        log_warn("failed or postponed messages could not be recorded", LOG_S("channel", d->name),
                 LOG_S("error", str_from(e->text)));
    db_reply_free(reply);
    d->claiming = false;
    maybe_closed(d);
    if (!d->closing)
        dispatch_claim(d);
}

/* Rows into items; those that cannot be sent are recorded as failed. True: a request is under way.
 */
static bool take_rows(struct dispatch *d, const struct db_result *r) {
    struct outbox_fails *fails = outbox_fails_new(d->claim_arena, 0);
    struct outbox_postpones *postpones = outbox_postpones_new(d->claim_arena, 0);
    int64_t now_us = wallclock_now();
    size_t failed = 0, postponed = 0;
    for (size_t i = 0; i < db_rows(r); i++) {
        struct item *x;
        int64_t later = 0;
        struct err why = ERR_INIT;
        bool good = take_row(d, r, i, now_us, &x, &later, &why);
        if (good && later) {
            outbox_postpone(postpones, &x->m, x->fence, later);
            drop(d, x);
            postponed++;
        }
        if (good)
            continue;
        outbox_fail(fails, &x->m, x->fence, str_dup(d->claim_arena, str_from(why.text)));
        log_warn("message failed", LOG_I("message", x->m.id), LOG_S("campaign", x->m.campaign),
                 LOG_S("reason", str_from(why.text)));
        drop(d, x);
        failed++;
    }
    struct err e = ERR_INIT;
    struct db_call calls[2];
    size_t n = 0;
    if (failed)
        calls[n++] = outbox_fail_call(fails);
    if (postponed)
        calls[n++] = outbox_postpone_call(postpones);
    if (!n || !db_transaction(d->host->claims, calls, n, on_failed, d, &e))
        return false;
    d->host->counts.failed += (int64_t)failed;
    return true;
}

static void on_claimed(void *ctx, const struct err *e, struct db_reply *reply) {
    struct dispatch *d = ctx;
    bool busy = false;
    if (!e && !d->closing) {
        const struct db_result *due = reply->result[reply->n - 1]; /* behind those held back */
        d->quiet = db_rows(due) == 0;
        d->more = db_rows(due) > 0;
        busy = take_rows(d, due);
    }
    db_reply_free(reply);
    workspace_release(d->claim_workspace);
    d->claim_workspace = NULL;
    d->claiming = busy;
    maybe_closed(d);
    if (!d->closing)
        dispatch_cycle(d);
}

static bool resting(struct dispatch *d) {
    return d->rests_until_us && wallclock_now() < d->rests_until_us;
}

/* What is ready and will not be for some time makes room for others. */
static bool evict(struct dispatch *d, struct db_call *call) {
    struct outbox_postpones *postpones = outbox_postpones_new(d->claim_arena, 0);
    int64_t now_us = wallclock_now();
    bool any = false;
    for (struct item *x = d->items.next, *next; x != &d->items; x = next) {
        next = x->next;
        int64_t later =
            x->state == READY ? pace_evict(d->throttle.pace, &x->key, now_us) : 0;
        if (!later)
            continue;
        outbox_postpone(postpones, &x->m, x->fence, later);
        x->held = false;
        drop(d, x);
        any = true;
    }
    if (any)
        *call = outbox_postpone_call(postpones);
    return any;
}

void dispatch_claim(struct dispatch *d) {
    uint64_t shards = shards_owned(d->host->shards);
    size_t most = ready_most(d);
    if (d->claiming || d->closing || d->host->stopping || !shards || !d->host->recovered ||
        resting(d) || !db_is_up(d->host->claims))
        return;
    arena_reset(d->claim_arena);
    struct db_call calls[3];
    size_t n_calls = pace_limits(d->throttle.pace) && evict(d, &calls[0]);
    if (d->count[READY] > most / 4 && !n_calls)
        return;
    size_t held = 0, n = 0;
    for (size_t i = 0; i < ITEM_STATES; i++)
        held += d->count[i];
    /* all of them: what is being marked still reads as queued, and would be claimed twice */
    int64_t *ids = ARENA_ARRAY(d->claim_arena, int64_t, held + 1);
    for (const struct item *x = d->items.next; x != &d->items; x = x->next)
        ids[n++] = x->m.id;
    struct err e = ERR_INIT;
    int64_t now_us = wallclock_now();
    calls[n_calls++] = outbox_hold(d->claim_arena, d->name, shards, now_us);
    calls[n_calls++] = outbox_claim(d->claim_arena, d->name, shards, now_us,
                                    (int64_t)(most - d->count[READY]), ids, n);
    d->claiming = db_transaction(d->host->claims, calls, n_calls, on_claimed, d, &e);
    d->ticks = 0;
    if (d->claiming)
        d->claim_workspace = workspace_hold(d->host->workspace);
}

void dispatch_tick(struct dispatch *d) {
    int engines = shards_engines(d->host->shards);
    if (d->rests_until_us && !resting(d))
        d->rests_until_us = 0;
    pace_share(d->throttle.pace, 1.0 / (engines > 0 ? engines : 1));
    if (!d->closing && d->host->recovered)
        throttle_ask(&d->throttle, d->host->claims, d->count[READY], wallclock_now());
    if (d->more || ++d->ticks >= POLL_TICKS)
        dispatch_claim(d);
    dispatch_cycle(d);
}

/* ---- mark and settle */

static bool topic_default(const struct dispatch *d, struct str topic) {
    const struct settings_topic *t = settings_topic(&d->host->workspace->settings, topic);
    return t && t->subscribed;
}

static size_t add_settles(struct dispatch *d, struct db_call *call) {
    struct outbox_settles *s = outbox_settles_new(d->cycle_arena, d->count[DONE]);
    size_t n = 0;
    for (struct item *x = d->items.next; x != &d->items; x = x->next) {
        if (x->state != DONE)
            continue;
        outbox_settle(s, &x->m, x->fence, &x->result);
        set_state(d, x, SETTLING);
        n++;
    }
    if (n)
        *call = outbox_settle_call(s);
    return n;
}

static size_t add_marks(struct dispatch *d, struct db_call *call) {
    size_t room = d->driver->capacity(d->channel), n = 0;
    room = room > d->count[IN_FLIGHT] ? room - d->count[IN_FLIGHT] : 0;
    if (!room || !d->count[READY] || d->host->stopping || d->closing || resting(d))
        return 0;
    uint64_t owned = shards_owned(d->host->shards);
    struct outbox_marks *m = outbox_marks_new(d->cycle_arena, room);
    int64_t now_us = wallclock_now();
    room = throttle_room(&d->throttle, room);
    for (struct item *x = d->items.next, *next; x != &d->items && n < room; x = next) {
        next = x->next;
        if (x->state != READY)
            continue;
        if (!(owned >> x->m.shard & 1)) {
            drop(d, x);
            continue;
        }
        if (!pace_take(d->throttle.pace, &x->key, now_us))
            continue;
        outbox_mark(m, &x->m, x->fence, x->hash, topic_default(d, x->m.topic));
        set_state(d, x, MARKING);
        n++;
    }
    d->throttle.allowance -= d->throttle.warmup.per_day ? (int64_t)n : 0;
    if (n)
        *call = outbox_mark_call(m);
    return n;
}

static void count_settled(struct dispatch *d, const struct item *x) {
    struct delivery_counts *c = &d->host->counts;
    c->sent += x->result.status == MESSAGE_SENT;
    c->failed += x->result.status == MESSAGE_FAILED;
    c->deferred += x->result.status == MESSAGE_DEFERRED;
    c->in_doubt += x->result.doubted;
    d->done += x->result.status == MESSAGE_SENT || x->result.status == MESSAGE_FAILED;
}

/* The answer was lost or the transaction failed: results are settled again; what was to
 * be marked is forgotten (it is queued, or marked and found by the recovery). */
static void cycle_failed(struct dispatch *d) {
    for (struct item *x = d->items.next, *next; x != &d->items; x = next) {
        next = x->next;
        if (x->state == SETTLING)
            set_state(d, x, DONE);
        else if (x->state == MARKING)
            drop(d, x);
    }
}

static void submit_marked(struct dispatch *d, const struct db_result *r) {
    size_t n = 0;
    const struct channel_message **list =
        ARENA_ARRAY(d->cycle_arena, const struct channel_message *, db_rows(r) + 1);
    for (struct item *x = d->items.next, *next; x != &d->items; x = next) {
        next = x->next;
        if (x->state != MARKING)
            continue;
        bool marked = false;
        for (size_t i = 0; i < db_rows(r) && !marked; i++)
            marked = db_int(r, i, 0) == x->m.id;
        if (marked && d->closing) { /* the driver takes no more: queued again */
            x->result = (struct outbox_result){
                .status = MESSAGE_QUEUED, .due_us = wallclock_now(), .given_back = true};
            set_state(d, x, DONE);
        } else if (marked) {
            set_state(d, x, IN_FLIGHT);
            list[n++] = &x->message;
        } else { /* cancelled, or another engine's: the table knows */
            drop(d, x);
        }
    }
    fault_point("delivery.after_mark");
    if (n)
        d->driver->submit(d->channel, list, n);
}

static void on_cycled(void *ctx, const struct err *e, struct db_reply *reply) {
    struct dispatch *d = ctx;
    d->cycling = false;
    d->cycle_took = (uv_hrtime() - d->cycle_ns) / 1000000;
    if (e) {
        if (e->kind != ERR_TEMPORARY)
            log_error("results cannot be recorded", LOG_S("channel", d->name),
                      LOG_S("error", str_from(e->text)));
        d->host->recovered = false;
        cycle_failed(d);
    } else {
        for (struct item *x = d->items.next, *next; x != &d->items; x = next) {
            next = x->next;
            if (x->state == SETTLING) {
                count_settled(d, x);
                drop(d, x);
            }
        }
        submit_marked(d, reply->result[reply->n - 1]);
    }
    db_reply_free(reply);
    maybe_closed(d);
    if (!e && !(d->closing && d->driver_closed)) {
        dispatch_cycle(d);
        dispatch_claim(d);
    }
}

static void on_gathered(uv_timer_t *t) {
    struct dispatch *d = t->data;
    d->gathered = true;
    dispatch_cycle(d);
}

/* A commit waits for the disk, which takes about as long as a message to a relay near by: the
 * first result waits for those that come right behind it, half a commit's time at most. */
static bool gathering(struct dispatch *d) {
    if (!d->count[IN_FLIGHT] || d->gathered || d->closing)
        return false;
    uint64_t ms = d->cycle_took / 2 + 1;
    if (!uv_is_active((uv_handle_t *)&d->gather))
        uv_timer_start(&d->gather, on_gathered, ms < GATHER_MOST_MS ? ms : GATHER_MOST_MS, 0);
    return true;
}

void dispatch_cycle(struct dispatch *d) {
    if (d->cycling || !db_is_up(d->host->marks) || !(d->count[DONE] || d->count[READY]) ||
        gathering(d))
        return;
    uv_timer_stop(&d->gather);
    d->gathered = false;
    arena_reset(d->cycle_arena);
    struct db_call calls[2];
    size_t n = 0;
    if (add_settles(d, &calls[n]))
        n++;
    if (d->host->recovered && add_marks(d, &calls[n]))
        n++;
    if (!n)
        return;
    struct err e = ERR_INIT;
    fault_point("delivery.before_mark");
    d->cycle_ns = uv_hrtime();
    d->cycling = db_transaction(d->host->marks, calls, n, on_cycled, d, &e);
    if (!d->cycling)
        cycle_failed(d);
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
    if (resting(d))
        return;
    d->failures++;
    d->rests_until_us = wallclock_now() + retry_pause_ms(d->failures, r) * 1000;
    if (d->failures == 1)
        log_warn("channel rests: messages stay queued", LOG_S("channel", d->name),
                 LOG_S("reason", reason));
    snprintf(d->trouble, sizeof d->trouble, "%.*s", STR_FMT(reason));
}

static void recovered(struct dispatch *d) {
    if (d->failures)
        log_info("channel works again", LOG_S("channel", d->name));
    d->failures = 0;
    d->rests_until_us = 0;
    d->trouble[0] = 0;
}

static void on_done(const struct channel_host *host, uint64_t ref, const struct channel_result *r) {
    struct dispatch *d = host->owner;
    struct item *x = (struct item *)(uintptr_t)ref;
    assert(x->state == IN_FLIGHT);
    fault_point("delivery.before_settle");
    struct retry_input in = {.id = x->m.id,
                             .attempts = x->m.attempts + 1,
                             .queued_us = x->m.queued_us,
                             .expires_us = x->m.expires_us,
                             .now_us = wallclock_now(),
                             .first_us = d->retry_us,
                             .in_doubt = d->in_doubt};
    bool pause;
    x->result = retry_after(&in, r, &pause);
    x->result.reason = r->outcome == CHANNEL_ACCEPTED ? STR_NONE : reason_of(x->arena, r);
    x->result.provider_id =
        r->provider_id.n ? str_dup(x->arena, text_of(r->provider_id)) : STR_NONE;
    set_state(d, x, DONE);
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
    bool none = d->items.next == &d->items ||
                (waits && !d->count[MARKING] && !d->count[IN_FLIGHT] && !d->count[DONE] &&
                 !d->count[SETTLING]);
    out->quiet = out->quiet && none && (d->quiet || waits) && !d->claiming && !d->cycling &&
                 !d->throttle.asking && (waits || pace_booked(d->throttle.pace) <= now_us);
    if (d->failures) {
        out->stuck = true;
        *trouble = str_from(d->trouble);
    }
}

void dispatch_state(const struct dispatch *d, struct channel_state *out) {
    *out = (struct channel_state){.channel = d->name,
                                  .done = d->done,
                                  .in_flight = d->count[IN_FLIGHT],
                                  .trouble = str_from(d->failures ? d->trouble : NULL)};
}

/* ---- life */

struct dispatch *dispatch_new(struct dispatch_host *host, struct str channel, struct err *e) {
    const struct settings_channel *c = settings_channel(&host->workspace->settings, channel);
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
    d->kind = settings_channel_kind(c);
    d->claim_arena = arena_new(0);
    d->cycle_arena = arena_new(0);
    d->channel_host = (struct channel_host){d, host->loop, d->name_z, NULL, on_done, on_log};
    d->channel = channel_open(host->workspace, c, &d->channel_host, &d->driver, e);
    if (d->channel) {
        throttle_init(&d->throttle, c, d->driver->capacity(d->channel));
        uv_timer_init(host->loop, &d->gather);
        d->gather.data = d;
        return d;
    }
    err_context(e, "channel %s", d->name_z);
    dispatch_free(d);
    return NULL;
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

static void on_gather_closed(uv_handle_t *h) {
    struct dispatch *d = h->data;
    d->closed(d->closed_ctx);
}

/* Closed when the driver is, and its results are settled or there is no way to. */
static void maybe_closed(struct dispatch *d) {
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
    maybe_closed(d);
}

void dispatch_close(struct dispatch *d, int64_t deadline_ms, void (*closed)(void *ctx), void *ctx) {
    d->closing = true;
    d->closed = closed;
    d->closed_ctx = ctx;
    d->driver->close(d->channel, deadline_ms, on_driver_closed, d);
}
