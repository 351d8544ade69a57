/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/inbound_internal.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/io/db.h"
#include "base/log.h"
#include "engine/metrics.h"
#include "engine/response/inbound_mail.h"
#include "engine/secret.h"
#include "engine/session.h"

#include <stdlib.h>

#define LOOK_MS 500
#define CLOSE_MS 2000 /* for what is under way */

/* The lock goes with the connection. */
static const struct db_stmt st_lock = {"inbound_lock", "select pg_try_advisory_lock(7305, 0)"};

enum count {
    BOUNCES,
    COMPLAINTS,
    REPLIES,
    AUTO_REPLIES,
    NOTICES,
    UNMATCHED,
    UNRECOGNISED,
    REPEATED,
    COUNTS
};
static const struct {
    const char *became;
    enum count count;
    const char *label;
} kinds[] = {{"bounce", BOUNCES, "kind=\"bounce\""},
             {"complaint", COMPLAINTS, "kind=\"complaint\""},
             {"reply", REPLIES, "kind=\"reply\""},
             {"auto_reply", AUTO_REPLIES, "kind=\"auto_reply\""},
             {"delayed", NOTICES, "kind=\"notice\""},
             {"unmatched", UNMATCHED, "kind=\"unmatched\""},
             {"unrecognised", UNRECOGNISED, "kind=\"unrecognised\""},
             {"repeated", REPEATED, "kind=\"repeated\""},
             {"delivered", NOTICES, NULL}};
#define KINDS (sizeof kinds / sizeof *kinds)

