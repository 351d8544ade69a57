/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/smtps.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/io/mail_link.h"
#include "channels/relay_dialogue.h"
#include "channels/relay_mail.h"
#include "channels/relay_settings.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define LEAVE_MS 1000 /* for the answer to QUIT */

/* A line: CLOSED -> OPENING (with the message that wants it) -> BUSY -> READY -> BUSY ... ->
 * LEAVING -> CLOSED. From any state the link may end: what that means for the message is in
 * settle_way() and settle_lost(). */
enum line_state { LINE_CLOSED, LINE_OPENING, LINE_READY, LINE_BUSY, LINE_LEAVING };

struct job {
    struct job *next;
    const struct channel_message *message;
    bool retried;   /* a stale connection has cost it one start already */
    uint32_t tried; /* bits of the relays that failed it; the last one's answer is in result */
    struct relay_result result;
};

struct line {
    struct channel *channel;
    enum line_state state;
    struct transfers *transfers;
    struct mail_link *link;
    struct relay *relay;
    size_t number; /* of the relay */
    struct relay_dialogue dialogue;
    struct job *job;
    struct arena *arena; /* of the job */
    struct email_mail mail;
    struct buf out;
    bool begun; /* the body was written, as far as the system took it */
    int served;
    uv_timer_t timer; /* reply, idle, leaving */
};

struct channel {
    const struct channel_host *host;
    struct relay_settings settings;
    struct line *lines;
    struct job *first, **last; /* waiting for a line */
    uv_timer_t kick;           /* starts what was submitted, from the loop */
    uv_timer_t deadline;
    bool closing, cut;
    size_t open_handles; /* that must be gone before the channel is */
    void (*closed)(void *arg);
    void *closed_arg;
};

static void pump(struct channel *c);
static void maybe_close(struct channel *c);

/* ---- results */

static void give(struct channel *c, struct job *job) {
    if (!c->closing) {
        relay_pool_tell(c->settings.pool, c->host, &job->result.result);
    }
    c->host->done(c->host, job->message->ref, &job->result.result);
    free(job);
}

static void put_first(struct channel *c, struct job *job) {
    job->next = c->first;
    c->first = job;
    if (!job->next) {
        c->last = &job->next;
    }
}

/* The line's job has its result from the relay; it may be the next one's turn. */
static void conclude(struct line *l) {
    struct channel *c = l->channel;
    struct job *job = l->job;
    l->job = NULL;
    if (relay_pool_result(c->settings.pool, l->number, &job->result.result, uv_hrtime())) {
        job->tried |= UINT32_C(1) << l->number;
        if (relay_pool_has_other(c->settings.pool, job->tried)) {
            put_first(c, job);
            return;
        }
    }
    give(c, job);
}

/* ---- lines */

static void close_line(struct line *l) {
    uv_timer_stop(&l->timer);
    if (l->link) {
        mail_link_close(l->link);
        l->link = NULL;
        relay_pool_leave(l->channel->settings.pool, l->number);
    }
    relay_dialogue_close(&l->dialogue);
    l->state = LINE_CLOSED;
}

static void write_out(struct line *l) {
    if (l->out.n > 0) {
        mail_link_write(l->link, buf_str(&l->out));
        buf_clear(&l->out);
    }
}

static void on_time(uv_timer_t *timer);

static void set_time(struct line *l, int ms) {
    uv_timer_start(&l->timer, on_time, (uint64_t)ms, 0);
}

static void leave(struct line *l) {
    l->state = LINE_LEAVING;
    buf_add_str(&l->out, S("QUIT\r\n"));
    write_out(l);
    set_time(l, LEAVE_MS);
}

/* Composes the job's mail into the line. False: it was given back. */
static bool compose(struct line *l, struct job *job) {
    arena_reset(l->arena);
    bool good =
        relay_mail_compose(l->arena, job->message, &l->channel->settings, &l->mail, &job->result);
    if (!good) {
        give(l->channel, job);
    }
    return good;
}

