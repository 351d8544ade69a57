/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/hours.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "base/json.h"
#include "engine/settings.h"

#define MOVES_MOST 64 /* two windows that leave room agree after a few */

static bool is_empty(const struct campaign_window *w) {
    return w->from_minute == w->to_minute;
}

static bool any(const struct hours *h) {
    return !is_empty(&h->quiet) || !is_empty(&h->window);
}

bool hours_of(struct hours *h, const struct settings *s, const struct campaign *c,
              bool transactional) {
    static const struct campaign_window none;
    h->quiet = transactional || c->ignores_quiet_hours ? none : s->quiet_hours;
    h->window = c->send_window;
    return any(h);
}

static int64_t move(const struct hours *h, int64_t at) {
    const struct campaign_window *quiet = &h->quiet, *window = &h->window;
    if (!is_empty(quiet)) /* what is not quiet is a window, too */
        at = calendar_in_window(h->zone, at, quiet->to_minute, quiet->from_minute, 0);
    if (!is_empty(window))
        at = calendar_in_window(h->zone, at, window->from_minute, window->to_minute,
                                window->weekdays);
    return at;
}

int64_t hours_when(const struct hours *h, int64_t us) {
    int64_t at = move(h, us), before = us;
    for (int i = 0; i < MOVES_MOST && at != before; i++) {
        before = at;
        at = move(h, at);
    }
    return at;
}

/* ---- as it is stored: { "quiet": [from, to, weekdays], "window": the same } */

static void put(struct arena *a, struct map *m, const char *key, const struct campaign_window *w) {
    struct list *l = list_new(a, 3);
    if (is_empty(w))
        return;
    list_add(a, l, value_int(w->from_minute));
    list_add(a, l, value_int(w->to_minute));
    list_add(a, l, value_int(w->weekdays));
    map_set_str(a, m, str_from(key), value_list(l));
}

struct value hours_value(const struct hours *h, struct arena *a) {
    struct map *m = map_new(a, 2);
    put(a, m, "quiet", &h->quiet);
    put(a, m, "window", &h->window);
    return m->n ? value_map(m) : VALUE_NULL;
}

static int64_t number(const struct list *l, size_t i, int64_t most) {
    bool good = i < l->n && value_is(l->v[i], V_INT) && l->v[i].u.i >= 0 && l->v[i].u.i <= most;
    return good ? l->v[i].u.i : 0;
}

static void get(const struct map *m, const char *key, struct campaign_window *w) {
    const struct value *v = map_get_str(m, str_from(key));
    if (!v || !value_is(*v, V_LIST))
        return;
    w->from_minute = (int)number(v->u.list, 0, CALENDAR_MINUTES - 1);
    w->to_minute = (int)number(v->u.list, 1, CALENDAR_MINUTES - 1);
    w->weekdays = (unsigned)number(v->u.list, 2, 0x7f);
}

bool hours_read(struct hours *h, struct str json, struct arena *a) {
    struct value v;
    struct err ignored = ERR_INIT;
    h->quiet = h->window = (struct campaign_window){0, 0, 0};
    if (!json.n || !json_parse(a, json, &v, &ignored) || !value_is(v, V_MAP))
        return false;
    get(v.u.map, "quiet", &h->quiet);
    get(v.u.map, "window", &h->window);
    return any(h);
}
