/* SPDX-License-Identifier: Apache-2.0
 *
 * When a value can next change although nothing happens: an event leaves a window,
 * a span of time passes, an hour strikes where the customer is. Early is allowed
 * (the caller evaluates and asks again), late is not.
 */
#include "config.h"

#include "rules/cel_internal.h"

#include "base/wallclock.h"

#define NANOS_PER_US INT64_C(1000)
#define MINUTE_US (60 * WALLCLOCK_US_PER_S)
#define QUARTER_US (15 * MINUTE_US) /* zones differ by whole quarters of an hour */

struct next {
    struct cel_run run;
    int64_t now; /* us */
    int64_t at;  /* the earliest change found */
};

static void walk(struct next *x, const struct cel_node *n);
static void behaviour(struct next *x, const struct cel_node *n);

static void change_at(struct next *x, int64_t us) {
    if (us <= x->now)
        us = x->now + 1;
    if (us < x->at)
        x->at = us;
}

static void change_within(struct next *x, int64_t period) {
    int64_t whole = x->now / period - (x->now % period < 0);
    change_at(x, (whole + 1) * period);
}

/* ---- what moves with the clock */
static bool is_since(const struct cel_node *n) {
    return n->op == CEL_BEHAVIOUR && str_eq(n->use->function, S("since"));
}

static bool reads_clock(const struct cel_node *n) {
    for (size_t i = 0; i < n->n_overloads; i++)
        if (n->overloads[i]->result[1] == '!')
            return true;
    return false;
}

static bool moves(const struct cel_node *n) {
    if (n->op == CEL_NOW || is_since(n) || (n->op == CEL_CALL && reads_clock(n)))
        return true;
    if (n->op == CEL_BEHAVIOUR)
        return false;
    for (uint32_t i = 0; i < n->n_args; i++)
        if (n->args[i] && moves(n->args[i]))
            return true;
    return false;
}

/* How fast a time or duration grows with the clock; false: that cannot be said. */
static bool speed(const struct cel_node *n, int64_t *out) {
    int64_t a, b;
    *out = n->op == CEL_NOW || is_since(n);
    if (*out || !moves(n))
        return true;
    if ((n->op != CEL_ADD && n->op != CEL_SUB) || !speed(n->args[0], &a) || !speed(n->args[1], &b))
        return false;
    *out = n->op == CEL_ADD ? a + b : a - b;
    return *out >= -1000 && *out <= 1000;
}

/* ---- comparisons */
/* a - b in nanoseconds; false: these are no times, or too far apart to matter. */
static bool difference(struct value a, struct value b, int64_t *nanos) {
    if (a.type == V_DURATION && b.type == V_DURATION)
        return !__builtin_sub_overflow(a.u.i, b.u.i, nanos);
    if (a.type != V_TIMESTAMP || b.type != V_TIMESTAMP)
        return false;
    return !__builtin_sub_overflow(a.u.i, b.u.i, nanos) &&
           !__builtin_mul_overflow(*nanos, INT64_C(1000000000), nanos) &&
           !__builtin_add_overflow(*nanos, (int64_t)a.aux - (int64_t)b.aux, nanos);
}

/* The events that a side looks at come and go as well. */
static void walk_events(struct next *x, const struct cel_node *n) {
    if (n->op == CEL_BEHAVIOUR) {
        behaviour(x, n);
        return;
    }
    for (uint32_t i = 0; i < n->n_args; i++)
        if (n->args[i])
            walk_events(x, n->args[i]);
}

static void comparison(struct next *x, const struct cel_node *n) {
    int64_t a, b, apart, wait;
    if (!speed(n->args[0], &a) || !speed(n->args[1], &b)) {
        walk(x, n->args[0]);
        walk(x, n->args[1]);
        return;
    }
    for (int i = 0; i < 2; i++)
        (moves(n->args[i]) ? walk_events : walk)(x, n->args[i]);
    struct value left = cel_eval_node(n->args[0], &x->run);
    struct value right = cel_eval_node(n->args[1], &x->run);
    if (a == b || !difference(left, right, &apart))
        return;
    wait = apart / (b - a) / NANOS_PER_US; /* until they meet */
    if (wait >= 0 && (apart == 0 || (apart > 0) == (b > a)) &&
        !__builtin_add_overflow(x->now, wait, &wait))
        change_at(x, wait);
}

/* ---- functions */
static void accessor(struct next *x, const struct cel_node *n) {
    static const struct {
        const char *name;
        int64_t period;
    } periods[] = {{"getMilliseconds", 1000},
                   {"getSeconds", WALLCLOCK_US_PER_S},
                   {"getMinutes", MINUTE_US},
                   {"local_minute", MINUTE_US}};
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++)
        if (str_eq(n->name, str_from(periods[i].name))) {
            change_within(x, periods[i].period);
            return;
        }
    change_within(x, QUARTER_US);
}

/* now.getHours() and the like; of a calculated time the parts change at any moment. */
static bool parts_of_now(const struct cel_node *n) {
    return n->member && n->n_args && n->args[0]->op == CEL_NOW && str_starts(n->name, S("get"));
}

/* ---- behaviour */
static void behaviour(struct next *x, const struct cel_node *n) {
    const struct cel_activation *act = x->run.act;
    const struct behaviour_log *log = act->behaviour ? act->behaviour(act->ctx, n->use) : NULL;
    size_t from, upto;
    int64_t at, window = n->use->window_us;
    if (!log)
        return;
    behaviour_range(log, act->at, window, &from, &upto);
    if (upto < log->n)
        change_at(x, log->entries[upto].at_us); /* dated into the future */
    if (window != BEHAVIOUR_ALL && from < upto &&
        !__builtin_add_overflow(log->entries[from].at_us, window, &at))
        change_at(x, at);
    if (window != BEHAVIOUR_ALL && behaviour_includes_older(log, act->at, window))
        change_within(x, MINUTE_US); /* when each was, is not known any more */
    if (n->n_args == 0 || log->filtered)
        return;
    for (size_t i = from; i < upto && cel_step(&x->run, 1); i++) {
        x->run.it_log = log;
        x->run.it = &log->entries[i];
        walk(x, n->args[0]);
    }
}

static void walk(struct next *x, const struct cel_node *n) {
    switch ((enum cel_op)n->op) {
    case CEL_EQ:
    case CEL_NE:
    case CEL_LT:
    case CEL_LE:
    case CEL_GT:
    case CEL_GE:
        if (!n->has_local) {
            comparison(x, n);
            return;
        }
        break;
    case CEL_NOW:
        change_at(x, x->now);
        return;
    case CEL_BEHAVIOUR:
        behaviour(x, n);
        if (is_since(n))
            change_at(x, x->now);
        return;
    case CEL_CALL:
        if (reads_clock(n) || parts_of_now(n)) {
            accessor(x, n);
            return;
        }
        break;
    default:
        break;
    }
    for (uint32_t i = 0; i < n->n_args; i++)
        if (n->args[i])
            walk(x, n->args[i]);
}

int64_t cel_next_change(const struct cel_program *p, const struct cel_activation *act,
                        struct arena *a) {
    struct next x = {.run = cel_run_begin(p, act, a), .now = act->now_us, .at = INT64_MAX};
    walk(&x, p->root);
    return x.run.exhausted ? x.now + 1 : x.at;
}
