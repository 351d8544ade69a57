/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_send.h"

#include "base/arena.h"
#include "rules/campaign_internal.h"

#include <stddef.h>

struct draft {
    struct str channel, topic, template, id;
    bool transactional;
    const struct ynode *otherwise;
};

static void read_legal(struct form_reader *r, const struct ynode *node, void *out);

#define CHANNEL_FIELD                                                                  \
    {                                                                                  \
        .key = "channel", .type = FORM_NAME, .required = true,                         \
        .offset = offsetof(struct draft, channel), .help = "a channel of godwit.yaml", \
        .example = "email"                                                             \
    }
#define TOPIC_FIELD                                                                 \
    {                                                                               \
        .key = "topic", .type = FORM_NAME, .offset = offsetof(struct draft, topic), \
        .help = "the topic of godwit.yaml that the customer must be subscribed to", \
        .example = "offers"                                                         \
    }
#define TEMPLATE_FIELD                                                                \
    {                                                                                 \
        .key = "template", .type = FORM_NAME, .required = true,                       \
        .offset = offsetof(struct draft, template), .help = "a folder of templates/", \
        .example = "welcome"                                                          \
    }

static const struct form else_form = {
    .what = "`else`",
    .help = "The message instead, where the first has no address or cannot be delivered",
    .fields = (const struct form_field[]){CHANNEL_FIELD, TOPIC_FIELD, TEMPLATE_FIELD, {0}},
};

const struct form campaign_send_form = {
    .what = "`send`",
    .help = "A message to the customer",
    .fields =
        (const struct form_field[]){
            CHANNEL_FIELD,
            TOPIC_FIELD,
            {.key = "legal",
             .type = FORM_CUSTOM,
             .read = read_legal,
             .offset = offsetof(struct draft, transactional),
             .schema = "{\"const\":\"transactional\"}",
             .help = "`transactional` instead of a topic: a message that the customer's own deal "
                     "requires",
             .example = "transactional"},
            TEMPLATE_FIELD,
            {.key = "id",
             .type = FORM_NAME,
             .offset = offsetof(struct draft, id),
             .help = "the step's id, which may stand here or beside `send`",
             .example = "first"},
            {.key = "else",
             .type = FORM_CUSTOM,
             .read = campaign_read_node,
             .offset = offsetof(struct draft, otherwise),
             .sub = &else_form,
             .help = "what is sent instead where the customer has no address for the channel, or "
                     "delivery failed for good",
             .example = "{ channel: sms, template: welcome-sms }"},
            {0}},
};

static void read_legal(struct form_reader *r, const struct ynode *node, void *out) {
    if (node->kind == Y_SCALAR && str_eq(node->text, S("transactional"))) {
        *(bool *)out = true;
        return;
    }
    struct diag *x = form_error(r, node, "`legal` can only be `transactional`");
    x->hint = S("leave it out and name a `topic` for everything that the customer may decline");
}

/* ---- names that there are */

static const struct campaign_channel *check_channel(struct form_reader *r,
                                                    const struct ynode *node) {
    const struct campaign_names *x = ((const struct campaign_context *)r->ctx)->names;
    struct str *names = ARENA_ARRAY(r->a, struct str, x->n_channels + 1);
    for (size_t i = 0; i < x->n_channels; i++) {
        if (str_eq(x->channels[i].name, node->text))
            return &x->channels[i];
        names[i] = x->channels[i].name;
    }
    campaign_unknown(r, node, "channel", names, x->n_channels, "godwit.yaml");
    return NULL;
}

static void check_topic(struct form_reader *r, const struct ynode *node) {
    const struct campaign_names *x = ((const struct campaign_context *)r->ctx)->names;
    for (size_t i = 0; i < x->n_topics; i++)
        if (str_eq(x->topics[i], node->text))
            return;
    campaign_unknown(r, node, "topic", x->topics, x->n_topics, "godwit.yaml");
}

static bool has_part(const struct campaign_template *t, const char *part) {
    for (size_t i = 0; i < t->n_parts; i++)
        if (str_eq(t->parts[i], str_from(part)))
            return true;
    return false;
}

