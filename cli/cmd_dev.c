/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/log.h"
#include "base/wallclock.h"
#include "cli/beside.h"
#include "cli/progress.h"
#include "cli/setup.h"
#include "engine/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>

#define PORT 2525 /* what `godwit init` writes; another one if it is taken */
#define CONNECTIONS 8
#define LINES 25 /* mails shown in one go; of a flood the rest is counted */

struct dev {
    struct beside *beside;
    struct progress *progress;
    bool live;
    const struct zone *zone;
    int64_t caught;
    int64_t stop_us;  /* --for; 0: never */
    int64_t quiet_us; /* --until-quiet; 0: never */
    int64_t busy_us;  /* when something last happened */
    struct engine_progress last;
    struct buf line;
};

/* ---- nothing leaves the machine */

/* By what a channel carries, not by its driver: what is not known here must not send, either. */
static void divert_channel(struct arena *a, struct settings_channel *c, int port) {
    struct map *settings = map_new(a, 4);
    c->driver = S("rehearse");
    if (c->carries == CARRIES_EMAIL) {
        c->driver = S("smtp");
        map_set_str(a, settings, S("host"), value_str(S("127.0.0.1")));
        map_set_str(a, settings, S("port"), value_int(port));
        map_set_str(a, settings, S("connections"), value_int(CONNECTIONS));
        map_set_str(a, settings, S("starttls"), value_str(S("off")));
    }
    c->settings = value_map(settings);
}

static void divert(struct workspace *w, int port) {
    struct settings *s = &w->settings;
    struct settings_channel *copy =
        ARENA_ARRAY(w->arena, struct settings_channel, s->n_channels + 1);
    for (size_t i = 0; i < s->n_channels; i++) {
        copy[i] = s->channels[i];
        divert_channel(w->arena, &copy[i], port);
    }
    s->channels = copy;
}

/* ---- what is shown */

static void say(struct dev *d) {
    progress_say(d->progress, buf_str(&d->line));
    buf_clear(&d->line);
}

static void on_mail(void *ctx, const struct capture_mail *m) {
    struct dev *d = ctx;
    struct civil at;
    wallclock_local(d->zone, m->at_us / WALLCLOCK_US_PER_S, &at);
    buf_printf(&d->line, "%02d:%02d:%02d  ", at.hour, at.minute, at.second);
    if (m->campaign.n)
        buf_printf(&d->line, "%-16.*s  ", STR_FMT(m->campaign));
    buf_printf(&d->line, "%-28.*s  %.*s", STR_FMT(m->to), STR_FMT(m->subject));
    if (m->others)
        buf_printf(&d->line, "  (and %zu more recipients)", m->others);
    say(d);
    d->caught++;
}

static void show_mails(struct dev *d) {
    size_t more = beside_mails(d->beside, LINES, on_mail, d);
    d->caught += (int64_t)more;
    if (!more)
        return;
    buf_add_str(&d->line, S("          and "));
    progress_number(&d->line, (int64_t)more);
    buf_add_str(&d->line, S(" more"));
    say(d);
}

static void add_count(struct buf *out, int64_t n, const char *what) {
    if (out->n)
        buf_add_str(out, S(", "));
    progress_number(out, n);
    buf_printf(out, " %s", what);
}

static void show_status(struct dev *d, const struct engine_progress *p) {
    add_count(&d->line, p->events, p->events == 1 ? "event" : "events");
    add_count(&d->line, d->caught, d->caught == 1 ? "mail caught" : "mails caught");
    if (p->waiting)
        add_count(&d->line, (int64_t)p->waiting, "waiting");
    if (p->deferred)
        add_count(&d->line, p->deferred, "put off");
    if (p->failed)
        add_count(&d->line, p->failed, "failed");
    if (p->in_doubt)
        add_count(&d->line, p->in_doubt, "in doubt");
    if (p->trouble.n)
        buf_printf(&d->line, "; %.*s", STR_FMT(p->trouble));
    progress_status(d->progress, buf_str(&d->line));
    buf_clear(&d->line);
}

static bool something_happened(const struct engine_progress *a, const struct engine_progress *b) {
    return a->events != b->events || a->decisions != b->decisions || a->sent != b->sent ||
           a->failed != b->failed || a->deferred != b->deferred || a->waiting != b->waiting;
}

static void on_progress(void *ctx, const struct engine_progress *p) {
    struct dev *d = ctx;
    int64_t caught = d->caught;
    show_mails(d);
    if (something_happened(p, &d->last) || caught != d->caught || p->waiting)
        d->busy_us = wallclock_now();
    bool news = something_happened(p, &d->last);
    d->last = *p;
    if (d->live || news)
        show_status(d, p);
}

static bool should_stop(void *ctx) {
    struct dev *d = ctx;
    int64_t now = wallclock_now();
    return ferror(stdout) || /* the terminal is gone */
           (d->stop_us && now >= d->stop_us) || (d->quiet_us && now - d->busy_us >= d->quiet_us);
}

/* ---- reload */

static bool should_reload(void *ctx) {
    struct dev *d = ctx;
    if (!beside_changed(d->beside))
        return false;
    progress_say(d->progress, S("Files were changed; the workspace is read again."));
    progress_clear(d->progress);
    return true;
}

static void on_loaded(void *ctx, struct workspace *w) {
    struct dev *d = ctx;
    divert(w, beside_port(d->beside));
    d->zone = w->settings.zone;
}

/* ---- starting */

