/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/inbound_internal.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/log.h"
#include "engine/response/inbound_mail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MOST 200    /* of one look */
#define REST_MS 2000      /* between looks when nothing tells of new mail */
#define REFUSED_MS 300000 /* when mail cannot be taken away, or not be recorded */

/*  look: names of new/  ->  the next: read, take  ->  committed: remove or move  ->  the next
 *
 * A name is taken away only after its commit, and a look that is over begins again when there
 * may be more. */
struct maildir {
    struct source source;
    uv_fs_event_t event; /* new/ has changed */
    bool watching, came;
    char *path, *move_to; /* move_to NULL: remove */
    struct arena *arena;  /* of the look under way */
    struct str *names;
    size_t n, at;
    bool busy;        /* a mail is being taken */
    uint64_t next_at; /* uv_now(): when to look again */
    uint64_t now_ms;
};

static void go_on(struct maildir *m);

static struct str name_of(const struct maildir *m) {
    return str_from(m->path);
}

static const char *path_of(struct maildir *m, const char *folder, const char *sub,
                           struct str name) {
    return str_cstr(m->arena, str_printf(m->arena, "%s/%s/%.*s", folder, sub, STR_FMT(name)));
}

/* ---- one mail */

static bool read_file(struct maildir *m, const char *path, struct str *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    struct buf b = BUF_IN(m->arena);
    ssize_t got = -1;
    if (fd < 0)
        return false;
    errno = EINVAL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        do {
            got = read(fd, buf_reserve(&b, 65536), 65536);
            b.n += got > 0 ? (size_t)got : 0;
        } while (got > 0 && b.n < INBOUND_MOST);
    }
    int why = errno;
    close(fd);
    errno = why;
    *out = b.n ? buf_str(&b) : S("");
    return got >= 0;
}

static bool put_away(struct maildir *m, const char *path, struct str name) {
    static const char *const folders[] = {"", "new", "cur", "tmp"};
    if (!m->move_to)
        return unlink(path) == 0 || errno == ENOENT;
    const char *to = path_of(m, m->move_to, "new", name);
    if (rename(path, to) == 0)
        return true;
    for (size_t i = 0; errno == ENOENT && i < sizeof folders / sizeof *folders; i++)
        if (mkdir(path_of(m, m->move_to, folders[i], S("")), 0700) != 0 && errno != EEXIST)
            return false;
        else
            errno = ENOENT;
    return rename(path, to) == 0 || (errno == ENOENT && access(path, F_OK) != 0);
}

static void stop_for(struct maildir *m, uint64_t ms) {
    m->at = m->n;
    m->came = false;
    m->next_at = uv_now(m->event.loop) + ms;
}

static void on_taken(void *ctx, bool committed) {
    struct maildir *m = ctx;
    char why[300];
    m->busy = false;
    struct str name = m->names[m->at++];
    if (!committed) {
        stop_for(m, REST_MS);
    } else {
        const char *path = path_of(m, m->path, "new", name);
        fault_point("inbound.before_removal");
        if (put_away(m, path, name)) {
            source_works(&m->source, name_of(m));
        } else {
            snprintf(why, sizeof why, "%s cannot be taken away: %s", path, strerror(errno));
            source_failed(&m->source, name_of(m), why);
            stop_for(m, REFUSED_MS);
        }
    }
    go_on(m);
}

/* ---- a look */

static int by_name(const void *a, const void *b) {
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* False: there is nothing to do. */
static bool list_names(struct maildir *m) {
    char why[300];
    arena_free(m->arena);
    m->arena = arena_new(0);
    m->names = ARENA_ARRAY(m->arena, struct str, NAMES_MOST);
    m->n = m->at = 0;
    DIR *d = opendir(path_of(m, m->path, "new", S("")));
    if (!d) {
        snprintf(why, sizeof why, "the folder new in it cannot be read: %s", strerror(errno));
        source_failed(&m->source, name_of(m), why);
        return false;
    }
    for (const struct dirent *e; m->n < NAMES_MOST && (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.')
            m->names[m->n++] = str_dup(m->arena, str_from(e->d_name));
    closedir(d);
    qsort(m->names, m->n, sizeof *m->names, by_name);
    return m->n > 0;
}

/* The next mail of the look, as far as there is one. */
static void go_on(struct maildir *m) {
    struct str mail;
    if (m->source.closing) {
        if (!m->busy)
            m->source.close(&m->source);
        return;
    }
    while (!m->busy && m->at < m->n) {
        const char *path = path_of(m, m->path, "new", m->names[m->at]);
        if (!read_file(m, path, &mail)) {
            if (errno != ENOENT) /* somebody took it */
                source_failed(&m->source, name_of(m), "a mail in it cannot be read");
            m->at++;
            continue;
        }
        m->busy = inbound_take(m->source.in, mail, on_taken, m);
        if (!m->busy)
            stop_for(m, REST_MS);
    }
    if (!m->busy && m->n == NAMES_MOST && m->at == m->n && m->next_at <= uv_now(m->event.loop))
        m->came = true; /* there may be more */
}

static void on_event(uv_fs_event_t *e, const char *name, int events, int status) {
    struct maildir *m = e->data;
    (void)name, (void)events;
    m->came = m->came || status == 0;
}

/* Twice a second. */
static void look(struct source *s) {
    struct maildir *m = (struct maildir *)s;
    uint64_t now = uv_now(m->event.loop);
    if (m->busy || m->at < m->n || (!m->came && now < m->next_at))
        return;
    if (!m->watching) /* without, the timer alone serves */
        m->watching =
            uv_fs_event_start(&m->event, on_event, path_of(m, m->path, "new", S("")), 0) == 0;
    m->came = false;
    m->next_at = now + REST_MS;
    if (list_names(m))
        go_on(m);
}

/* ---- life */

static void on_closed(uv_handle_t *h) {
    struct maildir *m = h->data;
    arena_free(m->arena);
    free(m->path);
    free(m->move_to);
    source_closed(&m->source);
}

static void close_source(struct source *s) {
    struct maildir *m = (struct maildir *)s;
    if (!m->busy) /* otherwise when the mail is taken */
        uv_close((uv_handle_t *)&m->event, on_closed);
}

/* Relative to the workspace. */
static char *full(struct str folder, struct str path) {
    struct buf b = BUF_HEAP;
    if (path.p[0] != '/') {
        buf_add_str(&b, folder);
        buf_add_char(&b, '/');
    }
    buf_add_str(&b, path);
    char *out = strdup(buf_cstr(&b));
    buf_close(&b);
    if (!out)
        abort();
    return out;
}

struct source *inbound_maildir_open(struct inbound *in, uv_loop_t *loop, struct str folder,
                                    const struct settings_source *x) {
    struct maildir *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    m->source = (struct source){.in = in, .look = look, .close = close_source};
    m->path = full(folder, x->maildir);
    m->move_to = x->move_to.n ? full(folder, x->move_to) : NULL;
    m->arena = arena_new(0);
    uv_fs_event_init(loop, &m->event);
    m->event.data = m;
    return &m->source;
}
