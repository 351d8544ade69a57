/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_steps.h"

#include "base/arena.h"
#include "rules/form.h"

#include <stddef.h>

/* What the file says of a step, before the checks that need the whole of it. */
struct step_draft {
    struct str id;
    const struct ynode *send;
    struct str channel, topic, template;
    bool transactional;
};

static void read_legal(struct form_reader *r, const struct ynode *node, void *out);

static void read_node(struct form_reader *r, const struct ynode *node, void *out) {
    (void)r;
    *(const struct ynode **)out = node;
}

static const struct form send_form = {
    .what = "`send`",
    .help = "A message to the customer",
    .fields =
        (const struct form_field[]){
            {.key = "channel",
             .type = FORM_NAME,
             .required = true,
             .offset = offsetof(struct step_draft, channel),
             .help = "a channel of godwit.yaml",
             .example = "email"},
            {.key = "topic",
             .type = FORM_NAME,
             .offset = offsetof(struct step_draft, topic),
             .help = "the topic of godwit.yaml that the customer must be subscribed to",
             .example = "offers"},
            {.key = "legal",
             .type = FORM_CUSTOM,
             .read = read_legal,
             .offset = offsetof(struct step_draft, transactional),
             .schema = "{\"const\":\"transactional\"}",
             .help = "`transactional` instead of a topic: a message that the customer's own deal "
                     "requires",
             .example = "transactional"},
            {.key = "template",
             .type = FORM_NAME,
             .required = true,
             .offset = offsetof(struct step_draft, template),
             .help = "a folder of templates/",
             .example = "welcome"},
            {0}},
};

#define STEP_NOT_YET "a campaign sends one message, at once, so far"

const struct form campaign_steps_form = {
    .what = "a step",
    .help = "One step of the campaign",
    .fields =
        (const struct form_field[]){
            {.key = "id",
             .type = FORM_NAME,
             .offset = offsetof(struct step_draft, id),
             .help = "a name for it that stays when the file is edited; the template's by default"},
            {.key = "send",
             .type = FORM_CUSTOM,
             .required = true,
             .read = read_node,
             .offset = offsetof(struct step_draft, send),
             .sub = &send_form,
             .help = "a message to the customer",
             .example = "{ channel: email, topic: offers, template: welcome }"},
            {.key = "wait", .type = FORM_LATER, .help = STEP_NOT_YET},
            {.key = "when", .type = FORM_LATER, .help = STEP_NOT_YET},
            {.key = "branch", .type = FORM_LATER, .help = STEP_NOT_YET},
            {.key = "split", .type = FORM_LATER, .help = STEP_NOT_YET},
            {.key = "update", .type = FORM_LATER, .help = STEP_NOT_YET},
            {.key = "emit", .type = FORM_LATER, .help = STEP_NOT_YET},
            {.key = "webhook", .type = FORM_LATER, .help = STEP_NOT_YET},
            {.key = "stop", .type = FORM_LATER, .help = STEP_NOT_YET},
            {0}},
};

static void read_step(struct form_reader *r, const struct ynode *item, struct campaign *c,
                      struct step *step);

static void read_legal(struct form_reader *r, const struct ynode *node, void *out) {
    if (node->kind == Y_SCALAR && str_eq(node->text, S("transactional"))) {
        *(bool *)out = true;
        return;
    }
    struct diag *x = form_error(r, node, "`legal` can only be `transactional`");
    x->hint = S("leave it out and name a `topic` for everything that the customer may decline");
}

static void list_names(struct form_reader *r, struct diag *d, struct str wrong,
                       const struct str *names, size_t n, const char *where) {
    form_suggest(r, d, wrong, names, n);
    if (d->hint.n)
        return;
    struct buf b = BUF_IN(r->a);
    buf_printf(&b, n ? "%s has: " : "%s has none", where);
    for (size_t i = 0; i < n && i < 20; i++)
        buf_printf(&b, "%s%.*s", i ? ", " : "", STR_FMT(names[i]));
    if (n > 20)
        buf_add_str(&b, S(", ..."));
    d->hint = buf_str(&b);
}

