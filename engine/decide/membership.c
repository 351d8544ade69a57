/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/membership.h"

#include "base/arena.h"
#include "engine/decide/match.h"

static bool is_recorded(struct str recorded, struct str name) {
    struct str part;
    while (recorded.n && str_split(&recorded, ',', &part))
        if (str_eq(part, name))
            return true;
    return false;
}

/* The earliest change of the segment or of one that it names; circles were refused. */
static int64_t next_change(const struct match_scope *s, const struct segment *segment) {
    const struct campaign_set *rules = &s->workspace->rules;
    if (!segment || !segment->program)
        return INT64_MAX;
    int64_t next = cel_next_change(segment->program, &s->activation, s->arena);
    const struct cel_uses *uses = cel_program_uses(segment->program);
    for (size_t i = 0; i < uses->n_segments; i++) {
        int64_t inner = next_change(s, campaign_set_segment(rules, uses->segments[i]));
        next = inner < next ? inner : next;
    }
    return next;
}

void membership_decide(const struct workspace *w, const struct profile *p, struct str recorded,
                       int64_t now_us, struct arena *a, struct membership *out) {
    struct match_scope scope;
    *out = (struct membership){.next_us = INT64_MAX};
    out->changes = ARENA_ARRAY(a, struct membership_change, w->rules.n_segments + 1);
    match_scope_init(&scope, w, p, NULL, now_us, a);
    for (size_t i = 0; i < w->rules.n_segments; i++) {
        const struct segment *s = &w->rules.segments[i];
        struct err unanswered = ERR_INIT;
        if (!s->tracked)
            continue;
        bool is = match_segment(&scope, s->name, &unanswered) == MATCH_YES;
        if (is != is_recorded(recorded, s->name))
            out->changes[out->n++] = (struct membership_change){s, is};
        int64_t next = next_change(&scope, s);
        out->next_us = next < out->next_us ? next : out->next_us;
    }
}

size_t membership_tracked(const struct workspace *w) {
    size_t n = 0;
    for (size_t i = 0; i < w->rules.n_segments; i++)
        n += w->rules.segments[i].tracked;
    return n;
}

/* ---- definitions */

static void add_part(struct digest *d, struct str part) {
    char length[32];
    snprintf(length, sizeof length, "%zu:", part.n);
    digest_add(d, str_from(length));
    digest_add(d, part);
}

static void add_segment(struct digest *d, const struct workspace *w, const struct segment *s) {
    add_part(d, s->where);
    for (size_t i = 0; s->keys && i < s->keys->n; i++)
        add_part(d, value_text(s->keys->e[i].key));
    const struct cel_uses *uses = s->program ? cel_program_uses(s->program) : NULL;
    for (size_t i = 0; uses && i < uses->n_segments; i++) {
        const struct segment *inner = campaign_set_segment(&w->rules, uses->segments[i]);
        if (inner)
            add_segment(d, w, inner);
    }
}

void membership_definition(const struct workspace *w, const struct segment *s,
                           char out[DIGEST_HEX_CHARS + 1]) {
    struct digest *d = digest_new();
    add_segment(d, w, s);
    digest_hex(d, out);
    digest_free(d);
}
