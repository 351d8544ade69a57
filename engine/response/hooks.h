/* SPDX-License-Identifier: Apache-2.0
 *
 * hooks: what providers tell, into the database: receipts become rows of `responses`,
 * inbound messages too, and STOP and START change consent. A replay changes nothing.
 *
 * Group commit: receipts that come while others are under way are one transaction, behind it; where
 * that fails for another reason than the database's being away, each request is tried by itself.
 * A request with inbound messages is a transaction of its own, on another connection: it waits for
 * others who change consent, and holds up no receipts. Loop thread only.
 */
#ifndef GODWIT_ENGINE_RESPONSE_HOOKS_H
#define GODWIT_ENGINE_RESPONSE_HOOKS_H

#include "engine/response/patient.h"

#define HOOK_REPORTS 1000 /* of one request, at most */

struct arena;
struct hooks;
struct settings_bounces;

/* Borrows both: where receipts go, and what changes consent. */
struct hooks *hooks_open(struct patient *receipts, struct patient *consent);
/* When both have ended; nothing waits then. NULL is fine. */
void hooks_close(struct hooks *h);

/* One report; the texts live until `done`. */
struct hook_report {
    bool inbound;
    /* a receipt */
    bool named; /* by shard and message; otherwise by provider_id */
    int shard;
    int64_t message;
    struct str provider_id;
    const char *kind;   /* progress, delivered, bounce */
    const char *bounce; /* hard, soft, block; NULL: no bounce */
    struct str code;
    /* an inbound message */
    struct str id, sender;
    const char *keyword; /* stop, start, help; NULL: none */
    /* both */
    struct str text;
    int64_t at_us; /* 0: not told */
};

enum hook_outcome { HOOK_RECORDED, HOOK_REPEATED, HOOK_PROGRESS, HOOK_UNKNOWN, HOOK_OUTCOMES };

/* e NULL: committed; n[outcome] reports had that outcome. */
typedef void (*hooks_done_fn)(void *ctx, const struct err *e, const size_t n[HOOK_OUTCOMES]);

/* At least one report and at most HOOK_REPORTS. Memory comes from `a`, which lives until `done`;
 * `rule` is copied. False: too many wait, `done` is not called. */
bool hooks_record(struct hooks *h, struct arena *a, struct str channel,
                  const struct settings_bounces *rule, const struct hook_report *reports, size_t n,
                  hooks_done_fn done, void *ctx) MUST_CHECK;

#endif
