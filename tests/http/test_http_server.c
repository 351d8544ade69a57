/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/io/http_server.h"

#include "tests/http/check_http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server and a client in one loop; the client's socket does not block. */
struct peer {
    uv_loop_t loop;
    uv_timer_t tick;
    struct http_server *server;
    struct http_request *held; /* a request to /later, not answered yet */
    int requests, fd;
    struct buf got;
    bool ended, closed;
};

static void answer_text(struct http_request *r, const char *text) {
    static const struct http_field headers[] = {{"X-Test", "yes"}, {0}};
    http_answer(r, 200, S("text/plain"), str_from(text), headers);
}

/* /later is held; all else is answered with method, path and body. */
static void on_request(void *ctx, struct http_request *r) {
    struct peer *p = ctx;
    char text[600];
    p->requests++;
    if (str_eq(http_path(r), S("/later"))) {
        ck_assert(!p->held);
        p->held = r;
        return;
    }
    snprintf(text, sizeof text, "%d %.*s %zu %.*s %.*s %.*s", http_method(r), STR_FMT(http_path(r)),
             http_body(r).n, STR_FMT(str_sub(http_body(r), 0, 100)),
             STR_FMT(str_sub(http_header(r, "X-Word"), 0, 100)), STR_FMT(http_target(r)));
    answer_text(r, text);
}

static void on_tick(uv_timer_t *t) {
    (void)t;
}

static void peer_connect(struct peer *p) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_server_port(p->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(p->fd, (struct sockaddr *)&to, sizeof to), 0);
    fcntl(p->fd, F_SETFL, O_NONBLOCK);
    p->ended = false;
    buf_clear(&p->got);
}

static void peer_open(struct peer *p, struct http_server_options o) {
    struct err e = ERR_INIT;
    *p = (struct peer){.fd = -1};
    uv_loop_init(&p->loop);
    uv_timer_init(&p->loop, &p->tick);
    uv_timer_start(&p->tick, on_tick, 1, 1);
    o.listen = S("127.0.0.1:0");
    o.on_request = on_request;
    o.ctx = p;
    p->server = http_server_open(&p->loop, &o, &e);
    ck_assert_msg(p->server != NULL, "%s", e.text);
    peer_connect(p);
}

static void on_closed(void *ctx) {
    ((struct peer *)ctx)->closed = true;
}

static void peer_close(struct peer *p) {
    close(p->fd);
    uv_close((uv_handle_t *)&p->tick, NULL);
    http_server_close(p->server, on_closed, p);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    ck_assert(p->closed);
    ck_assert_int_eq(uv_loop_close(&p->loop), 0);
    buf_close(&p->got);
}

/* Turns the loop and reads, until `text` has come n times, the server has hung up or ms are over.
 */
static bool receives(struct peer *p, const char *text, int n, int ms) {
    for (uint64_t end = uv_hrtime() + (uint64_t)ms * 1000000; uv_hrtime() < end;) {
        uv_run(&p->loop, UV_RUN_ONCE);
        char piece[4096];
        ssize_t got = read(p->fd, piece, sizeof piece);
        if (got > 0)
            buf_add(&p->got, piece, (size_t)got);
        if (got == 0)
            p->ended = true;
        int found = 0;
        struct str rest = buf_str(&p->got);
        for (ptrdiff_t at; text && (at = str_find(rest, str_from(text))) >= 0; found++)
            rest = str_sub(rest, (size_t)at + 1, rest.n);
        if ((text && found >= n) || p->ended)
            return text ? found >= n : p->ended;
    }
    return false;
}

static void sends(struct peer *p, const char *text) {
    size_t n = strlen(text);
    while (n) {
        ssize_t sent = write(p->fd, text, n);
        if (sent > 0) {
            text += sent;
            n -= (size_t)sent;
        } else {
            uv_run(&p->loop, UV_RUN_ONCE);
        }
    }
}