static void begin(struct line *l) {
    struct job *job = l->job;
    if (!relay_mail_fits(&l->mail, l->relay,
                         l->dialogue.offer.smtputf8 ? NULL : "the relay does not offer",
                         &job->result)) {
        l->job = NULL;
        l->state = LINE_READY;
        set_time(l, l->channel->settings.idle_ms);
        give(l->channel, job);
        return;
    }
    l->state = LINE_BUSY;
    l->begun = false;
    l->served++;
    relay_dialogue_begin(&l->dialogue, l->arena, &l->mail, job->message, l->channel->settings.dsn,
                         &l->out);
    set_time(l, l->channel->settings.reply_ms);
    write_out(l);
}

/* ---- when a link ends */

static void settle_way(struct line *l, const struct mail_link_end *end) {
    static const enum relay_stage stages[] = {RELAY_CONNECT, RELAY_GREETING, RELAY_TLS,
                                              RELAY_LOGIN};
    static const char *const after[] = {"connecting", "connecting", "STARTTLS", "AUTH"};
    struct relay_result *r = &l->job->result;
    struct relay_reply reply = relay_reply_parse(end->reply);
    bool failed = reply.code >= 400;
    char text[500];
    if (end->ours) {
        snprintf(text, sizeof text, "%.200s: %.100s%s%.*s", l->relay->name, end->reason,
                 failed ? ": " : "", failed ? (int)str_sub(end->reply, 0, 180).n : 0,
                 failed ? end->reply.p : "");
        relay_result_set(r, CHANNEL_UNSENT,
                         failed && reply.code < 500 ? CHANNEL_SUBJECT_DESTINATION
                                                    : CHANNEL_SUBJECT_CHANNEL,
                         str_from(text));
        r->result.code = failed ? reply.code : 0;
    } else if (failed) {
        relay_reply_judge(stages[end->stage], &reply, r);
    } else {
        if (end->stage == MAIL_LINK_CONNECT) {
            snprintf(text, sizeof text, "%.200s cannot be reached: %.200s", l->relay->name,
                     end->reason);
        } else {
            snprintf(text, sizeof text, "%.200s %s after %s", l->relay->name,
                     end->silent ? "gave no answer in time" : "closed the connection",
                     after[end->stage]);
        }
        relay_result_set(r, CHANNEL_UNSENT, CHANNEL_SUBJECT_DESTINATION, str_from(text));
    }
    if (end->ours && end->stage == MAIL_LINK_LOGIN &&
        r->result.subject == CHANNEL_SUBJECT_CHANNEL) {
        atomic_store(&l->relay->login_refused_at, uv_hrtime());
        r->result.retry_after_ms = RELAY_LOGIN_PAUSE_MS;
    }
    conclude(l);
}

static void settle_lost(struct line *l, bool silent) {
    struct channel *c = l->channel;
    struct job *job = l->job;
    const struct relay_dialogue *d = &l->dialogue;
    if (d->judged) {
        job->result = d->result; /* refused, and lost while the rest was waited for */
        conclude(l);
    } else if (l->served > 1 && !d->mail_ok && !silent && !job->retried) {
        job->retried = true; /* the relay closed an idle connection: that says nothing */
        l->job = NULL;
        put_first(c, job);
    } else {
        enum relay_progress progress = l->begun && mail_link_unsent(l->link) == 0 ? RELAY_BODY_SENT
                                       : l->begun                                 ? RELAY_BODY_BEGUN
                                       : d->rcpt_ok                               ? RELAY_RCPT_TAKEN
                                       : d->mail_ok                               ? RELAY_MAIL_TAKEN
                                                                                  : RELAY_MAIL_SENT;
        struct relay_pool *pool = c->settings.pool;
        relay_reply_lost(progress, l->relay->name, silent,
                         relay_pool_has_other(pool, job->tried | UINT32_C(1) << l->number),
                         &job->result);
        if (silent) {
            relay_pool_silent(pool, l->number, &job->result.result, uv_hrtime());
        }
        conclude(l);
    }
}

