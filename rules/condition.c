/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/condition.h"

#include "base/arena.h"
#include "rules/own_events.h"

static const char *const customer_fields[] = {CONDITION_CUSTOMER_FIELDS};
static const char *const event_fields[] = {CONDITION_EVENT_FIELDS};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static const struct cel_field slots[CONDITION_SLOTS] = {
    [CONDITION_CUSTOMER] = {S("customer"), NULL},
    [CONDITION_RFM] = {S("rfm"), NULL},
    [CONDITION_EVENT] = {S("event"), NULL},
};
const struct cel_env condition_slots = {.variables = slots, .n_variables = CONDITION_SLOTS};

/* ---- what a condition may name */

static const struct cel_type *type_of(enum catalog_type t) {
    static const enum cel_kind kinds[] = {
        [CATALOG_ANY] = CEL_DYN,   [CATALOG_STRING] = CEL_STRING,
        [CATALOG_INT] = CEL_INT,   [CATALOG_DOUBLE] = CEL_DOUBLE,
        [CATALOG_BOOL] = CEL_BOOL, [CATALOG_TIMESTAMP] = CEL_TIMESTAMP,
        [CATALOG_LIST] = CEL_LIST, [CATALOG_MAP] = CEL_MAP,
    };
    return cel_type_of(kinds[t]);
}

/* A map with the declared fields, and room for `more` of our own. */
static struct cel_type *map_type(struct arena *a, const struct catalog_field *fields, size_t n,
                                 size_t more) {
    struct cel_type *t = ARENA_NEW(a, struct cel_type);
    struct cel_field *list = ARENA_ARRAY(a, struct cel_field, n + more);
    t->kind = CEL_MAP;
    t->fields = list;
    for (size_t i = 0; i < n; i++)
        list[t->n_fields++] = (struct cel_field){fields[i].name, type_of(fields[i].type)};
    return t;
}

/* Ours wins over a declared field of the same name. */
static void add_own(struct cel_type *t, const char *name, enum cel_kind kind) {
    struct cel_field *list = (struct cel_field *)t->fields;
    struct cel_field own = {str_from(name), cel_type_of(kind)};
    for (size_t i = 0; i < t->n_fields; i++)
        if (str_eq(list[i].name, own.name)) {
            list[i] = own;
            return;
        }
    list[t->n_fields++] = own;
}

static const struct cel_type *customer_type(struct arena *a, const struct catalog *c) {
    struct cel_type *t = map_type(a, c->attributes, c->n_attributes, COUNT(customer_fields));
    for (size_t i = 0; i < COUNT(customer_fields); i++)
        add_own(t, customer_fields[i], CEL_STRING);
    return t;
}

static const struct cel_type *event_type(struct arena *a, const struct catalog *c,
                                         struct str name) {
    static const enum cel_kind kinds[] = {CEL_STRING, CEL_INT, CEL_TIMESTAMP};
    const struct catalog_event *e = catalog_event(c, name);
    struct cel_type *t =
        map_type(a, e ? e->properties : NULL, e ? e->n_properties : 0, COUNT(event_fields));
    for (size_t i = 0; i < COUNT(event_fields); i++)
        add_own(t, event_fields[i], kinds[i]);
    return t;
}

static const struct cel_type *rfm_type(struct arena *a) {
    struct cel_type *t = map_type(a, NULL, 0, 6);
    add_own(t, "r", CEL_INT);
    add_own(t, "f", CEL_INT);
    add_own(t, "m", CEL_INT);
    add_own(t, "purchases", CEL_INT);
    add_own(t, "revenue", CEL_DOUBLE);
    add_own(t, "top", CEL_DOUBLE);
    t->closed = true;
    return t;
}

