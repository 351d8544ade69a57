/* SPDX-License-Identifier: Apache-2.0
 *
 * outbox: the messages table as deciding and delivering use it. The only place
 * where intake and delivery meet. Builds the parameters of its statements; who
 * calls sends them and owns the connection.
 *
 * A message: queued -> (mark, durable) sending -> (settle) sent | deferred | failed
 * | in_doubt. Only the fence under which it was marked may settle it. Instants are
 * microseconds since 1970 UTC. Loop thread only.
 */
#ifndef GODWIT_ENGINE_OUTBOX_H
#define GODWIT_ENGINE_OUTBOX_H

#include "base/io/db.h"
#include "channels/bounce_class.h"
#include "engine/address.h"
#include "engine/decide/decide.h"
#include "engine/settings.h"

struct arena;

/* ---- into the outbox: collected over a batch of decisions */
struct outbox_batch;

struct outbox_batch *outbox_batch_new(struct arena *a, size_t expect);
/* `input`: JSON of what the template needs, empty for a message that is not sent. */
void outbox_batch_add(struct outbox_batch *b, int shard, const struct decision *d, struct str input,
                      int64_t now_us);
/* Appends the calls that write the batch (0 to 3) behind calls[n]; returns the new n. */
size_t outbox_batch_calls(struct outbox_batch *b, struct db_call *calls, size_t n);
size_t outbox_batch_messages(const struct outbox_batch *b); /* to be sent, not held out */

/* ---- out of it */
struct outbox_message {
    int shard;
    int64_t id;
    int64_t customer;
    struct str campaign, step, occurrence, version;
    struct str address, topic, locale, template;
    struct str input;       /* JSON */
    struct str hours, zone; /* of the input: when it may leave (engine/hours.h), and where */
    int attempts;           /* before this one */
    int64_t queued_us;
    int64_t expires_us; /* 0: never */
};

/* Messages of the channel that are due and not among the n ids in hand. */
struct db_call outbox_claim(struct arena *a, struct str channel, uint64_t shards, int64_t now_us,
                            int64_t most, const int64_t *in_hand, size_t n);
/* Sets aside those of paused campaigns; goes before a claim, in its transaction. */
struct db_call outbox_hold(struct arena *a, struct str channel, uint64_t shards, int64_t now_us);
/* A row of its result; the texts point into it. */
void outbox_claimed(const struct db_result *r, size_t row, struct outbox_message *out);

/* Columns of a request about some messages. */
struct outbox_marks;
struct outbox_marks *outbox_marks_new(struct arena *a, struct str channel, size_t expect);
void outbox_mark(struct outbox_marks *m, const struct outbox_message *msg, int64_t fence,
                 struct str template_hash, bool by_default);
struct db_call outbox_mark_call(struct outbox_marks *m); /* result: ids that may go, column 0 */

struct outbox_fails;
struct outbox_fails *outbox_fails_new(struct arena *a, size_t expect);
void outbox_fail(struct outbox_fails *f, const struct outbox_message *msg, int64_t fence,
                 struct str reason);
struct db_call outbox_fail_call(struct outbox_fails *f);

/* Messages that are due later than was thought: they stay as they are. */
struct outbox_postpones;
struct outbox_postpones *outbox_postpones_new(struct arena *a, size_t expect);
void outbox_postpone(struct outbox_postpones *p, const struct outbox_message *msg, int64_t fence,
                     int64_t due_us);
struct db_call outbox_postpone_call(struct outbox_postpones *p);

struct outbox_settles;
/* segment_cost: of the channel. */
struct outbox_settles *outbox_settles_new(struct arena *a, const struct settings_bounces *rule,
                                          double segment_cost, int64_t now_us);
struct outbox_result {
    enum message_status status;
    struct str reason, provider_id;
    int64_t due_us;  /* 0: nothing more to do */
    bool given_back; /* the attempt does not count */
    bool doubted;
    struct bounce_verdict bounce; /* it was refused, or deferred to its end */
    char enhanced[12];            /* RFC 3463 "5.1.1", or "" */
    int segments;                 /* of an SMS; 0: none */
};
void outbox_settle(struct outbox_settles *s, const struct outbox_message *m, int64_t lease,
                   const struct outbox_result *r);
/* Appends the calls, one for what was sent and one for the others, behind calls[n]; the new n. */
size_t outbox_settle_calls(struct outbox_settles *s, struct db_call *calls, size_t n);

/* Messages that failed for good whose step has another channel to fall back on; goes behind the
 * settling, in its transaction. `topic` may be empty. */
struct outbox_fallbacks;
struct outbox_fallbacks *outbox_fallbacks_new(struct arena *a);
void outbox_fall_back(struct outbox_fallbacks *f, const struct outbox_message *m, int64_t lease,
                      const struct step_send *other, enum address_kind address);
bool outbox_fallback_call(struct outbox_fallbacks *f, int64_t now_us, struct db_call *call);

/* Messages marked under our fences that are not among `in_hand`: back to queued. */
struct db_call outbox_recover(struct arena *a, uint64_t shards, const int64_t fences[64],
                              const int64_t *in_hand, size_t n);

#endif
