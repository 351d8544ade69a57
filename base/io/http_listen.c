/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/http_listen.h"

#include "base/arena.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

/* "[::1]:80" -> "::1", "80"; "*:80" -> NULL (all addresses), "80" */
static bool split(struct arena *a, struct str where, char **host, char **port) {
    size_t colon = where.n;
    while (colon && where.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || colon == where.n)
        return false;
    struct str name = str_sub(where, 0, colon - 1);
    if (str_starts(name, S("[")) && str_ends(name, S("]")))
        name = str_sub(name, 1, name.n - 1);
    *host = str_eq(name, S("*")) ? NULL : str_cstr(a, name);
    *port = str_cstr(a, str_sub(where, colon, where.n));
    return true;
}

static int open_socket(const struct addrinfo *i) {
    int one = 1;
    int fd = socket(i->ai_family, i->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, i->ai_protocol);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, i->ai_addr, i->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static int port_of(int fd) {
    struct sockaddr_storage at;
    socklen_t n = sizeof at;
    char port[8];
    int64_t number = 0;
    if (getsockname(fd, (struct sockaddr *)&at, &n) != 0 ||
        getnameinfo((struct sockaddr *)&at, n, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0 ||
        !str_to_int64(str_from(port), &number))
        return 0;
    return (int)number;
}

bool http_listen(struct str where, int *fd, int *port, struct err *e) {
    struct arena *a = arena_new(256);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char *host = NULL, *service = NULL;
    bool ok = split(a, where, &host, &service);
    if (!ok) {
        err_set(e, ERR_INPUT, "`%.*s` is no address and port to listen on, as 127.0.0.1:8080 is",
                STR_FMT(where));
    } else {
        int why = getaddrinfo(host, service, &hints, &list);
        ok = why == 0;
        if (!ok)
            err_set(e, ERR_INPUT, "cannot listen on %.*s: %s", STR_FMT(where), gai_strerror(why));
    }
    if (ok) {
        *fd = open_socket(list);
        ok = *fd >= 0;
        if (!ok)
            err_set(e, ERR_INPUT,
                    "cannot listen on %.*s: %s; is another program there? Choose another port "
                    "under `tracking: listen`",
                    STR_FMT(where), strerror(errno));
        else
            *port = port_of(*fd);
    }
    if (list)
        freeaddrinfo(list);
    arena_free(a);
    return ok;
}

void http_listen_close(int fd) {
    close(fd);
}
