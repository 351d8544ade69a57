/* SPDX-License-Identifier: Apache-2.0
 *
 * segments_rows: customers of a chunk as profiles: from the columns of customers
 * and rfm, and from their events, read row by row. Private to engine/segments.c.
 */
#ifndef GODWIT_ENGINE_SEGMENTS_ROWS_H
#define GODWIT_ENGINE_SEGMENTS_ROWS_H

#include "base/io/dbsync.h"
#include "engine/decide/profile.h"
#include "engine/workspace.h"

#define SEGMENTS_ROW_COLUMNS                                                       \
    "c.shard, c.id, c.key, c.email, c.phone, c.locale, c.timezone, c.attributes, " \
    "r.r, r.f, r.m, r.purchases, r.revenue, r.top"

struct segments_row {
    struct profile profile;
    struct behaviour *behaviours; /* side by side with the events looked at */
};

/* A profile for each row of r, in `a`, with what `segment` needs of the past. NULL: e. */
struct segments_row *segments_rows_read(struct dbsync *db, const struct workspace *w,
                                        const struct segment *segment, const struct db_result *r,
                                        int64_t now_us, struct arena *a, struct err *e) MUST_CHECK;

#endif
