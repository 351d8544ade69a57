/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_file.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/rate.h"
#include "base/wallclock.h"
#include "rules/campaign_steps.h"
#include "rules/condition.h"

#include <stddef.h>

/* What a file says, before the checks that need the whole of it. */
struct draft {
    struct campaign campaign;
    const struct ynode *audience;
    const struct ynode *goal_value;
    const struct ynode *steps;
};

/* What the read functions of the tables need to know. */
struct context {
    const struct campaign_set *set;
    const struct campaign_names *names;
};

static void read_node(struct form_reader *r, const struct ynode *node, void *out) {
    (void)r;
    *(const struct ynode **)out = node;
}

static void read_event_name(struct form_reader *r, const struct ynode *node, void *out);
static void read_holdout(struct form_reader *r, const struct ynode *node, void *out);
static void read_per_customer(struct form_reader *r, const struct ynode *node, void *out);
static void read_rate(struct form_reader *r, const struct ynode *node, void *out);
static void read_expires(struct form_reader *r, const struct ynode *node, void *out);

#define TEXT_SCHEMA "{\"type\":\"string\",\"minLength\":1}"
#define NOT_YET "campaigns start with an event so far (`event: NAME`)"

static const struct form trigger_form = {
    .what = "a trigger",
    .help = "What starts the campaign for a customer",
    .fields =
        (const struct form_field[]){{.key = "event",
                                     .type = FORM_CUSTOM,
                                     .read = read_event_name,
                                     .required = true,
                                     .offset = offsetof(struct draft, campaign.trigger.event),
                                     .schema = TEXT_SCHEMA,
                                     .help =
                                         "the name of the event that starts the campaign: of your "
                                         "own, or message.clicked, segment.entered, ...",
                                     .example = "order.placed"},
                                    {.key = "absence", .type = FORM_LATER, .help = NOT_YET},
                                    {.key = "for", .type = FORM_LATER, .help = NOT_YET},
                                    {.key = "backlog", .type = FORM_LATER, .help = NOT_YET},
                                    {.key = "attribute", .type = FORM_LATER, .help = NOT_YET},
                                    {.key = "segment", .type = FORM_LATER, .help = NOT_YET},
                                    {.key = "date", .type = FORM_LATER, .help = NOT_YET},
                                    {.key = "schedule", .type = FORM_LATER, .help = NOT_YET},
                                    {.key = "at", .type = FORM_LATER, .help = NOT_YET},
                                    {.key = "once", .type = FORM_LATER, .help = NOT_YET},
                                    {0}},
};

/* In the order of enum goal_attribution. */
static const char *const attribution_words[] = {"last", "first", "linear", NULL};

static const struct form goal_form = {
    .what = "a goal",
    .help = "What counts as success: an event within a time after the message",
    .fields =
        (const struct form_field[]){{.key = "event",
                                     .type = FORM_CUSTOM,
                                     .read = read_event_name,
                                     .required = true,
                                     .offset = offsetof(struct draft, campaign.goal.event),
                                     .schema = TEXT_SCHEMA,
                                     .help = "the event that means success",
                                     .example = "order.placed"},
                                    {.key = "within",
                                     .type = FORM_SPAN,
                                     .required = true,
                                     .offset = offsetof(struct draft, campaign.goal.within_us),
                                     .help = "how long after the message it counts",
                                     .example = "14d"},
                                    {.key = "attribution",
                                     .type = FORM_CHOICE,
                                     .choices = attribution_words,
                                     .offset = offsetof(struct draft, campaign.goal.attribution),
                                     .help = "which message gets the credit, of those clicked, or "
                                             "else opened, or else sent; last by default"},
                                    {.key = "value",
                                     .type = FORM_CUSTOM,
                                     .read = read_node,
                                     .schema = TEXT_SCHEMA,
                                     .offset = offsetof(struct draft, goal_value),
                                     .help = "what a success is worth: CEL over the goal's event",
                                     .example = "event.amount"},
                                    {0}},
};

