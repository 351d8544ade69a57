/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_file.h"

#include "base/arena.h"
#include "base/digest.h"
#include "rules/campaign_end.h"
#include "rules/campaign_internal.h"
#include "rules/campaign_keys.h"
#include "rules/campaign_steps.h"
#include "rules/campaign_trigger.h"
#include "rules/window.h"

#include <stddef.h>

/* What a file says, before the checks that need the whole of it. */
struct draft {
    struct campaign campaign;
    const struct ynode *audience, *exit, *steps;
    int migrate;
};

static const char *const migrates[] = {
    [MIGRATE_KEEP] = "keep", [MIGRATE_MOVE] = "move", [MIGRATE_EXIT] = "exit", NULL};

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
             .type = FORM_CUSTOM,
             .read = campaign_trigger_read,
             .required = true,
             .offset = offsetof(struct draft, campaign.trigger),
             .sub = &campaign_trigger_form,
             .help = "what starts it",
             .example = "{ event: order.placed }"},
            {.key = "audience",
             .type = FORM_CUSTOM,
             .read = campaign_read_node,
             .offset = offsetof(struct draft, audience),
             .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "for whom: a condition in CEL; everyone without it",
             .example = "customer.country == \"TW\""},
            {.key = "goal",
             .type = FORM_CUSTOM,
             .read = campaign_end_goal,
             .offset = offsetof(struct draft, campaign.goal),
             .sub = &campaign_end_goal_form,
             .help = "what counts as success",
             .example = "{ event: order.placed, within: 14d }"},
            {.key = "holdout",
             .type = FORM_CUSTOM,
             .read = campaign_keys_holdout,
             .offset = offsetof(struct draft, campaign.holdout_ppm),
             .schema = "{\"type\":\"string\",\"pattern\":\"^[0-9]+([.][0-9]+)?%$\"}",
             .help = "the share of customers that get nothing, to compare with",
             .example = "10%"},
            {.key = "limits",
             .type = FORM_SUB,
             .offset = offsetof(struct draft, campaign),
             .sub = &campaign_keys_limits,
             .help = "how often it may write to the same customer",
             .example = "{ per_customer: 1 per 90d }"},
            {.key = "max_age",
             .type = FORM_SPAN,
             .offset = offsetof(struct draft, campaign.max_age_us),
             .help = "an event older than this starts nothing; 7d by default",
             .example = "7d"},
            {.key = "expires",
             .type = FORM_CUSTOM,
             .read = campaign_keys_expires,
             .schema = CAMPAIGN_TEXT_SCHEMA,
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
             .read = campaign_read_node,
             .offset = offsetof(struct draft, steps),
             .sub = &campaign_steps_form,
             .shape = FORM_LIST_OF,
             .least = 1,
             .help = "what it does",
             .example = "a list that begins with `- send: ...`"},
            {.key = "exit",
             .type = FORM_CUSTOM,
             .read = campaign_read_node,
             .offset = offsetof(struct draft, exit),
             .sub = &campaign_end_exit_form,
             .schema = CAMPAIGN_TEXT_SCHEMA,
             .shape = FORM_ANY,
             .help = "what ends the journey early: an event, a condition in CEL that is looked at "
                     "before each step, or a list of them",
             .example = "{ event: order.placed }"},
            {.key = "reentry",
             .type = FORM_CUSTOM,
             .read = campaign_keys_reentry,
             .offset = offsetof(struct draft, campaign),
             .schema = "{\"type\":\"string\",\"pattern\":\"^(always|once|every "
                       "([0-9]+[wdhms])+)$\"}",
             .help = "how often a customer may go through it: `always` (by default), `once`, or "
                     "`every` span since the last entry; never twice at a time",
             .example = "every 90d"},
            {.key = "migrate",
             .type = FORM_CHOICE,
             .choices = migrates,
             .offset = offsetof(struct draft, migrate),
             .help = "what becomes of people inside when the file changes: they keep the version "
                     "they entered with, move to the new one at the step of the same id, or leave",
             .example = "keep"},
            {.key = "past_due",
             .type = FORM_CUSTOM,
             .read = campaign_keys_past_due,
             .offset = offsetof(struct draft, campaign),
             .schema =
                 "{\"type\":\"string\",\"pattern\":\"^(send|skip|" CAMPAIGN_SPREAD_PATTERN ")$\"}",
             .help = "steps that are done more than an hour late: `send` at once, `skip`, or "
                     "`spread over` a time (1h by default)",
             .example = "spread over 1h"},
            {.key = "send_window",
             .type = FORM_CUSTOM,
             .read = campaign_keys_send_window,
             .offset = offsetof(struct draft, campaign),
             .sub = &window_form,
             .help = "when its messages may leave, in the customer's time zone; others wait",
             .example = "{ from: \"09:00\", to: \"18:00\", days: [mon, tue, wed, thu, fri] }"},
            {.key = "quiet_hours",
             .type = FORM_CUSTOM,
             .read = campaign_keys_off,
             .offset = offsetof(struct draft, campaign.ignores_quiet_hours),
             .schema = "{\"enum\":[\"off\",false]}",
             .help = "`off`: its messages do not wait for the end of the quiet hours of "
                     "godwit.yaml",
             .example = "off"},
            {.key = "caps",
             .type = FORM_CUSTOM,
             .read = campaign_keys_off,
             .offset = offsetof(struct draft, campaign.ignores_caps),
             .schema = "{\"enum\":[\"off\",false]}",
             .help = "`off`: the caps of godwit.yaml do not hold its messages back (they count all "
                     "the same)",
             .example = "off"},
            {0}},
};

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

