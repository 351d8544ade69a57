/* SPDX-License-Identifier: Apache-2.0
 *
 * import_map: which column of a CSV file becomes which field, and as what type.
 *
 * Made from the --map options and the header line. Without any, columns that are
 * named like fields ("email", "attributes.country", "properties.amount:double") are
 * taken. A name that does not exist is an error with the nearest one. The type of
 * an attribute or property is the one that is written, else the catalog's, else
 * string. Lives in the arena given; immutable. Pure.
 */
#ifndef GODWIT_ENGINE_IMPORT_IMPORT_MAP_H
#define GODWIT_ENGINE_IMPORT_IMPORT_MAP_H

#include "base/err.h"
#include "rules/catalog.h"

enum import_kind { IMPORT_CUSTOMERS, IMPORT_EVENTS };

/* Where a column goes. FIELD_PAIR: into the attributes or the properties. */
enum import_field {
    FIELD_KEY, /* of the customer, in both kinds */
    FIELD_EMAIL,
    FIELD_PHONE,
    FIELD_LOCALE,
    FIELD_TIMEZONE,
    FIELD_NAME,
    FIELD_OCCURRED_AT,
    FIELD_DEDUPE,
    FIELD_PAIR,
    FIELDS
};

struct import_pair {
    struct str name;
    enum catalog_type type; /* as written; CATALOG_ANY: the catalog's */
    int column;
};

struct import_map {
    enum import_kind kind;
    int column[FIELDS]; /* -1: not taken; FIELD_PAIR unused */
    const struct import_pair *pair;
    size_t n_pairs;
    const struct str *header;
    size_t n_columns;
    struct str event_name;         /* of all rows; empty: the column FIELD_NAME says */
    const struct catalog *catalog; /* types of what is not written */
};

struct import_wish {
    enum import_kind kind;
    const struct str *maps; /* FIELD[:TYPE]=COLUMN */
    size_t n_maps;
    struct str event_name; /* may be empty */
    const struct catalog *catalog;
};

bool import_map_make(struct arena *a, const struct import_wish *wish, const struct str *header,
                     size_t n_columns, struct import_map *out, struct err *e) MUST_CHECK;

/* "customer from id, occurred_at from date, properties.amount (double) from amount" */
struct str import_map_describe(struct arena *a, const struct import_map *map);

/* The types for rows of the event `name` (for customers: of everyone), pair by pair. */
void import_map_types(const struct import_map *map, struct str name, enum catalog_type *types);

#endif