const struct condition_scope *condition_scope_new(struct arena *a, const struct catalog *catalog,
                                                  const struct str *segments, size_t n_segments,
                                                  struct str event) {
    struct condition_scope *s = ARENA_NEW(a, struct condition_scope);
    struct cel_field *variables = ARENA_ARRAY(a, struct cel_field, CONDITION_SLOTS);
    size_t n_events = 0, own = 0;
    while (own_events_at(own))
        own++;
    struct cel_field *events = ARENA_ARRAY(a, struct cel_field, catalog->n_events + own);
    variables[CONDITION_CUSTOMER] = (struct cel_field){S("customer"), customer_type(a, catalog)};
    variables[CONDITION_RFM] = (struct cel_field){S("rfm"), rfm_type(a)};
    if (event.n)
        variables[CONDITION_EVENT] = (struct cel_field){S("event"), event_type(a, catalog, event)};
    for (size_t i = 0; i < catalog->n_events + own; i++) { /* the first of a name holds */
        const struct catalog_event *e =
            i < catalog->n_events ? &catalog->events[i] : own_events_at(i - catalog->n_events);
        events[n_events++] =
            (struct cel_field){e->name, map_type(a, e->properties, e->n_properties, 0)};
    }
    s->catalog = catalog;
    s->event = event;
    s->env = (struct cel_env){
        .variables = variables,
        .n_variables = event.n ? CONDITION_SLOTS : CONDITION_EVENT,
        .functions = true,
        .events = events,
        .n_events = n_events,
        .segments = segments,
        .n_segments = n_segments,
        .segments_closed = true,
    };
    return s;
}

/* ---- names that the catalog does not have */

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Where a name stands in a condition: behind a dot or a quote. The start if it is nowhere. */
static size_t find_name(struct str text, struct str name, size_t *length) {
    for (size_t i = 1; i + name.n <= text.n; i++) {
        bool whole = i + name.n == text.n || !is_word(text.p[i + name.n]);
        if (whole && strchr(".\"'", text.p[i - 1]) && memcmp(text.p + i, name.p, name.n) == 0) {
            *length = name.n;
            return i;
        }
    }
    *length = text.n;
    return 0;
}

struct undeclared {
    const char *what; /* "attribute" */
    struct str of;    /* " of `order.placed`", or empty */
    const struct str *known;
    size_t n_known;
    bool closed; /* nothing can be declared there: Godwit's own */
};