/* The client goes, and the next one is served. */
static void another_client(struct peer *p) {
    close(p->fd);
    peer_connect(p);
    sends(p, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert(receives(p, "0 /b", 1, 5000));
}

static const struct {
    const char *request, *status, *body;
} cases[] = {
    {"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Word: hm\r\n\r\n", "HTTP/1.1 200", "0 /a 0  hm /a?b=c"},
    {"GET /%41%2Fb HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "0 /A/b 0   /%41%2Fb"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200",
     "2 /p 5 hello"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
     "chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
     "HTTP/1.1 200", "2 /p 5 hello"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200", "2 /p 0"},
    {"PUT /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 200", "3 /p 1"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 413", "too large"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 4",
     ""},
    {"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 4", ""},
    {"GET /p HTTP/1.1\r\n\r\n", "HTTP/1.1 400", ""}, /* no Host */
};

START_TEST(requests) {
    struct peer p;
    peer_open(&p, (struct http_server_options){.body_bytes = 1000});
    sends(&p, cases[_i].request);
    ck_assert_msg(receives(&p, cases[_i].status, 1, 5000), "case %d: %.*s", _i,
                  STR_FMT(buf_str(&p.got)));
    ck_assert_msg(!*cases[_i].body || receives(&p, cases[_i].body, 1, 5000), "case %d: %.*s", _i,
                  STR_FMT(buf_str(&p.got)));
    peer_close(&p);
}
END_TEST

START_TEST(head_has_no_body) {
    struct peer p;
    peer_open(&p, (struct http_server_options){0});
    sends(&p, "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert(receives(&p, "HTTP/1.1 200", 2, 5000) && receives(&p, "0 /b", 1, 5000));
    ck_assert(str_find(buf_str(&p.got), S("1 /a")) < 0);
    ck_assert(str_find(buf_str(&p.got), S("X-Test: yes")) >= 0);
    peer_close(&p);
}
END_TEST

START_TEST(answered_later) {
    struct peer p;
    struct http_server_counts counts;
    peer_open(&p, (struct http_server_options){0});
    for (int i = 0; i < 3; i++) { /* on one connection */
        buf_clear(&p.got);
        sends(&p, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
        ck_assert(!receives(&p, "HTTP/1.1", 1, 50));
        ck_assert(p.held != NULL);
        http_server_counts(p.server, &counts);
        ck_assert_uint_eq(counts.waiting, 1);
        answer_text(p.held, "at last");
        p.held = NULL;
        ck_assert(receives(&p, "at last", 1, 5000));
    }
    http_server_counts(p.server, &counts);
    ck_assert_uint_eq(counts.waiting, 0);
    ck_assert_uint_eq(counts.connections, 1);
    peer_close(&p);
}
END_TEST

/* The client is gone before its answer is there. */
START_TEST(answered_too_late) {
    struct peer p;
    struct http_server_counts counts;
    peer_open(&p, (struct http_server_options){0});
    sends(&p, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert(!receives(&p, "HTTP/1.1", 1, 50));
    another_client(&p);
    answer_text(p.held, "for nobody");
    for (int i = 0; i < 50; i++)
        uv_run(&p.loop, UV_RUN_ONCE);
    http_server_counts(p.server, &counts);
    ck_assert_uint_eq(counts.connections, 1);
    peer_close(&p);
}
END_TEST

/* The client has reset its connection: the server has nothing of it any more, the request is its
 * handler's until it is answered. */
START_TEST(answered_after_a_reset) {
    struct peer p;
    struct http_server_counts counts;
    const struct linger hard = {.l_onoff = 1};
    peer_open(&p, (struct http_server_options){0});
    sends(&p,
          "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"); /* from its second request on a reset is seen */
    ck_assert(receives(&p, "0 /a", 1, 5000));
    buf_clear(&p.got);
    sends(&p, "POST /later HTTP/1.1\r\nHost: x\r\nX-Word: hm\r\nContent-Length: 5\r\n\r\nhello");
    ck_assert(!receives(&p, "HTTP/1.1", 1, 50));
    ck_assert(str_eq(http_header(p.held, "X-Word"), S("hm")));
    setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    another_client(&p);
    http_server_counts(p.server, &counts);
    ck_assert_uint_eq(counts.connections, 1);
    ck_assert_uint_eq(counts.waiting, 1);
    ck_assert(str_eq(http_path(p.held), S("/later")) && str_eq(http_target(p.held), S("/later")));
    ck_assert(str_eq(http_body(p.held), S("hello")));
    ck_assert(http_header(p.held, "X-Word").p == NULL);
    answer_text(p.held, "for nobody");
    http_server_counts(p.server, &counts);
    ck_assert_uint_eq(counts.waiting, 0);
    peer_close(&p);
}
END_TEST

/* Many pieces of one request go on while another waits for its answer. */
START_TEST(body_while_another_waits) {
    struct peer p;
    char head[100];
    const int n = 400000;
    peer_open(&p, (struct http_server_options){0});
    sends(&p, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert(!receives(&p, "HTTP/1.1", 1, 50));
    int waits = p.fd;
    peer_connect(&p);
    char *body = malloc((size_t)n + 1);
    memset(body, 'x', (size_t)n);
    body[n] = 0;
    snprintf(head, sizeof head, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", n);
    sends(&p, head);
    sends(&p, body);
    ck_assert(receives(&p, "2 /p 400000", 1, 5000));
    free(body);
    close(p.fd);
    p.fd = waits;
    answer_text(p.held, "at last");
    ck_assert(receives(&p, "at last", 1, 5000));
    peer_close(&p);
}
END_TEST

/* What a client sends behind a request that is not answered yet has its turn after it. */
START_TEST(one_behind_another) {
    struct peer p;
    peer_open(&p, (struct http_server_options){0});
    sends(&p, "GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert(!receives(&p, "HTTP/1.1", 1, 50));
    sends(&p, "GET /c HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert(!receives(&p, "HTTP/1.1", 1, 50));
    ck_assert_int_eq(p.requests, 1);
    answer_text(p.held, "at last");
    ck_assert(receives(&p, "0 /c", 1, 5000));
    ck_assert(str_find(buf_str(&p.got), S("at last")) < str_find(buf_str(&p.got), S("0 /b")));
    peer_close(&p);
}
END_TEST

START_TEST(body_over_its_limit) {
    struct peer p;
    char piece[2048];
    peer_open(&p, (struct http_server_options){.body_bytes = 1000});
    snprintf(piece, sizeof piece,
             "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
             "3e9\r\n%01001d\r\n0\r\n\r\n",
             0);
    sends(&p, piece);
    ck_assert(receives(&p, "HTTP/1.1 413", 1, 5000));
    ck_assert_int_eq(p.requests, 0);
    peer_close(&p);
}
END_TEST

START_TEST(bodies_over_their_limit) {
    struct peer p;
    struct http_server_counts counts;
    peer_open(&p, (struct http_server_options){.body_bytes = 1000, .bodies_bytes = 100});
    sends(&p, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
    for (int i = 0; i < 101; i++)
        sends(&p, "x");
    ck_assert(receives(&p, "HTTP/1.1 503", 1, 5000));
    ck_assert(receives(&p, "Retry-After: 5", 1, 5000));
    http_server_counts(p.server, &counts);
    ck_assert_int_eq(counts.refused, 1);
    close(p.fd);
    peer_connect(&p); /* what it took is free again */
    sends(&p, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    ck_assert(receives(&p, "2 /p 5 hello", 1, 5000));
    peer_close(&p);
}
END_TEST

/* A header that drips: each byte is progress, and yet the time is over. */
START_TEST(slow_header) {
    struct peer p;
    struct http_server_counts counts;
    peer_open(&p, (struct http_server_options){.request_ms = 700});
    sends(&p, "GET /slow HTTP/1.1\r\nHost: x\r\nX: ");
    for (int i = 0; i < 100 && !p.ended; i++) {
        if (write(p.fd, "a", 1) < 0)
            break;
        receives(&p, NULL, 0, 30);
    }
    ck_assert(p.ended || receives(&p, NULL, 0, 1000));
    ck_assert_int_eq(p.requests, 0);
    http_server_counts(p.server, &counts);
    ck_assert_int_eq(counts.slow, 1);
    peer_close(&p);
}
END_TEST

/* Who waits for us is not slow. */
START_TEST(slow_answer) {
    struct peer p;
    peer_open(&p, (struct http_server_options){.request_ms = 300});
    sends(&p, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert(!receives(&p, "HTTP/1.1", 1, 1200));
    answer_text(p.held, "at last");
    ck_assert(receives(&p, "at last", 1, 5000));
    peer_close(&p);
}
END_TEST

START_TEST(headers_over_their_limit) {
    struct peer p;
    peer_open(&p, (struct http_server_options){.header_bytes = 4096});
    sends(&p, "GET /a HTTP/1.1\r\nHost: x\r\nX: ");
    for (int i = 0; i < 5000; i++)
        if (write(p.fd, "aaaaaaaa", 8) < 0)
            break;
    ck_assert(receives(&p, "HTTP/1.1 4", 1, 5000) || p.ended);
    ck_assert_int_eq(p.requests, 0);
    peer_close(&p);
}
END_TEST

/* Over the limit of connections one waits until another is gone. */
START_TEST(connections_over_their_limit) {
    struct peer p;
    int idle[2];
    peer_open(&p, (struct http_server_options){.connections = 2});
    for (int i = 0; i < 2; i++) {
        sends(&p, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
        ck_assert(receives(&p, "0 /a", 1, 5000));
        idle[i] = p.fd;
        peer_connect(&p);
    }
    sends(&p, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert(!receives(&p, "HTTP/1.1", 1, 200));
    ck_assert_int_eq(p.requests, 2);
    close(idle[0]);
    ck_assert(receives(&p, "0 /b", 1, 5000));
    close(idle[1]);
    peer_close(&p);
}
END_TEST

static const char *const wrong[] = {"",           "8080",         ":8080", "nowhere.invalid:80",
                                    "127.0.0.1:", "203.0.113.1:0"};

START_TEST(addresses) {
    uv_loop_t loop;
    struct err e = ERR_INIT;
    struct http_server_options o = {.listen = str_from(wrong[_i]), .on_request = on_request};
    uv_loop_init(&loop);
    ck_assert(!http_server_open(&loop, &o, &e));
    ck_assert_int_eq(e.kind, ERR_INPUT);
    uv_loop_close(&loop);
}
END_TEST

Suite *suite_http_server(void) {
    Suite *s = suite_create("http_server");
    TCase *t = tcase_create("http_server");
    tcase_add_loop_test(t, requests, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, head_has_no_body);
    tcase_add_test(t, answered_later);
    tcase_add_test(t, answered_too_late);
    tcase_add_test(t, answered_after_a_reset);
    tcase_add_test(t, body_while_another_waits);
    tcase_add_test(t, one_behind_another);
    tcase_add_test(t, body_over_its_limit);
    tcase_add_test(t, bodies_over_their_limit);
    tcase_add_test(t, slow_header);
    tcase_add_test(t, slow_answer);
    tcase_add_test(t, headers_over_their_limit);
    tcase_add_test(t, connections_over_their_limit);
    tcase_add_loop_test(t, addresses, 0, sizeof wrong / sizeof *wrong);
    suite_add_tcase(s, t);
    return s;
}
