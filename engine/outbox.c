/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/outbox.h"

#include "base/arena.h"
#include "engine/cursor.h"
#include "engine/sql_text.h"

#include <assert.h>

static const struct db_stmt st_messages = {"message_insert", sql_message_insert};
static const struct db_stmt st_displace = {"message_displace", sql_message_displace};
static const struct db_stmt st_fallback = {"message_fallback", sql_message_fallback};
static const struct db_stmt st_decisions = {"decision_insert", sql_decision_insert};
static const struct db_stmt st_claim = {"message_claim", sql_message_claim};
static const struct db_stmt st_hold = {"message_hold", sql_message_hold};
static const struct db_stmt st_mark = {"message_mark", sql_message_mark};
static const struct db_stmt st_fail = {"message_fail", sql_message_fail};
static const struct db_stmt st_postpone = {"message_postpone", sql_message_postpone};
static const struct db_stmt st_sent = {"message_sent", sql_message_sent};
static const struct db_stmt st_settle = {"message_settle", sql_message_settle};
static const struct db_stmt st_recover = {"message_recover", sql_message_recover};

/* ---- columns: one array a parameter, filled row by row */
#define COLUMNS_MAX 20

struct columns {
    struct arena *a;
    size_t n;
    struct db_array *column[COLUMNS_MAX];
};

static void columns_init(struct columns *c, struct arena *a, size_t expect,
                         const enum db_type *types, size_t n) {
    assert(n <= COLUMNS_MAX);
    *c = (struct columns){.a = a, .n = n};
    for (size_t i = 0; i < n; i++)
        c->column[i] = db_array(a, types[i], expect);
}
#define COLUMNS_INIT(c, a, expect, types) \
    columns_init((c), (a), (expect), (types), sizeof(types) / sizeof *(types))

static size_t columns_rows(const struct columns *c) {
    return db_array_count(c->column[0]);
}

static struct db_params *columns_params(const struct columns *c) {
    struct db_params *p = db_params(c->a);
    for (size_t i = 0; i < c->n; i++)
        db_param_array(p, c->column[i]);
    return p;
}

/* ---- into the outbox */
struct outbox_batch {
    struct columns messages, displaced, decisions;
    size_t to_send;
};

struct outbox_batch *outbox_batch_new(struct arena *a, size_t expect) {
    static const enum db_type messages[] = {
        DB_INT2, DB_INT8,        DB_TEXT,        DB_TEXT, DB_TEXT,       DB_TEXT, DB_TEXT,
        DB_TEXT, DB_TEXT,        DB_TEXT,        DB_TEXT, DB_JSONB,      DB_INT8, DB_TEXT,
        DB_TEXT, DB_TIMESTAMPTZ, DB_TIMESTAMPTZ, DB_TEXT, DB_TIMESTAMPTZ};
    static const enum db_type displaced[] = {DB_INT2, DB_INT8, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT};
    static const enum db_type decisions[] = {DB_INT2,        DB_INT8, DB_TEXT, DB_TEXT, DB_INT8,
                                             DB_TIMESTAMPTZ, DB_TEXT, DB_TEXT, DB_TEXT};
    struct outbox_batch *b = ARENA_NEW(a, struct outbox_batch);
    COLUMNS_INIT(&b->messages, a, expect, messages);
    COLUMNS_INIT(&b->displaced, a, 0, displaced);
    COLUMNS_INIT(&b->decisions, a, 0, decisions);
    return b;
}

static void add_displaced(struct outbox_batch *b, int shard, const struct decision *d) {
    struct db_array **c = b->displaced.column;
    for (size_t i = 0; i < d->n_displaced; i++) {
        const struct profile_message *m = d->displaced[i];
        db_array_int2(c[0], (int16_t)shard);
        db_array_int8(c[1], d->customer);
        db_array_text(c[2], m->campaign);
        db_array_text(c[3], m->step);
        db_array_text(c[4], m->occurrence);
        db_array_text(c[5],
                      str_printf(b->displaced.a, "displaced by %.*s", STR_FMT(d->campaign->name)));
    }
}

static void int8_or_null(struct db_array *column, int64_t v) {
    if (v)
        db_array_int8(column, v);
    else
        db_array_null(column);
}

