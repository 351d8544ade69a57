/* SPDX-License-Identifier: Apache-2.0
 *
 * Evaluates count(), sum(), avg(), min(), max(), first(), last(), since(): finds
 * the log, the window and, where there is a filter, looks at each event in it.
 * An event on which the filter fails (a property that is not there) does not
 * count, as in a WHERE of SQL.
 */
#include "config.h"

#include "rules/cel_internal.h"

#include "base/wallclock.h"

struct look {
    const struct cel_node *n;
    struct cel_run *run;
    const struct behaviour_log *log;
    struct behaviour_position at;
    size_t from, upto;
    bool older; /* folded events belong to the window */
    const struct cel_node *filter;
};

static struct value timestamp_of_us(int64_t us) {
    int64_t s = us / WALLCLOCK_US_PER_S, rest = us % WALLCLOCK_US_PER_S;
    if (rest < 0) {
        rest += WALLCLOCK_US_PER_S;
        s--;
    }
    return value_timestamp(s, (uint32_t)rest * 1000);
}

/* ---- the past event in a filter */
struct value cel_it_eval(const struct cel_node *n, struct cel_run *run) {
    const struct behaviour_entry *e = run->it;
    struct value v = VALUE_NULL;
    bool time = cel_is_occurred_at(n->name), id = str_eq(n->name, S("id"));
    if (time || id) {
        v = time ? timestamp_of_us(e->at_us) : value_int(e->id);
    } else {
        ptrdiff_t i = behaviour_property(run->it_log, n->name);
        if (i >= 0)
            v = e->values[i];
    }
    if (n->loop) /* has(it.x) */
        return value_bool(v.type != V_NULL);
    bool optional = n->type->kind == CEL_OPTIONAL;
    if (v.type == V_NULL)
        return optional ? cel_optional_none() : cel_error(CEL_E_KEY, n);
    if (n->coerce)
        v = cel_declared(n, run, v);
    return optional && !cel_is_error(v) ? cel_optional(run->arena, v) : v;
}

static bool passes(const struct look *l, const struct behaviour_entry *e) {
    if (!l->filter)
        return true;
    l->run->it_log = l->log;
    l->run->it = e;
    struct value v = cel_eval_node(l->filter, l->run);
    return v.type == V_BOOL && v.u.b;
}

/* ---- the functions */
static int64_t count(const struct look *l, bool *ok) {
    if (!l->filter)
        return (int64_t)(l->upto - l->from) + (l->older ? l->log->older.count : 0);
    int64_t hits = 0;
    for (size_t i = l->from; i < l->upto && (*ok = cel_step(l->run, 1)); i++)
        hits += passes(l, &l->log->entries[i]);
    return hits;
}

static struct behaviour_number numbers(const struct look *l, bool *ok) {
    const struct cel_behaviour_use *use = l->n->use;
    ptrdiff_t property = behaviour_property(l->log, use->property);
    if (property < 0)
        return (struct behaviour_number){0};
    *ok = cel_step(l->run, (l->upto - l->from) / 8);
    if (!l->filter)
        return behaviour_sum(l->log, l->at, use->window_us, (size_t)property);
    struct behaviour_tally t = BEHAVIOUR_TALLY_INIT;
    for (size_t i = l->from; i < l->upto && (*ok = cel_step(l->run, 1)); i++)
        if (passes(l, &l->log->entries[i]))
            behaviour_tally_add(&t, l->log->entries[i].values[property]);
    return behaviour_tally_end(&t);
}

/* The first or last event; false: there is none. Folded ones give their totals. */
static bool find(const struct look *l, bool last, struct behaviour_entry *out, bool *ok) {
    const struct behaviour_log *log = l->log;
    if (l->older && !last) {
        *out = (struct behaviour_entry){log->older.first_at_us, log->older.first_id, NULL};
        return true;
    }
    for (size_t k = 0; k < l->upto - l->from && (*ok = cel_step(l->run, 1)); k++) {
        const struct behaviour_entry *e = &log->entries[last ? l->upto - 1 - k : l->from + k];
        if (passes(l, e)) {
            *out = *e;
            return true;
        }
    }
    if (!l->older || !*ok)
        return false;
    *out = (struct behaviour_entry){log->older.last_at_us, log->older.last_id, NULL};
    return true;
}

