/* SPDX-License-Identifier: Apache-2.0
 *
 * fault: named places at which a test makes the process die, stall or fail.
 *
 * Compiled in by --enable-developer only. GODWIT_FAULT=point:n:action, several
 * separated by commas; at the n-th pass (from 1) of the point:
 *     crash   the process kills itself with SIGKILL, as kill -9 would
 *     stall   the thread stops for an hour
 *     error   fault_point() returns true, and the caller fails as it would
 * Any thread. An unknown action is ignored with a line on standard error.
 *
 * GODWIT_CLOCK=FILE: the wall clock is off by the seconds that stand in the file ("-3600"), or
 * stands still at those behind a "=" ("=1800000000"); the file may change at any time.
 */
#ifndef GODWIT_BASE_FAULT_H
#define GODWIT_BASE_FAULT_H

#include <stdbool.h>
#include <time.h>

#ifdef GODWIT_DEVELOPER
bool fault_point(const char *name);
void fault_clock(struct timespec *t); /* sets it as a test wants it */
#else
static inline bool fault_point(const char *name) {
    (void)name;
    return false;
}
static inline void fault_clock(struct timespec *t) {
    (void)t;
}
#endif

#endif
