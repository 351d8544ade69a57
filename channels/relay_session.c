/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/relay_session.h"

#include "base/arena.h"
#include "base/fault.h"
#include "channels/email_mime.h"
#include "channels/relay_connect.h"
#include "channels/relay_mail.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/ssl.h> /* first: libesmtp.h looks for it */

#include <auth-client.h>
#include <libesmtp.h>
#include <openssl/err.h>

#define TALK_MAX 4096
#define XTEXT_MOST 240 /* libesmtp's room for ORCPT */

/* Normal path of a message: add (compose, hand to libesmtp) -> MAIL -> RCPT -> the data is
 * read -> SENT with the reply to the final dot -> judge, give back, feed the next into the
 * running session. Exceptions:
 *  - refused at MAIL or RCPT: judged in that event, where the next can be fed as well;
 *  - the connection breaks: no event; settle() looks how far the message had come. Once all
 *    its bytes were asked for, it is in doubt; before that it was not delivered;
 *  - 421, or a break before MAIL was answered, on a connection that has served others: the
 *    relay has closed it meanwhile; the message starts once more on a fresh one;
 *  - the relay is at fault, and there are others: the message starts once more with the next;
 *  - never fed behind data that was not read to its end: libesmtp would send the remains
 *    as the head of the next message. */
struct slot {
    struct relay_line *line;
    int number; /* of the message in its session, from 1 */
};

struct relay_line {
    struct relay_settings *settings;
    struct relay *relay; /* of the session */
    size_t number;       /* its place in the pool */
    struct slot *slots;  /* what the callbacks of a session's messages get */
    struct relay_socket socket;
    struct arena *arena; /* of the present message */
    struct worker *worker;

    /* of the session */
    smtp_session_t session;
    int served;     /* messages added */
    bool ending;    /* nothing is fed any more */
    bool mailing;   /* MAIL has been sent: the talk before it is over */
    bool logged_in; /* 235 was seen */
    bool connected;
    bool greeting;          /* EHLO was the last command */
    bool too_big;           /* the message is bigger than the relay has just said it takes */
    uint64_t heard_at;      /* uv_hrtime() of the last sign of the peer */
    enum relay_stage stage; /* before the first MAIL */
    char talk[TALK_MAX];    /* the peer's words to the last command before MAIL */
    size_t talk_n;
    const char *broken; /* why the session must not go on, or NULL */

    /* of the present message */
    struct relay_job *job;  /* NULL: given back */
    struct relay_job *next; /* to be started on a fresh connection */
    size_t next_number;     /* with this relay; RELAY_POOL_NONE: with the one that the pool names */
    smtp_message_t message;
    struct email_mail mail;
    bool mail_ok, rcpt_ok;
    bool begun, ended; /* its data was asked for; to the end */
};

static uv_once_t auth_once = UV_ONCE_INIT;

struct relay_line *relay_line_new(struct relay_settings *settings) {
    struct relay_line *l = calloc(1, sizeof *l);
    if (!l) {
        abort();
    }
    l->settings = settings;
    l->next_number = RELAY_POOL_NONE;
    l->slots = calloc((size_t)settings->most_messages, sizeof *l->slots);
    if (!l->slots) {
        abort();
    }
    l->arena = arena_new(32 * 1024);
    relay_connect_init(&l->socket);
    uv_once(&auth_once, auth_client_init);
    return l;
}

void relay_line_free(struct relay_line *l) {
    relay_connect_close(&l->socket);
    arena_free(l->arena);
    free(l->slots);
    free(l);
}

void relay_line_cut(struct relay_line *l) {
    relay_connect_cut(&l->socket, true);
}

/* ---- results */

static void give(struct relay_line *l, struct relay_job *job) {
    job->judged = true;
    worker_give(l->worker, &job->job);
}

