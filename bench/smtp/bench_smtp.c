/* SPDX-License-Identifier: Apache-2.0
 *
 * Sends N ready-made mails through the smtp driver, without a database, as fast as the
 * driver takes them (one on each connection), and prints what came of it:
 *     bench_smtp HOST PORT MESSAGES CONNECTIONS BYTES
 *     messages=24000 accepted=24000 seconds=2.104 rate=11406 cpu_us=70
 */
#include "config.h"

#include "base/arena.h"
#include "channels/drivers.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

struct run {
    uv_loop_t loop;
    struct channel_host host;
    const struct channel_driver *driver;
    struct channel *channel;
    struct channel_message *slots; /* one for each connection */
    struct channel_text *ids;
    size_t slot_count;
    size_t handed, done, accepted, wanted;
    bool closed;
};

static struct channel_text text_of(const char *p) {
    return (struct channel_text){p, strlen(p)};
}

static void hand_over(struct run *r, size_t slot) {
    struct channel_message *m = &r->slots[slot];
    char *id = (char *)r->ids[slot].p;
    snprintf(id, 64, "<bench.%zu@example.com>", r->handed++);
    m->message_id = text_of(id);
    const struct channel_message *list[1] = {m};
    r->driver->submit(r->channel, list, 1);
}

static void on_closed(void *arg) {
    struct run *r = arg;
    r->closed = true;
}

static void on_done(const struct channel_host *host, uint64_t ref,
                    const struct channel_result *result) {
    struct run *r = host->owner;
    r->done++;
    r->accepted += result->outcome == CHANNEL_ACCEPTED;
    if (result->outcome != CHANNEL_ACCEPTED && r->done - r->accepted <= 5) {
        fprintf(stderr, "outcome %d, code %d: %.*s\n", (int)result->outcome, result->code,
                (int)result->reason.n, result->reason.p);
    }
    if (r->handed < r->wanted) {
        hand_over(r, (size_t)ref);
    } else if (r->done == r->wanted) {
        r->driver->close(r->channel, 5000, on_closed, r);
    }
}

static void on_log(const struct channel_host *host, enum channel_level level, const char *text) {
    (void)host;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

static void on_mistake(void *arg, struct str key, struct str text, struct str hint) {
    (void)arg;
    (void)key;
    (void)hint;
    fprintf(stderr, "%.*s\n", STR_FMT(text));
}

static void open_channel(struct run *r, struct arena *a, char **argv) {
    struct err e = ERR_INIT;
    struct channel_error why;
    const struct channel_value *values;
    struct map *given = map_new(a, 4);
    static const char *const names[] = {"host", "port", "connections"};
    char *const texts[] = {argv[1], argv[2], argv[4]};
    for (size_t i = 0; i < 3; i++) {
        map_set_str(a, given, str_from(names[i]), value_str(str_from(texts[i])));
    }
    r->driver = drivers_find(S("smtp"), NULL, &e);
    if (!r->driver || !drivers_settings(a, r->driver, given, NULL, 0, &values, on_mistake, NULL)) {
        exit(EXIT_FAILURE);
    }
    r->channel = r->driver->open(&r->host, values, &why);
    if (!r->channel) {
        fprintf(stderr, "%s\n", why.text);
        exit(EXIT_FAILURE);
    }
}

static void make_messages(struct run *r, struct arena *a, size_t bytes) {
    char *text = arena_alloc(a, bytes + 1);
    for (size_t i = 0; i < bytes; i++) {
        text[i] = i % 72 == 71 ? '\n' : 'x';
    }
    r->slot_count = r->driver->capacity(r->channel);
    r->slots = ARENA_ARRAY(a, struct channel_message, r->slot_count);
    r->ids = ARENA_ARRAY(a, struct channel_text, r->slot_count);
    for (size_t i = 0; i < r->slot_count; i++) {
        r->ids[i].p = arena_alloc(a, 64);
        r->slots[i] = (struct channel_message){.ref = i,
                                               .kind = CHANNEL_EMAIL,
                                               .to = text_of("b@example.com"),
                                               .from_address = text_of("a@example.com"),
                                               .subject = text_of("Bench"),
                                               .text = {text, bytes}};
    }
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: bench_smtp HOST PORT MESSAGES CONNECTIONS BYTES\n");
        return 2;
    }
    struct run r = {.wanted = strtoul(argv[3], NULL, 10)};
    struct arena *a = arena_new(0);
    uv_loop_init(&r.loop);
    r.host = (struct channel_host){
        .owner = &r, .loop = &r.loop, .name = "bench", .done = on_done, .log = on_log};
    open_channel(&r, a, argv);
    make_messages(&r, a, strtoul(argv[5], NULL, 10));
    uint64_t start = uv_hrtime();
    for (size_t i = 0; i < r.slot_count && r.handed < r.wanted; i++) {
        hand_over(&r, i);
    }
    uv_run(&r.loop, UV_RUN_DEFAULT);
    double seconds = (double)(uv_hrtime() - start) / 1e9;
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                 (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
    printf("messages=%zu accepted=%zu seconds=%.3f rate=%.0f cpu_us=%.0f rss_kib=%ld\n", r.done,
           r.accepted, seconds, (double)r.done / seconds, cpu * 1e6 / (double)r.done, u.ru_maxrss);
    uv_loop_close(&r.loop);
    arena_free(a);
    return r.accepted == r.wanted ? EXIT_SUCCESS : EXIT_FAILURE;
}
