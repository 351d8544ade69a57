/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/workspace_review.h"

#include "base/arena.h"
#include "rules/campaign_loops.h"
#include "rules/campaign_review.h"
#include "rules/condition.h"

static const char *const customer_fields[] = {CONDITION_CUSTOMER_FIELDS};
static const char *const event_fields[] = {CONDITION_EVENT_FIELDS};
static const char *const sender_fields[] = {"name", "email", "reply_to", "postal_address"};
static const char *const roots[] = {"customer",        "event",       "sender", "campaign",
                                    "unsubscribe_url", "confirm_url", NULL};
#define COUNT(list) (sizeof(list) / sizeof *(list))

struct review {
    const struct workspace *w;
    struct arena *a;
    struct diags *d;
};

/* What may stand behind `customer.` and the like. */
struct names {
    const char *what; /* "attribute" */
    struct str of;    /* " of `order.placed`", or empty */
    struct str *list;
    size_t n;
    bool closed; /* nothing else can be there */
    bool empty;  /* nor anything at all */
};

static struct names names_of(struct arena *a, const char *what, const struct catalog_field *fields,
                             size_t n, const char *const *own, size_t n_own) {
    struct names x = {.what = what, .list = ARENA_ARRAY(a, struct str, n + n_own + 1)};
    for (size_t i = 0; i < n; i++)
        x.list[x.n++] = fields[i].name;
    for (size_t i = 0; i < n_own; i++)
        x.list[x.n++] = str_from(own[i]);
    return x;
}

static bool is_there(const struct names *x, struct str name) {
    for (size_t i = 0; i < x->n; i++)
        if (str_eq(x->list[i], name))
            return true;
    return false;
}

/* ---- names in templates */

/* One path that a template reads or requires. */
struct use {
    const struct message_template *template;
    struct str path, name; /* "customer.first_name", "first_name" */
    bool required;
};

static void complain(struct review *r, const struct use *u, const struct names *x) {
    struct place at = {.file =
                           str_printf(r->a, "templates/%.*s", STR_FMT(template_name(u->template)))};
    struct str source = STR_NONE, near = str_nearest(u->name, x->list, x->n);
    if (template_place_of(r->w->template_set, u->template, u->path, &at, &source)) {
        at.column += (int)(u->path.n - u->name.n); /* the name, not what stands in front of it */
        at.length = (int)u->name.n;
    }
    enum diag_severity severity = u->required && (near.n || x->empty) ? DIAG_ERROR : DIAG_WARNING;
    struct diag *x_ =
        diags_add(r->d, severity, at, source,
                  x->closed ? "there is no %s `%.*s`%.*s" : "the catalog has no %s `%.*s`%.*s",
                  x->what, STR_FMT(u->name), STR_FMT(x->of));
    x_->hint = near.n     ? str_printf(r->a, "did you mean `%.*s`?", STR_FMT(near))
               : x->empty ? u->required ? S("every message would fail: take it out of `required`")
                                        : S("it renders as nothing")
               : u->required ? S("a message to a customer without it fails; declare it in "
                                 "catalog.yaml")
                             : S("it renders as nothing where it is missing; declare it in "
                                 "catalog.yaml");
}

static bool sends_template(const struct campaign *c, struct str template) {
    for (size_t k = 0; k < c->n_steps; k++) {
        const struct step_send *send = c->steps[k].kind == STEP_SEND ? &c->steps[k].u.send : NULL;
        for (; send; send = send->fallback)
            if (str_eq(send->template, template))
                return true;
    }
    return false;
}

/* The campaign starts with a schedule, once, or on a day. */
static void complain_of_none(struct review *r, const struct use *u, const struct campaign *c) {
    struct names x = {.what = "event for", .closed = true, .empty = true};
    struct use whole = {u->template, u->path, u->path, u->required};
    x.of = str_printf(r->a, " in `%.*s`, which starts without one", STR_FMT(c->name));
    complain(r, &whole, &x);
}

/* Of every campaign that sends the template: `event` is the one that starts it. */
static void check_event(struct review *r, const struct use *u) {
    const struct campaign_set *rules = &r->w->rules;
    const struct campaign *without = NULL;
    bool with = false;
    for (size_t i = 0; i < rules->n_campaigns; i++) {
        const struct campaign *c = rules->campaigns[i];
        if (!sends_template(c, template_name(u->template)))
            continue;
        with = with || campaign_has_event(&c->trigger);
        if (!without && !campaign_has_event(&c->trigger))
            without = c;
        const struct catalog_event *e = catalog_event(&rules->catalog, c->trigger.event);
        if (!e || e->n_properties == 0)
            continue;
        struct names x = names_of(r->a, "property", e->properties, e->n_properties, event_fields,
                                  COUNT(event_fields));
        x.of =
            str_printf(r->a, " of `%.*s`, which starts `%.*s`", STR_FMT(e->name), STR_FMT(c->name));
        if (is_there(&x, u->name))
            continue;
        complain(r, u, &x);
        return;
    }
    if (without && (u->required || !with)) /* it may look whether there is one */
        complain_of_none(r, u, without);
}

static void check_attribute(struct review *r, const struct use *u) {
    const struct catalog *c = &r->w->rules.catalog;
    struct names x = names_of(r->a, "attribute", c->attributes, c->n_attributes, customer_fields,
                              COUNT(customer_fields));
    if (c->n_attributes && !is_there(&x, u->name))
        complain(r, u, &x);
}

static void check_sender(struct review *r, const struct use *u) {
    struct names x = names_of(r->a, "field", NULL, 0, sender_fields, COUNT(sender_fields));
    x.of = S(" of `sender`");
    x.closed = true;
    if (!is_there(&x, u->name))
        complain(r, u, &x);
}

