/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/wallclock.h"
#include "cli/setup.h"
#include "engine/segments.h"

#include <stdio.h>
#include <unistd.h>

static const struct db_stmt st_before = {
    "send_before", "select max(at) from godwit.runs where campaign = $1::text"};
static const struct db_stmt st_start = {
    "send_start", "select godwit.start_run($1::text, $2::timestamptz, 0, session_user::text), "
                  "(select count(*) from godwit.engines "
                  "where heartbeat_at > now() - interval '15 seconds')"};
static const struct db_stmt st_everybody = {"send_everybody",
                                            "select count(*) from godwit.customers"};

static struct str instant(struct arena *a, int64_t us) {
    char out[40];
    wallclock_format(us / WALLCLOCK_US_PER_S, 0, out, sizeof out);
    return str_dup(a, str_from(out));
}

/* ---- what may be sent */

static const char *starts_with(const struct campaign *c) {
    static const char *const how[] = {[TRIGGER_EVENT] = "an event",
                                      [TRIGGER_ABSENCE] = "the absence of an event",
                                      [TRIGGER_DATE] = "a date"};
    return how[c->trigger.kind];
}

static bool which(const struct args *args, const struct setup *s, const struct campaign **out,
                  struct err *e) {
    const struct campaign_set *rules = &s->workspace->rules;
    struct str name = str_from(args->positional[0]);
    const struct campaign *c = *out = campaign_set_find(rules, name);
    struct str *names = ARENA_ARRAY(s->arena, struct str, rules->n_campaigns + 1);
    for (size_t i = 0; i < rules->n_campaigns; i++)
        names[i] = rules->campaigns[i]->name;
    if (!c) {
        struct str near = str_nearest(name, names, rules->n_campaigns);
        return err_set(e, ERR_INPUT, "there is no campaign `%.*s`%s%.*s%s", STR_FMT(name),
                       near.n ? "; did you mean `" : "", STR_FMT(near), near.n ? "`?" : "");
    }
    if (!campaign_has_runs(c))
        return err_set(e, ERR_INPUT,
                       "`%.*s` starts with %s, for one customer at a time; what is sent to "
                       "everybody in its audience at once has `trigger: { once: true }`",
                       STR_FMT(c->name), starts_with(c));
    return true;
}

/* Sent before: once more only when that is meant. */
static bool may_send(const struct args *args, const struct setup *s, struct dbsync *db,
                     const struct campaign *c, struct err *e) {
    int64_t now_us = wallclock_now();
    struct db_reply *reply = NULL;
    struct db_params *p = db_params(s->arena);
    if (c->trigger.at_us > now_us)
        return err_set(e, ERR_INPUT, "`%.*s` is sent by itself at %.*s, as its file says",
                       STR_FMT(c->name), STR_FMT(instant(s->arena, c->trigger.at_us)));
    db_param_text(p, c->id);
    if (!dbsync_query(db, &st_before, p, &reply, e))
        return false;
    bool before = !db_is_null(reply->result[0], 0, 0);
    int64_t at = before ? db_timestamptz(reply->result[0], 0, 0) : 0;
    db_reply_free(reply);
    if (!before || c->trigger.kind == TRIGGER_SCHEDULE || args_get(args, "again"))
        return true;
    return err_set(e, ERR_INPUT, "`%.*s` was sent at %.*s; --again sends it once more",
                   STR_FMT(c->name), STR_FMT(instant(s->arena, at)));
}

/* ---- to how many */

static bool count(const struct setup *s, struct dbsync *db, const struct campaign *c, int64_t *n,
                  struct err *e) {
    struct db_reply *reply = NULL;
    if (!c->audience) {
        if (!dbsync_query(db, &st_everybody, NULL, &reply, e))
            return false;
        *n = db_int(reply->result[0], 0, 0);
        db_reply_free(reply);
        return true;
    }
    struct segment audience = {.name = c->name, .program = c->audience};
    struct segments_counts counts;
    struct segments *all = segments_open(db, s->workspace, &audience, wallclock_now(), e);
    bool ok = all && segments_count(all, &counts, e);
    *n = ok ? counts.members : 0;
    segments_close(all);
    return ok;
}

static bool confirm(const struct args *args, const struct campaign *c, struct err *e) {
    char line[16];
    if (args_get(args, "yes"))
        return true;
    if (!isatty(STDIN_FILENO))
        return err_set(e, ERR_INPUT, "nobody can be asked here; --yes sends it");
    printf("Send it? [y/N] ");
    fflush(stdout);
    bool yes = fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
    return yes || err_set(e, ERR_INPUT, "`%.*s` was not sent", STR_FMT(c->name));
}

static bool start(const struct setup *s, struct dbsync *db, const struct campaign *c,
                  struct err *e) {
    struct db_reply *reply = NULL;
    struct db_params *p = db_params(s->arena);
    db_param_text(p, c->id);
    db_param_timestamptz(p, wallclock_now());
    if (!dbsync_query(db, &st_start, p, &reply, e))
        return false;
    bool started = db_bool(reply->result[0], 0, 0), engines = db_int(reply->result[0], 0, 1) > 0;
    db_reply_free(reply);
    if (!started)
        return err_set(e, ERR_TEMPORARY, "somebody else sent it at this very moment");
    printf("It is under way%s; `godwit pause %.*s` stops it.\n",
           engines ? "" : " as soon as an engine runs", STR_FMT(c->name));
    return true;
}

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    const struct campaign *c = NULL;
    struct dbsync *db = NULL;
    int64_t n = 0;
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    bool ok = which(args, &s, &c, &e) && (db = dbsync_open(s.conninfo, &e)) != NULL &&
              may_send(args, &s, db, c, &e) && count(&s, db, c, &n, &e);
    if (ok)
        printf("%.*s (version %s): %lld customer%s in its audience, before consent and limits.\n",
               STR_FMT(c->name), c->version, (long long)n, n == 1 ? "" : "s");
    ok = ok && confirm(args, c, &e) && start(&s, db, c, &e);
    dbsync_close(db);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"yes", 'y', NULL, "without asking"},
    {"again", 0, NULL, "also when it was sent before: those who got it get it once more"},
    {0},
};

const struct command cmd_send = {
    .name = "send",
    .arguments = "CAMPAIGN",
    .summary = "Sends a campaign to everybody in its audience, now.",
    .about = "For campaigns with `trigger: { once: true }`, `at` or `schedule`. Says how many "
             "customers\n"
             "that is and asks; the engines do the work, shard by shard. Each customer passes the\n"
             "gates as always. `godwit plan` and `godwit simulate` tell more before.",
    .example = "  godwit send new-year\n  godwit send new-year --yes",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
