/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/mail_link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TALK_MOST 4096
#define CHUNK 16384

struct mail_link {
    struct transfer transfer; /* first */
    struct transfers *transfers;
    uv_loop_t *loop;
    CURL *easy;
    const struct mail_link_events *events;
    void *ctx;
    bool wants_login, logged_in, closed;
    enum mail_link_stage stage;
    bool implicit;
    bool greeted;    /* EHLO was the last command */
    bool answered;   /* the last command, with a line at least */
    struct buf talk; /* the relay's last answer */
    struct buf ehlo; /* its last answer to EHLO */
    struct buf out;  /* what is to be written, from `sent` on */
    size_t sent;
    uv_poll_t poll; /* once it is open */
    int watched;    /* the poll's events */
    int fd;         /* a duplicate of libcurl's socket, to be polled */
    char error[CURL_ERROR_SIZE];
};

static void end(struct mail_link *l, bool silent, bool ours, const char *reason) {
    struct mail_link_end e = {.stage = l->stage,
                              .silent = silent,
                              .ours = ours,
                              .reply = buf_str(&l->talk),
                              .reason = reason};
    l->events->ended(l->ctx, &e);
}

/* ---- the way in: what libcurl and the relay say to each other */

static void on_command(struct mail_link *l, struct str text) {
    l->answered = false;
    l->greeted = str_starts(text, S("EHLO")) || str_starts(text, S("HELO"));
    if (l->greeted) {
        l->stage = MAIL_LINK_GREETING;
        buf_clear(&l->ehlo);
    } else if (str_starts(text, S("STARTTLS"))) {
        l->stage = MAIL_LINK_TLS;
    } else {
        l->stage = MAIL_LINK_LOGIN;
    }
}

static void on_reply(struct mail_link *l, struct str text) {
    if (l->stage == MAIL_LINK_CONNECT)
        l->stage = MAIL_LINK_GREETING;
    if (!l->answered)
        buf_clear(&l->talk);
    l->answered = true;
    if (l->talk.n < TALK_MOST)
        buf_add_str(&l->talk, text);
    if (l->greeted && l->ehlo.n < TALK_MOST)
        buf_add_str(&l->ehlo, text);
    if (l->stage == MAIL_LINK_LOGIN && str_starts(text, S("235")))
        l->logged_in = true;
}

static int on_debug(CURL *easy, curl_infotype type, char *p, size_t n, void *arg) {
    (void)easy;
    struct mail_link *l = arg;
    if (type == CURLINFO_HEADER_OUT)
        on_command(l, str_of(p, n));
    else if (type == CURLINFO_HEADER_IN)
        on_reply(l, str_of(p, n));
    return 0;
}

static bool is_ours(CURLcode code) {
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_USE_SSL_FAILED ||
           code == CURLE_LOGIN_DENIED || code == CURLE_SSL_CACERT_BADFILE;
}

static void on_stream(uv_poll_t *poll, int status, int events);

/* libuv asks the kernel anew each time, also when nothing changes. */
static void watch(struct mail_link *l) {
    int events = UV_READABLE | (mail_link_unsent(l) ? UV_WRITABLE : 0);
    if (events != l->watched)
        uv_poll_start(&l->poll, events, on_stream);
    l->watched = events;
}

static void begin_stream(struct mail_link *l) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(l->easy, CURLINFO_ACTIVESOCKET, &fd);
    l->fd = fd == CURL_SOCKET_BAD ? -1 : dup(fd);
    if (l->fd < 0 || uv_poll_init_socket(l->loop, &l->poll, l->fd) != 0) {
        end(l, false, false, "the connection was lost");
        return;
    }
    l->poll.data = l;
    watch(l);
    l->stage = MAIL_LINK_OPEN;
    l->events->opened(l->ctx, buf_str(&l->ehlo));
}

static void on_way_ended(struct transfer *t, CURLcode code) {
    struct mail_link *l = (struct mail_link *)t;
    curl_off_t took = 0;
    curl_easy_getinfo(l->easy, l->implicit ? CURLINFO_APPCONNECT_TIME_T : CURLINFO_CONNECT_TIME_T,
                      &took);
    if (l->stage == MAIL_LINK_CONNECT && took > 0)
        l->stage = MAIL_LINK_GREETING;
    if (code != CURLE_OK) {
        const char *reason = l->error[0] ? l->error : curl_easy_strerror(code);
        if (code == CURLE_USE_SSL_FAILED)
            reason = "the relay does not offer STARTTLS";
        else if (code == CURLE_LOGIN_DENIED)
            reason = "the relay refused the login";
        end(l, code == CURLE_OPERATION_TIMEDOUT, is_ours(code), reason);
    } else if (l->wants_login && !l->logged_in) {
        l->stage = MAIL_LINK_LOGIN; /* libcurl goes on without when none is offered */
        end(l, false, true, "the relay offers no login that we know");
    } else {
        begin_stream(l);
    }
}

