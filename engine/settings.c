/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/settings.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "engine/secret.h"
#include "engine/settings_care.h"
#include "engine/settings_channels.h"
#include "engine/settings_inbound.h"
#include "rules/form.h"

#include <stddef.h>

static void read_database(struct form_reader *r, const struct ynode *node, void *out);
static void read_email(struct form_reader *r, const struct ynode *node, void *out);
static void read_timezone(struct form_reader *r, const struct ynode *node, void *out);
static void read_currency(struct form_reader *r, const struct ynode *node, void *out);
static void read_topics(struct form_reader *r, const struct ynode *node, void *out);
static void read_title(struct form_reader *r, const struct ynode *node, void *out);
static void read_listen(struct form_reader *r, const struct ynode *node, void *out);
static void read_public_url(struct form_reader *r, const struct ynode *node, void *out);
static void read_write_keys(struct form_reader *r, const struct ynode *node, void *out);

#define TEXT_SCHEMA "{\"type\":\"string\",\"minLength\":1}"

static const char *const topic_defaults[] = {"unsubscribed", "subscribed", NULL};

static const struct form sender_form = {
    .what = "`sender`",
    .help = "Who the messages come from",
    .fields =
        (const struct form_field[]){{.key = "name",
                                     .type = FORM_TEXT,
                                     .required = true,
                                     .offset = offsetof(struct settings, sender.name),
                                     .help = "the name that recipients see",
                                     .example = "Acme Music"},
                                    {.key = "email",
                                     .type = FORM_CUSTOM,
                                     .read = read_email,
                                     .required = true,
                                     .offset = offsetof(struct settings, sender.email),
                                     .schema = "{\"type\":\"string\",\"format\":\"email\"}",
                                     .help = "the address that mail comes from",
                                     .example = "hello@acme.example"},
                                    {.key = "reply_to",
                                     .type = FORM_CUSTOM,
                                     .read = read_email,
                                     .offset = offsetof(struct settings, sender.reply_to),
                                     .schema = "{\"type\":\"string\",\"format\":\"email\"}",
                                     .help = "where replies go, if not to `email`",
                                     .example = "support@acme.example"},
                                    {.key = "postal_address",
                                     .type = FORM_TEXT,
                                     .offset = offsetof(struct settings, sender.postal_address),
                                     .help = "the address that mail about a topic must show",
                                     .example = "\"1 Long Road, Taipei\""},
                                    {.key = "bounces",
                                     .type = FORM_CUSTOM,
                                     .read = settings_inbound_address,
                                     .offset = offsetof(struct settings, sender.bounces),
                                     .schema = "{\"type\":\"string\",\"format\":\"email\"}",
                                     .help = "the address that bounces go to, with a + and a "
                                             "token for each message",
                                     .example = "bounces@acme.example"},
                                    {0}},
};

static const struct form topic_form = {
    .what = "a topic",
    .help = "What customers may subscribe to or decline",
    .fields = (const struct form_field[]){{.key = "title",
                                           .type = FORM_CUSTOM,
                                           .read = read_title,
                                           .required = true,
                                           .offset = offsetof(struct settings_topic, title),
                                           .schema = "{\"oneOf\":[" TEXT_SCHEMA
                                                     ",{\"type\":\"object\",\"minProperties\":1,"
                                                     "\"additionalProperties\":" TEXT_SCHEMA "}]}",
                                           .help = "what customers read, by locale",
                                           .example = "{ en: Offers, zh-TW: 優惠 }"},
                                          {.key = "default",
                                           .type = FORM_CHOICE,
                                           .choices = topic_defaults,
                                           .offset = offsetof(struct settings_topic, subscribed),
                                           .help = "what holds for customers who said nothing",
                                           .example = "unsubscribed"},
                                          {.key = "confirm",
                                           .type = FORM_BOOL,
                                           .offset = offsetof(struct settings_topic, confirm),
                                           .help = "whether a subscription waits until the person "
                                                   "has followed a link and confirmed it",
                                           .example = "true"},
                                          {0}},
};

