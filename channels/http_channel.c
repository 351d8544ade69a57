/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/http_channel.h"

#include "base/arena.h"
#include "channels/http_reply.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MOST (64 * 1024)

struct http_job {
    struct http_job *next; /* of those that wait to be told */
    struct channel *channel;
    const struct channel_message *message;
    struct arena *arena;
    int note;
    struct relay_result result;
};

/* Each family of drivers has a struct channel of its own; no file sees two. */
struct channel {
    const struct channel_host *host;
    const struct http_channel_driver *driver;
    void *self;
    size_t capacity, in_flight;
    struct http_client *client;
    struct http_job *refused; /* done() must not come from inside submit() */
    uv_timer_t later, deadline;
    bool failing; /* the last news was that the peer takes nothing */
    bool closing, client_closed;
    int handles;
    http_closed_fn *closed;
    void *closed_arg;
};

static void on_later(uv_timer_t *t);

static void wake(struct channel *c) {
    uv_timer_start(&c->later, on_later, 0, 0);
}

/* ---- messages */

/* One line for each change between working and not working. */
static void note_state(struct channel *c, const struct channel_result *r) {
    bool bad = !c->closing && r->outcome != CHANNEL_ACCEPTED &&
               (r->subject == CHANNEL_SUBJECT_CHANNEL || r->subject == CHANNEL_SUBJECT_DESTINATION);
    char text[700];
    if (bad && !c->failing) {
        c->failing = true;
        snprintf(text, sizeof text, "the peer takes no messages: %.*s", (int)r->reason.n,
                 r->reason.p ? r->reason.p : "");
        c->host->log(c->host, CHANNEL_LOG_WARN, text);
    } else if (c->failing && r->outcome == CHANNEL_ACCEPTED) {
        c->failing = false;
        c->host->log(c->host, CHANNEL_LOG_INFO, "the peer takes messages again");
    }
}

static void tell(struct http_job *job) {
    struct channel *c = job->channel;
    c->in_flight--;
    note_state(c, &job->result.result);
    c->host->done(c->host, job->message->ref, &job->result.result);
    arena_free(job->arena);
    if (c->closing && c->in_flight == 0)
        wake(c);
}

static void on_answer(void *ctx, const struct http_answer *answer) {
    struct http_job *job = ctx;
    struct channel *c = job->channel;
    c->driver->judge(c->self, job->arena, answer, job->note, &job->result);
    tell(job);
}

static void start(struct channel *c, const struct channel_message *m) {
    struct arena *a = arena_new(0);
    struct http_job *job = ARENA_NEW(a, struct http_job);
    struct http_request r = {0};
    struct err e = ERR_INIT;
    job->channel = c;
    job->message = m;
    job->arena = a;
    c->in_flight++;
    if (c->driver->make(c->self, a, m, &r, &job->note, &job->result)) {
        if (http_client_send(c->client, &r, on_answer, job, &e))
            return;
        relay_result_set(&job->result, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, str_from(e.text));
    }
    job->next = c->refused;
    c->refused = job;
    wake(c);
}

size_t http_channel_capacity(const struct channel *c) {
    return c->capacity;
}

void http_channel_submit(struct channel *c, const struct channel_message *const *messages,
                         size_t n) {
    assert(!c->closing);
    for (size_t i = 0; i < n; i++)
        start(c, messages[i]);
}

/* ---- life */

static void release(struct channel *c) {
    c->driver->release(c->self);
    free(c);
}

static void maybe_closed(struct channel *c) {
    if (!c->client_closed || c->handles)
        return;
    http_closed_fn *closed = c->closed;
    void *arg = c->closed_arg;
    release(c);
    closed(arg);
}

static void on_handle_closed(uv_handle_t *h) {
    struct channel *c = h->data;
    c->handles--;
    maybe_closed(c);
}

static void on_client_closed(void *ctx) {
    struct channel *c = ctx;
    c->client_closed = true;
    maybe_closed(c);
}

static void on_later(uv_timer_t *t) {
    struct channel *c = t->data;
    while (c->refused) {
        struct http_job *job = c->refused;
        c->refused = job->next;
        tell(job);
    }
    if (!c->closing || c->in_flight || !c->client)
        return;
    struct http_client *client = c->client;
    c->client = NULL;
    uv_close((uv_handle_t *)&c->later, on_handle_closed);
    uv_close((uv_handle_t *)&c->deadline, on_handle_closed);
    http_client_close(client, on_client_closed, c);
}