static const struct form limits_form = {
    .what = "`limits`",
    .help = "How often this campaign may write to the same customer, and how fast at all",
    .fields =
        (const struct form_field[]){
            {.key = "per_customer",
             .type = FORM_CUSTOM,
             .read = read_per_customer,
             .offset = offsetof(struct draft, campaign.per_customer),
             .schema = "{\"type\":\"string\",\"pattern\":\"^(once|[1-9][0-9]* per .+)$\"}",
             .help = "`once`, or a number of messages per span of time",
             .example = "1 per 90d"},
            {.key = "rate",
             .type = FORM_CUSTOM,
             .read = read_rate,
             .offset = offsetof(struct draft, campaign.rate_per_s),
             .schema = "{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]*/[a-z]+$\"}",
             .help = "messages of this campaign in a time",
             .example = "20/s"},
            {0}},
};

const struct form campaign_file_form = {
    .what = "a campaign",
    .help = "One campaign: what starts it, for whom, and what is sent",
    .fields =
        (const struct form_field[]){
            {.key = "campaign",
             .type = FORM_NAME,
             .required = true,
             .offset = offsetof(struct draft, campaign.name),
             .help = "its name, which no other campaign has",
             .example = "welcome"},
            {.key = "id",
             .type = FORM_NAME,
             .offset = offsetof(struct draft, campaign.id),
             .help = "under what its history is kept; give a renamed campaign its old name as id"},
            {.key = "description",
             .type = FORM_TEXT,
             .offset = offsetof(struct draft, campaign.description),
             .help = "what it is for, in a sentence"},
            {.key = "trigger",
             .type = FORM_SUB,
             .required = true,
             .sub = &trigger_form,
             .help = "what starts it",
             .example = "{ event: order.placed }"},
            {.key = "audience",
             .type = FORM_CUSTOM,
             .read = read_node,
             .offset = offsetof(struct draft, audience),
             .schema = TEXT_SCHEMA,
             .help = "for whom: a condition in CEL; everyone without it",
             .example = "customer.country == \"TW\""},
            {.key = "goal",
             .type = FORM_SUB,
             .sub = &goal_form,
             .help = "what counts as success",
             .example = "{ event: order.placed, within: 14d }"},
            {.key = "holdout",
             .type = FORM_CUSTOM,
             .read = read_holdout,
             .offset = offsetof(struct draft, campaign.holdout_ppm),
             .schema = "{\"type\":\"string\",\"pattern\":\"^[0-9]+([.][0-9]+)?%$\"}",
             .help = "the share of customers that get nothing, to compare with",
             .example = "10%"},
            {.key = "limits",
             .type = FORM_SUB,
             .sub = &limits_form,
             .help = "how often it may write to the same customer",
             .example = "{ per_customer: 1 per 90d }"},
            {.key = "max_age",
             .type = FORM_SPAN,
             .offset = offsetof(struct draft, campaign.max_age_us),
             .help = "an event older than this starts nothing; 7d by default",
             .example = "7d"},
            {.key = "expires",
             .type = FORM_CUSTOM,
             .read = read_expires,
             .schema = TEXT_SCHEMA,
             .offset = offsetof(struct draft, campaign),
             .help = "a message not sent after this time is dropped: a span (2d) or a date",
             .example = "2d"},
            {.key = "priority",
             .type = FORM_INT,
             .least = -1000,
             .most = 1000,
             .offset = offsetof(struct draft, campaign.priority),
             .help = "which campaign goes first when not all can; 0 by default, higher wins",
             .example = "10"},
            {.key = "steps",
             .type = FORM_CUSTOM,
             .required = true,
             .read = read_node,
             .offset = offsetof(struct draft, steps),
             .sub = &campaign_steps_form,
             .shape = FORM_LIST_OF,
             .least = 1,
             .help = "what it does",
             .example = "a list that begins with `- send: ...`"},
            {.key = "exit", .type = FORM_LATER, .help = "journeys come with a later version"},
            {.key = "reentry", .type = FORM_LATER, .help = "journeys come with a later version"},
            {.key = "migrate", .type = FORM_LATER, .help = "journeys come with a later version"},
            {.key = "quiet_hours",
             .type = FORM_LATER,
             .help = "messages leave as soon as they are decided on"},
            {.key = "send_window",
             .type = FORM_LATER,
             .help = "messages leave as soon as they are decided on"},
            {0}},
};

