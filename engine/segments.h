/* SPDX-License-Identifier: Apache-2.0
 *
 * segments: everyone in a segment, as of one instant, out of all customers.
 *
 * Three ways, chosen by what can be said in SQL (rules/cel_sql.h): the database
 * decides; it selects candidates and each is evaluated again by the code that
 * decides on events; or everybody is evaluated. All give the same members. Memory is
 * constant: members come in chunks, by (shard, id).
 *
 *     begin isolation level repeatable read     (several reads, one state)
 *     struct segments *s = segments_open(db, w, segment, now_us, &e);
 *     while (segments_next(s, &m, &more, &e) && more) ...
 *     segments_close(s);
 *
 * Events count that happened by then and are in the table, decided or not. Blocking;
 * several may be open on one session at once.
 */
#ifndef GODWIT_ENGINE_SEGMENTS_H
#define GODWIT_ENGINE_SEGMENTS_H

#include "base/io/dbsync.h"
#include "engine/workspace.h"

struct segments;

enum segments_way {
    SEGMENTS_SQL,       /* the database decides */
    SEGMENTS_CHECKED,   /* candidates from the database, each evaluated again */
    SEGMENTS_ONE_BY_ONE /* everybody is evaluated */
};

struct segments_member {
    int shard;
    int64_t id;
    struct str key; /* good until the next call */
};

struct segments_counts {
    int64_t members;
    int64_t looked_at; /* evaluated here; 0 when the database decided */
    int64_t errors; /* of those: the condition has no answer, and not because something is absent */
};

/* NULL: e. `segment` is one of w's, which is held. */
struct segments *segments_open(struct dbsync *db, struct workspace *w,
                               const struct segment *segment, int64_t now_us,
                               struct err *e) MUST_CHECK;
/* Who is recorded to be in a tracked segment, for comparing; NULL: e, it is not tracked. */
struct segments *segments_open_recorded(struct dbsync *db, struct workspace *w,
                                        const struct segment *segment, struct err *e) MUST_CHECK;
void segments_close(struct segments *s); /* NULL is fine */

/* For tests: another way than the best one, at most as good. Before the first member. */
void segments_force(struct segments *s, enum segments_way way);

bool segments_next(struct segments *s, struct segments_member *out, bool *more,
                   struct err *e) MUST_CHECK;
/* All that are left; in one query when the database decides. */
bool segments_count(struct segments *s, struct segments_counts *out, struct err *e) MUST_CHECK;
void segments_counts(const struct segments *s, struct segments_counts *out);

enum segments_way segments_way(const struct segments *s);
const char *segments_way_name(enum segments_way way); /* "by the database", ... */
/* The first part of the condition that SQL cannot decide, as written; empty: there is none. */
struct str segments_why(const struct segments *s);
struct str segments_sql(const struct segments *s); /* the WHERE, for --explain */

/* Recomputes godwit.rfm from the purchases that the catalog declares; *done false: another
 * session is at it, or the catalog declares none. */
bool segments_refresh_rfm(struct dbsync *db, const struct workspace *w, bool *done, int64_t *buyers,
                          int64_t *changed, struct err *e) MUST_CHECK;

#endif
