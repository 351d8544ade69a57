/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/http_server.h"

#include "base/arena.h"
#include "base/io/http_listen.h"

#include <assert.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define SWEEP_MS 500
#define CROWDED_MS 2000 /* for a request, when three quarters of the connections are in use */
#define LEAVE_MS 50     /* for the last answers */
#define TIMEOUT_S 600U  /* longer than anything waits for its answer */
#define AGAIN_MS 1      /* while requests wait for their answers */
#define FILES_LEFT 128  /* descriptors that are not for clients: the database, logs, mail */

/* A connection, from accept to its end. */
struct connection {
    struct connection *next, *prev;
    struct MHD_Connection *mhd;
    uint64_t since; /* loop time when its current request could begin */
    bool waiting;   /* for our answer: its time does not run */
};

/* A request: from its first line on, until it is answered and libmicrohttpd is done with it. */
struct http_request {
    struct http_server *server;
    struct connection *connection; /* NULL: the client went before its answer was there */
    enum http_method method;
    struct str target, path; /* in `text` */
    struct buf body;
    size_t reserved; /* bytes of the common budget for bodies */
    int refusal;     /* 0, or the status with which the server itself answers */
    bool begun;      /* the headers were seen */
    bool handled;    /* on_request was called */
    bool answered;   /* the answer is there */
    void *data;
    struct MHD_Response *response;
    int status;
    char text[];
};

struct http_server {
    struct http_server_options o;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;     /* libmicrohttpd's */
    uv_timer_t sweep;     /* ours: slow clients */
    uv_prepare_t prepare; /* answers made in this turn of the loop leave at its end */
    struct connection *connections;
    struct http_server_counts counts;
    size_t bodies; /* bytes reserved */
    int port;
    bool dirty, closing, quiet;
    int handles; /* still to be closed */
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

/* ---- the daemon in the loop */

static void run(struct http_server *s);

static void on_timer(uv_timer_t *t) {
    run(t->data);
}

/* A request that waits for its answer is one that libmicrohttpd would look at again at once, each
 * time. To suspend its connection costs more than all else that is done for it (two calls of
 * epoll_ctl and a read of nothing), so it is looked at in the runs that there are anyway: what
 * comes in makes one, and answers make two, as the first takes them and the second sends them.
 * While requests wait, AGAIN_MS is for what else libmicrohttpd has to go on with. */
static void run(struct http_server *s) {
    MHD_UNSIGNED_LONG_LONG ms;
    bool answers = s->dirty;
    s->dirty = false;
    MHD_run(s->daemon);
    if (answers || s->dirty) {
        s->dirty = false;
        MHD_run(s->daemon);
    }
    if (MHD_get_timeout(s->daemon, &ms) != MHD_YES)
        uv_timer_stop(&s->timer);
    else
        uv_timer_start(&s->timer, on_timer, ms || !s->counts.waiting ? ms : AGAIN_MS, 0);
}

static void on_readable(uv_poll_t *p, int status, int events) {
    (void)status;
    (void)events;
    run(p->data);
}

static void on_prepare(uv_prepare_t *p) {
    struct http_server *s = p->data;
    if (s->dirty)
        run(s);
}

/* A client that is slow over its request loses its connection: its socket is shut down, and
 * libmicrohttpd sees the end. */
static void on_sweep(uv_timer_t *t) {
    struct http_server *s = t->data;
    uint64_t now = uv_now(t->loop);
    bool crowded = s->counts.connections > s->o.connections / 4 * 3;
    uint64_t most = crowded && s->o.request_ms > CROWDED_MS ? CROWDED_MS : s->o.request_ms;
    for (struct connection *c = s->connections; c; c = c->next) {
        if (c->waiting || now - c->since < most)
            continue;
        const union MHD_ConnectionInfo *i =
            MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (i && shutdown(i->connect_fd, SHUT_RDWR) == 0) {
            s->counts.slow++;
            s->dirty = true;
        }
    }
}

/* ---- connections */

static void on_connection(void *ctx, struct MHD_Connection *mhd, void **slot,
                          enum MHD_ConnectionNotificationCode code) {
    struct http_server *s = ctx;
    struct connection *c = *slot;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        c = calloc(1, sizeof *c);
        if (!c)
            abort();
        *c =
            (struct connection){.next = s->connections, .mhd = mhd, .since = uv_now(s->timer.loop)};
        if (c->next)
            c->next->prev = c;
        s->connections = c;
        s->counts.connections++;
        *slot = c;
        return;
    }
    if (c->prev)
        c->prev->next = c->next;
    else
        s->connections = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->counts.connections--;
    s->dirty = true; /* at the limit libmicrohttpd listens again only when it is run once more */
    free(c);
}

/* ---- requests */

static enum http_method method_of(const char *name) {
    static const char *const names[] = {"GET", "HEAD", "POST"};
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum http_method)i;
    return HTTP_OTHER;
}

