/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/setup.h"

#include <stdio.h>

static const struct db_stmt st_export = {"export",
                                         "select jsonb_pretty(godwit.export_customer($1))"};

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    struct db_params *p = db_params(s.arena);
    struct db_reply *reply = NULL;
    struct dbsync *db = dbsync_open(s.conninfo, &e);
    db_param_text(p, str_from(args->positional[0]));
    bool ok = db && dbsync_query(db, &st_export, p, &reply, &e);
    if (ok && db_is_null(reply->result[0], 0, 0))
        ok = err_set(&e, ERR_INPUT, "there is no customer `%s`", args->positional[0]);
    if (ok) {
        struct str json = db_text(reply->result[0], 0, 0);
        fwrite(json.p, 1, json.n, stdout);
        putchar('\n');
    }
    db_reply_free(reply);
    dbsync_close(db);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

const struct command cmd_export = {
    .name = "export",
    .arguments = "CUSTOMER",
    .summary = "Prints all that is held about a customer, as JSON.",
    .about = "The customer, aliases, consents with their history, suppressions, events, messages\n"
             "with what they were made from, responses and decisions.",
    .example = "  godwit export c-1042 > c-1042.json",
    .least = 1,
    .most = 1,
    .run = run,
};
