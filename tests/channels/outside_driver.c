/* SPDX-License-Identifier: Apache-2.0
 *
 * A driver as somebody outside writes it: this one header, no part of the tree. The test
 * builds it as a shared object and loads it. It defers every message to noon; with `file` it
 * sends: each message becomes a line of that file.
 */
#include "channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct channel {
    const struct channel_host *host;
    uv_idle_t idle;
    char *file; /* NULL: everything is deferred */
    const struct channel_message *messages[4];
    size_t waiting;
    void (*closed)(void *arg);
    void *closed_arg;
};

static const struct channel_setting settings[] = {
    {"until", CHANNEL_TEXT, "noon", .help = "When to try again."},
    {"file", CHANNEL_TEXT, .help = "The file to send to."},
    {0}};

static void write_line(const struct channel *c, const struct channel_message *m) {
    FILE *f = fopen(c->file, "a");
    if (!f)
        abort();
    fprintf(f, "%.*s %.*s %.*s\n", (int)m->to.n, m->to.p, (int)m->id.n, m->id.p, (int)m->subject.n,
            m->subject.p);
    fclose(f);
}

static void on_idle(uv_idle_t *idle) {
    struct channel *c = idle->data;
    static const char reason[] = "at noon", id[] = "line";
    uv_idle_stop(idle);
    size_t n = c->waiting;
    c->waiting = 0;
    for (size_t i = 0; i < n; i++) {
        const struct channel_message *m = c->messages[i];
        struct channel_result r = {.outcome = CHANNEL_DEFERRED,
                                   .subject = CHANNEL_SUBJECT_DESTINATION,
                                   .code = 12,
                                   .reason = {reason, sizeof reason - 1},
                                   .retry_after_ms = 1000};
        if (c->file) {
            write_line(c, m);
            r = (struct channel_result){.outcome = CHANNEL_ACCEPTED,
                                        .provider_id = {id, sizeof id - 1},
                                        .retry_after_ms = -1};
        }
        c->host->done(c->host, m->ref, &r);
    }
}

static struct channel *outside_open(const struct channel_host *host,
                                    const struct channel_value *values, struct channel_error *e) {
    (void)e;
    struct channel *c = calloc(1, sizeof *c);
    c->file = values[1].given ? strdup(values[1].text) : NULL;
    c->host = host;
    uv_idle_init(host->loop, &c->idle);
    c->idle.data = c;
    return c;
}

static size_t outside_capacity(const struct channel *c) {
    (void)c;
    return 1;
}

static void outside_submit(struct channel *c, const struct channel_message *const *messages,
                           size_t n) {
    for (size_t i = 0; i < n; i++) {
        c->messages[c->waiting++] = messages[i];
    }
    uv_idle_start(&c->idle, on_idle);
}

static void on_closed(uv_handle_t *handle) {
    struct channel *c = handle->data;
    c->closed(c->closed_arg);
    free(c->file);
    free(c);
}

static void outside_close(struct channel *c, int64_t deadline_ms, void (*closed)(void *arg),
                          void *arg) {
    (void)deadline_ms;
    c->closed = closed;
    c->closed_arg = arg;
    uv_close((uv_handle_t *)&c->idle, on_closed);
}

#ifndef OUTSIDE_ABI
#define OUTSIDE_ABI CHANNEL_ABI
#endif

extern const struct channel_driver godwit_channel_driver;
const struct channel_driver godwit_channel_driver = {
    .abi = OUTSIDE_ABI,
    .kinds = CHANNEL_EMAIL | CHANNEL_SMS,
    .name = "outside",
    .help = "Defers everything, or writes it to a file.",
    .settings = settings,
    .open = outside_open,
    .capacity = outside_capacity,
    .submit = outside_submit,
    .close = outside_close,
};
