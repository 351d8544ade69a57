/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/channel_open.h"

#include "base/arena.h"
#include "base/json.h"
#include "engine/channel_values.h"

struct channel *channel_open(const struct workspace *w, const struct settings_channel *c,
                             const struct channel_host *host, const struct channel_driver **driver,
                             struct err *e) {
    struct arena *a = arena_new(0);
    struct channel *channel = NULL;
    const struct channel_value *values;
    if (channel_values(a, w, c, driver, &values, e)) {
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
    bool good = channel_values_resolve(a, w, &settings, e);
    if (good) {
        buf_printf(&b, "%.*s %d %d %.17g %lld %.17g %lld %.17g %zu", STR_FMT(c->driver),
                   (int)c->carries, (int)c->in_doubt, c->rate_per_s, (long long)c->warmup.per_day,
                   c->warmup.growth, (long long)c->retry_us, c->segment_cost, c->in_flight);
        for (size_t i = 0; i < c->n_domains; i++)
            buf_printf(&b, " %.*s %.17g", STR_FMT(c->domains[i].domain), c->domains[i].per_s);
        json_write(&b, settings);
        digest_sha256_hex(buf_str(&b), out);
    }
    arena_free(a);
    return good;
}