static void add_message(struct outbox_batch *b, int shard, const struct decision *d,
                        struct str input, int64_t now_us) {
    struct db_array **c = b->messages.column;
    bool send = d->outcome == OUTCOME_SEND;
    db_array_int2(c[0], (int16_t)shard);
    db_array_int8(c[1], d->customer);
    db_array_text(c[2], d->campaign->id);
    db_array_text(c[3], d->step->id);
    db_array_text(c[4], d->occurrence);
    db_array_text(c[5], str_from(d->campaign->version));
    db_array_text(c[6], d->channel);
    db_array_text_or_null(c[7], d->topic);
    db_array_text(c[8], d->address);
    db_array_text_or_null(c[9], d->locale);
    db_array_text(c[10], d->template);
    if (send)
        db_array_jsonb(c[11], input);
    else
        db_array_null(c[11]);
    int8_or_null(c[12], d->event);
    db_array_text(c[13], str_from(message_status_name(send ? MESSAGE_QUEUED : MESSAGE_HELD_OUT)));
    db_array_text_or_null(c[14], d->reason);
    db_array_timestamptz_unless(c[15], send && d->due_us > now_us ? d->due_us : 0, 0);
    db_array_timestamptz_unless(c[16], d->expires_us, 0);
    db_array_text_or_null(c[17], d->variant);
    db_array_timestamptz(c[18], now_us);
    b->to_send += send;
    add_displaced(b, shard, d);
}

void outbox_batch_add(struct outbox_batch *b, int shard, const struct decision *d, struct str input,
                      int64_t now_us) {
    if (d->outcome == OUTCOME_SEND || d->outcome == OUTCOME_HELD_OUT) {
        add_message(b, shard, d, input, now_us);
        return;
    }
    struct db_array **c = b->decisions.column;
    db_array_int2(c[0], (int16_t)shard);
    db_array_int8(c[1], d->customer);
    db_array_text(c[2], d->campaign->id);
    db_array_text(c[3], str_from(d->campaign->version));
    int8_or_null(c[4], d->event);
    db_array_timestamptz(c[5], now_us);
    db_array_text(c[6], str_from(outcome_name(d->outcome)));
    db_array_text_or_null(c[7], str_from(d->gate));
    db_array_text(c[8], d->reason);
}

size_t outbox_batch_calls(struct outbox_batch *b, struct db_call *calls, size_t n) {
    if (columns_rows(&b->messages))
        calls[n++] = (struct db_call){&st_messages, columns_params(&b->messages)};
    if (columns_rows(&b->displaced))
        calls[n++] = (struct db_call){&st_displace, columns_params(&b->displaced)};
    if (columns_rows(&b->decisions))
        calls[n++] = (struct db_call){&st_decisions, columns_params(&b->decisions)};
    return n;
}

size_t outbox_batch_messages(const struct outbox_batch *b) {
    return b->to_send;
}

/* ---- claim */
#define CLAIM_BYTES (8 << 20) /* of inputs, at a time */

static struct db_array *members_array(struct arena *a, uint64_t members) {
    struct db_array *array = db_array(a, DB_INT2, SHARDS);
    for (int i = 0; i < SHARDS; i++)
        if (members >> i & 1)
            db_array_int2(array, (int16_t)i);
    return array;
}

static struct db_array *ids_array(struct arena *a, const int64_t *ids, size_t n) {
    struct db_array *array = db_array(a, DB_INT8, n);
    for (size_t i = 0; i < n; i++)
        db_array_int8(array, ids[i]);
    return array;
}

struct db_call outbox_claim(struct arena *a, struct str channel, uint64_t shards, int64_t now_us,
                            int64_t most, const int64_t *in_hand, size_t n) {
    struct db_params *p = db_params(a);
    db_param_text(p, channel);
    db_param_array(p, members_array(a, shards));
    db_param_timestamptz(p, now_us);
    db_param_int8(p, most);
    db_param_array(p, ids_array(a, in_hand, n));
    db_param_int8(p, CLAIM_BYTES);
    return (struct db_call){&st_claim, p};
}

struct db_call outbox_hold(struct arena *a, struct str channel, uint64_t shards, int64_t now_us) {
    struct db_params *p = db_params(a);
    db_param_text(p, channel);
    db_param_array(p, members_array(a, shards));
    db_param_timestamptz(p, now_us);
    return (struct db_call){&st_hold, p};
}

