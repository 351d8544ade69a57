/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/channel_open.h"

#include "base/arena.h"
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
