/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/profile_rows.h"

#include "base/json.h"
#include "base/log.h"

static struct str text(const struct batch *b, const struct db_result *r, size_t row, size_t col) {
    return db_is_null(r, row, col) ? STR_NONE : str_dup(b->arena, db_text(r, row, col));
}

static void suppress(struct batch_customer *c, struct str channel, struct str reason) {
    if (reason.p)
        c->suppressions[c->profile.n_suppressions++] =
            (struct profile_suppression){channel, reason};
    c->profile.suppressions = c->suppressions;
}

/* Without text: they are larger than one customer's may be, or the batch's are altogether. */
static void take_attributes(struct batch *b, struct batch_customer *c, struct str json,
                            int64_t size) {
    struct err e = ERR_INIT;
    if (!json.p && size <= BATCH_VALUE_MOST)
        b->cut = true;
    else if (!json.p)
        c->refused = str_printf(b->arena, "attributes of %.1f MB are more than the limit of 1 MB",
                                (double)size / 1e6);
    else if (!json_parse(b->arena, json, &c->profile.attributes, &e))
        c->refused = str_dup(b->arena, str_from(e.text));
    else
        return;
    c->profile.attributes = value_map(map_new(b->arena, 0));
    if (c->refused.n)
        log_warn("attributes cannot be used", LOG_I("customer_id", c->profile.id),
                 LOG_S("reason", c->refused));
}

void profile_rows_customers(struct batch *b, const struct db_result *r, bool fresh) {
    for (size_t i = 0; i < db_rows(r); i++) {
        struct batch_customer *c = batch_by_key(b, db_text(r, i, 2));
        if (!c || c->profile.id)
            continue;
        struct profile *p = &c->profile;
        p->id = db_int(r, i, 1);
        p->email = text(b, r, i, 3);
        p->phone = text(b, r, i, 4);
        p->locale = text(b, r, i, 5);
        p->timezone = text(b, r, i, 6);
        take_attributes(b, c, db_is_null(r, i, 7) ? STR_NONE : db_json(r, i, 7), db_int(r, i, 16));
        p->rfm = (struct profile_rfm){.r = db_int(r, i, 10),
                                      .f = db_int(r, i, 11),
                                      .m = db_int(r, i, 12),
                                      .purchases = db_int(r, i, 13),
                                      .revenue = db_float8(r, i, 14),
                                      .top = db_float8(r, i, 15)};
        p->created_us = db_timestamptz(r, i, 17);
        suppress(c, S("email"), text(b, r, i, 8));
        suppress(c, S("sms"), text(b, r, i, 9));
        c->fresh = fresh;
        map_set(b->arena, b->by_id, value_int(p->id), value_int(c - b->customers));
    }
}

/* Room for one more behind list[n]; grown by doubling in the batch's arena. */
void *profile_rows_room(const struct batch *b, void *list, size_t n, size_t *cap, size_t size) {
    if (n < *cap)
        return list;
    size_t grown = *cap ? *cap * 2 : 4;
    list = arena_grow(b->arena, list, n * size, grown * size);
    *cap = grown;
    return list;
}

void profile_rows_consents(struct batch *b, const struct db_result *r) {
    for (size_t i = 0; i < db_rows(r); i++) {
        struct batch_customer *c = batch_by_id(b, db_int(r, i, 0));
        if (!c)
            continue;
        size_t n = c->profile.n_consents++;
        c->consents = profile_rows_room(b, c->consents, n, &c->cap_consents, sizeof *c->consents);
        c->consents[n] = (struct profile_consent){.channel = text(b, r, i, 1),
                                                  .topic = text(b, r, i, 2),
                                                  .subscribed = db_bool(r, i, 3),
                                                  .at_us = db_timestamptz(r, i, 4)};
        c->profile.consents = c->consents;
    }
}

void profile_rows_messages(struct batch *b, const struct db_result *r, int64_t before_event) {
    for (size_t i = 0; i < db_rows(r); i++) {
        struct batch_customer *c = batch_by_id(b, db_int(r, i, 0));
        enum message_status status;
        if (!c || !message_status_parse(db_text(r, i, 5), &status) ||
            db_int(r, i, 6) >= before_event)
            continue;
        size_t n = c->profile.n_messages++;
        c->messages = profile_rows_room(b, c->messages, n, &c->cap_messages, sizeof *c->messages);
        struct str campaign = text(b, r, i, 1);
        const struct campaign *now = campaign_set_version(&b->workspace->rules, campaign, STR_NONE);
        c->messages[n] = (struct profile_message){.id = db_int(r, i, 7),
                                                  .campaign = campaign,
                                                  .step = text(b, r, i, 8),
                                                  .occurrence = text(b, r, i, 9),
                                                  .channel = text(b, r, i, 2),
                                                  .topic = text(b, r, i, 3),
                                                  .at_us = db_timestamptz(r, i, 4),
                                                  .priority = now ? now->priority : 0,
                                                  .transactional = db_is_null(r, i, 3),
                                                  .status = status};
        c->profile.messages = c->messages;
        c->profile.cap_messages = c->cap_messages;
    }
}

void profile_rows_responses(struct batch *b, const struct db_result *r) {
    for (size_t i = 0; i < db_rows(r); i++) {
        struct batch_customer *c = batch_by_id(b, db_int(r, i, 0));
        if (!c)
            continue;
        size_t n = c->profile.n_responses++;
        c->responses =
            profile_rows_room(b, c->responses, n, &c->cap_responses, sizeof *c->responses);
        c->responses[n] = (struct profile_response){.campaign = text(b, r, i, 1),
                                                    .occurrence = text(b, r, i, 2),
                                                    .kind = text(b, r, i, 3),
                                                    .at_us = db_timestamptz(r, i, 4)};
        c->profile.responses = c->responses;
    }
}
