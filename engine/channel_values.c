/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/channel_values.h"

#include "base/arena.h"
#include "channels/drivers.h"
#include "engine/secret.h"

bool channel_values_resolve(struct arena *a, const struct workspace *w, struct value *v,
                            struct err *e) {
    if (value_is(*v, V_STRING) && secret_is_reference(value_text(*v))) {
        struct str text;
        if (!secret_resolve(a, w->folder, value_text(*v), &text, e))
            return false;
        *v = value_str(text);
    } else if (value_is(*v, V_LIST)) {
        struct list *out = list_new(a, v->u.list->n);
        for (size_t i = 0; i < v->u.list->n; i++) {
            struct value item = v->u.list->v[i];
            if (!channel_values_resolve(a, w, &item, e))
                return false;
            list_add(a, out, item);
        }
        *v = value_list(out);
    } else if (value_is(*v, V_MAP)) {
        struct map *out = map_new(a, v->u.map->n);
        for (size_t i = 0; i < v->u.map->n; i++) {
            struct map_entry x = v->u.map->e[i];
            if (!channel_values_resolve(a, w, &x.value, e))
                return err_context(e, "%.*s", STR_FMT(value_text(x.key)));
            map_set(a, out, x.key, x.value);
        }
        *v = value_map(out);
    }
    return true;
}

static void on_mistake(void *arg, struct str key, struct str text, struct str hint) {
    struct err *e = arg;
    if (e->kind == ERR_NONE)
        err_set(e, ERR_INPUT, "%.*s%s%.*s%s%.*s", STR_FMT(key), key.n ? ": " : "", STR_FMT(text),
                hint.n ? "; " : "", STR_FMT(hint));
}

bool channel_values(struct arena *a, const struct workspace *w, const struct settings_channel *c,
                    const struct channel_driver **driver, const struct channel_value **out,
                    struct err *e) {
    static const struct map nothing;
    struct value settings = value_is(c->settings, V_MAP) ? c->settings : value_map(&nothing);
    *driver = drivers_find(c->driver, NULL, e);
    return *driver && channel_values_resolve(a, w, &settings, e) &&
           drivers_settings(a, *driver, settings.u.map, NULL, 0, out, on_mistake, e);
}
