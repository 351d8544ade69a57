/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/supervisor.h"

#include "base/str.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct supervisor {
    int fd; /* -1: nobody listens */
    struct sockaddr_un to;
    socklen_t to_n;
    uv_timer_t watchdog;
};

static void tell(const struct supervisor *s, const char *text) {
    if (s->fd >= 0)
        (void)!sendto(s->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                      (const struct sockaddr *)&s->to, s->to_n);
}

static void on_watchdog(uv_timer_t *t) {
    tell(t->data, "WATCHDOG=1");
}

/* A path, or with @ a name in the abstract space. */
static void connect_to(struct supervisor *s, const char *path) {
    size_t n = path ? strlen(path) : 0;
    s->fd = -1;
    if (n < 2 || n >= sizeof s->to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    s->to.sun_family = AF_UNIX;
    memcpy(s->to.sun_path, path, n);
    if (path[0] == '@')
        s->to.sun_path[0] = 0;
    s->to_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* Microseconds; 0: no watchdog, or one for another process. */
static int64_t watchdog_us(void) {
    int64_t us, pid;
    const char *of = getenv("WATCHDOG_PID");
    if (!str_to_int64(str_from(getenv("WATCHDOG_USEC")), &us) || us <= 0)
        return 0;
    if (of && (!str_to_int64(str_from(of), &pid) || pid != getpid()))
        return 0;
    return us;
}

struct supervisor *supervisor_open(uv_loop_t *loop) {
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    connect_to(s, getenv("NOTIFY_SOCKET"));
    uv_timer_init(loop, &s->watchdog);
    s->watchdog.data = s;
    int64_t us = s->fd >= 0 ? watchdog_us() : 0;
    uint64_t every = (uint64_t)us / 2000;
    if (us)
        uv_timer_start(&s->watchdog, on_watchdog, 0, every ? every : 1);
    return s;
}

void supervisor_ready(struct supervisor *s) {
    tell(s, "READY=1");
}

void supervisor_reloading(struct supervisor *s) {
    char text[80];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(s, text);
}

void supervisor_stopping(struct supervisor *s) {
    tell(s, "STOPPING=1");
}

void supervisor_status(struct supervisor *s, const char *text) {
    char line[256];
    snprintf(line, sizeof line, "STATUS=%s", text);
    tell(s, line);
}

static void on_closed(uv_handle_t *h) {
    free(h->data);
}

void supervisor_close(struct supervisor *s) {
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    uv_close((uv_handle_t *)&s->watchdog, on_closed);
}