static int chars(struct str s) {
    int n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static void report(struct form_reader *r, const struct ynode *node, struct str name,
                   const struct undeclared *u) {
    struct str near = str_nearest(name, u->known, u->n_known);
    size_t length, at = find_name(node->text, name, &length);
    struct place place =
        ynode_place_at(r->file, node, at, chars(str_sub(node->text, at, at + length)));
    if (str_eq(node->text, name))
        place = ynode_place(r->file, node);
    if (near.n || u->closed) {
        struct diag *x = diags_add(r->d, DIAG_ERROR, place, r->file->source, "%s no %s `%.*s`%.*s",
                                   u->closed ? "there is" : "the catalog has", u->what,
                                   STR_FMT(name), STR_FMT(u->of));
        if (near.n)
            x->hint = str_printf(r->a, "did you mean `%.*s`?", STR_FMT(near));
        else
            x->hint = S("events whose name begins with `message.` are Godwit's own");
        return;
    }
    struct diag *x =
        diags_add(r->d, DIAG_WARNING, place, r->file->source,
                  "the catalog has no %s `%.*s`%.*s, so nothing can be checked about it", u->what,
                  STR_FMT(name), STR_FMT(u->of));
    x->hint = S("declare it in catalog.yaml");
}

static struct str *field_names(struct arena *a, const struct catalog_field *f, size_t n,
                               const char *const *own, size_t n_own) {
    struct str *names = ARENA_ARRAY(a, struct str, n + n_own + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = f[i].name;
    for (size_t i = 0; i < n_own; i++)
        names[n + i] = str_from(own[i]);
    return names;
}

static bool is_known(struct str name, const struct undeclared *u) {
    for (size_t i = 0; i < u->n_known; i++)
        if (str_eq(name, u->known[i]))
            return true;
    return false;
}

static void check_attribute(struct form_reader *r, const struct catalog *c,
                            const struct ynode *node, struct str name) {
    size_t own = COUNT(customer_fields);
    if (c->n_attributes == 0)
        return;
    struct undeclared u = {
        .what = "attribute",
        .known = field_names(r->a, c->attributes, c->n_attributes, customer_fields, own),
        .n_known = c->n_attributes + own,
    };
    if (!is_known(name, &u))
        report(r, node, name, &u);
}

/* own: the name may also be one of event's own members */
static void check_property(struct form_reader *r, const struct catalog *c, const struct ynode *node,
                           struct str event, struct str name, bool own) {
    const struct catalog_event *e = catalog_event(c, event);
    size_t n_own = own ? COUNT(event_fields) : 0;
    if (!e || e->n_properties == 0)
        return;
    struct undeclared u = {
        .what = "property",
        .of = str_printf(r->a, " of `%.*s`", STR_FMT(event)),
        .known = field_names(r->a, e->properties, e->n_properties, event_fields, n_own),
        .n_known = e->n_properties + n_own,
        .closed = own_events_reserved(event),
    };
    if (!is_known(name, &u))
        report(r, node, name, &u);
}

static void check_event_name(struct form_reader *r, const struct catalog *c,
                             const struct ynode *node, struct str name) {
    bool reserved = own_events_reserved(name);
    if ((c->n_events == 0 && !reserved) || catalog_event(c, name))
        return;
    size_t n = 0, own = 0;
    while (own_events_at(own))
        own++;
    struct str *names = ARENA_ARRAY(r->a, struct str, c->n_events + own);
    for (size_t i = 0; i < c->n_events && !reserved; i++)
        names[n++] = c->events[i].name;
    for (size_t i = 0; i < own; i++)
        names[n++] = own_events_at(i)->name;
    struct undeclared u = {.what = "event", .known = names, .n_known = n, .closed = reserved};
    report(r, node, name, &u);
}

void condition_check_event(struct form_reader *r, const struct catalog *catalog,
                           const struct ynode *node) {
    if (node->kind == Y_SCALAR)
        check_event_name(r, catalog, node, node->text);
}

static struct str first_part(struct str *path) {
    struct str part = STR_NONE;
    if (!str_split(path, '.', &part))
        return STR_NONE;
    return part;
}

/* Inside of what is looked at: a map, or it may be one. */
static void check_parts(struct form_reader *r, const struct catalog *c, const struct ynode *node,
                        struct str name) {
    const struct catalog_field *f = catalog_attribute(c, name);
    enum catalog_type type = f ? f->type : CATALOG_ANY;
    for (size_t i = 0; i < COUNT(customer_fields); i++)
        if (str_eq(name, str_from(customer_fields[i])))
            type = CATALOG_STRING;
    if (type != CATALOG_ANY && type != CATALOG_MAP)
        form_error(r, node, "`%.*s`: `%.*s` is of type %s and has no parts", STR_FMT(node->text),
                   STR_FMT(name), catalog_type_name(type));
}

void condition_check_attribute(struct form_reader *r, const struct catalog *catalog,
                               const struct ynode *node, struct str path) {
    struct str name = first_part(&path);
    check_attribute(r, catalog, node, name);
    if (path.n)
        check_parts(r, catalog, node, name);
}

void condition_check_property(struct form_reader *r, const struct catalog *catalog,
                              const struct ynode *node, struct str event, struct str path) {
    check_property(r, catalog, node, event, first_part(&path), false);
}

/* `rfm` is made from purchases. */
static void check_purchase(struct form_reader *r, const struct catalog *c,
                           const struct ynode *node) {
    if (c->purchase.event.n)
        return;
    ptrdiff_t at = str_find(node->text, S("rfm"));
    struct diag *x =
        diags_add(r->d, DIAG_ERROR, ynode_place_at(r->file, node, at < 0 ? 0 : (size_t)at, 3),
                  r->file->source, "`rfm` needs to know which event is a purchase");
    x->hint = S("add `purchase: { event: order.placed, value: amount }` to catalog.yaml");
}

static void check_names(struct form_reader *r, const struct condition_scope *scope,
                        const struct ynode *node, const struct cel_program *p) {
    const struct cel_uses *uses = cel_program_uses(p);
    for (size_t i = 0; i < uses->n_paths; i++) {
        struct str rest = uses->paths[i];
        struct str variable = first_part(&rest), name = first_part(&rest);
        if (str_eq(variable, S("rfm")))
            check_purchase(r, scope->catalog, node);
        if (!name.n)
            continue;
        if (str_eq(variable, S("customer")))
            check_attribute(r, scope->catalog, node, name);
        else if (str_eq(variable, S("event")))
            check_property(r, scope->catalog, node, scope->event, name, true);
    }
    for (size_t i = 0; i < uses->n_behaviour; i++) {
        const struct cel_behaviour_use *b = uses->behaviour[i];
        check_event_name(r, scope->catalog, node, b->event);
        for (size_t j = 0; j < b->n_paths; j++) {
            struct str rest = b->paths[j], name = first_part(&rest);
            if (name.n)
                check_property(r, scope->catalog, node, b->event, name, false);
        }
    }
}

/* A condition that does not compile has no list of names: looks for customer.NAME and event.NAME
 * in its text, so that a misspelt name is not hidden by another mistake. */
static void scan_names(struct form_reader *r, const struct condition_scope *scope,
                       const struct ynode *node, struct str variable) {
    struct str text = node->text;
    for (size_t i = 0; i + variable.n + 1 < text.n; i++) {
        if (memcmp(text.p + i, variable.p, variable.n) != 0 || text.p[i + variable.n] != '.' ||
            (i > 0 && (is_word(text.p[i - 1]) || text.p[i - 1] == '.')))
            continue;
        size_t from = i + variable.n + 1, upto = from;
        while (upto < text.n && is_word(text.p[upto]))
            upto++;
        struct str name = str_sub(text, from, upto);
        if (name.n && str_eq(variable, S("customer")))
            check_attribute(r, scope->catalog, node, name);
        else if (name.n)
            check_property(r, scope->catalog, node, scope->event, name, true);
        i = upto - 1;
    }
}

/* ---- compile */

const struct cel_program *condition_compile(struct form_reader *r,
                                            const struct condition_scope *scope,
                                            const struct ynode *node, bool yes_or_no,
                                            const char *what) {
    struct cel_issues issues;
    if (!form_want_text(r, node, what))
        return NULL;
    cel_issues_init(&issues, r->a);
    const struct cel_program *p =
        yes_or_no ? cel_compile_condition(r->a, &scope->env, node->text, &issues)
                  : cel_compile(r->a, &scope->env, node->text, &issues);
    for (size_t i = 0; i < issues.n; i++) {
        const struct cel_issue *x = &issues.list[i];
        struct str part = str_sub(node->text, x->offset, x->offset + x->length);
        struct place at = ynode_place_at(r->file, node, x->offset, chars(part));
        struct diag *d = diags_add(r->d, x->warning ? DIAG_WARNING : DIAG_ERROR, at,
                                   r->file->source, "%.*s", STR_FMT(x->text));
        d->hint = !scope->event.n && str_eq(part, S("event"))
                      ? S("there is `event` only in a campaign that an event starts")
                      : x->hint;
    }
    if (p) {
        check_names(r, scope, node, p);
    } else {
        scan_names(r, scope, node, S("customer"));
        scan_names(r, scope, node, S("event"));
    }
    return p;
}