static void on_deadline(uv_timer_t *t) {
    struct channel *c = t->data;
    http_client_cut(c->client);
    wake(c);
}

void http_channel_close(struct channel *c, int64_t deadline_ms, http_closed_fn *closed, void *arg) {
    c->closing = true;
    c->closed = closed;
    c->closed_arg = arg;
    uv_timer_start(&c->deadline, on_deadline, deadline_ms > 0 ? (uint64_t)deadline_ms : 0, 0);
    wake(c);
}

struct channel *http_channel_open(const struct channel_host *host,
                                  const struct http_channel_driver *driver,
                                  const struct channel_value *values, bool private_allowed,
                                  void *self, struct channel_error *e) {
    const char *ca = values[HTTP_SET_CA_FILE].text;
    FILE *f = ca ? fopen(ca, "r") : NULL;
    if (ca && !f) {
        snprintf(e->text, sizeof e->text, "`ca_file` %.400s cannot be read", ca);
        driver->release(self);
        return NULL;
    }
    if (f)
        fclose(f);
    struct channel *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->host = host;
    c->driver = driver;
    c->self = self;
    c->capacity = (size_t)values[HTTP_SET_CONNECTIONS].integer;
    struct http_client_options o = {.connections = c->capacity,
                                    .connect_ms = values[HTTP_SET_CONNECT_TIMEOUT].integer,
                                    .timeout_ms = values[HTTP_SET_TIMEOUT].integer,
                                    .answer_most = ANSWER_MOST,
                                    .private_allowed = private_allowed,
                                    .ca_file = ca};
    c->client = http_client_new(host->loop, &o);
    uv_timer_init(host->loop, &c->later);
    uv_timer_init(host->loop, &c->deadline);
    c->later.data = c->deadline.data = c;
    c->handles = 2;
    return c;
}

/* ---- for drivers */

char *http_channel_copy(const char *text) {
    char *out = text ? strdup(text) : NULL;
    if (text && !out)
        abort();
    return out;
}

bool http_channel_check_url(const char *name, struct str url, struct channel_error *e) {
    ptrdiff_t at = str_find(url, S("://"));
    struct str host = at < 0 ? STR_NONE : str_sub(url, (size_t)at + 3, url.n);
    const char *end = host.n ? memchr(host.p, '/', host.n) : NULL;
    if (end)
        host.n = (size_t)(end - host.p);
    const char *wrong = NULL;
    if (!str_starts(url, S("https://")) && !str_starts(url, S("http://")))
        wrong = "must begin with https:// or http://";
    else if (host.n == 0 || str_find(host, S(" ")) >= 0)
        wrong = "has no host";
    else if (str_find(host, S("@")) >= 0)
        wrong = "must not hold a login: there are settings for that";
    else if (str_find(host, S("{")) >= 0)
        wrong = "must name its host; only what comes behind it may depend on the message";
    if (wrong)
        snprintf(e->text, sizeof e->text, "`%s` %s", name, wrong);
    return !wrong;
}

struct sms_rules http_channel_sms_rules(const struct channel_value *values, size_t at) {
    return (struct sms_rules){.max_segments = (int)values[at + SMS_SET_MAX_SEGMENTS].integer,
                              .transliterate = values[at + SMS_SET_TRANSLITERATE].boolean};
}

bool http_channel_sms(struct arena *a, const struct sms_rules *rules,
                      const struct channel_message *m, struct sms *sms, struct relay_result *out) {
    struct err e = ERR_INIT;
    if (!sms_is_number(str_of(m->to.p, m->to.n))) {
        relay_result_set(out, CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS,
                         S("the address is no telephone number of 7 to 15 digits"));
        return false;
    }
    if (!sms_prepare(a, rules, str_of(m->sms.p, m->sms.n), sms, &e)) {
        relay_result_set(out, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, str_from(e.text));
        return false;
    }
    return true;
}

void http_channel_escape(struct buf *b, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain)
            buf_add_char(b, (char)c);
        else
            buf_printf(b, "%%%02X", c);
    }
}

void http_channel_field(struct buf *b, const char *name, struct str value) {
    if (b->n && b->p[b->n - 1] != '?')
        buf_add_char(b, '&');
    http_channel_escape(b, str_from(name));
    buf_add_char(b, '=');
    http_channel_escape(b, value);
}
