/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/beside.h"

#include "base/arena.h"

#include <stdlib.h>

#define WATCHED_MOST 1000
#define CALM_MS 200 /* editors write a file in several steps */

struct watched {
    struct beside *beside;
    struct watched *next;
    struct str path;
    uv_fs_event_t event;
};

struct beside {
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t stop;
    uv_timer_t calm;
    struct capture *capture;
    struct arena *arena; /* of the paths; the thread's */
    const char *workspace;
    struct watched *watched;
    size_t n_watched;
    int port;

    uv_mutex_t lock; /* for what follows */
    bool changed;
    struct arena *mail_arena, *spare_arena;
    struct capture_mail *mails; /* in mail_arena */
    size_t n, more;
};

/* ---- mails */

static void on_mail(void *ctx, const struct capture_mail *m) {
    struct beside *b = ctx;
    uv_mutex_lock(&b->lock);
    if (b->n == BESIDE_MAILS) {
        b->more++;
    } else {
        if (!b->mails)
            b->mails = ARENA_ARRAY(b->mail_arena, struct capture_mail, BESIDE_MAILS);
        struct capture_mail *copy = &b->mails[b->n++];
        *copy = *m;
        copy->to = str_dup(b->mail_arena, str_sub(m->to, 0, 1000));
        copy->subject = str_dup(b->mail_arena, str_sub(m->subject, 0, 1000));
        copy->campaign = str_dup(b->mail_arena, str_sub(m->campaign, 0, 1000));
        copy->path = str_dup(b->mail_arena, m->path);
    }
    uv_mutex_unlock(&b->lock);
}

size_t beside_mails(struct beside *b, size_t most,
                    void (*each)(void *ctx, const struct capture_mail *m), void *ctx) {
    uv_mutex_lock(&b->lock);
    struct arena *taken = b->mail_arena;
    struct capture_mail *mails = b->mails;
    size_t n = b->n, more = b->more;
    b->mail_arena = b->spare_arena;
    b->mails = NULL;
    b->n = b->more = 0;
    uv_mutex_unlock(&b->lock);
    for (size_t i = 0; i < n && i < most; i++)
        each(ctx, &mails[i]);
    arena_reset(taken);
    b->spare_arena = taken;
    return more + (n > most ? n - most : 0);
}

/* ---- files */

static void watch_all(struct beside *b);

static void on_calm(uv_timer_t *t) {
    struct beside *b = t->data;
    watch_all(b); /* folders may be new */
    uv_mutex_lock(&b->lock);
    b->changed = true;
    uv_mutex_unlock(&b->lock);
}

/* Not what editors leave beside a file, nor .godwit. */
static bool is_ours(struct str name) {
    return name.n && name.p[0] != '.' && !str_ends(name, S("~")) && !str_ends(name, S(".tmp")) &&
           !str_eq(name, S("4913"));
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status) {
    struct watched *w = event->data;
    (void)events;
    if (status == 0 && name && !is_ours(str_from(name)))
        return;
    uv_timer_start(&w->beside->calm, on_calm, CALM_MS, 0);
}

static void watch(struct beside *b, struct str path) {
    for (struct watched *w = b->watched; w; w = w->next)
        if (str_eq(w->path, path)) { /* it may be another folder of the same name by now */
            uv_fs_event_stop(&w->event);
            uv_fs_event_start(&w->event, on_event, w->path.p, 0);
            return;
        }
    if (b->n_watched == WATCHED_MOST)
        return;
    struct watched *w = ARENA_NEW(b->arena, struct watched);
    w->beside = b;
    w->path = str_of(str_cstr(b->arena, path), path.n);
    w->next = b->watched;
    w->event.data = w;
    uv_fs_event_init(&b->loop, &w->event);
    b->watched = w;
    b->n_watched++;
    uv_fs_event_start(&w->event, on_event, w->path.p, 0);
}

/* The folders in `path`: watching is not recursive. */
static void watch_folders(struct beside *b, struct str path) {
    uv_fs_t request;
    uv_dirent_t entry;
    struct buf folder = BUF_HEAP;
    if (uv_fs_scandir(NULL, &request, path.p, 0, NULL) >= 0)
        while (uv_fs_scandir_next(&request, &entry) == 0) {
            if (entry.type == UV_DIRENT_FILE || !is_ours(str_from(entry.name)))
                continue;
            buf_clear(&folder);
            buf_printf(&folder, "%.*s/%s", STR_FMT(path), entry.name);
            watch(b, buf_str(&folder));
        }
    uv_fs_req_cleanup(&request);
    buf_close(&folder);
}

static void watch_all(struct beside *b) {
    struct buf templates = BUF_HEAP;
    watch(b, str_from(b->workspace));
    watch_folders(b, str_from(b->workspace)); /* campaigns, templates, tests */
    buf_printf(&templates, "%s/templates", b->workspace);
    buf_cstr(&templates);
    watch_folders(b, buf_str(&templates));
    buf_close(&templates);
}

bool beside_changed(struct beside *b) {
    uv_mutex_lock(&b->lock);
    bool changed = b->changed;
    b->changed = false;
    uv_mutex_unlock(&b->lock);
    return changed;
}

/* ---- life */

static void run(void *arg) {
    struct beside *b = arg;
    uv_run(&b->loop, UV_RUN_DEFAULT);
}

static void on_capture_closed(void *ctx) {
    (void)ctx;
}

static void close_handles(struct beside *b) {
    if (b->capture)
        capture_close(b->capture, on_capture_closed, NULL);
    uv_close((uv_handle_t *)&b->stop, NULL);
    uv_close((uv_handle_t *)&b->calm, NULL);
    for (struct watched *w = b->watched; w; w = w->next)
        uv_close((uv_handle_t *)&w->event, NULL);
}

static void on_stop(uv_async_t *stop) {
    close_handles(stop->data);
}

static void release(struct beside *b) {
    uv_loop_close(&b->loop);
    uv_mutex_destroy(&b->lock);
    arena_free(b->arena);
    arena_free(b->mail_arena);
    arena_free(b->spare_arena);
    free(b);
}

struct beside *beside_start(const char *workspace, const char *maildir, int port, struct err *e) {
    struct beside *b = calloc(1, sizeof *b);
    if (!b || uv_loop_init(&b->loop) != 0 || uv_mutex_init(&b->lock) != 0)
        abort();
    b->arena = arena_new(0);
    b->mail_arena = arena_new(0);
    b->spare_arena = arena_new(0);
    b->workspace = str_cstr(b->arena, str_from(workspace));
    uv_async_init(&b->loop, &b->stop, on_stop);
    uv_timer_init(&b->loop, &b->calm);
    b->stop.data = b->calm.data = b;
    b->capture = capture_open(
        &b->loop, &(struct capture_options){maildir, port, CAPTURE_IDLE_MS, on_mail, b}, e);
    if (b->capture) {
        b->port = capture_port(b->capture);
        watch_all(b);
        if (uv_thread_create(&b->thread, run, b) == 0)
            return b;
        err_set(e, ERR_TEMPORARY, "no thread could be started");
    }
    close_handles(b);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    release(b);
    return NULL;
}

int beside_port(const struct beside *b) {
    return b->port;
}

void beside_stop(struct beside *b) {
    if (!b)
        return;
    uv_async_send(&b->stop);
    uv_thread_join(&b->thread);
    release(b);
}
