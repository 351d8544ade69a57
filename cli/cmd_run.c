/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/log.h"
#include "cli/progress.h"
#include "cli/setup.h"
#include "engine/engine.h"

#include <signal.h>
#include <stdio.h>

struct screen {
    struct progress *progress;
    struct buf line; /* the last one stays */
};

/* On a terminal a line that is drawn over itself; in a log nothing: the engine logs. */
static void on_progress(void *ctx, const struct engine_progress *p) {
    struct screen *s = ctx;
    buf_clear(&s->line);
    progress_number(&s->line, p->events);
    buf_add_str(&s->line, S(" events decided, "));
    progress_number(&s->line, p->sent);
    buf_add_str(&s->line, S(" sent, "));
    progress_number(&s->line, p->failed);
    buf_printf(&s->line, " failed, %zu in hand%s%.*s", p->waiting, p->trouble.n ? "; " : "",
               STR_FMT(p->trouble));
    progress_status(s->progress, buf_str(&s->line));
}

static bool set_up_log(const struct args *args) {
    const char *level = args_get(args, "log-level"), *format = args_get(args, "log-format");
    enum log_level least = LOG_INFO;
    if (level && !log_level_parse(str_from(level), &least))
        return false;
    if (format && strcmp(format, "json") != 0 && strcmp(format, "logfmt") != 0)
        return false;
    log_setup(least, format && strcmp(format, "json") == 0 ? LOG_JSON : LOG_LOGFMT);
    return true;
}

/* Until the engine's loop takes signals over: what is being set up is finished first. A second
 * one ends the program at once. */
static volatile sig_atomic_t asked_to_stop;

static void on_early_signal(int number) {
    (void)number;
    asked_to_stop = 1;
}

static void catch_early_signals(void) {
    struct sigaction a = {.sa_handler = on_early_signal,
                          .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigemptyset(&a.sa_mask);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
}

static bool should_stop(void *ctx) {
    (void)ctx;
    return asked_to_stop;
}

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    catch_early_signals();
    if (!set_up_log(args))
        return args_usage(args, "--log-level is debug, info, warn or error; --log-format is logfmt "
                                "or json");
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    if (asked_to_stop) {
        setup_close(&s);
        return EXIT_DONE;
    }
    struct progress_look look = progress_look(stderr);
    struct screen screen = {look.live && args_get(args, "drain") ? progress_new(look) : NULL,
                            BUF_HEAP};
    struct engine_options o = {
        .folder = str_from(args->workspace),
        .conninfo = s.conninfo,
        .drain = args_get(args, "drain") != NULL,
        .on_progress = screen.progress ? on_progress : NULL,
        .should_stop = should_stop,
        .ctx = &screen,
    };
    if (!o.drain)
        log_info("godwit runs", LOG_S("workspace", workspace_summary(s.arena, s.workspace)));
    bool ok = engine_run(s.workspace, &o, &e);
    progress_end(screen.progress, buf_str(&screen.line));
    buf_close(&screen.line);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"drain", 0, NULL, "do all that is due now, then exit"},
    {"log-level", 0, "LEVEL", "debug, info (default), warn or error"},
    {"log-format", 0, "FORMAT", "logfmt (default) or json"},
    {0},
};

const struct command cmd_run = {
    .name = "run",
    .arguments = "",
    .summary = "Runs the engine: decides on events and sends what follows.",
    .about = "Several engines on one database share the work and take over from each other.\n"
             "SIGHUP reloads the workspace; SIGTERM stops within 10 seconds and loses nothing.",
    .example = "  godwit run -C shop\n  godwit run --drain",
    .options = options,
    .least = 0,
    .most = 0,
    .run = run,
};
