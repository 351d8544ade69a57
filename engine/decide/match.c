/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/match.h"

#include "base/arena.h"
#include "base/wallclock.h"

#define MAX_SHOWN 200u /* bytes of a value in an explanation */

/* ---- what conditions see */

static void set_text(struct arena *a, struct map *m, const char *key, struct str text) {
    if (text.n)
        map_set_str(a, m, str_from(key), value_str(text));
}

/* A copy without the members whose names are ours. */
static struct map *copy_map(struct arena *a, struct value v, const char *const *own, size_t n_own) {
    size_t n = value_is(v, V_MAP) ? v.u.map->n : 0;
    struct map *m = map_new(a, n + 8);
    for (size_t i = 0; i < n; i++) {
        struct str key = value_text(v.u.map->e[i].key);
        bool ours = false;
        for (size_t k = 0; k < n_own && !ours; k++)
            ours = str_eq(key, str_from(own[k]));
        if (!ours)
            map_set(a, m, v.u.map->e[i].key, v.u.map->e[i].value);
    }
    return m;
}

static struct value customer_value(struct arena *a, const struct profile *p) {
    static const char *const own[] = {CONDITION_CUSTOMER_FIELDS};
    struct map *m = copy_map(a, p->attributes, own, sizeof own / sizeof *own);
    set_text(a, m, "key", p->key);
    set_text(a, m, "email", p->email);
    set_text(a, m, "phone", p->phone);
    set_text(a, m, "locale", p->locale);
    set_text(a, m, "timezone", p->timezone);
    return value_map(m);
}

/* Seconds and nanoseconds of an instant before or after 1970. */
static struct value timestamp_of(int64_t us) {
    int64_t rest = us % WALLCLOCK_US_PER_S;
    int64_t seconds = us / WALLCLOCK_US_PER_S - (rest < 0);
    return value_timestamp(seconds,
                           (uint32_t)((rest < 0 ? rest + WALLCLOCK_US_PER_S : rest) * 1000));
}

static struct value event_value(struct arena *a, const struct event *e) {
    struct map *m = copy_map(a, e->properties, NULL, 0);
    set_text(a, m, "name", e->name);
    map_set_str(a, m, S("id"), value_int(e->id));
    map_set_str(a, m, S("occurred_at"), timestamp_of(e->occurred_us));
    return value_map(m);
}

static struct value rfm_value(struct arena *a, const struct profile_rfm *r) {
    struct map *m = map_new(a, 8);
    map_set_str(a, m, S("r"), value_int(r->r));
    map_set_str(a, m, S("f"), value_int(r->f));
    map_set_str(a, m, S("m"), value_int(r->m));
    map_set_str(a, m, S("purchases"), value_int(r->purchases));
    map_set_str(a, m, S("revenue"), value_double(r->revenue));
    map_set_str(a, m, S("top"), value_double(r->top > 0 ? r->top : 1));
    return value_map(m);
}

static const struct behaviour_log *behaviour_of(void *ctx, const struct cel_behaviour_use *use) {
    const struct match_scope *s = ctx;
    const struct profile *p = s->profile;
    for (size_t i = 0; i < p->n_behaviours; i++)
        if (str_eq(p->behaviours[i].event, use->event))
            return p->behaviours[i].log;
    return NULL;
}

/* Yes or no: who cannot be told is not in it, as in the segment's own count. */
static bool in_segment(void *ctx, struct str name, bool *out, struct err *e) {
    *out = match_segment(ctx, name, e) == MATCH_YES;
    return true;
}

/* Up to the instant looked back from, so that lag and replay do not change the answer. */
static bool responded(void *ctx, struct str kind, bool *out, struct err *e) {
    const struct match_scope *s = ctx;
    const struct profile *p = s->profile;
    if (!s->campaign)
        return err_set(e, ERR_INPUT, "there is no campaign whose messages responded() is about");
    *out = false;
    for (size_t i = 0; i < p->n_responses && !*out; i++) {
        const struct profile_response *r = &p->responses[i];
        *out = r->at_us <= s->activation.at.at_us && str_eq(r->kind, kind) &&
               str_eq(r->campaign, s->campaign->id) &&
               (!s->occurrence.n || str_eq(r->occurrence, s->occurrence));
    }
    return true;
}

const struct zone *match_zone(const struct workspace *w, const struct profile *p) {
    const struct zone *z;
    struct err e = ERR_INIT;
    return p->timezone.n && wallclock_zone(p->timezone, &z, &e) ? z : w->settings.zone;
}

