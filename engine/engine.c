/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/engine.h"

#include "base/arena.h"
#include "base/log.h"
#include "engine/delivery/delivery.h"
#include "engine/intake/intake.h"
#include "engine/intake/wake.h"
#include "engine/metrics.h"
#include "engine/registry.h"
#include "engine/registry_journeys.h"
#include "engine/response/inbound.h"
#include "engine/response/receive.h"
#include "engine/shards.h"
#include "engine/supervisor.h"

#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#define TICK_MS 250
#define STOP_MS 8000       /* for what is in flight, after SIGTERM */
#define RECEIVE_MS 2000    /* of it, for answers to HTTP requests */
#define VERSIONS_TICKS 240 /* between looks for versions that are not loaded */
#define STUCK_TICKS 20     /* a drain gives up after so many ticks without a way on */
#define STILL_TICKS 1200   /* ... and after so many in which nothing at all was done */

struct engine {
    const struct engine_options *options;
    uv_loop_t loop;
    uv_signal_t term, interrupt, hangup;
    uv_timer_t tick;
    struct workspace *workspace; /* held */
    struct arena *arena;
    struct str secret;
    struct keyring keys;
    struct shards *shards;
    struct intake *intake;
    struct wake *wake;
    struct delivery *delivery;
    struct receive *receive; /* NULL: nothing listens */
    struct inbound *inbound; /* NULL: a drain */
    struct supervisor *supervisor;
    bool stopping, failed;
    int stuck_ticks, still_ticks;
    int64_t done;    /* what the counts said when something was done last */
    bool unknown;    /* people are in versions of campaigns that are not loaded */
    int known_ticks; /* since they were looked for */
    struct err err;
};

static void stop(struct engine *en);

/* ---- what shards and intake tell */

static void on_shards(void *ctx) {
    struct engine *en = ctx;
    if (!en->intake || !en->delivery || !en->wake)
        return;
    delivery_shards_changed(en->delivery);
    intake_shards_changed(en->intake);
    wake_kick(en->wake);
}

/* Events were committed. */
static void on_wake(void *ctx) {
    struct engine *en = ctx;
    if (en->intake)
        intake_kick(en->intake);
}

static bool is_idle(void *ctx, uint64_t members) {
    struct engine *en = ctx;
    return (!en->intake || intake_idle(en->intake, members)) &&
           (!en->wake || wake_idle(en->wake, members)) &&
           (!en->delivery || delivery_idle(en->delivery, members));
}

static void on_fatal(void *ctx, const struct err *e) {
    struct engine *en = ctx;
    if (en->failed)
        return;
    en->failed = true;
    en->err = *e;
    stop(en);
}

static void on_link(void *ctx, bool up, const struct err *e) {
    (void)ctx;
    if (up)
        log_info("database connected");
    else
        log_warn("database cannot be reached, trying again", LOG_S("reason", str_from(e->text)));
}

static void on_messages(void *ctx) {
    struct engine *en = ctx;
    if (en->delivery) /* it closes first: what comes now is for the next run */
        delivery_kick(en->delivery);
}

static void on_touched(void *ctx) {
    struct engine *en = ctx;
    if (en->wake)
        wake_kick(en->wake);
}

static void on_fenced(void *ctx) {
    struct engine *en = ctx;
    shards_recheck(en->shards);
}

static void on_quiet(void *ctx) {
    struct engine *en = ctx;
    shards_sleep(en->shards, true);
}

static void on_busy(void *ctx) {
    struct engine *en = ctx;
    shards_sleep(en->shards, false);
}

static void on_unknown(void *ctx) {
    struct engine *en = ctx;
    en->unknown = true;
}

/* ---- progress and drain */

static void report(struct engine *en, const struct intake_counts *in,
                   const struct delivery_counts *out) {
    if (!en->options->on_progress)
        return;
    struct engine_progress p = {
        .events = in->events,
        .decisions = in->decisions,
        .sent = out->sent,
        .failed = out->failed,
        .deferred = out->deferred,
        .in_doubt = out->in_doubt,
        .waiting = out->ready + out->in_flight,
        .shards = __builtin_popcountll(shards_owned(en->shards)),
        .engines = shards_engines(en->shards),
        .trouble = out->stuck ? out->trouble : STR_NONE,
    };
    en->options->on_progress(en->options->ctx, &p);
}