/* Puts a value at a dotted path into a map that is being built. */
static void put_path(struct arena *a, struct map *m, struct str path, struct value v) {
    struct str part;
    while (str_split(&path, '.', &part) && path.p) {
        const struct value *there = map_get_str(m, part);
        struct map *inner = there && there->type == V_MAP ? (struct map *)there->u.map : NULL;
        if (!inner) {
            inner = map_new(a, 4);
            map_set_str(a, m, part, value_map(inner));
        }
        m = inner;
    }
    map_set_str(a, m, part, v);
}

/* The empty path is all properties as one map. */
static void put_property(struct arena *a, struct map *m, struct str path, struct value v) {
    if (path.n) {
        put_path(a, m, path, v);
        return;
    }
    for (size_t i = 0; v.type == V_MAP && i < v.u.map->n; i++)
        map_set(a, m, v.u.map->e[i].key, v.u.map->e[i].value);
}

static struct value event_map(const struct look *l, const struct behaviour_entry *e, bool last) {
    const struct behaviour_log *log = l->log;
    struct map *m = map_new(l->run->arena, log->n_properties + 3);
    for (size_t i = 0; i < log->n_properties; i++) {
        struct value v = VALUE_NULL;
        if (e->values)
            v = e->values[i];
        else if (log->older.totals)
            v = last ? log->older.totals[i].last : log->older.totals[i].first;
        if (v.type != V_NULL)
            put_property(l->run->arena, m, log->properties[i], v);
    }
    map_set_str(l->run->arena, m, S("occurred_at"), timestamp_of_us(e->at_us));
    map_set_str(l->run->arena, m, S("at"), timestamp_of_us(e->at_us));
    map_set_str(l->run->arena, m, S("id"), value_int(e->id));
    return value_map(m);
}

static struct value never(const struct look *l) {
    return cel_absent(l->run, "the customer has no `%.*s` to look at; ask count(...) > 0 first",
                      STR_FMT(l->n->use->event));
}

static struct value one_event(const struct look *l, bool *ok) {
    struct str f = l->n->use->function;
    bool last = !str_eq(f, S("first"));
    struct behaviour_entry e;
    if (!find(l, last, &e, ok))
        return never(l);
    if (!str_eq(f, S("since")))
        return event_map(l, &e, last);
    int64_t us;
    if (__builtin_sub_overflow(l->at.at_us, e.at_us, &us) || us > INT64_MAX / 1000)
        return cel_fail(l->run, "the duration is longer than 292 years");
    return value_duration(us * 1000);
}

static struct value of_numbers(const struct look *l, bool *ok) {
    struct behaviour_number r = numbers(l, ok);
    switch (l->n->use->function.p[1]) {
    case 'u': /* sum */
        return value_double(r.sum);
    case 'v': /* avg */
        return r.n ? value_double(r.sum / (double)r.n) : never(l);
    case 'i': /* min */
        return r.n ? value_double(r.min) : never(l);
    default:
        return r.n ? value_double(r.max) : never(l);
    }
}

struct value cel_behaviour_eval(const struct cel_node *n, struct cel_run *run) {
    static const struct behaviour_log nothing = {0};
    const struct cel_behaviour_use *use = n->use;
    struct look l = {.n = n, .run = run, .at = run->act->at, .log = &nothing};
    if (!run->act->behaviour)
        return cel_fail(run, "what the customer did is not known here");
    const struct behaviour_log *log = run->act->behaviour(run->act->ctx, use);
    if (log)
        l.log = log;
    l.filter = n->n_args && !l.log->filtered ? n->args[0] : NULL;
    behaviour_range(l.log, l.at, use->window_us, &l.from, &l.upto);
    l.older = behaviour_includes_older(l.log, l.at, use->window_us);
    if (l.older && l.filter)
        return cel_fail(run,
                        "the window reaches back to `%.*s` events of which only totals are "
                        "kept, so the filter cannot be applied",
                        STR_FMT(use->event));
    bool ok = true;
    struct value v;
    if (str_eq(use->function, S("count")))
        v = value_int(count(&l, &ok));
    else if (n->type->kind == CEL_DOUBLE)
        v = of_numbers(&l, &ok);
    else
        v = one_event(&l, &ok);
    return ok ? v : cel_error(CEL_E_STEPS, n);
}