static const struct form tracking_form = {
    .what = "`tracking`",
    .help = "The HTTP side: opens, clicks, preferences, receipts, events over HTTP",
    .fields =
        (const struct form_field[]){{.key = "listen",
                                     .type = FORM_CUSTOM,
                                     .read = read_listen,
                                     .required = true,
                                     .offset = offsetof(struct settings, tracking.listen),
                                     .schema = TEXT_SCHEMA,
                                     .help = "address and port to listen on",
                                     .example = "127.0.0.1:8080"},
                                    {.key = "public_url",
                                     .type = FORM_CUSTOM,
                                     .read = read_public_url,
                                     .offset = offsetof(struct settings, tracking.public_url),
                                     .schema = "{\"type\":\"string\",\"pattern\":\"^https?://\"}",
                                     .help = "how recipients reach it",
                                     .example = "https://go.acme.example"},
                                    {.key = "write_keys",
                                     .type = FORM_CUSTOM,
                                     .read = read_write_keys,
                                     .offset = offsetof(struct settings, tracking),
                                     .schema = "{\"type\":\"array\",\"items\":" TEXT_SCHEMA "}",
                                     .help = "keys with which events may be sent over HTTP",
                                     .example = "[env:WRITE_KEY]"},
                                    {.key = "opens",
                                     .type = FORM_BOOL,
                                     .offset = offsetof(struct settings, tracking.opens),
                                     .help = "whether HTML gets a pixel that tells of opens; true "
                                             "by default",
                                     .example = "false"},
                                    {.key = "clicks",
                                     .type = FORM_BOOL,
                                     .offset = offsetof(struct settings, tracking.clicks),
                                     .help = "whether links lead through public_url; true by "
                                             "default",
                                     .example = "false"},
                                    {.key = "decoys",
                                     .type = FORM_BOOL,
                                     .offset = offsetof(struct settings, tracking.decoys),
                                     .help = "whether HTML gets a link that no person sees, by "
                                             "which scanners are told apart; true by default, "
                                             "with clicks",
                                     .example = "false"},
                                    {0}},
};

const struct form settings_form = {
    .what = "godwit.yaml",
    .help = "The settings of a workspace",
    .fields =
        (const struct form_field[]){
            {.key = "database",
             .type = FORM_CUSTOM,
             .read = read_database,
             .required = true,
             .schema = TEXT_SCHEMA,
             .help = "`embedded`, or the libpq URL of a PostgreSQL database",
             .example = "embedded"},
            {.key = "sender",
             .type = FORM_SUB,
             .sub = &sender_form,
             .required = true,
             .help = "who the messages come from",
             .example = "{ name: Acme Music, email: hello@acme.example }"},
            {.key = "timezone",
             .type = FORM_CUSTOM,
             .read = read_timezone,
             .schema = TEXT_SCHEMA,
             .help = "of customers without one of their own; UTC by default",
             .example = "Asia/Taipei"},
            {.key = "currency",
             .type = FORM_CUSTOM,
             .read = read_currency,
             .schema = TEXT_SCHEMA,
             .help = "of amounts that the filter `money` writes, as an ISO 4217 code",
             .example = "TWD"},
            {.key = "channels",
             .type = FORM_CUSTOM,
             .read = settings_channels_read,
             .required = true,
             .schema = SETTINGS_CHANNELS_SCHEMA,
             .help = "how messages leave, by name",
             .example = "{ email: { driver: smtp, host: 127.0.0.1, port: 2525 } }"},
            {.key = "topics",
             .type = FORM_CUSTOM,
             .read = read_topics,
             .sub = &topic_form,
             .shape = FORM_MAP_OF,
             .help = "what customers may subscribe to, by name"},
            {.key = "tracking",
             .type = FORM_SUB,
             .sub = &tracking_form,
             .help = "the HTTP side of the engine"},
            {.key = "inbound",
             .type = FORM_CUSTOM,
             .read = settings_inbound_read,
             .sub = &settings_source_form,
             .shape = FORM_LIST_OF,
             .help = "where bounces, complaints and replies come in"},
            {.key = "bounces",
             .type = FORM_SUB,
             .sub = &settings_bounces_form,
             .help = "what follows from bounces"},
            {.key = "quiet_hours",
             .type = FORM_CUSTOM,
             .read = settings_care_quiet_hours,
             .sub = &settings_care_quiet_form,
             .help = "when no message about a topic leaves, in the customer's time zone",
             .example = "{ from: \"21:00\", to: \"09:00\" }"},
            {.key = "caps",
             .type = FORM_CUSTOM,
             .read = settings_care_caps,
             .sub = &settings_care_cap_form,
             .shape = FORM_LIST_OF,
             .help = "at most so many messages of all campaigns for one customer",
             .example = "[{ most: 3, per: 7d }]"},
            {0}},
};

