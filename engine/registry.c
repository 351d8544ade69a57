/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/registry.h"

#include "base/arena.h"
#include "base/io/dbsync.h"
#include "engine/decide/membership.h"
#include "engine/registry_journeys.h"
#include "engine/sql_text.h"
#include "rules/own_events.h"

static const struct db_stmt st_campaigns = {"campaign_version", sql_campaign_version};
static const struct db_stmt st_templates = {"template_source", sql_template_source};
static const struct db_stmt st_secret = {"secret",
                                         "select value from godwit.settings where key = 'secret'"};

static const struct db_stmt st_keys = {"token_keys", sql_token_keys};
static const struct db_stmt st_topics = {"record_topics",
                                         "select godwit.record_topics($1::text[], $2::boolean[])"};

static bool record_campaigns(struct dbsync *db, const struct workspace *w, struct arena *a,
                             struct err *e) {
    size_t n = w->rules.n_campaigns;
    struct db_array *names = db_array(a, DB_TEXT, n);
    struct db_array *versions = db_array(a, DB_TEXT, n);
    struct db_array *sources = db_array(a, DB_TEXT, n);
    struct db_array *goals = db_array(a, DB_TEXT, n);
    struct db_array *within = db_array(a, DB_INT8, n);
    for (size_t i = 0; i < n; i++) {
        const struct campaign *c = w->rules.campaigns[i];
        db_array_text(names, c->id);
        db_array_text(versions, str_from(c->version));
        db_array_text(sources, c->source);
        db_array_text(goals, c->goal.event.n ? c->goal.event : STR_NONE);
        db_array_int8(within, c->goal.within_us);
    }
    struct db_params *p = db_params(a);
    db_param_array(p, names);
    db_param_array(p, versions);
    db_param_array(p, sources);
    db_param_array(p, goals);
    db_param_array(p, within);
    return dbsync_query(db, &st_campaigns, p, NULL, e);
}

static bool record_templates(struct dbsync *db, const struct workspace *w, struct arena *a,
                             struct err *e) {
    struct db_array *hashes = db_array(a, DB_TEXT, w->n_templates);
    struct db_array *names = db_array(a, DB_TEXT, w->n_templates);
    struct db_array *bundles = db_array(a, DB_TEXT, w->n_templates);
    const struct message_template *t;
    for (size_t i = 0; (t = template_at(w->template_set, i)); i++) {
        db_array_text(hashes, template_hash(t));
        db_array_text(names, template_name(t));
        db_array_text(bundles, template_bundle(t));
    }
    struct db_params *p = db_params(a);
    db_param_array(p, hashes);
    db_param_array(p, names);
    db_param_array(p, bundles);
    return dbsync_query(db, &st_templates, p, NULL, e);
}

static const struct db_stmt st_track = {"track_segments",
                                        "select godwit.track_segments($1::text[], $2::text[])"};

static bool record_segments(struct dbsync *db, const struct workspace *w, struct arena *a,
                            struct err *e) {
    struct db_array *names = db_array(a, DB_TEXT, w->rules.n_segments);
    struct db_array *definitions = db_array(a, DB_TEXT, w->rules.n_segments);
    for (size_t i = 0; i < w->rules.n_segments; i++) {
        char definition[DIGEST_HEX_CHARS + 1];
        if (!w->rules.segments[i].tracked)
            continue;
        membership_definition(w, &w->rules.segments[i], definition);
        db_array_text(names, w->rules.segments[i].name);
        db_array_text(definitions, str_from(definition));
    }
    struct db_params *p = db_params(a);
    db_param_array(p, names);
    db_param_array(p, definitions);
    return dbsync_query(db, &st_track, p, NULL, e);
}

static bool record_topics(struct dbsync *db, const struct workspace *w, struct arena *a,
                          struct err *e) {
    const struct settings *s = &w->settings;
    struct db_array *names = db_array(a, DB_TEXT, s->n_topics);
    struct db_array *confirms = db_array(a, DB_BOOL, s->n_topics);
    for (size_t i = 0; i < s->n_topics; i++) {
        db_array_text(names, s->topics[i].name);
        db_array_bool(confirms, s->topics[i].confirm);
    }
    struct db_params *p = db_params(a);
    db_param_array(p, names);
    db_param_array(p, confirms);
    return dbsync_query(db, &st_topics, p, NULL, e);
}

