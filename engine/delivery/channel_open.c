/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/channel_open.h"

#include "base/arena.h"
#include "base/json.h"
#include "channels/drivers.h"
#include "engine/secret.h"

/* A copy of the settings with env: and file: replaced by what they stand for, in lists and maps
 * as well. */
static bool resolve(struct arena *a, struct str folder, struct value *v, struct err *e) {
    if (value_is(*v, V_STRING) && secret_is_reference(value_text(*v))) {
        struct str text;
        if (!secret_resolve(a, folder, value_text(*v), &text, e))
            return false;
        *v = value_str(text);
    } else if (value_is(*v, V_LIST)) {
        struct list *out = list_new(a, v->u.list->n);
        for (size_t i = 0; i < v->u.list->n; i++) {
            struct value item = v->u.list->v[i];
            if (!resolve(a, folder, &item, e))
                return false;
            list_add(a, out, item);
        }
        *v = value_list(out);
    } else if (value_is(*v, V_MAP)) {
        struct map *out = map_new(a, v->u.map->n);
        for (size_t i = 0; i < v->u.map->n; i++) {
            struct map_entry x = v->u.map->e[i];
            if (!resolve(a, folder, &x.value, e))
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

struct channel *channel_open(const struct workspace *w, const struct settings_channel *c,
                             const struct channel_host *host, const struct channel_driver **driver,
                             struct err *e) {
    static const struct map nothing;
    struct arena *a = arena_new(0);
    struct channel *channel = NULL;
    const struct channel_value *values;
    struct value settings = value_is(c->settings, V_MAP) ? c->settings : value_map(&nothing);
    *driver = drivers_find(c->driver, NULL, e);
    if (*driver && resolve(a, w->folder, &settings, e) &&
        drivers_settings(a, *driver, settings.u.map, NULL, 0, &values, on_mistake, e)) {
        struct channel_error why = {0};
        channel = (*driver)->open(host, values, &why);
        if (!channel)
            err_set(e, ERR_INPUT, "%s", why.text);
    }
    arena_free(a);
    return channel;
}

bool channel_fingerprint(const struct workspace *w, const struct settings_channel *c,
                         char out[DIGEST_HEX_CHARS + 1], struct err *e) {
    static const struct map nothing;
    struct arena *a = arena_new(0);
    struct buf b = BUF_IN(a);
    struct value settings = value_is(c->settings, V_MAP) ? c->settings : value_map(&nothing);
    bool good = resolve(a, w->folder, &settings, e);
    if (good) {
        buf_printf(&b, "%.*s %d %d %.17g %lld %.17g %lld", STR_FMT(c->driver), (int)c->carries,
                   (int)c->in_doubt, c->rate_per_s, (long long)c->warmup.per_day, c->warmup.growth,
                   (long long)c->retry_us);
        for (size_t i = 0; i < c->n_domains; i++)
            buf_printf(&b, " %.*s %.17g", STR_FMT(c->domains[i].domain), c->domains[i].per_s);
        json_write(&b, settings);
        digest_sha256_hex(buf_str(&b), out);
    }
    arena_free(a);
    return good;
}
