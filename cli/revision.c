/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/revision.h"

#include "base/arena.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_workspace(struct arena *a, struct str folder) {
    return access(str_printf(a, "%.*s/godwit.yaml", STR_FMT(folder)).p, R_OK) == 0;
}

/* Runs a program with its input and output on the given descriptors (-1: as they are). */
static pid_t run(char *const *argv, int in, int out, int close_too) {
    pid_t child = fork();
    if (child != 0)
        return child;
    if (in >= 0)
        dup2(in, STDIN_FILENO);
    if (out >= 0)
        dup2(out, STDOUT_FILENO);
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    if (close_too >= 0)
        close(close_too);
    execvp(argv[0], argv);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static bool succeeded(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* git archive | tar: no shell, and a name cannot be taken for an option. */
static bool unpack(struct arena *a, struct str workspace, struct str name, struct str folder,
                   struct err *e) {
    char *const git[] = {"git",
                         "-C",
                         (char *)str_dup(a, workspace).p,
                         "archive",
                         "--format=tar",
                         "--end-of-options",
                         (char *)str_printf(a, "%.*s", STR_FMT(name)).p,
                         ".",
                         NULL};
    char *const tar[] = {"tar", "-x", "-f", "-", "-C", (char *)folder.p, NULL};
    int ends[2];
    if (pipe(ends) != 0)
        return err_set(e, ERR_TEMPORARY, "no pipe: %s", strerror(errno));
    pid_t reader = run(tar, ends[0], -1, ends[1]);
    pid_t writer = run(git, -1, ends[1], ends[0]);
    close(ends[0]);
    close(ends[1]);
    bool wrote = writer > 0 && succeeded(writer);
    bool read = reader > 0 && succeeded(reader);
    if (wrote && read)
        return true;
    return err_set(e, ERR_INPUT,
                   "`%.*s` is neither a folder with a godwit.yaml nor a revision of the git "
                   "repository that the workspace lies in",
                   STR_FMT(name));
}

bool revision_unpack(struct arena *a, struct str workspace, struct str name, struct str *folder,
                     struct str *made, struct err *e) {
    const char *tmp = getenv("TMPDIR");
    *made = STR_NONE;
    *folder = str_dup(a, name);
    if (is_workspace(a, *folder))
        return true;
    struct str path = str_printf(a, "%s/godwit-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp((char *)path.p))
        return err_set(e, ERR_TEMPORARY, "%s: %s", path.p, strerror(errno));
    *folder = *made = path;
    if (!unpack(a, workspace, name, path, e))
        return false;
    return is_workspace(a, path) ||
           err_set(e, ERR_INPUT, "in `%.*s` there is no godwit.yaml", STR_FMT(name));
}

static int on_entry(const char *path, const struct stat *s, int kind, struct FTW *walk) {
    (void)s;
    (void)kind;
    (void)walk;
    return remove(path);
}

void revision_remove(struct str made) {
    if (made.n)
        nftw(made.p, on_entry, 16, FTW_DEPTH | FTW_PHYS);
}
