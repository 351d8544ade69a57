/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/db_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_REQUESTS 64
#define CONNECT_TIMEOUT_MS 10000
#define RETRY_FIRST_MS 100
#define RETRY_MOST_MS 5000

/* Used where the URL says nothing: a dead network is noticed within a minute. */
static const struct {
    const char *keyword, *value;
} defaults[] = {
    {"fallback_application_name", "godwit"},
    {"client_encoding", "UTF8"},
    {"keepalives_idle", "30"},
    {"keepalives_interval", "10"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "30000"},
};
#define DEFAULTS (sizeof defaults / sizeof *defaults)

static bool read_options(struct db *db, const char *conninfo, struct err *e);
static void start_connecting(struct db *db);
static void on_resolved(uv_async_t *handle);
static void close_handles(struct db *db);
static void unwatch(struct db *db);

/* ---- opening and closing */

struct db *db_open(uv_loop_t *loop, const char *conninfo, size_t max_requests,
                   const struct db_events *events, struct err *e) {
    struct db *db = calloc(1, sizeof *db);
    if (!db)
        abort();
    if (!read_options(db, conninfo, e)) {
        free(db);
        return NULL;
    }
    db->loop = loop;
    db->events = *events;
    db->max = max_requests ? max_requests : MAX_REQUESTS;
    db->tail = &db->head;
    db->jitter = uv_hrtime() | 1;
    uv_timer_init(loop, &db->timer);
    db->timer.data = db;
    int failed = uv_async_init(loop, &db->resolved, on_resolved);
    assert(failed == 0); /* only out of file descriptors, which a loop has already */
    db->resolved.data = db;
    db->handles = 2;
    start_connecting(db);
    return db;
}

static const char *option(const struct db *db, const char *keyword) {
    for (const PQconninfoOption *o = db->options; o->keyword; o++)
        if (o->val && strcmp(o->keyword, keyword) == 0)
            return o->val;
    return NULL;
}

static bool read_options(struct db *db, const char *conninfo, struct err *e) {
    char *wrong = NULL;
    db->options = PQconninfoParse(conninfo, &wrong);
    if (!db->options) {
        db_error_conninfo(e, wrong);
        PQfreemem(wrong);
        return false;
    }
    const char *host = option(db, "host"), *port = option(db, "port");
    const char *timeout = option(db, "connect_timeout");
    bool split_password = (host && host[0] != '@' && strchr(host, '@')) ||
                          (port && port[strspn(port, "0123456789,")] != 0);
    if (split_password) { /* what libpq took for a host or port may be half of a password */
        PQconninfoFree(db->options);
        return err_set(e, ERR_INPUT,
                       "the database URL cannot be read: its host or port is not one; inside of a "
                       "password write @ as %%40, / as %%2F and : as %%3A");
    }
    int64_t seconds = 0;
    db->connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (timeout && str_to_int64(str_from(timeout), &seconds) && seconds > 0 && seconds < 3600)
        db->connect_timeout_ms = (unsigned)seconds * 1000;
    return true;
}

void db_close(struct db *db, void (*on_closed)(void *ctx), void *ctx) {
    assert(db->state != DB_CLOSING);
    bool resolving = db->state == DB_RESOLVING;
    db->state = DB_CLOSING;
    db->on_closed = on_closed;
    db->closed_ctx = ctx;
    uv_timer_stop(&db->timer);
    unwatch(db);
    if (!resolving) /* otherwise the thread owns conn: on_resolved goes on */
        close_handles(db);
}

static void on_handle_closed(uv_handle_t *handle) {
    struct db *db = handle->data;
    if (--db->handles > 0)
        return;
    struct err e = ERR_INIT;
    err_set(&e, ERR_TEMPORARY, "cancelled: the connection to PostgreSQL was closed");
    db_fail_requests(db, &e);
    if (db->on_closed)
        db->on_closed(db->closed_ctx);
    PQconninfoFree(db->options);
    free(db->slots);
    free(db->copy_abort);
    free(db);
}

static void close_handles(struct db *db) {
    PQfinish(db->conn);
    db->conn = NULL;
    uv_close((uv_handle_t *)&db->timer, on_handle_closed);
    uv_close((uv_handle_t *)&db->resolved, on_handle_closed);
}

bool db_is_up(const struct db *db) {
    return db->state == DB_UP && !db->broken.kind;
}

size_t db_room(const struct db *db) {
    return db_is_up(db) ? db->max - db->count : 0;
}

/* ---- losing and coming back */

static void on_retry(uv_timer_t *timer) {
    start_connecting(timer->data);
}

