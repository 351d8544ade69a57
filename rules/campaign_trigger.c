/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_trigger.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "rules/campaign_internal.h"
#include "rules/window.h"

#include <stddef.h>

#define DEFAULT_MINUTE (9 * 60) /* of a date without `at` */

/* The nodes under each key, before it is known which kind of trigger they make. */
struct draft {
    const struct ynode *event, *absence, *span, *backlog, *attribute, *from, *to, *segment, *on,
        *date, *every, *before, *after, *at, *schedule, *once;
    bool never;
};

#define NODE(name, member)                                        \
    .key = name, .type = FORM_CUSTOM, .read = campaign_read_node, \
    .offset = offsetof(struct draft, member)
#define ANY_SCHEMA "{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}"
#define SPAN_SCHEMA "{\"type\":\"string\",\"pattern\":\"^([0-9]+[wdhms])+$\"}"
#define DAYS_SCHEMA "{\"type\":\"string\",\"pattern\":\"^([0-9]+[wd])+$\"}"

const struct form campaign_trigger_form = {
    .what = "a trigger",
    .help = "What starts the campaign for a customer: one of event, absence, attribute, segment, "
            "date, schedule, at, once",
    .schema = "{\"oneOf\":[{\"required\":[\"event\"],\"not\":{\"required\":[\"date\"]}},"
              "{\"required\":[\"absence\",\"for\"]},{\"required\":[\"attribute\"]},"
              "{\"required\":[\"segment\",\"on\"]},{\"required\":[\"date\"]},"
              "{\"required\":[\"schedule\"]},"
              "{\"required\":[\"at\"],\"not\":{\"required\":[\"date\"]}},"
              "{\"required\":[\"once\"]}]}",
    .fields =
        (const struct form_field[]){
            {NODE("event", event), .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "the name of the event that starts it; beside `date`: of the event that has "
                     "the date",
             .example = "order.placed"},
            {NODE("absence", absence), .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "the name of the event that customers have not had for a while",
             .example = "order.placed"},
            {NODE("for", span), .schema = SPAN_SCHEMA,
             .help = "how long the event of `absence` has not happened", .example = "60d"},
            {NODE("backlog", backlog),
             .schema =
                 "{\"type\":\"string\",\"pattern\":\"^(skip|all|" CAMPAIGN_SPREAD_PATTERN ")$\"}",
             .help = "those who have been absent for longer when the campaign starts: `skip` (by "
                     "default), `all`, or `spread over` a time",
             .example = "spread over 7d"},
            {.key = "never",
             .type = FORM_BOOL,
             .offset = offsetof(struct draft, never),
             .help = "of `absence`: also those who never had the event, from when the customer was "
                     "created",
             .example = "true"},
            {NODE("attribute", attribute), .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "the attribute whose change starts it", .example = "plan"},
            {NODE("from", from), .nullable = true, .schema = ANY_SCHEMA,
             .help = "the attribute's value before; `null`: it was not there", .example = "free"},
            {NODE("to", to), .nullable = true, .schema = ANY_SCHEMA,
             .help = "the attribute's value after; `null`: it is not there", .example = "gold"},
            {NODE("segment", segment), .schema = CAMPAIGN_TEXT_SCHEMA, .help = "a tracked segment",
             .example = "vip"},
            {NODE("on", on), .schema = "{\"enum\":[\"entered\",\"left\"]}",
             .help = "whether entering or leaving the segment starts it", .example = "entered"},
            {NODE("date", date), .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "the attribute, or with `event` the property, that holds a date",
             .example = "birthday"},
            {NODE("every", every), .schema = "{\"const\":\"year\"}",
             .help = "`year`: the date comes again each year", .example = "year"},
            {NODE("before", before), .schema = DAYS_SCHEMA, .help = "so many days before the date",
             .example = "30d"},
            {NODE("after", after), .schema = DAYS_SCHEMA, .help = "so many days after the date",
             .example = "2d"},
            {NODE("at", at), .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "of a date: the time of that day, 09:00 by default; alone: the instant at "
                     "which it starts, once",
             .example = "\"09:00\""},
            {NODE("schedule", schedule), .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "when it starts again and again, as cron writes it, in the workspace's time "
                     "zone",
             .example = "\"0 9 * * mon\""},
            {NODE("once", once), .schema = "{\"const\":true}",
             .help = "`true`: it starts when `godwit send` says so", .example = "true"},
            {0}},
};