void outbox_claimed(const struct db_result *r, size_t i, struct outbox_message *out) {
    *out = (struct outbox_message){
        .shard = (int)db_int(r, i, 0),
        .id = db_int(r, i, 1),
        .customer = db_int(r, i, 2),
        .campaign = db_text(r, i, 3),
        .step = db_text(r, i, 4),
        .occurrence = db_text(r, i, 5),
        .version = db_text(r, i, 6),
        .address = db_text(r, i, 7),
        .topic = db_text(r, i, 8),
        .locale = db_text(r, i, 9),
        .template = db_text(r, i, 10),
        .input = db_json(r, i, 11),
        .attempts = (int)db_int(r, i, 12),
        .queued_us = db_timestamptz(r, i, 13),
        .expires_us = db_is_null(r, i, 14) ? 0 : db_timestamptz(r, i, 14),
        .hours = db_is_null(r, i, 15) ? STR_NONE : db_json(r, i, 15),
        .zone = db_text(r, i, 16),
    };
}

/* ---- mark, fail, settle */
struct outbox_marks {
    struct columns c;
    struct str channel;
};

struct outbox_marks *outbox_marks_new(struct arena *a, struct str channel, size_t expect) {
    static const enum db_type types[] = {DB_INT8, DB_INT2, DB_INT8, DB_TEXT, DB_BOOL,
                                         DB_INT8, DB_TEXT, DB_TEXT, DB_TEXT};
    struct outbox_marks *m = ARENA_NEW(a, struct outbox_marks);
    m->channel = channel;
    COLUMNS_INIT(&m->c, a, expect, types);
    return m;
}

void outbox_mark(struct outbox_marks *m, const struct outbox_message *msg, int64_t fence,
                 struct str template_hash, bool by_default) {
    db_array_int8(m->c.column[0], msg->id);
    db_array_int2(m->c.column[1], (int16_t)msg->shard);
    db_array_int8(m->c.column[2], fence);
    db_array_text_or_null(m->c.column[3], template_hash);
    db_array_bool(m->c.column[4], by_default);
    db_array_int8(m->c.column[5], msg->customer);
    db_array_text(m->c.column[6], msg->campaign);
    db_array_text_or_null(m->c.column[7], msg->topic);
    db_array_text(m->c.column[8], msg->address);
}

struct db_call outbox_mark_call(struct outbox_marks *m) {
    struct db_params *p = columns_params(&m->c);
    db_param_text(p, m->channel);
    return (struct db_call){&st_mark, p};
}

struct outbox_fails {
    struct columns c;
};

struct outbox_fails *outbox_fails_new(struct arena *a, size_t expect) {
    static const enum db_type types[] = {DB_INT8, DB_INT2, DB_INT8, DB_TEXT};
    struct outbox_fails *f = ARENA_NEW(a, struct outbox_fails);
    COLUMNS_INIT(&f->c, a, expect, types);
    return f;
}

void outbox_fail(struct outbox_fails *f, const struct outbox_message *msg, int64_t fence,
                 struct str reason) {
    db_array_int8(f->c.column[0], msg->id);
    db_array_int2(f->c.column[1], (int16_t)msg->shard);
    db_array_int8(f->c.column[2], fence);
    db_array_text(f->c.column[3], reason);
}

struct db_call outbox_fail_call(struct outbox_fails *f) {
    return (struct db_call){&st_fail, columns_params(&f->c)};
}

struct outbox_postpones {
    struct columns c;
};

struct outbox_postpones *outbox_postpones_new(struct arena *a, size_t expect) {
    static const enum db_type types[] = {DB_INT8, DB_INT2, DB_INT8, DB_TIMESTAMPTZ};
    struct outbox_postpones *p = ARENA_NEW(a, struct outbox_postpones);
    COLUMNS_INIT(&p->c, a, expect, types);
    return p;
}

void outbox_postpone(struct outbox_postpones *p, const struct outbox_message *msg, int64_t fence,
                     int64_t due_us) {
    db_array_int8(p->c.column[0], msg->id);
    db_array_int2(p->c.column[1], (int16_t)msg->shard);
    db_array_int8(p->c.column[2], fence);
    db_array_timestamptz(p->c.column[3], due_us);
}

struct db_call outbox_postpone_call(struct outbox_postpones *p) {
    return (struct db_call){&st_postpone, columns_params(&p->c)};
}

struct outbox_settles {
    struct columns sent, others;
    const struct settings_bounces *rule;
    double segment_cost;
    int64_t now_us;
};

