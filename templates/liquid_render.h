/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_render: turns a parsed template and data into text.
 *
 * Everything that a render allocates comes from the arena in its parameters;
 * with an arena and a buffer that are reset and used again, a render in a steady
 * state calls malloc not at all. Nothing is kept from one render to the next.
 * Work is counted, not timed, so that the same input always has the same end.
 * A render that fails leaves the output as it was before it. Any thread; a set is shared,
 * parameters, arena and buffer are one thread's.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_RENDER_H
#define GODWIT_TEMPLATES_LIQUID_RENDER_H

#include "base/err.h"
#include "base/value.h"

#include <stdint.h>

struct liquid_set;
struct liquid_template;
struct locale_format;
struct zone;

/* Zero means the default, which is enough for any honest message. */
struct liquid_limits {
    size_t output;       /* bytes written: 4 MiB */
    size_t memory;       /* bytes taken from the arena: 64 MiB */
    uint64_t steps;      /* nodes, filters, elements: 20 million */
    uint64_t iterations; /* of all loops together: 1 million */
    uint32_t depth;      /* partials inside each other: 100 */
};

/* Where in which template something went wrong. */
struct liquid_place {
    struct str template; /* lives as long as the set */
    int line, column;    /* from 1; 0: not known */
};

/* What a link becomes: writes the address that stands in for `url` to `out`. `index` counts
 * the links of this render from 0. */
typedef void (*liquid_link_fn)(void *context, uint32_t index, struct str url, struct buf *out);

struct liquid_params {
    struct arena *arena;
    const struct map *data;         /* the variables */
    bool globals;                   /* {% render %} sees the data too, not only its arguments */
    int64_t now;                    /* seconds since 1970, for `date` of "now" */
    const struct zone *zone;        /* of dates; NULL: UTC */
    struct locale_format *locale;   /* forms of numbers and dates; NULL: plain English ones */
    struct str locale_name;         /* "zh-TW", for translations */
    struct str currency;            /* of `money` without an argument, "TWD"; empty: none */
    const struct map *translations; /* key -> text, or -> map of locale -> text; NULL: none */
    struct liquid_limits limits;
    liquid_link_fn on_link; /* NULL: links stay as they are */
    void *link_context;
};

/* Appends to `out`. On failure e is "NAME:LINE:COLUMN: why" and *place (may be NULL)
 * says the same in numbers. */
bool liquid_render(const struct liquid_set *set, const struct liquid_template *t,
                   const struct liquid_params *p, struct buf *out, struct err *e,
                   struct liquid_place *place) MUST_CHECK;

#endif
