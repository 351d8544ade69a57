/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/render.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/wallclock.h"
#include "engine/hours.h"

#include <inttypes.h>

/* ---- input: what is stored with the message */

static void set_text(struct arena *a, struct map *m, const char *key, struct str text) {
    if (text.n)
        map_set_str(a, m, str_from(key), value_str(text));
}

static struct map *map_of(struct arena *a, struct value v) {
    struct map *m = map_new(a, 8);
    for (size_t i = 0; value_is(v, V_MAP) && i < v.u.map->n; i++)
        map_set(a, m, v.u.map->e[i].key, v.u.map->e[i].value);
    return m;
}

static struct value sender_value(const struct workspace *w, struct arena *a) {
    const struct settings_sender *s = &w->settings.sender;
    struct map *m = map_new(a, 4);
    set_text(a, m, "name", s->name);
    set_text(a, m, "email", s->email);
    set_text(a, m, "reply_to", s->reply_to);
    set_text(a, m, "postal_address", s->postal_address);
    return value_map(m);
}

static struct map *event_value(const struct event *e, struct arena *a) {
    struct map *event = map_of(a, e->properties);
    int64_t rest = e->occurred_us % WALLCLOCK_US_PER_S;
    set_text(a, event, "name", e->name);
    map_set_str(a, event, S("id"), value_int(e->id));
    map_set_str(a, event, S("occurred_at"),
                value_timestamp(e->occurred_us / WALLCLOCK_US_PER_S - (rest < 0), 0));
    return event;
}

/* All that a template could ask for when the decision is made. */
static struct map *everything(const struct workspace *w, const struct profile *p,
                              const struct event *e, struct arena *a) {
    struct map *all = map_new(a, 8);
    struct map *customer = map_of(a, p->attributes);
    set_text(a, customer, "key", p->key);
    set_text(a, customer, "email", p->email);
    set_text(a, customer, "phone", p->phone);
    set_text(a, customer, "locale", p->locale);
    set_text(a, customer, "timezone", p->timezone);
    map_set_str(a, all, S("customer"), value_map(customer));
    if (e)
        map_set_str(a, all, S("event"), value_map(event_value(e, a)));
    map_set_str(a, all, S("sender"), sender_value(w, a));
    return all;
}

/* Copies the value at `path` (a.b.c) from one tree of maps into another. */
static void copy_path(struct arena *a, struct map *to, const struct map *from, struct str path) {
    struct str key;
    while (str_split(&path, '.', &key)) {
        const struct value *v = map_get_str(from, key);
        if (!v)
            return;
        if (!path.p || !value_is(*v, V_MAP)) {
            map_set_str(a, to, key, *v);
            return;
        }
        const struct value *there = map_get_str(to, key);
        struct map *next = map_new(a, 4);
        if (there && there->u.map == v->u.map)
            return; /* taken whole already */
        if (there)
            next = map_of(a, *there);
        map_set_str(a, to, key, value_map(next));
        to = next;
        from = v->u.map;
    }
}

/* "o" opens, "c" clicks, "d" a decoy: messages about a topic only, and what the workspace allows.
 */
static struct str what_to_track(const struct workspace *w, const struct decision *d,
                                struct arena *a) {
    const struct settings_tracking *t = &w->settings.tracking;
    if (!t->public_url.n || !d->topic.n)
        return STR_NONE;
    return str_printf(a, "%s%s%s", t->opens ? "o" : "", t->clicks ? "c" : "",
                      t->clicks && t->decoys ? "d" : "");
}

static struct map *add_inputs(const struct workspace *w, struct str template, struct map *all,
                              struct map *input, struct arena *a) {
    const struct message_template *t = template_find(w->template_set, template, NULL);
    const struct list *paths = t ? template_inputs(t) : NULL;
    for (size_t i = 0; paths && i < paths->n; i++) {
        if (str_eq(value_text(paths->v[i]), S("*")))
            return map_of(a, value_map(all));
        copy_path(a, input, all, value_text(paths->v[i]));
    }
    return input;
}

/* When it may leave, also by its fallback. */
static void add_hours(const struct workspace *w, const struct decision *d,
                      const struct step_send *other, struct map *input, struct arena *a) {
    struct hours h;
    bool transactional = !d->topic.n && (!other || other->transactional);
    if (hours_of(&h, &w->settings, d->campaign, transactional))
        map_set_str(a, input, S(HOURS_KEY), hours_value(&h, a));
}

