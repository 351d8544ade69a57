/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/hooks.h"

#include "base/arena.h"
#include "base/fault.h"
#include "engine/settings.h"
#include "engine/sql_text.h"

#include <stdlib.h>

#define WAITING_MOST 2000 /* requests above which callers are told to come later, of each sort */

static const struct db_stmt st_receipts = {"hook_receipts", sql_hook_receipts};
static const struct db_stmt st_inbound = {"hook_inbound", sql_hook_inbound};

struct request {
    struct request *next; /* of those that wait, or of its group */
    struct str channel;
    struct settings_bounces rule;
    const struct hook_report *reports;
    size_t n;
    size_t outcomes[HOOK_OUTCOMES];
    hooks_done_fn done;
    void *ctx;
};

/* Receipts of requests, in one transaction. */
struct group {
    struct hooks *owner;
    struct arena *arena;
    struct request *requests;
    size_t n;
};

struct hooks {
    struct patient *receipts, *consent;
    struct request *waiting, **tail;
    size_t n_waiting;
    size_t alone; /* the next ones that wait go one by one */
    bool busy;    /* a group is under way */
};

static void count(struct request *q, struct str outcome) {
    static const char *const words[HOOK_OUTCOMES] = {"recorded", "repeated", "progress", "unknown"};
    for (int k = 0; k < HOOK_OUTCOMES; k++)
        q->outcomes[k] += str_eq(outcome, str_from(words[k]));
}

static void finish(struct request *list, const struct err *e) {
    while (list) {
        struct request *next = list->next;
        list->done(list->ctx, e, list->outcomes);
        list = next;
    }
}

/* ---- receipts */

enum {
    C_OWNER,
    C_CHANNEL,
    C_SHARD,
    C_MESSAGE,
    C_PROVIDER,
    C_KIND,
    C_CLASS,
    C_CODE,
    C_TEXT,
    C_AT,
    COLUMNS
};

static void add_receipt(struct db_array **c, const struct request *q, const struct hook_report *r,
                        int32_t owner) {
    db_array_int4(c[C_OWNER], owner);
    db_array_text(c[C_CHANNEL], q->channel);
    if (r->named) {
        db_array_int2(c[C_SHARD], (int16_t)r->shard);
        db_array_int8(c[C_MESSAGE], r->message);
    } else {
        db_array_null(c[C_SHARD]);
        db_array_null(c[C_MESSAGE]);
    }
    db_array_text(c[C_PROVIDER], r->provider_id);
    db_array_text(c[C_KIND], str_from(r->kind));
    db_array_text(c[C_CLASS], str_from(r->bounce));
    db_array_text(c[C_CODE], r->code);
    db_array_text(c[C_TEXT], r->text);
    db_array_timestamptz_unless(c[C_AT], r->at_us, 0);
}

static struct db_call receipts_call(struct arena *a, const struct request *list) {
    static const enum db_type types[COLUMNS] = {DB_INT4, DB_TEXT, DB_INT2, DB_INT8, DB_TEXT,
                                                DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TIMESTAMPTZ};
    struct db_array *c[COLUMNS];
    struct db_params *p = db_params(a);
    int32_t owner = 0;
    db_param_int4(p, (int32_t)list->rule.soft_most);
    db_param_int8(p, list->rule.soft_over_us);
    db_param_int8(p, list->rule.pause_us);
    for (size_t i = 0; i < COLUMNS; i++)
        c[i] = db_array(a, types[i], list->n);
    for (const struct request *q = list; q; q = q->next, owner++)
        for (size_t i = 0; i < q->n; i++)
            if (!q->reports[i].inbound)
                add_receipt(c, q, &q->reports[i], owner);
    for (size_t i = 0; i < COLUMNS; i++)
        db_param_array(p, c[i]);
    return (struct db_call){&st_receipts, p};
}

static void count_receipts(struct arena *a, struct request *list, size_t n,
                           const struct db_result *r) {
    struct request **owners = ARENA_ARRAY(a, struct request *, n);
    for (size_t i = 0; i < n; i++, list = list->next)
        owners[i] = list;
    for (size_t i = 0; i < db_rows(r); i++)
        count(owners[db_int(r, i, 0)], db_text(r, i, 1));
}

/* ---- groups */

static void send_next(struct hooks *h);

static struct request *take_all(struct hooks *h) {
    struct request *all = h->waiting;
    h->waiting = NULL;
    h->tail = &h->waiting;
    h->n_waiting = h->alone = 0;
    return all;
}

/* They wait again, before all others, and go one by one: one of them is at fault. */
static void put_back(struct group *g) {
    struct hooks *h = g->owner;
    struct request **end = &g->requests;
    while (*end)
        end = &(*end)->next;
    *end = h->waiting;
    if (!h->waiting)
        h->tail = end;
    h->waiting = g->requests;
    h->n_waiting += g->n;
    h->alone += g->n;
}

