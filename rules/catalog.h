/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog: which events, properties and attributes exist, with their types, as
 * declared in catalog.yaml. What is not declared is dynamically typed; without a
 * catalog nothing is declared and every name is accepted.
 *
 * Lives in the workspace's arena, immutable once loaded.
 */
#ifndef GODWIT_RULES_CATALOG_H
#define GODWIT_RULES_CATALOG_H

#include "base/diag.h"
#include "base/yamlfile.h"

struct form;

enum catalog_type {
    CATALOG_ANY,
    CATALOG_STRING,
    CATALOG_INT,
    CATALOG_DOUBLE,
    CATALOG_BOOL,
    CATALOG_TIMESTAMP,
    CATALOG_LIST,
    CATALOG_MAP
};

/* A property of an event, or an attribute of a customer. */
struct catalog_field {
    struct str name;
    enum catalog_type type;
    struct str description;
    struct place at;
};

struct catalog_event {
    struct str name;
    struct str description;
    struct place at;
    const struct catalog_field *properties;
    size_t n_properties;
};

/* What revenue is made of: `rfm` in conditions. */
struct catalog_purchase {
    struct str event; /* empty: not declared */
    struct str value; /* path of the property that is the amount of money */
    struct place at;
};

struct catalog {
    bool declared; /* there is a catalog.yaml */
    struct catalog_purchase purchase;
    const struct catalog_event *events;
    size_t n_events;
    const struct catalog_field *attributes;
    size_t n_attributes;
};

/* Mistakes go to d; what could be read is in *out all the same. */
void catalog_read(struct arena *a, const struct yamlfile *file, struct catalog *out,
                  struct diags *d);

/* NULL when it is not declared; Godwit's own events (own_events.h) always are. */
const struct catalog_event *catalog_event(const struct catalog *c, struct str name);
const struct catalog_field *catalog_property(const struct catalog_event *e, struct str name);
const struct catalog_field *catalog_attribute(const struct catalog *c, struct str name);

const char *catalog_type_name(enum catalog_type t); /* "string", "any", ... */

extern const struct form catalog_form; /* for JSON Schema and the reference docs */

#endif
