/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/capture.h"

#include "base/log.h"
#include "base/wallclock.h"
#include "cli/capture_header.h"
#include "cli/capture_session.h"
#include "cli/capture_store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_BYTES 65536
#define BUDGET ((size_t)64 << 20)

struct connection {
    struct capture *capture;
    struct connection *next, **link;
    struct capture_session *session;
    uv_tcp_t tcp;
    uv_timer_t idle;
    uv_write_t write;
    struct buf out;
    bool over;    /* close when `out` is written */
    bool closing; /* the handles are being closed: `handles` of them are left */
    int handles;
};

struct capture {
    struct capture_options options;
    uv_loop_t *loop;
    uv_tcp_t listener;
    int port;
    struct capture_store *store;
    struct capture_budget budget;
    struct connection *connections;
    size_t n;
    bool failing; /* the last mail could not be written */
    struct buf subject, campaign;
    char bytes[READ_BYTES]; /* what was read, until it is fed to its session at once */
    bool closing, listening;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

static void capture_release(struct capture *c) {
    capture_store_close(c->store);
    buf_close(&c->subject);
    buf_close(&c->campaign);
    free(c);
}

static void end_if_closed(struct capture *c) {
    if (!c->closing || c->listening || c->n)
        return;
    void (*on_closed)(void *) = c->on_closed;
    void *ctx = c->closed_ctx;
    capture_release(c);
    on_closed(ctx);
}

/* ---- a mail */

static bool on_mail(void *ctx, const struct capture_envelope *envelope, struct str data) {
    struct connection *k = ctx;
    struct capture *c = k->capture;
    struct err e = ERR_INIT;
    const char *path;
    int64_t now = wallclock_now();
    if (!capture_store_add(c->store, envelope, data, now, &path, &e)) {
        if (!c->failing)
            log_warn("captured mail is not kept", LOG_S("error", str_from(e.text)));
        c->failing = true;
        return false;
    }
    c->failing = false;
    if (!c->options.on_mail)
        return true;
    buf_clear(&c->subject);
    buf_clear(&c->campaign);
    capture_header(data, S("Subject"), &c->subject);
    capture_header(data, S("Feedback-ID"), &c->campaign);
    struct str rest = buf_str(&c->campaign), campaign = STR_NONE;
    str_split(&rest, ':', &campaign);
    struct capture_mail m = {.at_us = now,
                             .to = envelope->to[0],
                             .others = envelope->n - 1,
                             .subject = buf_str(&c->subject),
                             .campaign = campaign,
                             .path = str_from(path),
                             .bytes = data.n};
    c->options.on_mail(c->options.ctx, &m);
    return true;
}

/* ---- a connection */

static void on_handle_closed(uv_handle_t *h) {
    struct connection *k = h->data;
    struct capture *c = k->capture;
    if (--k->handles)
        return;
    if ((*k->link = k->next))
        k->next->link = k->link;
    c->n--;
    capture_session_free(k->session);
    buf_close(&k->out);
    free(k);
    end_if_closed(c);
}

static void connection_close(struct connection *k) {
    if (k->closing)
        return;
    k->closing = true;
    k->handles = 2;
    uv_close((uv_handle_t *)&k->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&k->idle, on_handle_closed);
}

static void on_idle(uv_timer_t *t) {
    connection_close(t->data);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes);

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *bytes) {
    (void)wanted;
    struct connection *k = h->data;
    *bytes = uv_buf_init(k->capture->bytes, sizeof k->capture->bytes);
}

static void on_written(uv_write_t *request, int status) {
    struct connection *k = request->data;
    buf_clear(&k->out);
    if (k->closing)
        return;
    if (status != 0 || k->over || uv_read_start((uv_stream_t *)&k->tcp, on_alloc, on_read) != 0)
        connection_close(k);
}