/* `event` in conditions; there is one also when its name is missing, so that this gives no second
 * message. */
static struct str event_of(const struct trigger *t) {
    return !campaign_has_event(t) ? STR_NONE : t->event.n ? t->event : S("?");
}

static void read_audience(struct form_reader *r, const struct ynode *node, struct campaign *c) {
    const struct campaign_context *context = r->ctx;
    if (node->kind == Y_SCALAR)
        c->audience_text = node->text;
    c->audience = condition_compile(r, context->scope, node, true, "`audience`");
    campaign_warn_of_constant(r, node, c->audience, "the audience",
                              "leave `audience` out if everyone is meant",
                              "nobody will ever enter this campaign");
}

/* One message, at once, without more ado needs nobody to be enrolled. */
static bool is_journey(const struct campaign *c) {
    return c->n_steps != 1 || c->steps[0].kind != STEP_SEND || c->steps[0].when || c->n_exits ||
           c->reentry != REENTRY_ALWAYS;
}

/* The rest hangs on what starts the campaign. */
static void read_rest(struct form_reader *r, struct draft *x) {
    struct campaign *c = &x->campaign;
    ((struct campaign_context *)r->ctx)->scope = campaign_scope(r, event_of(&c->trigger));
    c->migrate = (enum migrate)x->migrate;
    if (x->audience)
        read_audience(r, x->audience, c);
    if (x->exit)
        campaign_end_exits(r, x->exit, c);
    if (x->steps)
        campaign_steps_read(r, x->steps, c);
    c->journey = is_journey(c);
}

void campaign_file_read(struct arena *a, const struct yamlfile *file,
                        const struct campaign_set *set, const struct campaign_names *names,
                        struct campaign *out, struct diags *d) {
    struct campaign_context context = {.set = set, .names = names};
    struct form_reader r = {.a = a, .file = file, .d = d, .ctx = &context};
    struct draft x = {
        .campaign = {.max_age_us = CAMPAIGN_MAX_AGE_US, .past_due_us = CAMPAIGN_LATE_US}};
    struct campaign *c = &x.campaign;
    c->at = (struct place){.file = file->name, .line = 1, .column = 1};
    if (!file->root) {
        form_error(&r, NULL, "the file is empty");
    } else {
        const struct ynode *name = ynode_get(file->root, S("campaign"));
        form_read(&r, &campaign_file_form, file->root, &x);
        if (name)
            c->at = ynode_place(file, name);
        read_rest(&r, &x);
    }
    if (!c->id.n)
        c->id = c->name;
    set_version(a, file, c);
    *out = x.campaign;
}
