/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/http_gateway.h"

#include "base/arena.h"
#include "base/json.h"
#include "channels/http_channel.h"
#include "channels/http_finder.h"
#include "channels/http_gateway_hook.h"
#include "channels/http_reply.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADERS_MOST 20

enum {
    SET_SMS = HTTP_SET_OWN,
    SET_URL = SET_SMS + SMS_SETTINGS,
    SET_METHOD,
    SET_FORMAT,
    SET_BODY,
    SET_HEADERS,
    SET_USERNAME,
    SET_PASSWORD,
    SET_SUCCESS,
    SET_SUCCESS_TEXT,
    SET_ID,
    SET_ERROR,
    SET_ADDRESS_CODES,
    SET_MESSAGE_CODES,
    SET_LATER_CODES,
    SET_CHANNEL_CODES,
    SET_HOOK
};

static const struct channel_setting settings[] = {
    HTTP_CHANNEL_SETTINGS,
    HTTP_CHANNEL_SMS_SETTINGS(SET_SMS),
    [SET_URL] = {"url", CHANNEL_TEXT, .required = true,
                 .help = "Of the gateway; `{to}` and the like stand for the message's values, "
                         "behind the host."},
    [SET_METHOD] = {"method", CHANNEL_CHOICE, "POST", .choices = "GET|POST|PUT",
                    .help = "How to ask; GET has no body."},
    [SET_FORMAT] = {"format", CHANNEL_CHOICE, "json", .choices = "json|form|text",
                    .help = "What the body is: says how values are escaped in it and what "
                            "Content-Type is sent."},
    [SET_BODY] = {"body", CHANNEL_TEXT,
                  .help = "The body, with `{to}`, `{from}`, `{text}`, `{id}`, `{segments}`, "
                          "`{coding}` (gsm or ucs2), `{body}` (a webhook's JSON), `{reference}` "
                          "and `{receipt_url}` (by which reports name the message)."},
    [SET_HEADERS] = {"headers", CHANNEL_TEXT, .secret = true,
                     .help = "Further headers, a line each: `X-Api-Key: abc`; values may stand in "
                             "them."},
    [SET_USERNAME] = {"username", CHANNEL_TEXT, .help = "Login (Basic)."},
    [SET_PASSWORD] = {"password", CHANNEL_TEXT, .secret = true, .help = "Password of the login."},
    [SET_SUCCESS] = {"success", CHANNEL_TEXT,
                     .help = "Must be in an answer with status 2xx for the message to count as "
                             "accepted: a JSON pointer (`/status`) or a pattern."},
    [SET_SUCCESS_TEXT] = {"success_text", CHANNEL_TEXT,
                          .help = "And what `success` finds must be this."},
    [SET_ID] = {"id", CHANNEL_TEXT,
                .help = "Where the gateway's number of the message is: a JSON pointer or a "
                        "pattern."},
    [SET_ERROR] = {"error", CHANNEL_TEXT,
                   .help = "Where the gateway's error code is: a JSON pointer or a pattern. The "
                           "lists of codes that follow say what it means."},
    [SET_ADDRESS_CODES] = {"address_codes", CHANNEL_TEXT,
                           .help = "Codes, with commas, that say: this number or customer, never "
                                   "again."},
    [SET_MESSAGE_CODES] = {"message_codes", CHANNEL_TEXT,
                           .help = "Codes that say: not this message."},
    [SET_LATER_CODES] = {"later_codes", CHANNEL_TEXT,
                         .help = "Codes that say: slow down, or later."},
    [SET_CHANNEL_CODES] = {"channel_codes", CHANNEL_TEXT,
                           .help = "Codes that say: login, sender or settings are wrong."},
    HTTP_GATEWAY_HOOK_SETTINGS(SET_HOOK),
    {0}};

enum escaping { AS_IS, AS_URL, AS_JSON };

struct gateway {
    struct sms_rules rules;
    enum escaping escaping; /* of the body */
    const char *method;
    const char *type; /* Content-Type */
    char *from, *url, *body, *headers, *username, *password, *success_text;
    struct http_finder *success, *id, *error;
    char *codes[4]; /* lists, in the order of their settings */
};