/* ---- single values */

static void read_event_name(struct form_reader *r, const struct ynode *node, void *out) {
    const struct context *x = r->ctx;
    if (!form_want_text(r, node, "an event's name"))
        return;
    *(struct str *)out = node->text;
    condition_check_event(r, &x->set->catalog, node);
}

static void read_holdout(struct form_reader *r, const struct ynode *node, void *out) {
    double percent;
    if (!form_want_text(r, node, "`holdout`"))
        return;
    bool sign = str_ends(node->text, S("%"));
    struct str number = str_trim(str_sub(node->text, 0, node->text.n - (sign ? 1 : 0)));
    if (!str_to_double(number, &percent)) {
        struct diag *x =
            form_error(r, node, "`holdout` must be a percentage, not `%.*s`", STR_FMT(node->text));
        x->hint = S("for example `holdout: 10%`");
    } else if (!sign) {
        struct diag *x = form_error(r, node, "`holdout` needs a percent sign");
        x->hint = str_printf(r->a, "write `%.*s%%`", STR_FMT(number));
    } else if (!(percent >= 0 && percent < 100)) {
        form_error(r, node, "`holdout` must be at least 0%% and less than 100%%, not `%.*s`",
                   STR_FMT(node->text));
    } else {
        *(uint32_t *)out = (uint32_t)(percent * (CAMPAIGN_PPM / 100) + 0.5);
    }
}

static void read_per_customer(struct form_reader *r, const struct ynode *node, void *out) {
    struct campaign_limit limit = {.most = 1};
    struct err e = ERR_INIT;
    if (!form_want_text(r, node, "`per_customer`"))
        return;
    limit.text = node->text;
    ptrdiff_t per = str_find(node->text, S(" per "));
    bool good = str_eq(node->text, S("once"));
    if (!good && per > 0)
        good = str_to_int64(str_trim(str_sub(node->text, 0, (size_t)per)), &limit.most) &&
               limit.most >= 1 && limit.most <= 1000000 &&
               wallclock_parse_span(str_trim(str_sub(node->text, (size_t)per + 5, node->text.n)),
                                    &limit.span_us, &e);
    if (good) {
        *(struct campaign_limit *)out = limit;
        return;
    }
    struct diag *x = form_error(
        r, node, "`per_customer` must be `once` or a number of messages per span, not `%.*s`",
        STR_FMT(node->text));
    x->hint = S("for example `1 per 90d`; spans are 30s, 90m, 12h, 7d, 2w");
}

static void read_rate(struct form_reader *r, const struct ynode *node, void *out) {
    struct rate rate;
    struct err e = ERR_INIT;
    if (!form_want_text(r, node, "`rate`"))
        return;
    if (rate_parse(node->text, &rate, &e))
        *(double *)out = rate_per_second(rate);
    else
        form_error(r, node, "%s", e.text);
}

static void read_expires(struct form_reader *r, const struct ynode *node, void *out) {
    struct campaign *c = out;
    struct err e = ERR_INIT;
    int64_t seconds;
    uint32_t nanos;
    const struct context *x = r->ctx;
    if (!form_want_text(r, node, "`expires`") ||
        wallclock_parse_span(node->text, &c->expires_after_us, &e))
        return;
    if (wallclock_parse(node->text, x->names->zone, &seconds, &nanos, &e)) {
        c->expires_at_us = seconds * WALLCLOCK_US_PER_S + nanos / 1000;
        return;
    }
    struct diag *d =
        form_error(r, node, "`expires` must be a span or a date, not `%.*s`", STR_FMT(node->text));
    d->hint = S("for example `expires: 2d`, or `expires: 2026-12-31`");
}

/* ---- the file */

/* Line ends as on Unix (and yamlfile took a byte order mark away): what Git or an editor may change
 * without anyone's wish does not make a new version. */
static struct str canonical(struct arena *a, struct str source) {
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < source.n; i++)
        if (source.p[i] != '\r' || i + 1 == source.n || source.p[i + 1] != '\n')
            buf_add_char(&b, source.p[i]);
    return buf_str(&b);
}

