/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/cluster_server.h"

#include "base/io/dbsync.h"
#include "engine/cluster_programs.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define START_SECONDS 300 /* crash recovery may take a while */
#define ORPHAN_SECONDS 20 /* backends notice within this time that their server was killed */
#define SHARED_HOME "/var/lib/godwit"

/* ---- making the home and the data */

/* The user for a server started by root: whoever owns the workspace, so that they can
 * go on without root; else a user without rights. */
static void choose_user(struct cluster *c) {
    struct stat st;
    c->uid = geteuid();
    c->gid = getegid();
    if (c->uid != 0)
        return;
    const struct passwd *pw = stat(c->dir, &st) == 0 && st.st_uid ? getpwuid(st.st_uid) : NULL;
    if (!pw)
        pw = getpwnam("postgres");
    if (!pw)
        pw = getpwnam("nobody");
    if (pw) {
        c->uid = pw->pw_uid;
        c->gid = pw->pw_gid;
    }
}

static bool make_owned(struct cluster *c, const char *path, struct err *e) {
    if (mkdir(path, 0700) != 0)
        return err_set(e, ERR_PERMANENT, "cannot make %s for the embedded database: %s", path,
                       strerror(errno));
    if (geteuid() == 0 && lchown(path, c->uid, c->gid) != 0)
        return err_set(e, ERR_PERMANENT, "%s: %s", path, strerror(errno));
    return true;
}

/* Outside of the workspace, below a folder that only root may write to. The name is
 * made of the workspace's path and the time: an old one is never taken over. */