static void add_names(struct buf *out, const struct settings *s, bool mail) {
    const char *between = "";
    for (size_t i = 0; i < s->n_channels; i++) {
        if ((s->channels[i].carries == CARRIES_EMAIL) != mail)
            continue;
        buf_printf(out, "%s%.*s", between, STR_FMT(s->channels[i].name));
        between = ", ";
    }
}

static void introduce(struct dev *d, const struct args *args, const struct setup *s,
                      const char *maildir) {
    struct buf mail = BUF_IN(s->arena), rest = BUF_IN(s->arena);
    struct str what = workspace_summary(s->arena, s->workspace);
    add_names(&mail, &s->workspace->settings, true);
    add_names(&rest, &s->workspace->settings, false);
    printf("Godwit runs, and nothing leaves this machine.\n"
           "  workspace  %s: %.*s; read again when files change\n"
           "  database   psql \"$(godwit db url -C %s)\"\n",
           args->workspace, STR_FMT(what), args->workspace);
    if (mail.n)
        printf("  mail       %.*s: caught on 127.0.0.1:%d, kept in %s\n", STR_FMT(buf_str(&mail)),
               beside_port(d->beside), maildir);
    if (rest.n)
        printf("  not sent   %.*s: rehearsed only\n", STR_FMT(buf_str(&rest)));
    printf("Ctrl-C stops it.\n\n");
    fflush(stdout);
}

static bool run_engine(struct dev *d, const struct args *args, struct setup *s, struct err *e) {
    const char *maildir = str_printf(s->arena, "%s/.godwit/captured", args->workspace).p;
    const char *parent = str_printf(s->arena, "%s/.godwit", args->workspace).p;
    if (mkdir(parent, 0700) != 0 && errno != EEXIST)
        return err_set(e, ERR_PERMANENT, "the folder %s cannot be made: %s", parent,
                       strerror(errno));
    d->beside = beside_start(args->workspace, maildir, PORT, e);
    if (!d->beside)
        return false;
    on_loaded(d, s->workspace);
    introduce(d, args, s, maildir);
    struct progress_look look = progress_look(stdout);
    d->live = look.live;
    d->progress = progress_new(look);
    d->busy_us = wallclock_now();
    if (d->stop_us)
        d->stop_us += d->busy_us;
    struct engine_options o = {
        .folder = str_from(args->workspace),
        .conninfo = s->conninfo,
        .on_progress = on_progress,
        .should_stop = should_stop,
        .should_reload = should_reload,
        .on_loaded = on_loaded,
        .ctx = d,
    };
    bool ok = engine_run(s->workspace, &o, e);
    show_mails(d);
    show_status(d, &d->last);
    progress_number(&d->line, d->caught);
    buf_printf(&d->line, " mail%s caught; stopped.", d->caught == 1 ? "" : "s");
    progress_end(d->progress, buf_str(&d->line));
    beside_stop(d->beside);
    return ok;
}

static bool get_span(const struct args *args, const char *name, int64_t *us) {
    const char *text = args_get(args, name);
    struct err e = ERR_INIT;
    if (!text || wallclock_parse_span(str_from(text), us, &e))
        return true;
    args_usage(args, "--%s: %s", name, e.text);
    return false;
}

/* What is caught counts as sent: customers would wait in vain for mail from a database in use. */
static bool is_ours_to_try(const struct args *args) {
    struct setup s;
    if (args_get(args, "use-database"))
        return true;
    if (!setup_workspace(args, &s))
        return false;
    bool embedded = s.workspace->settings.embedded;
    setup_close(&s);
    if (!embedded)
        fputs("godwit dev: the database of godwit.yaml is not `embedded`. Mail that is caught here "
              "counts there as sent and never arrives. If this is a database to try things out in, "
              "add --use-database\n",
              stderr);
    return embedded;
}

static int run(const struct args *args) {
    struct setup s;
    struct dev d = {0};
    struct err e = ERR_INIT;
    if (!get_span(args, "for", &d.stop_us) || !get_span(args, "until-quiet", &d.quiet_us))
        return EXIT_USAGE;
    log_setup(args_get(args, "verbose") ? LOG_INFO : LOG_WARN, LOG_LOGFMT);
    if (!is_ours_to_try(args) || !setup_database(args, &s))
        return EXIT_WRONG;
    bool ok = run_engine(&d, args, &s, &e);
    buf_close(&d.line);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"for", 0, "SPAN", "stop after this time, as 90s or 10m"},
    {"until-quiet", 0, "SPAN", "stop when nothing has happened for this time"},
    {"use-database", 0, NULL, "although the database is not embedded"},
    {"verbose", 'v', NULL, "show the engine's log, too"},
    {0},
};

const struct command cmd_dev = {
    .name = "dev",
    .arguments = "",
    .summary = "Tries a workspace out: database, a mail server that catches all, and the engine.",
    .about =
        "Whatever godwit.yaml says of channels: mail goes to a server inside this program, on\n"
        "127.0.0.1, which keeps it in .godwit/captured (a Maildir) and shows a line for each;\n"
        "all other channels are rehearsed. Nothing leaves this machine. Files that change are\n"
        "read again; when they have mistakes, these are said and the old ones stay in use.\n"
        "What is caught counts as sent in the database, so it has to be `embedded`, or to be\n"
        "confirmed with --use-database.",
    .example = "  godwit dev -C shop\n  godwit dev --until-quiet 5s",
    .options = options,
    .least = 0,
    .most = 0,
    .run = run,
};
