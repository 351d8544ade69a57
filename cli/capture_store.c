/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/capture_store.h"

#include "base/arena.h"
#include "base/wallclock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct capture_store {
    struct arena *arena;
    struct str folder;
    unsigned count;
    struct buf tmp, new, text;
};

static bool make_folder(const char *path, struct err *e) {
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    return err_set(e, ERR_PERMANENT, "the folder %s for captured mail cannot be made: %s", path,
                   strerror(errno));
}

struct capture_store *capture_store_open(const char *folder, struct err *e) {
    static const char *const parts[] = {"", "/tmp", "/new", "/cur"};
    struct arena *a = arena_new(0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!make_folder(str_printf(a, "%s%s", folder, parts[i]).p, e)) {
            arena_free(a);
            return NULL;
        }
    }
    struct capture_store *s = ARENA_NEW(a, struct capture_store);
    s->arena = a;
    s->folder = str_dup(a, str_from(folder));
    return s;
}

void capture_store_close(struct capture_store *s) {
    if (!s)
        return;
    buf_close(&s->tmp);
    buf_close(&s->new);
    buf_close(&s->text);
    arena_free(s->arena);
}

/* "2026-11-21T08:00:00Z" as RFC 5322 writes it. */
static void add_date(struct buf *out, int64_t seconds) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil c;
    wallclock_utc(seconds, &c);
    buf_printf(out, "%s, %d %s %" PRId64 " %02d:%02d:%02d +0000", days[c.weekday], c.day,
               months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

/* Addresses hold no line end: the session saw to that. */
static void compose(struct buf *out, const struct capture_envelope *envelope, struct str data,
                    int64_t now_us) {
    buf_clear(out);
    buf_printf(out, "Return-Path: <%.*s>\n", STR_FMT(envelope->from));
    for (size_t i = 0; i < envelope->n; i++)
        buf_printf(out, "Delivered-To: %.*s\n", STR_FMT(envelope->to[i]));
    buf_printf(out, "Received: from %.*s (localhost [127.0.0.1])\n\tby localhost (Godwit); ",
               STR_FMT(envelope->helo));
    add_date(out, now_us / WALLCLOCK_US_PER_S);
    buf_add_char(out, '\n');
    for (struct str line; str_split(&data, '\n', &line);) {
        if (data.p && line.n && line.p[line.n - 1] == '\r')
            line.n--;
        buf_add_str(out, line);
        if (data.p)
            buf_add_char(out, '\n');
    }
}

static bool write_all(int fd, struct str s) {
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR)
            return false;
        s = str_sub(s, n > 0 ? (size_t)n : 0, s.n);
    }
    return true;
}

static bool write_file(const char *path, struct str text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool good = write_all(fd, text);
    int error = errno;
    if (close(fd) != 0 && good) {
        good = false;
        error = errno;
    }
    if (!good)
        unlink(path);
    errno = error;
    return good;
}

bool capture_store_add(struct capture_store *s, const struct capture_envelope *envelope,
                       struct str data, int64_t now_us, const char **path, struct err *e) {
    char name[100];
    snprintf(name, sizeof name, "%" PRId64 ".M%06dP%ldQ%u.godwit", now_us / WALLCLOCK_US_PER_S,
             (int)(now_us % WALLCLOCK_US_PER_S), (long)getpid(), ++s->count);
    buf_clear(&s->tmp);
    buf_clear(&s->new);
    buf_printf(&s->tmp, "%.*s/tmp/%s", STR_FMT(s->folder), name);
    buf_printf(&s->new, "%.*s/new/%s", STR_FMT(s->folder), name);
    compose(&s->text, envelope, data, now_us);
    *path = buf_cstr(&s->new);
    if (!write_file(buf_cstr(&s->tmp), buf_str(&s->text)))
        return err_set(e, ERR_TEMPORARY, "%s cannot be written: %s", buf_cstr(&s->tmp),
                       strerror(errno));
    if (rename(buf_cstr(&s->tmp), *path) != 0) {
        err_set(e, ERR_TEMPORARY, "%s cannot be made: %s", *path, strerror(errno));
        unlink(buf_cstr(&s->tmp));
        return false;
    }
    return true;
}