void match_scope_init(struct match_scope *s, const struct workspace *w, const struct profile *p,
                      const struct event *e, int64_t at_us, struct arena *a) {
    *s = (struct match_scope){.workspace = w, .profile = p, .event = e, .arena = a};
    s->slots[CONDITION_CUSTOMER] = customer_value(a, p);
    s->slots[CONDITION_RFM] = rfm_value(a, &p->rfm);
    s->slots[CONDITION_EVENT] = e ? event_value(a, e) : CEL_UNBOUND;
    s->activation = (struct cel_activation){
        .slots = s->slots,
        .n_slots = CONDITION_SLOTS,
        .now_us = at_us,
        .zone = match_zone(w, p),
        .at = {at_us, e ? e->id : INT64_MAX},
        .ctx = s,
        .behaviour = behaviour_of,
        .in_segment = in_segment,
        .responded = responded,
    };
}

/* ---- matching */

static enum match_result evaluate(struct match_scope *s, const struct cel_program *p,
                                  struct err *e) {
    struct value v;
    bool missing;
    if (!cel_eval_missing(p, &s->activation, s->arena, &v, &missing, e))
        return missing ? MATCH_MISSING : MATCH_ERROR;
    if (value_is(v, V_BOOL))
        return v.u.b ? MATCH_YES : MATCH_NO;
    err_set(e, ERR_INPUT, "the condition gives neither true nor false here, but a value of type %s",
            value_type_name(v.type));
    return MATCH_ERROR;
}

enum match_result match_condition(struct match_scope *s, const struct cel_program *p,
                                  struct err *e) {
    return p ? evaluate(s, p, e) : MATCH_YES;
}

enum match_result match_campaign(struct match_scope *s, const struct campaign *c, struct err *e) {
    s->campaign = c;
    return match_condition(s, c->audience, e);
}

bool match_value(struct match_scope *s, const struct cel_program *p, struct value *out,
                 struct err *e) {
    return cel_eval(p, &s->activation, s->arena, out, e);
}

enum match_result match_segment(struct match_scope *s, struct str name, struct err *e) {
    const struct campaign_set *rules = &s->workspace->rules;
    const struct segment *segment = campaign_set_segment(rules, name);
    if (segment && segment->keys)
        return map_get_str(segment->keys, s->profile->key) ? MATCH_YES : MATCH_NO;
    if (!segment || !segment->program) {
        err_set(e, ERR_INPUT, "there is no segment `%.*s`", STR_FMT(name));
        return MATCH_ERROR;
    }
    if (!s->segments)
        s->segments = arena_zalloc(s->arena, rules->n_segments);
    unsigned char *known = &s->segments[segment - rules->segments];
    if (*known) { /* once, also when it cannot be told: segments may name each other widely */
        err_set(e, ERR_INPUT, "segment `%.*s` cannot be told", STR_FMT(name));
        return (enum match_result)(*known - 1);
    }
    enum match_result r = evaluate(s, segment->program, e);
    if (r == MATCH_ERROR)
        err_context(e, "segment `%.*s`", STR_FMT(name));
    *known = (unsigned char)(r + 1);
    return r;
}

/* ---- explaining */

/* The innermost part that is not there and makes x missing; NULL: x is not. */
static const struct cel_explained *missing_part(const struct cel_explained *x) {
    if (!x->missing)
        return NULL;
    for (size_t i = 0; i < x->n_parts; i++)
        if (x->parts[i].missing)
            return missing_part(&x->parts[i]);
    return x;
}

static void add_line(struct buf *b, const struct cel_explained *x, int depth) {
    if (b->n)
        buf_add_char(b, '\n');
    buf_printf(b, "%*s", depth * 2, "");
    for (size_t i = 0; i < x->source.n; i++) /* a condition over several lines becomes one */
        buf_add_char(b, (unsigned char)x->source.p[i] < ' ' ? ' ' : x->source.p[i]);
    if (x->failed) {
        const struct cel_explained *absent = missing_part(x);
        if (absent == x)
            buf_add_str(b, S(": missing"));
        else if (absent)
            buf_printf(b, ": does not hold, for want of %.*s", STR_FMT(absent->source));
        else
            buf_printf(b, ": cannot be told: %.*s", STR_FMT(x->error));
        return;
    }
    buf_add_str(b, S(": "));
    cel_write_value(b, x->value, MAX_SHOWN);
}

static void add_tree(struct buf *b, const struct cel_explained *x, int depth) {
    add_line(b, x, depth);
    for (size_t i = 0; i < x->n_parts; i++)
        add_tree(b, &x->parts[i], depth + 1);
}

struct str match_explain(struct match_scope *s, const struct campaign *c) {
    struct buf b = BUF_IN(s->arena);
    if (!c->audience)
        return STR_NONE;
    s->campaign = c;
    const struct cel_explained *x = cel_explain(c->audience, &s->activation, s->arena);
    const struct cel_explained *absent = missing_part(x);
    add_tree(&b, x, 0);
    if (absent)
        buf_printf(&b, "\n%.*s is missing, so the condition does not hold",
                   STR_FMT(absent->source));
    return buf_str(&b);
}
