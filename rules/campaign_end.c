/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_end.h"

#include "base/arena.h"
#include "rules/campaign_internal.h"

#include <stddef.h>

#define EXITS_MOST 20u

/* ---- the goal */

struct goal_draft {
    struct campaign_goal goal;
    const struct ynode *value;
    bool ends;
};

/* In the order of enum goal_attribution. */
static const char *const attribution_words[] = {"last", "first", "linear", NULL};

const struct form campaign_end_goal_form = {
    .what = "a goal",
    .help = "What counts as success: an event within a time after the message",
    .fields =
        (const struct form_field[]){{.key = "event",
                                     .type = FORM_CUSTOM,
                                     .read = campaign_read_event,
                                     .required = true,
                                     .offset = offsetof(struct goal_draft, goal.event),
                                     .schema = CAMPAIGN_TEXT_SCHEMA,
                                     .help = "the event that means success",
                                     .example = "order.placed"},
                                    {.key = "within",
                                     .type = FORM_SPAN,
                                     .required = true,
                                     .offset = offsetof(struct goal_draft, goal.within_us),
                                     .help = "how long after the message it counts",
                                     .example = "14d"},
                                    {.key = "attribution",
                                     .type = FORM_CHOICE,
                                     .choices = attribution_words,
                                     .offset = offsetof(struct goal_draft, goal.attribution),
                                     .help = "which message gets the credit, of those clicked, or "
                                             "else opened, or else sent; last by default"},
                                    {.key = "value",
                                     .type = FORM_CUSTOM,
                                     .read = campaign_read_node,
                                     .schema = CAMPAIGN_TEXT_SCHEMA,
                                     .offset = offsetof(struct goal_draft, value),
                                     .help = "what a success is worth: CEL over the goal's event",
                                     .example = "event.amount"},
                                    {.key = "ends",
                                     .type = FORM_BOOL,
                                     .offset = offsetof(struct goal_draft, ends),
                                     .help = "whether reaching it ends the journey; true by "
                                             "default",
                                     .example = "false"},
                                    {0}},
};

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

void campaign_end_goal(struct form_reader *r, const struct ynode *node, void *out) {
    struct goal_draft x = {.ends = true};
    if (!form_want_map(r, node, "`goal`"))
        return;
    x.goal.at = ynode_place(r->file, node);
    form_read(r, &campaign_end_goal_form, node, &x);
    x.goal.goes_on = !x.ends;
    /* without an event's name `event` is still there, so that this gives no second message */
    if (x.value)
        x.goal.value =
            condition_compile(r, campaign_scope(r, x.goal.event.n ? x.goal.event : S("?")), x.value,
                              false, "`value`");
    if (x.value)
        check_value(r, x.value, x.goal.value);
    *(struct campaign_goal *)out = x.goal;
}

/* ---- exits */

struct exit_draft {
    struct str event;
    const struct ynode *where;
};

const struct form campaign_end_exit_form = {
    .what = "an exit",
    .help = "An event that ends the journey early",
    .fields = (const struct form_field[]){{.key = "event",
                                           .type = FORM_CUSTOM,
                                           .read = campaign_read_event,
                                           .required = true,
                                           .offset = offsetof(struct exit_draft, event),
                                           .schema = CAMPAIGN_TEXT_SCHEMA,
                                           .help = "the event's name",
                                           .example = "order.placed"},
                                          {.key = "where",
                                           .type = FORM_CUSTOM,
                                           .read = campaign_read_node,
                                           .offset = offsetof(struct exit_draft, where),
                                           .schema = CAMPAIGN_TEXT_SCHEMA,
                                           .help = "a condition in CEL over that event; any of "
                                                   "the name without it",
                                           .example = "event.amount > 100.0"},
                                          {0}},
};

/* With an event: it alone; else a condition on who is in the campaign. */
static void read_exit(struct form_reader *r, const struct ynode *node, struct campaign_exit *out) {
    const struct campaign_context *context = r->ctx;
    struct exit_draft x = {.where = NULL};
    if (node->kind == Y_SCALAR) {
        out->text = node->text;
        out->where = condition_compile(r, context->scope, node, true, "`exit`");
        campaign_warn_of_constant(r, node, out->where, "the exit's condition",
                                  "everybody leaves before the first step", "nobody leaves by it");
        return;
    }
    if (!form_want_map(r, node, "an exit"))
        return;
    form_read(r, &campaign_end_exit_form, node, &x);
    out->event = x.event;
    out->text = x.event;
    if (!x.where)
        return;
    out->where = condition_compile(r, campaign_scope(r, x.event.n ? x.event : S("?")), x.where,
                                   true, "`where`");
    out->text = str_printf(r->a, "%.*s where %.*s", STR_FMT(x.event), STR_FMT(x.where->text));
}

void campaign_end_exits(struct form_reader *r, const struct ynode *node, struct campaign *c) {
    size_t n = node->kind == Y_LIST ? node->n : 1;
    if (n == 0)
        form_error(r, node, "`exit` is an empty list: leave it out");
    if (n > EXITS_MOST) {
        form_error(r, node, "more than %u exits; join conditions with ||", EXITS_MOST);
        return;
    }
    struct campaign_exit *list = ARENA_ARRAY(r->a, struct campaign_exit, n + 1);
    for (size_t i = 0; i < n; i++)
        read_exit(r, node->kind == Y_LIST ? node->items[i] : node, &list[i]);
    c->exits = list;
    c->n_exits = n;
}