/* ---- filling in */

enum {
    V_TO,
    V_FROM,
    V_TEXT,
    V_ID,
    V_SEGMENTS,
    V_CODING,
    V_BODY,
    V_REFERENCE,
    V_RECEIPT_URL,
    V_COUNT
};
static const char *const names[V_COUNT] = {"to",     "from", "text",      "id",         "segments",
                                           "coding", "body", "reference", "receipt_url"};

static void add_escaped(struct buf *b, enum escaping how, struct str s) {
    if (how == AS_URL) {
        http_channel_escape(b, s);
    } else if (how == AS_JSON) { /* without the quotes, which are the user's */
        struct buf quoted = BUF_IN(b->arena);
        json_write_string(&quoted, s);
        buf_add(b, quoted.p + 1, quoted.n - 2);
    } else {
        buf_add_str(b, s);
    }
}

/* Index of the name in "{name}..." at the beginning of s, or -1. */
static int name_at(struct str s, size_t *length) {
    for (int i = 0; i < V_COUNT; i++) {
        size_t n = strlen(names[i]);
        if (s.n >= n + 2 && s.p[n + 1] == '}' && memcmp(s.p + 1, names[i], n) == 0) {
            *length = n + 2;
            return i;
        }
    }
    return -1;
}

static struct str fill(struct arena *a, const char *form, enum escaping how,
                       const struct str *values) {
    struct buf b = BUF_IN(a);
    struct str s = str_from(form);
    size_t length;
    while (s.n) {
        int i = s.p[0] == '{' ? name_at(s, &length) : -1;
        if (i >= 0)
            add_escaped(&b, i == V_BODY && how == AS_JSON ? AS_IS : how, values[i]);
        else
            buf_add_char(&b, s.p[0]);
        s = str_sub(s, i >= 0 ? length : 1, s.n);
    }
    return buf_str(&b);
}

/* "{phone}": a name in braces that nothing stands behind; NULL when there is none. */
static const char *unknown_name(const char *form) {
    size_t length;
    for (const char *p = strchr(form, '{'); p; p = strchr(p + 1, '{')) {
        size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");
        if (n > 0 && p[n + 1] == '}' && name_at(str_from(p), &length) < 0)
            return p;
    }
    return NULL;
}

static void add_headers(const struct gateway *g, struct arena *a, const struct str *values,
                        struct http_request *r) {
    struct http_header *list = ARENA_ARRAY(a, struct http_header, HEADERS_MOST + 1);
    struct str rest = g->headers ? fill(a, g->headers, AS_IS, values) : STR_NONE, line;
    if (r->body.n)
        list[r->header_count++] = (struct http_header){S("Content-Type"), str_from(g->type)};
    while (r->header_count < HEADERS_MOST && str_split(&rest, '\n', &line)) {
        ptrdiff_t colon = str_find(line, S(":"));
        if (colon > 0)
            list[r->header_count++] =
                (struct http_header){str_trim(str_sub(line, 0, (size_t)colon)),
                                     str_trim(str_sub(line, (size_t)colon + 1, line.n))};
    }
    r->headers = list;
}

static bool has_break(struct str s) {
    return s.n && (memchr(s.p, '\n', s.n) || memchr(s.p, '\r', s.n));
}

