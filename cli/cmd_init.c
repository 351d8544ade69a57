/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/err.h"
#include "cli/command.h"
#include "cli/starter.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Makes the folders on the way to the last slash of `path`. */
static bool make_folders(struct arena *a, const char *path, struct err *e) {
    char *p = str_cstr(a, str_from(path));
    for (char *slash = strchr(p + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(p, 0777) != 0 && errno != EEXIST)
            return err_set(e, ERR_INPUT, "the folder %s cannot be made: %s", p, strerror(errno));
        *slash = '/';
    }
    return true;
}

/* "x": never over a file that is there. */
static bool write_file(const char *path, const char *text, struct err *e) {
    FILE *f = fopen(path, "wx");
    if (!f)
        return err_set(e, ERR_INPUT, "%s cannot be written: %s", path, strerror(errno));
    bool good = fputs(text, f) >= 0;
    good = fclose(f) == 0 && good;
    return good || err_set(e, ERR_INPUT, "%s cannot be written: %s", path, strerror(errno));
}

/* An empty folder is fine, and so is one that holds only hidden files, as after `git init`. */
static bool is_free(const char *folder, struct err *e) {
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT ||
               err_set(e, ERR_INPUT, "%s cannot be used: %s", folder, strerror(errno));
    bool empty = true;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        empty = empty && (entry->d_name[0] == '.' && strcmp(entry->d_name, ".gitignore") != 0);
    closedir(dir);
    return empty ||
           err_set(e, ERR_INPUT,
                   "%s is not empty, and nothing in it is overwritten; name a new folder", folder);
}

static bool write_all(struct arena *a, const char *folder, struct err *e) {
    for (const struct starter_file *f = starter_files; f->path; f++) {
        const char *path = str_printf(a, "%s/%s", folder, f->path).p;
        if (!make_folders(a, path, e) || !write_file(path, f->text, e))
            return false;
    }
    return true;
}

static int run_init(const struct args *args) {
    struct arena *a = arena_new(0);
    struct err e = ERR_INIT;
    const char *folder = args->positional[0];
    bool good = is_free(folder, &e) && write_all(a, folder, &e);
    const char *quote = strpbrk(folder, " \t'&;()*?<>|") ? "\"" : "";
    if (good)
        printf("A workspace is in %s. Next:\n"
               "  godwit check -C %s%s%s     says whether all is well\n"
               "  godwit dev -C %s%s%s       runs it: database, a mail server that catches all, "
               "engine\n",
               folder, quote, folder, quote, quote, folder, quote);
    else
        fprintf(stderr, "godwit init: %s\n", e.text);
    arena_free(a);
    return good ? EXIT_DONE : EXIT_WRONG;
}

const struct command cmd_init = {
    .name = "init",
    .arguments = "DIR",
    .summary = "Makes a small working workspace to begin with.",
    .about =
        "Writes godwit.yaml, catalog.yaml, segments.yaml, a campaign, its template in English\n"
        "and 繁體中文, and a test. Mail goes to 127.0.0.1:2525, where `godwit dev` catches it.\n"
        "Nothing that exists is overwritten.",
    .example = "  godwit init shop\n  godwit check -C shop",
    .least = 1,
    .most = 1,
    .run = run_init,
};