/* custmer.first_name: no variable of ours, but nearly; others may be the template's own. */
static void check_root(struct review *r, const struct use *u, struct str root) {
    struct names x = names_of(r->a, "value", NULL, 0, roots, COUNT(roots) - 1);
    x.closed = true;
    struct use whole = {u->template, root, root, u->required};
    if (!is_there(&x, root) && str_nearest(root, x.list, x.n).n)
        complain(r, &whole, &x);
}

static void check_path(struct review *r, const struct message_template *t, struct str path,
                       bool required) {
    struct str rest = path, root, name = STR_NONE;
    if (!str_split(&rest, '.', &root) || !rest.p || !str_split(&rest, '.', &name) || !name.n)
        return;
    struct use u = {t, str_sub(path, 0, root.n + 1 + name.n), name, required};
    if (str_eq(root, S("customer")))
        check_attribute(r, &u);
    else if (str_eq(root, S("event")))
        check_event(r, &u);
    else if (str_eq(root, S("sender")))
        check_sender(r, &u);
    else
        check_root(r, &u, root);
}

static bool is_required(const struct list *required, struct str path) {
    for (size_t i = 0; i < required->n; i++)
        if (str_eq(value_text(required->v[i]), path))
            return true;
    return false;
}

static void check_names(struct review *r, const struct message_template *t) {
    const struct list *required = template_required(t), *inputs = template_inputs(t);
    for (size_t i = 0; i < required->n; i++)
        check_path(r, t, value_text(required->v[i]), true);
    for (size_t i = 0; i < inputs->n; i++)
        if (!is_required(required, value_text(inputs->v[i])))
            check_path(r, t, value_text(inputs->v[i]), false);
}

/* ---- files */

static void check_parts(struct review *r, const struct message_template *t) {
    struct str file, near;
    for (size_t i = 0; template_misnamed(r->w->template_set, t, i, &file, &near); i++) {
        struct place at = {.file = str_printf(r->a, "templates/%.*s/%.*s.liquid",
                                              STR_FMT(template_name(t)), STR_FMT(file))};
        struct diag *x = diags_add(r->d, DIAG_WARNING, at, STR_NONE,
                                   "this file is no part of the template `%.*s` and no other "
                                   "template brings it in, so it is never used",
                                   STR_FMT(template_name(t)));
        struct str word = file, rest = file;
        bool part = str_split(&rest, '.', &word) && str_eq(word, near);
        x->hint = part ? str_printf(r->a, "a variant is `%.*s.LOCALE.liquid`, as in %.*s.zh-TW",
                                    STR_FMT(near), STR_FMT(near))
                       : str_printf(r->a, "did you mean `%.*s.liquid`?", STR_FMT(near));
    }
}

static bool is_sent(const struct workspace *w, struct str template) {
    for (size_t i = 0; i < w->rules.n_campaigns; i++)
        if (sends_template(w->rules.campaigns[i], template))
            return true;
    return false;
}

/* A topic that asks for confirmation needs somebody who asks. */
static void check_topics(struct review *r) {
    const struct settings *s = &r->w->settings;
    for (size_t i = 0; i < r->w->rules.n_campaigns; i++) {
        const struct trigger *t = &r->w->rules.campaigns[i]->trigger;
        if (t->kind == TRIGGER_EVENT && str_eq(t->event, S("consent.requested")))
            return;
    }
    for (size_t i = 0; i < s->n_topics; i++)
        if (s->topics[i].confirm)
            diags_add(r->d, DIAG_WARNING, s->topics[i].at, STR_NONE,
                      "nobody can confirm a subscription to `%.*s`: no campaign asks",
                      STR_FMT(s->topics[i].name))
                ->hint = S("add one with `trigger: { event: consent.requested }` whose mail holds "
                           "{{ confirm_url }}");
}

/* ---- campaigns */

static void review_campaigns(const struct workspace *w, struct diags *d) {
    const struct settings *s = &w->settings;
    struct campaign_cap *caps = ARENA_ARRAY(w->arena, struct campaign_cap, s->n_caps + 1);
    struct campaign_care care = {caps, s->n_caps, s->quiet_hours};
    for (size_t i = 0; i < s->n_caps; i++)
        caps[i] = (struct campaign_cap){s->caps[i].channel, s->caps[i].topic};
    for (size_t i = 0; i < w->rules.n_campaigns; i++)
        campaign_review(w->arena, w->rules.campaigns[i], &care, d);
    campaign_review_together(w->arena, &w->rules, &care, d);
    campaign_review_circles(w->arena, &w->rules, d);
    campaign_loops_review(w->arena, &w->rules, d);
    campaign_review_circles(w->arena, &w->rules, d);
}

void workspace_review(const struct workspace *w, struct diags *d) {
    struct review r = {w, w->arena, d};
    const struct message_template *t;
    bool whole = d->errors == 0; /* else what seems unused may be named where there is a mistake */
    for (size_t i = 0; (t = template_at(w->template_set, i)); i++) {
        check_names(&r, t);
        check_parts(&r, t);
        if (whole && !is_sent(w, template_name(t)))
            diags_add(d, DIAG_NOTE,
                      (struct place){
                          .file = str_printf(r.a, "templates/%.*s", STR_FMT(template_name(t)))},
                      STR_NONE, "no campaign sends the template `%.*s`", STR_FMT(template_name(t)));
    }
    if (!whole)
        return;
    check_topics(&r);
    review_campaigns(w, d);
}
