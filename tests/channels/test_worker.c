/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/worker.h"
#include "tests/channels/check_channels.h"

#include <stdatomic.h>
#include <sys/resource.h>

#define JOBS 2000

struct item {
    struct worker_job job;
    int runs;  /* in the worker */
    int dones; /* on the loop */
};

struct bench {
    uv_loop_t loop;
    struct worker_pool *pool;
    struct item items[JOBS];
    size_t done, close_at;
    bool feeding; /* a run takes further jobs */
    bool closed;
    atomic_int leaves;
    atomic_uint used; /* bits of the workers that ran */
};

static void on_run(struct worker *w, struct worker_job *job) {
    struct bench *b = worker_owner(w);
    atomic_fetch_or(&b->used, 1u << worker_index(w));
    while (job) {
        ((struct item *)job)->runs++;
        worker_give(w, job);
        job = b->feeding ? worker_take(w, 20) : NULL;
    }
}

static void on_leave(struct worker *w) {
    struct bench *b = worker_owner(w);
    atomic_fetch_add(&b->leaves, 1);
}

static void on_closed(void *arg) {
    struct bench *b = arg;
    ck_assert(!b->closed);
    b->closed = true;
}

static void on_done(void *owner, struct worker_job *job) {
    struct bench *b = owner;
    ck_assert(!b->closed);
    ((struct item *)job)->dones++;
    if (++b->done == b->close_at) {
        worker_pool_close(b->pool, on_closed, b);
    }
}

static const struct {
    size_t threads, close_at;
    bool feeding;
} runs[] = {{1, JOBS, false}, {8, JOBS, false}, {8, JOBS, true}, {4, 10, false}, {4, 10, true}};

START_TEST(every_job_comes_back_once) {
    static struct bench b;
    struct err e = ERR_INIT;
    b = (struct bench){.close_at = runs[_i].close_at, .feeding = runs[_i].feeding};
    uv_loop_init(&b.loop);
    struct worker_options o = {.threads = runs[_i].threads,
                               .owner = &b,
                               .run = on_run,
                               .leave = on_leave,
                               .done = on_done};
    ck_assert_msg(worker_pool_new(&b.loop, &o, &b.pool, &e), "%s", e.text);
    for (size_t i = 0; i < JOBS; i++) {
        worker_pool_push(b.pool, &b.items[i].job);
    }
    uv_run(&b.loop, UV_RUN_DEFAULT);
    ck_assert(b.closed);
    ck_assert_uint_eq(b.done, JOBS);
    size_t ran = 0;
    for (size_t i = 0; i < JOBS; i++) {
        ck_assert_int_eq(b.items[i].dones, 1);
        ck_assert_int_le(b.items[i].runs, 1);
        ran += (size_t)b.items[i].runs;
    }
    ck_assert_uint_ge(ran, runs[_i].close_at);
    ck_assert_int_ge(b.leaves, 1);
    ck_assert_int_le(b.leaves, (int)runs[_i].threads);
    ck_assert_uint_eq(b.used >> runs[_i].threads, 0);
    ck_assert_int_eq(uv_loop_close(&b.loop), 0);
}
END_TEST

START_TEST(closes_without_work) {
    static struct bench b;
    struct err e = ERR_INIT;
    uv_loop_init(&b.loop);
    struct worker_options o = {.threads = 3, .owner = &b, .run = on_run, .done = on_done};
    ck_assert(worker_pool_new(&b.loop, &o, &b.pool, &e));
    worker_pool_close(b.pool, on_closed, &b);
    ck_assert(!b.closed);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    ck_assert(b.closed);
    ck_assert_int_eq(uv_loop_close(&b.loop), 0);
}
END_TEST

static void on_late(uv_timer_t *t) {
    struct bench *b = t->data;
    uv_close((uv_handle_t *)t, NULL);
    worker_pool_close(b->pool, on_closed, b);
}

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* A thread without work sleeps. */
START_TEST(idle_threads_sleep) {
    static struct bench b;
    struct err e = ERR_INIT;
    uv_timer_t timer;
    b = (struct bench){.close_at = SIZE_MAX};
    uv_loop_init(&b.loop);
    struct worker_options o = {.threads = 2, .owner = &b, .run = on_run, .done = on_done};
    ck_assert(worker_pool_new(&b.loop, &o, &b.pool, &e));
    worker_pool_push(b.pool, &b.items[0].job);
    uv_timer_init(&b.loop, &timer);
    timer.data = &b;
    uv_timer_start(&timer, on_late, 500, 0);
    double before = cpu_seconds();
    uv_run(&b.loop, UV_RUN_DEFAULT);
    double used = cpu_seconds() - before;
    ck_assert_msg(used < 0.1, "%.3f s of CPU in half a second without work", used);
    ck_assert_int_eq(uv_loop_close(&b.loop), 0);
}
END_TEST

Suite *suite_worker(void) {
    Suite *s = suite_create("worker");
    TCase *t = tcase_create("pool");
    tcase_add_loop_test(t, every_job_comes_back_once, 0, sizeof runs / sizeof *runs);
    tcase_add_test(t, closes_without_work);
    tcase_add_test(t, idle_threads_sleep);
    suite_add_tcase(s, t);
    return s;
}
