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

#define OPENS_MOST 1000 /* waiting hits above which opens are refused */
#define CLICKS_MOST 4000
#define HALVED_FROM 16 /* hits; fewer are cheaper in one batch */
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

/* Hits that are written together. */
struct batch {
    struct responses *owner;
    struct arena *arena;
    struct hit *hits;
    size_t n;
};

/* The links of a message that were followed a moment ago. Collisions only forget. */
struct recent {
    int64_t message, since_us;
    uint64_t link[RECENT_LINKS];
    uint32_t n;
};

struct responses {
    struct db *db;
    uv_timer_t timer;
    struct hit *gathered; /* CLICKS_MOST at most */
    size_t n_gathered;
    struct batch *under_way; /* or NULL */
    struct responses_counts counts;
    struct recent recent[RECENT_SLOTS];
    int closing; /* handles still open */
    bool closed;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

/* ---- the end of a batch */

static void finish(struct responses *rs, const struct hit *hits, size_t n, bool ok) {
    rs->counts.waiting -= n;
    for (size_t i = 0; i < n; i++)
        hits[i].done(hits[i].ctx, ok);
}

static void send_gathered(struct responses *rs, size_t answered);

/* The next ones are sent first: they execute while these are answered. */
static void batch_over(struct batch *b, const struct err *e) {
    struct responses *rs = b->owner;
    if (e && e->kind != ERR_TEMPORARY)
        log_error("responses could not be written", LOG_S("error", str_from(e->text)),
                  LOG_I("hits", b->n));
    rs->under_way = NULL;
    send_gathered(rs, b->n);
    finish(rs, b->hits, b->n, e == NULL);
    arena_free(b->arena);
}

/* ---- write */

static void count_rows(struct responses *rs, const struct db_result *r) {
    rs->counts.clicks += db_int(r, 0, 0);
    rs->counts.opens += db_int(r, 0, 1);
    rs->counts.machines += db_int(r, 0, 2);
}

static void on_written(void *ctx, const struct err *e, struct db_reply *reply) {
    struct batch *b = ctx;
    if (!e) {
        fault_point("response.committed");
        count_rows(b->owner, reply->result[0]);
    }
    db_reply_free(reply);
    batch_over(b, e);
}

/* What was seen and by which rule it was judged; the inside of an object whose first member the
 * statement writes. What was not there is not said: PostgreSQL reads each member. */
static struct str details_of(struct arena *a, const struct hit *h) {
    struct buf b = BUF_IN(a);
    if (h->h.agent.n) {
        buf_add_str(&b, S(",\"agent\":"));
        json_write_string(&b, h->h.agent);
    }
    if (h->h.head)
        buf_add_str(&b, S(",\"method\":\"HEAD\""));
    if (h->h.prefetch)
        buf_add_str(&b, S(",\"prefetch\":true"));
    if (h->h.decoy)
        buf_add_str(&b, S(",\"decoy\":true"));
    if (h->links > 1)
        buf_printf(&b, ",\"links\":%" PRIu32, h->links);
    if (h->h.click && !h->h.decoy)
        buf_printf(&b, ",\"link\":%" PRIu32 ",\"verdict\":%d", h->h.link, VERDICT_VERSION);
    else
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
    return db_transaction(b->owner->db, calls, calls[1].params ? 2 : 1, on_written, b, e);
}

/* ---- gather */

static void give_up(struct responses *rs) {
    size_t n = rs->n_gathered;
    rs->n_gathered = 0;
    finish(rs, rs->gathered, n, false);
}

/* `answered` hits are just being answered, and their clients come back with as many. At most half
 * of all is sent: so two groups take turns, one in the database and one on the way to its clients
 * and back, where a single one would have the database and the loop wait for each other. */
static void send_gathered(struct responses *rs, size_t answered) {
    struct err e = ERR_INIT;
    if (!db_is_up(rs->db))
        give_up(rs);
    if (!rs->n_gathered)
        return;
    size_t n = (rs->n_gathered + answered + 1) / 2;
    if (n < HALVED_FROM)
        n = HALVED_FROM;
    if (n > rs->n_gathered)
        n = rs->n_gathered;
    struct arena *a = arena_new(8192);
    struct batch *b = ARENA_NEW(a, struct batch);
    *b = (struct batch){.owner = rs, .arena = a, .hits = ARENA_ARRAY(a, struct hit, n), .n = n};
    memcpy(b->hits, rs->gathered, n * sizeof *b->hits);
    rs->n_gathered -= n;
    memmove(rs->gathered, rs->gathered + n, rs->n_gathered * sizeof *b->hits);
    rs->under_way = b;
    if (!write_batch(b, &e))
        batch_over(b, &e);
}

/* At the end of the turn of the loop in which the first hit came. */
static void on_timer(uv_timer_t *t) {
    struct responses *rs = t->data;
    if (!rs->under_way)
        send_gathered(rs, 0);
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

bool responses_add(struct responses *rs, struct arena *a, const struct response_hit *hit,
                   response_done_fn done, void *ctx) {
    if (rs->closed || !responses_up(rs) ||
        rs->counts.waiting >= (hit->click ? CLICKS_MOST : OPENS_MOST)) {
        rs->counts.shed++;
        return false;
    }
    struct hit *h = &rs->gathered[rs->n_gathered++];
    *h = (struct hit){.h = *hit, .done = done, .ctx = ctx};
    h->h.agent = clean_agent(a, hit->agent);
    h->links = hit->click && !hit->decoy ? count_links(rs, hit) : 0;
    rs->counts.waiting++;
    if (!rs->under_way && !uv_is_active((uv_handle_t *)&rs->timer))
        uv_timer_start(&rs->timer, on_timer, 0, 0);
    return true;
}

bool responses_up(const struct responses *rs) {
    return db_is_up(rs->db);
}

void responses_counts(const struct responses *rs, struct responses_counts *out) {
    *out = rs->counts;
}

/* ---- life */

static void on_up(void *ctx) {
    struct responses *rs = ctx;
    session_settings(rs->db);
}

static void on_down(void *ctx, const struct err *e) {
    (void)ctx;
    (void)e; /* the engine's own connection tells of it */
}

struct responses *responses_open(uv_loop_t *loop, const char *conninfo, struct err *e) {
    struct responses *rs = calloc(1, sizeof *rs);
    const struct db_events events = {on_up, on_down, NULL, rs};
    if (!rs || !(rs->gathered = calloc(CLICKS_MOST, sizeof *rs->gathered)))
        abort();
    rs->db = db_open(loop, conninfo, 0, &events, e);
    if (!rs->db)
        return NULL; /* the caller gives up: what is open ends with the process */
    uv_timer_init(loop, &rs->timer);
    rs->timer.data = rs;
    return rs;
}

static void one_closed(struct responses *rs) {
    if (--rs->closing)
        return;
    void (*on_closed)(void *) = rs->on_closed;
    void *ctx = rs->closed_ctx;
    free(rs->gathered);
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
    rs->closing = 2;
    uv_timer_stop(&rs->timer);
    give_up(rs);
    uv_close((uv_handle_t *)&rs->timer, on_timer_closed);
    db_close(rs->db, on_db_closed, rs);
}