struct inbound {
    uv_loop_t *loop;
    struct db *db;
    uv_timer_t timer;
    struct workspace *workspace; /* held */
    struct str secret;
    struct source *sources;
    size_t n_sources; /* not closed yet */
    bool locked, asking;
    int64_t counts[COUNTS];
    bool closing;
    int open_handles;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

/* ---- one mail */

struct taking {
    struct inbound *in;
    struct arena *arena;
    struct inbound_mail mail;
    bool bare;
    inbound_done_fn done;
    void *ctx;
};

static void finish(struct taking *t, bool committed) {
    inbound_done_fn done = t->done;
    void *ctx = t->ctx;
    arena_free(t->arena);
    done(ctx, committed);
}

static void count(struct taking *t, struct str became) {
    for (size_t i = 0; i < KINDS; i++)
        if (str_eq(became, str_from(kinds[i].became)))
            t->in->counts[kinds[i].count]++;
    log_debug("mail taken", LOG_S("what", inbound_mail_summary(t->arena, &t->mail, became)));
}

static void on_taken(void *ctx, const struct err *e, struct db_reply *reply) {
    struct taking *t = ctx;
    struct err again = ERR_INIT;
    if (!e) {
        count(t, db_text(reply->result[0], 0, 0));
        fault_point("inbound.committed");
    }
    db_reply_free(reply);
    if (e && e->kind != ERR_TEMPORARY && !t->bare) { /* something in it that no database takes */
        log_warn("a mail is kept as unrecognised", LOG_S("error", str_from(e->text)),
                 LOG_S("message_id", t->mail.report.message_id));
        t->bare = true;
        if (db_transaction(t->in->db, &t->mail.bare, 1, on_taken, t, &again))
            return;
    }
    if (e && e->kind != ERR_TEMPORARY)
        log_error("a mail could not be recorded; it stays where it is",
                  LOG_S("error", str_from(e->text)));
    finish(t, e == NULL);
}

bool inbound_ready(const struct inbound *in) {
    return in->locked && !in->closing && db_is_up(in->db);
}

bool inbound_take(struct inbound *in, struct str mail, inbound_done_fn done, void *ctx) {
    struct arena *a = arena_new(16384);
    struct taking *t = ARENA_NEW(a, struct taking);
    struct err e = ERR_INIT;
    *t = (struct taking){.in = in, .arena = a, .done = done, .ctx = ctx};
    if (inbound_ready(in)) {
        inbound_mail_read(a, in->secret, &in->workspace->settings.bounces, STR_NONE, mail,
                          &t->mail);
        if (db_transaction(in->db, &t->mail.call, 1, on_taken, t, &e))
            return true;
    }
    arena_free(a);
    return false;
}

/* ---- sources */

void source_failed(struct source *s, struct str name, const char *why) {
    if (!s->failing)
        log_warn("a source of mail does not work; tried again", LOG_S("source", name),
                 LOG_S("reason", str_from(why)));
    s->failing = true;
}

void source_works(struct source *s, struct str name) {
    if (s->failing)
        log_info("the source of mail works again", LOG_S("source", name));
    s->failing = false;
}

static void maybe_closed(struct inbound *in);

void source_closed(struct source *s) {
    struct inbound *in = s->in;
    free(s);
    in->n_sources--;
    maybe_closed(in);
}

static void close_sources(struct source *list) {
    for (struct source *s = list, *next; s; s = next) {
        next = s->next;
        s->closing = true;
        s->close(s);
    }
}

bool inbound_check(const struct workspace *w, struct err *e) {
    struct arena *a = arena_new(0);
    struct str ignored;
    bool ok = true;
    for (size_t i = 0; i < w->settings.n_inbound && ok; i++) {
        const struct settings_source *x = &w->settings.inbound[i];
        ok = secret_resolve(a, w->folder, x->username, &ignored, e) &&
             secret_resolve(a, w->folder, x->password, &ignored, e);
    }
    arena_free(a);
    return ok || err_context(e, "inbound");
}

static struct source *open_source(struct inbound *in, const struct workspace *w,
                                  const struct settings_source *x, struct err *e) {
    struct arena *a = arena_new(0);
    struct str username, password;
    struct source *s = NULL;
    if (x->maildir.n)
        s = inbound_maildir_open(in, in->loop, w->folder, x);
    else if (secret_resolve(a, w->folder, x->username, &username, e) &&
             secret_resolve(a, w->folder, x->password, &password, e))
        s = inbound_poll_open(in, in->loop, x, username, password, e);
    arena_free(a);
    return s;
}

static void open_sources(struct inbound *in, const struct workspace *w) {
    in->sources = NULL;
    for (size_t i = 0; i < w->settings.n_inbound; i++) {
        struct err e = ERR_INIT;
        struct source *s = open_source(in, w, &w->settings.inbound[i], &e);
        if (!s) {
            log_error("a source of mail cannot be opened", LOG_S("error", str_from(e.text)));
            continue;
        }
        in->n_sources++;
        s->next = in->sources;
        in->sources = s;
    }
}

void inbound_reload(struct inbound *in, struct workspace *w) {
    struct source *old = in->sources;
    open_sources(in, w);
    close_sources(old);
    workspace_release(in->workspace);
    in->workspace = workspace_hold(w);
}

/* ---- the lock, and looking */

static void on_locked(void *ctx, const struct err *e, struct db_reply *reply) {
    struct inbound *in = ctx;
    in->asking = false;
    in->locked = !e && db_bool(reply->result[0], 0, 0);
    db_reply_free(reply);
}

static void on_tick(uv_timer_t *timer) {
    struct inbound *in = timer->data;
    struct err e = ERR_INIT;
    struct db_call call = {&st_lock, NULL};
    if (!in->locked && !in->asking && in->sources && db_is_up(in->db))
        in->asking = db_transaction(in->db, &call, 1, on_locked, in, &e);
    for (struct source *s = in->sources; s && inbound_ready(in); s = s->next)
        s->look(s);
}

static void on_up(void *ctx) {
    struct inbound *in = ctx;
    session_settings(in->db);
}

static void on_down(void *ctx, const struct err *e) {
    struct inbound *in = ctx;
    (void)e; /* the engine's own connection tells of it */
    in->locked = false;
}

/* ---- life */

struct inbound *inbound_open(uv_loop_t *loop, const char *conninfo, struct workspace *w,
                             struct str secret, struct err *e) {
    struct inbound *in = calloc(1, sizeof *in);
    if (!in)
        abort();
    *in = (struct inbound){.loop = loop, .secret = secret, .workspace = workspace_hold(w)};
    struct db_events events = {on_up, on_down, NULL, in};
    if (!(in->db = db_open(loop, conninfo, 0, &events, e)))
        return NULL; /* the caller gives up: what is open ends with the process */
    open_sources(in, w);
    uv_timer_init(loop, &in->timer);
    in->timer.data = in;
    uv_timer_start(&in->timer, on_tick, 0, LOOK_MS);
    return in;
}

void inbound_metrics(const struct inbound *in, struct buf *out) {
    const char *name = "godwit_inbound_total";
    metrics_counter(out, name, "Mail that came in, by what it tells.");
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].label)
            metrics_sample(out, name, kinds[i].label, (double)in->counts[kinds[i].count]);
}

static void one_closed(struct inbound *in) {
    if (--in->open_handles)
        return;
    void (*on_closed)(void *) = in->on_closed;
    void *ctx = in->closed_ctx;
    workspace_release(in->workspace);
    email_bounce_shutdown();
    free(in);
    on_closed(ctx);
}

static void on_timer_closed(uv_handle_t *h) {
    one_closed(h->data);
}

static void on_db_closed(void *ctx) {
    one_closed(ctx);
}

/* The database closes last: sources wait for what is under way. */
static void maybe_closed(struct inbound *in) {
    if (!in->closing || in->n_sources || in->open_handles)
        return;
    in->open_handles = 2;
    uv_close((uv_handle_t *)&in->timer, on_timer_closed);
    db_close(in->db, on_db_closed, in);
}

/* What is under way takes too long: it comes again. */
static void on_deadline(uv_timer_t *timer) {
    struct inbound *in = timer->data;
    db_drop(in->db, "the engine is stopping");
}

void inbound_close(struct inbound *in, void (*on_closed)(void *ctx), void *ctx) {
    in->on_closed = on_closed;
    in->closed_ctx = ctx;
    in->closing = true;
    uv_timer_start(&in->timer, on_deadline, CLOSE_MS, 0);
    close_sources(in->sources);
    maybe_closed(in);
}
