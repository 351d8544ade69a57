/* SPDX-License-Identifier: Apache-2.0
 *
 * What looks back, as a query over one customer's events: count(), since(),
 * first().at and last().at exactly, the sums of numbers nearly. An event on which
 * a filter is not true does not count, which is what WHERE does.
 */
#include "config.h"

#include "rules/cel_sql_internal.h"

#include "base/wallclock.h"

#include <math.h>
#include <stdio.h>

#define LONGEST_US (INT64_MAX / 1000) /* of a duration */

/* ---- the past event */
/* e.properties -> 'item' -> 'sku'; NULL when it is not there or null. */
static bool property(struct sql_translator *t, struct str path, struct sql_place *out) {
    struct str rest = path, part;
    struct buf b = BUF_IN(t->arena);
    if (!t->scope->properties.n || !cel_sql_speakable(path))
        return false;
    buf_printf(&b, "NULLIF(%.*s", STR_FMT(t->scope->properties));
    while (str_split(&rest, '.', &part))
        buf_printf(&b, "->%.*s", STR_FMT(cel_sql_param(t, part, "text")));
    buf_add_str(&b, S(", 'null'::jsonb)"));
    out->sql = buf_str(&b);
    out->kind = CEL_SQL_JSON;
    return true;
}

bool cel_sql_it(struct sql_translator *t, const struct cel_node *n, struct sql_place *out) {
    out->declared = n->coerce ? n->coerce->kind : CEL_DYN;
    return t->in_filter && !cel_is_occurred_at(n->name) && !str_eq(n->name, S("id")) &&
           property(t, n->name, out);
}

/* ---- the events that are looked at */
/* " FROM ... WHERE ..."; false: it cannot be said. *exact: the filter is. */
static bool events(struct sql_translator *t, const struct cel_node *n, int depth, struct buf *b,
                   bool *exact) {
    const struct cel_behaviour_use *use = n->use;
    struct str now = cel_sql_instant(t, t->scope->now_us), start;
    *exact = true;
    if (!t->scope->events.n || t->in_filter || !now.n || !cel_sql_speakable(use->event))
        return false;
    buf_printf(b, " FROM %.*s AND e.name = %.*s AND e.occurred_at <= %.*s",
               STR_FMT(t->scope->events), STR_FMT(cel_sql_param(t, use->event, "text")),
               STR_FMT(now));
    if (use->window_us != BEHAVIOUR_ALL) {
        start = cel_sql_instant(t, t->scope->now_us - use->window_us);
        if (start.n)
            buf_printf(b, " AND e.occurred_at > %.*s", STR_FMT(start));
    }
    if (!n->n_args)
        return true;
    t->in_filter = true;
    struct sql_pair p = cel_sql_translate(t, n->args[0], depth);
    t->in_filter = false;
    *exact = p.true_exact;
    buf_printf(b, " AND %.*s", STR_FMT(p.may_be_true));
    return true;
}

static const char *sign_of(enum cel_op op) {
    return op == CEL_EQ ? "=" : op == CEL_NE ? "<>" : cel_op_name(op);
}

static struct str decimal(struct sql_translator *t, double d) {
    char text[64];
    snprintf(text, sizeof text, "%.17g", d);
    return cel_sql_param(t, str_from(text), "numeric");
}

/* ---- count: at most as many as pass a filter that is not exact */
static struct sql_pair count(struct sql_translator *t, const struct cel_node *n, enum cel_op op,
                             struct value constant, int depth) {
    struct buf b = BUF_IN(t->arena);
    double d;
    bool exact;
    if (!cel_sql_double(constant, &d) || fabs(d) > 1e15)
        return cel_sql_unknown();
    buf_add_str(&b, S("((SELECT count(*)"));
    if (!events(t, n, depth, &b, &exact))
        return cel_sql_unknown();
    struct str query = buf_str(&b), k = decimal(t, d);
    if (exact)
        return cel_sql_exactly(
            t, str_printf(t->arena, "%.*s) %s %.*s)", STR_FMT(query), sign_of(op), STR_FMT(k)));
    struct str enough = str_printf(t->arena, "%.*s) >= %.*s)", STR_FMT(query), STR_FMT(k));
    if (op == CEL_GE || op == CEL_GT || op == CEL_EQ)
        return (struct sql_pair){enough, S("TRUE"), false, true};
    return (struct sql_pair){S("TRUE"), enough, false, false};
}

/* ---- times of the first or last event */
/* `extreme op instant`; where `floor` is given, an earlier one is an error. */
static struct sql_pair time_of(struct sql_translator *t, const struct cel_node *n, enum cel_op op,
                               int64_t us, const int64_t *floor, int depth) {
    bool first = str_eq(n->use->function, S("first")), exact;
    const char *extreme = first ? "min(e.occurred_at)" : "max(e.occurred_at)";
    struct buf b = BUF_IN(t->arena);
    struct str instant = cel_sql_instant(t, us);
    struct str least = floor ? cel_sql_instant(t, *floor) : STR_NONE;
    if (!instant.n || (floor && !least.n))
        return cel_sql_unknown();
    buf_add_str(&b, S("(SELECT "));
    if (floor)
        buf_printf(&b, "CASE WHEN %s >= %.*s THEN %s %s %.*s END", extreme, STR_FMT(least), extreme,
                   sign_of(op), STR_FMT(instant));
    else
        buf_printf(&b, "%s %s %.*s", extreme, sign_of(op), STR_FMT(instant));
    if (!events(t, n, depth, &b, &exact) || !exact)
        return cel_sql_unknown();
    buf_add_char(&b, ')');
    return cel_sql_exactly(t, buf_str(&b));
}

