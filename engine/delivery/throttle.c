/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/throttle.h"

#include "base/arena.h"
#include "base/io/db.h"
#include "base/log.h"
#include "base/wallclock.h"
#include "engine/sql_text.h"

#include <stdlib.h>

#define ASK_LEAST 16
#define ASK_MOST 256
#define LOOK_AGAIN_US (30 * WALLCLOCK_US_PER_S)
#define LONG_US (5 * WALLCLOCK_US_PER_S)
#define DOMAIN_MOST 255

static const struct db_stmt st_take = {"warmup_take", sql_warmup_take};

void throttle_init(struct throttle *t, const struct settings_channel *c, size_t connections) {
    struct arena *a = arena_new(0);
    struct pace_domain *domains = ARENA_ARRAY(a, struct pace_domain, c->n_domains + 1);
    for (size_t i = 0; i < c->n_domains; i++)
        domains[i] = (struct pace_domain){c->domains[i].domain, c->domains[i].per_s};
    struct pace_settings s = {.per_s = c->rate_per_s,
                              .domains = domains,
                              .n_domains = c->n_domains,
                              .connections = connections};
    *t = (struct throttle){.pace = pace_new(&s),
                           .arena = arena_new(0),
                           .channel = strndup(c->name.p, c->name.n),
                           .by_domain = c->address == ADDRESS_EMAIL,
                           .warmup = c->warmup};
    arena_free(a);
}

void throttle_close(struct throttle *t) {
    pace_free(t->pace);
    arena_free(t->arena);
    free(t->channel);
}

void throttle_key(const struct throttle *t, const struct workspace *w,
                  const struct outbox_message *m, struct arena *a, struct pace_key *out) {
    const struct campaign *c = campaign_set_find(&w->rules, m->campaign);
    *out = (struct pace_key){.campaign = m->campaign, .campaign_per_s = c ? c->rate_per_s : 0};
    if (t->by_domain)
        out->destination = pace_destination(m->address, arena_alloc(a, DOMAIN_MOST), DOMAIN_MOST);
}

/* ---- warm-up */

size_t throttle_room(const struct throttle *t, size_t room) {
    if (!t->warmup.per_day || t->allowance >= (int64_t)room)
        return room;
    return t->allowance > 0 ? (size_t)t->allowance : 0;
}

void throttle_untake(struct throttle *t, const struct pace_key *k) {
    pace_untake(t->pace, k);
    t->allowance += t->warmup.per_day > 0;
}

static void on_taken(void *ctx, const struct err *e, struct db_reply *reply) {
    struct throttle *t = ctx;
    t->asking = false;
    if (!e) {
        int64_t got = db_int(reply->result[0], 0, 0);
        bool was_closed = t->closed_until_us != 0;
        t->allowance += got;
        t->closed_until_us = got ? 0 : wallclock_now() + LOOK_AGAIN_US;
        if (!got && !was_closed)
            log_info("warm-up: today's number is used up, messages stay queued",
                     LOG_S("channel", str_from(t->channel)));
    }
    db_reply_free(reply);
}

void throttle_ask(struct throttle *t, struct db *db, size_t wanted, int64_t now_us) {
    if (!t->warmup.per_day || t->asking || !wanted || t->allowance >= (int64_t)wanted ||
        t->closed_until_us > now_us || !db_is_up(db))
        return;
    arena_reset(t->arena);
    struct db_params *p = db_params(t->arena);
    struct err e = ERR_INIT;
    wanted = wanted < ASK_LEAST ? ASK_LEAST : wanted > ASK_MOST ? ASK_MOST : wanted;
    db_param_text(p, str_from(t->channel));
    db_param_int8(p, t->warmup.per_day);
    db_param_float8(p, t->warmup.growth);
    db_param_int8(p, (int64_t)wanted);
    struct db_call call = {&st_take, p};
    t->asking = db_transaction(db, &call, 1, on_taken, t, &e);
}

/* ---- results */

/* A temporary refusal that is not about the one mailbox (x.2.x: full, disabled). */
enum pace_answer throttle_answer(const struct channel_result *r) {
    if (r->outcome == CHANNEL_ACCEPTED)
        return PACE_GOOD;
    bool mailbox = r->enhanced[0] && r->enhanced[1] == '.' && r->enhanced[2] == '2';
    bool busy = r->outcome == CHANNEL_DEFERRED && r->code >= 400 && r->code < 500 && !mailbox;
    return busy ? PACE_BUSY : PACE_NEUTRAL;
}

bool throttle_waits(struct throttle *t, int64_t now_us) {
    bool used_up = t->warmup.per_day && t->allowance <= 0 && t->closed_until_us > now_us;
    return used_up || pace_next(t->pace, now_us) > now_us + LONG_US;
}