/* The job has its result from the relay; it may be the next one's turn. */
static void conclude(struct relay_line *l, struct relay_job *job) {
    struct relay_pool *pool = l->settings->pool;
    if (relay_pool_result(pool, l->number, &job->result.result, uv_hrtime())) {
        job->tried |= UINT32_C(1) << l->number;
        if (relay_pool_has_other(pool, job->tried)) {
            l->next = job;
            l->ending = true;
            return;
        }
    }
    give(l, job);
}

static void feed(struct relay_line *l);

/* The relay's answer to the present message at `stage`; success only at RELAY_DOT. */
static void answer(struct relay_line *l, enum relay_stage stage, const smtp_status_t *status) {
    struct relay_job *job = l->job;
    struct relay_reply reply = {.code = status->code,
                                .class = status->enh_class,
                                .subject = status->enh_subject,
                                .detail = status->enh_detail,
                                .text = str_from(status->text)};
    l->job = NULL;
    if (reply.code == 421) {
        l->ending = true;
        if (l->served > 1 && !job->retried && !l->begun) {
            job->retried = true;
            l->next = job;
            return;
        }
    }
    relay_reply_judge(stage, &reply, &job->result);
    conclude(l, job);
}

/* ---- messages into the session */

/* Makes the job the present message. False: it was given back as refused. */
static bool add(struct relay_line *l, struct relay_job *job);

static const char *on_read(void **ctx, int *len, void *arg) {
    (void)ctx;
    const struct slot *slot = arg;
    struct relay_line *l = slot->line;
    const char *data = NULL;
    errno = 0;
    if (!len) {
        return NULL; /* rewind: the data is asked for only once in a session */
    }
    *len = 0;
    if (slot->number != l->served) {
        return NULL; /* refused at RCPT, and BDAT was on its way: nothing of the next one */
    }
    if (l->broken) {
        errno = ECANCELED; /* makes libesmtp drop the connection in the middle of DATA */
    } else if (!l->begun) {
        fault_point("smtp.body");
        l->begun = true;
        *len = (int)l->mail.data.n;
        data = l->mail.data.p;
    } else {
        l->ended = true;
    }
    return data;
}

static const char no_smtputf8[] = "this driver does not speak; the driver smtps does";
static bool compose(struct relay_line *l, struct relay_job *job) {
    struct relay_result *r = &job->result;
    arena_reset(l->arena);
    bool good = relay_mail_compose(l->arena, job->message, l->settings, &l->mail, r) &&
                relay_mail_fits(&l->mail, l->relay, no_smtputf8, r);
    if (!good) {
        give(l, job);
    }
    return good;
}

/* libesmtp leaves out what the relay does not offer, and writes xtext itself. */
static void ask_for_reports(struct relay_line *l, smtp_message_t message,
                            smtp_recipient_t recipient, const struct channel_message *m) {
    struct str id = str_of(m->id.p, m->id.n), to = l->mail.to.wire;
    bool done = smtp_dsn_set_ret(message, Ret_HDRS) &&
                smtp_dsn_set_notify(recipient, Notify_FAILURE | Notify_DELAY);
    if (relay_mail_xtext(l->arena, id, RELAY_MAIL_ENVID_MOST).n > 0) {
        done = done && smtp_dsn_set_envid(message, str_cstr(l->arena, id));
    }
    if (relay_mail_xtext(l->arena, to, XTEXT_MOST).n > 0) {
        done = done && smtp_dsn_set_orcpt(recipient, "rfc822", str_cstr(l->arena, to));
    }
    if (!done) {
        abort(); /* only out of memory */
    }
}

