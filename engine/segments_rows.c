/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/segments_rows.h"

#include "base/arena.h"
#include "base/json.h"
#include "engine/condition_sql.h"
#include "engine/decide/behaviour_pack.h"
#include "engine/sql_text.h"
#include "rules/cel.h"

#include <stdlib.h>

static const struct db_stmt st_events = {"segment_events", sql_segment_events};

/* ---- which events the segment looks at, itself and through others */

struct look {
    const struct behaviour_layout *layout;
    int64_t longest_us; /* BEHAVIOUR_ALL: all */
};

struct looks {
    const struct workspace *w;
    struct look *list;
    size_t n;
    unsigned char *seen; /* segments */
};

static void add_look(struct looks *l, const struct cel_behaviour_use *use) {
    const struct behaviour_layout *layout =
        behaviour_layout_find(l->w->layouts, l->w->n_layouts, use->event);
    size_t i = 0;
    while (i < l->n && l->list[i].layout != layout)
        i++;
    if (i == l->n)
        l->list[l->n++] = (struct look){layout, use->window_us};
    else if (use->window_us == BEHAVIOUR_ALL || l->list[i].longest_us == BEHAVIOUR_ALL)
        l->list[i].longest_us = BEHAVIOUR_ALL;
    else if (use->window_us > l->list[i].longest_us)
        l->list[i].longest_us = use->window_us;
}

static void add_segment(struct looks *l, const struct segment *s) {
    const struct campaign_set *rules = &l->w->rules;
    if (!s || !s->program || l->seen[s - rules->segments]++)
        return;
    const struct cel_uses *uses = cel_program_uses(s->program);
    for (size_t i = 0; i < uses->n_behaviour; i++)
        add_look(l, uses->behaviour[i]);
    for (size_t i = 0; i < uses->n_segments; i++)
        add_segment(l, campaign_set_segment(rules, uses->segments[i]));
}

static struct looks looks_of(const struct workspace *w, const struct segment *s, struct arena *a) {
    struct looks l = {.w = w};
    l.list = ARENA_ARRAY(a, struct look, w->n_layouts + 1);
    l.seen = arena_zalloc(a, w->rules.n_segments + 1);
    add_segment(&l, s);
    return l;
}

/* ---- profiles */

static struct str text(const struct db_result *r, size_t row, size_t col) {
    return db_is_null(r, row, col) ? STR_NONE : db_text(r, row, col);
}

static void fill(struct profile *p, const struct db_result *r, size_t i, struct arena *a) {
    struct err ignored = ERR_INIT; /* said when an event of the customer is decided */
    p->id = db_int(r, i, 1);
    p->key = db_text(r, i, 2);
    p->email = text(r, i, 3);
    p->phone = text(r, i, 4);
    p->locale = text(r, i, 5);
    p->timezone = text(r, i, 6);
    if (!json_parse(a, db_json(r, i, 7), &p->attributes, &ignored))
        p->attributes = value_map(map_new(a, 0));
    p->rfm = (struct profile_rfm){.r = db_int(r, i, 8),
                                  .f = db_int(r, i, 9),
                                  .m = db_int(r, i, 10),
                                  .purchases = db_int(r, i, 11),
                                  .revenue = db_float8(r, i, 12),
                                  .top = db_float8(r, i, 13)};
}

/* ---- events */

struct reading {
    struct segments_row *rows;
    struct arena *a;
};

static bool on_event(void *ctx, const struct db_result *r) {
    struct reading *x = ctx;
    struct segments_row *row = &x->rows[db_int(r, 0, 0) - 1];
    struct value properties = VALUE_NULL;
    struct err ignored = ERR_INIT;
    if (!db_is_null(r, 0, 4) && !json_parse(x->a, db_json(r, 0, 4), &properties, &ignored))
        properties = VALUE_NULL;
    behaviour_add(&row->behaviours[db_int(r, 0, 1) - 1], db_int(r, 0, 2), db_timestamptz(r, 0, 3),
                  properties);
    return true;
}

static struct db_call events_call(const struct looks *l, const struct db_result *r, int64_t now_us,
                                  struct arena *a) {
    struct db_array *shards = db_array(a, DB_INT2, db_rows(r));
    struct db_array *keys = db_array(a, DB_TEXT, db_rows(r));
    struct db_array *names = db_array(a, DB_TEXT, l->n);
    struct db_array *since = db_array(a, DB_TIMESTAMPTZ, l->n);
    for (size_t i = 0; i < db_rows(r); i++) {
        db_array_int2(shards, (int16_t)db_int(r, i, 0));
        db_array_text(keys, db_text(r, i, 2));
    }
    for (size_t i = 0; i < l->n; i++) {
        db_array_text(names, l->list[i].layout->event);
        if (l->list[i].longest_us == BEHAVIOUR_ALL)
            db_array_null(since);
        else
            db_array_timestamptz(since, now_us - l->list[i].longest_us);
    }
    struct db_params *p = db_params(a);
    db_param_array(p, shards);
    db_param_array(p, keys);
    db_param_array(p, names);
    db_param_array(p, since);
    db_param_timestamptz(p, now_us);
    db_param_int8(p, strtoll(CONDITION_SQL_PROPERTIES_MOST, NULL, 10));
    return (struct db_call){&st_events, p};
}

static void show_past(const struct looks *l, struct segments_row *row, struct arena *a) {
    struct profile_behaviour *list = ARENA_ARRAY(a, struct profile_behaviour, l->n + 1);
    row->behaviours = ARENA_ARRAY(a, struct behaviour, l->n + 1);
    for (size_t i = 0; i < l->n; i++) {
        behaviour_init(&row->behaviours[i], l->list[i].layout, a);
        list[i] = (struct profile_behaviour){l->list[i].layout->event, &row->behaviours[i].log};
    }
    row->profile.behaviours = list;
    row->profile.n_behaviours = l->n;
}

struct segments_row *segments_rows_read(struct dbsync *db, const struct workspace *w,
                                        const struct segment *segment, const struct db_result *r,
                                        int64_t now_us, struct arena *a, struct err *e) {
    struct segments_row *rows = ARENA_ARRAY(a, struct segments_row, db_rows(r) + 1);
    struct looks l = looks_of(w, segment, a);
    for (size_t i = 0; i < db_rows(r); i++) {
        fill(&rows[i].profile, r, i, a);
        show_past(&l, &rows[i], a);
    }
    struct reading x = {rows, a};
    if (l.n && !dbsync_stream(db, events_call(&l, r, now_us, a), on_event, &x, e))
        return NULL;
    return rows;
}
