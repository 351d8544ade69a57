/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP server: whatever bytes come over a connection, in pieces or at once, each request that
 * gets through keeps the limits and is answered once, some later than others, and when the client
 * is gone nothing of it is left. A byte 0xff in the input ends a piece.
 */
#include "config.h"

#include "base/io/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MOST 2000
#define HELD_MOST 16
#define PATIENCE_NS UINT64_C(5000000000)

static uv_loop_t loop;
static struct http_server *server;
static struct http_request *held[HELD_MOST];
static size_t n_held;

static void must(bool ok) {
    if (!ok)
        abort();
}

static void answer(struct http_request *r) {
    static const struct http_field headers[] = {{"X-Test", "yes"}, {0}};
    must(http_body(r).n <= BODY_MOST);
    http_answer(r, 200, S("text/plain"), http_body(r), headers);
}

static void on_request(void *ctx, struct http_request *r) {
    (void)ctx;
    must(http_path(r).p != NULL);
    must(http_method(r) <= HTTP_OTHER);
    struct str agent = http_header(r, "User-Agent");
    must(!agent.n || !memchr(agent.p, '\n', agent.n));
    if (str_starts(http_path(r), S("/later")) && n_held < HELD_MOST)
        held[n_held++] = r;
    else
        answer(r);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    struct err e = ERR_INIT;
    struct http_server_options o = {.listen = S("127.0.0.1:0"),
                                    .connections = 64,
                                    .header_bytes = 4096,
                                    .body_bytes = BODY_MOST,
                                    .bodies_bytes = BODY_MOST * 2,
                                    .on_request = on_request};
    (void)argc;
    (void)argv;
    uv_loop_init(&loop);
    server = http_server_open(&loop, &o, &e);
    must(server != NULL);
    return 0;
}

static void turn(int fd) {
    char piece[4096];
    uv_run(&loop, UV_RUN_NOWAIT);
    while (fd >= 0 && read(fd, piece, sizeof piece) > 0)
        continue;
}

static void answer_held(void) {
    while (n_held)
        answer(held[--n_held]);
}

static int connected(void) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger reset = {1, 0}; /* no port waits: there are only so many */
    int fd = socket(AF_INET, SOCK_STREAM, 0), failed;
    must(fd >= 0);
    do /* libFuzzer's alarm comes in between now and then */
        failed = connect(fd, (struct sockaddr *)&to, sizeof to);
    while (failed && (errno == EINTR || errno == EALREADY));
    must(!failed || errno == EISCONN);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct http_server_counts counts;
    int fd = connected();
    for (size_t at = 0; at < size;) {
        const uint8_t *cut = memchr(data + at, 0xff, size - at);
        size_t n = cut ? (size_t)(cut - data) - at : size - at;
        if (n && send(fd, data + at, n, MSG_NOSIGNAL) < 0)
            break;
        at += n + 1;
        turn(fd);
    }
    for (int i = 0; i < 3; i++)
        turn(fd);
    answer_held();
    turn(fd);
    close(fd);
    uint64_t end = uv_hrtime() + PATIENCE_NS; /* the kernel tells of the end when it has time */
    do {
        turn(-1);
        answer_held();
        http_server_counts(server, &counts);
    } while (counts.connections && uv_hrtime() < end);
    must(counts.connections == 0 && counts.waiting == 0);
    return 0;
}