void settings_read(struct arena *a, const struct yamlfile *file, struct settings *out,
                   struct diags *d) {
    struct form_reader r = {.a = a, .file = file, .d = d};
    struct err e = ERR_INIT;
    *out = (struct settings){.timezone = S("UTC"),
                             .tracking = {.opens = true, .clicks = true, .decoys = true},
                             .bounces = SETTINGS_BOUNCES_STANDARD,
                             .file = *file};
    if (!wallclock_zone(out->timezone, &out->zone, &e))
        form_error(&r, NULL, "%s", e.text);
    if (!file->root) {
        form_error(&r, NULL, "the file is empty");
        return;
    }
    form_read(&r, &settings_form, file->root, out);
    settings_care_check(&r, out);
}

const struct settings_channel *settings_channel(const struct settings *c, struct str name) {
    for (size_t i = 0; i < c->n_channels; i++)
        if (str_eq(c->channels[i].name, name))
            return &c->channels[i];
    return NULL;
}

const struct settings_topic *settings_topic(const struct settings *c, struct str name) {
    for (size_t i = 0; i < c->n_topics; i++)
        if (str_eq(c->topics[i].name, name))
            return &c->topics[i];
    return NULL;
}

/* ---- secrets */

/* postgresql://user:password@host/... */
static bool holds_password(struct str url) {
    ptrdiff_t scheme = str_find(url, S("://"));
    if (scheme < 0)
        return str_find(url, S("password=")) >= 0;
    struct str rest = str_sub(url, (size_t)scheme + 3, url.n);
    ptrdiff_t at = str_find(rest, S("@")), colon = str_find(rest, S(":"));
    return at > 0 && colon >= 0 && colon < at;
}

/* ---- single values */

static void read_database(struct form_reader *r, const struct ynode *node, void *out) {
    struct settings *c = out;
    if (!form_want_text(r, node, "`database`"))
        return;
    struct str s = node->text;
    c->embedded = str_eq(s, S("embedded"));
    c->database = c->embedded ? STR_NONE : s;
    if (c->embedded || secret_is_reference(s))
        return;
    if (!str_starts(s, S("postgresql://")) && !str_starts(s, S("postgres://")) &&
        str_find(s, S("=")) < 0) {
        struct diag *x = form_error(r, node,
                                    "`database` must be `embedded` or a URL of PostgreSQL, "
                                    "not `%.*s`",
                                    STR_FMT(s));
        x->hint = S("for example `postgresql://godwit@localhost/shop`, or `env:DATABASE_URL`");
    } else if (holds_password(s)) {
        settings_warn_of_literal(r, node, "the database's password");
    }
}

static void read_email(struct form_reader *r, const struct ynode *node, void *out) {
    if (!form_want_text(r, node, "an email address"))
        return;
    const char *problem = address_problem(ADDRESS_EMAIL, node->text);
    if (problem)
        form_error(r, node, "the email address `%.*s` %s", STR_FMT(node->text), problem);
    else
        *(struct str *)out = node->text;
}

static void read_timezone(struct form_reader *r, const struct ynode *node, void *out) {
    struct settings *c = out;
    struct err e = ERR_INIT;
    const struct zone *zone;
    if (!form_want_text(r, node, "`timezone`"))
        return;
    if (wallclock_zone(node->text, &zone, &e)) {
        c->timezone = node->text;
        c->zone = zone;
        return;
    }
    struct diag *x = form_error(r, node, "there is no time zone `%.*s`", STR_FMT(node->text));
    x->hint = S("a name of the IANA list: Asia/Taipei, Europe/Berlin, America/New_York, UTC");
}

static void read_currency(struct form_reader *r, const struct ynode *node, void *out) {
    struct settings *c = out;
    if (!form_want_text(r, node, "`currency`"))
        return;
    bool good = node->text.n == 3;
    for (size_t i = 0; good && i < 3; i++)
        good = node->text.p[i] >= 'A' && node->text.p[i] <= 'Z';
    if (good)
        c->currency = node->text;
    else
        form_error(r, node, "a currency is three capital letters, such as TWD, EUR or USD");
}