static bool make(void *self, struct arena *a, const struct channel_message *m,
                 struct http_request *r, int *note, struct relay_result *out) {
    const struct gateway *g = self;
    struct sms sms = {0};
    struct str segments = S("1");
    if (m->kind == CHANNEL_SMS && !http_channel_sms(a, &g->rules, m, &sms, out))
        return false;
    if (m->kind == CHANNEL_SMS)
        segments = str_printf(a, "%d", sms.segments);
    struct str values[V_COUNT] = {
        [V_TO] = str_of(m->to.p, m->to.n),
        [V_FROM] = str_from(g->from),
        [V_TEXT] = sms.text,
        [V_ID] = str_of(m->id.p, m->id.n),
        [V_SEGMENTS] = segments,
        [V_CODING] = sms.coding == SMS_GSM7 ? S("gsm") : S("ucs2"),
        [V_BODY] = str_of(m->body.p, m->body.n),
        [V_REFERENCE] = str_of(m->reference.p, m->reference.n),
        [V_RECEIPT_URL] = str_of(m->receipt_url.p, m->receipt_url.n),
    };
    struct str in_headers[V_COUNT];
    for (int i = 0; i < V_COUNT; i++) /* a line break would begin a header of its own */
        in_headers[i] = has_break(values[i]) ? STR_NONE : values[i];
    *note = sms.segments;
    r->method = g->method;
    r->url = fill(a, g->url, AS_URL, values);
    r->body = g->body ? fill(a, g->body, g->escaping, values) : STR_NONE;
    r->username = str_from(g->username);
    r->password = str_from(g->password);
    add_headers(g, a, in_headers, r);
    return true;
}

/* ---- answers */

static bool in_list(const char *list, struct str code) {
    struct str rest = str_from(list), one;
    while (str_split(&rest, ',', &one))
        if (str_eq(str_trim(one), code))
            return true;
    return false;
}

/* By the lists of codes; false: none has it. */
static bool judge_code(const struct gateway *g, struct arena *a, const struct http_answer *answer,
                       struct str code, struct relay_result *out) {
    static const struct {
        enum channel_outcome outcome;
        enum channel_subject subject;
    } meanings[] = {{CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS},
                    {CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE},
                    {CHANNEL_DEFERRED, CHANNEL_SUBJECT_DESTINATION},
                    {CHANNEL_REFUSED, CHANNEL_SUBJECT_CHANNEL}};
    struct str reason = str_printf(a, "the gateway's code %.*s", STR_FMT(code));
    for (size_t i = 0; i < 4; i++) {
        if (!g->codes[i] || !in_list(g->codes[i], code))
            continue;
        http_reply_set(answer, out, meanings[i].outcome, meanings[i].subject, reason);
        return true;
    }
    return false;
}

static bool succeeded(const struct gateway *g, struct arena *a, const struct http_answer *answer) {
    struct str found;
    return !g->success || (http_finder_find(g->success, a, answer->body, &found) &&
                           (!g->success_text || str_eq(found, str_from(g->success_text))));
}

static void judge(void *self, struct arena *a, const struct http_answer *answer, int note,
                  struct relay_result *out) {
    const struct gateway *g = self;
    struct str found;
    http_reply_judge(answer, out);
    if (answer->fate == HTTP_ANSWERED) {
        bool good = answer->status < 300 && succeeded(g, a, answer);
        bool coded = !good && g->error && http_finder_find(g->error, a, answer->body, &found) &&
                     judge_code(g, a, answer, found, out);
        if (answer->status < 300 && !good && !coded) {
            struct str said = str_trim(str_sub(answer->body, 0, 300));
            if (answer->whole)
                http_reply_set(answer, out, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE,
                               said.n ? said : S("the answer does not say that it was accepted"));
            else
                http_reply_set(answer, out, CHANNEL_DOUBT, CHANNEL_SUBJECT_DESTINATION,
                               S("the answer was cut before it said whether it was accepted"));
        }
        if (good && g->id && http_finder_find(g->id, a, answer->body, &found))
            http_reply_id(out, found);
    }
    out->result.segments = note;
}

/* ---- opening */

static void release(void *self) {
    struct gateway *g = self;
    char *texts[] = {g->from,     g->url,      g->body,        g->headers,
                     g->username, g->password, g->success_text};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    for (size_t i = 0; i < 4; i++)
        free(g->codes[i]);
    http_finder_free(g->success);
    http_finder_free(g->id);
    http_finder_free(g->error);
    free(g);
}

static bool read_finder(const struct channel_value *v, const char *name, struct http_finder **out,
                        struct channel_error *e) {
    struct err why = ERR_INIT;
    if (!v->given || (*out = http_finder_new(str_from(v->text), &why)))
        return true;
    snprintf(e->text, sizeof e->text, "`%s`: %.400s", name, why.text);
    return false;
}

