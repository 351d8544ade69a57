/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/session.h"

#include "base/io/db.h"
#include "base/log.h"

static void on_set(void *ctx, const struct err *e, struct db_reply *reply) {
    (void)ctx;
    if (e && e->kind != ERR_TEMPORARY)
        log_error("connection settings were refused", LOG_S("error", str_from(e->text)));
    db_reply_free(reply);
}

void session_settings(struct db *db) {
    struct err e = ERR_INIT;
    if (!db_script(db,
                   "set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off; "
                   "set enable_hashjoin = off; set enable_mergejoin = off; "
                   "set join_collapse_limit = 1; set random_page_cost = 1.1; "
                   "set plan_cache_mode = force_generic_plan; set jit = off; set "
                   "max_parallel_workers_per_gather = 0; "
                   "set default_transaction_isolation = 'read committed'; set timezone = 'UTC'",
                   on_set, NULL, &e))
        log_error("connection settings could not be made", LOG_S("error", str_from(e.text)));
}
