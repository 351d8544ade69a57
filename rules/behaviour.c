/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/behaviour.h"

/* Entries before the position, itself included. */
static size_t upto_position(const struct behaviour_log *log, int64_t at_us, int64_t id) {
    size_t lo = 0, hi = log->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct behaviour_entry *e = &log->entries[mid];
        if (e->at_us < at_us || (e->at_us == at_us && e->id <= id))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The instant after which the window begins; false: it has no beginning. */
static bool window_start(struct behaviour_position at, int64_t window_us, int64_t *start) {
    return window_us != BEHAVIOUR_ALL && !__builtin_sub_overflow(at.at_us, window_us, start);
}

void behaviour_range(const struct behaviour_log *log, struct behaviour_position at,
                     int64_t window_us, size_t *from, size_t *upto) {
    int64_t start;
    *upto = upto_position(log, at.at_us, at.id);
    *from = window_start(at, window_us, &start) ? upto_position(log, start, INT64_MAX) : 0;
    if (*from > *upto)
        *from = *upto;
}

bool behaviour_includes_older(const struct behaviour_log *log, struct behaviour_position at,
                              int64_t window_us) {
    int64_t start;
    if (log->older.count == 0 || log->older.first_at_us > at.at_us)
        return false;
    return !window_start(at, window_us, &start) || start < log->older.last_at_us;
}

int64_t behaviour_count(const struct behaviour_log *log, struct behaviour_position at,
                        int64_t window_us) {
    size_t from, upto;
    behaviour_range(log, at, window_us, &from, &upto);
    int64_t n = (int64_t)(upto - from);
    return behaviour_includes_older(log, at, window_us) ? n + log->older.count : n;
}

ptrdiff_t behaviour_property(const struct behaviour_log *log, struct str path) {
    for (size_t i = 0; i < log->n_properties; i++)
        if (str_eq(log->properties[i], path))
            return (ptrdiff_t)i;
    return -1;
}

static void add_number(struct behaviour_tally *t, int64_t n, double sum, double min, double max) {
    struct behaviour_number *r = &t->number;
    if (n == 0)
        return;
    if (r->n == 0 || min < r->min)
        r->min = min;
    if (r->n == 0 || max > r->max)
        r->max = max;
    r->n += n;
    double total = r->sum + sum; /* Neumaier: what the addition loses is kept */
    double larger = r->sum < 0 ? -r->sum : r->sum, smaller = sum < 0 ? -sum : sum;
    t->lost += larger >= smaller ? (r->sum - total) + sum : (sum - total) + r->sum;
    r->sum = total;
}

void behaviour_tally_add(struct behaviour_tally *t, struct value v) {
    double d;
    if (v.type == V_DOUBLE)
        d = v.u.d;
    else if (v.type == V_INT)
        d = (double)v.u.i;
    else if (v.type == V_UINT)
        d = (double)v.u.u;
    else
        return;
    add_number(t, 1, d, d, d);
}

struct behaviour_number behaviour_tally_end(const struct behaviour_tally *t) {
    struct behaviour_number r = t->number;
    double sum = r.sum + t->lost;
    if (sum - sum == 0) /* infinities lose nothing */
        r.sum = sum;
    return r;
}

struct behaviour_number behaviour_sum(const struct behaviour_log *log, struct behaviour_position at,
                                      int64_t window_us, size_t property) {
    struct behaviour_tally t = BEHAVIOUR_TALLY_INIT;
    size_t from, upto;
    if (behaviour_includes_older(log, at, window_us) && log->older.totals) {
        const struct behaviour_total *o = &log->older.totals[property];
        add_number(&t, o->n, o->sum, o->min, o->max);
    }
    behaviour_range(log, at, window_us, &from, &upto);
    for (size_t i = from; i < upto; i++)
        behaviour_tally_add(&t, log->entries[i].values[property]);
    return behaviour_tally_end(&t);
}