static bool check(const struct channel_value *v, struct channel_error *e) {
    static const int forms[] = {SET_URL, SET_BODY, SET_HEADERS};
    if (!http_channel_check_url("url", str_from(v[SET_URL].text), e))
        return false;
    if (strcmp(v[SET_METHOD].text, "GET") == 0 && v[SET_BODY].given) {
        snprintf(e->text, sizeof e->text, "GET has no `body`");
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        const char *at = v[forms[i]].given ? unknown_name(v[forms[i]].text) : NULL;
        if (at) {
            snprintf(
                e->text, sizeof e->text,
                "`%s` holds %.40s; there are {to}, {from}, {text}, {id}, {segments}, {coding}, "
                "{body}, {reference} and {receipt_url}",
                settings[forms[i]].name, at);
            return false;
        }
    }
    return gateway_hook_check(v + SET_HOOK, e);
}

static void set(struct gateway *g, const struct channel_value *v) {
    static const char *const types[] = {[AS_IS] = "text/plain; charset=utf-8",
                                        [AS_URL] = "application/x-www-form-urlencoded",
                                        [AS_JSON] = "application/json"};
    const char *format = v[SET_FORMAT].text, *method = v[SET_METHOD].text;
    g->rules = http_channel_sms_rules(v, SET_SMS);
    g->escaping = strcmp(format, "json") == 0 ? AS_JSON : *format == 'f' ? AS_URL : AS_IS;
    g->type = types[g->escaping];
    g->method = *method == 'G' ? "GET" : strcmp(method, "PUT") == 0 ? "PUT" : "POST";
    g->from = http_channel_copy(v[SET_SMS + SMS_SET_FROM].text);
    g->url = http_channel_copy(v[SET_URL].text);
    g->body = http_channel_copy(v[SET_BODY].text);
    g->headers = http_channel_copy(v[SET_HEADERS].text);
    g->username = http_channel_copy(v[SET_USERNAME].text);
    g->password = http_channel_copy(v[SET_PASSWORD].text);
    g->success_text = http_channel_copy(v[SET_SUCCESS_TEXT].text);
    for (int i = 0; i < 4; i++)
        g->codes[i] = http_channel_copy(v[SET_ADDRESS_CODES + i].text);
}

static struct channel *driver_open(const struct channel_host *host, const struct channel_value *v,
                                   struct channel_error *e) {
    static const struct http_channel_driver driver = {make, judge, release};
    if (!check(v, e))
        return NULL;
    struct gateway *g = calloc(1, sizeof *g);
    if (!g)
        abort();
    set(g, v);
    if (!read_finder(&v[SET_SUCCESS], "success", &g->success, e) ||
        !read_finder(&v[SET_ID], "id", &g->id, e) ||
        !read_finder(&v[SET_ERROR], "error", &g->error, e)) {
        release(g);
        return NULL;
    }
    return http_channel_open(host, &driver, v, true, g, e);
}

static enum channel_hook_result receive(const struct channel_value *v,
                                        const struct channel_hook *h) {
    const struct gateway_codes codes = {v[SET_ADDRESS_CODES].text, v[SET_MESSAGE_CODES].text,
                                        v[SET_CHANNEL_CODES].text};
    return gateway_hook_receive(v + SET_HOOK, &codes, h);
}

static const char *answer(const struct channel_value *v, const struct channel_hook *h,
                          struct channel_text text) {
    (void)v;
    return gateway_hook_answer(h, text);
}

const struct channel_driver channel_http = {
    .abi = CHANNEL_ABI,
    .flags = CHANNEL_CAN_DOUBT | CHANNEL_NEEDS_ADDRESS,
    .kinds = CHANNEL_SMS | CHANNEL_WEBHOOK,
    .name = "http",
    .help = "Any gateway over HTTP, described by its settings.",
    .settings = settings,
    .open = driver_open,
    .capacity = http_channel_capacity,
    .submit = http_channel_submit,
    .close = http_channel_close,
    .receive = receive,
    .answer = answer,
};
