/* SPDX-License-Identifier: Apache-2.0
 *
 * survey: what events and customers in the database look like: which properties,
 * with which kinds of values, how often. Made into a first catalog, or held against
 * the one there is. Blocking; reads only.
 */
#ifndef GODWIT_ENGINE_SURVEY_H
#define GODWIT_ENGINE_SURVEY_H

#include "base/io/dbsync.h"
#include "rules/catalog.h"

struct survey_line {
    struct str event;    /* empty: an attribute of customers */
    struct str property; /* empty: an event without properties */
    struct str kind;     /* int, whole (5.0), double, string, timestamp, bool, list, map, null */
    int64_t count;
    struct str example; /* id of an event, key of a customer */
};

struct survey {
    const struct survey_line *events; /* by event, property, kind */
    size_t n_events;
    const struct survey_line *attributes; /* by property, kind */
    size_t n_attributes;
    int64_t events_seen, customers_seen;
};

/* Looks at `most` of the latest events and as many customers. Lives in `a`. */
bool survey_take(struct dbsync *db, int64_t most, struct arena *a, struct survey *out,
                 struct err *e) MUST_CHECK;

/* Appends a catalog.yaml that says what was seen. */
void survey_write_catalog(const struct survey *s, struct buf *out);

enum survey_fit { SURVEY_FITS, SURVEY_UNDECLARED, SURVEY_MISFIT };

/* How a line agrees with the catalog; *declared: the type there, or "". */
enum survey_fit survey_fit(const struct catalog *c, const struct survey_line *line,
                           const char **declared);

#endif
