/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/dispatch_internal.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/io/db.h"
#include "base/log.h"
#include "base/wallclock.h"

#define CYCLE_MOST_MS 10 /* of its length: half of it is waited */

static bool topic_default(const struct dispatch *d, struct str topic) {
    const struct settings_topic *t = settings_topic(&d->host->workspace->settings, topic);
    return t && t->subscribed;
}

/* What the message's step says to do when it fails for good; NULL: nothing, or that was it. */
static const struct step_send *fallback_of(const struct dispatch *d, const struct item *x) {
    const struct campaign_set *rules = &d->host->workspace->rules;
    if (x->result.status != MESSAGE_FAILED)
        return NULL;
    const struct campaign *c = campaign_set_version(rules, x->m.campaign, x->m.version);
    size_t i = c ? campaign_step(c, x->m.step) : 0;
    if (!c || i == c->n_steps || c->steps[i].kind != STEP_SEND)
        return NULL;
    const struct step_send *other = c->steps[i].u.send.fallback;
    return other && !str_eq(other->channel, d->name) ? other : NULL;
}

static size_t add_fallbacks(struct dispatch *d, struct db_call *call) {
    struct outbox_fallbacks *f = outbox_fallbacks_new(d->cycle_arena);
    for (struct item *x = d->items.next; x != &d->items; x = x->next) {
        const struct step_send *other = x->state == SETTLING ? fallback_of(d, x) : NULL;
        const struct settings_channel *channel =
            other ? settings_channel(&d->host->workspace->settings, other->channel) : NULL;
        if (channel)
            outbox_fall_back(f, &x->m, x->fence, other, channel->address);
    }
    return outbox_fallback_call(f, wallclock_now(), call);
}

/* Appends the calls that settle what is done, 0 to 2, behind calls[n]; returns the new n. */
static size_t add_settles(struct dispatch *d, struct db_call *calls, size_t n) {
    const struct settings_bounces *rule = &d->host->workspace->settings.bounces;
    struct outbox_settles *s =
        outbox_settles_new(d->cycle_arena, rule, d->segment_cost, wallclock_now());
    for (struct item *x = d->items.next; x != &d->items; x = x->next) {
        if (x->state != DONE)
            continue;
        outbox_settle(s, &x->m, x->fence, &x->result);
        dispatch_move(d, x, SETTLING);
    }
    return outbox_settle_calls(s, calls, n);
}

static size_t add_marks(struct dispatch *d, struct db_call *call) {
    if (!d->count[READY] || d->host->stopping || d->closing || d->retired || dispatch_resting(d))
        return 0;
    size_t room = d->window, n = 0;
    room = room > d->count[IN_FLIGHT] ? room - d->count[IN_FLIGHT] : 0;
    if (!room)
        return 0;
    uint64_t owned = shards_owned(d->host->shards);
    struct outbox_marks *m = outbox_marks_new(d->cycle_arena, d->name, room);
    int64_t now_us = wallclock_now();
    room = throttle_room(&d->throttle, room);
    for (struct item *x = d->items.next, *next; x != &d->items && n < room; x = next) {
        next = x->next;
        if (x->state != READY)
            continue;
        bool closed = x->timed && hours_when(&x->hours, now_us) != now_us;
        if (closed || !(owned >> x->m.shard & 1)) { /* a claim sees to what stood here too long */
            dispatch_drop(d, x);
            continue;
        }
        if (!pace_take(d->throttle.pace, &x->key, now_us))
            continue;
        outbox_mark(m, &x->m, x->fence, x->hash, topic_default(d, x->m.topic));
        dispatch_move(d, x, MARKING);
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
            dispatch_move(d, x, DONE);
        else if (x->state == MARKING)
            dispatch_drop(d, x);
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
        if (marked && (d->closing || d->retired)) { /* the driver takes no more: queued again */
            x->result = (struct outbox_result){
                .status = MESSAGE_QUEUED, .due_us = wallclock_now(), .given_back = true};
            dispatch_move(d, x, DONE);
        } else if (marked) {
            dispatch_move(d, x, IN_FLIGHT);
            list[n++] = &x->message;
        } else { /* cancelled, or another engine's: the table knows */
            dispatch_drop(d, x);
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
    d->cycle_took = d->cycle_took < CYCLE_MOST_MS ? d->cycle_took : CYCLE_MOST_MS;
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
                dispatch_drop(d, x);
            }
        }
        submit_marked(d, reply->result[reply->n - 1]);
    }
    db_reply_free(reply);
    dispatch_maybe_closed(d);
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

/* While some are settled and marked anew the others are sent, so that neither the database nor the
 * relay waits for the other: half of them, and no more than there are connections. What comes later
 * than half a commit's time behind the first is not waited for. */
static bool gathering(struct dispatch *d) {
    size_t enough = d->driver->capacity(d->channel);
    if (enough > d->count[IN_FLIGHT])
        enough = d->count[IN_FLIGHT];
    if (d->count[DONE] >= enough || d->gathered || d->closing)
        return false;
    if (!uv_is_active((uv_handle_t *)&d->gather))
        uv_timer_start(&d->gather, on_gathered, d->cycle_took / 2 + 1, 0);
    return true;
}

void dispatch_cycle(struct dispatch *d) {
    if (d->cycling || !db_is_up(d->host->marks) || !(d->count[DONE] || d->count[READY]) ||
        gathering(d))
        return;
    uv_timer_stop(&d->gather);
    d->gathered = false;
    arena_reset(d->cycle_arena);
    struct db_call calls[4];
    size_t n = add_settles(d, calls, 0);
    if (n && add_fallbacks(d, &calls[n]))
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