static bool add(struct relay_line *l, struct relay_job *job) {
    if (!compose(l, job)) {
        return false;
    }
    smtp_message_t message = smtp_add_message(l->session);
    struct slot *slot = &l->slots[l->served];
    *slot = (struct slot){l, l->served + 1};
    smtp_recipient_t recipient =
        message ? smtp_add_recipient(message, str_cstr(l->arena, l->mail.to.wire)) : NULL;
    if (!recipient || !smtp_set_reverse_path(message, str_cstr(l->arena, l->mail.from.wire)) ||
        !smtp_set_messagecb(message, on_read, slot)) {
        abort(); /* only out of memory */
    }
    smtp_size_set_estimate(message, (unsigned long)l->mail.data.n);
    if (l->settings->dsn) {
        ask_for_reports(l, message, recipient, job->message);
    }
    l->job = job;
    l->message = message;
    l->served++;
    l->mail_ok = l->rcpt_ok = l->begun = l->ended = false;
    return true;
}

/* Puts the next message behind the one that is done, so that the connection goes on. */
static void feed(struct relay_line *l) {
    l->heard_at = uv_hrtime();
    if (l->begun != l->ended) {
        return; /* RCPT refused while BDAT is under way: SENT comes back here */
    }
    while (!l->ending && !l->job) {
        struct worker_job *next = NULL;
        if (l->served < l->settings->most_messages) {
            next = worker_take(l->worker, (uint64_t)l->settings->idle_ms);
        }
        if (!next) {
            l->ending = true;
            break;
        }
        struct relay_job *job = (struct relay_job *)next;
        l->next_number = relay_pool_probe(l->settings->pool, job->tried, uv_hrtime());
        if (l->next_number != RELAY_POOL_NONE) {
            l->next = job;
            l->ending = true;
            break;
        }
        add(l, job);
    }
    l->heard_at = uv_hrtime();
}

/* ---- what libesmtp tells */

static void on_mail(struct relay_line *l, smtp_message_t message) {
    const smtp_status_t *status = smtp_reverse_path_status(message);
    if (message != l->message || !l->job) {
        return;
    }
    l->mail_ok = status->code / 100 == 2;
    if (!l->mail_ok) {
        answer(l, RELAY_MAIL, status);
        feed(l);
    }
}

static void on_rcpt(struct relay_line *l, smtp_recipient_t recipient) {
    const smtp_status_t *status = smtp_recipient_status(recipient);
    if (!l->job) {
        return;
    }
    l->rcpt_ok = status->code / 100 == 2;
    if (!l->rcpt_ok) {
        answer(l, RELAY_RCPT, status);
        feed(l);
    }
}

static void on_sent(struct relay_line *l, smtp_message_t message) {
    if (message != l->message) {
        return; /* refused at RCPT, and the next one is in already */
    }
    const smtp_status_t *status = smtp_message_transfer_status(message);
    if (status->code == 0) {
        return; /* BDAT, and the connection broke: settle() knows how far it had come */
    }
    if (l->job) {
        fault_point("smtp.accepted");
        answer(l, l->begun ? RELAY_DOT : RELAY_DATA, status);
    }
    if (l->begun) {
        feed(l);
    } else {
        l->ending = true; /* DATA was refused: libesmtp has made up its mind to QUIT */
    }
}

static void on_certificate(struct relay_line *l, int event, int *ok, long verify) {
    *ok = !l->relay->verify;
    if (*ok) {
        ERR_clear_error(); /* or the next read takes what is left there for its own */
        return;
    }
    if (event == SMTP_EV_INVALID_PEER_CERTIFICATE) {
        l->broken = X509_verify_cert_error_string(verify);
    } else if (event == SMTP_EV_WRONG_PEER_CERTIFICATE) {
        l->broken = "the certificate is for another name than `host`";
    } else {
        l->broken = "the relay shows no certificate";
    }
}

