/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/import/import_rejects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_AT (64u * 1024)

struct import_rejects {
    char *path;
    struct buf header; /* of the file of rejected rows */
    struct buf bytes;  /* not yet written */
    int fd;            /* -1: not opened yet */
    int64_t written;
};

struct import_rejects *import_rejects_new(struct str path, struct str header, int64_t bytes) {
    struct import_rejects *r = calloc(1, sizeof *r);
    if (!r || !(r->path = strndup(path.p, path.n)))
        abort();
    r->fd = -1;
    r->written = bytes;
    buf_printf(&r->header, "line,reason,%.*s\n", STR_FMT(header));
    return r;
}

void import_rejects_free(struct import_rejects *r) {
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    buf_close(&r->header);
    buf_close(&r->bytes);
    free(r->path);
    free(r);
}

static bool fail(const struct import_rejects *r, struct err *e) {
    return err_set(e, ERR_INPUT,
                   "rejected rows cannot be written to %s: %s; choose another file with --rejects",
                   r->path, strerror(errno));
}

/* Goes on behind what was committed; anew when that is not there. */
static bool open_file(struct import_rejects *r, struct err *e) {
    struct stat st;
    r->fd = open(r->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (r->fd < 0 || fstat(r->fd, &st) != 0)
        return fail(r, e);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INPUT, "%s: rejected rows go to a regular file", r->path);
    if (r->written > st.st_size)
        r->written = 0;
    if (ftruncate(r->fd, r->written) != 0 || lseek(r->fd, 0, SEEK_END) < 0)
        return fail(r, e);
    return true;
}

static bool flush(struct import_rejects *r, struct err *e) {
    size_t at = 0;
    while (at < r->bytes.n) {
        ssize_t n = write(r->fd, r->bytes.p + at, r->bytes.n - at);
        if (n < 0 && errno != EINTR)
            return fail(r, e);
        at += n > 0 ? (size_t)n : 0;
    }
    r->written += (int64_t)at;
    buf_clear(&r->bytes);
    return true;
}

bool import_rejects_add(struct import_rejects *r, const struct csv_row *row, const char *reason,
                        struct err *e) {
    if (r->fd < 0 && !open_file(r, e))
        return false;
    if (r->written == 0 && r->bytes.n == 0)
        buf_add_str(&r->bytes, buf_str(&r->header));
    buf_printf(&r->bytes, "%lld,", (long long)row->line);
    csv_write_field(&r->bytes, str_from(reason));
    buf_add_char(&r->bytes, ',');
    if (row->wrong)
        csv_write_field(&r->bytes, row->raw);
    else
        buf_add_str(&r->bytes, row->raw);
    buf_add_char(&r->bytes, '\n');
    return r->bytes.n < FLUSH_AT || flush(r, e);
}

bool import_rejects_sync(struct import_rejects *r, int64_t *bytes, struct err *e) {
    if (r->fd >= 0 && r->bytes.n && (!flush(r, e) || (fsync(r->fd) != 0 && !fail(r, e))))
        return false;
    *bytes = r->written;
    return true;
}

struct str import_rejects_path(struct arena *a, struct str path) {
    if (str_eq(path, S("-")))
        return S("import.rejected.csv");
    if (path.n > 4 && str_eq_nocase(str_sub(path, path.n - 4, path.n), S(".csv")))
        path.n -= 4;
    return str_printf(a, "%.*s.rejected.csv", STR_FMT(path));
}