static void end_line(struct line *l, bool silent) {
    struct channel *c = l->channel;
    if (l->state == LINE_BUSY) {
        settle_lost(l, silent);
    }
    close_line(l);
    pump(c);
    maybe_close(c);
}

/* ---- what a link tells */

static void on_opened(void *ctx, struct str ehlo) {
    struct line *l = ctx;
    relay_dialogue_init(&l->dialogue, relay_reply_offer(ehlo));
    atomic_store(&l->relay->most_bytes, l->dialogue.offer.most_bytes);
    l->served = 0;
    begin(l);
    pump(l->channel);
    maybe_close(l->channel);
}

static void on_message_done(struct line *l) {
    struct channel *c = l->channel;
    struct job *job = l->job;
    job->result = l->dialogue.result;
    bool stale = job->result.result.code == 421 && l->served > 1 && !job->retried && !l->begun;
    if (stale) {
        job->retried = true;
        l->job = NULL;
        put_first(c, job);
    } else {
        if (job->result.result.outcome == CHANNEL_ACCEPTED) {
            fault_point("smtp.accepted");
        }
        conclude(l);
    }
    if (l->dialogue.over) {
        close_line(l);
    } else if (l->served >= c->settings.most_messages || c->closing) {
        leave(l);
    } else {
        l->state = LINE_READY;
        set_time(l, c->settings.idle_ms);
    }
}

static void on_bytes(void *ctx, struct str bytes) {
    struct line *l = ctx;
    struct channel *c = l->channel;
    if (l->state != LINE_BUSY) {
        close_line(l); /* the answer to QUIT, or 421 to an idle connection */
    }
    while (l->state == LINE_BUSY && bytes.n > 0) {
        enum relay_step step = relay_dialogue_feed(&l->dialogue, &bytes, &l->out);
        set_time(l, c->settings.reply_ms);
        if (step == RELAY_STEP_DONE) {
            buf_clear(&l->out);
            on_message_done(l);
        } else if (step == RELAY_STEP_BODY) {
            fault_point("smtp.body");
            l->begun = true;
            relay_dialogue_body(l->mail.data, &l->out);
            set_time(l, c->settings.dot_ms);
            write_out(l);
        } else {
            write_out(l);
        }
    }
    pump(c);
    maybe_close(c);
}

static void on_ended(void *ctx, const struct mail_link_end *end) {
    struct line *l = ctx;
    if (l->state == LINE_OPENING) {
        settle_way(l, end);
    }
    end_line(l, false);
}

static void on_time(uv_timer_t *timer) {
    struct line *l = timer->data;
    if (l->state == LINE_READY) {
        leave(l);
    } else {
        end_line(l, true);
    }
}

static const struct mail_link_events link_events = {on_opened, on_bytes, on_ended};

/* ---- messages to lines */

static void open_line(struct line *l, struct job *job, size_t number) {
    struct channel *c = l->channel;
    struct relay *r = &c->settings.relays[number];
    l->relay = r;
    l->number = number;
    l->job = job;
    l->state = LINE_OPENING;
    const struct mail_link_options o = {.host = r->host,
                                        .port = r->port,
                                        .plain = r->tls == RELAY_TLS_OFF,
                                        .implicit = r->tls == RELAY_TLS_IMPLICIT,
                                        .verify = r->verify,
                                        .ca_file = r->ca_file,
                                        .helo = c->settings.helo,
                                        .username = r->username,
                                        .password = r->password,
                                        .connect_ms = c->settings.connect_ms};
    l->link = mail_link_open(c->host->loop, l->transfers, &o, &link_events, l);
}

