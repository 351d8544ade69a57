/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/worker.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>

#define WORKER_STACK (256 * 1024)
#define WAIT_MOST_NS (UINT64_C(3600) * 1000000000)

struct queue {
    struct worker_job *first, *last;
};

struct worker {
    struct worker_pool *pool;
    size_t index;
    uv_thread_t thread;
};

/* Normal path: push -> todo -> (a thread's take) -> run -> give -> back -> on_back -> done.
 * Each mutex guards the fields below it; the first ones are set before the first thread
 * starts or belong to the loop's thread. Nobody is woken with a mutex held: on few cores
 * the woken thread would run into it. */
struct worker_pool {
    struct worker_options o;
    uv_async_t async;
    size_t started;
    worker_closed_fn *closed;
    void *closed_arg;

    uv_mutex_t todo_mutex;
    uv_cond_t wake;
    struct queue todo;
    size_t waiting; /* threads inside take, waiting */
    size_t queued;  /* jobs in todo */
    bool closing;

    uv_mutex_t back_mutex;
    struct queue back;
    size_t ended;
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
    if (uv_mutex_init(&p->todo_mutex) != 0 || uv_mutex_init(&p->back_mutex) != 0 ||
        uv_cond_init(&p->wake) != 0) {
        abort(); /* only out of memory */
    }
    *out = p;
    return true;
}

/* ---- in a worker's thread */

/* Puts the job (or the end of a thread, NULL) on the way back; tells the loop once,
 * however many come before it looks. */
static void put_back(struct worker_pool *p, struct worker_job *job) {
    uv_mutex_lock(&p->back_mutex);
    if (job) {
        queue_put(&p->back, job);
    } else {
        p->ended++;
    }
    bool tell = !p->signalled;
    p->signalled = true;
    uv_mutex_unlock(&p->back_mutex);
    if (tell) {
        uv_async_send(&p->async);
    }
}

struct worker_job *worker_take(struct worker *w, uint64_t wait_ms) {
    struct worker_pool *p = w->pool;
    uint64_t end = 0;
    uv_mutex_lock(&p->todo_mutex);
    if (!p->todo.first && !p->closing) {
        /* What this thread gave back may bring the next job at once: let the loop run before
         * sleeping, which saves a sleep and a wake-up a job (a fifth of the rate). */
        uv_mutex_unlock(&p->todo_mutex);
        sched_yield();
        uv_mutex_lock(&p->todo_mutex);
    }
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
        /* libuv adds the clock to it: a wait without an end would overflow into none at all */
        uv_cond_timedwait(&p->wake, &p->todo_mutex,
                          end - now < WAIT_MOST_NS ? end - now : WAIT_MOST_NS);
        p->waiting--;
    }
    struct worker_job *job = p->closing ? NULL : queue_get(&p->todo);
    if (job) {
        p->queued--;
    }
    uv_mutex_unlock(&p->todo_mutex);
    return job;
}

void worker_give(struct worker *w, struct worker_job *job) {
    put_back(w->pool, job);
}

bool worker_closing(struct worker *w) {
    uv_mutex_lock(&w->pool->todo_mutex);
    bool closing = w->pool->closing;
    uv_mutex_unlock(&w->pool->todo_mutex);
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
    put_back(p, NULL);
}

/* ---- on the loop's thread */

/* One more thread, when all that run are busy. */
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
    uv_mutex_lock(&p->todo_mutex);
    assert(!p->closing);
    queue_put(&p->todo, job);
    p->queued++;
    bool wake = p->waiting > 0;
    bool busy = p->queued > p->waiting;
    uv_mutex_unlock(&p->todo_mutex);
    if (wake) {
        uv_cond_signal(&p->wake);
    }
    if (busy && p->started < p->o.threads) {
        start_thread(p);
    }
}

static void on_closed(uv_handle_t *handle) {
    struct worker_pool *p = handle->data;
    worker_closed_fn *closed = p->closed;
    void *arg = p->closed_arg;
    uv_cond_destroy(&p->wake);
    uv_mutex_destroy(&p->todo_mutex);
    uv_mutex_destroy(&p->back_mutex);
    free(p);
    closed(arg);
}

static void on_back(uv_async_t *async) {
    struct worker_pool *p = async->data;
    uv_mutex_lock(&p->back_mutex);
    struct queue back = p->back;
    p->back = (struct queue){0};
    p->signalled = false;
    bool over = p->closed && p->ended == p->started;
    uv_mutex_unlock(&p->back_mutex);

    struct worker_job *job;
    while ((job = queue_get(&back)) != NULL) {
        p->o.done(p->o.owner, job);
    }
    if (over && !uv_is_closing((uv_handle_t *)&p->async)) {
        for (size_t i = 0; i < p->started; i++) {
            uv_thread_join(&p->workers[i].thread);
        }
        uv_close((uv_handle_t *)&p->async, on_closed);
    }
}

void worker_pool_close(struct worker_pool *p, worker_closed_fn *closed, void *arg) {
    assert(!p->closed && closed);
    uv_mutex_lock(&p->todo_mutex);
    p->closing = true;
    struct queue rest = p->todo;
    p->todo = (struct queue){0};
    p->queued = 0;
    uv_mutex_unlock(&p->todo_mutex);
    uv_cond_broadcast(&p->wake);

    struct worker_job *job;
    while ((job = queue_get(&rest)) != NULL) {
        put_back(p, job);
    }
    p->closed = closed;
    p->closed_arg = arg;
    uv_async_send(&p->async); /* there may be no thread to tell of its end */
}