struct outbox_settles *outbox_settles_new(struct arena *a, const struct settings_bounces *rule,
                                          double segment_cost, int64_t now_us) {
    static const enum db_type sent[] = {DB_INT8, DB_INT2, DB_INT8, DB_TEXT, DB_INT2};
    static const enum db_type others[] = {DB_INT8, DB_INT2, DB_INT8,        DB_TEXT, DB_INT2,
                                          DB_TEXT, DB_TEXT, DB_TIMESTAMPTZ, DB_INT2, DB_BOOL,
                                          DB_TEXT, DB_BOOL, DB_TEXT};
    struct outbox_settles *s = ARENA_NEW(a, struct outbox_settles);
    s->rule = rule;
    s->segment_cost = segment_cost;
    s->now_us = now_us;
    COLUMNS_INIT(&s->sent, a, 0, sent);
    COLUMNS_INIT(&s->others, a, 0, others);
    return s;
}

void outbox_settle(struct outbox_settles *s, const struct outbox_message *m, int64_t lease,
                   const struct outbox_result *r) {
    bool sent = r->status == MESSAGE_SENT;
    struct db_array **c = sent ? s->sent.column : s->others.column;
    db_array_int8(c[0], m->id);
    db_array_int2(c[1], (int16_t)m->shard);
    db_array_int8(c[2], lease);
    db_array_text_or_null(c[3], r->provider_id);
    db_array_int2(c[4], (int16_t)r->segments);
    if (sent)
        return;
    db_array_text(c[5], str_from(message_status_name(r->status)));
    db_array_text_or_null(c[6], r->reason);
    db_array_timestamptz_unless(c[7], r->due_us, 0);
    db_array_int2(c[8], r->given_back ? 1 : 0);
    db_array_bool(c[9], r->doubted);
    db_array_text(c[10], str_from(bounce_class_name(r->bounce.class)));
    db_array_bool(c[11], r->bounce.reputation);
    db_array_text_or_null(c[12], str_dup(s->others.a, str_from(r->enhanced)));
}

size_t outbox_settle_calls(struct outbox_settles *s, struct db_call *calls, size_t n) {
    if (columns_rows(&s->sent)) {
        struct db_params *p = columns_params(&s->sent);
        db_param_timestamptz(p, s->now_us);
        db_param_float8(p, s->segment_cost);
        calls[n++] = (struct db_call){&st_sent, p};
    }
    if (columns_rows(&s->others)) {
        struct db_params *p = columns_params(&s->others);
        db_param_int4(p, (int32_t)s->rule->soft_most);
        db_param_int8(p, s->rule->soft_over_us);
        db_param_int8(p, s->rule->pause_us);
        calls[n++] = (struct db_call){&st_settle, p};
    }
    return n;
}

/* ---- another channel */
struct outbox_fallbacks {
    struct columns c;
};

struct outbox_fallbacks *outbox_fallbacks_new(struct arena *a) {
    static const enum db_type types[] = {DB_INT8, DB_INT2, DB_INT8, DB_TEXT,
                                         DB_TEXT, DB_TEXT, DB_TEXT};
    struct outbox_fallbacks *f = ARENA_NEW(a, struct outbox_fallbacks);
    COLUMNS_INIT(&f->c, a, 0, types);
    return f;
}

void outbox_fall_back(struct outbox_fallbacks *f, const struct outbox_message *m, int64_t lease,
                      const struct step_send *other, enum address_kind address) {
    db_array_int8(f->c.column[0], m->id);
    db_array_int2(f->c.column[1], (int16_t)m->shard);
    db_array_int8(f->c.column[2], lease);
    db_array_text(f->c.column[3], other->channel);
    db_array_text_or_null(f->c.column[4], other->topic);
    db_array_text(f->c.column[5], other->template);
    db_array_text(f->c.column[6], address == ADDRESS_EMAIL   ? S("email")
                                  : address == ADDRESS_PHONE ? S("phone")
                                                             : S("key"));
}

bool outbox_fallback_call(struct outbox_fallbacks *f, int64_t now_us, struct db_call *call) {
    if (!columns_rows(&f->c))
        return false;
    struct db_params *p = columns_params(&f->c);
    db_param_timestamptz(p, now_us);
    *call = (struct db_call){&st_fallback, p};
    return true;
}

struct db_call outbox_recover(struct arena *a, uint64_t shards, const int64_t fences[64],
                              const int64_t *in_hand, size_t n) {
    struct db_params *p = db_params(a);
    struct db_array *fence = db_array(a, DB_INT8, SHARDS);
    for (int i = 0; i < SHARDS; i++)
        if (shards >> i & 1)
            db_array_int8(fence, fences[i]);
    db_param_array(p, members_array(a, shards));
    db_param_array(p, fence);
    db_param_array(p, ids_array(a, in_hand, n));
    return (struct db_call){&st_recover, p};
}