static void give_up(struct engine *en, struct str why) {
    en->failed = true;
    err_set(&en->err, ERR_TEMPORARY,
            "not everything could be done: %.*s. What was not decided or sent stays where it is; "
            "run again when this is mended",
            STR_FMT(why));
    stop(en);
}

/* Drained: nothing undecided, nothing due, nothing in hand. A channel that cannot be
 * reached, or a database that refuses, is given some seconds, then it is said and the rest stays.
 */
static void check_drain(struct engine *en, const struct intake_counts *in,
                        const struct delivery_counts *out) {
    bool stuck = in->stuck || (out->stuck && in->quiet);
    int64_t done = in->events + in->decisions + out->sent + out->failed + out->deferred;
    en->stuck_ticks = stuck ? en->stuck_ticks + 1 : 0;
    en->still_ticks = done == en->done ? en->still_ticks + 1 : 0;
    en->done = done;
    if (in->quiet && out->quiet && wake_quiet(en->wake) && !stuck)
        stop(en);
    else if (en->stuck_ticks >= STUCK_TICKS)
        give_up(en, out->stuck ? out->trouble : in->trouble);
    else if (en->still_ticks >= STILL_TICKS)
        give_up(en, S("for five minutes nothing was decided or sent, and the log says why, if "
                      "something was refused"));
}

static void reload(struct engine *en);

static void on_tick(uv_timer_t *t) {
    struct engine *en = t->data;
    struct intake_counts in;
    struct delivery_counts out;
    if (en->stopping)
        return;
    intake_counts(en->intake, &in);
    delivery_counts(en->delivery, &out);
    report(en, &in, &out);
    en->known_ticks++;
    if ((en->options->should_reload && en->options->should_reload(en->options->ctx)) ||
        (en->unknown && en->known_ticks > VERSIONS_TICKS))
        reload(en);
    if (en->options->should_stop && en->options->should_stop(en->options->ctx))
        stop(en);
    else if (en->options->drain)
        check_drain(en, &in, &out);
}

/* ---- reload */

static void tell_resend(struct engine *en, const struct workspace *w) {
    const struct settings *s = &w->settings;
    struct arena *a = arena_new(0);
    struct str *names = ARENA_ARRAY(a, struct str, s->n_channels + 1);
    size_t n = 0;
    for (size_t i = 0; i < s->n_channels; i++)
        if (s->channels[i].in_doubt == IN_DOUBT_RESEND)
            names[n++] = s->channels[i].name;
    shards_resend(en->shards, names, n);
    arena_free(a);
}

/* First what can still refuse: a channel that does not open, a write key or a login that is not
 * there. */
static bool use(struct engine *en, struct workspace *w, struct err *e) {
    struct keyring keys;
    if (!inbound_check(w, e) || !registry_earlier(en->options->conninfo, w, en->workspace, e) ||
        !registry_record(en->options->conninfo, w, e) ||
        !registry_keys(en->options->conninfo, &keys, e) || !delivery_prepare(en->delivery, w, e))
        return false;
    if (en->receive && !receive_reload(en->receive, w, e)) {
        delivery_unprepare(en->delivery);
        return false;
    }
    en->keys = keys;
    keyring_clear(&keys);
    if (en->inbound)
        inbound_reload(en->inbound, w);
    tell_resend(en, w);
    intake_reload(en->intake, w);
    delivery_reload(en->delivery, w);
    wake_reload(en->wake, w);
    workspace_release(en->workspace);
    en->workspace = w;
    return true;
}