static void on_event(smtp_session_t session, int event, void *arg, ...) {
    (void)session;
    if (event == SMTP_EV_MESSAGEDATA || event == SMTP_EV_DISCONNECT) {
        return; /* the first comes for each line */
    }
    struct relay_line *l = arg;
    va_list ap;
    va_start(ap, arg);
    l->heard_at = uv_hrtime();
    if (event == SMTP_EV_CONNECT) {
        l->connected = true;
        l->stage = RELAY_GREETING;
        relay_connect_nodelay(&l->socket);
    } else if (event == SMTP_EV_MAILSTATUS) {
        (void)va_arg(ap, const char *);
        on_mail(l, va_arg(ap, smtp_message_t));
    } else if (event == SMTP_EV_RCPTSTATUS) {
        (void)va_arg(ap, const char *);
        on_rcpt(l, va_arg(ap, smtp_recipient_t));
    } else if (event == SMTP_EV_MESSAGESENT) {
        on_sent(l, va_arg(ap, smtp_message_t));
    } else if (event == SMTP_EV_EXTNA_STARTTLS) {
        l->stage = RELAY_TLS;
        l->broken = "the relay does not offer STARTTLS, which `starttls: required` asks for";
    } else if (event == SMTP_EV_INVALID_PEER_CERTIFICATE) {
        long verify = va_arg(ap, long);
        on_certificate(l, event, va_arg(ap, int *), verify);
    } else if (event == SMTP_EV_WRONG_PEER_CERTIFICATE || event == SMTP_EV_NO_PEER_CERTIFICATE) {
        on_certificate(l, event, va_arg(ap, int *), 0);
    } else if (event == SMTP_EV_WEAK_CIPHER) {
        (void)va_arg(ap, int);
        *va_arg(ap, int *) = 0;
        l->broken = "the relay offers only weak encryption";
    }
    va_end(ap);
}

/* The talk before the first MAIL, which the other events do not show: the reply that ended
 * it, and whether the login was accepted. libesmtp goes on to MAIL without a login when it
 * was refused or not offered; here the connection is cut before that MAIL leaves. */
static void on_written(struct relay_line *l, struct str text) {
    if (l->greeting) {
        struct relay_offer offer = relay_reply_offer(str_of(l->talk, l->talk_n));
        l->greeting = false;
        atomic_store(&l->relay->most_bytes, offer.most_bytes);
    }
    if (str_starts(text, S("MAIL "))) {
        l->mailing = true;
        l->too_big = !relay_mail_fits(&l->mail, l->relay, no_smtputf8, &l->job->result);
        if (l->too_big) {
            relay_connect_cut(&l->socket, false);
        }
        if (l->relay->username && !l->logged_in) {
            l->broken = l->stage == RELAY_LOGIN
                            ? "the relay refused the login"
                            : "the relay offers no login that we know (smtps knows more)";
            l->stage = RELAY_LOGIN;
            relay_connect_cut(&l->socket, false);
        }
        return;
    }
    if (str_starts(text, S("QUIT"))) {
        return; /* the reply before it is what ended the session */
    }
    l->talk_n = 0;
    if (str_starts(text, S("STARTTLS"))) {
        l->stage = RELAY_TLS;
    } else if (str_starts(text, S("EHLO")) || str_starts(text, S("HELO"))) {
        l->stage = RELAY_GREETING;
        l->greeting = true;
    } else if (str_starts(text, S("AUTH "))) {
        l->stage = RELAY_LOGIN;
    }
}

static void on_talk(const char *p, int n, int writing, void *arg) {
    struct relay_line *l = arg;
    l->heard_at = uv_hrtime();
    if (l->mailing || n <= 0) {
        return;
    }
    if (writing) {
        on_written(l, str_of(p, (size_t)n));
        return;
    }
    size_t room = sizeof l->talk - l->talk_n;
    size_t some = (size_t)n < room ? (size_t)n : room;
    memcpy(l->talk + l->talk_n, p, some);
    l->talk_n += some;
    if (l->stage == RELAY_LOGIN && str_starts(str_of(l->talk, l->talk_n), S("235"))) {
        l->logged_in = true;
    }
}

