/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/cluster.h"

#include "engine/cluster_server.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool locate(const char *workspace, struct cluster *c, struct err *e);

/* ---- the locks: `lock` is held while starting or stopping, `users` while using */

static int lock(const struct cluster *c, const char *name, int how, struct err *e) {
    char path[PATH_MAX + 10];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", c->dir, name);
    int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        err_set(e, ERR_PERMANENT, "%s: %s; the workspace must be writable for this user", path,
                strerror(errno));
        return -1;
    }
    if (geteuid() == 0 && stat(c->dir, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) != 0) {
        /* then its owner may not take part later, and is told so */
    }
    while (flock(fd, how) != 0) {
        if (errno == EINTR)
            continue;
        err_set(e, ERR_TEMPORARY, "%s: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

static void keep_path(const struct cluster *c, char *path, size_t cap) {
    snprintf(path, cap, "%s/keep", c->dir);
}

static bool make_folder(struct cluster *c, struct err *e) {
    char path[PATH_MAX + 16];
    struct stat st;
    if (mkdir(c->dir, 0755) == 0) {
        snprintf(path, sizeof path, "%.*s", (int)(strlen(c->dir) - strlen("/.godwit")), c->dir);
        if (geteuid() == 0 && stat(path[0] ? path : "/", &st) == 0 &&
            chown(c->dir, st.st_uid, st.st_gid) != 0)
            return err_set(e, ERR_PERMANENT, "%s: %s", c->dir, strerror(errno));
        snprintf(path, sizeof path, "%s/.gitignore", c->dir);
        FILE *f = fopen(path, "wxe");
        if (f) {
            fputs("*\n", f);
            fclose(f);
        }
    } else if (errno != EEXIST) {
        return err_set(e, ERR_PERMANENT,
                       "cannot make %s for the embedded database: %s; the workspace must exist and "
                       "be writable for this user",
                       c->dir, strerror(errno));
    }
    return true;
}

bool cluster_start(const char *workspace, struct cluster *c, struct err *e) {
    memset(c, 0, sizeof *c);
    c->users = -1;
    if (!locate(workspace, c, e) || !make_folder(c, e))
        return false;
    int busy = lock(c, "lock", LOCK_EX, e);
    if (busy < 0)
        return false;
    /* looked at before the lock was held: another process may have made it since */
    bool good = locate(workspace, c, e) && (c->users = lock(c, "users", LOCK_SH, e)) >= 0;
    if (good && !cluster_server_ensure(c, e)) {
        close(c->users);
        c->users = -1;
        good = false;
    }
    close(busy);
    return good;
}

void cluster_release(struct cluster *c) {
    struct err e = ERR_INIT;
    char keep[PATH_MAX + 10];
    if (c->users < 0)
        return;
    int busy = lock(c, "lock", LOCK_EX, &e);
    bool last = busy >= 0 && flock(c->users, LOCK_EX | LOCK_NB) == 0;
    keep_path(c, keep, sizeof keep);
    if (last && access(keep, F_OK) != 0 && !cluster_server_stop(c, &e)) {
        /* it runs on; the next user finds it and stops it */
    }
    close(c->users);
    c->users = -1;
    if (busy >= 0)
        close(busy);
}

bool cluster_keep(const struct cluster *c, struct err *e) {
    char keep[PATH_MAX + 10];
    keep_path(c, keep, sizeof keep);
    int fd = open(keep, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_set(e, ERR_PERMANENT, "%s: %s", keep, strerror(errno));
    close(fd);
    return true;
}

bool cluster_stop(const char *workspace, bool *was_running, struct err *e) {
    struct cluster c = {.users = -1};
    char keep[PATH_MAX + 10];
    *was_running = false;
    if (!locate(workspace, &c, e))
        return false;
    if (!c.home[0])
        return true;
    int busy = lock(&c, "lock", LOCK_EX, e);
    if (busy < 0)
        return false;
    keep_path(&c, keep, sizeof keep);
    unlink(keep);
    *was_running = cluster_server_runs(&c);
    bool good = !*was_running || cluster_server_stop(&c, e);
    close(busy);
    return good;
}

/* ---- where things are */

/* A socket's path has 107 bytes; libpq takes a comma for the end of a host's name. */
static bool fits_socket(const char *folder) {
    return !strchr(folder, ',') && strlen(folder) + strlen("/.s.PGSQL.5432") < 107;
}

/* The path as libpq's URLs want it. */
static void make_url(struct cluster *c) {
    static const char head[] = "postgresql://godwit@/godwit?host=";
    char *to = c->url + strlen(head);
    memcpy(c->url, head, sizeof head);
    for (const char *p = c->socket; *p; p++) {
        if (isalnum((unsigned char)*p) || strchr("-_.~", *p))
            *to++ = *p;
        else
            to += snprintf(to, 4, "%%%02X", (unsigned char)*p);
    }
    *to = 0;
}

/* A short folder for the socket, remembered as the link .godwit/socket; it must be
 * the server's own and closed to others, whoever made it. */
static bool short_socket(const struct cluster *c, char *out, struct err *e) {
    char link[PATH_MAX + 10];
    struct stat st;
    snprintf(link, sizeof link, "%s/socket", c->dir);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    if (n > 0) {
        out[n] = 0;
        if (lstat(out, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == c->uid &&
            (st.st_mode & 077) == 0)
            return true;
    }
    const char *runtime = geteuid() ? getenv("XDG_RUNTIME_DIR") : NULL;
    snprintf(out, PATH_MAX, "%s/godwit-XXXXXX",
             runtime && fits_socket(runtime) && strlen(runtime) < 60 && access(runtime, W_OK) == 0
                 ? runtime
                 : "/tmp");
    if (!mkdtemp(out) || (geteuid() == 0 && chown(out, c->uid, c->gid) != 0))
        return err_set(e, ERR_PERMANENT, "no folder for the database's socket: %s: %s", out,
                       strerror(errno));
    unlink(link);
    if (symlink(out, link) != 0)
        return err_set(e, ERR_PERMANENT, "%s: %s", link, strerror(errno));
    return true;
}

bool cluster_choose_socket(struct cluster *c, struct err *e) {
    if (fits_socket(c->home))
        memcpy(c->socket, c->home, sizeof c->socket);
    else if (!short_socket(c, c->socket, e))
        return false;
    make_url(c);
    return true;
}

static bool check_home(struct cluster *c, struct err *e) {
    struct stat st;
    if (stat(c->home, &st) != 0)
        return err_set(e, ERR_PERMANENT, "%s: %s", c->home, strerror(errno));
    if (!S_ISDIR(st.st_mode) || (st.st_mode & 077) != 0)
        return err_set(e, ERR_PERMANENT,
                       "%s must be a folder that only its owner may enter: `chmod 700` it",
                       c->home);
    if (st.st_uid == 0)
        return err_set(e, ERR_PERMANENT,
                       "%s belongs to root, and PostgreSQL refuses to run as root: give it to "
                       "another user with `chown -R`",
                       c->home);
    if (geteuid() != 0 && geteuid() != st.st_uid)
        return err_set(e, ERR_PERMANENT,
                       "the embedded database in %s belongs to another user (uid %ld): run godwit "
                       "as that user or as root",
                       c->home, (long)st.st_uid);
    c->uid = st.st_uid;
    c->gid = st.st_gid;
    return true;
}

/* Fills in what is known without making anything. */
static bool locate(const char *workspace, struct cluster *c, struct err *e) {
    char real[PATH_MAX], link[PATH_MAX + 10];
    if (!realpath(workspace, real))
        return err_set(e, ERR_INPUT, "workspace %s: %s", workspace, strerror(errno));
    if (strlen(real) > PATH_MAX - 64)
        return err_set(e, ERR_INPUT, "workspace %s: its path is too long", workspace);
    snprintf(c->dir, sizeof c->dir, "%.*s/.godwit", PATH_MAX - 64, strcmp(real, "/") ? real : "");
    snprintf(link, sizeof link, "%s/pg", c->dir);
    c->home[0] = 0;
    struct stat st;
    if (lstat(link, &st) != 0 && errno == ENOENT)
        return true;
    if (!realpath(link, c->home))
        return err_set(e, ERR_PERMANENT, "%s: %s; if the database's data is lost, remove this link",
                       link, strerror(errno));
    return check_home(c, e);
}