static bool microseconds(struct value v, int64_t *us) {
    return v.type == V_TIMESTAMP && v.aux % 1000 == 0 &&
           !__builtin_mul_overflow(v.u.i, WALLCLOCK_US_PER_S, us) &&
           !__builtin_add_overflow(*us, (int64_t)v.aux / 1000, us);
}

/* since > d is at < now - d. */
static struct sql_pair since(struct sql_translator *t, const struct cel_node *n, enum cel_op op,
                             struct value constant, int depth) {
    int64_t us, floor;
    enum cel_op at = op == CEL_LT   ? CEL_GT
                     : op == CEL_LE ? CEL_GE
                     : op == CEL_GT ? CEL_LT
                     : op == CEL_GE ? CEL_LE
                                    : op;
    if (constant.type != V_DURATION || constant.u.i % 1000 ||
        __builtin_sub_overflow(t->scope->now_us, constant.u.i / 1000, &us) ||
        __builtin_sub_overflow(t->scope->now_us, LONGEST_US, &floor))
        return cel_sql_unknown();
    return time_of(t, n, at, us, &floor, depth);
}

/* ---- sums of numbers, with some slack for what doubles lose */
static struct sql_pair numbers(struct sql_translator *t, const struct cel_node *n, enum cel_op op,
                               struct value constant, int depth) {
    char what = n->use->function.p[1]; /* s-u-m, a-v-g, m-i-n, m-a-x */
    struct sql_place x;
    struct buf b = BUF_IN(t->arena);
    double d;
    bool exact;
    if (!cel_sql_double(constant, &d) || fabs(d) > 1e300 || op == CEL_NE ||
        !property(t, n->use->property, &x))
        return cel_sql_unknown();
    const char *of = what == 'u'   ? "coalesce(sum(z.x), 0)"
                     : what == 'v' ? "avg(z.x)"
                     : what == 'i' ? "min(z.x)"
                                   : "max(z.x)";
    struct str k = decimal(t, d), slack = decimal(t, fabs(d) * 1e-9 + 1e-300);
    buf_printf(&b,
               "coalesce(sum(abs(z.x)), 0) * 1e-9 + %.*s AS k, coalesce(sum(abs(z.x)) > 1e300, "
               "FALSE) AS huge FROM (SELECT CASE WHEN jsonb_typeof(%.*s) = 'number' THEN "
               "(%.*s#>>'{}')::numeric END AS x",
               STR_FMT(slack), STR_FMT(x.sql), STR_FMT(x.sql));
    if (!events(t, n, depth, &b, &exact) || !exact)
        return cel_sql_unknown();
    struct str from = buf_str(&b);
    struct str high = str_printf(
        t->arena, "(SELECT y.huge OR y.v + y.k >= %.*s FROM (SELECT %s AS v, %.*s) z) y)",
        STR_FMT(k), of, STR_FMT(from));
    struct str low = str_printf(
        t->arena, "(SELECT y.huge OR y.v - y.k <= %.*s FROM (SELECT %s AS v, %.*s) z) y)",
        STR_FMT(k), of, STR_FMT(from));
    if (op == CEL_EQ)
        return (struct sql_pair){
            str_printf(t->arena, "(%.*s AND %.*s)", STR_FMT(high), STR_FMT(low)), S("TRUE"), false,
            true};
    if (op == CEL_GT || op == CEL_GE)
        return (struct sql_pair){high, low, false, true};
    return (struct sql_pair){low, high, false, true};
}

bool cel_sql_behaviour(struct sql_translator *t, const struct cel_node *n, enum cel_op op,
                       struct value constant, int depth, struct sql_pair *out) {
    int64_t us;
    if (n->op == CEL_SELECT && n->args[0]->op == CEL_BEHAVIOUR && cel_is_occurred_at(n->name) &&
        !n->optional) {
        *out = microseconds(constant, &us) ? time_of(t, n->args[0], op, us, NULL, depth)
                                           : cel_sql_unknown();
        return true;
    }
    if (n->op != CEL_BEHAVIOUR)
        return false;
    struct str f = n->use->function;
    if (str_eq(f, S("count")))
        *out = count(t, n, op, constant, depth);
    else if (str_eq(f, S("since")))
        *out = since(t, n, op, constant, depth);
    else if (n->type->kind == CEL_DOUBLE)
        *out = numbers(t, n, op, constant, depth);
    else
        *out = cel_sql_unknown();
    return true;
}
