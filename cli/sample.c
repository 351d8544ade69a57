/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/sample.h"

#include "base/wallclock.h"
#include "engine/delivery/render.h"
#include "engine/intake/explain.h"

static const struct step *step_sending(const struct campaign *c, struct str template) {
    for (size_t i = 0; i < c->n_steps; i++)
        if (c->steps[i].kind == STEP_SEND &&
            (!template.n || str_eq(c->steps[i].u.send.template, template)))
            return &c->steps[i];
    return NULL;
}

static bool find_template(const struct workspace *w, struct str name, struct sample *out,
                          struct err *e) {
    struct str near;
    out->template = template_find(w->template_set, name, &near);
    if (out->template)
        return true;
    return near.n
               ? err_set(e, ERR_INPUT,
                         "there is no campaign or template `%.*s`; did you mean `%.*s`?",
                         STR_FMT(name), STR_FMT(near))
               : err_set(e, ERR_INPUT, "there is no campaign `%.*s`, and no template in templates/",
                         STR_FMT(name));
}

bool sample_find(const struct workspace *w, struct str name, struct sample *out, struct err *e) {
    *out = (struct sample){.campaign = campaign_set_find(&w->rules, name)};
    if (out->campaign) {
        out->step = step_sending(out->campaign, STR_NONE);
        if (!out->step)
            return err_set(e, ERR_INPUT, "the campaign `%.*s` sends nothing", STR_FMT(name));
        return find_template(w, out->step->u.send.template, out, e);
    }
    if (!find_template(w, name, out, e))
        return false;
    for (size_t i = 0; i < w->rules.n_campaigns && !out->step; i++) {
        out->campaign = w->rules.campaigns[i];
        out->step = step_sending(out->campaign, name);
    }
    if (!out->step)
        out->campaign = NULL;
    return true;
}

bool sample_input(struct setup *s, const struct sample *x, struct str customer, struct str *input,
                  struct str *locale, struct err *e) {
    struct explained *list = NULL;
    size_t n;
    if (!x->campaign)
        return err_set(e, ERR_INPUT,
                       "no campaign sends the template `%.*s`, so no event would fill it; "
                       "`preview --data FILE` shows it with data of your own",
                       STR_FMT(template_name(x->template)));
    struct dbsync *db = dbsync_open(s->conninfo, e);
    bool ok = db && explain_customer(db, s->workspace, customer, x->campaign, wallclock_now(),
                                     STR_NONE, s->arena, &list, &n, e);
    dbsync_close(db);
    if (!ok)
        return false;
    if (!list->found)
        return err_set(
            e, ERR_INPUT,
            "`%.*s` has no event `%.*s`, which would start `%.*s`; `preview --data FILE` "
            "shows a template with data of your own",
            STR_FMT(customer), STR_FMT(x->campaign->trigger.event), STR_FMT(x->campaign->name));
    struct decision d = {
        .campaign = x->campaign, .template = template_name(x->template), .about = &list->event};
    *input = render_input(s->workspace, &d, list->profile, s->arena);
    *locale = list->profile->locale;
    return true;
}
