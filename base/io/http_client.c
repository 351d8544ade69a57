/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/http_client.h"

#include "base/arena.h"
#include "base/io/http_address.h"
#include "base/io/transfers.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define IDLE_MOST_S 30 /* a connection idle for longer is not used again: the peer may hang up */
#define LOCATION_MOST 300
#define RETRY_AFTER_MOST_MS (24 * 3600 * INT64_C(1000))

struct http_client {
    struct transfers *transfers;
    struct http_client_options options;
    char *ca_file;
    struct exchange *first; /* under way */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* One request on its way; freed behind its callback. */
struct exchange {
    struct transfer transfer; /* first */
    struct exchange *next, *prev;
    struct http_client *client;
    struct arena *arena;
    CURL *easy;
    struct curl_slist *headers;
    struct str body;
    bool repeatable, refused, overflow;
    int starts; /* how often libcurl began to send it */
    struct buf answer;
    http_done_fn *done;
    void *ctx;
    char error[CURL_ERROR_SIZE];
};

/* ---- what libcurl asks on the way */

/* The one place that sees the address that a name has led to. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a) {
    (void)purpose;
    struct exchange *x = arg;
    if (!x->client->options.private_allowed && http_address_is_private(&a->addr)) {
        x->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* Before the first byte of the request: a second time means that the connection it was sent on
 * was dead, or died after the peer had read it; nobody can tell. */
static int on_start(void *arg, char *ip, char *local_ip, int port, int local_port) {
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    struct exchange *x = arg;
    return ++x->starts > 1 && !x->repeatable ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg) {
    struct exchange *x = arg;
    size_t room = x->client->options.answer_most - x->answer.n;
    n *= size;
    buf_add(&x->answer, p, n < room ? n : room);
    if (n <= room)
        return n;
    x->overflow = true;
    return 0; /* ends the transfer; the status is known */
}

/* ---- the end of an exchange */

static void free_exchange(struct exchange *x) {
    if (x->next)
        x->next->prev = x->prev;
    if (x->prev)
        x->prev->next = x->next;
    else
        x->client->first = x->next;
    transfers_remove(x->client->transfers, x->easy);
    curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->headers);
    arena_free(x->arena);
}

/* Whether the peer can have got a whole request. */
static bool was_sent(const struct exchange *x, CURLcode code) {
    long head = 0;
    curl_off_t body = 0;
    if (x->starts > 1) /* the first one was sent, its connection said nothing */
        return true;
    if (x->starts == 0 || code == CURLE_COULDNT_CONNECT)
        return false;
    curl_easy_getinfo(x->easy, CURLINFO_REQUEST_SIZE, &head);
    curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &body);
    return head > 0 && (size_t)body >= x->body.n;
}

static void describe(struct exchange *x, CURLcode code, struct http_answer *a) {
    if (x->refused)
        snprintf(a->reason, sizeof a->reason,
                 "the host leads to a private address, which is "
                 "refused unless allow_private says otherwise");
    else if (code == CURLE_OPERATION_TIMEDOUT)
        snprintf(a->reason, sizeof a->reason, "no %s in time",
                 a->fate == HTTP_LOST ? "answer" : "connection");
    else if (x->starts > 1)
        snprintf(a->reason, sizeof a->reason, "the connection was closed before an answer came");
    else
        snprintf(a->reason, sizeof a->reason, "%s",
                 x->error[0] ? x->error : curl_easy_strerror(code));
}

static void finish(struct exchange *x, CURLcode code) {
    struct http_answer a = {.retry_after_ms = -1};
    long status = 0;
    curl_off_t wait = 0;
    char *location = NULL;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200) {
        a.fate = HTTP_ANSWERED;
        a.status = (int)status;
        a.body = buf_str(&x->answer);
        a.whole = code == CURLE_OK;
        curl_easy_getinfo(x->easy, CURLINFO_RETRY_AFTER, &wait);
        curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &location);
        if (wait > 0)
            a.retry_after_ms =
                wait > RETRY_AFTER_MOST_MS / 1000 ? RETRY_AFTER_MOST_MS : wait * 1000;
        a.location = str_sub(str_from(location), 0, LOCATION_MOST);
    } else {
        a.fate = was_sent(x, code) ? HTTP_LOST : HTTP_UNSENT;
        a.private_refused = x->refused;
        describe(x, code, &a);
    }
    x->done(x->ctx, &a);
    free_exchange(x);
}

static void on_ended(struct transfer *t, CURLcode code) {
    finish((struct exchange *)t, code);
}

/* ---- sending */

static bool is_clean(struct str s) {
    return !s.n || !(memchr(s.p, '\r', s.n) || memchr(s.p, '\n', s.n) || memchr(s.p, 0, s.n));
}

