/* SPDX-License-Identifier: Apache-2.0
 *
 * Godwit's functions that look at what a customer did: their names, windows and
 * kinds are constants, checked here, so that the engine knows before it runs
 * what to keep for whom.
 *
 *     count("order.placed", "90d", it.amount > 50.0)
 *
 * In a filter `it` is the past event: it.PROPERTY, it.occurred_at, it.id.
 */
#include "config.h"

#include "rules/cel_check_internal.h"

#include "base/wallclock.h"

static const struct behaviour_function {
    const char *name;
    bool property, window;
    enum cel_kind result; /* CEL_MAP: the event */
    const char *form;
} functions[] = {
    {"count", false, true, CEL_INT,
     "count(\"event\", \"30d\") or count(\"event\", \"30d\", it.amount > 50.0)"},
    {"sum", true, true, CEL_DOUBLE, "sum(\"event\", \"property\", \"30d\")"},
    {"avg", true, true, CEL_DOUBLE, "avg(\"event\", \"property\", \"30d\")"},
    {"min", true, true, CEL_DOUBLE, "min(\"event\", \"property\", \"30d\")"},
    {"max", true, true, CEL_DOUBLE, "max(\"event\", \"property\", \"30d\")"},
    {"first", false, false, CEL_MAP, "first(\"event\")"},
    {"last", false, false, CEL_MAP, "last(\"event\")"},
    {"since", false, false, CEL_DURATION, "since(\"event\")"},
};
#define FUNCTIONS (sizeof functions / sizeof *functions)

static const struct str response_kinds[] = {S("delivered"), S("open"),      S("click"),
                                            S("bounce"),    S("complaint"), S("unsubscribe"),
                                            S("reply"),     S("conversion")};
#define KINDS (sizeof response_kinds / sizeof *response_kinds)

size_t cel_godwit_names(struct str *out, size_t cap) {
    size_t n = 0;
    for (size_t i = 0; i < FUNCTIONS && n < cap; i++)
        out[n++] = str_from(functions[i].name);
    if (n + 2 <= cap) {
        out[n++] = S("in_segment");
        out[n++] = S("responded");
    }
    return n;
}

/* ---- constants as arguments */
static bool constant_text(struct cel_check *c, const struct cel_node *n, const char *what,
                          const char *example, struct str *out) {
    if (n->op == CEL_CONST && n->constant.type == V_STRING) {
        *out = value_text(n->constant);
        return true;
    }
    struct cel_issue *i = cel_issue_add(c->issues, n->offset, n->length,
                                        "%s must stand here as text in quotes", what);
    if (i)
        i->hint = str_printf(c->arena, "for example \"%s\"", example);
    return false;
}

static void unknown_text(struct cel_check *c, const struct cel_node *n, const char *what,
                         struct str name, const struct str *known, size_t count) {
    struct cel_issue *i =
        cel_issue_add(c->issues, n->offset, n->length, "unknown %s `%.*s`", what, STR_FMT(name));
    cel_issue_nearest(c->issues, i, name, known, count);
}

static bool window(struct cel_check *c, const struct cel_node *n, int64_t *us) {
    struct str text;
    struct err e = ERR_INIT;
    if (!constant_text(c, n, "the window", "30d", &text))
        return false;
    *us = BEHAVIOUR_ALL;
    if (str_eq(text, S("all")) || wallclock_parse_span(text, us, &e))
        return true;
    struct cel_issue *i = cel_issue_add(c->issues, n->offset, n->length, "`%.*s` is not a window",
                                        (int)(text.n < 60 ? text.n : 60), text.p);
    if (i)
        i->hint = S("write a number and w, d, h, m or s, such as \"30d\" or \"12h\", or \"all\"");
    return false;
}

/* ---- events and their properties */
static const struct cel_type *event_type(struct cel_check *c, const struct cel_node *n,
                                         struct str name) {
    struct str *names = ARENA_ARRAY(c->arena, struct str, c->env->n_events + 1);
    for (size_t i = 0; i < c->env->n_events; i++) {
        names[i] = c->env->events[i].name;
        if (str_eq(names[i], name))
            return c->env->events[i].type ? c->env->events[i].type : cel_type_of(CEL_DYN);
    }
    if (c->env->events_closed)
        unknown_text(c, n, "event", name, names, c->env->n_events);
    return cel_type_of(CEL_DYN);
}

