/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/output.h"
#include "cli/setup.h"
#include "engine/control.h"

#include <errno.h>
#include <stdio.h>

#define LISTED_MOST 10000
#define IDS_MOST 1000

static const char *const columns[] = {"message", "customer",   "campaign", "channel",
                                      "address", "doubted_at", "reason",   NULL};

static int list(const struct args *args, struct dbsync *db) {
    struct err e = ERR_INIT;
    enum output_format format;
    struct db_reply *reply = NULL;
    if (!output_format_parse(args_get(args, "format"), &format, &e))
        return args_usage(args, "%s", e.text);
    if (!control_doubts(db, str_from(args_get(args, "campaign")), LISTED_MOST, &reply, &e))
        return setup_fail(args, &e);
    const struct db_result *r = reply->result[0];
    struct output *o = output_new(stdout, format);
    output_section(o, "in_doubt", "In doubt: handed over, and nobody knows whether it arrived",
                   columns);
    for (size_t i = 0; i < db_rows(r); i++) {
        int64_t us = db_timestamptz(r, i, 5);
        struct value cells[] = {
            value_int(db_int(r, i, 0)),  value_str(db_text(r, i, 1)),
            value_str(db_text(r, i, 2)), value_str(db_text(r, i, 3)),
            value_str(db_text(r, i, 4)), value_timestamp(us / 1000000 - (us % 1000000 < 0), 0),
            value_str(db_text(r, i, 6))};
        output_row(o, cells);
    }
    if (db_rows(r) == LISTED_MOST)
        output_note(o, "There are more; these are the oldest.");
    bool ok = output_end(o);
    db_reply_free(reply);
    if (!ok)
        err_set(&e, ERR_PERMANENT, "the list could not be written: %s", strerror(errno));
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static bool read_ids(const struct args *args, int64_t *ids) {
    for (int i = 1; i < args->n; i++)
        if (!str_to_int64(str_from(args->positional[i]), &ids[i - 1]))
            return false;
    return true;
}

static int settle(const struct args *args, struct dbsync *db, bool resend) {
    struct err e = ERR_INIT;
    int64_t ids[IDS_MOST], settled;
    struct str campaign = str_from(args_get(args, "campaign"));
    size_t n = (size_t)args->n - 1;
    if (n > IDS_MOST || !read_ids(args, ids))
        return args_usage(args, "the numbers of messages are wanted, as `doubt list` shows them");
    if (!n && !campaign.n && !args_get(args, "all"))
        return args_usage(args, "name messages, or give --campaign or --all");
    if (!control_settle_doubts(db, campaign, ids, n, resend, &settled, &e))
        return setup_fail(args, &e);
    printf(resend ? "%lld queued again; a copy has the same Message-ID or key.\n"
                  : "%lld dropped: recorded as failed.\n",
           (long long)settled);
    if (n && settled < (int64_t)n)
        fprintf(stderr, "godwit doubt: %lld of those named were not in doubt (any more)\n",
                (long long)n - (long long)settled);
    return n && settled < (int64_t)n ? EXIT_WRONG : EXIT_DONE;
}

static int run(const struct args *args) {
    struct str verb = str_from(args->positional[0]);
    bool is_list = str_eq(verb, S("list")), resend = str_eq(verb, S("resend"));
    struct err e = ERR_INIT;
    struct setup s;
    if (!is_list && !resend && !str_eq(verb, S("drop")))
        return args_usage(args, "`%.*s` is none of list, resend, drop", STR_FMT(verb));
    if (is_list && args->n > 1)
        return args_usage(args, "`list` takes --campaign and no numbers");
    if (!setup_database_anyway(args, &s))
        return EXIT_WRONG;
    struct dbsync *db = dbsync_open(s.conninfo, &e);
    int status = !db ? setup_fail(args, &e) : is_list ? list(args, db) : settle(args, db, resend);
    dbsync_close(db);
    setup_close(&s);
    return status;
}

static const struct command_option options[] = {
    {"campaign", 'c', "NAME", "those of this campaign only"},
    {"all", 0, NULL, "resend or drop all of them"},
    {"format", 'f', "FORMAT", "of the list: table (default), json, csv or html"},
    {0},
};

const struct command cmd_doubt = {
    .name = "doubt",
    .arguments = "list|resend|drop [ID...]",
    .summary = "Decides on messages that may or may not have arrived.",
    .about =
        "A message is in doubt when it was handed over and the answer was lost, and its channel\n"
        "says `in_doubt: hold`. `resend` queues it again, with the same Message-ID or key;\n"
        "`drop` gives it up and records it as failed.",
    .example =
        "  godwit doubt list\n  godwit doubt resend 4711 4712\n  godwit doubt drop --campaign "
        "welcome",
    .options = options,
    .least = 1,
    .most = -1,
    .run = run,
};
