/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/import/import_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (128u * 1024)

struct import_file {
    int fd;
    char *path;
    int64_t size; /* -1: not a regular file */
    char *piece;
    struct digest *digest;
    int64_t digested; /* bytes that are in it */
};

static bool fail(const struct import_file *f, struct err *e) {
    return err_set(e, ERR_INPUT, "%s: %s", f->path, strerror(errno));
}

struct import_file *import_file_open(struct str path, struct err *e) {
    struct import_file *f = calloc(1, sizeof *f);
    struct stat st;
    if (!f || !(f->piece = malloc(PIECE)) || !(f->path = strndup(path.p, path.n)))
        abort();
    bool standard = str_eq(path, S("-"));
    f->fd = standard ? STDIN_FILENO : open(f->path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st) != 0) {
        fail(f, e);
    } else if (S_ISDIR(st.st_mode)) {
        err_set(e, ERR_INPUT, "%s: is a folder, not a CSV file", f->path);
    } else {
        f->size = S_ISREG(st.st_mode) && !standard ? st.st_size : -1;
        return f;
    }
    import_file_close(f);
    return NULL;
}

void import_file_close(struct import_file *f) {
    if (!f)
        return;
    if (f->fd > STDIN_FILENO)
        close(f->fd);
    digest_free(f->digest);
    free(f->piece);
    free(f->path);
    free(f);
}

int64_t import_file_size(const struct import_file *f) {
    return f->size;
}

bool import_file_seek(struct import_file *f, int64_t offset, struct err *e) {
    return lseek(f->fd, offset, SEEK_SET) == offset || fail(f, e);
}

bool import_file_read(struct import_file *f, struct str *out, struct err *e) {
    ssize_t n;
    do
        n = read(f->fd, f->piece, PIECE);
    while (n < 0 && errno == EINTR);
    *out = str_of(f->piece, n > 0 ? (size_t)n : 0);
    return n >= 0 || fail(f, e);
}

bool import_file_digest(struct import_file *f, int64_t n, char out[DIGEST_HEX_CHARS + 1],
                        struct err *e) {
    if (!f->digest || n < f->digested) {
        digest_free(f->digest);
        f->digest = digest_new();
        f->digested = 0;
    }
    char piece[16 * 1024];
    while (f->digested < n) {
        int64_t want =
            n - f->digested < (int64_t)sizeof piece ? n - f->digested : (int64_t)sizeof piece;
        ssize_t got = pread(f->fd, piece, (size_t)want, f->digested);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(f, e);
        if (got == 0)
            return err_set(e, ERR_INPUT, "%s: the file has become shorter while it was read",
                           f->path);
        digest_add(f->digest, str_of(piece, (size_t)got));
        f->digested += got;
    }
    digest_hex(f->digest, out);
    return true;
}

bool import_file_line_ends(const struct import_file *f, int64_t n) {
    char c = 0;
    return n == f->size || (n > 0 && pread(f->fd, &c, 1, n - 1) == 1 && c == '\n');
}
