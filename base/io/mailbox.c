/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/mailbox.h"

#include "base/arena.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define LISTING_MOST (1 << 20)
#define TOTAL_MOST (16 << 20) /* bytes of one fetch */
#define ID_MOST 70            /* RFC 1939, 7: UIDL */

struct mailbox {
    CURL *curl; /* NULL: no session */
    char *url, *username, *password, *ca_file, *move_to;
    int timeout_s;
    bool pop3, local;
    atomic_bool cut;
    char validity[24]; /* UIDVALIDITY of the folder, as the server said last; "": not said */
    char error[CURL_ERROR_SIZE];
};

/* What an answer is gathered into. */
struct sink {
    struct buf *out; /* NULL: of no interest */
    size_t most;
};

/* ---- libcurl */

static size_t on_data(char *data, size_t size, size_t n, void *ctx) {
    struct sink *s = ctx;
    size_t got = size * n, room = s->out && s->out->n < s->most ? s->most - s->out->n : 0;
    if (room)
        buf_add(s->out, data, got < room ? got : room);
    return got; /* what is beyond is read and forgotten */
}

/* "* OK [UIDVALIDITY 12345] ..." among what the server says when a folder is selected. */
static size_t on_line(char *data, size_t size, size_t n, void *ctx) {
    struct mailbox *m = ctx;
    struct str line = str_of(data, size * n);
    ptrdiff_t at = str_find(line, S("[UIDVALIDITY "));
    if (at < 0)
        return size * n;
    struct str rest = str_sub(line, (size_t)at + 13, line.n);
    size_t i = 0;
    while (i < rest.n && i + 1 < sizeof m->validity && rest.p[i] >= '0' && rest.p[i] <= '9') {
        m->validity[i] = rest.p[i];
        i++;
    }
    m->validity[i] = 0;
    return size * n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const struct mailbox *m = ctx;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&m->cut);
}

