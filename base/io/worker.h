/* SPDX-License-Identifier: Apache-2.0
 *
 * worker: a few threads of our own for libraries that block, beside the loop.
 *
 * The loop's thread pushes jobs; a thread runs each, or takes several of them in
 * one run (a connection that serves many messages); every job comes back to the
 * loop through uv_async, exactly once, in `done`. Threads are started when there is
 * work for them and end with the pool. A job and what hangs on it belongs to the
 * thread between take and give back, to the loop's thread otherwise.
 *
 * The pool bounds nothing: whoever pushes keeps count. worker_pool_* are for the
 * loop's thread, worker_* with a `struct worker` for the worker's own thread.
 */
#ifndef GODWIT_BASE_IO_WORKER_H
#define GODWIT_BASE_IO_WORKER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct worker_pool;
struct worker;

/* To be embedded in the owner's struct, as its first member. */
struct worker_job {
    struct worker_job *next; /* the pool's */
};

struct worker_options {
    size_t threads; /* at most; 1 or more */
    size_t stack;   /* bytes of each thread's stack; 0: 256 KiB */
    void *owner;
    /* In a worker's thread: does the job and gives it back with worker_give(), before it
     * returns or later in another run of the same worker. */
    void (*run)(struct worker *w, struct worker_job *job);
    /* In a worker's thread, before it ends; NULL: nothing to do. */
    void (*leave)(struct worker *w);
    /* On the loop's thread. */
    void (*done)(void *owner, struct worker_job *job);
};

bool worker_pool_new(uv_loop_t *loop, const struct worker_options *o, struct worker_pool **out,
                     struct err *e) MUST_CHECK;
void worker_pool_push(struct worker_pool *p, struct worker_job *job);

/* Lets the threads end as soon as they come back for work. Jobs that no thread has taken
 * yet come back through `done` as they are. When all have ended and the last `done` was
 * called, the pool is freed and closed(arg) called, from the loop, never from here. */
typedef void worker_closed_fn(void *arg);
void worker_pool_close(struct worker_pool *p, worker_closed_fn *closed, void *arg);

/* ---- from inside run() */

/* The next job, or NULL when none came within `wait_ms` or the pool is closing. */
struct worker_job *worker_take(struct worker *w, uint64_t wait_ms);
void worker_give(struct worker *w, struct worker_job *job);
bool worker_closing(struct worker *w);

void *worker_owner(const struct worker *w);
size_t worker_index(const struct worker *w); /* 0 .. threads - 1, fixed for a thread's life */

#endif
