/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/smtp.h"

#include "base/io/worker.h"
#include "base/str.h"
#include "channels/relay_session.h"
#include "channels/relay_settings.h"

#include <assert.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct channel {
    const struct channel_host *host;
    struct relay_settings settings;
    struct worker_pool *pool;
    struct relay_line **lines; /* one for each worker */

    uv_timer_t deadline;
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* ---- opening */

static bool open_tls(struct relay *r, struct channel_error *e) {
    if (r->tls == RELAY_TLS_OFF) {
        return true;
    }
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    if (!ssl) {
        abort();
    }
    r->ssl = ssl;
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    /* TLS 1.3 sends session tickets behind the handshake, and libesmtp 1.1.0 takes the read
     * that meets one alone for a lost connection: a third of the sessions in a test. */
    SSL_CTX_set_max_proto_version(ssl, TLS1_2_VERSION);
    if (r->ca_file ? SSL_CTX_load_verify_locations(ssl, r->ca_file, NULL) != 1
                   : SSL_CTX_set_default_verify_paths(ssl) != 1) {
        snprintf(e->text, sizeof e->text, "`ca_file` %s cannot be read as PEM certificates",
                 r->ca_file ? r->ca_file : "of the system");
        return false;
    }
    return true;
}

static bool open_relays(struct channel *c, struct channel_error *e) {
    for (size_t i = 0; i < c->settings.n; i++) {
        struct relay *r = &c->settings.relays[i];
        if (strchr(r->host, ':')) {
            snprintf(e->text, sizeof e->text,
                     "`host` must be a name or an IPv4 address, without port; for an IPv6 address "
                     "give a name that leads to it, or use the driver smtps");
            return false;
        }
        if (!open_tls(r, e)) {
            return false;
        }
    }
    return true;
}

static void release(struct channel *c) {
    for (size_t i = 0; c->lines && i < c->settings.connections; i++) {
        relay_line_free(c->lines[i]);
    }
    free(c->lines);
    for (size_t i = 0; i < c->settings.n; i++) {
        SSL_CTX_free(c->settings.relays[i].ssl);
    }
    relay_settings_close(&c->settings);
    free(c);
}

/* libesmtp writes to sockets that the peer may have closed, and looks for certificates
 * under $HOME, which a service may lack. */
static void prepare_process(const struct channel_host *host) {
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
        signal(SIGPIPE, SIG_IGN);
    }
    setenv("HOME", host->folder ? host->folder : "/nonexistent", 0);
}

static void on_run(struct worker *w, struct worker_job *job) {
    struct channel *c = worker_owner(w);
    relay_line_serve(c->lines[worker_index(w)], w, (struct relay_job *)job);
}

static void on_done(void *owner, struct worker_job *job);

static struct channel *driver_open(const struct channel_host *host, const struct channel_value *v,
                                   struct channel_error *e) {
    struct err why = ERR_INIT;
    struct channel *c = calloc(1, sizeof *c);
    if (!c) {
        abort();
    }
    c->host = host;
    prepare_process(host);
    if (!relay_settings_read(&c->settings, v, e) || !open_relays(c, e)) {
        release(c);
        return NULL;
    }
    struct worker_options o = {
        .threads = c->settings.connections, .owner = c, .run = on_run, .done = on_done};
    if (!worker_pool_new(host->loop, &o, &c->pool, &why)) {
        snprintf(e->text, sizeof e->text, "%.490s", why.text);
        release(c);
        return NULL;
    }
    c->lines = calloc(c->settings.connections, sizeof *c->lines);
    if (!c->lines) {
        abort();
    }
    for (size_t i = 0; i < c->settings.connections; i++) {
        c->lines[i] = relay_line_new(&c->settings);
    }
    uv_timer_init(host->loop, &c->deadline);
    c->deadline.data = c;
    return c;
}

/* ---- messages */

static size_t driver_capacity(const struct channel *c) {
    return c->settings.connections;
}

static void driver_submit(struct channel *c, const struct channel_message *const *messages,
                          size_t n) {
    assert(!c->closing);
    for (size_t i = 0; i < n; i++) {
        struct relay_job *job = calloc(1, sizeof *job);
        if (!job) {
            abort();
        }
        job->message = messages[i];
        worker_pool_push(c->pool, &job->job);
    }
}

static void on_done(void *owner, struct worker_job *given) {
    struct channel *c = owner;
    struct relay_job *job = (struct relay_job *)given;
    if (!job->judged) {
        relay_result_set(&job->result, CHANNEL_UNSENT, CHANNEL_SUBJECT_NONE,
                         S("the channel was closed before its turn came"));
    }
    if (!c->closing) {
        relay_pool_tell(c->settings.pool, c->host, &job->result.result);
    }
    c->host->done(c->host, job->message->ref, &job->result.result);
    free(job);
}

/* ---- closing */

static void on_timer_closed(uv_handle_t *handle) {
    struct channel *c = handle->data;
    void (*closed)(void *arg) = c->closed;
    void *arg = c->closed_arg;
    release(c);
    closed(arg);
}

static void on_pool_closed(void *arg) {
    struct channel *c = arg;
    uv_close((uv_handle_t *)&c->deadline, on_timer_closed);
}

static void on_deadline(uv_timer_t *timer) {
    struct channel *c = timer->data;
    for (size_t i = 0; i < c->settings.connections; i++) {
        relay_line_cut(c->lines[i]);
    }
}

static void driver_close(struct channel *c, int64_t deadline_ms, void (*closed)(void *arg),
                         void *arg) {
    c->closing = true;
    c->closed = closed;
    c->closed_arg = arg;
    uv_timer_start(&c->deadline, on_deadline, deadline_ms > 0 ? (uint64_t)deadline_ms : 0, 0);
    worker_pool_close(c->pool, on_pool_closed, c);
}

const struct channel_driver channel_smtp = {
    .abi = CHANNEL_ABI,
    .flags = CHANNEL_CAN_DOUBT | CHANNEL_NEEDS_ADDRESS,
    .kinds = CHANNEL_EMAIL,
    .name = "smtp",
    .help = "Email through a relay (SMTP, STARTTLS, AUTH) over several connections.",
    .settings = relay_settings_smtp,
    .open = driver_open,
    .capacity = driver_capacity,
    .submit = driver_submit,
    .close = driver_close,
};
