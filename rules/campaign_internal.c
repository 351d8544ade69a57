/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_internal.h"

#include "base/arena.h"
#include "base/wallclock.h"

const struct condition_scope *campaign_scope(struct form_reader *r, struct str event) {
    const struct campaign_set *set = ((const struct campaign_context *)r->ctx)->set;
    struct str *names = ARENA_ARRAY(r->a, struct str, set->n_segments + 1);
    for (size_t i = 0; i < set->n_segments; i++)
        names[i] = set->segments[i].name;
    return condition_scope_new(r->a, &set->catalog, names, set->n_segments, event);
}

void campaign_read_node(struct form_reader *r, const struct ynode *node, void *out) {
    (void)r;
    *(const struct ynode **)out = node;
}

void campaign_read_event(struct form_reader *r, const struct ynode *node, void *out) {
    const struct campaign_context *x = r->ctx;
    if (!form_want_text(r, node, "an event's name"))
        return;
    *(struct str *)out = node->text;
    condition_check_event(r, &x->set->catalog, node);
}

bool campaign_instant(const struct form_reader *r, struct str text, int64_t *us) {
    const struct campaign_context *x = r->ctx;
    struct err e = ERR_INIT;
    int64_t seconds;
    uint32_t nanos;
    struct str whole = str_printf(r->a, "%.*s:00", STR_FMT(text));
    if (!wallclock_parse(text, x->names->zone, &seconds, &nanos, &e) &&
        !wallclock_parse(whole, x->names->zone, &seconds, &nanos, &e))
        return false;
    *us = seconds * WALLCLOCK_US_PER_S + nanos / 1000;
    return true;
}

bool campaign_spread(struct str text, int64_t *us) {
    struct str word = S("spread over ");
    struct err e = ERR_INIT;
    return str_starts(text, word) && wallclock_parse_span(str_sub(text, word.n, text.n), us, &e);
}

void campaign_warn_of_constant(struct form_reader *r, const struct ynode *node,
                               const struct cel_program *p, const char *what, const char *if_true,
                               const char *if_false) {
    struct value v;
    if (!p || !cel_program_constant(p, &v) || !value_is(v, V_BOOL))
        return;
    struct diag *d = form_warning(r, node, "%s is always %s", what, v.u.b ? "true" : "false");
    d->hint = str_from(v.u.b ? if_true : if_false);
}

void campaign_unknown(struct form_reader *r, const struct ynode *node, const char *what,
                      const struct str *names, size_t n, const char *where) {
    struct diag *d = form_error(r, node, "there is no %s `%.*s`", what, STR_FMT(node->text));
    form_suggest(r, d, node->text, names, n);
    if (d->hint.n)
        return;
    struct buf b = BUF_IN(r->a);
    buf_printf(&b, n ? "%s has: " : "%s has none", where);
    for (size_t i = 0; i < n && i < 20; i++)
        buf_printf(&b, "%s%.*s", i ? ", " : "", STR_FMT(names[i]));
    if (n > 20)
        buf_add_str(&b, S(", ..."));
    d->hint = buf_str(&b);
}
