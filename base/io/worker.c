/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/worker.h"

#include <assert.h>
#include <stdlib.h>

#define WORKER_STACK (256 * 1024)

struct queue {
    struct worker_job *first, *last;
};

struct worker {
    struct worker_pool *pool;
    size_t index;
    uv_thread_t thread;
};

/* Normal path: push -> todo -> (a thread's take) -> run -> give -> back -> on_back -> done.
 * Everything below the mutex line is guarded by it; the rest is set before the first
 * thread starts or belongs to the loop's thread. */
struct worker_pool {
    struct worker_options o;
    uv_async_t async;
    void (*closed)(void *arg);
    void *closed_arg;

    uv_mutex_t mutex;
    uv_cond_t wake;
    struct queue todo, back;
    size_t waiting; /* threads inside take, waiting */
    size_t queued;  /* jobs in todo */
    size_t started, ended;
    bool closing;
    bool signalled; /* the loop was told of `back` and has not looked yet */
    struct worker workers[];
};

static void queue_put(struct queue *q, struct worker_job *job) {
    job->next = NULL;
    if (q->last) {
        q->last->next = job;
    } else {
        q->first = job;
    }
    q->last = job;
}

static struct worker_job *queue_get(struct queue *q) {
    struct worker_job *job = q->first;
    if (job) {
        q->first = job->next;
        if (!q->first) {
            q->last = NULL;
        }
        job->next = NULL;
    }
    return job;
}

static void *checked(void *p) {
    if (!p) {
        abort();
    }
    return p;
}

static void on_back(uv_async_t *async);

bool worker_pool_new(uv_loop_t *loop, const struct worker_options *o, struct worker_pool **out,
                     struct err *e) {
    assert(o->threads > 0);
    struct worker_pool *p = checked(calloc(1, sizeof *p + o->threads * sizeof p->workers[0]));
    p->o = *o;
    p->o.stack = o->stack ? o->stack : WORKER_STACK;
    int rc = uv_async_init(loop, &p->async, on_back);
    if (rc != 0) {
        free(p);
        return err_set(e, ERR_TEMPORARY, "worker threads cannot be set up: %s", uv_strerror(rc));
    }
    p->async.data = p;
    if (uv_mutex_init(&p->mutex) != 0 || uv_cond_init(&p->wake) != 0) {
        abort(); /* only out of memory */
    }
    *out = p;
    return true;
}

/* ---- in a worker's thread */

/* Tells the loop once, however many jobs go back before it looks. */
static void tell_loop(struct worker_pool *p) {
    if (!p->signalled) {
        p->signalled = true;
        uv_async_send(&p->async);
    }
}

struct worker_job *worker_take(struct worker *w, uint64_t wait_ms) {
    struct worker_pool *p = w->pool;
    uint64_t end = 0;
    uv_mutex_lock(&p->mutex);
    while (!p->todo.first && !p->closing) {
        uint64_t now = uv_hrtime();
        if (end == 0) {
            uint64_t most = UINT64_MAX - now;
            end = wait_ms > most / 1000000 ? UINT64_MAX : now + wait_ms * 1000000;
        }
        if (now >= end) {
            break;
        }
        p->waiting++;
        uv_cond_timedwait(&p->wake, &p->mutex, end - now);
        p->waiting--;
    }
    struct worker_job *job = p->closing ? NULL : queue_get(&p->todo);
    if (job) {
        p->queued--;
    }
    uv_mutex_unlock(&p->mutex);
    return job;
}

void worker_give(struct worker *w, struct worker_job *job) {
    struct worker_pool *p = w->pool;
    uv_mutex_lock(&p->mutex);
    queue_put(&p->back, job);
    tell_loop(p);
    uv_mutex_unlock(&p->mutex);
}

bool worker_closing(struct worker *w) {
    uv_mutex_lock(&w->pool->mutex);
    bool closing = w->pool->closing;
    uv_mutex_unlock(&w->pool->mutex);
    return closing;
}

void *worker_owner(const struct worker *w) {
    return w->pool->o.owner;
}

size_t worker_index(const struct worker *w) {
    return w->index;
}

static void thread_main(void *arg) {
    struct worker *w = arg;
    struct worker_pool *p = w->pool;
    for (;;) {
        struct worker_job *job = worker_take(w, UINT64_MAX);
        if (!job) {
            break; /* closing: nothing else ends an endless wait */
        }
        p->o.run(w, job);
    }
    if (p->o.leave) {
        p->o.leave(w);
    }
    uv_mutex_lock(&p->mutex);
    p->ended++;
    tell_loop(p);
    uv_mutex_unlock(&p->mutex);
}

/* ---- on the loop's thread */

/* One more thread when all that run are busy. Called with the mutex held. */
static void start_thread(struct worker_pool *p) {
    struct worker *w = &p->workers[p->started];
    w->pool = p;
    w->index = p->started;
    uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = p->o.stack};
    if (uv_thread_create_ex(&w->thread, &options, thread_main, w) == 0) {
        p->started++;
    } else if (p->started == 0) {
        abort(); /* not one thread: as out of memory */
    }
}

void worker_pool_push(struct worker_pool *p, struct worker_job *job) {
    uv_mutex_lock(&p->mutex);
    assert(!p->closing);
    queue_put(&p->todo, job);
    p->queued++;
    if (p->waiting > 0) {
        uv_cond_signal(&p->wake);
    }
    if (p->queued > p->waiting && p->started < p->o.threads) {
        start_thread(p);
    }
    uv_mutex_unlock(&p->mutex);
}

static void on_closed(uv_handle_t *handle) {
    struct worker_pool *p = handle->data;
    void (*closed)(void *arg) = p->closed;
    void *arg = p->closed_arg;
    uv_cond_destroy(&p->wake);
    uv_mutex_destroy(&p->mutex);
    free(p);
    closed(arg);
}

static void on_back(uv_async_t *async) {
    struct worker_pool *p = async->data;
    uv_mutex_lock(&p->mutex);
    struct queue back = p->back;
    p->back = (struct queue){0};
    p->signalled = false;
    uv_mutex_unlock(&p->mutex);

    struct worker_job *job;
    while ((job = queue_get(&back)) != NULL) {
        p->o.done(p->o.owner, job);
    }

    uv_mutex_lock(&p->mutex);
    bool over = p->closing && p->ended == p->started && !p->back.first;
    uv_mutex_unlock(&p->mutex);
    if (over && !uv_is_closing((uv_handle_t *)&p->async)) {
        for (size_t i = 0; i < p->started; i++) {
            uv_thread_join(&p->workers[i].thread);
        }
        uv_close((uv_handle_t *)&p->async, on_closed);
    }
}

void worker_pool_close(struct worker_pool *p, void (*closed)(void *arg), void *arg) {
    p->closed = closed;
    p->closed_arg = arg;
    uv_mutex_lock(&p->mutex);
    assert(!p->closing);
    p->closing = true;
    struct worker_job *job;
    while ((job = queue_get(&p->todo)) != NULL) {
        queue_put(&p->back, job);
    }
    p->queued = 0;
    uv_cond_broadcast(&p->wake);
    tell_loop(p);
    uv_mutex_unlock(&p->mutex);
}