static void reload(struct engine *en) {
    supervisor_reloading(en->supervisor);
    en->unknown = false;
    en->known_ticks = 0;
    struct arena *a = arena_new(0);
    struct diags d;
    struct err e = ERR_INIT;
    diags_init(&d, a);
    struct workspace *w = workspace_load(en->options->folder, &d);
    diags_print(&d, stderr, false);
    if (w && en->options->on_loaded)
        en->options->on_loaded(en->options->ctx, w);
    if (!w) {
        log_error("workspace not reloaded: it has mistakes; the old one stays",
                  LOG_I("errors", d.errors));
    } else if (!use(en, w, &e)) {
        log_error("workspace not reloaded; the old one stays", LOG_S("error", str_from(e.text)));
        workspace_release(w);
    } else {
        log_info("workspace reloaded", LOG_S("contents", workspace_summary(a, w)));
    }
    arena_free(a);
    supervisor_ready(en->supervisor);
}

static void on_signal(uv_signal_t *h, int number) {
    struct engine *en = h->data;
    if (number == SIGHUP) {
        if (!en->stopping)
            reload(en);
        return;
    }
    if (!en->stopping)
        log_info("stopping", LOG_S("signal", number == SIGTERM ? S("TERM") : S("INT")));
    stop(en);
}

/* ---- for operators, over HTTP */

static bool is_ready(void *ctx) {
    const struct engine *en = ctx;
    return !en->stopping && shards_engine(en->shards) != 0;
}

static void put_metrics(void *ctx, struct buf *out) {
    struct engine *en = ctx;
    struct intake_counts in = {0};
    struct delivery_counts d = {0};
    const char *name = "godwit_messages_total";
    if (en->intake)
        intake_counts(en->intake, &in);
    if (en->delivery)
        delivery_counts(en->delivery, &d);
    metrics_value(out, "godwit_ready", "Whether the database is there and shards can be owned.",
                  is_ready(en));
    metrics_value(out, "godwit_shards", "Shards that this process owns.",
                  __builtin_popcountll(shards_owned(en->shards)));
    metrics_value(out, "godwit_engines", "Engines that share the work.",
                  shards_engines(en->shards));
    metrics_count(out, "godwit_events_total", "Events decided on.", (double)in.events);
    metrics_count(out, "godwit_decisions_total", "Decisions written.", (double)in.decisions);
    metrics_counter(out, name, "What came of messages handed over.");
    metrics_sample(out, name, "status=\"sent\"", (double)d.sent);
    metrics_sample(out, name, "status=\"failed\"", (double)d.failed);
    metrics_sample(out, name, "status=\"deferred\"", (double)d.deferred);
    metrics_sample(out, name, "status=\"in_doubt\"", (double)d.in_doubt);
    metrics_value(out, "godwit_messages_in_hand", "Messages claimed and not yet settled.",
                  (double)(d.ready + d.in_flight));
    if (en->inbound)
        inbound_metrics(en->inbound, out);
    metrics_value(out, "godwit_stuck", "Whether a channel rests after failures.", d.stuck);
}

/* ---- stopping: what listens first, then delivery (it still settles), wake, intake, the shards */

static void on_shards_closed(void *ctx) {
    struct engine *en = ctx;
    uv_close((uv_handle_t *)&en->term, NULL);
    uv_close((uv_handle_t *)&en->interrupt, NULL);
    uv_close((uv_handle_t *)&en->hangup, NULL);
    uv_close((uv_handle_t *)&en->tick, NULL);
    supervisor_close(en->supervisor);
}

static void on_intake_closed(void *ctx) {
    struct engine *en = ctx;
    en->intake = NULL;
    shards_close(en->shards, on_shards_closed, en);
}

static void on_wake_closed(void *ctx) {
    struct engine *en = ctx;
    en->wake = NULL;
    intake_close(en->intake, on_intake_closed, en);
}

static void on_delivery_closed(void *ctx) {
    struct engine *en = ctx;
    en->delivery = NULL;
    wake_close(en->wake, on_wake_closed, en);
}

static void on_inbound_closed(void *ctx) {
    struct engine *en = ctx;
    en->inbound = NULL;
    delivery_close(en->delivery, STOP_MS - RECEIVE_MS, on_delivery_closed, en);
}

static void on_receive_closed(void *ctx) {
    struct engine *en = ctx;
    en->receive = NULL;
    inbound_close(en->inbound, on_inbound_closed, en);
}

