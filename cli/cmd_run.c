/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/log.h"
#include "cli/setup.h"
#include "engine/engine.h"

#include <stdio.h>
#include <unistd.h>

/* On a terminal a line that is written over; in a log nothing: the engine logs. */
static void on_progress(void *ctx, const struct engine_progress *p) {
    (void)ctx;
    fprintf(stderr, "\r\033[K%lld events decided, %lld sent, %lld failed, %zu in hand%s%.*s",
            (long long)p->events, (long long)p->sent, (long long)p->failed, p->waiting,
            p->trouble.n ? " - " : "", STR_FMT(p->trouble));
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

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    if (!set_up_log(args))
        return args_usage(args, "--log-level is debug, info, warn or error; --log-format is logfmt "
                                "or json");
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    bool terminal = isatty(STDERR_FILENO) && args_get(args, "drain");
    struct engine_options o = {
        .folder = str_from(args->workspace),
        .conninfo = s.conninfo,
        .drain = args_get(args, "drain") != NULL,
        .on_progress = terminal ? on_progress : NULL,
    };
    if (!o.drain)
        log_info("godwit runs", LOG_S("workspace", workspace_summary(s.arena, s.workspace)));
    bool ok = engine_run(s.workspace, &o, &e);
    if (terminal)
        fputc('\n', stderr);
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
