/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/destination_pauses.h"

#include "base/arena.h"
#include "base/io/db.h"
#include "base/log.h"
#include "base/wallclock.h"
#include "engine/sql_text.h"

#include <stdlib.h>

#define EVERY_US (2 * WALLCLOCK_US_PER_S)

static const struct db_stmt st_read = {"destination_pauses", sql_destination_pauses};

struct pause {
    struct str channel, domain;
};

struct destination_pauses {
    destination_paused_fn paused;
    void *ctx;
    struct arena *arena;       /* of the list */
    struct arena *asking_with; /* of the request under way */
    struct pause *list;
    size_t n;
    int64_t at_us; /* of the last look */
    bool asking;
};

struct destination_pauses *destination_pauses_new(destination_paused_fn paused, void *ctx) {
    struct destination_pauses *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    *s = (struct destination_pauses){
        .paused = paused, .ctx = ctx, .arena = arena_new(0), .asking_with = arena_new(0)};
    return s;
}

void destination_pauses_free(struct destination_pauses *s) {
    if (!s)
        return;
    arena_free(s->arena);
    arena_free(s->asking_with);
    free(s);
}

static bool has(const struct pause *list, size_t n, const struct pause *p) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(list[i].channel, p->channel) && str_eq(list[i].domain, p->domain))
            return true;
    return false;
}

static void tell_new(struct str channel, struct str domain, int64_t until_us, struct str reason) {
    char until[40];
    wallclock_format(until_us / WALLCLOCK_US_PER_S, 0, until, sizeof until);
    log_warn("a domain refuses us as a sender: nothing goes there for a while",
             LOG_S("channel", channel), LOG_S("domain", domain), LOG_S("until", str_from(until)),
             LOG_S("reason", reason));
}

static void take(struct destination_pauses *s, const struct db_result *r) {
    struct arena *a = arena_new(0);
    size_t n = db_rows(r);
    struct pause *list = ARENA_ARRAY(a, struct pause, n + 1);
    for (size_t i = 0; i < n; i++) {
        list[i] = (struct pause){str_dup(a, db_text(r, i, 0)), str_dup(a, db_text(r, i, 1))};
        int64_t until_us = db_timestamptz(r, i, 2);
        if (!has(s->list, s->n, &list[i]))
            tell_new(list[i].channel, list[i].domain, until_us, db_text(r, i, 3));
        s->paused(s->ctx, list[i].channel, list[i].domain, until_us);
    }
    for (size_t i = 0; i < s->n; i++) {
        if (has(list, n, &s->list[i]))
            continue;
        log_info("the domain is tried again", LOG_S("channel", s->list[i].channel),
                 LOG_S("domain", s->list[i].domain));
        s->paused(s->ctx, s->list[i].channel, s->list[i].domain, 0);
    }
    arena_free(s->arena);
    s->arena = a;
    s->list = list;
    s->n = n;
}

static void on_read(void *ctx, const struct err *e, struct db_reply *reply) {
    struct destination_pauses *s = ctx;
    s->asking = false;
    if (!e)
        take(s, reply->result[0]);
    db_reply_free(reply);
}

void destination_pauses_look(struct destination_pauses *s, struct db *db,
                             const struct str *channels, size_t n, int64_t now_us) {
    struct err e = ERR_INIT;
    if (s->asking || !db_is_up(db) || (now_us - s->at_us < EVERY_US && now_us >= s->at_us))
        return;
    s->at_us = now_us;
    arena_reset(s->asking_with);
    struct db_array *names = db_array(s->asking_with, DB_TEXT, n);
    struct db_params *p = db_params(s->asking_with);
    for (size_t i = 0; i < n; i++)
        db_array_text(names, channels[i]);
    db_param_array(p, names);
    struct db_call call = {&st_read, p};
    s->asking = db_transaction(db, &call, 1, on_read, s, &e);
}