/* What the template reads, and what the same bytes depend on besides: who sends, where links
 * lead and what is tracked, the customer's zone; and when it may leave. */
struct str render_input(const struct workspace *w, const struct decision *d,
                        const struct profile *p, struct arena *a) {
    struct map *all = everything(w, p, d->about, a), *input = map_new(a, 8);
    const struct step_send *other = d->step ? d->step->u.send.fallback : NULL;
    input = add_inputs(w, d->template, all, input, a);
    if (other && !str_eq(other->template, d->template)) /* which takes the same input */
        input = add_inputs(w, other->template, all, input, a);
    map_set_str(a, input, S("sender"), *map_get_str(all, S("sender")));
    set_text(a, input, "_zone", p->timezone.n ? p->timezone : w->settings.timezone);
    set_text(a, input, "_currency", w->settings.currency);
    set_text(a, input, "_base", w->settings.tracking.public_url);
    set_text(a, input, "_track", what_to_track(w, d, a));
    add_hours(w, d, other, input, a);
    struct buf b = BUF_IN(a);
    json_write(&b, value_map(input));
    return buf_str(&b);
}

/* ---- identity */

static struct str domain_of(struct str address) {
    ptrdiff_t at = str_find(address, S("@"));
    return at < 0 ? S("localhost") : str_sub(address, (size_t)at + 1, address.n);
}

struct str render_message_id(const struct outbox_message *m, struct str secret, struct str domain,
                             struct arena *a) {
    unsigned char mac[DIGEST_MAC_BYTES];
    char token[TOKEN_MAIL_CHARS + 1];
    struct str customer = str_of((const char *)&m->customer, sizeof m->customer);
    struct str parts[] = {S("message-id"), m->campaign, customer, m->step, m->occurrence};
    digest_mac(secret, parts, 5, mac);
    token_mail_make(secret, TOKEN_MESSAGE_ID, m->shard, m->id, token);
    struct buf b = BUF_IN(a);
    buf_printf(&b, "<%s.", token);
    for (int i = 0; i < 8; i++)
        buf_printf(&b, "%02x", mac[i]);
    buf_printf(&b, "@%.*s>", STR_FMT(domain));
    return buf_str(&b);
}

/* "bounces+TOKEN@acme.example": where a report of this message's fate goes. */
static struct str return_path(const struct outbox_message *m, struct str bounces, struct str secret,
                              struct arena *a) {
    char token[TOKEN_MAIL_CHARS + 1];
    ptrdiff_t at = str_find(bounces, S("@"));
    if (at < 0)
        return STR_NONE;
    token_mail_make(secret, TOKEN_BOUNCE, m->shard, m->id, token);
    return str_printf(a, "%.*s+%s%.*s", (int)at, bounces.p, token,
                      STR_FMT(str_sub(bounces, (size_t)at, bounces.n)));
}

static struct str unsubscribe_url(const struct outbox_message *m, struct str base,
                                  const struct keyring *keys, struct arena *a) {
    char token[KEYRING_CHARS + 1];
    if (!base.n || !m->topic.n)
        return STR_NONE;
    keyring_make(keys, TOKEN_UNSUBSCRIBE, m->shard, m->id, token);
    return str_printf(a, "%.*s/u/%s", STR_FMT(base), token);
}

/* Of a transactional message, which may ask whether a subscription was meant. */
static struct str confirm_url(const struct outbox_message *m, struct str base,
                              const struct keyring *keys, struct arena *a) {
    char token[KEYRING_CHARS + 1];
    if (!base.n || m->topic.n)
        return STR_NONE;
    keyring_make(keys, TOKEN_CONFIRM, m->shard, m->id, token);
    return str_printf(a, "%.*s/d/%s", STR_FMT(base), token);
}

/* ---- what templates see */

static struct str text_at(const struct map *m, const char *path) {
    struct value whole = value_map(m);
    const struct value *v = value_path(&whole, str_from(path));
    return v && value_is(*v, V_STRING) ? value_text(*v) : STR_NONE;
}

static struct channel_text give(struct str s) {
    return (struct channel_text){s.p, s.n};
}

static void add_header(struct channel_message *out, struct channel_header *list, struct str name,
                       struct str value) {
    list[out->header_count++] = (struct channel_header){give(name), give(value)};
    out->headers = list;
}

/* RFC 8058; and Feedback-ID, by which mailbox providers tell complaints by campaign and people
 * what they look at. */
