/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/setup.h"
#include "engine/address.h"

#include <stdio.h>

static const struct db_stmt st_suppress = {
    "suppress", "insert into godwit.suppressions (channel, address_hash, reason) "
                "select channel, godwit.address_hash($1), $3 from unnest($2::text[]) as channel "
                "on conflict do nothing"};
static const struct db_stmt st_lift = {"suppress_lift",
                                       "delete from godwit.suppressions "
                                       "where channel = any ($2::text[]) "
                                       "and address_hash = godwit.address_hash($1)"};

/* Of which kind the address is; false: of none. */
static bool kind_of(struct str address, enum address_kind *kind, struct err *e) {
    *kind = str_find(address, S("@")) >= 0 ? ADDRESS_EMAIL : ADDRESS_PHONE;
    const char *problem = address_problem(*kind, address);
    return !problem || err_set(e, ERR_INPUT, "the %s `%.*s` %s", address_kind_name(*kind),
                               STR_FMT(address), problem);
}

/* The channels of the workspace that carry to such addresses. */
static bool channels_of(const struct args *args, const struct setup *s, enum address_kind kind,
                        struct db_array *names, struct err *e) {
    const struct settings *settings = &s->workspace->settings;
    struct str only = str_from(args_get(args, "channel"));
    for (size_t i = 0; i < settings->n_channels; i++) {
        const struct settings_channel *c = &settings->channels[i];
        if (c->address == kind && (!only.n || str_eq(c->name, only)))
            db_array_text(names, c->name);
    }
    if (db_array_count(names))
        return true;
    return only.n ? err_set(e, ERR_INPUT, "there is no channel `%.*s` that carries to an %s",
                            STR_FMT(only), address_kind_name(kind))
                  : err_set(e, ERR_INPUT, "no channel of the workspace carries to an %s",
                            address_kind_name(kind));
}

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    struct str address = str_trim(str_from(args->positional[0]));
    const char *reason = args_get(args, "reason");
    bool lift = args_get(args, "lift") != NULL;
    enum address_kind kind;
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    struct db_array *names = db_array(s.arena, DB_TEXT, 4);
    struct db_params *p = db_params(s.arena);
    struct db_reply *reply = NULL;
    struct dbsync *db = NULL;
    bool ok = kind_of(address, &kind, &e) && channels_of(args, &s, kind, names, &e) &&
              (db = dbsync_open(s.conninfo, &e)) != NULL;
    if (ok) {
        db_param_text(p, address);
        db_param_array(p, names);
        if (!lift)
            db_param_text(p, str_from(reason ? reason : "by hand"));
        ok = dbsync_query(db, lift ? &st_lift : &st_suppress, p, &reply, &e);
    }
    if (ok) {
        bool changed = db_affected(reply->result[0]) > 0;
        printf("%.*s %s\n", STR_FMT(address),
               lift ? (changed ? "may be written to again." : "was not suppressed.")
                    : (changed ? "is suppressed: nothing goes there any more."
                               : "was suppressed already."));
        db_reply_free(reply);
    }
    dbsync_close(db);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"channel", 0, "NAME", "on this channel only; by default on all that carry to such addresses"},
    {"reason", 0, "TEXT", "kept with it and shown where a message is suppressed"},
    {"lift", 0, NULL, "take the suppression back"},
    {0},
};

const struct command cmd_suppress = {
    .name = "suppress",
    .arguments = "ADDRESS",
    .summary = "Sees to it that an address is never written to again.",
    .about =
        "For all campaigns, also transactional ones and messages that are queued already. Only\n"
        "a keyed hash of the address is kept.",
    .example = "  godwit suppress jo@example.com --reason 'asked by phone'\n"
               "  godwit suppress +886912345678 --lift",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
