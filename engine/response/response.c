/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/response.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/io/db.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/response/verdict.h"
#include "engine/session.h"
#include "engine/sql_text.h"

#include <inttypes.h>
#include <stdlib.h>

#define CONNECTIONS 2   /* one flushes its commit while the other executes */
#define OPENS_MOST 1000 /* waiting hits above which opens are refused */
#define CLICKS_MOST 4000
#define AGENT_MOST 200 /* bytes of a User-Agent that are kept */
#define RECENT_SLOTS 4096
#define RECENT_US INT64_C(3000000)
#define RECENT_LINKS 4

static const struct db_stmt st_insert = {"response_insert", sql_response_insert};
static const struct db_stmt st_rejudge = {"rejudge_name", sql_rejudge_name};

struct hit {
    struct response_hit h;
    uint32_t links; /* different ones of the message in the last seconds */
    response_done_fn done;
    void *ctx;
};

/* A connection; one batch at a time is under way on it. */
struct writer {
    struct responses *owner;
    struct db *db;
    bool busy;
};

struct batch {
    struct writer *writer;
    struct arena *arena;
    struct hit *hits;
    size_t n, cap;
};

/* The links of a message that were followed a moment ago. Collisions only forget. */
struct recent {
    int64_t message, since_us;
    uint64_t link[RECENT_LINKS];
    uint32_t n;
};

