/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/smtp.h"

#include "base/io/worker.h"
#include "base/str.h"
#include "channels/relay_session.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SET_HOST,
    SET_PORT,
    SET_CONNECTIONS,
    SET_USERNAME,
    SET_PASSWORD,
    SET_STARTTLS,
    SET_VERIFY,
    SET_CA_FILE,
    SET_HELO,
    SET_CONNECT_TIMEOUT,
    SET_REPLY_TIMEOUT,
    SET_DOT_TIMEOUT,
    SET_IDLE,
    SET_PER_CONNECTION
};

static const struct channel_setting settings[] = {
    [SET_HOST] = {"host", CHANNEL_TEXT, .required = true,
                  .help = "The relay's name or IPv4 address."},
    [SET_PORT] = {"port", CHANNEL_INTEGER, "587", .least = 1, .most = 65535,
                  .help = "Its port; 25 for a relay of your own, 587 for a provider's."},
    [SET_CONNECTIONS] = {"connections", CHANNEL_INTEGER, "16", .least = 1, .most = 256,
                         .help = "Connections at most, and so messages on their way at once."},
    [SET_USERNAME] = {"username", CHANNEL_TEXT, .help = "Login; without it none is tried."},
    [SET_PASSWORD] = {"password", CHANNEL_TEXT, .secret = true, .help = "Password of the login."},
    [SET_STARTTLS] = {"starttls", CHANNEL_CHOICE, "opportunistic",
                      .choices = "off|opportunistic|required",
                      .help = "Encrypt never, when the relay offers it (certificate not checked), "
                              "or always. With a username and a host that is not this machine, "
                              "opportunistic means required."},
    [SET_VERIFY] = {"verify", CHANNEL_BOOLEAN, "true",
                    .help = "Check the relay's certificate when starttls is required."},
    [SET_CA_FILE] = {"ca_file", CHANNEL_TEXT,
                     .help = "PEM file of the authorities to trust instead of the system's."},
    [SET_HELO] = {"helo", CHANNEL_TEXT,
                  .help = "The name to give at EHLO; the machine's own by default."},
    [SET_CONNECT_TIMEOUT] = {"connect_timeout", CHANNEL_DURATION, "30s", .least = 100,
                             .most = 600000, .help = "For a connection to be made."},
    [SET_REPLY_TIMEOUT] = {"reply_timeout", CHANNEL_DURATION, "5m", .least = 1000, .most = 3600000,
                           .help = "For the reply to any command."},
    [SET_DOT_TIMEOUT] = {"dot_timeout", CHANNEL_DURATION, "10m", .least = 1000, .most = 3600000,
                         .help = "For the reply to a whole message. Giving up here leaves the "
                                 "message in doubt, so it is long."},
    [SET_IDLE] = {"idle_timeout", CHANNEL_DURATION, "5s", .least = 1, .most = 600000,
                  .help = "A connection without work is closed after this time."},
    [SET_PER_CONNECTION] = {"messages_per_connection", CHANNEL_INTEGER, "100", .least = 1,
                            .most = 1000, .help = "Then a fresh connection is made."},
    {0}};

struct channel {
    const struct channel_host *host;
    struct relay_settings relay;
    size_t connections;
    struct worker_pool *pool;
    struct relay_line **lines; /* one for each worker */
    bool failing;              /* the last news was that the relay or our login does not work */

