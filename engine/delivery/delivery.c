/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/delivery.h"

#include "base/arena.h"
#include "base/io/db.h"
#include "base/log.h"
#include "base/wallclock.h"
#include "engine/delivery/destination_pauses.h"
#include "engine/delivery/dispatch.h"
#include "engine/outbox.h"
#include "engine/session.h"

#include <stdlib.h>

#define TICK_MS 250
#define IN_HAND_MOST 65536
#define RETIRED_MS 2000 /* for a channel that has nothing in hand to close */

struct delivery {
    struct dispatch_host host;
    struct dispatch **list; /* one a channel, and those that are retired and not closed yet */
    size_t n;
    struct dispatch **fresh; /* prepared by a reload, not at work yet */
    size_t n_fresh;
    struct channel_states *states;
    struct destination_pauses *pauses;
    uv_timer_t timer;
    struct arena *recover_arena;
    bool recovering;
    struct str trouble;
    size_t closing; /* what must still close */
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

/* ---- recovery: what we marked and whose answer was lost */

static void on_recovered(void *ctx, const struct err *e, struct db_reply *reply) {
    struct delivery *d = ctx;
    d->recovering = false;
    if (!e) {
        d->host.recovered = true;
        if (db_rows(reply->result[0]))
            log_info("messages queued again after a lost connection",
                     LOG_I("count", db_rows(reply->result[0])));
        delivery_kick(d);
    }
    db_reply_free(reply);
}

static void recover(struct delivery *d) {
    uint64_t owned = shards_owned(d->host.shards);
    if (d->host.recovered || d->recovering || !db_is_up(d->host.marks))
        return;
    if (!owned) { /* what is marked will be found when the shards are acquired */
        d->host.recovered = true;
        return;
    }
    arena_reset(d->recover_arena);
    int64_t *ids = ARENA_ARRAY(d->recover_arena, int64_t, IN_HAND_MOST);
    int64_t fences[SHARDS];
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++)
        n += dispatch_in_hand(d->list[i], ids + n, IN_HAND_MOST - n);
    for (int i = 0; i < SHARDS; i++)
        fences[i] = shards_fence(d->host.shards, i);
    struct err e = ERR_INIT;
    struct db_call call = outbox_recover(d->recover_arena, owned, fences, ids, n);
    d->recovering = db_transaction(d->host.marks, &call, 1, on_recovered, d, &e);
}

/* ---- connections */

static void on_marks_up(void *ctx) {
    struct delivery *d = ctx;
    session_settings(d->host.marks);
    recover(d);
    delivery_kick(d);
}

static void on_marks_down(void *ctx, const struct err *e) {
    (void)e;
    struct delivery *d = ctx;
    d->host.recovered = false;
}

static void on_paused(void *ctx, struct str channel, struct str domain, int64_t until_us) {
    struct delivery *d = ctx;
    for (size_t i = 0; i < d->n; i++)
        dispatch_pause(d->list[i], channel, domain, until_us);
}

static void look_at_pauses(struct delivery *d) {
    struct channel_state state;
    struct str *names = calloc(d->n + 1, sizeof *names);
    if (!names)
        abort();
    for (size_t i = 0; i < d->n; i++) {
        dispatch_state(d->list[i], &state);
        names[i] = state.channel;
    }
    destination_pauses_look(d->pauses, d->host.claims, names, d->n, wallclock_now());
    free(names);
}

static void on_claims_up(void *ctx) {
    struct delivery *d = ctx;
    session_settings(d->host.claims);
    look_at_pauses(d); /* known before the first claim's rows come, on the same connection */
    delivery_kick(d);
}

static void on_claims_down(void *ctx, const struct err *e) {
    (void)ctx;
    (void)e;
}

