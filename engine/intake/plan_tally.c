/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/intake/plan_tally.h"

#include "base/arena.h"
#include "base/json.h"
#include "engine/delivery/render.h"

void plan_tally_init(struct plan_tally *t, const struct workspace *w, const struct campaign *only,
                     struct arena *a) {
    *t = (struct plan_tally){.arena = a, .workspace = w};
    t->campaigns = ARENA_ARRAY(a, struct plan_campaign, w->rules.n_campaigns + 1);
    for (size_t i = 0; i < w->rules.n_campaigns; i++)
        if (!only || only == w->rules.campaigns[i])
            t->campaigns[t->n_campaigns++].campaign = w->rules.campaigns[i];
}

/* They are sorted by name. */
struct plan_campaign *plan_tally_campaign(const struct plan_tally *t, const struct campaign *c) {
    size_t from = 0, upto = t->n_campaigns;
    while (from < upto) {
        size_t middle = from + (upto - from) / 2;
        int order = str_cmp(c->name, t->campaigns[middle].campaign->name);
        if (order == 0)
            return &t->campaigns[middle];
        if (order < 0)
            upto = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

/* Room for one more entry of `size` behind the n that are there. */
static void *grow(struct arena *a, void *list, size_t n, size_t *cap, size_t size) {
    if (n < *cap)
        return list;
    size_t more = *cap ? *cap * 2 : 8;
    list = arena_grow(a, list, *cap * size, more * size);
    *cap = more;
    return list;
}

static void add_reason(struct plan_tally *t, const struct decision *d) {
    for (size_t i = 0; i < t->n_reasons; i++) {
        struct plan_reason *r = &t->reasons[i];
        if (r->campaign == d->campaign && r->outcome == d->outcome &&
            strcmp(r->gate, d->gate) == 0) {
            r->count++;
            return;
        }
    }
    t->reasons = grow(t->arena, t->reasons, t->n_reasons, &t->cap_reasons, sizeof *t->reasons);
    t->reasons[t->n_reasons++] = (struct plan_reason){.campaign = d->campaign,
                                                      .outcome = d->outcome,
                                                      .gate = d->gate,
                                                      .count = 1,
                                                      .example = str_dup(t->arena, d->reason)};
}

static void add_lack(struct plan_tally *t, struct str template, struct str value, struct str key) {
    size_t i = 0;
    while (i < t->n_lacks &&
           !(str_eq(t->lacks[i].template, template) && str_eq(t->lacks[i].value, value)))
        i++;
    if (i == t->n_lacks) {
        t->lacks = grow(t->arena, t->lacks, t->n_lacks, &t->cap_lacks, sizeof *t->lacks);
        t->lacks[t->n_lacks++] = (struct plan_lack){.template = template, .value = value};
    }
    struct plan_lack *l = &t->lacks[i];
    l->count++;
    if (l->n_keys < PLAN_KEYS)
        l->keys[l->n_keys++] = str_dup(t->arena, key);
}

/* Whether rendering would fail for want of something, by the very data it would get. */
static void look_for_lacks(struct plan_tally *t, const struct message_template *m,
                           const struct decision *d, const struct profile *p,
                           struct arena *scratch) {
    struct value data;
    struct err ignored = ERR_INIT;
    struct str missing;
    if (!template_required(m)->n)
        return;
    struct str json = render_input(t->workspace, d, p, scratch);
    if (json_parse(scratch, json, &data, &ignored) && template_missing(m, data.u.map, &missing))
        add_lack(t, template_name(m), missing, p->key);
}

/* The variant that all parts are rendered in; where some fall back further than others, the
 * last resort with their names. */
static struct str variant_of(struct arena *a, const struct message_template *m, struct str locale) {
    struct str found[TEMPLATE_PARTS], least = locale;
    struct buf b = BUF_IN(a);
    bool all = true;
    for (int i = 0; i < TEMPLATE_PARTS; i++) {
        if (!template_has(m, (enum template_part)i))
            continue;
        found[i] = template_variant(m, (enum template_part)i, locale);
        if (found[i].n < least.n)
            least = found[i];
    }
    buf_add_str(&b, least.n ? least : S("default"));
    size_t at = b.n;
    for (int i = 0; i < TEMPLATE_PARTS; i++) {
        if (!template_has(m, (enum template_part)i))
            continue;
        if (found[i].n != least.n)
            all = false;
        else
            buf_printf(&b, "%s%s", b.n == at ? " (" : ", ",
                       template_part_name((enum template_part)i));
    }
    if (all)
        return str_sub(buf_str(&b), 0, at);
    buf_add_char(&b, ')');
    return buf_str(&b);
}

static void add_variant(struct plan_tally *t, const struct message_template *m, struct str locale) {
    for (size_t i = 0; i < t->n_variants; i++) {
        struct plan_variant *v = &t->variants[i];
        if (str_eq(v->template, template_name(m)) && str_eq(v->locale, locale)) {
            v->messages++;
            return;
        }
    }
    if (t->n_variants == PLAN_LOCALES) /* locales come from data */
        return;
    t->variants = grow(t->arena, t->variants, t->n_variants, &t->cap_variants, sizeof *t->variants);
    t->variants[t->n_variants++] = (struct plan_variant){.template = template_name(m),
                                                         .locale = str_dup(t->arena, locale),
                                                         .variant = variant_of(t->arena, m, locale),
                                                         .messages = 1};
}

void plan_tally_add(struct plan_tally *t, const struct decision *d, const struct profile *p,
                    struct arena *scratch) {
    struct plan_campaign *c = plan_tally_campaign(t, d->campaign);
    if (!c)
        return;
    c->outcomes[d->outcome]++;
    if (d->outcome != OUTCOME_SEND) {
        add_reason(t, d);
        return;
    }
    const struct message_template *m = template_find(t->workspace->template_set, d->template, NULL);
    if (!m)
        return;
    look_for_lacks(t, m, d, p, scratch);
    add_variant(t, m, d->locale);
}
