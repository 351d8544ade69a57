/* SPDX-License-Identifier: Apache-2.0
 *
 * behaviour_pack: what one customer did under one event's name, as it is kept in
 * the database: which properties rules look at (the layout, from all conditions of
 * a workspace), a compact packed form, and how an event is added.
 *
 *     behaviour_layouts(a, &w->rules, &layouts, &n);            once a workspace
 *     behaviour_unpack(a, layout, bytes, &b)                    a row of the table
 *     behaviour_add(&b, event->id, event->occurred_us, event->properties);
 *     ... decide with b.log ...
 *     behaviour_fold(&b, event->occurred_us);
 *     behaviour_pack(&b, &out);
 *
 * A row of another layout is not converted but made anew from the events: what was
 * not looked at was not kept. Pure; everything is allocated in the given arena.
 */
#ifndef GODWIT_ENGINE_DECIDE_BEHAVIOUR_PACK_H
#define GODWIT_ENGINE_DECIDE_BEHAVIOUR_PACK_H

#include "base/str.h"
#include "rules/behaviour.h"
#include "rules/campaign_set.h"

#define BEHAVIOUR_KEPT 256u /* newest entries that are never folded */
#define BEHAVIOUR_HASH_CHARS 16

struct behaviour_layout {
    struct str event;
    const struct str *properties; /* sorted paths; the empty path: all properties as one map */
    size_t n_properties;
    int64_t longest_us; /* the longest finite window; 0: there is none */
    bool foldable;      /* no condition looks through a filter at all that ever happened */
    char hash[BEHAVIOUR_HASH_CHARS + 1]; /* changes with anything above; for the column `layout` */
};

/* One for each event's name that any audience or segment looks back on, by name. */
void behaviour_layouts(struct arena *a, const struct campaign_set *set,
                       const struct behaviour_layout **out, size_t *n);
const struct behaviour_layout *behaviour_layout_find(const struct behaviour_layout *list, size_t n,
                                                     struct str event);

/* A log that can be changed. `log` is always valid and points into `arena`. */
struct behaviour {
    const struct behaviour_layout *layout;
    struct arena *arena;
    struct behaviour_log log;
    size_t cap;
};

void behaviour_init(struct behaviour *b, const struct behaviour_layout *layout, struct arena *a);

/* False when the bytes are not of this layout or are damaged: make the log anew from the
 * events. */
bool behaviour_unpack(struct behaviour *b, const struct behaviour_layout *layout, struct str bytes,
                      struct arena *a);
/* Appends the packed form to *out. Equal logs give equal bytes. */
void behaviour_pack(const struct behaviour *b, struct buf *out);

/* Adds an event at its place in time; the same id twice is one event. Borrows the properties. */
void behaviour_add(struct behaviour *b, int64_t id, int64_t at_us, struct value properties);

/* Folds into totals what no finite window that ends at now_us or later can reach and is not among
 * the newest BEHAVIOUR_KEPT. */
void behaviour_fold(struct behaviour *b, int64_t now_us);

#endif
