/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/setup.h"

#include "engine/migrate.h"
#include "engine/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool setup_colour(void) {
    const char *no = getenv("NO_COLOR");
    return isatty(STDERR_FILENO) && !(no && *no);
}

int setup_fail(const struct args *args, const struct err *e) {
    fprintf(stderr, "godwit %s: %s\n", args->command->name, e->text);
    return EXIT_WRONG;
}

bool setup_workspace(const struct args *args, struct setup *s) {
    struct diags d;
    *s = (struct setup){.arena = arena_new(0)};
    diags_init(&d, s->arena);
    s->workspace = workspace_load(str_from(args->workspace), &d);
    if (s->workspace)
        return true;
    diags_print(&d, stderr, setup_colour());
    fprintf(stderr, "godwit %s: the workspace has %zu mistake%s; nothing was done\n",
            args->command->name, d.errors, d.errors == 1 ? "" : "s");
    setup_close(s);
    return false;
}

static bool find_database(const struct args *args, struct setup *s, struct err *e) {
    const struct settings *settings = &s->workspace->settings;
    struct str url;
    if (settings->embedded) {
        s->cluster = ARENA_NEW(s->arena, struct cluster);
        if (!cluster_start(args->workspace, s->cluster, e)) {
            s->cluster = NULL;
            return false;
        }
        url = str_from(s->cluster->url);
    } else if (!secret_resolve(s->arena, s->workspace->folder, settings->database, &url, e)) {
        return err_context(e, "database");
    }
    s->conninfo = str_cstr(s->arena, url);
    return migrate_run(s->conninfo, e);
}

static bool open_database(const struct args *args, struct setup *s) {
    struct err e = ERR_INIT;
    if (find_database(args, s, &e))
        return true;
    setup_fail(args, &e);
    setup_close(s);
    return false;
}

bool setup_database(const struct args *args, struct setup *s) {
    return setup_workspace(args, s) && open_database(args, s);
}

bool setup_database_anyway(const struct args *args, struct setup *s) {
    struct diags d;
    *s = (struct setup){.arena = arena_new(0)};
    diags_init(&d, s->arena);
    s->workspace = workspace_load(str_from(args->workspace), &d);
    if (!s->workspace) {
        diags_init(&d, s->arena);
        s->workspace = workspace_load_settings(str_from(args->workspace), &d);
        if (s->workspace)
            fprintf(stderr,
                    "godwit %s: the workspace has mistakes (`godwit check` shows them); "
                    "going on with its settings alone\n",
                    args->command->name);
    }
    if (s->workspace)
        return open_database(args, s);
    diags_print(&d, stderr, setup_colour());
    setup_close(s);
    return false;
}

void setup_close(struct setup *s) {
    workspace_release(s->workspace);
    if (s->cluster)
        cluster_release(s->cluster);
    arena_free(s->arena);
    *s = (struct setup){0};
}
