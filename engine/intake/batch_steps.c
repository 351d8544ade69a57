/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/batch_steps.h"

#include "base/calendar.h"
#include "base/wallclock.h"
#include "engine/intake/past.h"
#include "engine/intake/profile_rows.h"
#include "engine/sql_text.h"

#define EVENTS_BYTES (8 << 20)     /* of a batch's properties */
#define CUSTOMERS_BYTES (16 << 20) /* of a batch's attributes */

static const struct db_stmt st_read = {"event_read", sql_event_read};
static const struct db_stmt st_customers = {"customer_read", sql_customer_read};
static const struct db_stmt st_consents = {"consent_read", sql_consent_read};
static const struct db_stmt st_messages = {"message_history", sql_message_history};
static const struct db_stmt st_responses = {"response_history", sql_response_history};

struct db_call batch_steps_read(struct batch *b, const char *target, size_t limit) {
    struct db_params *p = db_params(b->arena);
    struct db_array *members = db_array(b->arena, DB_INT2, SHARDS);
    for (int i = 0; i < SHARDS; i++)
        if (b->members >> i & 1)
            db_array_int2(members, (int16_t)i);
    db_param_array(p, members);
    db_param_text(p, str_from(b->from.last));
    db_param_text(p, target ? str_dup(b->arena, str_from(target)) : STR_NONE);
    db_param_text(p, str_from(b->from.xid));
    db_param_int8(p, b->from.id);
    db_param_int8(p, (int64_t)limit);
    db_param_int8(p, BATCH_VALUE_MOST);
    db_param_int8(p, EVENTS_BYTES);
    return (struct db_call){&st_read, p};
}

bool batch_steps_exhausted(const struct db_result *r, size_t limit) {
    if (db_rows(r) == 1 && db_is_null(r, 0, 2))
        return true;
    size_t found = (size_t)db_int(r, 0, 10);
    return found == db_rows(r) && found < limit;
}

struct db_params *batch_steps_limits(struct batch *b) {
    const struct campaign_set *rules = &b->workspace->rules;
    struct db_array *ids = db_array(b->arena, DB_TEXT, rules->n_campaigns);
    for (size_t i = 0; i < rules->n_campaigns; i++)
        if (rules->campaigns[i]->per_customer.most)
            db_array_text(ids, rules->campaigns[i]->id);
    if (!db_array_count(ids) && !b->workspace->settings.n_caps)
        return NULL;
    struct db_params *p = batch_customer_params(b, false);
    db_param_array(p, ids);
    return p;
}

/* Since when messages of all campaigns count, for the caps that hold for all of them. */
static void add_since(const struct batch *b, struct db_params *p) {
    static const int64_t units[] = {[CALENDAR_DAY] = 1, [CALENDAR_WEEK] = 7, [CALENDAR_MONTH] = 31};
    const struct settings *s = &b->workspace->settings;
    int64_t longest_us = 0;
    for (size_t i = 0; i < s->n_caps; i++) {
        const struct settings_cap *cap = &s->caps[i];
        int64_t us = cap->span_us ? cap->span_us : units[cap->unit] * CALENDAR_DAY_US;
        longest_us = us > longest_us ? us : longest_us;
    }
    if (longest_us) /* quiet hours put a message off by days at most */
        db_param_timestamptz(p, wallclock_now() - longest_us - 2 * CALENDAR_DAY_US);
    else
        db_param_null(p, DB_TIMESTAMPTZ);
    db_param_timestamptz(p, wallclock_now());
}

static void add_asking(struct batch *b, struct str event, struct db_array *ids) {
    size_t n;
    const struct campaign *const *list = campaign_set_started_by(&b->workspace->rules, event, &n);
    for (size_t i = 0; i < n; i++)
        if (campaign_uses_responses(list[i]))
            db_array_text(ids, list[i]->id);
}

/* Parameters $1 shards, $2 keys and $3 names of the campaigns that use responded() and that the
 * batch's events may start; all of them when it may be about people in journeys. NULL: none. */
static struct db_params *asking(struct batch *b) {
    if (!b->workspace->rules.responses)
        return NULL;
    const struct campaign_set *rules = &b->workspace->rules;
    struct db_array *ids = db_array(b->arena, DB_TEXT, 0);
    struct map *seen = map_new(b->arena, 0);
    for (size_t i = 0; i < rules->n_campaigns + rules->n_earlier && b->enrolments_asked; i++) {
        const struct campaign *c =
            i < rules->n_campaigns ? rules->campaigns[i] : rules->earlier[i - rules->n_campaigns];
        if (campaign_uses_responses(c))
            db_array_text(ids, c->id);
    }
    for (size_t i = 0; i < b->n && !b->enrolments_asked; i++) {
        const struct event *e = &b->events[i].event;
        if (e->mode == EVENT_HISTORY || map_get_str(seen, e->name))
            continue;
        map_set_str(b->arena, seen, e->name, VALUE_NULL);
        add_asking(b, e->name, ids);
    }
    if (!db_array_count(ids))
        return NULL;
    struct db_params *p = batch_customer_params(b, false);
    db_param_array(p, ids);
    return p;
}

struct db_call batch_steps_customers(struct batch *b, bool created) {
    struct db_params *p = batch_customer_params(b, created);
    db_param_int8(p, BATCH_VALUE_MOST);
    db_param_int8(p, b->bounded ? CUSTOMERS_BYTES : INT64_MAX);
    return (struct db_call){&st_customers, p};
}

size_t batch_steps_profile(struct batch *b, struct db_call *calls) {
    size_t n = 0;
    struct db_params *limits = batch_steps_limits(b), *responses = asking(b);
    calls[n++] = batch_steps_customers(b, false);
    calls[n++] = (struct db_call){&st_consents, batch_customer_params(b, false)};
    if (limits) {
        add_since(b, limits);
        calls[n++] = (struct db_call){&st_messages, limits};
    }
    if (responses)
        calls[n++] = (struct db_call){&st_responses, responses};
    return n;
}

size_t batch_steps_profiled(struct batch *b, const struct db_reply *reply, int64_t before_event) {
    size_t n = 0;
    profile_rows_customers(b, reply->result[n++], false);
    profile_rows_consents(b, reply->result[n++]);
    if (batch_steps_limits(b))
        profile_rows_messages(b, reply->result[n++], before_event);
    if (asking(b))
        profile_rows_responses(b, reply->result[n++]);
    return n;
}

static void decide_refused(struct batch *b, const struct batch_event *x, struct str why,
                           struct decisions *out) {
    size_t n;
    const struct campaign *const *started =
        campaign_set_started_by(&b->workspace->rules, x->event.name, &n);
    out->list = ARENA_ARRAY(b->arena, struct decision, n);
    for (size_t i = 0; i < n; i++)
        out->list[out->n++] = (struct decision){.campaign = started[i],
                                                .outcome = OUTCOME_ERROR,
                                                .gate = "event",
                                                .reason = why,
                                                .customer = x->customer->profile.id,
                                                .event = x->event.id};
}

void batch_steps_decide(struct batch *b, struct batch_event *x, int64_t now_us, struct str secret,
                        struct decisions *out) {
    struct deciding d = {.workspace = b->workspace,
                         .profile = &x->customer->profile,
                         .now_us = now_us,
                         .salt = secret,
                         .arena = b->arena,
                         .out = out};
    past_append(b, x);
    if (x->refused.n && x->event.mode == EVENT_HISTORY)
        return;
    if (x->refused.n || x->customer->refused.n)
        decide_refused(b, x, x->refused.n ? x->refused : x->customer->refused, out);
    else
        decide(&d, &x->event);
}
