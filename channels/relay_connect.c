/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/relay_connect.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int (*connect_fn)(int fd, const struct sockaddr *addr, socklen_t len);

/* The program's connect(); its C name differs because glibc's prototype has a union. */
int relay_connect_hook(int fd, const struct sockaddr *addr, socklen_t len) __asm__("connect");

static pthread_once_t once = PTHREAD_ONCE_INIT;
static connect_fn system_connect;
static __thread struct relay_socket *entered;
static __thread int entered_timeout_ms;

static void find_system_connect(void) {
    system_connect = (connect_fn)dlsym(RTLD_NEXT, "connect");
    if (!system_connect) {
        abort(); /* no C library without it */
    }
}

void relay_connect_init(struct relay_socket *s) {
    *s = (struct relay_socket){.fd = -1};
    if (uv_mutex_init(&s->mutex) != 0) {
        abort();
    }
}

void relay_connect_close(struct relay_socket *s) {
    if (s->fd >= 0) {
        close(s->fd);
    }
    uv_mutex_destroy(&s->mutex);
}

void relay_connect_enter(struct relay_socket *s, int timeout_ms) {
    entered = s;
    entered_timeout_ms = timeout_ms;
}

static void keep(struct relay_socket *s, int fd) {
    uv_mutex_lock(&s->mutex);
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = fd;
    uv_mutex_unlock(&s->mutex);
}

void relay_connect_leave(void) {
    keep(entered, -1);
    entered = NULL;
}

void relay_connect_cut(struct relay_socket *s, bool for_good) {
    uv_mutex_lock(&s->mutex);
    s->cut = s->cut || for_good;
    if (s->fd >= 0) {
        shutdown(s->fd, SHUT_RDWR);
    }
    uv_mutex_unlock(&s->mutex);
}

static bool is_cut(struct relay_socket *s) {
    uv_mutex_lock(&s->mutex);
    bool cut = s->cut;
    uv_mutex_unlock(&s->mutex);
    return cut;
}

static int fail(int error) {
    errno = error;
    return -1;
}

/* Waits for a connect that is under way. The deadline is checked in steps, so that a cut
 * is noticed within a fraction of a second. */
static int await_connect(struct relay_socket *s, int fd) {
    const int step_ms = 200;
    for (int waited = 0; waited < entered_timeout_ms; waited += step_ms) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int n = poll(&p, 1, step_ms);
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        if (n > 0) {
            int error = 0;
            socklen_t size = sizeof error;
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
            return error ? fail(error) : 0;
        }
        if (is_cut(s)) {
            return fail(ECANCELED);
        }
    }
    return fail(ETIMEDOUT);
}

static void set_nodelay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int connect_entered(struct relay_socket *s, int fd, const struct sockaddr *addr,
                           socklen_t len) {
    if (is_cut(s)) {
        return fail(ECANCELED);
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return -1;
    }
    int rc = system_connect(fd, addr, len);
    if (rc != 0 && errno == EINPROGRESS) {
        rc = await_connect(s, fd);
    }
    if (rc != 0) {
        return rc;
    }
    set_nodelay(fd);
    keep(s, fcntl(fd, F_DUPFD_CLOEXEC, 0));
    return 0;
}

int relay_connect_hook(int fd, const struct sockaddr *addr, socklen_t len) {
    pthread_once(&once, find_system_connect);
    struct relay_socket *s = entered;
    int type = 0;
    socklen_t size = sizeof type;
    bool tcp = s && (addr->sa_family == AF_INET || addr->sa_family == AF_INET6) &&
               getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
    return tcp ? connect_entered(s, fd, addr, len) : system_connect(fd, addr, len);
}

void relay_connect_nodelay(struct relay_socket *s) {
    uv_mutex_lock(&s->mutex);
    bool hooked = s->fd >= 0;
    uv_mutex_unlock(&s->mutex);
    if (hooked) {
        return;
    }
    struct rlimit limit;
    int most = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? (int)limit.rlim_cur
                                                                               : 65536;
    for (int fd = 3; fd < most; fd++) {
        int on = 0;
        socklen_t size = sizeof on;
        if (getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0 && !on) {
            set_nodelay(fd); /* harmless on another thread's socket */
        }
    }
}