/* The type at a dotted path of an event's properties; NULL: an issue was added. */
static const struct cel_type *property_type(struct cel_check *c, const struct cel_node *n,
                                            const struct cel_type *t, struct str path) {
    struct str part;
    while (str_split(&path, '.', &part)) {
        const struct cel_type *next = NULL;
        struct str *names = ARENA_ARRAY(c->arena, struct str, t->n_fields + 1);
        for (size_t i = 0; i < t->n_fields; i++) {
            names[i] = t->fields[i].name;
            if (str_eq(names[i], part))
                next = t->fields[i].type ? t->fields[i].type : cel_type_of(CEL_DYN);
        }
        if (!next && t->closed) {
            unknown_text(c, n, "property", part, names, t->n_fields);
            return NULL;
        }
        t = next ? next : cel_type_of(CEL_DYN);
    }
    return t;
}

static void track(struct cel_check *c, struct str path) {
    for (size_t i = 0; i < c->n_it_paths; i++)
        if (str_eq(c->it_paths[i], path))
            return;
    c->it_paths = arena_grow(c->arena, c->it_paths, c->n_it_paths * sizeof path,
                             (c->n_it_paths + 1) * sizeof path);
    c->it_paths[c->n_it_paths++] = path;
}

bool cel_check_it(struct cel_check *c, struct cel_node *n) {
    struct str dotted;
    const struct cel_node *ident;
    bool has = n->op == CEL_HAS, optional = n->op == CEL_SELECT && n->optional;
    const struct cel_node *chain = has || optional ? n->args[0] : n;
    if (!cel_chain(c->arena, chain, &dotted, &ident) || ident->root ||
        !str_eq(ident->name, S("it")))
        return false;
    for (const struct cel_scope *s = c->scope; s; s = s->outer)
        if (str_eq(s->name, S("it")))
            return false;
    struct str path = str_sub(dotted, 3, dotted.n);
    if (has || optional)
        path =
            path.n ? str_printf(c->arena, "%.*s.%.*s", STR_FMT(path), STR_FMT(n->name)) : n->name;
    if (!path.n) {
        cel_issue_add(c->issues, n->offset, n->length,
                      "`it` is the past event; write it.PROPERTY or it.occurred_at");
        n->type = cel_type_of(CEL_DYN);
        return true;
    }
    const struct cel_type *t = NULL;
    if (cel_is_occurred_at(path))
        t = cel_type_of(CEL_TIMESTAMP);
    else if (str_eq(path, S("id")))
        t = cel_type_of(CEL_INT);
    else if ((t = property_type(c, n, c->it_type, path)))
        track(c, path);
    t = t ? t : cel_type_of(CEL_DYN);
    n->op = CEL_IT;
    n->n_args = 0;
    n->loop = has;
    n->name = path;
    n->coerce = t->kind != CEL_DYN ? t : NULL;
    n->type = has ? cel_type_of(CEL_BOOL) : optional ? cel_type_new(c, CEL_OPTIONAL, t) : t;
    return true;
}

/* ---- the functions */
static void check_filter(struct cel_check *c, struct cel_node *n, const struct cel_type *event,
                         struct cel_behaviour_use *use) {
    const struct cel_scope *outer = c->scope;
    c->in_filter = true;
    c->filter_scope = outer;
    c->filter_alone = true;
    c->it_type = event;
    cel_check_node(c, n);
    cel_check_bool(c, n, "the filter");
    c->in_filter = false;
    c->scope = outer;
    use->filter = str_sub(c->program->source, n->offset, n->offset + n->length);
    use->filter_alone = c->filter_alone;
}

/* The event as first() and last() give it: its properties, `occurred_at` and `id`. */
static const struct cel_type *past_event_type(struct cel_check *c, const struct cel_type *event) {
    struct cel_type *t = ARENA_NEW(c->arena, struct cel_type);
    struct cel_field *fields = ARENA_ARRAY(c->arena, struct cel_field, event->n_fields + 3);
    for (size_t i = 0; i < event->n_fields; i++)
        fields[i] = event->fields[i];
    struct cel_field *own = fields + event->n_fields;
    own[0] = (struct cel_field){S("occurred_at"), cel_type_of(CEL_TIMESTAMP)};
    own[1] = (struct cel_field){S("at"), cel_type_of(CEL_TIMESTAMP)};
    own[2] = (struct cel_field){S("id"), cel_type_of(CEL_INT)};
    *t = (struct cel_type){CEL_MAP, NULL, fields, event->n_fields + 3, event->closed};
    return t;
}

static struct cel_behaviour_use *new_use(struct cel_check *c) {
    struct cel_uses *u = &c->program->uses;
    struct cel_behaviour_use *use = ARENA_NEW(c->arena, struct cel_behaviour_use);
    struct cel_behaviour_use **list = arena_alloc(c->arena, (u->n_behaviour + 1) * sizeof *list);
    if (u->n_behaviour)
        memcpy(list, u->behaviour, u->n_behaviour * sizeof *list);
    list[u->n_behaviour] = use;
    u->behaviour = (const struct cel_behaviour_use *const *)list;
    use->index = u->n_behaviour++;
    return use;
}

