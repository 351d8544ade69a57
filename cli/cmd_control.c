/* SPDX-License-Identifier: Apache-2.0
 * The commands pause, resume and stop-all. */
#include "config.h"

#include "cli/setup.h"
#include "engine/control.h"

#include <stdio.h>

static const struct db_stmt st_known = {
    "control_known",
    "select exists (select from godwit.campaign_versions where campaign = $1::text)"};

/* A campaign of the workspace, or one that was there and may have messages left. */
static bool is_known(struct setup *s, struct dbsync *db, struct str name, struct err *e) {
    struct db_params *p = db_params(s->arena);
    struct db_reply *reply = NULL;
    struct str names[256];
    size_t n = 0;
    if (campaign_set_find(&s->workspace->rules, name))
        return true;
    db_param_text(p, name);
    if (!dbsync_query(db, &st_known, p, &reply, e))
        return false;
    bool was = db_bool(reply->result[0], 0, 0);
    db_reply_free(reply);
    if (was)
        return true;
    for (size_t i = 0; i < s->workspace->rules.n_campaigns && n < 256; i++)
        names[n++] = s->workspace->rules.campaigns[i]->name;
    struct str near = str_nearest(name, names, n);
    return err_set(e, ERR_INPUT, "there is no campaign `%.*s`%s%.*s%s", STR_FMT(name),
                   near.n ? "; did you mean `" : "", STR_FMT(near), near.n ? "`?" : "");
}

static void say_held(struct str campaign, const struct control_caught *c) {
    if (str_eq(campaign, CONTROL_ALL))
        printf("%s.", c->changed ? "Everything is stopped" : "Everything was stopped already");
    else
        printf("%.*s is paused%s.", STR_FMT(campaign), c->changed ? "" : " already");
    printf(" %lld message%s wait%s and stay%s queued; ", (long long)c->waiting,
           c->waiting == 1 ? "" : "s", c->waiting == 1 ? "s" : "", c->waiting == 1 ? "s" : "");
    if (c->sending)
        printf("%lld %s being handed over and cannot be stopped.\n", (long long)c->sending,
               c->sending == 1 ? "is" : "are");
    else
        printf("none is being handed over.\n");
}

static void say_resumed(struct str campaign, const struct control_caught *c) {
    const char *what = c->changed ? "goes on" : "was not paused";
    if (str_eq(campaign, CONTROL_ALL))
        printf("%s.", c->changed ? "Everything that is not paused by itself goes on"
                                 : "It was not stopped");
    else
        printf("%.*s %s.", STR_FMT(campaign), what);
    printf(" %lld message%s wait%s.\n", (long long)c->waiting, c->waiting == 1 ? "" : "s",
           c->waiting == 1 ? "s" : "");
}

static int act(const struct args *args, struct str campaign, bool pause) {
    struct err e = ERR_INIT;
    struct control_caught caught;
    struct setup s;
    if (!setup_database_anyway(args, &s))
        return EXIT_WRONG;
    struct dbsync *db = dbsync_open(s.conninfo, &e);
    bool ok = db && (str_eq(campaign, CONTROL_ALL) || is_known(&s, db, campaign, &e)) &&
              (pause ? control_pause : control_resume)(db, campaign, &caught, &e);
    if (ok)
        (pause ? say_held : say_resumed)(campaign, &caught);
    dbsync_close(db);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static int run_pause(const struct args *args) {
    return act(args, str_from(args->positional[0]), true);
}

static int run_resume(const struct args *args) {
    bool all = args_get(args, "all") != NULL;
    if (all == (args->n == 1))
        return args_usage(args, "name one campaign, or give --all");
    return act(args, all ? CONTROL_ALL : str_from(args->positional[0]), false);
}

static int run_stop_all(const struct args *args) {
    return act(args, CONTROL_ALL, true);
}

const struct command cmd_pause = {
    .name = "pause",
    .arguments = "CAMPAIGN",
    .summary = "Holds a campaign back, at once.",
    .about = "Nothing of it is handed over any more by any engine when the command is done, but\n"
             "for what was being handed over at that moment; it says how many messages wait.\n"
             "Customers go on entering and wait, too; what expires meanwhile fails as expired.\n"
             "Steps of journeys, absences and dates wait as well; when they go on, those that are\n"
             "late follow `past_due` of the campaign's file.\n"
             "A pause is kept in the database until `godwit resume`.",
    .example = "  godwit pause winback-60-days",
    .least = 1,
    .most = 1,
    .run = run_pause,
};

static const struct command_option resume_options[] = {
    {"all", 0, NULL, "undo stop-all; campaigns that were paused by name stay paused"},
    {0},
};

const struct command cmd_resume = {
    .name = "resume",
    .arguments = "CAMPAIGN|--all",
    .summary = "Lets a paused campaign go on.",
    .example = "  godwit resume winback-60-days\n  godwit resume --all",
    .options = resume_options,
    .least = 0,
    .most = 1,
    .run = run_resume,
};

const struct command cmd_stop_all = {
    .name = "stop-all",
    .arguments = "",
    .summary = "Holds all campaigns back, at once.",
    .about = "As `pause`, for everything. Events go on being decided; nothing is lost.\n"
             "`godwit resume --all` undoes it.",
    .example = "  godwit stop-all\n  godwit resume --all",
    .least = 0,
    .most = 0,
    .run = run_stop_all,
};
