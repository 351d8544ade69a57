/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/inbound_internal.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/io/mailbox.h"
#include "base/io/worker.h"
#include "base/log.h"
#include "engine/response/inbound_mail.h"

#include <stdlib.h>

#define MAILS_MOST 50
#define TIMEOUT_S 60
#define SLOWEST_MS 300000

/*  fetch (thread)  ->  take one after the other (loop)  ->  finish what is committed (thread)
 *
 * The session stays open meanwhile; whatever fails, mail that is not finished comes again. */
enum task { FETCH, FINISH };

struct poll {
    struct source source;
    struct worker_job job; /* one at a time */
    struct worker_pool *pool;
    uv_loop_t *loop;
    struct mailbox *mailbox;
    char *url;
    struct arena *arena; /* of the round under way */
    /* what the thread is to do, and what came of it */
    enum task task;
    struct mailbox_mail mails[MAILS_MOST];
    size_t n, at;
    struct str done[MAILS_MOST];
    size_t n_done;
    bool ok;
    struct err err;
    /* of the loop */
    bool busy, all; /* all: every mail of the round was committed */
    int failures;   /* in a row */
    uint64_t every_ms, next_at;
};

/* ---- in the thread */

static struct poll *poll_of(struct worker_job *job) {
    return (struct poll *)((char *)job - offsetof(struct poll, job));
}

static void on_run(struct worker *w, struct worker_job *job) {
    struct poll *p = poll_of(job);
    if (p->task == FETCH) {
        p->ok =
            mailbox_fetch(p->mailbox, p->arena, MAILS_MOST, INBOUND_MOST, p->mails, &p->n, &p->err);
        if (!p->ok || !p->n)
            mailbox_leave(p->mailbox);
    } else {
        p->ok = mailbox_finish(p->mailbox, p->arena, p->done, p->n_done, &p->err);
        mailbox_leave(p->mailbox);
    }
    worker_give(w, job);
}

/* ---- in the loop */

static void push(struct poll *p, enum task task) {
    p->task = task;
    p->ok = false;
    p->err = ERR_INIT;
    worker_pool_push(p->pool, &p->job);
}

static void end_round(struct poll *p, bool ok) {
    uint64_t wait = p->every_ms;
    p->busy = false;
    if (ok) {
        source_works(&p->source, str_from(p->url));
        p->failures = 0;
        if (p->n == MAILS_MOST && p->all)
            wait = 0; /* there may be more */
    } else if (!p->source.closing) {
        source_failed(&p->source, str_from(p->url), p->err.text);
        for (int i = 0; i < p->failures && wait < SLOWEST_MS; i++)
            wait *= 2;
        p->failures += p->failures < 20;
    }
    p->next_at = uv_now(p->loop) + wait;
    arena_free(p->arena);
    p->arena = NULL;
    if (p->source.closing)
        p->source.close(&p->source);
}

static void take_next(struct poll *p);

static void on_taken(void *ctx, bool committed) {
    struct poll *p = ctx;
    if (committed)
        p->done[p->n_done++] = p->mails[p->at].id;
    else
        p->all = false;
    p->at++;
    take_next(p);
}

static void take_next(struct poll *p) {
    if (p->at < p->n && !p->source.closing) {
        if (inbound_take(p->source.in, p->mails[p->at].text, on_taken, p))
            return;
        p->all = false; /* the database is away: the rest comes again */
    }
    fault_point("inbound.before_removal");
    push(p, FINISH);
}

static void on_done(void *owner, struct worker_job *job) {
    struct poll *p = owner;
    (void)job;
    if (p->task == FETCH && p->ok && p->n) {
        p->at = p->n_done = 0;
        p->all = true;
        take_next(p);
    } else {
        end_round(p, p->ok);
    }
}

static void look(struct source *s) {
    struct poll *p = (struct poll *)s;
    if (p->busy || uv_now(p->loop) < p->next_at)
        return;
    p->busy = true;
    p->n = 0;
    p->arena = arena_new(65536);
    push(p, FETCH);
}

/* ---- life */

static void on_closed(void *arg) {
    struct poll *p = arg;
    mailbox_free(p->mailbox);
    arena_free(p->arena);
    free(p->url);
    source_closed(&p->source);
}

static void close_source(struct source *s) {
    struct poll *p = (struct poll *)s;
    mailbox_cut(p->mailbox);
    if (!p->busy)
        worker_pool_close(p->pool, on_closed, p);
}

struct source *inbound_poll_open(struct inbound *in, uv_loop_t *loop,
                                 const struct settings_source *x, struct str username,
                                 struct str password, struct err *e) {
    struct poll *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->source = (struct source){.in = in, .look = look, .close = close_source};
    p->loop = loop;
    p->every_ms = (uint64_t)(x->every_us / 1000);
    struct worker_options w = {
        .threads = 1, .stack = 1 << 20, .owner = p, .run = on_run, .done = on_done};
    if (!worker_pool_new(loop, &w, &p->pool, e)) {
        free(p);
        return NULL;
    }
    struct arena *a = arena_new(0);
    struct mailbox_options o = {.url = str_cstr(a, x->url),
                                .username = str_cstr(a, username),
                                .password = str_cstr(a, password),
                                .ca_file = x->ca_file.n ? str_cstr(a, x->ca_file) : NULL,
                                .move_to = x->move_to.n ? str_cstr(a, x->move_to) : NULL,
                                .timeout_s = TIMEOUT_S};
    p->mailbox = mailbox_new(&o);
    p->url = strdup(o.url);
    arena_free(a);
    return &p->source;
}