static bool check_behaviour(struct cel_check *c, struct cel_node *n,
                            const struct behaviour_function *f) {
    size_t least = 1u + f->property + f->window, filter = least;
    n->type = f->result == CEL_MAP ? cel_type_of(CEL_DYN) : cel_type_of(f->result);
    if (n->n_args < least || n->n_args > least + 1) {
        struct cel_issue *i =
            cel_issue_add(c->issues, n->offset, n->length, "`%s` does not take %u argument%s",
                          f->name, n->n_args, n->n_args == 1 ? "" : "s");
        if (i)
            i->hint = str_printf(c->arena, "write %s", f->form);
        return true;
    }
    if (c->in_filter) {
        cel_issue_add(c->issues, n->offset, n->length,
                      "a filter looks at one past event; `%s` cannot be used in it", f->name);
        return true;
    }
    struct cel_behaviour_use *use = new_use(c);
    const struct cel_type *event = cel_type_of(CEL_DYN), *property;
    use->function = str_from(f->name);
    c->it_paths = NULL;
    c->n_it_paths = 0;
    if (constant_text(c, n->args[0], "the event's name", "order.placed", &use->event))
        event = event_type(c, n->args[0], use->event);
    if (f->property &&
        constant_text(c, n->args[1], "the property's name", "amount", &use->property)) {
        property = property_type(c, n->args[1], event, use->property);
        if (property && property->kind != CEL_DYN && property->kind != CEL_INT &&
            property->kind != CEL_DOUBLE && property->kind != CEL_UINT)
            cel_issue_add(c->issues, n->args[1]->offset, n->args[1]->length,
                          "`%.*s` is %s, not a number", STR_FMT(use->property),
                          cel_kind_name(property->kind));
        track(c, use->property);
    }
    if (f->window)
        window(c, n->args[least - 1], &use->window_us);
    if (n->n_args > filter)
        check_filter(c, n->args[filter], event, use);
    if (f->result == CEL_MAP) {
        n->type = past_event_type(c, event);
        use->whole = true;
    }
    use->paths = c->it_paths;
    use->n_paths = c->n_it_paths;
    n->args += filter;
    n->n_args -= (uint32_t)filter;
    n->op = CEL_BEHAVIOUR;
    n->use = use;
    return true;
}

static void add_name(struct cel_check *c, const struct str **list, size_t *n, struct str name) {
    for (size_t i = 0; i < *n; i++)
        if (str_eq((*list)[i], name))
            return;
    struct str *more = ARENA_ARRAY(c->arena, struct str, *n + 1);
    for (size_t i = 0; i < *n; i++)
        more[i] = (*list)[i];
    more[(*n)++] = name;
    *list = more;
}

static void check_question(struct cel_check *c, struct cel_node *n, bool segment) {
    struct str name;
    n->type = cel_type_of(CEL_BOOL);
    c->filter_alone = false;
    if (n->n_args != 1) {
        cel_issue_add(c->issues, n->offset, n->length, "`%.*s` takes one argument",
                      STR_FMT(n->name));
        return;
    }
    if (!constant_text(c, n->args[0], segment ? "the segment's name" : "the kind of response",
                       segment ? "repeat-buyers" : "click", &name))
        return;
    struct cel_uses *u = &c->program->uses;
    const struct str *known = segment ? c->env->segments : response_kinds;
    size_t count = segment ? c->env->n_segments : KINDS, i = 0;
    while (i < count && !str_eq(known[i], name))
        i++;
    if (i == count && (!segment || c->env->segments_closed))
        unknown_text(c, n->args[0], segment ? "segment" : "kind of response", name, known, count);
    if (segment)
        add_name(c, &u->segments, &u->n_segments, name);
    else
        add_name(c, &u->responses, &u->n_responses, name);
    n->op = segment ? CEL_SEGMENT : CEL_RESPONDED;
    n->name = name;
    n->n_args = 0;
}

bool cel_check_godwit(struct cel_check *c, struct cel_node *n) {
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (str_eq(n->name, str_from(functions[i].name)))
            return check_behaviour(c, n, &functions[i]);
    bool segment = str_eq(n->name, S("in_segment"));
    if (!segment && !str_eq(n->name, S("responded")))
        return false;
    check_question(c, n, segment);
    return true;
}

const struct str *cel_response_kinds(size_t *n) {
    *n = KINDS;
    return response_kinds;
}

const char *cel_behaviour_form(size_t i) {
    return i < sizeof functions / sizeof *functions ? functions[i].form : NULL;
}
