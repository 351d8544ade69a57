/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/setup.h"

#include <stdio.h>

static const struct db_stmt st_list = {
    "keys_list",
    "select k.id::text, to_char(k.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), "
    "case when k.id = (select id from godwit.token_keys where signs_from <= now() "
    "order by signs_from desc, id desc limit 1) then 'signs' "
    "when k.signs_from > now() then 'will sign' else 'verifies' end "
    "from godwit.token_keys k order by k.signs_from desc, k.id desc"};
static const struct db_stmt st_rotate = {"keys_rotate", "select godwit.rotate_token_key()"};
/* Not the one that signs, and so never the last. */
static const struct db_stmt st_remove = {
    "keys_remove", "delete from godwit.token_keys k where k.id = $1 and k.id is distinct from "
                   "(select id from godwit.token_keys where signs_from <= now() "
                   "order by signs_from desc, id desc limit 1) returning 1"};

static bool list(struct dbsync *db, struct err *e) {
    struct db_reply *reply = NULL;
    bool ok = dbsync_query(db, &st_list, NULL, &reply, e);
    for (size_t i = 0; ok && i < db_rows(reply->result[0]); i++) {
        const struct db_result *r = reply->result[0];
        printf("%-3.*s made %.*s UTC  %.*s\n", STR_FMT(db_text(r, i, 0)), STR_FMT(db_text(r, i, 1)),
               STR_FMT(db_text(r, i, 2)));
    }
    db_reply_free(reply);
    return ok;
}

static bool rotate(struct dbsync *db, struct err *e) {
    struct db_reply *reply = NULL;
    bool ok = dbsync_query(db, &st_rotate, NULL, &reply, e);
    if (ok)
        printf("Key %lld signs from a minute from now on; the others go on verifying.\n",
               (long long)db_int(reply->result[0], 0, 0));
    db_reply_free(reply);
    return ok;
}

static bool remove_key(struct dbsync *db, struct arena *a, int64_t id, struct err *e) {
    struct db_reply *reply = NULL;
    struct db_params *p = db_params(a);
    db_param_int2(p, (int16_t)id);
    bool ok = dbsync_query(db, &st_remove, p, &reply, e);
    if (ok && !db_rows(reply->result[0]))
        ok = err_set(e, ERR_INPUT,
                     "key %lld is not there, or it is the one that signs; `godwit keys list` shows "
                     "them",
                     (long long)id);
    db_reply_free(reply);
    if (ok)
        puts("Removed: links that it signed lead nowhere within a quarter of a minute.");
    return ok;
}

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    struct str what = str_from(args->positional[0]);
    bool removes = str_eq(what, S("remove"));
    int64_t id = 0;
    if (!removes && !str_eq(what, S("list")) && !str_eq(what, S("rotate")))
        return args_usage(args, "`%s` is none of list, rotate and remove", args->positional[0]);
    if (removes != (args->n == 2))
        return args_usage(args, removes ? "which key?" : "`%s` takes no key", args->positional[0]);
    if (removes && (!str_to_int64(str_from(args->positional[1]), &id) || id < 0 || id > 63))
        return args_usage(args, "`%s` is no number of a key", args->positional[1]);
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    struct dbsync *db = dbsync_open(s.conninfo, &e);
    bool ok = db && (removes                     ? remove_key(db, s.arena, id, &e)
                     : str_eq(what, S("rotate")) ? rotate(db, &e)
                                                 : list(db, &e));
    dbsync_close(db);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

const struct command cmd_keys = {
    .name = "keys",
    .arguments = "list|rotate|remove [ID]",
    .summary = "Shows, replaces and removes the keys that sign links.",
    .about =
        "The links in messages (opens, clicks, preferences, receipts) are signed. `rotate` makes "
        "a\n"
        "new key, which signs a minute later, when every engine knows it; links that older keys\n"
        "signed go on working until those are removed. Remove a key when messages that it signed\n"
        "are no longer of use: their links to unsubscribe lead nowhere then, which some laws\n"
        "forbid for a month or two. Deciding and suppression do not depend on these keys.",
    .example = "  godwit keys rotate\n  godwit keys remove 0",
    .least = 1,
    .most = 2,
    .run = run,
};
