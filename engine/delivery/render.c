/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/render.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/token.h"
#include "base/wallclock.h"

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

struct str render_input(const struct workspace *w, const struct decision *d,
                        const struct profile *p, const struct event *e, struct arena *a) {
    struct map *input = map_new(a, 4);
    struct map *customer = map_of(a, p->attributes), *event = map_of(a, e->properties);
    set_text(a, customer, "key", p->key);
    set_text(a, customer, "email", p->email);
    set_text(a, customer, "phone", p->phone);
    set_text(a, customer, "locale", p->locale);
    set_text(a, customer, "timezone", p->timezone);
    set_text(a, event, "name", e->name);
    map_set_str(a, event, S("id"), value_int(e->id));
    map_set_str(a, event, S("occurred_at"),
                value_timestamp(e->occurred_us / WALLCLOCK_US_PER_S -
                                    (e->occurred_us % WALLCLOCK_US_PER_S < 0),
                                0));
    map_set_str(a, input, S("customer"), value_map(customer));
    map_set_str(a, input, S("event"), value_map(event));
    (void)w;
    (void)d;
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
    struct str customer = str_of((const char *)&m->customer, sizeof m->customer);
    struct str parts[] = {S("message-id"), m->campaign, customer, m->step, m->occurrence};
    digest_mac(secret, parts, 5, mac);
    struct buf b = BUF_IN(a);
    buf_add_char(&b, '<');
    for (int i = 0; i < 16; i++)
        buf_printf(&b, "%02x", mac[i]);
    buf_printf(&b, "@%.*s>", STR_FMT(domain));
    return buf_str(&b);
}

static struct str unsubscribe_url(const struct workspace *w, const struct outbox_message *m,
                                  struct str secret, struct arena *a) {
    char token[TOKEN_CHARS + 1];
    struct str base = w->settings.tracking.public_url;
    if (!base.n || !m->topic.n)
        return STR_NONE;
    token_make(secret, TOKEN_UNSUBSCRIBE, m->shard, m->id, token);
    return str_printf(a, "%.*s/u/%s", STR_FMT(base), token);
}

/* ---- what templates see */

static struct value sender_value(const struct workspace *w, struct arena *a) {
    const struct settings_sender *s = &w->settings.sender;
    struct map *m = map_new(a, 4);
    set_text(a, m, "name", s->name);
    set_text(a, m, "email", s->email);
    set_text(a, m, "reply_to", s->reply_to);
    set_text(a, m, "postal_address", s->postal_address);
    return value_map(m);
}

static bool data_of(const struct workspace *w, const struct outbox_message *m, struct str url,
                    struct arena *a, struct map **out, struct err *e) {
    struct value input;
    if (!json_parse(a, m->input, &input, e))
        return err_context(e, "the message's stored input");
    *out = map_of(a, input);
    map_set_str(a, *out, S("sender"), sender_value(w, a));
    map_set_str(a, *out, S("campaign"), value_str(m->campaign));
    set_text(a, *out, "unsubscribe_url", url);
    return true;
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

static bool render_parts(const struct workspace *w, const struct outbox_message *m,
                         const struct map *data, struct arena *a, struct channel_message *out,
                         struct str *hash, struct err *e) {
    (void)w;
    (void)e;
    (void)data;
    (void)hash;
    (void)a;
    out->kind = CHANNEL_EMAIL;
    out->subject = give(S("Hello you"));
    out->text = give(m->input);
    return true;
}
bool render_message(const struct workspace *w, const struct outbox_message *m, struct str secret,
                    struct arena *a, struct channel_message *out, struct str *hash, struct err *e) {
    const struct settings_sender *s = &w->settings.sender;
    struct str url = unsubscribe_url(w, m, secret, a);
    struct map *data;
    *out = (struct channel_message){
        .to = give(m->address),
        .from_name = give(s->name),
        .from_address = give(s->email),
        .reply_to = give(s->reply_to),
        .date_us = m->queued_us,
    };
    struct str id = render_message_id(m, secret, domain_of(s->email), a);
    out->message_id = give(id);
    out->id = give(str_sub(id, 1, id.n - 1));
    add_headers(out, m, url, a);
    return data_of(w, m, url, a, &data, e) && render_parts(w, m, data, a, out, hash, e);
}
