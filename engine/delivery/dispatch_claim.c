/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/dispatch_internal.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/io/db.h"
#include "base/log.h"
#include "base/wallclock.h"

#define READY_LEAST 64u
#define READY_MOST 512u
#define TAKE_ROWS 4u /* at once: rendering must not keep results and the database waiting */
#define POLL_TICKS 2 /* a look at the table at least every 500 ms */

static size_t ready_most(const struct dispatch *d) {
    size_t n = d->window * 16;
    return n < READY_LEAST ? READY_LEAST : n > READY_MOST ? READY_MOST : n;
}

/* Much can hold up what was decided in its hours: a rate, retries, an outage, a pause. When it may
 * leave, or ends, if that is not now; 0: now. */
static int64_t opens(struct dispatch *d, struct item *x, int64_t now_us) {
    struct err ignored = ERR_INIT;
    x->timed = hours_read(&x->hours, x->m.hours, x->arena);
    if (!x->timed)
        return 0;
    if (!x->m.topic.n) /* transactional: another channel's may be about a topic */
        x->hours.quiet = (struct campaign_window){0, 0, 0};
    if (!wallclock_zone(x->m.zone, &x->hours.zone, &ignored))
        x->hours.zone = d->claim_workspace->settings.zone;
    int64_t at = hours_when(&x->hours, now_us);
    if (x->m.expires_us && at > x->m.expires_us)
        at = x->m.expires_us;
    return at == now_us ? 0 : at;
}

/* Makes an item of a claimed row; false: it cannot be sent, and why stands in e. *later: when its
 * turn comes, if that is not soon. */
static bool take_row(struct dispatch *d, const struct db_result *r, size_t row, int64_t now_us,
                     struct item **out, int64_t *later, struct err *e) {
    struct item *x = dispatch_item(d);
    *out = x;
    outbox_claimed(r, row, &x->m);
    d->count[READY]++;
    struct outbox_message *m = &x->m;
    struct str *texts[] = {&m->campaign, &m->step,  &m->occurrence, &m->version,
                           &m->address,  &m->topic, &m->locale,     &m->template,
                           &m->input,    &m->hours, &m->zone};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = texts[i]->n ? str_dup(x->arena, *texts[i]) : STR_NONE;
    x->fence = shards_fence(d->host->shards, m->shard);
    if (m->expires_us && m->expires_us <= now_us)
        return err_set(e, ERR_INPUT, "expired before it could be sent");
    if ((*later = opens(d, x, now_us)))
        return true;
    throttle_key(&d->throttle, d->claim_workspace, m, x->arena, &x->key);
    *later = pace_hold(d->throttle.pace, &x->key, now_us);
    x->held = *later == 0;
    if (*later)
        return true;
    fault_point("delivery.render");
    if (!render_message(d->claim_workspace, m, d->kind, &d->host->render, x->arena, &x->message,
                        &x->hash, e))
        return false;
    if (d->driver->receive)
        render_receipt(d->claim_workspace, m, d->name, &d->host->render, x->arena, &x->message);
    x->message.ref = (uint64_t)(uintptr_t)x;
    x->workspace = workspace_hold(d->claim_workspace);
    return true;
}

static void on_failed(void *ctx, const struct err *e, struct db_reply *reply) {
    struct dispatch *d = ctx;
    if (e) /* they stay queued and are claimed again */
        log_warn("failed or postponed messages could not be recorded", LOG_S("channel", d->name),
                 LOG_S("error", str_from(e->text)));
    db_reply_free(reply);
    d->claiming = false;
    dispatch_maybe_closed(d);
    if (!d->closing)
        dispatch_claim(d);
}

static void claim_ended(struct dispatch *d, struct db_reply *reply) {
    db_reply_free(reply);
    workspace_release(d->claim_workspace);
    d->claim_workspace = NULL;
    d->claiming = false;
}

/* The rows have been looked at: those that cannot be sent, or not now, are recorded. */
static void taken(struct dispatch *d) {
    struct take *t = &d->take;
    struct err e = ERR_INIT;
    struct db_call calls[2];
    size_t n = 0;
    if (t->failed)
        calls[n++] = outbox_fail_call(t->fails);
    if (t->postponed)
        calls[n++] = outbox_postpone_call(t->postpones);
    claim_ended(d, t->reply);
    d->claiming = n && db_transaction(d->host->claims, calls, n, on_failed, d, &e);
    if (d->claiming)
        d->host->counts.failed += (int64_t)t->failed;
    dispatch_maybe_closed(d);
}