/* With a new connection to that relay, or to the one that the pool names. */
static void start_anew(struct line *l, struct job *job, size_t number) {
    struct channel *c = l->channel;
    struct relay_pool *pool = c->settings.pool;
    if (number == RELAY_POOL_NONE && !c->cut) {
        number = relay_pool_take(pool, job->tried, uv_hrtime());
    }
    if (number == RELAY_POOL_NONE) {
        if (c->closing && !job->tried) {
            relay_result_set(&job->result, CHANNEL_UNSENT, CHANNEL_SUBJECT_NONE,
                             S("the channel was closed before its turn came"));
        } else if (!job->tried) {
            relay_pool_explain(pool, uv_hrtime(), &job->result);
        }
        give(c, job);
        return;
    }
    int64_t pause_ms = relay_settings_login_pause(&c->settings.relays[number], uv_hrtime());
    if (pause_ms > 0) {
        relay_result_set(&job->result, CHANNEL_UNSENT, CHANNEL_SUBJECT_CHANNEL,
                         S("the relay refused the login a moment ago; check username and "
                           "password"));
        job->result.result.retry_after_ms = pause_ms;
        l->number = number;
        l->job = job;
        relay_pool_leave(pool, number);
        conclude(l);
    } else if (compose(l, job)) {
        open_line(l, job, number);
    } else {
        relay_pool_leave(pool, number);
    }
}

static struct line *find_line(struct channel *c, const struct job *job) {
    struct line *closed = NULL;
    for (size_t i = 0; i < c->settings.connections; i++) {
        struct line *l = &c->lines[i];
        if (l->state == LINE_READY && !(job->tried >> l->number & 1)) {
            return l;
        }
        if (l->state == LINE_CLOSED && !closed) {
            closed = l;
        }
    }
    return closed;
}

static void pump(struct channel *c) {
    struct line *l;
    while (c->first && (l = find_line(c, c->first))) {
        struct job *job = c->first;
        c->first = job->next;
        if (!c->first) {
            c->last = &c->first;
        }
        size_t probe =
            c->cut ? RELAY_POOL_NONE : relay_pool_probe(c->settings.pool, job->tried, uv_hrtime());
        if (l->state == LINE_READY && probe != RELAY_POOL_NONE) {
            close_line(l);
        }
        if (l->state == LINE_CLOSED) {
            start_anew(l, job, probe);
        } else if (compose(l, job)) {
            l->job = job;
            begin(l);
        }
    }
}

static void on_kick(uv_timer_t *timer) {
    struct channel *c = timer->data;
    pump(c);
    maybe_close(c);
}

static void driver_submit(struct channel *c, const struct channel_message *const *messages,
                          size_t n) {
    assert(!c->closing);
    for (size_t i = 0; i < n; i++) {
        struct job *job = calloc(1, sizeof *job);
        if (!job) {
            abort();
        }
        job->message = messages[i];
        *c->last = job;
        c->last = &job->next;
    }
    uv_timer_start(&c->kick, on_kick, 0, 0);
}

static size_t driver_capacity(const struct channel *c) {
    return c->settings.connections;
}

/* ---- life */

static bool check_hosts(const struct relay_settings *s, struct channel_error *e) {
    unsigned char address[16];
    for (size_t i = 0; i < s->n; i++) {
        const char *host = s->relays[i].host;
        if (strchr(host, ':') && inet_pton(AF_INET6, host, address) != 1) {
            snprintf(e->text, sizeof e->text, "`host` must be a name or an address, without port");
            return false;
        }
    }
    return true;
}

static struct channel *driver_open(const struct channel_host *host, const struct channel_value *v,
                                   struct channel_error *e) {
    struct channel *c = calloc(1, sizeof *c);
    if (!c) {
        abort();
    }
    c->host = host;
    c->last = &c->first;
    if (!relay_settings_read(&c->settings, v, e) || !check_hosts(&c->settings, e)) {
        relay_settings_close(&c->settings);
        free(c);
        return NULL;
    }
    c->lines = calloc(c->settings.connections, sizeof *c->lines);
    if (!c->lines) {
        abort();
    }
    for (size_t i = 0; i < c->settings.connections; i++) {
        struct line *l = &c->lines[i];
        l->channel = c;
        l->arena = arena_new(0);
        l->transfers = transfers_new(host->loop, 1);
        uv_timer_init(host->loop, &l->timer);
        l->timer.data = l;
    }
    uv_timer_init(host->loop, &c->kick);
    uv_timer_init(host->loop, &c->deadline);
    c->kick.data = c->deadline.data = c;
    return c;
}

