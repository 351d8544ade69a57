/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_wait.h"

#include "base/calendar.h"
#include "rules/campaign_internal.h"
#include "rules/campaign_steps.h"
#include "rules/window.h"

#include <stddef.h>

struct draft {
    const struct ynode *until, *where, *on_timeout;
    struct str event;
    int minute;
    unsigned days;
    int64_t timeout_us;
};

const struct form campaign_wait_form = {
    .what = "`wait`",
    .help = "A pause: until an instant, the next time of a day, or an event",
    .schema = "{\"oneOf\":[{\"required\":[\"until\"]},{\"required\":[\"time\"]},"
              "{\"required\":[\"event\",\"timeout\"]}]}",
    .fields =
        (const struct form_field[]){
            {.key = "until",
             .type = FORM_CUSTOM,
             .read = campaign_read_node,
             .offset = offsetof(struct draft, until),
             .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "a date and time in the workspace's time zone, or CEL that gives one; what is "
                     "past goes on at once",
             .example = "\"2026-12-24 10:00\""},
            {.key = "time",
             .type = FORM_CUSTOM,
             .read = window_read_time,
             .offset = offsetof(struct draft, minute),
             .schema = WINDOW_TIME_SCHEMA,
             .help = "the next time it is so late where the customer is",
             .example = "\"09:00\""},
            {.key = "days",
             .type = FORM_CUSTOM,
             .read = window_read_days,
             .offset = offsetof(struct draft, days),
             .schema = WINDOW_DAYS_SCHEMA,
             .help = "of `time`: the days of the week that will do",
             .example = "[mon, tue]"},
            {.key = "event",
             .type = FORM_CUSTOM,
             .read = campaign_read_event,
             .offset = offsetof(struct draft, event),
             .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "until the customer has an event of this name",
             .example = "order.placed"},
            {.key = "where",
             .type = FORM_CUSTOM,
             .read = campaign_read_node,
             .offset = offsetof(struct draft, where),
             .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "of `event`: a condition in CEL over that event",
             .example = "event.amount > 100.0"},
            {.key = "timeout",
             .type = FORM_SPAN,
             .offset = offsetof(struct draft, timeout_us),
             .help = "of `event`: the longest wait",
             .example = "7d"},
            {.key = "on_timeout",
             .type = FORM_CUSTOM,
             .read = campaign_read_node,
             .offset = offsetof(struct draft, on_timeout),
             .sub = &campaign_steps_form,
             .shape = FORM_LIST_OF,
             .least = 1,
             .help = "of `event`: what is done when it did not come; then it goes on"},
            {0}},
};

/* "1w2d12h": a week and two days by the calendar, and 12 hours by the clock. */
static bool parse_span(struct str text, struct step_wait *out) {
    struct err e = ERR_INIT;
    int64_t us = 0;
    size_t days = text.n;
    if (!wallclock_parse_span(text, &us, &e))
        return false;
    while (days > 0 && text.p[days - 1] != 'd' && text.p[days - 1] != 'w')
        days--;
    if (days > 0 && !wallclock_parse_span(str_sub(text, 0, days), &us, &e))
        return false;
    out->days = days > 0 ? (int)(us / CALENDAR_DAY_US) : 0;
    return days == text.n || wallclock_parse_span(str_sub(text, days, text.n), &out->us, &e);
}

static void read_span(struct form_reader *r, const struct ynode *node, struct step_wait *out) {
    out->kind = WAIT_SPAN;
    if (!form_want_text(r, node, "`wait`") || parse_span(node->text, out))
        return;
    struct diag *d =
        form_error(r, node, "`wait` must be a span of time, not `%.*s`", STR_FMT(node->text));
    d->hint = S("for example `wait: 3d`, `wait: { time: \"09:00\" }` or `wait: { event: "
                "order.placed, timeout: 7d }`");
}

/* A date and time as it is written, or an expression. */
static void read_until(struct form_reader *r, const struct ynode *node, struct step_wait *out) {
    const struct campaign_context *x = r->ctx;
    out->kind = WAIT_UNTIL;
    if (!form_want_text(r, node, "`until`") || campaign_instant(r, node->text, &out->at_us))
        return;
    out->until = condition_compile(r, x->scope, node, false, "`until`");
    const struct cel_type *t = out->until ? cel_program_type(out->until) : NULL;
    if (!t || t->kind == CEL_TIMESTAMP || t->kind == CEL_DYN)
        return;
    struct diag *d =
        form_error(r, node, "`until` must give a timestamp; this is %s", cel_kind_name(t->kind));
    d->hint = S("write \"2026-12-24 10:00\", or for example `event.occurred_at + days(3)`");
}

static void read_event(struct form_reader *r, const struct ynode *node, const struct draft *x,
                       struct step_wait *out) {
    out->kind = WAIT_EVENT;
    out->event = x->event;
    out->us = x->timeout_us;
    if (x->where) {
        out->where = condition_compile(r, campaign_scope(r, x->event.n ? x->event : S("?")),
                                       x->where, true, "`where`");
        campaign_warn_of_constant(r, x->where, out->where, "`where`", "leave it out",
                                  "the event will never be the one that is waited for");
    }
    if (!ynode_get(node, S("timeout")))
        form_error(r, node, "a wait for an event needs `timeout`: nobody waits for ever")->hint =
            S("for example `wait: { event: order.placed, timeout: 7d }`");
}

/* A key that does not belong to the kind of wait that `key` makes it. */
static void check_beside(struct form_reader *r, const struct ynode *node, const char *key,
                         const char *first, const char *second, const char *third) {
    if (!form_knows(&campaign_wait_form, node))
        return;
    for (size_t i = 0; i < node->n; i++) {
        struct str name = node->pairs[i].key->text;
        if (str_eq(name, str_from(key)) || str_eq(name, str_from(first)) ||
            str_eq(name, str_from(second)) || str_eq(name, str_from(third)))
            continue;
        form_error(r, node->pairs[i].key, "a wait with `%s` takes no `%.*s`", key, STR_FMT(name));
        return;
    }
}

void campaign_wait_read(struct form_reader *r, const struct ynode *node, struct step_wait *out,
                        const struct ynode **on_timeout) {
    struct draft x = {.minute = -1};
    *on_timeout = NULL;
    if (node->kind == Y_SCALAR) {
        read_span(r, node, out);
        return;
    }
    if (!form_want_map(r, node, "`wait`"))
        return;
    form_read(r, &campaign_wait_form, node, &x);
    if (ynode_get(node, S("until"))) {
        check_beside(r, node, "until", "", "", "");
        if (x.until)
            read_until(r, x.until, out);
    } else if (ynode_get(node, S("time"))) {
        check_beside(r, node, "time", "days", "", "");
        out->kind = WAIT_TIME;
        out->minute = x.minute > 0 ? x.minute : 0;
        out->weekdays = x.days;
    } else if (ynode_get(node, S("event"))) {
        check_beside(r, node, "event", "where", "timeout", "on_timeout");
        read_event(r, node, &x, out);
        *on_timeout = x.on_timeout;
    } else if (form_knows(&campaign_wait_form, node)) {
        struct diag *d = form_error(r, node, "`wait` needs `until`, `time` or `event`");
        d->hint = S("or a span alone: `wait: 3d`");
    }
}