struct responses {
    struct writer writer[CONNECTIONS];
    uv_timer_t timer;
    struct batch *gathering; /* or NULL */
    size_t under_way;        /* hits in batches that are sent */
    struct responses_counts counts;
    struct recent recent[RECENT_SLOTS];
    int closing; /* handles still open */
    bool closed;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

/* ---- the end of a batch */

static void finish(struct responses *rs, struct batch *b, bool ok) {
    rs->counts.waiting -= b->n;
    for (size_t i = 0; i < b->n; i++)
        b->hits[i].done(b->hits[i].ctx, ok);
    arena_free(b->arena);
}

static void send_when_worth(struct responses *rs);

static void batch_over(struct batch *b, const struct err *e) {
    struct responses *rs = b->writer->owner;
    if (e && e->kind != ERR_TEMPORARY)
        log_error("responses could not be written", LOG_S("error", str_from(e->text)),
                  LOG_I("hits", b->n));
    rs->under_way -= b->n;
    b->writer->busy = false;
    finish(rs, b, e == NULL);
    if (!rs->closed)
        send_when_worth(rs);
}

/* ---- write */

static void count_rows(struct responses *rs, const struct db_result *r) {
    for (size_t i = 0; i < db_rows(r); i++) {
        bool click = db_bool(r, i, 0);
        rs->counts.clicks += click;
        rs->counts.opens += !click;
        rs->counts.machines += !db_bool(r, i, 1);
    }
}

static void on_written(void *ctx, const struct err *e, struct db_reply *reply) {
    struct batch *b = ctx;
    if (!e) {
        fault_point("response.committed");
        count_rows(b->writer->owner, reply->result[0]);
    }
    db_reply_free(reply);
    batch_over(b, e);
}

/* What was seen and by which rule it was judged; the inside of an object whose first member the
 * statement writes. */
static struct str details_of(struct arena *a, const struct hit *h) {
    struct buf b = BUF_IN(a);
    buf_add_str(&b, S(",\"agent\":"));
    json_write_string(&b, h->h.agent);
    if (h->h.head)
        buf_add_str(&b, S(",\"method\":\"HEAD\""));
    if (h->h.prefetch)
        buf_add_str(&b, S(",\"prefetch\":true"));
    if (h->h.decoy)
        buf_add_str(&b, S(",\"decoy\":true"));
    else if (h->h.click)
        buf_printf(&b, ",\"link\":%" PRIu32 ",\"links\":%" PRIu32, h->h.link, h->links);
    buf_printf(&b, ",\"verdict\":%d", VERDICT_VERSION);
    return buf_str(&b);
}

/* Why a hit that came this long after the sending is a machine's; STR_NONE: it is a person's. */
static struct str machine(const struct hit *h, int64_t delay_ms) {
    struct verdict_features f = {.click = h->h.click,
                                 .head = h->h.head,
                                 .prefetch = h->h.prefetch,
                                 .agent = h->h.agent,
                                 .delay_ms = delay_ms,
                                 .links = h->links,
                                 .decoy = h->h.decoy};
    return str_from(verdict_of(&f).why);
}

/* It says something about other hits of the message: they are judged again, together (restate.h).
 */
static bool is_telling(const struct hit *h) {
    return h->h.decoy || h->h.head || h->links > 1;
}

enum { C_SHARD, C_MESSAGE, C_KIND, C_AT, C_URL, C_MACHINE, C_MACHINE_SOON, C_DETAILS, COLUMNS };

static void add_row(struct arena *a, struct db_array **c, const struct hit *h) {
    db_array_int2(c[C_SHARD], (int16_t)h->h.shard);
    db_array_int8(c[C_MESSAGE], h->h.message);
    db_array_text(c[C_KIND], h->h.click ? S("click") : S("open"));
    db_array_timestamptz(c[C_AT], h->h.at_us);
    db_array_text(c[C_URL], h->h.click && !h->h.decoy ? h->h.url : STR_NONE);
    db_array_text(c[C_MACHINE], machine(h, VERDICT_SOON_MS));
    db_array_text(c[C_MACHINE_SOON], machine(h, 0));
    db_array_text(c[C_DETAILS], details_of(a, h));
}

/* The messages whose hits are to be judged again; NULL: none. */
static struct db_params *telling(const struct batch *b) {
    struct db_array *shard = db_array(b->arena, DB_INT2, 0);
    struct db_array *message = db_array(b->arena, DB_INT8, 0);
    for (size_t i = 0; i < b->n; i++)
        if (is_telling(&b->hits[i])) {
            db_array_int2(shard, (int16_t)b->hits[i].h.shard);
            db_array_int8(message, b->hits[i].h.message);
        }
    if (!db_array_count(shard))
        return NULL;
    struct db_params *p = db_params(b->arena);
    db_param_array(p, shard);
    db_param_array(p, message);
    return p;
}

static bool write_batch(struct batch *b, struct err *e) {
    static const enum db_type types[COLUMNS] = {DB_INT2, DB_INT8, DB_TEXT, DB_TIMESTAMPTZ,
                                                DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT};
    struct db_array *c[COLUMNS];
    struct db_params *p = db_params(b->arena);
    for (size_t i = 0; i < COLUMNS; i++)
        c[i] = db_array(b->arena, types[i], b->n);
    for (size_t i = 0; i < b->n; i++)
        add_row(b->arena, c, &b->hits[i]);
    for (size_t i = 0; i < COLUMNS; i++)
        db_param_array(p, c[i]);
    db_param_int8(p, VERDICT_SOON_MS);
    fault_point("response.write");
    const struct db_call calls[] = {{&st_insert, p}, {&st_rejudge, telling(b)}};
    return db_transaction(b->writer->db, calls, calls[1].params ? 2 : 1, on_written, b, e);
}

/* ---- gather */

static struct writer *free_writer(struct responses *rs) {
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (!rs->writer[i].busy && db_is_up(rs->writer[i].db))
            return &rs->writer[i];
    return NULL;
}

static void on_timer(uv_timer_t *t) {
    struct responses *rs = t->data;
    struct batch *b = rs->gathering;
    struct writer *w = free_writer(rs);
    struct err e = ERR_INIT;
    if (!w && rs->under_way)
        return; /* its end looks again */
    rs->gathering = NULL;
    if (!w) {
        finish(rs, b, false);
        return;
    }
    b->writer = w;
    w->busy = true;
    rs->under_way += b->n;
    if (!write_batch(b, &e))
        batch_over(b, &e);
}

/* At the end of this turn of the loop when nothing is under way; beside another batch when as many
 * hits have come as that holds, so that commits stay few. */
static void send_when_worth(struct responses *rs) {
    if (rs->gathering && rs->gathering->n >= rs->under_way &&
        !uv_is_active((uv_handle_t *)&rs->timer))
        uv_timer_start(&rs->timer, on_timer, 0, 0);
}

/* How many different links of the message were followed within the last seconds. */
static uint32_t count_links(struct responses *rs, const struct response_hit *h) {
    struct recent *x = &rs->recent[(uint64_t)h->message % RECENT_SLOTS];
    uint64_t link = str_hash(h->url);
    if (x->message != h->message || h->at_us - x->since_us > RECENT_US)
        *x = (struct recent){.message = h->message, .since_us = h->at_us};
    for (uint32_t i = 0; i < x->n; i++)
        if (x->link[i] == link)
            return x->n;
    if (x->n < RECENT_LINKS)
        x->link[x->n++] = link;
    return x->n;
}

/* Cut at a character; what is not UTF-8 is not kept. */
static struct str clean_agent(struct arena *a, struct str agent) {
    size_t n = 0;
    while (n < agent.n) {
        size_t one = str_utf8(str_sub(agent, n, agent.n), NULL);
        if (!one || n + one > AGENT_MOST)
            break;
        n += one;
    }
    return n ? str_dup(a, str_sub(agent, 0, n)) : S("");
}

bool responses_add(struct responses *rs, const struct response_hit *hit, response_done_fn done,
                   void *ctx) {
    if (rs->closed || !responses_up(rs) ||
        rs->counts.waiting >= (hit->click ? CLICKS_MOST : OPENS_MOST)) {
        rs->counts.shed++;
        return false;
    }
    struct batch *b = rs->gathering;
    if (!b) {
        struct arena *a = arena_new(8192);
        b = rs->gathering = ARENA_NEW(a, struct batch);
        *b = (struct batch){.arena = a};
    }
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 8;
        b->hits = arena_grow(b->arena, b->hits, b->cap * sizeof *b->hits, cap * sizeof *b->hits);
        b->cap = cap;
    }
    struct hit *h = &b->hits[b->n++];
    *h = (struct hit){.h = *hit, .done = done, .ctx = ctx};
    h->h.agent = clean_agent(b->arena, hit->agent);
    h->h.url = str_dup(b->arena, hit->url);
    h->links = hit->click && !hit->decoy ? count_links(rs, hit) : 0;
    rs->counts.waiting++;
    send_when_worth(rs);
    return true;
}