static void write_states(struct delivery *d) {
    int64_t now_us = wallclock_now(), engine = shards_engine(d->host.shards);
    if (!engine || !db_is_up(d->host.claims) || !channel_states_due(d->states, now_us))
        return;
    struct channel_state *list = calloc(d->n + 1, sizeof *list);
    if (!list)
        abort();
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++)
        if (!dispatch_is_retired(d->list[i]))
            dispatch_state(d->list[i], &list[n++]);
    channel_states_write(d->states, d->host.claims, engine, list, n, now_us);
    free(list);
}

static void on_retired_closed(void *ctx);

static void on_tick(uv_timer_t *t) {
    struct delivery *d = t->data;
    look_at_pauses(d);
    d->host.ticks++;
    write_states(d);
    recover(d);
    for (size_t i = 0; i < d->n; i++) {
        dispatch_tick(d->list[i]);
        if (dispatch_is_spent(d->list[i]))
            dispatch_close(d->list[i], RETIRED_MS, on_retired_closed, d);
    }
}

void delivery_kick(struct delivery *d) {
    for (size_t i = 0; i < d->n; i++) {
        dispatch_claim(d->list[i]);
        dispatch_cycle(d->list[i]);
    }
}

void delivery_shards_changed(struct delivery *d) {
    uint64_t owned = shards_owned(d->host.shards);
    for (size_t i = 0; i < d->n; i++)
        dispatch_forget_ready(d->list[i], ~owned);
    delivery_kick(d);
}

bool delivery_idle(const struct delivery *d, uint64_t members) {
    for (size_t i = 0; i < d->n; i++)
        if (dispatch_has(d->list[i], members))
            return false;
    return true;
}

/* ---- reload */

static struct dispatch *find(const struct delivery *d, const struct workspace *w,
                             const struct settings_channel *c) {
    for (size_t i = 0; i < d->n; i++)
        if (dispatch_is(d->list[i], w, c))
            return d->list[i];
    return NULL;
}

bool delivery_prepare(struct delivery *d, const struct workspace *w, struct err *e) {
    size_t n = w->settings.n_channels;
    d->fresh = calloc(n + 1, sizeof *d->fresh);
    if (!d->fresh)
        abort();
    for (size_t i = 0; i < n; i++) {
        const struct settings_channel *c = &w->settings.channels[i];
        if (find(d, w, c))
            continue;
        d->fresh[d->n_fresh] = dispatch_new(&d->host, w, c->name, e);
        if (!d->fresh[d->n_fresh]) {
            delivery_unprepare(d);
            return false;
        }
        d->n_fresh++;
    }
    return true;
}

static void take_fresh(struct delivery *d) {
    d->list = realloc(d->list, (d->n + d->n_fresh + 1) * sizeof(struct dispatch *));
    if (!d->list)
        abort();
    for (size_t i = 0; i < d->n_fresh; i++)
        d->list[d->n++] = d->fresh[i];
    free(d->fresh);
    d->fresh = NULL;
    d->n_fresh = 0;
}

void delivery_unprepare(struct delivery *d) {
    size_t from = d->n;
    take_fresh(d);
    for (size_t i = from; i < d->n; i++)
        dispatch_retire(d->list[i], NULL);
}

static struct dispatch *successor_of(const struct delivery *d, const struct dispatch *old) {
    for (size_t i = 0; i < d->n_fresh; i++)
        if (str_eq(dispatch_name(d->fresh[i]), dispatch_name(old)))
            return d->fresh[i];
    return NULL;
}

void delivery_reload(struct delivery *d, struct workspace *w) {
    for (size_t i = 0; i < d->n; i++) {
        struct dispatch *old = d->list[i], *next = successor_of(d, old);
        if (dispatch_is_retired(old) ||
            (!next && settings_channel(&w->settings, dispatch_name(old))))
            continue;
        log_info(next ? "channel opened anew, its settings have changed" : "channel closes",
                 LOG_S("channel", dispatch_name(old)));
        dispatch_retire(old, next);
    }
    take_fresh(d);
    workspace_release(d->host.workspace);
    d->host.workspace = workspace_hold(w);
    delivery_kick(d);
}

