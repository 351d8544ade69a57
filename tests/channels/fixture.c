/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/channels/fixture.h"

#include "base/arena.h"
#include "base/json.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WATCHDOG_MS 20000
#define ARGS_MAX 24

/* ---- peer */

static void become_peer(struct fixture_peer *p, const char *script, const char *const *args, int in,
                        int out) {
    char path[500];
    snprintf(path, sizeof path, "%s/tests/peers/%s", SOURCE_DIR, script);
    const char *argv[ARGS_MAX + 5] = {PYTHON3_PATH, path, "--log", p->log};
    size_t n = 4;
    for (size_t i = 0; args && args[i] && n < ARGS_MAX + 4; i++) {
        argv[n++] = args[i];
    }
    dup2(in, 0);
    dup2(out, 1);
    execv(argv[0], (char *const *)argv);
    _exit(127);
}

void fixture_peer_start(struct fixture_peer *p, const char *const *args) {
    fixture_peer_start_script(p, "smtp_peer.py", args);
}

void fixture_peer_start_script(struct fixture_peer *p, const char *script,
                               const char *const *args) {
    int in[2], out[2];
    snprintf(p->folder, sizeof p->folder, "/tmp/godwit-peer-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(p->folder));
    snprintf(p->log, sizeof p->log, "%s/log", p->folder);
    ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    p->pid = fork();
    if (p->pid == 0) {
        become_peer(p, script, args, in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    p->input = in[1];
    char line[32] = "";
    size_t n = 0;
    while (n + 1 < sizeof line && read(out[0], line + n, 1) == 1 && line[n] != '\n') {
        n++;
    }
    close(out[0]);
    p->port = (int)strtol(line, NULL, 10);
    ck_assert_msg(p->port > 0, "the peer did not start: `%s`", line);
}

void fixture_peer_stop(struct fixture_peer *p) {
    char command[100];
    close(p->input);
    waitpid(p->pid, NULL, 0);
    snprintf(command, sizeof command, "rm -rf %s", p->folder);
    ck_assert_int_eq(system(command), 0);
}

size_t fixture_peer_count(const struct fixture_peer *p, const char *text) {
    FILE *f = fopen(p->log, "r");
    static char line[4000];
    size_t n = 0;
    while (f && fgets(line, sizeof line, f)) {
        n += !text || strstr(line, text) != NULL;
    }
    if (f) {
        fclose(f);
    }
    return n;
}

int fixture_free_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    close(fd);
    return ntohs(a.sin_port);
}

struct fixture_tls fixture_tls;

const struct fixture_way fixture_ways[FIXTURE_WAYS] = {
    {"smtp", "smtp", "starttls", "off", false},
    {"smtps", "smtps", "ca_file", fixture_tls.cert, true},
    {"smtps without TLS", "smtps", "tls", "off", false},
};

void fixture_relay_start(struct fixture_peer *p, const struct fixture_way *way,
                         const char *const *args) {
    const char *all[24] = {NULL};
    size_t n = 0;
    while (args && args[n]) {
        all[n] = args[n];
        n++;
    }
    if (way->tls) {
        all[n++] = "--tls";
        all[n++] = fixture_tls.cert;
        all[n++] = fixture_tls.key;
        all[n++] = "--tls-first";
    }
    fixture_peer_start(p, all);
}

/* ---- certificates */

static char tls_folder[] = "/tmp/godwit-tls-XXXXXX";

void fixture_tls_make(void) {
    struct fixture_tls *t = &fixture_tls;
    char command[800];
    snprintf(tls_folder, sizeof tls_folder, "%s", "/tmp/godwit-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(tls_folder));
    snprintf(t->cert, sizeof t->cert, "%s/cert.pem", tls_folder);
    snprintf(t->key, sizeof t->key, "%s/key.pem", tls_folder);
    snprintf(t->other, sizeof t->other, "%s/other.pem", tls_folder);
    snprintf(command, sizeof command,
             "cd %s && for n in cert other; do openssl req -x509 -newkey ec -pkeyopt "
             "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext "
             "subjectAltName=DNS:localhost -keyout key.$n -out $n.pem 2>/dev/null || exit 1; "
             "done; mv key.cert key.pem",
             tls_folder);
    ck_assert_msg(system(command) == 0, "the openssl program is needed for this test");
}

void fixture_tls_remove(void) {
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", tls_folder);
    ck_assert_int_eq(system(command), 0);
}

/* ---- channel */

static uint64_t now_ms(void) {
    return uv_hrtime() / 1000000;
}

static void hand_over(struct fixture *f) {
    size_t capacity = f->driver->capacity(f->channel);
    const struct channel_message *list[FIXTURE_MESSAGES];
    size_t n = 0;
    while (!f->closing && f->handed < f->wanted && f->in_flight < capacity) {
        list[n++] = &f->messages[f->handed++];
        f->in_flight++;
    }
    if (n > 0) {
        bool before = f->inside;
        f->inside = true;
        f->driver->submit(f->channel, list, n);
        f->inside = before;
    }
    if (f->in_flight > f->most_in_flight) {
        f->most_in_flight = f->in_flight;
    }
}

static void on_closed(void *arg) {
    struct fixture *f = arg;
    ck_assert(!f->inside && !f->closed);
    f->closed = true;
    uv_close((uv_handle_t *)&f->watchdog, NULL);
    uv_close((uv_handle_t *)&f->closer, NULL);
}

static void close_channel(struct fixture *f, int64_t deadline_ms) {
    f->closing = true;
    f->inside = true;
    f->driver->close(f->channel, deadline_ms, on_closed, f);
    f->inside = false;
}

static void on_done(const struct channel_host *host, uint64_t ref,
                    const struct channel_result *result) {
    struct fixture *f = host->owner;
    ck_assert_msg(!f->inside, "done() from inside a function of the driver");
    ck_assert_msg(!f->closed, "done() after closed()");
    ck_assert_uint_lt(ref, f->handed);
    struct fixture_result *r = &f->results[ref];
    r->times++;
    r->result = *result;
    snprintf(r->reason, sizeof r->reason, "%.*s", (int)result->reason.n, result->reason.p);
    snprintf(r->id, sizeof r->id, "%.*s", (int)result->provider_id.n, result->provider_id.p);
    r->at_ms = now_ms() - f->started_ms;
    f->in_flight--;
    f->done++;
    hand_over(f);
    if (f->done == f->wanted && !f->closing) {
        close_channel(f, 2000);
    }
}

static void on_log(const struct channel_host *host, enum channel_level level, const char *text) {
    struct fixture *f = host->owner;
    f->warnings += level == CHANNEL_LOG_WARN;
    f->infos += level == CHANNEL_LOG_INFO;
    snprintf(f->last_log, sizeof f->last_log, "%s", text);
}

static void on_mistake(void *arg, struct str key, struct str text, struct str hint) {
    (void)arg;
    (void)hint;
    ck_abort_msg("%.*s: %.*s", STR_FMT(key), STR_FMT(text));
}

void fixture_open(struct fixture *f, const char *driver, const char *const *settings) {
    struct err e = ERR_INIT;
    struct channel_error why = {""};
    const struct channel_value *values;
    struct arena *a = arena_new(0);
    struct map *given = map_new(a, 8);
    *f = (struct fixture){.started_ms = now_ms()};
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->watchdog);
    uv_timer_init(&f->loop, &f->closer);
    f->watchdog.data = f->closer.data = f;
    f->host = (struct channel_host){
        .owner = f, .loop = &f->loop, .name = "test", .done = on_done, .log = on_log};
    for (size_t i = 0; settings[i]; i += 2) {
        struct value v = value_str(str_from(settings[i + 1]));
        if (strncmp(settings[i + 1], "[{", 2) == 0) {
            ck_assert_msg(json_parse(a, str_from(settings[i + 1]), &v, &e), "%s", e.text);
        }
        map_set_str(a, given, str_from(settings[i]), v);
    }
    f->driver = drivers_find(str_from(driver), NULL, &e);
    ck_assert_msg(f->driver != NULL, "%s", e.text);
    ck_assert(drivers_settings(a, f->driver, given, NULL, 0, &values, on_mistake, NULL));
    f->channel = f->driver->open(&f->host, values, &why);
    ck_assert_msg(f->channel != NULL, "%s", why.text);
    arena_free(a);
}

static struct channel_text text_of(const char *p) {
    return (struct channel_text){p, strlen(p)};
}

struct channel_message *fixture_add(struct fixture *f, const char *to) {
    size_t n = f->wanted++;
    ck_assert_uint_lt(n, FIXTURE_MESSAGES);
    snprintf(f->texts[n][0], sizeof f->texts[n][0], "%s", to);
    snprintf(f->texts[n][1], sizeof f->texts[n][1], "<m%zu@acme.example>", n);
    f->messages[n] = (struct channel_message){.ref = n,
                                              .kind = CHANNEL_EMAIL,
                                              .date_us = INT64_C(1795294690000000),
                                              .to = text_of(f->texts[n][0]),
                                              .from_name = text_of("Acme"),
                                              .from_address = text_of("hello@acme.example"),
                                              .message_id = text_of(f->texts[n][1]),
                                              .subject = text_of("Hello"),
                                              .text = text_of("Hello\n.dot\n")};
    return &f->messages[n];
}

static void on_watchdog(uv_timer_t *timer) {
    struct fixture *f = timer->data;
    ck_abort_msg("after %d s %zu of %zu messages are done; last log: %s", WATCHDOG_MS / 1000,
                 f->done, f->wanted, f->last_log);
}

static void finish(struct fixture *f) {
    uv_timer_start(&f->watchdog, on_watchdog, WATCHDOG_MS, 0);
    hand_over(f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    ck_assert(f->closed);
    ck_assert_uint_eq(f->in_flight, 0);
    for (size_t i = 0; i < f->handed; i++) {
        ck_assert_msg(f->results[i].times == 1, "message %zu came back %d times", i,
                      f->results[i].times);
    }
    ck_assert_int_eq(uv_loop_close(&f->loop), 0);
}

void fixture_run(struct fixture *f) {
    f->started_ms = now_ms();
    finish(f);
    ck_assert_uint_eq(f->done, f->wanted);
}

static void on_close_time(uv_timer_t *timer) {
    struct fixture *f = timer->data;
    close_channel(f, f->close_deadline_ms);
}

void fixture_run_closing(struct fixture *f, int64_t close_after_ms, int64_t deadline_ms) {
    f->started_ms = now_ms();
    f->close_deadline_ms = deadline_ms;
    uv_timer_start(&f->closer, on_close_time, (uint64_t)close_after_ms, 0);
    finish(f);
}

size_t fixture_count(const struct fixture *f, enum channel_outcome outcome) {
    size_t n = 0;
    for (size_t i = 0; i < f->handed; i++) {
        n += f->results[i].result.outcome == outcome;
    }
    return n;
}
