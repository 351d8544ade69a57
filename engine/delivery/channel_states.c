/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/channel_states.h"

#include "base/arena.h"
#include "base/io/db.h"
#include "base/wallclock.h"
#include "engine/sql_text.h"

#include <math.h>
#include <stdlib.h>

#define EVERY_US (2 * WALLCLOCK_US_PER_S)
#define MEMORY_S 5.0 /* of the average: what is older counts a third */

static const struct db_stmt st_write = {"channel_state", sql_channel_state};

struct channel_states {
    struct arena *arena; /* of the request under way */
    int64_t at_us;       /* of the last; 0: none yet */
    bool writing;
};

struct channel_states *channel_states_new(void) {
    struct channel_states *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->arena = arena_new(0);
    return s;
}

void channel_states_free(struct channel_states *s) {
    if (!s)
        return;
    arena_free(s->arena);
    free(s);
}

bool channel_states_due(const struct channel_states *s, int64_t now_us) {
    return !s->writing && (now_us - s->at_us >= EVERY_US || now_us < s->at_us);
}

static void on_written(void *ctx, const struct err *e, struct db_reply *reply) {
    struct channel_states *s = ctx;
    (void)e; /* the next one comes soon */
    s->writing = false;
    db_reply_free(reply);
}

/* An average that forgets, so that it neither jumps nor lags. */
static double update(struct channel_average *a, int64_t done, double seconds) {
    double keep = exp(-seconds / MEMORY_S);
    a->per_s = a->per_s * keep + (double)(done - a->done) / seconds * (1 - keep);
    a->done = done;
    return a->per_s < 0.01 ? 0 : a->per_s;
}

void channel_states_write(struct channel_states *s, struct db *db, int64_t engine,
                          const struct channel_state *list, size_t n, int64_t now_us) {
    double seconds = s->at_us && now_us > s->at_us
                         ? (double)(now_us - s->at_us) / WALLCLOCK_US_PER_S
                         : (double)EVERY_US / WALLCLOCK_US_PER_S;
    arena_reset(s->arena);
    struct db_array *names = db_array(s->arena, DB_TEXT, n);
    struct db_array *rates = db_array(s->arena, DB_FLOAT8, n);
    struct db_array *flying = db_array(s->arena, DB_INT4, n);
    struct db_array *troubles = db_array(s->arena, DB_TEXT, n);
    struct db_array *columns[] = {names, rates, flying, troubles};
    struct db_params *p = db_params(s->arena);
    struct err e = ERR_INIT;
    for (size_t i = 0; i < n; i++) {
        db_array_text(names, list[i].channel);
        db_array_float8(rates, update(list[i].average, list[i].done, seconds));
        db_array_int4(flying, (int32_t)list[i].in_flight);
        db_array_text(troubles, list[i].trouble.n ? list[i].trouble : STR_NONE);
    }
    s->at_us = now_us;
    db_param_int8(p, engine);
    for (size_t i = 0; i < 4; i++)
        db_param_array(p, columns[i]);
    struct db_call call = {&st_write, p};
    s->writing = db_transaction(db, &call, 1, on_written, s, &e);
}
