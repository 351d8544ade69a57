/* SPDX-License-Identifier: Apache-2.0
 *
 * behaviour: what one customer did, in the form that count(), sum(), first() and
 * the other behaviour functions of conditions are answered from. Plain data: the
 * engine (or a test) fills it, nothing here reads a store or a clock.
 *
 * One log holds the events of one name, sorted by (at_us, id). Events that fell
 * out of every window may be folded into `older`: they still answer windows
 * "all" without a filter. A filtered look over folded events is an error, never
 * an approximation.
 *
 * Looking back is from a position (at_us, id), the event at the position
 * included: a rule triggered by an event looks from that event, timers and
 * segments from (now, INT64_MAX). A window of length w holds the events with
 * at - w < at_us <= at (and, at the same instant, id <= the position's id).
 */
#ifndef GODWIT_RULES_BEHAVIOUR_H
#define GODWIT_RULES_BEHAVIOUR_H

#include "base/value.h"

#define BEHAVIOUR_ALL INT64_C(0) /* the window "all" */

struct behaviour_entry {
    int64_t at_us; /* occurred_at */
    int64_t id;
    const struct value *values; /* one a tracked property, in the log's order; null: absent */
};

/* The folded numbers of one tracked property; only numeric values take part in
 * n, sum, min and max. */
struct behaviour_total {
    int64_t n;
    double sum, min, max;
    struct value first, last; /* of the first and last folded event; null: absent */
};

struct behaviour_log {
    const struct str *properties; /* paths of the tracked properties ("amount", "item.sku") */
    size_t n_properties;
    const struct behaviour_entry *entries;
    size_t n;
    struct {
        int64_t count; /* 0: nothing was folded */
        int64_t first_at_us, first_id;
        int64_t last_at_us, last_id;
        const struct behaviour_total *totals; /* one a tracked property */
    } older;
    bool filtered; /* holds only events that pass the filter of the use it was made for */
};

struct behaviour_position {
    int64_t at_us;
    int64_t id; /* INT64_MAX: everything at that instant is included */
};

/* Entries [*from, *upto) of the log lie in the window (us, or BEHAVIOUR_ALL) that
 * ends at the position. */
void behaviour_range(const struct behaviour_log *log, struct behaviour_position at,
                     int64_t window_us, size_t *from, size_t *upto);

/* True when folded events belong to the window as well. */
bool behaviour_includes_older(const struct behaviour_log *log, struct behaviour_position at,
                              int64_t window_us);

int64_t behaviour_count(const struct behaviour_log *log, struct behaviour_position at,
                        int64_t window_us);

/* Position of a tracked property in the log, or -1. */
ptrdiff_t behaviour_property(const struct behaviour_log *log, struct str path);

/* Sum, least and greatest of a property's numbers in the window (ints count as
 * doubles; events without a number do not count); n 0: none. */
struct behaviour_number {
    int64_t n;
    double sum, min, max;
};
struct behaviour_number behaviour_sum(const struct behaviour_log *log, struct behaviour_position at,
                                      int64_t window_us, size_t property);

/* Adds one value to the running numbers (compensated sum): for callers that
 * filter or fold entries themselves. Start from BEHAVIOUR_TALLY_INIT. */
struct behaviour_tally {
    struct behaviour_number number;
    double lost; /* low-order part of the sum */
};
#define BEHAVIOUR_TALLY_INIT ((struct behaviour_tally){{0}, 0})
void behaviour_tally_add(struct behaviour_tally *t, struct value v);
struct behaviour_number behaviour_tally_end(const struct behaviour_tally *t);

#endif
