/* SPDX-License-Identifier: Apache-2.0
 *
 * flow: runs a table of steps, one after the other, on the loop's thread.
 *
 * A step does its work and says how to go on. A step that started something
 * asynchronous returns FLOW_WAIT; whoever completes it stores the result in the
 * flow's owner and calls flow_wake(), upon which the NEXT step runs. Waking a
 * flow that is running only sets a flag, so nothing recurses. One wait at a
 * time. When the table ends, or a step returns DONE or FAIL, `ended` is called
 * once; it may start the flow again.
 */
#ifndef GODWIT_ENGINE_FLOW_H
#define GODWIT_ENGINE_FLOW_H

#include "base/err.h"

struct flow;

enum flow_result {
    FLOW_NEXT, /* on with the next step, now */
    FLOW_WAIT, /* on with the next step when woken */
    FLOW_DONE, /* the rest of the table is not needed */
    FLOW_FAIL  /* flow->err says why */
};

struct flow_step {
    const char *name; /* for traces; NULL ends the table */
    enum flow_result (*run)(struct flow *f);
};

struct flow {
    const struct flow_step *steps;
    void *owner;
    void (*ended)(struct flow *f, bool ok);
    struct err err;
    /* private */
    int at;
    bool active, running, waiting, woken;
};

/* steps, owner and ended are set; not active. */
void flow_start(struct flow *f);

/* The wait is over. A failed wait is told by setting f->err before. */
void flow_wake(struct flow *f);

static inline bool flow_active(const struct flow *f) {
    return f->active;
}

#endif