static bool make_shared_home(struct cluster *c, const char *link, struct err *e) {
    char path[200];
    struct stat st;
    uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)time(NULL);
    for (const char *p = c->dir; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    snprintf(path, sizeof path, "%s/%016llx", SHARED_HOME, (unsigned long long)hash);
    if (mkdir(SHARED_HOME, 0755) != 0 && errno != EEXIST)
        return err_set(e, ERR_PERMANENT, "%s: %s", SHARED_HOME, strerror(errno));
    if (lstat(SHARED_HOME, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != 0 ||
        (st.st_mode & 022) != 0)
        return err_set(e, ERR_PERMANENT, "%s must be a folder of root's that nobody else may write",
                       SHARED_HOME);
    if (!make_owned(c, path, e))
        return false;
    if (symlink(path, link) != 0)
        return err_set(e, ERR_PERMANENT, "%s: %s", link, strerror(errno));
    return true;
}

static bool make_home(struct cluster *c, struct err *e) {
    char link[PATH_MAX + 10];
    choose_user(c);
    if (c->uid == 0)
        return err_set(e, ERR_PERMANENT,
                       "PostgreSQL refuses to run as root, and there is no user `postgres` or "
                       "`nobody` to run it as");
    snprintf(link, sizeof link, "%s/pg", c->dir);
    bool reachable = cluster_programs_may_enter(c->uid, c->gid, c->dir);
    if (!(reachable ? make_owned(c, link, e) : make_shared_home(c, link, e)))
        return false;
    if (!realpath(link, c->home))
        return err_set(e, ERR_PERMANENT, "%s: %s", link, strerror(errno));
    return true;
}

static void program(const struct cluster *c, const char *name, char *out, size_t cap) {
    snprintf(out, cap, "%s/%s", c->bin, name);
}

static const char *advice(const char *said) {
    if (strstr(said, "No space left"))
        return "; free space on this disk";
    if (strstr(said, "could not map") || strstr(said, "shared memory"))
        return "; the machine has too little (shared) memory left";
    return "";
}

static bool anybody_works_in(const char *data);
static void nap(int ms);

/* initdb into a folder of another name, renamed when it is whole: a killed one leaves
 * nothing that looks like a cluster. */
static bool run_initdb(struct cluster *c, const char *locale, struct buf *out) {
    char initdb[PATH_MAX + 16];
    program(c, "initdb", initdb, sizeof initdb);
    const char *sweep[] = {"/bin/rm", "-rf", "data.new", NULL};
    const char *make[] = {initdb, "-D",   "data.new", "-U",   "godwit", "-A", "trust",
                          "-E",   "UTF8", "--locale", locale, "-k",     NULL};
    char fresh[PATH_MAX + 16];
    snprintf(fresh, sizeof fresh, "%s/data.new", c->home);
    for (int i = 0; i < ORPHAN_SECONDS * 20 && anybody_works_in(fresh); i++)
        nap(50); /* children of an initdb that was killed */
    buf_clear(out);
    return cluster_programs_run(c->uid, c->gid, c->home, sweep, out) == 0 &&
           cluster_programs_run(c->uid, c->gid, c->home, make, out) == 0;
}

static bool make_data(struct cluster *c, const char *data, struct err *e) {
    char fresh[PATH_MAX + 16];
    struct buf out = BUF_HEAP;
    bool good = run_initdb(c, "C.UTF-8", &out) ||
                (strstr(buf_cstr(&out), "invalid locale") && run_initdb(c, "C", &out));
    if (!good) {
        const char *said = buf_cstr(&out), *from = strstr(said, "initdb: error");
        err_set(e, ERR_PERMANENT, "making the embedded database failed: %.700s%s",
                from ? from : said, advice(said));
    }
    buf_close(&out);
    snprintf(fresh, sizeof fresh, "%s/data.new", c->home);
    if (good && rename(fresh, data) != 0)
        good = err_set(e, ERR_PERMANENT, "%s: %s", data, strerror(errno));
    return good;
}

static int version_of_data(const char *data) {
    char path[PATH_MAX + 32];
    int major = 0;
    snprintf(path, sizeof path, "%s/PG_VERSION", data);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    if (fscanf(f, "%d", &major) != 1)
        major = 0;
    fclose(f);
    return major;
}

/* ---- is it running */

/* A server and all its children have the data folder as their current one: the one
 * sign that a recycled process number cannot fake. */
static bool works_in(const char *pid, const char *data) {
    char path[64], cwd[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%.20s/cwd", pid);
    ssize_t n = readlink(path, cwd, sizeof cwd - 1);
    if (n <= 0)
        return false;
    cwd[n] = 0;
    return strcmp(cwd, data) == 0;
}

static bool read_pid(const char *data, char pid[24]) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/postmaster.pid", data);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool good = fscanf(f, "%23[0-9]", pid) == 1;
    fclose(f);
    return good;
}

bool cluster_server_runs(const struct cluster *c) {
    char data[PATH_MAX + 8], pid[24];
    snprintf(data, sizeof data, "%s/data", c->home);
    return read_pid(data, pid) && works_in(pid, data);
}

static bool anybody_works_in(const char *data) {
    DIR *proc = opendir("/proc");
    bool found = false;
    for (struct dirent *d; proc && !found && (d = readdir(proc)) != NULL;)
        found = d->d_name[0] >= '1' && d->d_name[0] <= '9' && works_in(d->d_name, data);
    if (proc)
        closedir(proc);
    return found;
}

static void nap(int ms) {
    poll(NULL, 0, ms);
}

/* After a kill -9 of the server: waits for its children to notice, and removes a lock
 * file whose process number now belongs to a stranger. */
static bool clear_remains(const struct cluster *c, const char *data, struct err *e) {
    char path[PATH_MAX + 40], pid[24];
    for (int i = 0; anybody_works_in(data); i++) {
        if (i >= ORPHAN_SECONDS * 20)
            return err_set(e, ERR_TEMPORARY,
                           "processes of a killed PostgreSQL server still work in %s; end them",
                           data);
        nap(50);
    }
    int64_t number = 0;
    if (read_pid(data, pid) && str_to_int64(str_from(pid), &number) && number > 1 &&
        kill((pid_t)number, 0) == 0) {
        snprintf(path, sizeof path, "%s/postmaster.pid", data);
        unlink(path);
        snprintf(path, sizeof path, "%s/.s.PGSQL.5432.lock", c->socket);
        unlink(path);
    }
    return true;
}

/* ---- starting and stopping */

/* A list element for unix_socket_directories. */
static void quote(struct buf *b, const char *path) {
    buf_add_char(b, '"');
    for (; *path; path++) {
        if (*path == '"')
            buf_add_char(b, '"');
        buf_add_char(b, *path);
    }
    buf_add_char(b, '"');
}

static int launch(const struct cluster *c, const char *data) {
    char postgres[PATH_MAX + 16];
    struct buf sockets = BUF_HEAP;
    program(c, "postgres", postgres, sizeof postgres);
    buf_add_str(&sockets, S("unix_socket_directories="));
    quote(&sockets, c->socket);
    /* What must be so. Everything else is left to postgresql.conf and ALTER SYSTEM. */
    const char *argv[] = {postgres,
                          "-D",
                          data,
                          "-c",
                          "listen_addresses=",
                          "-c",
                          "port=5432",
                          "-c",
                          buf_cstr(&sockets),
                          "-c",
                          "unix_socket_permissions=0700",
                          "-c",
                          "logging_collector=on",
                          "-c",
                          "log_directory=../log",
                          "-c",
                          "log_filename=postgres-%u.log", /* a file a weekday: bounded */
                          "-c",
                          "log_truncate_on_rotation=on",
                          "-c",
                          "log_rotation_age=1d",
                          "-c",
                          "log_rotation_size=0",
                          "-c",
                          "cluster_name=godwit",
                          NULL};
    int alive = cluster_programs_launch(c->uid, c->gid, c->home, "start.log", argv);
    buf_close(&sockets);
    return alive;
}

/* The last reason in a log of the server. */
static void last_words(const struct cluster *c, const char *name, char *out, size_t cap) {
    char path[PATH_MAX + 32], line[600];
    snprintf(path, sizeof path, "%s/%s", c->home, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    while (fgets(line, sizeof line, f))
        if (strstr(line, "FATAL:") || strstr(line, "PANIC:") || strstr(line, "could not")) {
            line[strcspn(line, "\n")] = 0;
            snprintf(out, cap, "%s", line);
        }
    fclose(f);
}

static bool say_why(const struct cluster *c, struct err *e) {
    char said[700] = "", name[32], path[PATH_MAX + 40];
    time_t newest = 0;
    struct stat st;
    last_words(c, "start.log", said, sizeof said);
    for (int day = 1; !said[0] && day <= 7; day++) {
        snprintf(name, sizeof name, "log/postgres-%d.log", day);
        snprintf(path, sizeof path, "%s/%s", c->home, name);
        if (stat(path, &st) == 0 && st.st_mtime > newest) {
            newest = st.st_mtime;
            last_words(c, name, said, sizeof said);
        }
    }
    return err_set(e, ERR_PERMANENT,
                   "the embedded database does not start: %s%s; its log is in "
                   "%s/log and %s/start.log",
                   said[0] ? said : "no reason given", advice(said), c->home, c->home);
}

static bool gone(int alive) {
    struct pollfd p = {.fd = alive, .events = POLLIN};
    return alive >= 0 && poll(&p, 1, 0) > 0;
}

/* The database `postgres` is always there; ours is made through it. */
static struct dbsync *connect_first(const struct cluster *c, struct err *e) {
    struct buf url = BUF_HEAP;
    buf_printf(&url, "postgresql://godwit@/postgres%s", strchr(c->url, '?'));
    struct dbsync *s = dbsync_open(buf_cstr(&url), e);
    buf_close(&url);
    return s;
}

static struct dbsync *wait_ready(const struct cluster *c, int alive, struct err *e) {
    struct err last = ERR_INIT;
    time_t deadline = time(NULL) + START_SECONDS;
    while (time(NULL) < deadline) {
        struct dbsync *s = connect_first(c, &last);
        if (s)
            return s;
        if (gone(alive) || (alive < 0 && !cluster_server_runs(c))) {
            say_why(c, e);
            return NULL;
        }
        nap(20);
    }
    err_set(e, ERR_TEMPORARY, "the embedded database is not ready after %d s: %s", START_SECONDS,
            last.text);
    return NULL;
}

static bool make_database(struct dbsync *s, struct err *e) {
    static const struct db_stmt there = {
        NULL, "select exists (select from pg_database where datname = 'godwit')"};
    struct db_reply *reply = NULL;
    if (!dbsync_query(s, &there, NULL, &reply, e))
        return false;
    bool found = db_bool(reply->result[0], 0, 0);
    db_reply_free(reply);
    return found || dbsync_script(s, "create database godwit", e);
}

bool cluster_server_ensure(struct cluster *c, struct err *e) {
    char data[PATH_MAX + 8];
    if (!c->home[0] && !make_home(c, e))
        return false;
    snprintf(data, sizeof data, "%s/data", c->home);
    int major = version_of_data(data), alive = -1;
    if (!cluster_choose_socket(c, e) || !cluster_programs_find(major, c->bin, sizeof c->bin, e) ||
        (!major && !make_data(c, data, e)))
        return false;
    if (!cluster_server_runs(c)) {
        if (!clear_remains(c, data, e))
            return false;
        alive = launch(c, data);
        if (alive < 0)
            return err_set(e, ERR_TEMPORARY, "no process for the embedded database: %s",
                           strerror(errno));
    }
    struct dbsync *s = wait_ready(c, alive, e);
    bool good = s && make_database(s, e);
    dbsync_close(s);
    if (alive >= 0)
        close(alive);
    return good;
}

bool cluster_server_stop(struct cluster *c, struct err *e) {
    char pg_ctl[PATH_MAX + 16], data[PATH_MAX + 8];
    snprintf(data, sizeof data, "%s/data", c->home);
    if (!c->bin[0] && !cluster_programs_find(version_of_data(data), c->bin, sizeof c->bin, e))
        return false;
    program(c, "pg_ctl", pg_ctl, sizeof pg_ctl);
    const char *argv[] = {pg_ctl, "-D", data, "-m", "fast", "-w", "-t", "60", "-s", "stop", NULL};
    struct buf out = BUF_HEAP;
    bool good =
        cluster_programs_run(c->uid, c->gid, c->home, argv, &out) == 0 || !cluster_server_runs(c);
    if (!good)
        err_set(e, ERR_TEMPORARY, "the embedded database did not stop: %.700s", buf_cstr(&out));
    buf_close(&out);
    return good;
}