static void release(struct channel *c) {
    void (*closed)(void *arg) = c->closed;
    void *arg = c->closed_arg;
    for (size_t i = 0; i < c->settings.connections; i++) {
        arena_free(c->lines[i].arena);
        buf_close(&c->lines[i].out);
    }
    free(c->lines);
    relay_settings_close(&c->settings);
    free(c);
    closed(arg);
}

static void one_gone(struct channel *c) {
    if (--c->open_handles == 0) {
        release(c);
    }
}

static void on_handle_closed(uv_handle_t *h) {
    one_gone(h->data);
}

static void on_line_timer_closed(uv_handle_t *h) {
    struct line *l = h->data;
    one_gone(l->channel);
}

static void on_transfers_closed(void *ctx) {
    one_gone(ctx);
}

/* Closing, and all lines are: the handles go. */
static void maybe_close(struct channel *c) {
    if (!c->closing || c->open_handles > 0 || c->first) {
        return;
    }
    for (size_t i = 0; i < c->settings.connections; i++) {
        if (c->lines[i].state != LINE_CLOSED) {
            return;
        }
    }
    c->open_handles = 2 + 2 * c->settings.connections;
    uv_close((uv_handle_t *)&c->kick, on_handle_closed);
    uv_close((uv_handle_t *)&c->deadline, on_handle_closed);
    for (size_t i = 0; i < c->settings.connections; i++) {
        uv_close((uv_handle_t *)&c->lines[i].timer, on_line_timer_closed);
        transfers_close(c->lines[i].transfers, on_transfers_closed, c);
    }
}

static void on_deadline(uv_timer_t *timer) {
    struct channel *c = timer->data;
    c->cut = true;
    for (size_t i = 0; i < c->settings.connections; i++) {
        struct line *l = &c->lines[i];
        struct mail_link_end end = {.stage = MAIL_LINK_CONNECT, .reason = "the channel was closed"};
        if (l->state == LINE_OPENING) {
            settle_way(l, &end);
        }
        if (l->state != LINE_CLOSED) {
            end_line(l, false);
        }
    }
    pump(c);
    maybe_close(c);
}

/* From the loop: what waits for a line that nobody has begun comes back, idle lines leave. */
static void on_close_begun(uv_timer_t *timer) {
    struct channel *c = timer->data;
    while (c->first) {
        struct job *job = c->first;
        c->first = job->next;
        if (!job->tried) {
            relay_result_set(&job->result, CHANNEL_UNSENT, CHANNEL_SUBJECT_NONE,
                             S("the channel was closed before its turn came"));
        }
        give(c, job);
    }
    c->last = &c->first;
    for (size_t i = 0; i < c->settings.connections; i++) {
        if (c->lines[i].state == LINE_READY) {
            leave(&c->lines[i]);
        }
    }
    maybe_close(c);
}

static void driver_close(struct channel *c, int64_t deadline_ms, void (*closed)(void *arg),
                         void *arg) {
    c->closing = true;
    c->closed = closed;
    c->closed_arg = arg;
    uv_timer_start(&c->deadline, on_deadline, deadline_ms > 0 ? (uint64_t)deadline_ms : 0, 0);
    uv_timer_start(&c->kick, on_close_begun, 0, 0);
}

const struct channel_driver channel_smtps = {
    .abi = CHANNEL_ABI,
    .flags = CHANNEL_CAN_DOUBT | CHANNEL_NEEDS_ADDRESS,
    .kinds = CHANNEL_EMAIL,
    .name = "smtps",
    .help =
        "Email through a relay over TLS (port 465, or STARTTLS with TLS 1.3) or near by without, "
        "with SMTPUTF8; all connections in one thread.",
    .settings = relay_settings_smtps,
    .open = driver_open,
    .capacity = driver_capacity,
    .submit = driver_submit,
    .close = driver_close,
};
