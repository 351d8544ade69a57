/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/hooks.h"

#include "base/arena.h"
#include "base/fault.h"
#include "engine/sql_text.h"

static const struct db_stmt st_receipts = {"hook_receipts", sql_hook_receipts};
static const struct db_stmt st_inbound = {"hook_inbound", sql_hook_inbound};

struct request {
    hooks_done_fn done;
    void *ctx;
};

static void count(const struct db_result *r, size_t n[HOOK_OUTCOMES]) {
    static const char *const words[HOOK_OUTCOMES] = {"recorded", "repeated", "progress", "unknown"};
    for (size_t i = 0; i < db_rows(r); i++)
        for (int k = 0; k < HOOK_OUTCOMES; k++)
            n[k] += str_eq(db_text(r, i, 0), str_from(words[k]));
}

static void on_recorded(void *ctx, const struct err *e, const struct db_reply *reply) {
    struct request *q = ctx;
    size_t n[HOOK_OUTCOMES] = {0};
    if (!e)
        fault_point("hooks.committed");
    for (size_t i = 0; !e && i < reply->n; i++)
        count(reply->result[i], n);
    q->done(q->ctx, e, n);
}

static void add_receipt(struct db_array **c, const struct hook_report *r) {
    if (r->named) {
        db_array_int2(c[0], (int16_t)r->shard);
        db_array_int8(c[1], r->message);
    } else {
        db_array_null(c[0]);
        db_array_null(c[1]);
    }
    db_array_text(c[2], r->provider_id);
    db_array_text(c[3], str_from(r->kind));
    db_array_text(c[4], str_from(r->bounce));
    db_array_text(c[5], r->code);
    db_array_text(c[6], r->text);
    if (r->at_us)
        db_array_timestamptz(c[7], r->at_us);
    else
        db_array_null(c[7]);
}

static void add_inbound(struct db_array **c, const struct hook_report *r) {
    db_array_text(c[0], r->id);
    db_array_text(c[1], r->sender);
    db_array_text(c[2], r->text);
    db_array_text(c[3], str_from(r->keyword));
    if (r->at_us)
        db_array_timestamptz(c[4], r->at_us);
    else
        db_array_null(c[4]);
}

static size_t add_call(struct arena *a, const struct db_stmt *stmt, struct str channel,
                       struct db_array **c, size_t columns, struct db_call *calls, size_t n) {
    if (!db_array_count(c[0]))
        return n;
    struct db_params *p = db_params(a);
    db_param_text(p, channel);
    for (size_t i = 0; i < columns; i++)
        db_param_array(p, c[i]);
    calls[n] = (struct db_call){stmt, p};
    return n + 1;
}

void hooks_record(struct patient *p, struct arena *a, struct str channel,
                  const struct hook_report *reports, size_t n, hooks_done_fn done, void *ctx) {
    static const enum db_type receipt_types[] = {DB_INT2, DB_INT8, DB_TEXT, DB_TEXT,
                                                 DB_TEXT, DB_TEXT, DB_TEXT, DB_TIMESTAMPTZ};
    static const enum db_type inbound_types[] = {DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT,
                                                 DB_TIMESTAMPTZ};
    struct db_array *receipts[8], *inbound[5];
    struct db_call calls[2];
    struct request *q = ARENA_NEW(a, struct request);
    *q = (struct request){done, ctx};
    for (size_t i = 0; i < 8; i++)
        receipts[i] = db_array(a, receipt_types[i], n);
    for (size_t i = 0; i < 5; i++)
        inbound[i] = db_array(a, inbound_types[i], n);
    for (size_t i = 0; i < n; i++) {
        if (reports[i].inbound)
            add_inbound(inbound, &reports[i]);
        else
            add_receipt(receipts, &reports[i]);
    }
    size_t k = add_call(a, &st_receipts, channel, receipts, 8, calls, 0);
    k = add_call(a, &st_inbound, channel, inbound, 5, calls, k);
    patient_ask(p, calls, k, on_recorded, q);
}