static bool reserve(struct http_request *r, size_t bytes) {
    struct http_server *s = r->server;
    if (s->bodies + bytes > s->o.bodies_bytes)
        return false;
    s->bodies += bytes;
    r->reserved += bytes;
    return true;
}

/* The request line is there: what follows takes it apart in place, so its target is copied. What is
 * returned becomes the request's slot. */
static void *on_target(void *ctx, const char *target, struct MHD_Connection *mhd) {
    size_t n = strlen(target);
    struct http_request *r = calloc(1, sizeof *r + n + n + 1); /* a path is no longer decoded */
    if (!r)
        abort();
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    *r = (struct http_request){.server = ctx, .connection = i->socket_context};
    memcpy(r->text, target, n);
    r->target = str_of(r->text, n);
    return r;
}

static void begin(struct http_request *r, const char *url, const char *method) {
    struct http_server *s = r->server;
    int64_t length;
    r->begun = true;
    r->method = method_of(method);
    size_t n = strlen(url);
    assert(n <= r->target.n);
    memcpy(r->text + r->target.n, url, n);
    r->path = str_of(r->text + r->target.n, n);
    struct str declared = http_header(r, "Content-Length");
    if (declared.p && str_to_int64(declared, &length) &&
        (length < 0 || (uint64_t)length > s->o.body_bytes))
        r->refusal = 413;
}

static void take_body(struct http_request *r, const char *data, size_t n) {
    struct http_server *s = r->server;
    if (r->refusal)
        return;
    if (r->body.n + n > s->o.body_bytes) {
        r->refusal = 413;
    } else if (!reserve(r, n)) { /* what came, not what was announced: a slow client costs little */
        r->refusal = 503;
    } else {
        buf_add(&r->body, data, n);
        return;
    }
    buf_close(&r->body);
}

static enum MHD_Result queue(struct http_request *r) {
    enum MHD_Result ok = MHD_queue_response(r->connection->mhd, (unsigned)r->status, r->response);
    MHD_destroy_response(r->response);
    r->response = NULL;
    return ok;
}

static void refuse(struct http_request *r) {
    static const struct http_field later[] = {{"Retry-After", "5"}, {"Connection", "close"}, {0}};
    r->server->counts.refused++;
    r->handled = true;
    http_answer(r, r->refusal, S("text/plain; charset=utf-8"),
                r->refusal == 413 ? S("The request is too large.\n") : S("Too busy; try again.\n"),
                r->refusal == 413 ? later + 1 : later);
}

/* libmicrohttpd calls this when the headers are there, for each piece of the body, at its end, and
 * then again in each of its runs until the answer is queued. */
static enum MHD_Result on_access(void *ctx, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_n, void **slot) {
    struct http_server *s = ctx;
    struct http_request *r = *slot;
    (void)version;
    (void)mhd;
    if (!r->begun) {
        begin(r, url, method);
        if (!r->refusal)
            return MHD_YES;
        refuse(r); /* before the body is read: the connection ends with the answer */
        return queue(r);
    }
    if (*upload_n) {
        take_body(r, upload, *upload_n);
        *upload_n = 0;
        return MHD_YES;
    }
    if (!r->handled) {
        r->handled = true;
        r->connection->waiting = true;
        s->counts.waiting++;
        if (r->refusal || s->closing) {
            r->refusal = r->refusal ? r->refusal : 503;
            refuse(r);
        } else {
            s->o.on_request(s->o.ctx, r);
        }
    }
    return r->answered ? queue(r) : MHD_YES;
}

static void free_request(struct http_request *r) {
    r->server->bodies -= r->reserved;
    if (r->response)
        MHD_destroy_response(r->response);
    buf_close(&r->body);
    free(r);
}

static void on_completed(void *ctx, struct MHD_Connection *mhd, void **slot,
                         enum MHD_RequestTerminationCode code) {
    struct http_server *s = ctx;
    struct http_request *r = *slot;
    (void)mhd;
    (void)code;
    *slot = NULL;
    if (!r)
        return;
    r->connection->since = uv_now(s->timer.loop);
    if (r->handled && !r->answered)
        r->connection = NULL; /* the client went; the request is still its handler's */
    else
        free_request(r);
}

enum http_method http_method(const struct http_request *r) {
    return r->method;
}

struct str http_path(const struct http_request *r) {
    return r->path;
}

struct str http_target(const struct http_request *r) {
    return r->target;
}

struct str http_body(const struct http_request *r) {
    return r->body.n ? buf_str(&r->body) : S("");
}

struct str http_header(const struct http_request *r, const char *name) {
    if (!r->connection)
        return STR_NONE;
    return str_from(MHD_lookup_connection_value(r->connection->mhd, MHD_HEADER_KIND, name));
}

void http_set_data(struct http_request *r, void *data) {
    r->data = data;
}

void *http_data(const struct http_request *r) {
    return r->data;
}

