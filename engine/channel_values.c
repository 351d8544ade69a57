/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/channel_values.h"

#include "base/arena.h"
#include "channels/drivers.h"
#include "engine/secret.h"

/* A copy of the settings with env: and file: replaced by what they stand for. */
static bool resolve(struct arena *a, const struct workspace *w, const struct map *given,
                    struct map **out, struct err *e) {
    *out = map_new(a, given->n);
    for (size_t i = 0; i < given->n; i++) {
        struct value v = given->e[i].value;
        if (value_is(v, V_STRING) && secret_is_reference(value_text(v))) {
            struct str text;
            if (!secret_resolve(a, w->folder, value_text(v), &text, e))
                return err_context(e, "%.*s", STR_FMT(value_text(given->e[i].key)));
            v = value_str(text);
        }
        map_set(a, *out, given->e[i].key, v);
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
    struct channel_value *values;
    struct map *settings;
    const struct map *given = value_is(c->settings, V_MAP) ? c->settings.u.map : &nothing;
    *driver = drivers_find(c->driver, NULL, e);
    if (!*driver || !resolve(a, w, given, &settings, e) ||
        !drivers_settings(a, *driver, settings, NULL, 0, &values, on_mistake, e))
        return false;
    *out = values;
    return true;
}
