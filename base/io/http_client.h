/* SPDX-License-Identifier: Apache-2.0
 *
 * http_client: HTTP requests out of the loop (libcurl's multi interface), with
 * connections that are kept and used again.
 *
 * A request is tried once: redirects are not followed, and libcurl's silent second
 * try on a connection that turned out to be dead is stopped unless the request is
 * `repeatable`. What came of it is told exactly: answered, never sent, or lost, that
 * is sent and perhaps acted upon. An answer is kept up to a size and no further. Hosts in
 * private networks are refused, after resolving, unless they are allowed. Proxies of
 * the environment are not used.
 *
 * The client bounds nothing but its connections: whoever sends keeps count. Loop thread only.
 */
#ifndef GODWIT_BASE_IO_HTTP_CLIENT_H
#define GODWIT_BASE_IO_HTTP_CLIENT_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>
#include <uv.h>

struct http_client;

struct http_client_options {
    size_t connections;   /* at most, to all hosts together */
    int64_t connect_ms;   /* to resolve, connect and shake hands */
    int64_t timeout_ms;   /* for the whole request */
    size_t answer_most;   /* bytes of an answer's body that are kept */
    bool private_allowed; /* loopback, link-local, private addresses */
    const char *ca_file;  /* NULL: the system's; borrowed for the call */
};

struct http_header {
    struct str name, value; /* neither CR, LF nor NUL: else the request is refused */
};

/* All is copied by http_client_send(). */
struct http_request {
    const char *method; /* "POST" */
    struct str url;     /* http:// or https:// */
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    struct str username, password; /* Basic; empty: none */
    bool repeatable;               /* does no harm when it arrives twice */
};

enum http_fate {
    HTTP_ANSWERED, /* a status came */
    HTTP_UNSENT,   /* the peer has not got a whole request */
    HTTP_LOST      /* sent, and no answer came */
};

/* The texts live until the callback returns. */
struct http_answer {
    enum http_fate fate;
    int status;
    struct str body;
    bool whole;             /* of the body; false: cut at the limit, or by the peer */
    bool private_refused;   /* of HTTP_UNSENT: the host is in a private network */
    int64_t retry_after_ms; /* -1: none */
    struct str location;    /* of a redirect; may be empty */
    char reason[300];       /* of HTTP_UNSENT, HTTP_LOST: what happened */
};

typedef void http_done_fn(void *ctx, const struct http_answer *answer);

struct http_client *http_client_new(uv_loop_t *loop, const struct http_client_options *o);

/* `done` is called exactly once, later, never from inside this. False: the request itself is
 * malformed (URL, header), and done is not called. */
bool http_client_send(struct http_client *c, const struct http_request *r, http_done_fn *done,
                      void *ctx, struct err *e) MUST_CHECK;

/* Breaks off what is under way: each `done` is called from inside with its true fate. */
void http_client_cut(struct http_client *c);

/* After the last done; frees. `closed` is called from the loop. */
void http_client_close(struct http_client *c, void (*closed)(void *ctx), void *ctx);

#endif
