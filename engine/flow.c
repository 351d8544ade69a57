/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/flow.h"

#include "base/log.h"

#include <assert.h>

static void end(struct flow *f, bool ok) {
    f->active = false;
    f->waiting = false;
    f->ended(f, ok);
}

static void run(struct flow *f) {
    f->running = true;
    for (;;) {
        const struct flow_step *step = &f->steps[f->at];
        if (!step->name || f->err.kind != ERR_NONE)
            break;
        if (log_enabled(LOG_DEBUG))
            log_debug("step", LOG_S("name", str_from(step->name)));
        f->at++;
        f->woken = false;
        enum flow_result result = step->run(f);
        if (result == FLOW_DONE)
            break;
        if (result == FLOW_FAIL) {
            assert(f->err.kind != ERR_NONE);
            break;
        }
        if (result == FLOW_WAIT && !f->woken) {
            f->waiting = true;
            f->running = false;
            return;
        }
    }
    f->running = false;
    end(f, f->err.kind == ERR_NONE);
}

void flow_start(struct flow *f) {
    assert(!f->active && f->steps && f->ended);
    f->active = true;
    f->at = 0;
    f->waiting = false;
    f->err = ERR_INIT;
    run(f);
}

void flow_wake(struct flow *f) {
    assert(f->active);
    f->woken = true;
    if (f->running || !f->waiting)
        return;
    f->waiting = false;
    run(f);
}
