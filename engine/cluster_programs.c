/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/cluster_programs.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP_OUTPUT 4096

static const char *const places[] = {"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
                                     "/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"};

/* ---- in the child, between fork and exec */

static void become(uid_t uid, gid_t gid) {
    if (geteuid() == 0 && uid != 0 &&
        (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0))
        _exit(126);
}

static void clean_child(const char *in, int out) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir(in) != 0)
        _exit(126);
    umask(077);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("PGDATA");
}

static int wait_for(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- running */

static void keep_tail(struct buf *out, const char *p, size_t n) {
    buf_add(out, p, n);
    if (out->n > 2 * KEEP_OUTPUT) {
        memmove(out->p, out->p + out->n - KEEP_OUTPUT, KEEP_OUTPUT);
        out->n = KEEP_OUTPUT;
    }
}

int cluster_programs_run(uid_t uid, gid_t gid, const char *in, const char *const *argv,
                         struct buf *out) {
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        become(uid, gid);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* after kill -9 of godwit nothing goes on half done */
        clean_child(in, fd[1]);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(fd[1]);
    char chunk[1024];
    ssize_t n;
    while (pid > 0 && ((n = read(fd[0], chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0)
            keep_tail(out, chunk, (size_t)n);
    close(fd[0]);
    return pid > 0 ? wait_for(pid) : -1;
}

static void launch(const char *in, const char *log, const char *const *argv, int alive) {
    setsid();
    if (chdir(in) != 0)
        _exit(126);
    int out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0)
        _exit(126);
    clean_child(in, out);
    fcntl(alive, F_SETFD, 0); /* the server keeps it open as long as it lives */
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

int cluster_programs_launch(uid_t uid, gid_t gid, const char *in, const char *log,
                            const char *const *argv) {
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        become(uid, gid);
        if (fork() == 0)
            launch(in, log, argv, fd[1]);
        _exit(0); /* init becomes the server's parent */
    }
    close(fd[1]);
    if (pid < 0 || wait_for(pid) != 0) {
        close(fd[0]);
        return -1;
    }
    return fd[0];
}

bool cluster_programs_may_enter(uid_t uid, gid_t gid, const char *folder) {
    pid_t pid = fork();
    if (pid == 0) {
        become(uid, gid);
        _exit(access(folder, X_OK) == 0 ? 0 : 1);
    }
    return pid > 0 && wait_for(pid) == 0;
}

/* ---- finding */

/* "postgres (PostgreSQL) 15.3 (Debian ...)", "... 16beta1": 15, 16; otherwise 0. */
static int read_major(struct str said) {
    static const struct str head = {"postgres (PostgreSQL) ", 22};
    int major = 0;
    if (!str_starts(said, head))
        return 0;
    for (size_t i = head.n; i < said.n && said.p[i] >= '0' && said.p[i] <= '9' && major < 1000; i++)
        major = major * 10 + (said.p[i] - '0');
    return major;
}

static int version_of(const char *bin) {
    struct buf initdb = BUF_HEAP, postgres = BUF_HEAP, out = BUF_HEAP;
    buf_printf(&initdb, "%s/initdb", bin);
    buf_printf(&postgres, "%s/postgres", bin);
    const char *argv[] = {buf_cstr(&postgres), "--version", NULL};
    int major = 0;
    if (access(buf_cstr(&initdb), X_OK) == 0 && access(argv[0], X_OK) == 0 &&
        cluster_programs_run(geteuid(), getegid(), "/", argv, &out) == 0)
        major = read_major(buf_str(&out));
    buf_close(&initdb);
    buf_close(&postgres);
    buf_close(&out);
    return major;
}

struct search {
    int wanted, best, seen; /* seen: the newest of any version */
    char *bin;
    size_t cap;
};

static void consider(struct search *s, const char *bin) {
    int major = version_of(bin);
    if (major > s->seen)
        s->seen = major;
    bool good = s->wanted ? major == s->wanted : major >= CLUSTER_OLDEST;
    if (good && major > s->best && strlen(bin) < s->cap) {
        s->best = major;
        memcpy(s->bin, bin, strlen(bin) + 1);
    }
}

static void ask_pg_config(struct search *s) {
    FILE *f = popen("pg_config --bindir 2>/dev/null", "re");
    char line[PATH_MAX] = "";
    if (!f)
        return;
    if (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        consider(s, line);
    }
    pclose(f);
}

static void look_around(struct search *s) {
    ask_pg_config(s);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        glob_t g;
        if (glob(places[i], 0, NULL, &g) != 0)
            continue;
        for (size_t k = 0; k < g.gl_pathc; k++)
            consider(s, g.gl_pathv[k]);
        globfree(&g);
    }
}

bool cluster_programs_find(int major, char *bin, size_t cap, struct err *e) {
    struct search s = {.wanted = major, .bin = bin, .cap = cap};
    const char *chosen = getenv("PG_BINDIR");
    if (chosen)
        consider(&s, chosen);
    else
        look_around(&s);
    if (s.best)
        return true;
    if (major)
        return err_set(e, ERR_PERMANENT,
                       "the embedded database was made by PostgreSQL %d, whose programs are not "
                       "installed; install them (Debian: `apt-get install postgresql-%d`), or move "
                       "the data to a newer version as docs/operator.md says",
                       major, major);
    if (s.seen)
        return err_set(e, ERR_PERMANENT,
                       "the newest PostgreSQL found here is version %d; `database: embedded` needs "
                       "%d or newer (Debian: `apt-get install postgresql`)",
                       s.seen, CLUSTER_OLDEST);
    return err_set(
        e, ERR_PERMANENT,
        "no PostgreSQL server programs found%s%s; install them (Debian: `apt-get install "
        "postgresql`), set PG_BINDIR to their folder, or give a server's URL as "
        "`database:` in godwit.yaml",
        chosen ? " in PG_BINDIR=" : "", chosen ? chosen : "");
}