    uv_timer_t deadline;
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* ---- opening */

static char *copy(const char *text) {
    char *out = text ? strdup(text) : NULL;
    if (text && !out) {
        abort();
    }
    return out;
}

static bool is_local(const char *host) {
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0;
}

static bool check(const struct channel_value *v, struct channel_error *e) {
    const char *host = v[SET_HOST].text;
    const char *wrong = NULL;
    if (strchr(host, ':') || strpbrk(host, " \t\r\n/@") || host[0] == '\0') {
        wrong = "`host` must be a name or an IPv4 address, without port; for an IPv6 address "
                "give a name that leads to it";
    } else if (v[SET_USERNAME].given != v[SET_PASSWORD].given) {
        wrong = "`username` and `password` belong together; give both or neither";
    } else if (v[SET_HELO].given && strpbrk(v[SET_HELO].text, " \t\r\n")) {
        wrong = "`helo` must be one name";
    }
    if (wrong) {
        snprintf(e->text, sizeof e->text, "%s", wrong);
    }
    return !wrong;
}

static bool open_tls(struct relay_settings *r, const struct channel_value *v,
                     struct channel_error *e) {
    const char *how = v[SET_STARTTLS].text;
    r->tls = strcmp(how, "off") == 0             ? RELAY_TLS_OFF
             : strcmp(how, "opportunistic") == 0 ? RELAY_TLS_OPPORTUNISTIC
                                                 : RELAY_TLS_REQUIRED;
    if (r->tls == RELAY_TLS_OPPORTUNISTIC && r->username && !is_local(v[SET_HOST].text)) {
        r->tls = RELAY_TLS_REQUIRED; /* a password must not go where anyone listens */
    }
    r->verify = r->tls == RELAY_TLS_REQUIRED && v[SET_VERIFY].boolean;
    if (r->tls == RELAY_TLS_OFF) {
        return true;
    }
    r->ssl = SSL_CTX_new(TLS_client_method());
    if (!r->ssl) {
        abort();
    }
    SSL_CTX_set_min_proto_version(r->ssl, TLS1_2_VERSION);
    /* TLS 1.3 sends session tickets behind the handshake, and libesmtp 1.1.0 takes the read
     * that meets one alone for a lost connection: a third of the sessions in a test. */
    SSL_CTX_set_max_proto_version(r->ssl, TLS1_2_VERSION);
    const char *ca = v[SET_CA_FILE].text;
    if (v[SET_CA_FILE].given ? SSL_CTX_load_verify_locations(r->ssl, ca, NULL) != 1
                             : SSL_CTX_set_default_verify_paths(r->ssl) != 1) {
        snprintf(e->text, sizeof e->text, "`ca_file` %s cannot be read as PEM certificates",
                 v[SET_CA_FILE].given ? ca : "of the system");
        return false;
    }
    return true;
}

static void fill(struct channel *c, const struct channel_value *v) {
    struct relay_settings *r = &c->relay;
    size_t n = strlen(v[SET_HOST].text) + 8;
    r->server = malloc(n);
    if (!r->server) {
        abort();
    }
    snprintf(r->server, n, "%s:%d", v[SET_HOST].text, (int)v[SET_PORT].integer);
    r->helo = copy(v[SET_HELO].text);
    r->username = copy(v[SET_USERNAME].text);
    r->password = copy(v[SET_PASSWORD].text);
    r->connect_ms = (int)v[SET_CONNECT_TIMEOUT].integer;
    r->reply_ms = (int)v[SET_REPLY_TIMEOUT].integer;
    r->dot_ms = (int)v[SET_DOT_TIMEOUT].integer;
    r->idle_ms = (int)v[SET_IDLE].integer;
    r->most_messages = (int)v[SET_PER_CONNECTION].integer;
    c->connections = (size_t)v[SET_CONNECTIONS].integer;
}

static void release(struct channel *c) {
    struct relay_settings *r = &c->relay;
    for (size_t i = 0; c->lines && i < c->connections; i++) {
        relay_line_free(c->lines[i]);
    }
    free(c->lines);
    SSL_CTX_free(r->ssl);
    free(r->server);
    free(r->helo);
    free(r->username);
    free(r->password);
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
    if (!check(v, e)) {
        return NULL;
    }
    struct channel *c = calloc(1, sizeof *c);
    if (!c) {
        abort();
    }
    c->host = host;
    fill(c, v);
    prepare_process(host);
    struct worker_options o = {
        .threads = c->connections, .owner = c, .run = on_run, .done = on_done};
    if (!open_tls(&c->relay, v, e)) {
        release(c);
        return NULL;
    }
    if (!worker_pool_new(host->loop, &o, &c->pool, &why)) {
        snprintf(e->text, sizeof e->text, "%.490s", why.text);
        release(c);
        return NULL;
    }
    c->lines = calloc(c->connections, sizeof *c->lines);
    if (!c->lines) {
        abort();
    }
    for (size_t i = 0; i < c->connections; i++) {
        c->lines[i] = relay_line_new(&c->relay);
    }
    uv_timer_init(host->loop, &c->deadline);
    c->deadline.data = c;
    return c;
}

/* ---- messages */

static size_t driver_capacity(const struct channel *c) {
    return c->connections;
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

/* One line for each change between working and not working. */
static void note_state(struct channel *c, const struct channel_result *r) {
    bool bad = r->outcome == CHANNEL_UNSENT && !c->closing;
    char text[700];
    if (bad && !c->failing) {
        c->failing = true;
        snprintf(text, sizeof text, "the relay takes no messages: %.*s", (int)r->reason.n,
                 r->reason.p ? r->reason.p : "");
        c->host->log(c->host, CHANNEL_LOG_WARN, text);
    } else if (c->failing && r->outcome == CHANNEL_ACCEPTED) {
        c->failing = false;
        c->host->log(c->host, CHANNEL_LOG_INFO, "the relay takes messages again");
    }
}

static void on_done(void *owner, struct worker_job *given) {
    struct channel *c = owner;
    struct relay_job *job = (struct relay_job *)given;
    if (!job->judged) {
        relay_result_set(&job->result, CHANNEL_UNSENT, CHANNEL_SUBJECT_NONE,
                         S("the channel was closed before its turn came"));
    }
    note_state(c, &job->result.result);
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
    for (size_t i = 0; i < c->connections; i++) {
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
    .settings = settings,
    .open = driver_open,
    .capacity = driver_capacity,
    .submit = driver_submit,
    .close = driver_close,
};
