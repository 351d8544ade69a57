/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor: how far the events of some shards are decided, as PostgreSQL snapshots
 * (the snapshot cursor: everything visible in `last` is done; a round that is
 * being worked off ends at `target` and has come to (xid, id)).
 *
 * Shards whose cursors are equal form a group, read with one query. Groups come
 * together again since a new round of a group that lags takes the target of the
 * newest one. Heap memory; loop thread only; no I/O.
 */
#ifndef GODWIT_ENGINE_CURSOR_H
#define GODWIT_ENGINE_CURSOR_H

#include "base/str.h"

#define SHARDS 64

struct cursor {
    char *last;   /* pg_snapshot as text */
    char *target; /* NULL: between rounds */
    char *xid;    /* position in the round; NULL: at its start */
    int64_t id;
    uint64_t serial; /* which of the snapshots that this process took `last` is; 0: none */
};

void cursor_set(struct cursor *c, struct str last, struct str target, struct str xid, int64_t id);
void cursor_copy(struct cursor *to, const struct cursor *from);
void cursor_clear(struct cursor *c);
bool cursor_eq(const struct cursor *a, const struct cursor *b);

struct cursor_group {
    struct cursor cursor;
    uint64_t members; /* bit s: shard s */
};

struct cursor_groups {
    struct cursor_group list[SHARDS];
    size_t n;
};

/* Puts a shard into the group that its cursor belongs to. */
void cursor_groups_add(struct cursor_groups *g, int shard, const struct cursor *c);
void cursor_groups_remove(struct cursor_groups *g, uint64_t members);
/* Members that stand at `from` move on to `to`. */
void cursor_groups_move(struct cursor_groups *g, uint64_t members, const struct cursor *from,
                        const struct cursor *to);
/* Brings together groups whose cursors have become equal. */
void cursor_groups_merge(struct cursor_groups *g);
void cursor_groups_clear(struct cursor_groups *g);

#endif