static void stop(struct engine *en) {
    if (en->stopping)
        return;
    struct intake_counts in;
    struct delivery_counts out;
    intake_counts(en->intake, &in);
    delivery_counts(en->delivery, &out);
    report(en, &in, &out);
    en->stopping = true;
    uv_timer_stop(&en->tick);
    supervisor_stopping(en->supervisor);
    if (en->receive)
        receive_close(en->receive, on_receive_closed, en);
    else if (en->inbound)
        on_receive_closed(en);
    else
        delivery_close(en->delivery, STOP_MS, on_delivery_closed, en);
}

/* ---- starting */

static bool open_parts(struct engine *en) {
    const char *conninfo = en->options->conninfo;
    struct shards_events sh = {en, on_shards, on_wake, is_idle, on_fatal, on_link};
    struct intake_events in = {en,       on_messages, on_touched, on_fenced,
                               on_quiet, on_busy,     on_unknown};
    struct wake_events wa = {en, on_wake, on_fenced};
    en->shards = shards_open(&en->loop, conninfo, &sh, &en->err);
    if (!en->shards)
        return false;
    tell_resend(en, en->workspace);
    en->delivery = delivery_open(&en->loop, conninfo, en->workspace, en->shards, en->secret,
                                 &en->keys, &en->err);
    if (!en->delivery)
        return false;
    en->intake =
        intake_open(&en->loop, conninfo, en->workspace, en->shards, en->secret, &in, &en->err);
    if (!en->intake)
        return false;
    en->wake = wake_open(&en->loop, conninfo, en->workspace, en->shards, &wa, &en->err);
    return en->wake != NULL;
}

/* A drain does what is due and goes: it answers nobody. */
static bool open_receive(struct engine *en) {
    const struct receive_host host = {en, is_ready, put_metrics};
    if (en->options->drain)
        return true;
    en->inbound =
        inbound_open(&en->loop, en->options->conninfo, en->workspace, en->secret, &en->err);
    if (!en->inbound || !en->workspace->settings.tracking.listen.n)
        return en->inbound != NULL;
    en->receive =
        receive_open(&en->loop, en->options->conninfo, en->workspace, &en->keys, &host, &en->err);
    if (en->receive)
        log_info("listening", LOG_S("address", en->workspace->settings.tracking.listen),
                 LOG_I("port", receive_port(en->receive)));
    return en->receive != NULL;
}

static void watch(struct engine *en, uv_signal_t *h, int number) {
    uv_signal_init(&en->loop, h);
    h->data = en;
    uv_signal_start(h, on_signal, number);
}

bool engine_run(struct workspace *w, const struct engine_options *o, struct err *e) {
    struct engine en = {.options = o, .arena = arena_new(0), .known_ticks = VERSIONS_TICKS};
    bool ok = inbound_check(w, e) && registry_secret(o->conninfo, en.arena, &en.secret, e) &&
              registry_keys(o->conninfo, &en.keys, e) &&
              registry_earlier(o->conninfo, w, NULL, e) && registry_record(o->conninfo, w, e);
    if (ok) {
        if (uv_loop_init(&en.loop) != 0)
            abort();
        en.workspace = workspace_hold(w);
        ok = open_parts(&en) && open_receive(&en);
        if (!ok)
            *e = en.err;
    }
    if (ok) {
        watch(&en, &en.term, SIGTERM);
        watch(&en, &en.interrupt, SIGINT);
        watch(&en, &en.hangup, SIGHUP);
        uv_timer_init(&en.loop, &en.tick);
        en.tick.data = &en;
        uv_timer_start(&en.tick, on_tick, TICK_MS, TICK_MS);
        en.supervisor = supervisor_open(&en.loop);
        supervisor_ready(en.supervisor);
        uv_run(&en.loop, UV_RUN_DEFAULT);
        uv_loop_close(&en.loop);
        workspace_release(en.workspace);
        ok = !en.failed;
        if (!ok)
            *e = en.err;
    }
    arena_free(en.arena);
    return ok;
}
