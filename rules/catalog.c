/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/catalog.h"

#include "base/arena.h"
#include "rules/form.h"
#include "rules/own_events.h"

#include <stddef.h>

static const char *const type_names[] = {
    [CATALOG_ANY] = "any",       [CATALOG_STRING] = "string", [CATALOG_INT] = "int",
    [CATALOG_DOUBLE] = "double", [CATALOG_BOOL] = "bool",     [CATALOG_TIMESTAMP] = "timestamp",
    [CATALOG_LIST] = "list",     [CATALOG_MAP] = "map",       NULL,
};

static void read_attributes(struct form_reader *r, const struct ynode *node, void *out);
static void read_events(struct form_reader *r, const struct ynode *node, void *out);
static void read_properties(struct form_reader *r, const struct ynode *node, void *out);

#define TYPE_SCHEMA \
    "{\"enum\":[\"any\",\"string\",\"int\",\"double\",\"bool\",\"timestamp\",\"list\",\"map\"]}"
#define FIELDS_SCHEMA                                                                              \
    "{\"type\":\"object\",\"additionalProperties\":{\"oneOf\":[" TYPE_SCHEMA                       \
    ",{\"type\":\"object\",\"required\":[\"type\"],\"additionalProperties\":false,\"properties\":" \
    "{\"type\":" TYPE_SCHEMA ",\"description\":{\"type\":\"string\"}}}]}}"

static const struct form field_form = {
    .what = "a declaration",
    .help = "A property or attribute",
    .fields = (const struct form_field[]){{.key = "type",
                                           .type = FORM_CHOICE,
                                           .required = true,
                                           .choices = type_names,
                                           .offset = offsetof(struct catalog_field, type),
                                           .help = "what kind of value it holds",
                                           .example = "string"},
                                          {.key = "description",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct catalog_field, description),
                                           .help = "what it means, for people"},
                                          {0}},
};

static const struct form event_form = {
    .what = "an event",
    .help = "An event that customers' systems record",
    .fields = (const struct form_field[]){{.key = "description",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct catalog_event, description),
                                           .help = "when it happens, for people"},
                                          {.key = "properties",
                                           .type = FORM_CUSTOM,
                                           .read = read_properties,
                                           .schema = FIELDS_SCHEMA,
                                           .help = "name and type of each property"},
                                          {0}},
};

static const struct form purchase_form = {
    .what = "`purchase`",
    .help = "Which event is a purchase, and which of its properties is the money",
    .fields = (const struct form_field[]){{.key = "event",
                                           .type = FORM_TEXT,
                                           .required = true,
                                           .offset = offsetof(struct catalog_purchase, event),
                                           .help = "the event's name",
                                           .example = "order.placed"},
                                          {.key = "value",
                                           .type = FORM_TEXT,
                                           .required = true,
                                           .offset = offsetof(struct catalog_purchase, value),
                                           .help = "the property that holds the amount",
                                           .example = "amount"},
                                          {0}},
};

const struct form catalog_form = {
    .what = "the catalog",
    .help = "Which events, properties and attributes exist, with their types",
    .fields = (const struct form_field[]){{.key = "attributes",
                                           .type = FORM_CUSTOM,
                                           .read = read_attributes,
                                           .schema = FIELDS_SCHEMA,
                                           .help = "name and type of each attribute of a customer"},
                                          {.key = "events",
                                           .type = FORM_CUSTOM,
                                           .read = read_events,
                                           .sub = &event_form,
                                           .shape = FORM_MAP_OF,
                                           .help = "the events, by name"},
                                          {.key = "purchase",
                                           .type = FORM_SUB,
                                           .offset = offsetof(struct catalog, purchase),
                                           .sub = &purchase_form,
                                           .help = "what `rfm` in conditions is made from"},
                                          {0}},
};

void catalog_read(struct arena *a, const struct yamlfile *file, struct catalog *out,
                  struct diags *d) {
    struct form_reader r = {.a = a, .file = file, .d = d};
    *out = (struct catalog){.declared = true};
    if (file->root)
        form_read(&r, &catalog_form, file->root, out);
}

/* `country: string`, or `country: { type: string, description: ... }` */
static const struct catalog_field *read_fields(struct form_reader *r, const struct ynode *node,
                                               const char *what, size_t *n) {
    *n = 0;
    if (!form_want_map(r, node, what))
        return NULL;
    struct catalog_field *list = ARENA_ARRAY(r->a, struct catalog_field, node->n + 1);
    for (size_t i = 0; i < node->n; i++) {
        const struct ynode *key = node->pairs[i].key, *value = node->pairs[i].value;
        if (!form_want_name(r, key, "a name"))
            continue;
        struct catalog_field *f = &list[(*n)++];
        f->name = key->text;
        f->at = ynode_place(r->file, key);
        if (value->kind == Y_MAP)
            form_read(r, &field_form, value, f);
        else
            form_read_field(r, &field_form.fields[0], value, f);
    }
    return list;
}

static void read_attributes(struct form_reader *r, const struct ynode *node, void *out) {
    struct catalog *c = out;
    c->attributes = read_fields(r, node, "`attributes`", &c->n_attributes);
}

static void read_properties(struct form_reader *r, const struct ynode *node, void *out) {
    struct catalog_event *e = out;
    e->properties = read_fields(r, node, "`properties`", &e->n_properties);
}

static void read_events(struct form_reader *r, const struct ynode *node, void *out) {
    struct catalog *c = out;
    if (!form_want_map(r, node, "`events`"))
        return;
    struct catalog_event *list = ARENA_ARRAY(r->a, struct catalog_event, node->n + 1);
    c->events = list;
    for (size_t i = 0; i < node->n; i++) {
        const struct ynode *key = node->pairs[i].key, *value = node->pairs[i].value;
        if (!form_want_name(r, key, "an event's name"))
            continue;
        if (own_events_reserved(key->text)) {
            struct diag *x = form_error(r, key,
                                        "events whose name begins with `message.` are "
                                        "Godwit's own");
            x->hint = own_events_find(key->text) ? S("it is known without being declared")
                                                 : S("give the event another name");
            continue;
        }
        struct catalog_event *e = &list[c->n_events++];
        e->name = key->text;
        e->at = ynode_place(r->file, key);
        if (value->kind != Y_SCALAR || value->text.n)
            form_read(r, &event_form, value, e);
    }
}

const struct catalog_event *catalog_event(const struct catalog *c, struct str name) {
    for (size_t i = 0; i < c->n_events; i++)
        if (str_eq(c->events[i].name, name))
            return &c->events[i];
    return own_events_find(name);
}

static const struct catalog_field *find(const struct catalog_field *f, size_t n, struct str name) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(f[i].name, name))
            return &f[i];
    return NULL;
}

const struct catalog_field *catalog_property(const struct catalog_event *e, struct str name) {
    return find(e->properties, e->n_properties, name);
}

const struct catalog_field *catalog_attribute(const struct catalog *c, struct str name) {
    return find(c->attributes, c->n_attributes, name);
}

const char *catalog_type_name(enum catalog_type t) {
    return type_names[t];
}