static void start(struct mailbox *m) {
    m->curl = curl_easy_init();
    if (!m->curl)
        abort();
    curl_easy_setopt(m->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(m->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(m->curl, CURLOPT_USERNAME, m->username);
    curl_easy_setopt(m->curl, CURLOPT_PASSWORD, m->password);
    curl_easy_setopt(m->curl, CURLOPT_ERRORBUFFER, m->error);
    curl_easy_setopt(m->curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(m->curl, CURLOPT_HEADERFUNCTION, on_line);
    curl_easy_setopt(m->curl, CURLOPT_HEADERDATA, m);
    curl_easy_setopt(m->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(m->curl, CURLOPT_XFERINFODATA, m);
    curl_easy_setopt(m->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(m->curl, CURLOPT_TIMEOUT, (long)m->timeout_s);
    curl_easy_setopt(m->curl, CURLOPT_CONNECTTIMEOUT, (long)m->timeout_s);
    curl_easy_setopt(m->curl, CURLOPT_USE_SSL, (long)(m->local ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    if (m->local && !m->ca_file) /* whoever listens on this machine may as well read its memory */
        curl_easy_setopt(m->curl, CURLOPT_SSL_VERIFYPEER, 0L);
    if (m->local && !m->ca_file)
        curl_easy_setopt(m->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    if (m->ca_file)
        curl_easy_setopt(m->curl, CURLOPT_CAINFO, m->ca_file);
}

/* One exchange at `url`; `command` NULL: what the URL means by itself. `quiet`: no answer but a
 * status comes. */
static CURLcode exchange(struct mailbox *m, const char *url, const char *command, bool quiet,
                         struct buf *out, size_t most) {
    struct sink sink = {out, most};
    m->error[0] = 0;
    curl_easy_setopt(m->curl, CURLOPT_URL, url);
    curl_easy_setopt(m->curl, CURLOPT_CUSTOMREQUEST, command);
    curl_easy_setopt(m->curl, CURLOPT_NOBODY, (long)quiet);
    curl_easy_setopt(m->curl, CURLOPT_WRITEDATA, &sink);
    return curl_easy_perform(m->curl);
}

static bool failed(const struct mailbox *m, CURLcode code, const char *what, struct err *e) {
    return err_set(e, ERR_TEMPORARY, "%s: %s: %s", m->url, what,
                   m->error[0] ? m->error : curl_easy_strerror(code));
}

static bool ask(struct mailbox *m, const char *url, const char *command, bool quiet,
                struct buf *out, size_t most, const char *what, struct err *e) {
    CURLcode code = exchange(m, url, command, quiet, out, most);
    return code == CURLE_OK || failed(m, code, what, e);
}

/* ---- IMAP */

/* "* 3 FETCH (UID 17 FLAGS (\Seen))"; false: it is no such line, or the mail is deleted already. */
static bool uid_of(struct str line, struct str *uid) {
    ptrdiff_t at = str_find(line, S("UID "));
    if (at < 0 || str_find(line, S("FETCH")) < 0 || str_find(line, S("\\Deleted")) >= 0)
        return false;
    size_t from = (size_t)at + 4, to = from;
    while (to < line.n && line.p[to] >= '0' && line.p[to] <= '9')
        to++;
    *uid = str_sub(line, from, to);
    return uid->n > 0 && uid->n <= 10;
}

/* The folder, with its UIDVALIDITY once it is known: another one is refused then. */
static const char *folder_url(const struct mailbox *m, struct arena *a, const char *uid) {
    struct buf b = BUF_IN(a);
    buf_add_str(&b, str_from(m->url));
    if (m->validity[0])
        buf_printf(&b, ";UIDVALIDITY=%s", m->validity);
    if (uid)
        buf_printf(&b, "/;UID=%s", uid);
    return buf_cstr(&b);
}

static bool imap_fetch(struct mailbox *m, struct arena *a, size_t most, size_t bytes,
                       struct mailbox_mail *list, size_t *n, struct err *e) {
    struct buf listing = BUF_IN(a);
    struct str line, uid;
    size_t total = 0;
    m->validity[0] = 0;
    if (!ask(m, folder_url(m, a, NULL), "UID FETCH 1:* (UID FLAGS)", false, &listing, LISTING_MOST,
             "the folder could not be listed", e))
        return false;
    struct str rest = buf_str(&listing);
    while (*n < most && total < TOTAL_MOST && rest.n && str_split(&rest, '\n', &line)) {
        if (!uid_of(line, &uid))
            continue;
        struct buf text = BUF_IN(a);
        struct mailbox_mail *mail = &list[*n];
        mail->id = str_dup(a, uid);
        CURLcode code = exchange(m, folder_url(m, a, str_cstr(a, uid)), NULL, false, &text, bytes);
        if (code == CURLE_REMOTE_FILE_NOT_FOUND)
            continue; /* somebody took it meanwhile */
        if (code != CURLE_OK)
            return failed(m, code, "a mail could not be read", e);
        mail->text = text.n ? buf_str(&text) : S("");
        total += text.n;
        (*n)++;
    }
    return true;
}

static CURLcode to_folder(struct mailbox *m, struct arena *a, const char *verb, const char *uids) {
    struct str command = str_printf(a, "UID %s %s \"%s\"", verb, uids, m->move_to);
    return exchange(m, folder_url(m, a, NULL), str_cstr(a, command), false, NULL, 0);
}

/* MOVE is an extension (RFC 6851), and so is UID EXPUNGE (RFC 4315). */
static bool imap_finish(struct mailbox *m, struct arena *a, const struct str *ids, size_t n,
                        struct err *e) {
    struct buf set = BUF_IN(a);
    for (size_t i = 0; i < n; i++)
        buf_printf(&set, "%s%.*s", i ? "," : "", STR_FMT(ids[i]));
    const char *uids = buf_cstr(&set);
    CURLcode code;
    if (m->move_to) {
        struct str create = str_printf(a, "CREATE \"%s\"", m->move_to);
        if (to_folder(m, a, "MOVE", uids) == CURLE_OK)
            return true;
        /* refused when it is there already, which is fine */
        (void)exchange(m, folder_url(m, a, NULL), str_cstr(a, create), false, NULL, 0);
        if (to_folder(m, a, "MOVE", uids) == CURLE_OK)
            return true;
        code = to_folder(m, a, "COPY", uids);
        if (code != CURLE_OK)
            return failed(m, code, "what was read could not be moved", e);
    }
    struct str store = str_printf(a, "UID STORE %s +FLAGS.SILENT (\\Deleted)", uids);
    struct str expunge = str_printf(a, "UID EXPUNGE %s", uids);
    if (!ask(m, folder_url(m, a, NULL), str_cstr(a, store), false, NULL, 0,
             "what was read could not be deleted", e))
        return false;
    if (exchange(m, folder_url(m, a, NULL), str_cstr(a, expunge), false, NULL, 0) == CURLE_OK)
        return true;
    return ask(m, folder_url(m, a, NULL), "EXPUNGE", false, NULL, 0,
               "what was read could not be deleted", e);
}

/* ---- POP3 */

struct pop3_line {
    struct str number, id;
};

/* "3 unique-id" */
static bool pop3_line(struct str line, struct pop3_line *out) {
    struct str rest = str_trim(line);
    int64_t number;
    if (!str_split(&rest, ' ', &out->number) || !rest.p)
        return false;
    out->id = str_trim(rest);
    return str_to_int64(out->number, &number) && number > 0 && out->number.n <= 10 && out->id.n &&
           out->id.n <= ID_MOST;
}

static const char *mail_url(const struct mailbox *m, struct arena *a, struct str number) {
    struct str url = str_from(m->url);
    while (str_ends(url, S("/")))
        url.n--;
    return str_cstr(a, str_printf(a, "%.*s/%.*s", STR_FMT(url), STR_FMT(number)));
}

static bool pop3_list(struct mailbox *m, struct arena *a, struct str *out, struct err *e) {
    struct buf listing = BUF_IN(a);
    if (!ask(m, mail_url(m, a, S("")), "UIDL", false, &listing, LISTING_MOST,
             "the mailbox could not be listed", e))
        return false;
    *out = listing.n ? buf_str(&listing) : S("");
    return true;
}

static bool pop3_fetch(struct mailbox *m, struct arena *a, size_t most, size_t bytes,
                       struct mailbox_mail *list, size_t *n, struct err *e) {
    struct str rest, line;
    struct pop3_line x;
    size_t total = 0;
    if (!pop3_list(m, a, &rest, e))
        return false;
    while (*n < most && total < TOTAL_MOST && rest.n && str_split(&rest, '\n', &line)) {
        struct buf text = BUF_IN(a);
        if (!pop3_line(line, &x))
            continue;
        if (!ask(m, mail_url(m, a, x.number), NULL, false, &text, bytes, "a mail could not be read",
                 e))
            return false;
        list[(*n)++] = (struct mailbox_mail){x.id, text.n ? buf_str(&text) : S("")};
        total += text.n;
    }
    return true;
}

/* The server deletes at the end of the session, which mailbox_leave() is. */
static bool pop3_finish(struct mailbox *m, struct arena *a, const struct str *ids, size_t n,
                        struct err *e) {
    struct str rest, line;
    struct pop3_line x;
    if (!pop3_list(m, a, &rest, e))
        return false;
    while (rest.n && str_split(&rest, '\n', &line)) {
        bool wanted = false;
        if (!pop3_line(line, &x))
            continue;
        for (size_t i = 0; i < n && !wanted; i++)
            wanted = str_eq(ids[i], x.id);
        struct str dele = str_printf(a, "DELE %.*s", STR_FMT(x.number));
        if (wanted && !ask(m, mail_url(m, a, S("")), str_cstr(a, dele), true, NULL, 0,
                           "what was read could not be deleted", e))
            return false;
    }
    return true;
}

/* ---- life */

static char *copy(const char *text) {
    char *out = text ? strdup(text) : NULL;
    if (text && !out)
        abort();
    return out;
}

static bool is_local(const char *url) {
    const char *host = strstr(url, "://") + 3;
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost:", 10) == 0 ||
           strncmp(host, "localhost/", 10) == 0 || strcmp(host, "localhost") == 0;
}

struct mailbox *mailbox_new(const struct mailbox_options *o) {
    struct mailbox *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    m->url = copy(o->url);
    m->username = copy(o->username);
    m->password = copy(o->password);
    m->ca_file = copy(o->ca_file);
    m->move_to = copy(o->move_to);
    m->timeout_s = o->timeout_s;
    m->pop3 = strncmp(o->url, "pop3", 4) == 0;
    m->local = is_local(o->url);
    return m;
}

void mailbox_leave(struct mailbox *m) {
    if (m->curl)
        curl_easy_cleanup(m->curl);
    m->curl = NULL;
}

void mailbox_free(struct mailbox *m) {
    if (!m)
        return;
    mailbox_leave(m);
    free(m->url);
    free(m->username);
    free(m->password);
    free(m->ca_file);
    free(m->move_to);
    free(m);
}

bool mailbox_fetch(struct mailbox *m, struct arena *a, size_t most, size_t bytes,
                   struct mailbox_mail *list, size_t *n, struct err *e) {
    *n = 0;
    mailbox_leave(m);
    start(m);
    return (m->pop3 ? pop3_fetch : imap_fetch)(m, a, most, bytes, list, n, e);
}

bool mailbox_finish(struct mailbox *m, struct arena *a, const struct str *ids, size_t n,
                    struct err *e) {
    if (!m->curl)
        start(m);
    return !n || (m->pop3 ? pop3_finish : imap_finish)(m, a, ids, n, e);
}

void mailbox_cut(struct mailbox *m) {
    atomic_store(&m->cut, true);
}