/* Half of the doubled delay is chance, so that many engines do not come at once. */
static uint64_t retry_delay(struct db *db) {
    uint64_t delay = RETRY_FIRST_MS;
    for (unsigned i = 1; i < db->failures && delay < RETRY_MOST_MS; i++)
        delay *= 2;
    if (delay > RETRY_MOST_MS)
        delay = RETRY_MOST_MS;
    db->jitter ^= db->jitter << 13;
    db->jitter ^= db->jitter >> 7;
    db->jitter ^= db->jitter << 17;
    return delay / 2 + db->jitter % (delay / 2 + 1);
}

/* Only from the loop's callbacks, never inside a call of the owner's. */
static void lose(struct db *db, const struct err *why) {
    struct err e = *why;
    unwatch(db);
    uv_timer_stop(&db->timer);
    PQfinish(db->conn);
    db->conn = NULL;
    db->state = DB_WAITING;
    db->broken = db->last_fatal = ERR_INIT;
    db->reread = false;
    db->failures++;
    db_forget_statements(db);
    db_fail_requests(db, &e);
    if (db->state == DB_WAITING && strcmp(e.text, db->reported.text) != 0) {
        db->reported = e;
        db->events.on_down(db->events.ctx, &e);
    }
    if (db->state == DB_WAITING)
        uv_timer_start(&db->timer, on_retry, retry_delay(db), 0);
}

static void on_broken(uv_timer_t *timer) {
    struct db *db = timer->data;
    struct err e = db->broken;
    lose(db, &e);
}

void db_break(struct db *db, enum err_kind kind, const char *why) {
    if (db->state != DB_UP || db->broken.kind)
        return;
    err_set(&db->broken, kind, "%s", why);
    uv_timer_start(&db->timer, on_broken, 0, 0);
    /* libpq may have closed its socket. The next connection of this process may get the same
     * number, which must not be taken out of the loop's set when this one is lost. */
    if (PQsocket(db->conn) != db->fd)
        unwatch(db);
}

void db_drop(struct db *db, const char *why) {
    db_break(db, ERR_TEMPORARY, why);
}

static void lose_connection(struct db *db) {
    struct err e = db->last_fatal;
    if (!e.kind)
        err_set(&e, ERR_TEMPORARY, "the connection to PostgreSQL was lost: %s",
                PQerrorMessage(db->conn));
    lose(db, &e);
}

/* ---- connecting */

static void connect_thread(void *arg) {
    struct db *db = arg;
    const char *keywords[128], *values[128];
    size_t n = 0;
    for (const PQconninfoOption *o = db->options; o->keyword && n < 128 - DEFAULTS - 1; o++)
        if (o->val) {
            keywords[n] = o->keyword;
            values[n++] = o->val;
        }
    for (size_t i = 0; i < DEFAULTS; i++)
        if (!option(db, defaults[i].keyword)) {
            keywords[n] = defaults[i].keyword;
            values[n++] = defaults[i].value;
        }
    keywords[n] = values[n] = NULL;
    db->conn = PQconnectStartParams(keywords, values, 0);
    uv_async_send(&db->resolved);
}

/* PQconnectStart looks host names up, which may take seconds: not in the loop, and
 * not in libuv's pool, whose threads may all be busy with stalled mail servers. */