static void on_group(void *ctx, const struct err *e, const struct db_reply *reply) {
    struct group *g = ctx;
    struct hooks *h = g->owner;
    h->busy = false;
    if (e && e->kind != ERR_TEMPORARY && g->n > 1) {
        put_back(g);
    } else {
        if (!e) {
            fault_point("hooks.committed");
            count_receipts(g->arena, g->requests, g->n, reply->result[0]);
        }
        finish(g->requests, e);
        if (e && e->kind == ERR_TEMPORARY) /* the database is away, and who waits did so as well */
            finish(take_all(h), e);
    }
    arena_free(g->arena);
    send_next(h);
}

static struct group *take_group(struct hooks *h) {
    struct arena *a = arena_new(8192);
    struct group *g = ARENA_NEW(a, struct group);
    struct request **end = &h->waiting;
    size_t reports = 0;
    *g = (struct group){.owner = h, .arena = a, .requests = h->waiting};
    do {
        reports += (*end)->n;
        g->n++;
        end = &(*end)->next;
    } while (*end && !h->alone && reports + (*end)->n <= HOOK_REPORTS);
    h->alone -= h->alone > 0;
    h->n_waiting -= g->n;
    h->waiting = *end;
    *end = NULL;
    if (!h->waiting)
        h->tail = &h->waiting;
    return g;
}

static void send_next(struct hooks *h) {
    if (h->busy || !h->waiting)
        return;
    struct group *g = take_group(h);
    const struct db_call call = receipts_call(g->arena, g->requests);
    h->busy = true;
    patient_ask(h->receipts, &call, 1, on_group, g);
}

/* ---- inbound messages */

static struct db_call inbound_call(struct arena *a, const struct request *q) {
    static const enum db_type types[] = {DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TIMESTAMPTZ};
    struct db_array *c[5];
    struct db_params *p = db_params(a);
    for (size_t i = 0; i < 5; i++)
        c[i] = db_array(a, types[i], q->n);
    for (size_t i = 0; i < q->n; i++) {
        const struct hook_report *r = &q->reports[i];
        if (!r->inbound)
            continue;
        db_array_text(c[0], r->id);
        db_array_text(c[1], r->sender);
        db_array_text(c[2], r->text);
        db_array_text(c[3], str_from(r->keyword));
        db_array_timestamptz_unless(c[4], r->at_us, 0);
    }
    db_param_text(p, q->channel);
    for (size_t i = 0; i < 5; i++)
        db_param_array(p, c[i]);
    return (struct db_call){&st_inbound, p};
}

static void on_inbound(void *ctx, const struct err *e, const struct db_reply *reply) {
    struct request *q = ctx;
    if (!e)
        fault_point("hooks.committed");
    for (size_t i = 0; !e && i < reply->n; i++) {
        const struct db_result *r = reply->result[i];
        for (size_t row = 0; row < db_rows(r); row++)
            count(q, db_text(r, row, db_columns(r) - 1));
    }
    finish(q, e);
}

static bool ask_inbound(struct hooks *h, struct arena *a, struct request *q, size_t inbound) {
    if (patient_waiting(h->consent) >= WAITING_MOST)
        return false;
    const struct db_call calls[] = {inbound_call(a, q), receipts_call(a, q)};
    patient_ask(h->consent, calls, inbound < q->n ? 2 : 1, on_inbound, q);
    return true;
}

/* ---- public */

bool hooks_record(struct hooks *h, struct arena *a, struct str channel,
                  const struct settings_bounces *rule, const struct hook_report *reports, size_t n,
                  hooks_done_fn done, void *ctx) {
    struct request *q = ARENA_NEW(a, struct request);
    size_t inbound = 0;
    *q = (struct request){
        .channel = channel, .rule = *rule, .reports = reports, .n = n, .done = done, .ctx = ctx};
    for (size_t i = 0; i < n; i++)
        inbound += reports[i].inbound;
    if (inbound)
        return ask_inbound(h, a, q, inbound);
    if (h->n_waiting >= WAITING_MOST)
        return false;
    *h->tail = q;
    h->tail = &q->next;
    h->n_waiting++;
    send_next(h);
    return true;
}

struct hooks *hooks_open(struct patient *receipts, struct patient *consent) {
    struct hooks *h = calloc(1, sizeof *h);
    if (!h)
        abort();
    *h = (struct hooks){.receipts = receipts, .consent = consent, .tail = &h->waiting};
    return h;
}

void hooks_close(struct hooks *h) {
    free(h);
}
