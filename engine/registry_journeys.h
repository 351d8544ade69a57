/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_journeys: what the database is told of campaigns that do not only start
 * with an event, and which of their earlier versions people are inside of. Blocking;
 * before the loop starts and at a reload.
 */
#ifndef GODWIT_ENGINE_REGISTRY_JOURNEYS_H
#define GODWIT_ENGINE_REGISTRY_JOURNEYS_H

#include "base/io/dbsync.h"
#include "engine/workspace.h"

/* Timers of campaigns that this database has not seen, schedules, and which changes of customers
 * are to be events. Part of registry_record. */
bool registry_journeys_record(struct dbsync *db, const struct workspace *w, struct arena *a,
                              struct err *e) MUST_CHECK;

/* Adds to a workspace that is new the earlier versions of campaigns that people are inside of.
 * `before`: the one in force up to now; NULL: there is none. */
bool registry_earlier(const char *conninfo, struct workspace *w, const struct workspace *before,
                      struct err *e) MUST_CHECK;

#endif