static void add_headers(struct channel_message *out, const struct outbox_message *m, struct str url,
                        struct arena *a) {
    struct channel_header *list = ARENA_ARRAY(a, struct channel_header, 3);
    add_header(out, list, S("Feedback-ID"),
               str_printf(a, "%.*s:%.*s:%.*s:godwit", STR_FMT(m->campaign), STR_FMT(m->step),
                          STR_FMT(m->topic)));
    if (!url.n)
        return;
    add_header(out, list, S("List-Unsubscribe"), str_printf(a, "<%.*s>", STR_FMT(url)));
    add_header(out, list, S("List-Unsubscribe-Post"), S("List-Unsubscribe=One-Click"));
}

static const struct {
    enum template_part part;
    enum channel_kind kind;
    size_t at; /* where the text goes */
} parts[] = {
    {TEMPLATE_SUBJECT, CHANNEL_EMAIL, offsetof(struct channel_message, subject)},
    {TEMPLATE_TEXT, CHANNEL_EMAIL, offsetof(struct channel_message, text)},
    {TEMPLATE_HTML, CHANNEL_EMAIL, offsetof(struct channel_message, html)},
    {TEMPLATE_SMS, CHANNEL_SMS, offsetof(struct channel_message, sms)},
    {TEMPLATE_BODY, CHANNEL_WEBHOOK, offsetof(struct channel_message, body)},
};

/* ---- tracking */

struct tracked {
    const struct outbox_message *message;
    const struct keyring *keys;
    struct str base;
};

/* A link becomes base/c/TOKEN, but for our own pages and what a token cannot hold. */
static void on_link(void *context, uint32_t index, struct str url, struct buf *out) {
    const struct tracked *t = context;
    struct token_link link = {t->message->shard, t->message->id, index, url};
    size_t before = out->n;
    buf_add_str(out, t->base);
    buf_add_char(out, '/');
    if (!str_starts(url, str_sub(buf_str(out), before, out->n))) {
        buf_add_str(out, S("c/"));
        if (keyring_link_make(t->keys, &link, out))
            return;
    }
    out->n = before;
    buf_add_str(out, url);
}

/* Where </body> is, or the end. */
static size_t end_of_body(struct str html) {
    for (size_t i = html.n; i >= 7; i--)
        if (str_eq_nocase(str_sub(html, i - 7, i), S("</body>")))
            return i - 7;
    return html.n;
}

static struct str with_pixel(struct str html, const struct tracked *t, struct arena *a) {
    char token[KEYRING_CHARS + 1];
    struct buf b = BUF_IN(a);
    size_t at = end_of_body(html);
    keyring_make(t->keys, TOKEN_OPEN, t->message->shard, t->message->id, token);
    buf_add_str(&b, str_sub(html, 0, at));
    buf_printf(&b, "<img src=\"%.*s/o/%s.gif\" width=\"1\" height=\"1\" alt=\"\">",
               STR_FMT(t->base), token);
    buf_add_str(&b, str_sub(html, at, html.n));
    return buf_str(&b);
}

/* A link that nobody sees: whoever follows it follows everything, and is no person. */
static struct str with_decoy(struct str html, const struct tracked *t, struct arena *a) {
    char token[KEYRING_CHARS + 1];
    struct buf b = BUF_IN(a);
    size_t at = end_of_body(html);
    keyring_make(t->keys, TOKEN_DECOY, t->message->shard, t->message->id, token);
    buf_add_str(&b, str_sub(html, 0, at));
    buf_printf(&b,
               "<a href=\"%.*s/l/%s\" style=\"display:none\" tabindex=\"-1\" "
               "aria-hidden=\"true\"></a>",
               STR_FMT(t->base), token);
    buf_add_str(&b, str_sub(html, at, html.n));
    return buf_str(&b);
}

static bool tracks(const struct map *data, const char *what) {
    return str_find(text_at(data, "_track"), str_from(what)) >= 0;
}