static const struct campaign_channel *check_channel(struct form_reader *r, const struct ynode *node,
                                                    struct str name) {
    const struct campaign_names *x = r->ctx;
    struct str *names = ARENA_ARRAY(r->a, struct str, x->n_channels + 1);
    for (size_t i = 0; i < x->n_channels; i++) {
        if (str_eq(x->channels[i].name, name))
            return &x->channels[i];
        names[i] = x->channels[i].name;
    }
    struct diag *d = form_error(r, node, "there is no channel `%.*s`", STR_FMT(name));
    list_names(r, d, name, names, x->n_channels, "godwit.yaml");
    return NULL;
}

static void check_topic(struct form_reader *r, const struct ynode *node, struct str name) {
    const struct campaign_names *x = r->ctx;
    for (size_t i = 0; i < x->n_topics; i++)
        if (str_eq(x->topics[i], name))
            return;
    struct diag *d = form_error(r, node, "there is no topic `%.*s`", STR_FMT(name));
    list_names(r, d, name, x->topics, x->n_topics, "godwit.yaml");
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

static void check_template(struct form_reader *r, const struct ynode *node, struct str name,
                           const struct campaign_channel *channel) {
    const struct campaign_names *x = r->ctx;
    struct str *names = ARENA_ARRAY(r->a, struct str, x->n_templates + 1);
    for (size_t i = 0; i < x->n_templates; i++) {
        names[i] = x->templates[i].name;
        if (!str_eq(names[i], name))
            continue;
        if (channel)
            check_parts(r, node, &x->templates[i], channel);
        return;
    }
    struct diag *d = form_error(r, node, "there is no template `%.*s`", STR_FMT(name));
    list_names(r, d, name, names, x->n_templates, "templates/");
}

/* Either a topic, which the customer may decline, or a legal ground. */
static void check_ground(struct form_reader *r, const struct ynode *send,
                         const struct step_draft *s) {
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
    if (s->topic.n)
        check_topic(r, topic, s->topic);
}

static void read_send(struct form_reader *r, const struct ynode *send, struct step_draft *s,
                      struct step *out) {
    if (!form_want_map(r, send, "`send`"))
        return;
    form_read(r, &send_form, send, s);
    const struct campaign_channel *channel = NULL;
    if (s->channel.n)
        channel = check_channel(r, ynode_get(send, S("channel")), s->channel);
    if (s->template.n)
        check_template(r, ynode_get(send, S("template")), s->template, channel);
    check_ground(r, send, s);
    out->kind = STEP_SEND;
    out->id = s->id.n ? s->id : s->template;
    out->u.send = (struct step_send){
        .channel = s->channel,
        .topic = s->topic,
        .template = s->template,
        .transactional = s->transactional,
    };
}

void campaign_steps_read(struct form_reader *outer, const struct campaign_names *names,
                         const struct ynode *node, struct campaign *c) {
    struct form_reader reader = *outer, *r = &reader;
    r->ctx = (void *)names; /* read only */
    if (!form_want_list(r, node, "`steps`"))
        return;
    if (node->n == 0)
        form_error(r, node, "`steps` is empty: the campaign would do nothing");
    if (node->n > 1)
        form_error(r, node->items[1], "a second step is not there yet: " STEP_NOT_YET);
    struct step *steps = ARENA_ARRAY(r->a, struct step, node->n + 1);
    c->steps = steps;
    for (size_t i = 0; i < node->n; i++)
        if (i == 0 || ynode_get(node->items[i], S("send"))) /* the others: said above */
            read_step(r, node->items[i], c, &steps[c->n_steps]);
}

static void read_step(struct form_reader *r, const struct ynode *item, struct campaign *c,
                      struct step *step) {
    struct step_draft s = {.send = NULL};
    form_read(r, &campaign_steps_form, item, &s);
    step->at = ynode_place(r->file, item);
    if (!s.send)
        return;
    read_send(r, s.send, &s, step);
    c->n_steps++;
}