static void check_parts(struct form_reader *r, const struct ynode *node,
                        const struct campaign_template *t, const struct campaign_channel *c) {
    for (const char *const *p = c->all_of; p && *p; p++)
        if (!has_part(t, *p))
            form_error(r, node,
                       "the template `%.*s` lacks %s.liquid, which the channel `%.*s` needs",
                       STR_FMT(t->name), *p, STR_FMT(c->name));
    struct buf list = BUF_IN(r->a);
    for (const char *const *p = c->one_of; p && *p; p++) {
        if (has_part(t, *p))
            return;
        buf_printf(&list, "%s%s.liquid", list.n ? " or " : "", *p);
    }
    struct str parts = buf_str(&list);
    if (parts.n)
        form_error(r, node, "the template `%.*s` has no %.*s, which the channel `%.*s` needs",
                   STR_FMT(t->name), STR_FMT(parts), STR_FMT(c->name));
}

static void check_template(struct form_reader *r, const struct ynode *node,
                           const struct campaign_channel *channel) {
    const struct campaign_names *x = ((const struct campaign_context *)r->ctx)->names;
    struct str *names = ARENA_ARRAY(r->a, struct str, x->n_templates + 1);
    for (size_t i = 0; i < x->n_templates; i++) {
        names[i] = x->templates[i].name;
        if (!str_eq(names[i], node->text))
            continue;
        if (channel)
            check_parts(r, node, &x->templates[i], channel);
        return;
    }
    campaign_unknown(r, node, "template", names, x->n_templates, "templates/");
}

/* ---- the message, and the one instead */

static void check_names(struct form_reader *r, const struct ynode *node, const struct draft *x) {
    const struct campaign_channel *channel = NULL;
    if (x->channel.n)
        channel = check_channel(r, ynode_get(node, S("channel")));
    if (x->template.n)
        check_template(r, ynode_get(node, S("template")), channel);
    if (x->topic.n)
        check_topic(r, ynode_get(node, S("topic")));
}

/* Either a topic, which the customer may decline, or a legal ground. */
static void check_ground(struct form_reader *r, const struct ynode *send) {
    const struct ynode *topic = ynode_get(send, S("topic")), *legal = ynode_get(send, S("legal"));
    if (topic && legal) {
        struct diag *d = form_error(r, legal,
                                    "a message has a `topic` or is `legal: transactional`, "
                                    "not both");
        d->hint = S("with a topic customers can decline it; without they cannot");
    } else if (!topic && !legal) {
        struct diag *d = form_error(r, send, "`send` needs a `topic`, or `legal: transactional`");
        d->hint = S("topics are in godwit.yaml; a customer gets only those subscribed to");
    }
}

/* It has the same ground, but may have another topic. */
static const struct step_send *read_else(struct form_reader *r, const struct ynode *node,
                                         const struct step_send *first) {
    struct draft x = {.otherwise = NULL};
    if (!form_want_map(r, node, "`else`"))
        return NULL;
    form_read(r, &else_form, node, &x);
    check_names(r, node, &x);
    if (x.topic.n && first->transactional)
        form_error(r, ynode_get(node, S("topic")),
                   "a transactional message has no topic, nor has the one instead of it");
    if (x.channel.n && str_eq(x.channel, first->channel))
        form_error(r, ynode_get(node, S("channel")),
                   "`else` needs another channel: on `%.*s` it would fail as well",
                   STR_FMT(x.channel));
    struct step_send *out = ARENA_NEW(r->a, struct step_send);
    *out = (struct step_send){
        .channel = x.channel,
        .topic = x.topic.n ? x.topic : first->topic,
        .template = x.template,
        .transactional = first->transactional,
    };
    return out;
}

void campaign_send_read(struct form_reader *r, const struct ynode *node, struct step_send *out,
                        struct str *id) {
    struct draft x = {.otherwise = NULL};
    if (!form_want_map(r, node, "`send`"))
        return;
    form_read(r, &campaign_send_form, node, &x);
    check_names(r, node, &x);
    check_ground(r, node);
    *id = x.id;
    *out = (struct step_send){
        .channel = x.channel,
        .topic = x.topic,
        .template = x.template,
        .transactional = x.transactional,
    };
    if (x.otherwise)
        out->fallback = read_else(r, x.otherwise, out);
}
