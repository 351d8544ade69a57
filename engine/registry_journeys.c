/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/registry_journeys.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "base/log.h"
#include "engine/sql_text.h"

#include <inttypes.h>

static const struct db_stmt st_arm = {
    "arm_campaigns", "select campaign, timers from godwit.arm_campaigns($1::text[], $2::text[])"};
static const struct db_stmt st_note = {
    "note_schedules", "select godwit.note_schedules($1::text[], $2::text[], $3::timestamptz[])"};
static const struct db_stmt st_watch = {"watch", "select godwit.watch($1::text[])"};

/* What a timer depends on. What becomes of those who are past it may be changed later. */
static struct str timer_definition(struct arena *a, const struct workspace *w,
                                   const struct campaign *c) {
    const struct trigger *t = &c->trigger;
    bool date = t->kind == TRIGGER_DATE;
    return str_printf(a, "%d %.*s %.*s %" PRId64 " %d %d %d %d %.*s", (int)t->kind,
                      STR_FMT(t->event), STR_FMT(t->attribute), t->for_us, t->never, t->yearly,
                      t->shift_days, t->minute, STR_FMT(date ? w->settings.timezone : STR_NONE));
}

static bool record_timers(struct dbsync *db, const struct workspace *w, struct arena *a,
                          struct err *e) {
    struct db_array *ids = db_array(a, DB_TEXT, 0), *definitions = db_array(a, DB_TEXT, 0);
    struct db_reply *reply = NULL;
    for (size_t i = 0; i < w->rules.n_campaigns; i++) {
        const struct campaign *c = w->rules.campaigns[i];
        if (!campaign_has_timer(c))
            continue;
        db_array_text(ids, c->id);
        db_array_text(definitions, timer_definition(a, w, c));
    }
    struct db_params *p = db_params(a);
    db_param_array(p, ids);
    db_param_array(p, definitions);
    if (!dbsync_query(db, &st_arm, p, &reply, e))
        return false;
    for (size_t i = 0; i < db_rows(reply->result[0]); i++)
        log_info("campaign is new here: everybody is looked at",
                 LOG_S("campaign", db_text(reply->result[0], i, 0)),
                 LOG_I("customers", db_int(reply->result[0], i, 1)));
    db_reply_free(reply);
    return true;
}

/* An instant that has just passed is meant; one that is long past when it is first seen is not. */
static int64_t first_run(const struct workspace *w, const struct campaign *c, int64_t now_us) {
    if (c->trigger.kind == TRIGGER_SCHEDULE)
        return cron_next(c->trigger.cron, w->settings.zone, now_us);
    return now_us - c->trigger.at_us > CAMPAIGN_LATE_US ? INT64_MAX : c->trigger.at_us;
}

static struct str schedule_definition(struct arena *a, const struct workspace *w,
                                      const struct campaign *c) {
    if (c->trigger.kind == TRIGGER_ONCE)
        return str_printf(a, "at %" PRId64, c->trigger.at_us);
    return str_printf(a, "%.*s %.*s", STR_FMT(cron_key(c->trigger.cron, a)),
                      STR_FMT(w->settings.timezone));
}

static bool record_schedules(struct dbsync *db, const struct workspace *w, struct arena *a,
                             struct err *e) {
    struct db_array *ids = db_array(a, DB_TEXT, 0), *definitions = db_array(a, DB_TEXT, 0);
    struct db_array *next = db_array(a, DB_TIMESTAMPTZ, 0);
    int64_t now_us = wallclock_now();
    for (size_t i = 0; i < w->rules.n_campaigns; i++) {
        const struct campaign *c = w->rules.campaigns[i];
        if (!campaign_has_runs(c))
            continue;
        bool told = c->trigger.kind == TRIGGER_ONCE && !c->trigger.at_us;
        db_array_text(ids, c->id);
        db_array_text(definitions, schedule_definition(a, w, c));
        db_array_timestamptz(next, told ? INT64_MAX : first_run(w, c, now_us));
    }
    struct db_params *p = db_params(a);
    db_param_array(p, ids);
    db_param_array(p, definitions);
    db_param_array(p, next);
    return dbsync_query(db, &st_note, p, NULL, e);
}