bool responses_up(const struct responses *rs) {
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (db_is_up(rs->writer[i].db))
            return true;
    return false;
}

void responses_counts(const struct responses *rs, struct responses_counts *out) {
    *out = rs->counts;
}

/* ---- life */

static void on_up(void *ctx) {
    struct writer *w = ctx;
    session_settings(w->db);
}

static void on_down(void *ctx, const struct err *e) {
    (void)ctx;
    (void)e; /* the engine's own connection tells of it */
}

struct responses *responses_open(uv_loop_t *loop, const char *conninfo, struct err *e) {
    struct responses *rs = calloc(1, sizeof *rs);
    if (!rs)
        abort();
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct writer *w = &rs->writer[i];
        const struct db_events events = {on_up, on_down, NULL, w};
        w->owner = rs;
        w->db = db_open(loop, conninfo, 0, &events, e);
        if (!w->db)
            return NULL; /* the caller gives up: what is open ends with the process */
    }
    uv_timer_init(loop, &rs->timer);
    rs->timer.data = rs;
    return rs;
}

static void one_closed(struct responses *rs) {
    if (--rs->closing)
        return;
    void (*on_closed)(void *) = rs->on_closed;
    void *ctx = rs->closed_ctx;
    free(rs);
    on_closed(ctx);
}

static void on_db_closed(void *ctx) {
    one_closed(ctx);
}

static void on_timer_closed(uv_handle_t *h) {
    one_closed(h->data);
}

void responses_close(struct responses *rs, void (*on_closed)(void *ctx), void *ctx) {
    rs->on_closed = on_closed;
    rs->closed_ctx = ctx;
    rs->closed = true;
    rs->closing = 1 + CONNECTIONS;
    if (rs->gathering) {
        struct batch *b = rs->gathering;
        rs->gathering = NULL;
        uv_timer_stop(&rs->timer);
        finish(rs, b, false);
    }
    uv_close((uv_handle_t *)&rs->timer, on_timer_closed);
    for (size_t i = 0; i < CONNECTIONS; i++)
        db_close(rs->writer[i].db, on_db_closed, rs);
}
