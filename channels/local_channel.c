/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/local_channel.h"

#include "base/arena.h"
#include "base/io/worker.h"

#include <stdio.h>
#include <stdlib.h>

struct local_job {
    struct worker_job job;
    const struct channel_message *message;
    bool judged;
    struct relay_result result;
};

/* smtp.c has a struct channel of its own; no file sees both. */
struct channel {
    const struct channel_host *host;
    size_t capacity;
    local_deliver_fn *deliver;
    void *self;
    struct arena *arena; /* of the one worker */
    struct worker_pool *pool;
    local_closed_fn *closed;
    void *closed_arg;
};

static void on_run(struct worker *w, struct worker_job *given) {
    struct channel *c = worker_owner(w);
    struct local_job *job = (struct local_job *)given;
    arena_reset(c->arena);
    c->deliver(c->self, c->arena, job->message, &job->result);
    job->judged = true;
    worker_give(w, given);
}

static void on_done(void *owner, struct worker_job *given) {
    struct channel *c = owner;
    struct local_job *job = (struct local_job *)given;
    if (!job->judged) {
        relay_result_set(&job->result, CHANNEL_UNSENT, CHANNEL_SUBJECT_NONE,
                         S("the channel was closed before its turn came"));
    }
    c->host->done(c->host, job->message->ref, &job->result.result);
    free(job);
}

static void release(struct channel *c) {
    arena_free(c->arena);
    free(c->self);
    free(c);
}

struct channel *local_channel_open(const struct channel_host *host, size_t capacity,
                                   local_deliver_fn *deliver, void *self, struct channel_error *e) {
    struct err why = ERR_INIT;
    struct channel *c = calloc(1, sizeof *c);
    if (!c) {
        abort();
    }
    *c = (struct channel){.host = host,
                          .capacity = capacity,
                          .deliver = deliver,
                          .self = self,
                          .arena = arena_new(32 * 1024)};
    struct worker_options o = {.threads = 1, .owner = c, .run = on_run, .done = on_done};
    if (!worker_pool_new(host->loop, &o, &c->pool, &why)) {
        snprintf(e->text, sizeof e->text, "%.490s", why.text);
        release(c);
        return NULL;
    }
    return c;
}

size_t local_channel_capacity(const struct channel *c) {
    return c->capacity;
}

void local_channel_submit(struct channel *c, const struct channel_message *const *messages,
                          size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct local_job *job = calloc(1, sizeof *job);
        if (!job) {
            abort();
        }
        job->message = messages[i];
        worker_pool_push(c->pool, &job->job);
    }
}

static void on_closed(void *arg) {
    struct channel *c = arg;
    local_closed_fn *closed = c->closed;
    void *closed_arg = c->closed_arg;
    release(c);
    closed(closed_arg);
}

void local_channel_close(struct channel *c, int64_t deadline_ms, local_closed_fn *closed,
                         void *arg) {
    (void)deadline_ms; /* the one message in hand takes no time to speak of */
    c->closed = closed;
    c->closed_arg = arg;
    worker_pool_close(c->pool, on_closed, c);
}