/* Nothing is read while replies are on their way, which bounds them. */
static void connection_write(struct connection *k) {
    uv_buf_t bytes = uv_buf_init(k->out.p, (unsigned)k->out.n);
    uv_read_stop((uv_stream_t *)&k->tcp);
    if (uv_write(&k->write, (uv_stream_t *)&k->tcp, &bytes, 1, on_written) != 0)
        connection_close(k);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes) {
    struct connection *k = stream->data;
    if (n < 0) {
        connection_close(k);
        return;
    }
    if (n == 0)
        return;
    uv_timer_again(&k->idle);
    k->over = !capture_session_feed(k->session, str_of(bytes->base, (size_t)n), &k->out);
    if (k->out.n)
        connection_write(k);
}

static void on_connection(uv_stream_t *listener, int status) {
    struct capture *c = listener->data;
    struct connection *k = status == 0 ? calloc(1, sizeof *k) : NULL;
    if (!k)
        return;
    k->capture = c;
    uv_tcp_init(c->loop, &k->tcp);
    uv_timer_init(c->loop, &k->idle);
    k->tcp.data = k->idle.data = k->write.data = k;
    k->link = &c->connections;
    if ((k->next = c->connections))
        k->next->link = &k->next;
    c->connections = k;
    c->n++;
    if (uv_accept(listener, (uv_stream_t *)&k->tcp) != 0) {
        connection_close(k);
        return;
    }
    uv_tcp_nodelay(&k->tcp, 1);
    uv_timer_start(&k->idle, on_idle, c->options.idle_ms, c->options.idle_ms);
    if (c->n > CAPTURE_CONNECTIONS) {
        buf_add_str(&k->out, S("421 4.3.2 too many connections, try again\r\n"));
        k->over = true;
    } else {
        k->session = capture_session_new(&c->budget, on_mail, k, &k->out);
    }
    connection_write(k);
}

/* ---- the server */

/* A socket on 127.0.0.1, or -1. */
static int bind_port(int port) {
    struct sockaddr_in address;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    uv_ip4_addr("127.0.0.1", port, &address);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool listen_on(struct capture *c, struct err *e) {
    struct sockaddr_in address;
    int size = sizeof address, fd = bind_port(c->options.port);
    if (fd < 0 && c->options.port)
        fd = bind_port(0);
    if (fd < 0)
        return err_set(e, ERR_PERMANENT, "no port of 127.0.0.1 can be had to catch mail on: %s",
                       strerror(errno));
    uv_tcp_init(c->loop, &c->listener);
    c->listener.data = c;
    c->listening = true;
    int failed = uv_tcp_open(&c->listener, fd);
    if (failed)
        close(fd);
    else
        failed = uv_listen((uv_stream_t *)&c->listener, 128, on_connection);
    if (!failed)
        failed = uv_tcp_getsockname(&c->listener, (struct sockaddr *)&address, &size);
    if (failed)
        return err_set(e, ERR_PERMANENT, "mail cannot be caught on 127.0.0.1: %s",
                       uv_strerror(failed));
    c->port = ntohs(address.sin_port);
    return true;
}

static void on_listener_closed(uv_handle_t *h) {
    struct capture *c = h->data;
    c->listening = false;
    end_if_closed(c);
}

static void on_given_up(void *ctx) {
    (void)ctx;
}

struct capture *capture_open(uv_loop_t *loop, const struct capture_options *o, struct err *e) {
    struct capture *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->options = *o;
    c->loop = loop;
    c->budget.most = BUDGET;
    c->store = capture_store_open(o->folder, e);
    if (c->store && listen_on(c, e))
        return c;
    capture_close(c, on_given_up, NULL); /* the loop's next turn frees it */
    return NULL;
}

int capture_port(const struct capture *c) {
    return c->port;
}

void capture_close(struct capture *c, void (*on_closed)(void *ctx), void *ctx) {
    c->closing = true;
    c->on_closed = on_closed;
    c->closed_ctx = ctx;
    for (struct connection *k = c->connections; k; k = k->next)
        connection_close(k);
    if (c->listening)
        uv_close((uv_handle_t *)&c->listener, on_listener_closed);
    else
        end_if_closed(c);
}