static void read_listen(struct form_reader *r, const struct ynode *node, void *out) {
    if (!form_want_text(r, node, "`listen`"))
        return;
    size_t colon = node->text.n;
    for (size_t i = 0; i < node->text.n; i++)
        if (node->text.p[i] == ':')
            colon = i;
    int64_t port;
    if (colon == 0 || colon == node->text.n ||
        !str_to_int64(str_sub(node->text, colon + 1, node->text.n), &port) || port < 0 ||
        port > 65535) {
        struct diag *x = form_error(r, node, "`listen` must be an address and a port, not `%.*s`",
                                    STR_FMT(node->text));
        x->hint = S("for example `127.0.0.1:8080` or `[::]:8080`");
        return;
    }
    *(struct str *)out = node->text;
}

static void read_public_url(struct form_reader *r, const struct ynode *node, void *out) {
    if (!form_want_text(r, node, "`public_url`"))
        return;
    if (!str_starts(node->text, S("https://")) && !str_starts(node->text, S("http://"))) {
        struct diag *x = form_error(r, node, "`public_url` must begin with https:// or http://");
        x->hint = S("for example `https://go.acme.example`");
        return;
    }
    struct str s = node->text;
    while (str_ends(s, S("/")))
        s.n--;
    *(struct str *)out = s;
}

static void read_write_keys(struct form_reader *r, const struct ynode *node, void *out) {
    struct settings_tracking *t = out;
    if (!form_want_list(r, node, "`write_keys`"))
        return;
    struct str *keys = ARENA_ARRAY(r->a, struct str, node->n + 1);
    for (size_t i = 0; i < node->n; i++) {
        if (!form_want_text(r, node->items[i], "a write key"))
            continue;
        settings_warn_of_literal(r, node->items[i], "a write key");
        keys[t->n_write_keys++] = node->items[i]->text;
    }
    t->write_keys = keys;
}

/* ---- topics */

static void read_title(struct form_reader *r, const struct ynode *node, void *out) {
    struct map *title = map_new(r->a, 2);
    if (node->kind == Y_SCALAR) {
        if (form_want_text(r, node, "`title`"))
            map_set_str(r->a, title, S(""), value_str(node->text));
    } else if (form_want_map(r, node, "`title`")) {
        for (size_t i = 0; i < node->n; i++)
            if (form_want_text(r, node->pairs[i].value, "a title"))
                map_set_str(r->a, title, node->pairs[i].key->text,
                            value_str(node->pairs[i].value->text));
    }
    *(struct value *)out = value_map(title);
}

static void read_topics(struct form_reader *r, const struct ynode *node, void *out) {
    struct settings *c = out;
    if (!form_want_map(r, node, "`topics`"))
        return;
    struct settings_topic *list = ARENA_ARRAY(r->a, struct settings_topic, node->n + 1);
    c->topics = list;
    for (size_t i = 0; i < node->n; i++) {
        const struct ynode *key = node->pairs[i].key, *value = node->pairs[i].value;
        if (!form_want_name(r, key, "a topic's name"))
            continue;
        struct settings_topic *x = &list[c->n_topics++];
        x->name = key->text;
        x->at = ynode_place(r->file, key);
        form_read(r, &topic_form, value, x);
        if (value->kind == Y_MAP && !ynode_get(value, S("default"))) {
            struct diag *d = form_warning(r, key,
                                          "the topic `%.*s` does not say what holds for "
                                          "those who said nothing; it is taken as "
                                          "unsubscribed",
                                          STR_FMT(key->text));
            d->hint = S("add `default: unsubscribed` or `default: subscribed`");
        }
        if (x->confirm && x->subscribed)
            form_error(r, key,
                       "the topic `%.*s` asks for confirmation, so those who said nothing cannot "
                       "be subscribed",
                       STR_FMT(key->text))
                ->hint = S("write `default: unsubscribed`");
    }
}

enum channel_kind settings_channel_kind(const struct settings_channel *c) {
    static const enum channel_kind kinds[] = {[CARRIES_EMAIL] = CHANNEL_EMAIL,
                                              [CARRIES_SMS] = CHANNEL_SMS,
                                              [CARRIES_WEBHOOK] = CHANNEL_WEBHOOK};
    return kinds[c->carries];
}
