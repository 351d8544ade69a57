/* SPDX-License-Identifier: Apache-2.0
 *
 * event_api: the bodies of Segment's HTTP tracking API (/v1/track, identify, page, alias,
 * batch) into customers and events.
 *
 * A bad item is counted and left out, the rest is taken: a 400 would lose the whole
 * batch for ever. `screen` and `group` are skipped. An item's time is corrected by the
 * sender's clock: received - (sentAt - timestamp). Pure.
 */
#ifndef GODWIT_ENGINE_RESPONSE_EVENT_API_H
#define GODWIT_ENGINE_RESPONSE_EVENT_API_H

#include "base/err.h"
#include "base/value.h"

#define API_BATCH_BYTES 500000
#define API_ITEM_BYTES 32768

enum api_kind { API_IDENTIFY, API_EVENT, API_ALIAS };

struct api_item {
    enum api_kind kind;
    struct str customer;
    struct str previous;   /* API_ALIAS: the former key */
    struct str name;       /* API_EVENT */
    struct str properties; /* JSON object: the event's, or the customer's attributes */
    struct str dedupe;     /* API_EVENT; may be empty */
    int64_t at_us;         /* API_EVENT */
    struct str email, phone, locale, timezone; /* API_IDENTIFY; STR_NONE: not said */
};

struct api_batch {
    struct str write_key; /* of the body; may be empty */
    struct api_item *items;
    size_t n, cap;
    size_t skipped; /* screen, group */
    size_t rejected;
    struct str complaint; /* about the first that was rejected */
};

/* `call`: "track", "identify", "page", "screen", "group", "alias" or "batch". False: nothing of
 * it can be taken, e says why (ERR_INPUT). Everything is in `a` or in the body. */
bool event_api_read(struct arena *a, struct str call, struct str body, int64_t received_us,
                    struct api_batch *out, struct err *e) MUST_CHECK;

#endif