static void set_version(struct arena *a, const struct yamlfile *file, struct campaign *c) {
    char hex[DIGEST_HEX_CHARS + 1];
    c->file = file->name;
    c->source = canonical(a, file->source);
    digest_sha256_hex(c->source, hex);
    memcpy(c->version, hex, CAMPAIGN_VERSION_CHARS);
    c->version[CAMPAIGN_VERSION_CHARS] = '\0';
}

static void warn_of_constant(struct form_reader *r, const struct ynode *node,
                             const struct cel_program *p) {
    struct value v;
    if (!p || !cel_program_constant(p, &v) || !value_is(v, V_BOOL))
        return;
    struct diag *d = form_warning(r, node, "the audience is always %s", v.u.b ? "true" : "false");
    d->hint = v.u.b ? S("leave `audience` out if everyone is meant")
                    : S("nobody will ever enter this campaign");
}

/* Text can be a number when it is there: decimals come as text in some JSON. */
static void check_value(struct form_reader *r, const struct ynode *node,
                        const struct cel_program *p) {
    static const enum cel_kind fine[] = {CEL_DYN, CEL_INT, CEL_UINT, CEL_DOUBLE, CEL_STRING};
    const struct cel_uses *uses = p ? cel_program_uses(p) : NULL;
    bool number = false;
    if (!p)
        return;
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        number = number || cel_program_type(p)->kind == fine[i];
    if (!number)
        form_error(r, node, "a goal's value must be a number; this is %s",
                   cel_kind_name(cel_program_type(p)->kind));
    if (uses->n_behaviour || uses->n_segments || uses->n_responses)
        form_error(r, node,
                   "a goal's value is made from the goal's event and the customer's "
                   "attributes alone");
}

static void compile_conditions(struct form_reader *r, struct draft *x) {
    const struct campaign_set *set = ((struct context *)r->ctx)->set;
    struct campaign *c = &x->campaign;
    struct str *names = ARENA_ARRAY(r->a, struct str, set->n_segments + 1);
    for (size_t i = 0; i < set->n_segments; i++)
        names[i] = set->segments[i].name;
    if (x->audience) {
        /* without an event's name `event` is still there, so that this gives no second message */
        struct str event = c->trigger.event.n ? c->trigger.event : S("?");
        const struct condition_scope *scope =
            condition_scope_new(r->a, &set->catalog, names, set->n_segments, event);
        if (x->audience->kind == Y_SCALAR)
            c->audience_text = x->audience->text;
        c->audience = condition_compile(r, scope, x->audience, true, "`audience`");
        warn_of_constant(r, x->audience, c->audience);
    }
    if (x->goal_value) {
        struct str event = c->goal.event.n ? c->goal.event : S("?");
        const struct condition_scope *scope =
            condition_scope_new(r->a, &set->catalog, names, set->n_segments, event);
        c->goal.value = condition_compile(r, scope, x->goal_value, false, "`value`");
        check_value(r, x->goal_value, c->goal.value);
    }
}

void campaign_file_read(struct arena *a, const struct yamlfile *file,
                        const struct campaign_set *set, const struct campaign_names *names,
                        struct campaign *out, struct diags *d) {
    struct context context = {set, names};
    struct form_reader r = {.a = a, .file = file, .d = d, .ctx = &context};
    struct draft x = {.campaign = {.max_age_us = CAMPAIGN_MAX_AGE_US}};
    struct campaign *c = &x.campaign;
    c->at = (struct place){.file = file->name, .line = 1, .column = 1};
    if (!file->root) {
        form_error(&r, NULL, "the file is empty");
    } else {
        const struct ynode *name = ynode_get(file->root, S("campaign"));
        const struct ynode *goal = ynode_get(file->root, S("goal"));
        const struct ynode *trigger = ynode_get(file->root, S("trigger"));
        form_read(&r, &campaign_file_form, file->root, &x);
        if (name)
            c->at = ynode_place(file, name);
        if (goal)
            c->goal.at = ynode_place(file, goal);
        if (trigger)
            c->trigger.at = ynode_place(file, trigger);
        if (x.steps)
            campaign_steps_read(&r, names, x.steps, c);
        compile_conditions(&r, &x);
    }
    if (!c->id.n)
        c->id = c->name;
    set_version(a, file, c);
    *out = x.campaign;
}
