/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/send_once.h"

#include "base/log.h"
#include "engine/delivery/channel_open.h"

#include <stdio.h>
#include <uv.h>

#define CLOSE_MS 5000

struct once {
    const struct channel_driver *driver;
    struct channel *channel;
    uv_timer_t closer; /* keeps the loop running until there is a result */
    char *answer;
    size_t n;
    struct err *e;
    bool accepted;
};

static void on_closed(void *arg) {
    (void)arg; /* nothing keeps the loop running any more */
}

/* A channel is not closed from inside its own callback. */
static void on_settled(uv_timer_t *t) {
    struct once *o = t->data;
    uv_close((uv_handle_t *)t, NULL);
    o->driver->close(o->channel, CLOSE_MS, on_closed, o);
}

static void on_done(const struct channel_host *host, uint64_t ref, const struct channel_result *r) {
    struct once *o = host->owner;
    (void)ref;
    o->accepted = r->outcome == CHANNEL_ACCEPTED;
    if (o->accepted)
        snprintf(o->answer, o->n, "%.*s", (int)r->reason.n, r->reason.p);
    else
        err_set(o->e, ERR_PERMANENT, "%s: %.*s",
                r->outcome == CHANNEL_REFUSED ? "refused" : "not sent", (int)r->reason.n,
                r->reason.p);
    uv_timer_start(&o->closer, on_settled, 0, 0);
}

static void on_log(const struct channel_host *host, enum channel_level level, const char *text) {
    if (level >= CHANNEL_LOG_WARN)
        log_warn(text, LOG_S("channel", str_from(host->name)));
}

bool send_once(const struct workspace *w, const struct settings_channel *c,
               const struct channel_message *m, char *answer, size_t n, struct err *e) {
    uv_loop_t loop;
    char name[256];
    struct once o = {.answer = answer, .n = n, .e = e};
    const struct channel_message *list[] = {m};
    snprintf(name, sizeof name, "%.*s", STR_FMT(c->name));
    struct channel_host host = {&o, &loop, name, NULL, on_done, on_log};
    answer[0] = 0;
    if (uv_loop_init(&loop) != 0)
        return err_set(e, ERR_TEMPORARY, "the event loop could not be made");
    uv_timer_init(&loop, &o.closer);
    o.closer.data = &o;
    o.channel = channel_open(w, c, &host, &o.driver, e);
    if (o.channel)
        o.driver->submit(o.channel, list, 1);
    else
        uv_close((uv_handle_t *)&o.closer, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return o.accepted;
}
