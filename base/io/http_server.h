/* SPDX-License-Identifier: Apache-2.0
 *
 * http_server: HTTP/1.1 in, in the loop of its owner (libmicrohttpd through its epoll
 * descriptor).
 *
 * `on_request` gets each request when its body is complete, and answers it with
 * http_answer(): at once, or later from the loop, after a commit say. Each request
 * is answered exactly once; it and all texts of it are gone after the answer.
 *
 * Nothing that clients do costs more than the limits: the size of headers and of a
 * body, the bodies of all together, the number of connections, and the time that a
 * client may take for a request (shorter when connections run out). What is over a
 * limit is answered by the server itself (413, 431, 503) or closed. Loop thread only.
 */
#ifndef GODWIT_BASE_IO_HTTP_SERVER_H
#define GODWIT_BASE_IO_HTTP_SERVER_H

#include "base/err.h"
#include "base/str.h"

#include <uv.h>

struct http_server;
struct http_request;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER };

struct http_server_options {
    struct str listen;   /* "127.0.0.1:8080", "[::]:8080", "localhost:0" (any free port) */
    size_t connections;  /* at once; 0: 2,048; fewer when the process may not open so many files */
    size_t header_bytes; /* request line and headers, per connection; 0: 16 KiB */
    size_t body_bytes;   /* of one request; 0: 512 KiB */
    size_t bodies_bytes; /* of all requests together; 0: 64 MiB */
    unsigned request_ms; /* for a client to get its request through; 0: 15 s */
    void (*on_request)(void *ctx, struct http_request *r);
    void *ctx;
};

struct http_server_counts {
    size_t connections; /* open now */
    size_t waiting;     /* requests that are to be answered */
    int64_t slow;       /* connections closed because their time was over */
    int64_t refused;    /* requests over a limit */
};

/* Several processes of one user may listen on one port; the kernel spreads the connections. */
struct http_server *http_server_open(uv_loop_t *loop, const struct http_server_options *o,
                                     struct err *e) MUST_CHECK;
int http_server_port(const struct http_server *s);
void http_server_counts(const struct http_server *s, struct http_server_counts *out);

/* Takes no more connections. What waits for an answer may still get it. */
void http_server_quiesce(struct http_server *s);
/* When all that was handed to on_request is answered: lets the answers leave and closes
 * everything; on_closed is the last callback. */
void http_server_close(struct http_server *s, void (*on_closed)(void *ctx), void *ctx);

/* ---- a request */
enum http_method http_method(const struct http_request *r);
struct str http_path(const struct http_request *r); /* without the query, percent-decoded */
/* The request's target as it was sent, byte for byte: path, and the query with its `?`. */
struct str http_target(const struct http_request *r);
struct str http_body(const struct http_request *r);
struct str http_header(const struct http_request *r, const char *name); /* STR_NONE: not there */

/* What a handler keeps beside a request; NULL at first. */
void http_set_data(struct http_request *r, void *data);
void *http_data(const struct http_request *r);

struct http_field {
    const char *name;
    const char *value; /* without CR and LF */
};

/* Copies body and headers (NULL, or ended by a NULL name). HEAD gets the length and no body. */
void http_answer(struct http_request *r, int status, struct str type, struct str body,
                 const struct http_field *headers);

#endif
