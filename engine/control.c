/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/control.h"

#include "base/arena.h"
#include "engine/sql_text.h"

static const struct db_stmt st_pause = {"control_pause", "select godwit.pause($1::text)"};
static const struct db_stmt st_resume = {"control_resume", "select godwit.resume($1::text)"};
static const struct db_stmt st_caught = {"control_caught", sql_control_caught};
static const struct db_stmt st_doubts = {"doubt_list", sql_doubt_list};
static const struct db_stmt st_settle = {"doubt_settle", sql_doubt_settle};

/* What it caught is counted behind it, so that the pause itself takes no time. */
static bool ask(struct dbsync *db, const struct db_stmt *stmt, struct str campaign,
                struct control_caught *out, struct err *e) {
    struct arena *a = arena_new(0);
    struct db_params *p = db_params(a);
    struct db_reply *done = NULL, *caught = NULL;
    db_param_text(p, campaign);
    bool ok = dbsync_query(db, stmt, p, &done, e) && dbsync_query(db, &st_caught, p, &caught, e);
    if (ok) {
        const struct db_result *r = caught->result[0];
        *out = (struct control_caught){db_bool(done->result[0], 0, 0), db_int(r, 0, 0),
                                       db_int(r, 0, 1)};
    }
    db_reply_free(done);
    db_reply_free(caught);
    arena_free(a);
    return ok;
}

bool control_pause(struct dbsync *db, struct str campaign, struct control_caught *out,
                   struct err *e) {
    return ask(db, &st_pause, campaign, out, e);
}

bool control_resume(struct dbsync *db, struct str campaign, struct control_caught *out,
                    struct err *e) {
    return ask(db, &st_resume, campaign, out, e);
}

bool control_doubts(struct dbsync *db, struct str campaign, int64_t most, struct db_reply **out,
                    struct err *e) {
    struct arena *a = arena_new(0);
    struct db_params *p = db_params(a);
    db_param_text(p, campaign);
    db_param_int8(p, most);
    bool ok = dbsync_query(db, &st_doubts, p, out, e);
    arena_free(a);
    return ok;
}

bool control_settle_doubts(struct dbsync *db, struct str campaign, const int64_t *ids, size_t n,
                           bool resend, int64_t *settled, struct err *e) {
    struct arena *a = arena_new(0);
    struct db_params *p = db_params(a);
    struct db_array *wanted = db_array(a, DB_INT8, n);
    struct db_reply *reply = NULL;
    db_param_text(p, campaign);
    for (size_t i = 0; i < n; i++)
        db_array_int8(wanted, ids[i]);
    db_param_array(p, wanted);
    db_param_bool(p, resend);
    bool ok = dbsync_query(db, &st_settle, p, &reply, e);
    *settled = ok ? (int64_t)db_rows(reply->result[0]) : 0;
    db_reply_free(reply);
    arena_free(a);
    return ok;
}