static void read_event(struct form_reader *r, const struct draft *x, struct trigger *t);
static void read_absence(struct form_reader *r, const struct draft *x, struct trigger *t);
static void read_attribute(struct form_reader *r, const struct draft *x, struct trigger *t);
static void read_segment(struct form_reader *r, const struct draft *x, struct trigger *t);
static void read_date(struct form_reader *r, const struct draft *x, struct trigger *t);
static void read_schedule(struct form_reader *r, const struct draft *x, struct trigger *t);
static void read_at(struct form_reader *r, const struct draft *x, struct trigger *t);
static void read_once(struct form_reader *r, const struct draft *x, struct trigger *t);

/* The key that says which kind it is, what else it may have, and an example. A kind is taken before
 * those that stand behind it: `event` and `at` stand beside `date`. */
static const struct kind {
    const char *key, *beside, *example;
    void (*read)(struct form_reader *r, const struct draft *x, struct trigger *t);
} kinds[] = {
    {"date", "event every before after at", "{ date: birthday, every: year, at: \"09:00\" }",
     read_date},
    {"absence", "for backlog never", "{ absence: order.placed, for: 60d }", read_absence},
    {"attribute", "from to", "{ attribute: plan, to: gold }", read_attribute},
    {"segment", "on", "{ segment: vip, on: entered }", read_segment},
    {"event", "", "{ event: order.placed }", read_event},
    {"schedule", "", "{ schedule: \"0 9 * * mon\" }", read_schedule},
    {"at", "", "{ at: 2026-12-01 10:00 }", read_at},
    {"once", "", "{ once: true }", read_once},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static const struct kind *kind_of(const struct ynode *node) {
    for (size_t i = 0; i < KINDS; i++)
        if (ynode_get(node, str_from(kinds[i].key)))
            return &kinds[i];
    return NULL;
}

static bool is_among(struct str word, const char *words) {
    struct str rest = str_from(words), part;
    while (str_split(&rest, ' ', &part))
        if (str_eq(part, word))
            return true;
    return false;
}

/* Keys of another kind. */
static void check_keys(struct form_reader *r, const struct kind *k, const struct ynode *node) {
    for (size_t i = 0; i < node->n; i++) {
        const struct ynode *key = node->pairs[i].key;
        if (str_eq(key->text, str_from(k->key)) || is_among(key->text, k->beside))
            continue;
        struct diag *d =
            form_error(r, key, "a trigger with `%s` takes no `%.*s`", k->key, STR_FMT(key->text));
        d->hint = str_printf(r->a, "for example `trigger: %s`", k->example);
        return;
    }
}

void campaign_trigger_read(struct form_reader *r, const struct ynode *node, void *out) {
    struct draft x = {.event = NULL};
    struct trigger *t = out;
    if (!form_want_map(r, node, "`trigger`"))
        return;
    t->at = ynode_place(r->file, node);
    form_read(r, &campaign_trigger_form, node, &x);
    const struct kind *k = kind_of(node);
    bool known = form_knows(&campaign_trigger_form, node);
    if (!k && !known)
        return;
    if (!k) {
        struct diag *d = form_error(r, node,
                                    "a trigger needs `event`, `absence`, `attribute`, `segment`, "
                                    "`date`, `schedule`, `at` or `once`");
        d->hint = S("for example `trigger: { event: order.placed }`");
        return;
    }
    if (known)
        check_keys(r, k, node);
    k->read(r, &x, t);
}

/* ---- one by one. A node is NULL when its key is not there or was complained of. */

static struct diag *needs(struct form_reader *r, const struct ynode *at, const char *key,
                          const char *other, const char *example) {
    struct diag *d = form_error(r, at, "a trigger with `%s` needs `%s`", key, other);
    d->hint = str_printf(r->a, "for example `trigger: %s`", example);
    return d;
}

static bool read_span(struct form_reader *r, const struct ynode *node, const char *key,
                      int64_t *us) {
    const struct form_field field = {.key = key, .type = FORM_SPAN};
    *us = 0;
    form_read_field(r, &field, node, us);
    return *us > 0;
}

static void read_event(struct form_reader *r, const struct draft *x, struct trigger *t) {
    t->kind = TRIGGER_EVENT;
    if (x->event)
        campaign_read_event(r, x->event, &t->event);
}

static void read_backlog(struct form_reader *r, const struct ynode *node, struct trigger *t) {
    if (!form_want_text(r, node, "`backlog`") || str_eq(node->text, S("skip")))
        return;
    if (str_eq(node->text, S("all"))) {
        t->backlog = BACKLOG_ALL;
    } else if (campaign_spread(node->text, &t->spread_us)) {
        t->backlog = BACKLOG_SPREAD;
    } else {
        struct diag *d = form_error(r, node,
                                    "`backlog` must be `skip`, `all` or `spread over` a time, not "
                                    "`%.*s`",
                                    STR_FMT(node->text));
        d->hint = S("for example `backlog: spread over 7d`");
    }
}

static void read_absence(struct form_reader *r, const struct draft *x, struct trigger *t) {
    t->kind = TRIGGER_ABSENCE;
    t->never = x->never;
    if (x->absence)
        campaign_read_event(r, x->absence, &t->event);
    if (x->span)
        (void)read_span(r, x->span, "for", &t->for_us);
    else if (x->absence)
        needs(r, x->absence, "absence", "for", "{ absence: order.placed, for: 60d }");
    if (x->backlog)
        read_backlog(r, x->backlog, t);
}

/* "plan" and "customer.plan" are the same attribute. */
static struct str attribute_of(struct form_reader *r, const struct ynode *node) {
    const struct campaign_context *x = r->ctx;
    struct str name = node->text, prefix = S("customer.");
    if (str_starts(name, prefix))
        name = str_sub(name, prefix.n, name.n);
    condition_check_attribute(r, &x->set->catalog, node, name);
    return name;
}

/* What an attribute is compared with: no list, no map. */
static bool read_literal(struct form_reader *r, const struct ynode *node, const char *key,
                         struct value *out) {
    if (!node)
        return false;
    if (node->kind == Y_SCALAR) {
        *out = ynode_value(r->a, node);
        return true;
    }
    form_error(r, node, "`%s` must be one value, not %s", key, form_kind_name(node));
    return false;
}

static void read_attribute(struct form_reader *r, const struct draft *x, struct trigger *t) {
    t->kind = TRIGGER_EVENT;
    t->event = S(EVENT_CUSTOMER_CHANGED);
    if (x->attribute && form_want_name(r, x->attribute, "`attribute`"))
        t->attribute = attribute_of(r, x->attribute);
    t->has_from = read_literal(r, x->from, "from", &t->from);
    t->has_to = read_literal(r, x->to, "to", &t->to);
}

static void check_segment(struct form_reader *r, const struct ynode *node) {
    const struct campaign_context *x = r->ctx;
    const struct segment *s = campaign_set_segment(x->set, node->text);
    if (!s) {
        struct str *names = ARENA_ARRAY(r->a, struct str, x->set->n_segments + 1);
        for (size_t i = 0; i < x->set->n_segments; i++)
            names[i] = x->set->segments[i].name;
        campaign_unknown(r, node, "segment", names, x->set->n_segments, "segments.yaml");
    } else if (!s->tracked) {
        struct diag *d = form_error(r, node,
                                    "the segment `%.*s` is not tracked, so nobody is seen entering "
                                    "or leaving it",
                                    STR_FMT(node->text));
        d->hint = str_printf(r->a, "give it `tracked: true` in %.*s, line %d", STR_FMT(s->at.file),
                             s->at.line);
    }
}

static void read_segment(struct form_reader *r, const struct draft *x, struct trigger *t) {
    static const char *const ways[] = {"entered", "left", NULL};
    const struct form_field on = {.key = "on", .type = FORM_CHOICE, .choices = ways};
    int way = 0;
    t->kind = TRIGGER_EVENT;
    if (x->segment && form_want_name(r, x->segment, "`segment`")) {
        t->segment = x->segment->text;
        check_segment(r, x->segment);
    }
    if (x->on)
        form_read_field(r, &on, x->on, &way);
    else if (x->segment)
        needs(r, x->segment, "segment", "on", "{ segment: vip, on: entered }");
    t->event = way ? S(EVENT_SEGMENT_LEFT) : S(EVENT_SEGMENT_ENTERED);
}

/* Whole days: "before: 30d". */
static bool read_days(struct form_reader *r, const struct ynode *node, const char *key, int *days) {
    int64_t us;
    if (!node || !read_span(r, node, key, &us))
        return false;
    if (us % CALENDAR_DAY_US) {
        struct diag *d = form_error(r, node, "`%s` is counted in whole days, not `%.*s`", key,
                                    STR_FMT(node->text));
        d->hint = S("the time of the day is `at: \"09:00\"`");
        return false;
    }
    *days = (int)(us / CALENDAR_DAY_US);
    return true;
}

static void read_shift(struct form_reader *r, const struct draft *x, struct trigger *t) {
    int days;
    if (x->before && x->after)
        form_error(r, x->after, "a date has `before` or `after`, not both");
    else if (read_days(r, x->before, "before", &days))
        t->shift_days = -days;
    else if (read_days(r, x->after, "after", &days))
        t->shift_days = days;
}

static void read_date(struct form_reader *r, const struct draft *x, struct trigger *t) {
    static const char *const spans[] = {"year", NULL};
    const struct form_field every = {.key = "every", .type = FORM_CHOICE, .choices = spans};
    const struct campaign_context *context = r->ctx;
    int index = -1;
    t->kind = TRIGGER_DATE;
    t->minute = DEFAULT_MINUTE;
    if (x->event)
        campaign_read_event(r, x->event, &t->event);
    if (x->date && form_want_name(r, x->date, "`date`")) {
        t->attribute = x->date->text;
        if (x->event)
            condition_check_property(r, &context->set->catalog, x->date, t->event, t->attribute);
        else
            t->attribute = attribute_of(r, x->date);
    }
    if (x->every)
        form_read_field(r, &every, x->every, &index);
    t->yearly = index == 0;
    read_shift(r, x, t);
    if (x->at)
        window_read_time(r, x->at, &t->minute);
}

static void read_schedule(struct form_reader *r, const struct draft *x, struct trigger *t) {
    struct err e = ERR_INIT;
    t->kind = TRIGGER_SCHEDULE;
    if (!x->schedule || !form_want_text(r, x->schedule, "`schedule`") ||
        cron_parse(r->a, x->schedule->text, &t->cron, &e))
        return;
    struct diag *d = form_error(r, x->schedule, "%s", e.text);
    d->hint = S("minute, hour, day of the month, month, day of the week: \"0 9 * * mon\"");
}

static void read_at(struct form_reader *r, const struct draft *x, struct trigger *t) {
    t->kind = TRIGGER_ONCE;
    if (!x->at || !form_want_text(r, x->at, "`at`") || campaign_instant(r, x->at->text, &t->at_us))
        return;
    struct diag *d =
        form_error(r, x->at, "`at` must be a date and time, not `%.*s`", STR_FMT(x->at->text));
    d->hint = S("for example `at: 2026-12-01 10:00`; for every day, `schedule: \"0 10 * * *\"`");
}

static void read_once(struct form_reader *r, const struct draft *x, struct trigger *t) {
    t->kind = TRIGGER_ONCE;
    if (x->once && !(x->once->kind == Y_SCALAR && str_eq(x->once->text, S("true"))))
        form_error(r, x->once, "`once` can only be `true`");
}