static int on_login_asked(auth_client_request_t request, char **result, int fields, void *arg) {
    struct relay_line *l = arg;
    for (int i = 0; i < fields; i++) {
        if (request[i].flags & AUTH_USER) {
            result[i] = l->relay->username;
        } else if (request[i].flags & AUTH_PASS) {
            result[i] = l->relay->password;
        } else {
            result[i] = NULL;
        }
    }
    return 1;
}

/* ---- a session */

static auth_context_t open_session(struct relay_line *l) {
    const struct relay_settings *s = l->settings;
    const struct relay *r = l->relay;
    auth_context_t auth = NULL;
    l->session = smtp_create_session();
    if (!l->session || !smtp_set_server(l->session, r->name)) {
        abort(); /* only out of memory */
    }
    if (s->helo) {
        smtp_set_hostname(l->session, s->helo);
    }
    smtp_set_eventcb(l->session, on_event, l);
    smtp_set_monitorcb(l->session, on_talk, l, 0);
    static const int replies[] = {Timeout_GREETING, Timeout_ENVELOPE, Timeout_DATA,
                                  Timeout_TRANSFER};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        smtp_set_timeout(l->session, replies[i] | Timeout_OVERRIDE_RFC2822_MINIMUM, s->reply_ms);
    }
    smtp_set_timeout(l->session, Timeout_DATA2 | Timeout_OVERRIDE_RFC2822_MINIMUM, s->dot_ms);
    if (r->tls != RELAY_TLS_OFF) {
        smtp_starttls_enable(l->session,
                             r->tls == RELAY_TLS_REQUIRED ? Starttls_REQUIRED : Starttls_ENABLED);
        smtp_starttls_set_ctx(l->session, r->ssl);
    }
    if (r->username) {
        auth = auth_create_context();
        auth_set_mechanism_flags(auth, AUTH_PLUGIN_PLAIN, 0);
        auth_set_interact_cb(auth, on_login_asked, l);
        smtp_auth_set_context(l->session, auth);
    }
    l->served = 0;
    l->ending = l->mailing = l->logged_in = l->connected = l->greeting = l->too_big = false;
    l->stage = RELAY_CONNECT;
    l->talk_n = 0;
    l->broken = NULL;
    l->job = NULL;
    l->message = NULL;
    l->heard_at = uv_hrtime();
    return auth;
}

/* ---- when a session ended under a message */

static bool is_silent(const struct relay_line *l, int limit_ms) {
    uint64_t silent_ms = (uv_hrtime() - l->heard_at) / 1000000;
    return silent_ms + 100 >= (uint64_t)limit_ms;
}

static void settle_before_mail(struct relay_line *l, struct relay_job *job, int error) {
    char text[400], words[200] = "";
    struct relay_result *r = &job->result;
    struct relay_reply reply = relay_reply_parse(str_of(l->talk, l->talk_n));
    bool failed = reply.code >= 400;
    if (l->broken) {
        snprintf(text, sizeof text, "%s: %s%s%.*s", l->relay->name, l->broken, failed ? ": " : "",
                 failed ? (int)l->talk_n : 0, l->talk);
        relay_result_set(r, CHANNEL_UNSENT, CHANNEL_SUBJECT_CHANNEL, str_from(text));
        if (failed && reply.code < 500) {
            r->result.subject = CHANNEL_SUBJECT_DESTINATION; /* 454: it cannot check now */
        }
        r->result.code = failed ? reply.code : 0;
    } else if (failed) {
        relay_reply_judge(l->stage, &reply, r);
    } else if (!l->connected) {
        snprintf(text, sizeof text, "%s cannot be reached: %s", l->relay->name,
                 smtp_strerror(error, words, sizeof words));
        relay_result_set(r, CHANNEL_UNSENT, CHANNEL_SUBJECT_DESTINATION, str_from(text));
    } else {
        static const char *const after[] = {"connecting", "connecting", "STARTTLS", "AUTH"};
        snprintf(text, sizeof text, "%s %s after %s", l->relay->name,
                 is_silent(l, l->settings->reply_ms) ? "gave no answer in time"
                                                     : "closed the connection",
                 after[l->stage]);
        relay_result_set(r, CHANNEL_UNSENT, CHANNEL_SUBJECT_DESTINATION, str_from(text));
    }
    if (l->broken && l->stage == RELAY_LOGIN && r->result.subject == CHANNEL_SUBJECT_CHANNEL) {
        atomic_store(&l->relay->login_refused_at, uv_hrtime());
        r->result.retry_after_ms = RELAY_LOGIN_PAUSE_MS;
    }
    conclude(l, job);
}

