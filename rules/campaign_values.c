/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_values.h"

#include "base/arena.h"
#include "rules/campaign_internal.h"
#include "rules/own_events.h"

#include <stddef.h>

#define VALUES_MOST 100u

struct draft {
    struct str event;
    const struct ynode *properties;
};

const struct form campaign_values_emit_form = {
    .what = "`emit`",
    .help = "An event of the customer, made by the campaign",
    .fields = (const struct form_field[]){{.key = "event",
                                           .type = FORM_CUSTOM,
                                           .read = campaign_read_event,
                                           .required = true,
                                           .offset = offsetof(struct draft, event),
                                           .schema = CAMPAIGN_TEXT_SCHEMA,
                                           .help = "its name",
                                           .example = "club.joined"},
                                          {.key = "properties",
                                           .type = FORM_CUSTOM,
                                           .read = campaign_read_node,
                                           .offset = offsetof(struct draft, properties),
                                           .schema = "{\"type\":\"object\"}",
                                           .help = "its properties: values, or `{ cel: ... }` that "
                                                   "gives one",
                                           .example = "{ tier: gold }"},
                                          {0}},
};

/* { cel: "..." }, and nothing beside it. */
static const struct ynode *expression_of(const struct ynode *node) {
    return node->kind == Y_MAP && node->n == 1 ? ynode_get(node, S("cel")) : NULL;
}

static void read_values(struct form_reader *r, const struct ynode *node, struct step_values *out) {
    const struct campaign_context *x = r->ctx;
    if (node->n > VALUES_MOST) {
        form_error(r, node, "more than %u values in one step", VALUES_MOST);
        return;
    }
    struct step_value *list = ARENA_ARRAY(r->a, struct step_value, node->n + 1);
    out->list = list;
    for (size_t i = 0; i < node->n; i++) {
        const struct ynode *key = node->pairs[i].key, *value = node->pairs[i].value;
        const struct ynode *cel = expression_of(value);
        if (!form_want_name(r, key, "a name"))
            continue;
        list[out->n].name = key->text;
        if (cel)
            list[out->n].program = condition_compile(r, x->scope, cel, false, "`cel`");
        else
            list[out->n].value = ynode_value(r->a, value);
        out->n++;
    }
}

/* Members of `customer` that are not attributes. */
static bool is_own(struct str name) {
    static const char *const own[] = {CONDITION_CUSTOMER_FIELDS};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (str_eq(name, str_from(own[i])))
            return true;
    return false;
}

void campaign_values_update(struct form_reader *r, const struct ynode *node,
                            struct step_values *out) {
    const struct campaign_context *x = r->ctx;
    if (!form_want_map(r, node, "`update`"))
        return;
    if (node->n == 0)
        form_error(r, node, "`update` is empty")->hint = S("for example `update: { tier: gold }`");
    read_values(r, node, out);
    for (size_t i = 0; i < node->n; i++) {
        const struct ynode *key = node->pairs[i].key;
        if (is_own(key->text))
            form_error(r, key, "`%.*s` is no attribute: a campaign cannot change it",
                       STR_FMT(key->text));
        else if (str_find(key->text, S(".")) >= 0)
            form_error(r, key, "`%.*s`: an attribute is set as a whole", STR_FMT(key->text));
        else
            condition_check_attribute(r, &x->set->catalog, key, key->text);
    }
}

/* What only Godwit itself makes. */
static void refuse_own_event(struct form_reader *r, const struct ynode *node) {
    if (node && node->kind == Y_SCALAR &&
        (own_events_find(node->text) || own_events_reserved(node->text)))
        form_error(r, node, "`%.*s` is made by Godwit itself; a campaign cannot emit it",
                   STR_FMT(node->text));
}

void campaign_values_emit(struct form_reader *r, const struct ynode *node,
                          struct step_values *out) {
    const struct campaign_context *x = r->ctx;
    struct draft draft = {.properties = NULL};
    if (!form_want_map(r, node, "`emit`"))
        return;
    form_read(r, &campaign_values_emit_form, node, &draft);
    refuse_own_event(r, ynode_get(node, S("event")));
    out->event = draft.event;
    if (!draft.properties || !form_want_map(r, draft.properties, "`properties`"))
        return;
    read_values(r, draft.properties, out);
    for (size_t i = 0; draft.event.n && i < draft.properties->n; i++) {
        const struct ynode *key = draft.properties->pairs[i].key;
        condition_check_property(r, &x->set->catalog, key, draft.event, key->text);
    }
}