static bool check(const struct http_request *r, struct err *e) {
    if (!is_clean(r->url) ||
        (!str_starts(r->url, S("http://")) && !str_starts(r->url, S("https://"))))
        return err_set(e, ERR_INPUT, "`%.*s` is no http:// or https:// address",
                       STR_FMT(str_sub(r->url, 0, 200)));
    for (size_t i = 0; i < r->header_count; i++)
        if (!is_clean(r->headers[i].name) || !is_clean(r->headers[i].value))
            return err_set(e, ERR_INPUT, "the header %.*s holds a line break",
                           STR_FMT(str_sub(r->headers[i].name, 0, 100)));
    return true;
}

static void add_header(struct exchange *x, struct str name, struct str value) {
    /* "Name;" is libcurl's way to write an empty header */
    struct str line = value.n ? str_printf(x->arena, "%.*s: %.*s", STR_FMT(name), STR_FMT(value))
                              : str_printf(x->arena, "%.*s;", STR_FMT(name));
    struct curl_slist *longer = curl_slist_append(x->headers, str_cstr(x->arena, line));
    if (!longer)
        abort();
    x->headers = longer;
}

static void set_request(struct exchange *x, const struct http_request *r) {
    CURL *h = x->easy;
    curl_easy_setopt(h, CURLOPT_URL, str_cstr(x->arena, r->url));
    for (size_t i = 0; i < r->header_count; i++)
        add_header(x, r->headers[i].name, r->headers[i].value);
    add_header(x, S("User-Agent"), S(PACKAGE_NAME "/" PACKAGE_VERSION));
    x->headers = curl_slist_append(x->headers, "Expect:");
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, x->headers);
    bool bare = strcmp(r->method, "GET") == 0 && !x->body.n;
    if (bare) {
        curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(h, CURLOPT_POST, 1L);
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.n);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, x->body.n ? x->body.p : "");
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, r->method);
    }
    if (r->username.n) {
        curl_easy_setopt(h, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(h, CURLOPT_USERNAME, str_cstr(x->arena, r->username));
        curl_easy_setopt(h, CURLOPT_PASSWORD, str_cstr(x->arena, r->password));
    }
}

static void set_rules(struct exchange *x) {
    const struct http_client *c = x->client;
    CURL *h = x->easy;
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)c->options.connect_ms);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)c->options.timeout_ms);
    curl_easy_setopt(h, CURLOPT_MAXAGE_CONN, (long)IDLE_MOST_S);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, x->error);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, x);
    curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, on_start);
    curl_easy_setopt(h, CURLOPT_PREREQDATA, x);
    if (c->ca_file)
        curl_easy_setopt(h, CURLOPT_CAINFO, c->ca_file);
}

bool http_client_send(struct http_client *c, const struct http_request *r, http_done_fn *done,
                      void *ctx, struct err *e) {
    assert(!c->closing);
    if (!check(r, e))
        return false;
    struct arena *a = arena_new(2048 + r->body.n);
    struct exchange *x = ARENA_NEW(a, struct exchange);
    *x = (struct exchange){.transfer = {on_ended},
                           .client = c,
                           .arena = a,
                           .easy = curl_easy_init(),
                           .repeatable = r->repeatable,
                           .answer = BUF_IN(a),
                           .done = done,
                           .ctx = ctx,
                           .next = c->first};
    if (!x->easy)
        abort();
    x->body = r->body.n ? str_dup(a, r->body) : STR_NONE;
    if (x->next)
        x->next->prev = x;
    c->first = x;
    set_rules(x);
    set_request(x, r);
    transfers_add(c->transfers, x->easy, &x->transfer);
    return true;
}

void http_client_cut(struct http_client *c) {
    for (struct exchange *x = c->first, *next; x; x = next) {
        next = x->next;
        finish(x, CURLE_ABORTED_BY_CALLBACK);
    }
}

/* ---- life */

struct http_client *http_client_new(uv_loop_t *loop, const struct http_client_options *o) {
    struct http_client *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->options = *o;
    c->options.ca_file = NULL;
    if (o->ca_file && !(c->ca_file = strdup(o->ca_file)))
        abort();
    c->transfers = transfers_new(loop, o->connections);
    return c;
}

static void on_transfers_closed(void *ctx) {
    struct http_client *c = ctx;
    void (*closed)(void *) = c->closed;
    void *closed_ctx = c->closed_ctx;
    free(c->ca_file);
    free(c);
    closed(closed_ctx);
}

void http_client_close(struct http_client *c, void (*closed)(void *ctx), void *ctx) {
    assert(!c->first);
    c->closing = true;
    c->closed = closed;
    c->closed_ctx = ctx;
    transfers_close(c->transfers, on_transfers_closed, c);
}