static void settle_after_mail(struct relay_line *l, struct relay_job *job) {
    struct relay_pool *pool = l->settings->pool;
    enum relay_progress progress = l->ended     ? RELAY_BODY_SENT
                                   : l->begun   ? RELAY_BODY_BEGUN
                                   : l->rcpt_ok ? RELAY_RCPT_TAKEN
                                   : l->mail_ok ? RELAY_MAIL_TAKEN
                                                : RELAY_MAIL_SENT;
    bool silent = is_silent(l, l->ended ? l->settings->dot_ms : l->settings->reply_ms);
    bool others = relay_pool_has_other(pool, job->tried | UINT32_C(1) << l->number);
    relay_reply_lost(progress, l->relay->name, silent, others, &job->result);
    if (silent) {
        relay_pool_silent(pool, l->number, &job->result.result, uv_hrtime());
    }
    conclude(l, job);
}

static void settle(struct relay_line *l, int error) {
    struct relay_job *job = l->job;
    l->job = NULL;
    if (!job) {
        return;
    }
    if (l->too_big) {
        give(l, job);
    } else if (l->served > 1 && !l->mail_ok && !job->retried) {
        job->retried = true; /* the relay closed an idle connection: that says nothing */
        l->next = job;
    } else if (!l->mailing || l->broken) {
        settle_before_mail(l, job, error);
    } else {
        settle_after_mail(l, job);
    }
}

static void run_session(struct relay_line *l, struct relay_job *first) {
    auth_context_t auth = open_session(l);
    if (add(l, first)) {
        relay_connect_enter(&l->socket, l->settings->connect_ms);
        smtp_start_session(l->session);
        settle(l, smtp_errno());
        relay_connect_leave();
    }
    smtp_destroy_session(l->session);
    if (auth) {
        auth_destroy_context(auth);
    }
}

static bool login_pause(struct relay_line *l, struct relay_job *job) {
    int64_t pause_ms = relay_settings_login_pause(l->relay, uv_hrtime());
    if (pause_ms == 0) {
        return false;
    }
    relay_result_set(&job->result, CHANNEL_UNSENT, CHANNEL_SUBJECT_CHANNEL,
                     S("the relay refused the login a moment ago; check username and password"));
    job->result.result.retry_after_ms = pause_ms;
    conclude(l, job);
    return true;
}

void relay_line_serve(struct relay_line *l, struct worker *w, struct relay_job *first) {
    struct relay_settings *s = l->settings;
    l->worker = w;
    l->next = first;
    while (l->next) {
        struct relay_job *job = l->next;
        l->next = NULL;
        l->number = l->next_number;
        l->next_number = RELAY_POOL_NONE;
        if (l->number == RELAY_POOL_NONE) {
            l->number = relay_pool_take(s->pool, job->tried, uv_hrtime());
        }
        if (l->number == RELAY_POOL_NONE) {
            if (!job->tried) {
                relay_pool_explain(s->pool, uv_hrtime(), &job->result);
            }
            give(l, job);
            continue;
        }
        l->relay = &s->relays[l->number];
        if (!login_pause(l, job)) {
            run_session(l, job);
        }
        if (l->number != l->next_number) { /* else it is being tried again, by this line */
            relay_pool_leave(s->pool, l->number);
        }
    }
}
