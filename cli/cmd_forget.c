/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/setup.h"

#include <stdio.h>

static const struct db_stmt st_forget = {"forget", "select godwit.forget($1)"};

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    struct db_params *p = db_params(s.arena);
    struct db_reply *reply = NULL;
    struct dbsync *db = dbsync_open(s.conninfo, &e);
    db_param_text(p, str_from(args->positional[0]));
    bool ok = db && dbsync_query(db, &st_forget, p, &reply, &e);
    if (ok && !db_bool(reply->result[0], 0, 0))
        ok = err_set(&e, ERR_INPUT, "there is no customer `%s`", args->positional[0]);
    db_reply_free(reply);
    dbsync_close(db);
    setup_close(&s);
    if (!ok)
        return setup_fail(args, &e);
    puts("Erased. What statistics count stays, without a name; the addresses stay suppressed.");
    return EXIT_DONE;
}

const struct command cmd_forget = {
    .name = "forget",
    .arguments = "CUSTOMER",
    .summary = "Erases a customer.",
    .about =
        "Attributes, addresses, events, consents and what messages were made from are deleted;\n"
        "queued messages are cancelled. Rows that statistics count stay under a key that says\n"
        "nothing, and keyed hashes of the addresses stay suppressed, so that an import cannot\n"
        "bring them back. This cannot be undone: `godwit export` first, if asked for both.",
    .example = "  godwit export c-1042 > c-1042.json\n  godwit forget c-1042",
    .least = 1,
    .most = 1,
    .run = run,
};