void http_answer(struct http_request *r, int status, struct str type, struct str body,
                 const struct http_field *headers) {
    struct http_server *s = r->server;
    assert(!r->answered);
    if (!r->connection) {
        s->counts.waiting--;
        free_request(r);
        return;
    }
    r->response = MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)(body.p ? body.p : ""),
                                                  MHD_RESPMEM_MUST_COPY);
    if (!r->response)
        abort();
    if (type.n) {
        struct arena *a = arena_new(256);
        MHD_add_response_header(r->response, "Content-Type", str_cstr(a, type));
        arena_free(a);
    }
    for (; headers && headers->name; headers++)
        MHD_add_response_header(r->response, headers->name, headers->value);
    r->status = status;
    r->answered = true;
    if (r->connection->waiting) {
        r->connection->waiting = false;
        r->connection->since = uv_now(s->timer.loop); /* to take the answer */
        s->counts.waiting--;
        s->dirty = true;
    }
}

/* ---- life */

/* Whose time is over is on_sweep's to say. Without a timeout of its own, though, libmicrohttpd
 * (0.9.75) does not keep the list by which it finds a connection again that it has left out of its
 * epoll set, as happens after some malformed requests. */
static struct MHD_Daemon *start_daemon(struct http_server *s, int fd) {
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_TURBO, 0, NULL, NULL, on_access, s, MHD_OPTION_LISTEN_SOCKET,
        (MHD_socket)fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->o.connections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->o.header_bytes, MHD_OPTION_CONNECTION_TIMEOUT,
        TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, s, MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_STRICT_FOR_CLIENT,
        1, MHD_OPTION_END);
}

/* Clients may not take the descriptors with which a lost database is connected again. */
static size_t affordable(size_t connections) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= connections + FILES_LEFT)
        return connections;
    return files.rlim_cur > FILES_LEFT * 2 ? files.rlim_cur - FILES_LEFT : FILES_LEFT;
}

struct http_server *http_server_open(uv_loop_t *loop, const struct http_server_options *o,
                                     struct err *e) {
    int fd, port;
    if (!http_listen(o->listen, &fd, &port, e))
        return NULL;
    struct http_server *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->o = *o;
    s->port = port;
    s->o.connections = affordable(o->connections ? o->connections : 2048);
    s->o.header_bytes = o->header_bytes ? o->header_bytes : 16384;
    s->o.body_bytes = o->body_bytes ? o->body_bytes : 512 * 1024;
    s->o.bodies_bytes = o->bodies_bytes ? o->bodies_bytes : (size_t)64 << 20;
    s->o.request_ms = o->request_ms ? o->request_ms : 15000;
    s->daemon = start_daemon(s, fd);
    if (!s->daemon) {
        http_listen_close(fd);
        free(s);
        err_set(e, ERR_TEMPORARY, "the HTTP server could not be started on %.*s",
                STR_FMT(o->listen));
        return NULL;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(loop, &s->poll, info->epoll_fd);
    uv_timer_init(loop, &s->timer);
    uv_timer_init(loop, &s->sweep);
    uv_prepare_init(loop, &s->prepare);
    s->poll.data = s->timer.data = s->sweep.data = s->prepare.data = s;
    uv_poll_start(&s->poll, UV_READABLE, on_readable);
    uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    uv_prepare_start(&s->prepare, on_prepare);
    return s;
}

int http_server_port(const struct http_server *s) {
    return s->port;
}

void http_server_counts(const struct http_server *s, struct http_server_counts *out) {
    *out = s->counts;
}

void http_server_quiesce(struct http_server *s) {
    if (s->quiet)
        return;
    s->quiet = true;
    int fd = MHD_quiesce_daemon(s->daemon);
    if (fd >= 0)
        http_listen_close(fd);
}

static void on_handle_closed(uv_handle_t *h) {
    struct http_server *s = h->data;
    if (--s->handles)
        return;
    void (*on_closed)(void *) = s->on_closed;
    void *ctx = s->closed_ctx;
    free(s);
    on_closed(ctx);
}

static void on_drained(uv_timer_t *t) {
    struct http_server *s = t->data;
    uv_poll_stop(&s->poll);
    uv_prepare_stop(&s->prepare);
    uv_timer_stop(&s->timer);
    MHD_stop_daemon(s->daemon);
    s->handles = 4;
    uv_close((uv_handle_t *)&s->poll, on_handle_closed);
    uv_close((uv_handle_t *)&s->timer, on_handle_closed);
    uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
    uv_close((uv_handle_t *)&s->prepare, on_handle_closed);
}

/* The owner has answered all that was handed to it. Some time is given for the last answers to
 * leave. */
void http_server_close(struct http_server *s, void (*on_closed)(void *ctx), void *ctx) {
    assert(s->counts.waiting == 0);
    s->on_closed = on_closed;
    s->closed_ctx = ctx;
    s->closing = true;
    http_server_quiesce(s);
    run(s);
    uv_timer_start(&s->sweep, on_drained, LEAVE_MS, 0);
}