/* The parts that the message's channel carries. */
static bool render_parts(const struct template_set *set, const struct message_template *t,
                         const struct outbox_message *m, const struct map *data,
                         const struct render *r, struct arena *a, struct channel_message *out,
                         struct err *e) {
    struct liquid_params p = {.arena = a,
                              .data = data,
                              .now = m->queued_us / WALLCLOCK_US_PER_S,
                              .locale = locales_get(r->locales, m->locale),
                              .locale_name = m->locale,
                              .currency = text_at(data, "_currency")};
    struct tracked tracked = {m, r->keys, text_at(data, "_base")};
    struct err unknown = ERR_INIT;
    if (!wallclock_zone(text_at(data, "_zone"), &p.zone, &unknown))
        p.zone = NULL; /* UTC */
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct buf b = BUF_IN(a);
        if (parts[i].kind != out->kind || !template_has(t, parts[i].part))
            continue;
        bool links = parts[i].part == TEMPLATE_HTML || parts[i].part == TEMPLATE_TEXT;
        p.on_link = links && tracks(data, "c") ? on_link : NULL;
        p.link_context = &tracked;
        if (!template_render(set, t, parts[i].part, &p, &b, e))
            return false;
        struct str text = parts[i].part == TEMPLATE_SUBJECT ? str_trim(buf_str(&b)) : buf_str(&b);
        if (parts[i].part == TEMPLATE_HTML && tracks(data, "o"))
            text = with_pixel(text, &tracked, a);
        if (parts[i].part == TEMPLATE_HTML && tracks(data, "d"))
            text = with_decoy(text, &tracked, a);
        *(struct channel_text *)((char *)out + parts[i].at) = give(text);
    }
    return true;
}

static void add_attachments(const struct message_template *t, struct arena *a,
                            struct channel_message *out) {
    const struct template_file *files;
    size_t n = template_attachments(t, &files);
    if (out->kind != CHANNEL_EMAIL || !n)
        return;
    struct channel_attachment *list = ARENA_ARRAY(a, struct channel_attachment, n);
    for (size_t i = 0; i < n; i++)
        list[i] = (struct channel_attachment){give(files[i].name), give(str_from(files[i].type)),
                                              give(files[i].data)};
    out->attachments = list;
    out->attachment_count = n;
}

bool render_message(const struct workspace *w, const struct outbox_message *m,
                    enum channel_kind kind, const struct render *r, struct arena *a,
                    struct channel_message *out, struct str *hash, struct err *e) {
    const struct message_template *t = template_find(w->template_set, m->template, NULL);
    if (!t)
        return err_set(e, ERR_INPUT, "there is no template `%.*s` any more", STR_FMT(m->template));
    *hash = template_hash(t);
    if (!render_with(w->template_set, t, m, kind, r, a, out, e))
        return false;
    if (kind == CHANNEL_EMAIL)
        out->envelope_from = give(return_path(m, w->settings.sender.bounces, r->secret, a));
    return true;
}

bool render_with(const struct template_set *set, const struct message_template *t,
                 const struct outbox_message *m, enum channel_kind kind, const struct render *r,
                 struct arena *a, struct channel_message *out, struct err *e) {
    struct value input;
    if (!json_parse(a, m->input, &input, e))
        return err_context(e, "the message's stored input");
    struct map *data = map_of(a, input);
    struct str url = unsubscribe_url(m, text_at(data, "_base"), r->keys, a);
    set_text(a, data, "unsubscribe_url", url);
    set_text(a, data, "confirm_url", confirm_url(m, text_at(data, "_base"), r->keys, a));
    map_set_str(a, data, S("campaign"), value_str(m->campaign));
    struct str from = text_at(data, "sender.email");
    struct str id = render_message_id(m, r->secret, domain_of(from), a);
    *out = (struct channel_message){
        .kind = kind,
        .id = give(str_sub(id, 1, id.n - 1)),
        .message_id = give(id),
        .date_us = m->queued_us,
        .to = give(m->address),
        .from_name = give(text_at(data, "sender.name")),
        .from_address = give(from),
        .reply_to = give(text_at(data, "sender.reply_to")),
    };
    add_headers(out, m, url, a);
    add_attachments(t, a, out);
    return render_parts(set, t, m, data, r, a, out, e);
}

void render_receipt(const struct workspace *w, const struct outbox_message *m, struct str channel,
                    const struct render *r, struct arena *a, struct channel_message *out) {
    char token[KEYRING_CHARS + 1];
    struct str base = w->settings.tracking.public_url;
    keyring_make(r->keys, TOKEN_RECEIPT, m->shard, m->id, token);
    out->reference = give(str_dup(a, str_from(token)));
    if (base.n)
        out->receipt_url =
            give(str_printf(a, "%.*s/hooks/%.*s/%s", STR_FMT(base), STR_FMT(channel), token));
}