static void one_closed(void *ctx);

/* One of the list has closed that was retired; it goes. */
static void on_retired_closed(void *ctx) {
    struct delivery *d = ctx;
    for (size_t i = 0; i < d->n; i++) {
        if (!dispatch_is_retired(d->list[i]) || !dispatch_is_closed(d->list[i]))
            continue;
        dispatch_free(d->list[i]);
        d->list[i] = d->list[--d->n];
        break;
    }
    if (d->host.stopping)
        one_closed(d);
}

void delivery_counts(struct delivery *d, struct delivery_counts *out) {
    *out = d->host.counts;
    out->quiet = true;
    out->stuck = !db_is_up(d->host.marks) || !db_is_up(d->host.claims);
    out->trouble = out->stuck ? S("the database cannot be reached") : STR_NONE;
    for (size_t i = 0; i < d->n; i++)
        dispatch_count(d->list[i], out, &out->trouble);
}

/* ---- life */

static void release(struct delivery *d) {
    for (size_t i = 0; i < d->n; i++)
        dispatch_free(d->list[i]);
    workspace_release(d->host.workspace);
    locales_free(d->host.render.locales);
    channel_states_free(d->states);
    destination_pauses_free(d->pauses);
    arena_free(d->recover_arena);
    free(d->list);
    free(d);
}

struct delivery *delivery_open(uv_loop_t *loop, const char *conninfo, struct workspace *w,
                               struct shards *shards, struct str secret, const struct keyring *keys,
                               struct err *e) {
    struct delivery *d = calloc(1, sizeof *d);
    if (!d || !(d->list = calloc(w->settings.n_channels + 1, sizeof *d->list)))
        abort();
    d->host = (struct dispatch_host){.loop = loop,
                                     .shards = shards,
                                     .workspace = workspace_hold(w),
                                     .render = {secret, keys, locales_new()}};
    d->recover_arena = arena_new(0);
    d->states = channel_states_new();
    d->pauses = destination_pauses_new(on_paused, d);
    struct db_events claims = {on_claims_up, on_claims_down, NULL, d};
    struct db_events marks = {on_marks_up, on_marks_down, NULL, d};
    for (size_t i = 0; i < w->settings.n_channels; i++) {
        d->list[i] = dispatch_new(&d->host, w, w->settings.channels[i].name, e);
        if (!d->list[i])
            goto out;
        d->n++;
    }
    d->host.claims = db_open(loop, conninfo, 0, &claims, e);
    d->host.marks = d->host.claims ? db_open(loop, conninfo, 0, &marks, e) : NULL;
    if (!d->host.marks)
        goto out;
    uv_timer_init(loop, &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_tick, TICK_MS, TICK_MS);
    return d;
out: /* the caller gives up: open channels and the loop end with the process */
    return NULL;
}

static void on_timer_closed(uv_handle_t *h) {
    struct delivery *d = h->data;
    void (*on_closed)(void *) = d->on_closed;
    void *ctx = d->closed_ctx;
    release(d);
    on_closed(ctx);
}

static void on_db_closed(void *ctx) {
    struct delivery *d = ctx;
    if (--d->closing == 0)
        uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

static void one_closed(void *ctx) {
    struct delivery *d = ctx;
    if (--d->closing)
        return;
    d->closing = 2;
    db_close(d->host.claims, on_db_closed, d);
    db_close(d->host.marks, on_db_closed, d);
}

void delivery_close(struct delivery *d, int64_t deadline_ms, void (*on_closed)(void *ctx),
                    void *ctx) {
    d->host.stopping = true;
    d->on_closed = on_closed;
    d->closed_ctx = ctx;
    uv_timer_stop(&d->timer);
    d->closing = d->n + 1;
    for (size_t i = 0; i < d->n; i++)
        if (!dispatch_is_closing(d->list[i])) /* else on_retired_closed() says so */
            dispatch_close(d->list[i], deadline_ms, one_closed, d);
    one_closed(d);
}