static void start_connecting(struct db *db) {
    db->state = DB_RESOLVING;
    if (uv_thread_create(&db->thread, connect_thread, db) != 0) {
        struct err e = ERR_INIT;
        err_set(&e, ERR_TEMPORARY, "no thread for connecting to PostgreSQL: out of resources");
        lose(db, &e);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events);
static void watch(struct db *db, int events);

static void on_connect_timeout(uv_timer_t *timer) {
    struct db *db = timer->data;
    struct err e = ERR_INIT;
    const char *host = PQhost(db->conn);
    err_set(&e, ERR_TEMPORARY,
            "PostgreSQL at %s does not answer within %u s; is the address in the database URL "
            "right, and does a firewall let it through?",
            host ? host : "?", db->connect_timeout_ms / 1000);
    lose(db, &e);
}

/* Warnings and notices of the server are dropped; a FATAL says why it hangs up. */
static void on_notice(void *arg, const PGresult *res) {
    struct db *db = arg;
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (state && ((severity && strcmp(severity, "FATAL") == 0) || strncmp(state, "57P", 3) == 0))
        db_error_result(&db->last_fatal, res, "connection closed by the server");
}

static void on_resolved(uv_async_t *handle) {
    struct db *db = handle->data;
    uv_thread_join(&db->thread);
    if (!db->conn)
        abort(); /* out of memory */
    if (db->state == DB_CLOSING) {
        close_handles(db);
        return;
    }
    db->state = DB_HANDSHAKE;
    if (PQstatus(db->conn) == CONNECTION_BAD) {
        struct err e = ERR_INIT;
        db_error_connect(&e, db->conn);
        lose(db, &e);
        return;
    }
    PQsetErrorVerbosity(db->conn, PQERRORS_VERBOSE); /* for the SQLSTATE of a refusal */
    PQsetNoticeReceiver(db->conn, on_notice, db);
    uv_timer_start(&db->timer, on_connect_timeout, db->connect_timeout_ms, 0);
    watch(db, UV_WRITABLE);
}

static void come_up(struct db *db) {
    uv_timer_stop(&db->timer);
    db->state = DB_UP;
    db->failures = 0;
    db->reported = ERR_INIT;
    if (PQsetnonblocking(db->conn, 1) != 0 || !PQenterPipelineMode(db->conn)) {
        lose_connection(db);
        return;
    }
    watch(db, UV_READABLE);
    db->events.on_up(db->events.ctx);
}

static void shake_hands(struct db *db) {
    db->watched = 0;
    uv_poll_stop(db->poll); /* libpq may close this socket and try another address */
    struct err e = ERR_INIT;
    switch (PQconnectPoll(db->conn)) {
    case PGRES_POLLING_READING:
        watch(db, UV_READABLE);
        break;
    case PGRES_POLLING_WRITING:
        watch(db, UV_WRITABLE);
        break;
    case PGRES_POLLING_OK:
        come_up(db);
        break;
    default:
        db_error_connect(&e, db->conn);
        lose(db, &e);
    }
}

/* ---- the socket */

static void on_poll_closed(uv_handle_t *handle) {
    free(handle);
}

static void unwatch(struct db *db) {
    if (db->poll)
        uv_close((uv_handle_t *)db->poll, on_poll_closed);
    db->poll = NULL;
    db->watched = 0;
}

static void watch(struct db *db, int events) {
    int fd = PQsocket(db->conn);
    if (db->poll && db->fd != fd)
        unwatch(db);
    if (!db->poll) {
        db->poll = calloc(1, sizeof *db->poll);
        if (!db->poll)
            abort();
        int failed = uv_poll_init(db->loop, db->poll, fd);
        assert(failed == 0); /* a socket that libpq has just opened */
        db->poll->data = db;
        db->fd = fd;
    }
    if (db->watched != events)
        uv_poll_start(db->poll, events, on_poll);
    db->watched = events;
}

void db_flush(struct db *db) {
    if (!db_is_up(db))
        return;
    int left = PQflush(db->conn);
    if (PQsocket(db->conn) != db->fd) {
        db_break(db, ERR_TEMPORARY, PQerrorMessage(db->conn));
        return;
    }
    if (left < 0) {
        /* What the server said before it hung up may still be in the socket: the
         * poll reports that, and the end. */
        watch(db, UV_READABLE);
        return;
    }
    if (left == 0)
        for (struct request *r = db->head; r && r->sent; r = r->next)
            r->flushed = true;
    /* a COPY that waits is woken by the socket, whoever flushed the rest */
    bool wake = left || db->copy == COPY_WAIT || db->copy == COPY_ENDING || db->reread;
    watch(db, wake ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

static void hand_out_notifications(struct db *db) {
    PGnotify *n;
    while (db_is_up(db) && (n = PQnotifies(db->conn)) != NULL) {
        if (db->events.on_notify)
            db->events.on_notify(db->events.ctx, str_from(n->relname), str_from(n->extra));
        PQfreemem(n);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct db *db = poll->data;
    if (status < 0)
        db->watched = 0; /* libuv stops watching a socket that is in error */
    if (db->state == DB_HANDSHAKE) {
        shake_hands(db);
        return;
    }
    if (!db_is_up(db))
        return;
    db->reread = false;
    bool alive = true;
    if (status < 0 || (events & UV_READABLE))
        alive = PQconsumeInput(db->conn) != 0;
    if (alive && (events & UV_WRITABLE)) {
        db_flush(db);
        db_copy_writable(db);
    }
    db_read(db);
    hand_out_notifications(db);
    if (db->state == DB_UP && !db->broken.kind) {
        if (!alive || PQstatus(db->conn) == CONNECTION_BAD)
            lose_connection(db);
        else
            db_flush(db);
    }
}
