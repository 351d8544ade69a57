/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/io/dbsync.h"
#include "base/yamlfile.h"
#include "cli/command.h"
#include "engine/cluster.h"
#include "engine/migrate.h"
#include "engine/secret.h"

#include <stdio.h>

static int fail(const struct err *e) {
    fprintf(stderr, "godwit db: %s\n", e->text);
    return EXIT_WRONG;
}

/* `database:` of godwit.yaml: NULL for embedded, otherwise a URL. The rest of the
 * workspace may be wrong: that must not keep anybody from stopping the database. */
static bool read_database(struct arena *a, const char *workspace, const char **url, struct err *e) {
    struct yamlfile file = {0};
    struct diags diags;
    diags_init(&diags, a);
    const char *path = str_cstr(a, str_printf(a, "%s/godwit.yaml", workspace));
    if (!yamlfile_load(a, path, S("godwit.yaml"), &file, &diags) || diags.errors) {
        diags_print(&diags, stderr, false);
        return err_set(e, ERR_INPUT, "godwit.yaml of the workspace %s cannot be used", workspace);
    }
    const struct ynode *node = file.root ? ynode_get(file.root, S("database")) : NULL;
    if (!node || node->kind != Y_SCALAR || !node->text.n)
        return err_set(e, ERR_INPUT,
                       "godwit.yaml: `database:` is missing; write `database: embedded` or a libpq "
                       "URL");
    if (str_eq(node->text, S("embedded"))) {
        *url = NULL;
        return true;
    }
    struct str found;
    if (!secret_resolve(a, str_from(workspace), node->text, &found, e))
        return err_context(e, "godwit.yaml:%d: database", node->line);
    *url = str_cstr(a, found);
    return true;
}

/* Runs from now on, with the schema in it: what is printed can be used at once. */
static bool keep_running(const struct args *args, struct cluster *c, struct err *e) {
    if (!cluster_start(args->workspace, c, e))
        return false;
    bool good = cluster_keep(c, e) && migrate_run(c->url, e);
    cluster_release(c);
    return good;
}

static int start(const struct args *args) {
    struct cluster c;
    struct err e = ERR_INIT;
    if (!keep_running(args, &c, &e))
        return fail(&e);
    puts("The embedded database runs until `godwit db stop`.");
    return EXIT_DONE;
}

static int stop(const struct args *args) {
    bool was_running;
    struct err e = ERR_INIT;
    if (!cluster_stop(args->workspace, &was_running, &e))
        return fail(&e);
    puts(was_running ? "The embedded database was stopped." : "The embedded database did not run.");
    return EXIT_DONE;
}

static int print_url(const struct args *args) {
    struct cluster c;
    struct err e = ERR_INIT;
    if (!keep_running(args, &c, &e))
        return fail(&e);
    puts(c.url);
    return EXIT_DONE;
}

static int migrate(const char *url) {
    struct err e = ERR_INIT;
    struct migrate_report report;
    if (!migrate_report(url, &report, &e))
        return fail(&e);
    if (report.applied)
        printf("The schema is at version %d now (%d applied).\n", report.version, report.applied);
    else
        printf("The schema is at version %d already.\n", report.version);
    return EXIT_DONE;
}

/* After dump and restore: the cursor is made to fit the new cluster. */
static int rebase(const char *url) {
    static const struct db_stmt st = {NULL, "select decided, undecided from godwit.rebase()"};
    struct err e = ERR_INIT;
    struct db_reply *reply = NULL;
    struct dbsync *db = migrate_run(url, &e) ? dbsync_open(url, &e) : NULL;
    bool good = db && dbsync_query(db, &st, NULL, &reply, &e);
    if (good)
        printf("Events that count as decided: %lld; to be decided next: %lld.\n",
               (long long)db_int(reply->result[0], 0, 0),
               (long long)db_int(reply->result[0], 0, 1));
    db_reply_free(reply);
    dbsync_close(db);
    return good ? EXIT_DONE : fail(&e);
}

static int rebase_embedded(const struct args *args) {
    struct cluster c;
    struct err e = ERR_INIT;
    if (!cluster_start(args->workspace, &c, &e))
        return fail(&e);
    int status = rebase(c.url);
    cluster_release(&c);
    return status;
}

static int migrate_embedded(const struct args *args) {
    struct cluster c;
    struct err e = ERR_INIT;
    if (!cluster_start(args->workspace, &c, &e))
        return fail(&e);
    int status = migrate(c.url);
    cluster_release(&c);
    return status;
}

static int run(const struct args *args) {
    static const struct {
        const char *name;
        int (*embedded)(const struct args *args);
    } verbs[] = {{"start", start},
                 {"stop", stop},
                 {"url", print_url},
                 {"migrate", migrate_embedded},
                 {"rebase", rebase_embedded}};
    struct str verb = str_from(args->positional[0]);
    size_t n = sizeof verbs / sizeof *verbs, i = 0;
    while (i < n && !str_eq(verb, str_from(verbs[i].name)))
        i++;
    if (i == n)
        return args_usage(args, "`%.*s` is none of start, stop, url, migrate, rebase",
                          STR_FMT(verb));
    struct arena *a = arena_new(0);
    struct err e = ERR_INIT;
    const char *url = NULL;
    int status = EXIT_DONE;
    if (!read_database(a, args->workspace, &url, &e)) {
        status = fail(&e);
    } else if (!url) {
        status = verbs[i].embedded(args);
    } else if (str_eq(verb, S("url"))) {
        puts(url);
    } else if (str_eq(verb, S("migrate"))) {
        status = migrate(url);
    } else if (str_eq(verb, S("rebase"))) {
        status = rebase(url);
    } else {
        fprintf(stderr,
                "godwit db %s: `database:` in godwit.yaml names a server that godwit does not run; "
                "start and stop are for `database: embedded`\n",
                verbs[i].name);
        status = EXIT_WRONG;
    }
    arena_free(a);
    return status;
}

const struct command cmd_db = {
    .name = "db",
    .arguments = "start|stop|url|migrate|rebase",
    .summary = "Runs the embedded database; migrates any.",
    .about = "start    makes the embedded database if there is none, and runs it until `stop`\n"
             "stop     stops it\n"
             "url      prints the libpq URL, for psql and other tools; starts it like `start`\n"
             "migrate  brings the schema `godwit` to this program's version\n"
             "rebase   once after dump and restore into another PostgreSQL cluster: what was\n"
             "         decided there stays decided, the rest is decided next",
    .example = "  godwit db start\n  psql \"$(godwit db url)\" -c 'select 1'",
    .least = 1,
    .most = 1,
    .run = run,
};
