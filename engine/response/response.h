/* SPDX-License-Identifier: Apache-2.0
 *
 * response: opens and clicks into the table of responses, before they are answered.
 *
 * Group commit on a connection of its own: hits that come while a batch is under way are the next
 * one. A batch is one statement: what a verdict (verdict.h) needs of the message is looked up where
 * the row is made. Then each one's `done` says whether its row is on disk; rows are in the order in
 * which hits came. A hit on a message that is no longer there is done without a row. Bounded: hits
 * are refused (false) when too many wait, opens before clicks, and while the database is away. Loop
 * thread only.
 */
#ifndef GODWIT_ENGINE_RESPONSE_RESPONSE_H
#define GODWIT_ENGINE_RESPONSE_RESPONSE_H

#include "base/err.h"
#include "base/str.h"

#include <uv.h>

struct arena;
struct responses;

struct response_hit {
    bool click; /* otherwise an open */
    int shard;
    int64_t message;
    uint32_t link;  /* of a click: which */
    struct str url; /* of a click */
    struct str agent;
    bool head, prefetch;
    bool decoy; /* a click on the link that no person sees; no url */
    int64_t at_us;
};

typedef void (*response_done_fn)(void *ctx, bool recorded);

struct responses_counts {
    int64_t opens, clicks; /* committed */
    int64_t machines;      /* of them */
    int64_t shed;          /* refused */
    size_t waiting;
};

struct responses *responses_open(uv_loop_t *loop, const char *conninfo, struct err *e) MUST_CHECK;

/* The arena and the URL stay until `done`; the agent is copied into the arena. False: refused,
 * `done` is not called. */
bool responses_add(struct responses *rs, struct arena *a, const struct response_hit *hit,
                   response_done_fn done, void *ctx) MUST_CHECK;

bool responses_up(const struct responses *rs);
void responses_counts(const struct responses *rs, struct responses_counts *out);

/* What still waits is refused: let counts.waiting come to 0 before. */
void responses_close(struct responses *rs, void (*on_closed)(void *ctx), void *ctx);

#endif