/* What the database is to tell of customers. */
static bool record_watched(struct dbsync *db, const struct workspace *w, struct arena *a,
                           struct err *e) {
    const struct campaign_set *rules = &w->rules;
    struct db_array *what = db_array(a, DB_TEXT, 0);
    size_t started, timed;
    bool dates = false;
    campaign_set_started_by(rules, S(EVENT_CUSTOMER_CREATED), &started);
    campaign_set_timed_by(rules, S(EVENT_CUSTOMER_CREATED), &timed);
    if (started || timed || campaign_set_awaits(rules, S(EVENT_CUSTOMER_CREATED)))
        db_array_text(what, S(""));
    if (campaign_set_awaits(rules, S(EVENT_CUSTOMER_CHANGED)))
        db_array_text(what, S("*"));
    for (size_t i = 0; i < rules->n_campaigns; i++) {
        const struct trigger *t = &rules->campaigns[i]->trigger;
        bool attribute = t->kind == TRIGGER_DATE && !t->event.n;
        dates = dates || attribute;
        if (attribute || (t->kind == TRIGGER_EVENT && str_eq(t->event, S(EVENT_CUSTOMER_CHANGED))))
            db_array_text(what, t->attribute.n ? t->attribute : S("*"));
    }
    if (dates || rules->any_journey)
        db_array_text(what, S("timezone"));
    struct db_params *p = db_params(a);
    db_param_array(p, what);
    return dbsync_query(db, &st_watch, p, NULL, e);
}

bool registry_journeys_record(struct dbsync *db, const struct workspace *w, struct arena *a,
                              struct err *e) {
    return record_timers(db, w, a, e) && record_schedules(db, w, a, e) &&
           record_watched(db, w, a, e);
}

/* ---- people inside */

static const struct db_stmt st_versions = {"enrolment_versions", sql_enrolment_versions};

/* Those of the workspace that was in force until now are taken as well: people may be entering
 * them at this moment. */
bool registry_earlier(const char *conninfo, struct workspace *w, const struct workspace *before,
                      struct err *e) {
    struct dbsync *db = dbsync_open(conninfo, e);
    struct db_reply *reply = NULL;
    struct arena *a = arena_new(0);
    bool ok = db && dbsync_query(db, &st_versions, NULL, &reply, e);
    size_t rows = ok ? db_rows(reply->result[0]) : 0, n = 0;
    size_t most = rows + (before ? before->rules.n_campaigns + before->rules.n_earlier : 0);
    struct workspace_version *list = ARENA_ARRAY(a, struct workspace_version, most + 1);
    for (size_t i = 0; before && i < before->rules.n_campaigns + before->rules.n_earlier; i++) {
        const struct campaign *c = i < before->rules.n_campaigns
                                       ? before->rules.campaigns[i]
                                       : before->rules.earlier[i - before->rules.n_campaigns];
        if (c->journey)
            list[n++] = (struct workspace_version){c->id, str_from(c->version), c->source};
    }
    for (size_t i = 0; i < rows; i++) {
        const struct db_result *r = reply->result[0];
        struct workspace_version v = {db_text(r, i, 0), db_text(r, i, 1), db_text(r, i, 2)};
        bool there = false;
        for (size_t k = 0; k < n && !there; k++)
            there = str_eq(list[k].campaign, v.campaign) && str_eq(list[k].version, v.version);
        if (!there)
            list[n++] = v;
    }
    if (ok)
        workspace_add_earlier(w, list, n);
    db_reply_free(reply);
    arena_free(a);
    dbsync_close(db);
    return ok;
}