static void take_one(struct dispatch *d, const struct db_result *r, size_t row, int64_t now_us) {
    struct take *t = &d->take;
    struct item *x;
    int64_t later = 0;
    struct err why = ERR_INIT;
    if (take_row(d, r, row, now_us, &x, &later, &why)) {
        if (!later)
            return;
        outbox_postpone(t->postpones, &x->m, x->fence, later);
        t->postponed++;
    } else {
        outbox_fail(t->fails, &x->m, x->fence, str_dup(d->claim_arena, str_from(why.text)));
        log_warn("message failed", LOG_I("message", x->m.id), LOG_S("campaign", x->m.campaign),
                 LOG_S("reason", str_from(why.text)));
        t->failed++;
    }
    dispatch_drop(d, x);
}

static void on_taking(uv_idle_t *idle) {
    struct dispatch *d = idle->data;
    struct take *t = &d->take;
    const struct db_result *due = t->reply->result[t->reply->n - 1]; /* behind those held back */
    int64_t now_us = wallclock_now();
    if (d->closing || d->retired)
        t->row = db_rows(due);
    for (size_t n = 0; n < TAKE_ROWS && t->row < db_rows(due); n++)
        take_one(d, due, t->row++, now_us);
    if (t->row == db_rows(due)) {
        uv_idle_stop(&d->taking);
        taken(d);
    }
    if (!d->closing)
        dispatch_cycle(d);
}

static void on_claimed(void *ctx, const struct err *e, struct db_reply *reply) {
    struct dispatch *d = ctx;
    if (e) {
        claim_ended(d, reply);
        dispatch_maybe_closed(d);
        return;
    }
    bool any = db_rows(reply->result[reply->n - 1]) > 0 || d->asked;
    if (!d->closing && !d->retired) {
        d->quiet = !any;
        d->more = any;
        d->asked = false;
    }
    d->take = (struct take){.reply = reply,
                            .fails = outbox_fails_new(d->claim_arena, 0),
                            .postpones = outbox_postpones_new(d->claim_arena, 0)};
    uv_idle_start(&d->taking, on_taking);
}

/* What is ready and will not be for some time makes room for others. */
static bool evict(struct dispatch *d, struct db_call *call) {
    struct outbox_postpones *postpones = outbox_postpones_new(d->claim_arena, 0);
    int64_t now_us = wallclock_now();
    bool any = false;
    for (struct item *x = d->items.next, *next; x != &d->items; x = next) {
        next = x->next;
        int64_t later = x->state == READY ? pace_evict(d->throttle.pace, &x->key, now_us) : 0;
        if (!later)
            continue;
        outbox_postpone(postpones, &x->m, x->fence, later);
        x->held = false;
        dispatch_drop(d, x);
        any = true;
    }
    if (any)
        *call = outbox_postpone_call(postpones);
    return any;
}

void dispatch_claim(struct dispatch *d) {
    uint64_t shards = shards_owned(d->host->shards);
    d->asked = d->asked || d->claiming;
    if (d->claiming || d->closing || d->retired || d->host->stopping || !shards ||
        !d->host->recovered || dispatch_resting(d) || !db_is_up(d->host->claims))
        return;
    size_t most = ready_most(d);
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
    if (d->claiming)
        d->claim_workspace = workspace_hold(d->host->workspace);
}

void dispatch_tick(struct dispatch *d) {
    int engines = shards_engines(d->host->shards);
    if (d->rests_until_ns && !dispatch_resting(d))
        d->rests_until_ns = 0;
    pace_share(d->throttle.pace, 1.0 / (engines > 0 ? engines : 1));
    if (!d->closing && !d->retired && d->host->recovered)
        throttle_ask(&d->throttle, d->host->claims, d->count[READY], wallclock_now());
    /* all channels look at the same ticks, so that there are others on which none does: else a
     * drain with several would never see all of them quiet */
    if (d->more || d->host->ticks % POLL_TICKS == 0)
        dispatch_claim(d);
    dispatch_cycle(d);
}