/* ---- the stream */

static bool push(struct mail_link *l) {
    CURLcode code = CURLE_OK;
    while (code == CURLE_OK && l->sent < l->out.n) {
        size_t n = l->out.n - l->sent, sent = 0;
        code = curl_easy_send(l->easy, l->out.p + l->sent, n < CHUNK ? n : CHUNK, &sent);
        l->sent += code == CURLE_OK ? sent : 0;
    }
    return code == CURLE_OK || code == CURLE_AGAIN;
}

/* All that is there: what TLS has read ahead does not make the socket readable again. */
static bool pull(struct mail_link *l) {
    char chunk[CHUNK];
    size_t n = 0;
    CURLcode code = CURLE_OK;
    while (!l->closed && (code = curl_easy_recv(l->easy, chunk, sizeof chunk, &n)) == CURLE_OK) {
        if (n == 0)
            return false;
        l->events->bytes(l->ctx, str_of(chunk, n));
    }
    return l->closed || code == CURLE_AGAIN;
}

static void on_stream(uv_poll_t *poll, int status, int events) {
    struct mail_link *l = poll->data;
    (void)events; /* sending and receiving find out */
    if (status < 0)
        l->watched = 0; /* libuv has stopped it */
    bool alive = push(l);
    alive = pull(l) && alive; /* the relay may have said why before it hung up */
    if (l->closed)
        return;
    if (alive) {
        watch(l);
        return;
    }
    uv_poll_stop(&l->poll);
    end(l, false, false, "the relay closed the connection");
}

void mail_link_write(struct mail_link *l, struct str bytes) {
    assert(l->stage == MAIL_LINK_OPEN && !mail_link_unsent(l));
    buf_clear(&l->out);
    l->sent = 0;
    buf_add_str(&l->out, bytes);
    (void)push(l); /* when it failed, the next look at the socket shows it */
    watch(l);
}

size_t mail_link_unsent(const struct mail_link *l) {
    return l->out.n - l->sent;
}

/* ---- life */

static void set_options(struct mail_link *l, const struct mail_link_options *o) {
    CURL *h = l->easy;
    char url[600], name[256] = "";
    if (!o->helo && gethostname(name, sizeof name - 1) != 0)
        snprintf(name, sizeof name, "localhost");
    snprintf(url, sizeof url, strchr(o->host, ':') ? "%s://[%s]:%d/%s" : "%s://%s:%d/%s",
             o->implicit ? "smtps" : "smtp", o->host, o->port, o->helo ? o->helo : name);
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(h, CURLOPT_USE_SSL, o->plain ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, o->verify ? 1L : 0L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, o->verify ? 2L : 0L);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_ms);
    curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, l->error);
    curl_easy_setopt(h, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(h, CURLOPT_DEBUGDATA, l);
    curl_easy_setopt(h, CURLOPT_VERBOSE, 1L); /* what is said comes to on_debug alone */
    if (o->ca_file)
        curl_easy_setopt(h, CURLOPT_CAINFO, o->ca_file);
    if (o->username) {
        curl_easy_setopt(h, CURLOPT_USERNAME, o->username);
        curl_easy_setopt(h, CURLOPT_PASSWORD, o->password);
    }
}

struct mail_link *mail_link_open(uv_loop_t *loop, struct transfers *t,
                                 const struct mail_link_options *o,
                                 const struct mail_link_events *events, void *ctx) {
    struct mail_link *l = calloc(1, sizeof *l);
    if (!l || !(l->easy = curl_easy_init()))
        abort();
    l->transfer.done = on_way_ended;
    l->transfers = t;
    l->loop = loop;
    l->events = events;
    l->ctx = ctx;
    l->fd = -1;
    l->wants_login = o->username != NULL;
    l->implicit = o->implicit;
    set_options(l, o);
    transfers_add(t, l->easy, &l->transfer);
    return l;
}

static void destroy(struct mail_link *l) {
    buf_close(&l->talk);
    buf_close(&l->ehlo);
    buf_close(&l->out);
    free(l);
}

static void on_poll_closed(uv_handle_t *h) {
    destroy(h->data);
}

void mail_link_close(struct mail_link *l) {
    bool polled = l->poll.data != NULL;
    l->closed = true;
    if (l->fd >= 0)
        shutdown(l->fd, SHUT_RDWR); /* or libcurl says QUIT and waits for the answer */
    transfers_remove(l->transfers, l->easy);
    curl_easy_cleanup(l->easy);
    if (polled)
        uv_close((uv_handle_t *)&l->poll, on_poll_closed);
    if (l->fd >= 0)
        close(l->fd);
    if (!polled)
        destroy(l);
}
