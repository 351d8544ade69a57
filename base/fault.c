/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/fault.h"

#ifdef GODWIT_DEVELOPER

#include "base/str.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_FAULTS 8

static struct {
    char point[64];
    int64_t passes_left;
    enum { CRASH, STALL, ERROR } action;
} faults[MAX_FAULTS];
static size_t fault_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *clock_file;

static void add(struct str spec) {
    struct str point, n, action;
    bool ok = str_split(&spec, ':', &point) && str_split(&spec, ':', &n) &&
              str_split(&spec, ':', &action) && point.n < sizeof faults[0].point &&
              fault_count < MAX_FAULTS && str_to_int64(n, &faults[fault_count].passes_left);
    if (ok && str_eq(action, S("crash")))
        faults[fault_count].action = CRASH;
    else if (ok && str_eq(action, S("stall")))
        faults[fault_count].action = STALL;
    else if (ok && str_eq(action, S("error")))
        faults[fault_count].action = ERROR;
    else
        ok = false;
    if (!ok) {
        fprintf(stderr, "godwit: GODWIT_FAULT is point:n:crash|stall|error, separated by commas\n");
        return;
    }
    memcpy(faults[fault_count++].point, point.p, point.n);
}

static void read_environment(void) {
    struct str rest = str_from(getenv("GODWIT_FAULT")), spec;
    clock_file = getenv("GODWIT_CLOCK");
    while (rest.n && str_split(&rest, ',', &spec))
        add(spec);
}

bool fault_point(const char *name) {
    pthread_once(&once, read_environment);
    bool error = false;
    for (size_t i = 0; i < fault_count; i++) {
        if (strcmp(faults[i].point, name) != 0)
            continue;
        pthread_mutex_lock(&lock);
        bool now = --faults[i].passes_left == 0;
        pthread_mutex_unlock(&lock);
        if (!now)
            continue;
        if (faults[i].action == CRASH)
            raise(SIGKILL);
        else if (faults[i].action == STALL)
            sleep(3600);
        else
            error = true;
    }
    return error;
}

void fault_clock(struct timespec *t) {
    char text[24];
    int64_t seconds;
    pthread_once(&once, read_environment);
    int fd = clock_file ? open(clock_file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    struct str found = str_trim(str_of(text, n > 0 ? (size_t)n : 0));
    bool stopped = str_starts(found, S("="));
    if (!str_to_int64(stopped ? str_sub(found, 1, found.n) : found, &seconds))
        return;
    if (stopped)
        *t = (struct timespec){.tv_sec = (time_t)seconds};
    else
        t->tv_sec += (time_t)seconds;
}

#endif