/* Whether a trigger, a journey, a goal or a look back names the event. */
static bool is_named(const struct workspace *w, struct str event) {
    size_t n;
    campaign_set_started_by(&w->rules, event, &n);
    if (n == 0)
        campaign_set_timed_by(&w->rules, event, &n);
    return n > 0 || campaign_set_awaits(&w->rules, event) ||
           campaign_set_is_goal(&w->rules, event) ||
           behaviour_layout_find(w->layouts, w->n_layouts, event);
}

static const struct db_stmt st_watch = {"watch_responses",
                                        "select godwit.watch_responses($1::text[])"};

static bool record_watched(struct dbsync *db, const struct workspace *w, struct arena *a,
                           struct err *e) {
    struct db_array *events = db_array(a, DB_TEXT, 0);
    const struct catalog_event *own;
    for (size_t i = 0; (own = own_events_at(i)); i++)
        if (own_events_reserved(own->name) && is_named(w, own->name))
            db_array_text(events, own->name);
    struct db_params *p = db_params(a);
    db_param_array(p, events);
    return dbsync_query(db, &st_watch, p, NULL, e);
}

static const struct db_stmt st_channels = {"name_channels",
                                           "select godwit.name_channels($1::text[])"};

static bool record_channels(struct dbsync *db, const struct workspace *w, struct arena *a,
                            struct err *e) {
    struct db_array *names = db_array(a, DB_TEXT, w->settings.n_channels);
    for (size_t i = 0; i < w->settings.n_channels; i++)
        db_array_text(names, w->settings.channels[i].name);
    struct db_params *p = db_params(a);
    db_param_array(p, names);
    return dbsync_query(db, &st_channels, p, NULL, e);
}

bool registry_record(const char *conninfo, const struct workspace *w, struct err *e) {
    struct dbsync *db = dbsync_open(conninfo, e);
    if (!db)
        return false;
    struct arena *a = arena_new(0);
    bool ok = record_campaigns(db, w, a, e) && record_templates(db, w, a, e) &&
              record_segments(db, w, a, e) && record_topics(db, w, a, e) &&
              record_watched(db, w, a, e) && record_channels(db, w, a, e) &&
              registry_journeys_record(db, w, a, e);
    arena_free(a);
    dbsync_close(db);
    return ok;
}

bool registry_secret(const char *conninfo, struct arena *a, struct str *out, struct err *e) {
    struct dbsync *db = dbsync_open(conninfo, e);
    if (!db)
        return false;
    struct db_reply *reply = NULL;
    bool ok = dbsync_query(db, &st_secret, NULL, &reply, e);
    if (ok)
        *out = str_dup(a, db_text(reply->result[0], 0, 0));
    db_reply_free(reply);
    dbsync_close(db);
    return ok;
}

/* The order is the ring's: the first signs. A key that is not due yet stands last. */
bool registry_read_keys(const struct db_result *r, struct keyring *out, struct err *e) {
    keyring_clear(out);
    for (size_t i = 0; i < db_rows(r); i++)
        if (!keyring_add(out, (int)db_int(r, i, 0), db_text(r, i, 1)))
            return err_set(e, ERR_PERMANENT, "a key of godwit.token_keys cannot be used");
    return out->n > 0 || err_set(e, ERR_PERMANENT, "godwit.token_keys is empty");
}

bool registry_keys(const char *conninfo, struct keyring *out, struct err *e) {
    struct dbsync *db = dbsync_open(conninfo, e);
    if (!db)
        return false;
    struct db_reply *reply = NULL;
    bool ok =
        dbsync_query(db, &st_keys, NULL, &reply, e) && registry_read_keys(reply->result[0], out, e);
    db_reply_free(reply);
    dbsync_close(db);
    return ok;
}
