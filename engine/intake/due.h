/* SPDX-License-Identifier: Apache-2.0
 *
 * due: some hundred customers whose timers are due: read, evaluated, written back.
 * Private to engine/intake/wake.c.
 */
#ifndef GODWIT_ENGINE_INTAKE_DUE_H
#define GODWIT_ENGINE_INTAKE_DUE_H

#include "base/io/db.h"
#include "engine/decide/membership.h"
#include "engine/shards.h"

#define DUE_READ_CALLS 2
#define DUE_WRITE_CALLS 4

struct due_customer {
    struct profile profile;
    int shard;
    int64_t generation; /* of the newest definition it was held against */
    int64_t touched;
    struct str segments; /* it is recorded to be in */
    struct behaviour *pasts;
    bool *known; /* side by side with the layouts: kept, or made anew */
    struct membership membership;
};

struct due {
    struct arena *arena;
    struct workspace *workspace; /* held */
    uint64_t members;            /* shards */
    const struct due_definition {
        char hex[DIGEST_HEX_CHARS + 1];
    } * definitions; /* borrowed; side by side with the workspace's segments */
    struct due_customer *list;
    size_t n;
    struct map *by_id;
    int64_t *generations; /* of the segments; side by side with the workspace's */
    int64_t newest;       /* of them */
    struct due_pair {     /* whose history is read */
        size_t customer, layout;
    } * pairs;
    size_t n_pairs;
    size_t events; /* that the changes are */
};

/* Of the tracked ones; on the heap. */
struct due_definition *due_definitions(const struct workspace *w);

/* timer_due.sql and the definitions that the database goes by. */
size_t due_read_calls(struct due *b, struct db_call *calls, size_t most);
/* False: the database goes by other definitions than this workspace. */
bool due_take(struct due *b, const struct db_reply *reply);

bool due_past_call(struct due *b, struct db_call *out); /* false: nothing is kept of anybody */
void due_take_past(struct due *b, const struct db_result *r);
bool due_history_call(struct due *b, struct db_call *out); /* false: nothing is missing */
void due_take_history(struct due *b, const struct db_result *r);

void due_decide(struct due *b, int64_t now_us);
size_t due_write_calls(struct due *b, struct db_call *calls, int64_t now_us);

#endif
