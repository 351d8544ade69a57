/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/settings_channels.h"

#include "base/arena.h"
#include "channels/drivers.h"
#include "engine/secret.h"

#include <stddef.h>

static const char *const in_doubts[] = {"resend", "hold", NULL};
static const char *const carried[] = {"email", "sms", "webhook", NULL};

struct channel_draft {
    struct str driver;
    int in_doubt;
    int carries; /* index + 1; 0: not given */
};

static const char *const carried_choices[] = {"", "email", "sms", "webhook", NULL};

static const struct form_field driver_field = {.key = "driver",
                                               .type = FORM_NAME,
                                               .required = true,
                                               .offset = offsetof(struct channel_draft, driver),
                                               .help = "the driver that carries its messages",
                                               .example = "smtp"};
static const struct form_field in_doubt_field = {
    .key = "in_doubt",
    .type = FORM_CHOICE,
    .choices = in_doubts,
    .offset = offsetof(struct channel_draft, in_doubt),
    .help = "what happens to a message whose fate is unknown after a crash"};
static const struct form_field kind_field = {
    .key = "kind",
    .type = FORM_CHOICE,
    .choices = carried_choices,
    .offset = offsetof(struct channel_draft, carries),
    .help = "what it carries, where the driver does not say it"};

void settings_warn_of_literal(struct form_reader *r, const struct ynode *node, const char *what) {
    if (node->kind != Y_SCALAR || node->text.n == 0 || secret_is_reference(node->text))
        return;
    struct diag *x =
        form_warning(r, node, "%s stands here for everyone who reads the workspace", what);
    x->hint = S("write `env:NAME` or `file:PATH` and keep it outside");
}

static const struct channel_driver *find_driver(struct form_reader *r, const struct ynode *channel,
                                                struct str name) {
    struct err e = ERR_INIT;
    const struct channel_driver *driver = drivers_find(name, NULL, &e);
    if (!driver)
        form_error(r, ynode_get(channel, S("driver")), "%s", e.text);
    return driver;
}

/* What the channel carries: by its own word, by its driver if that serves one kind only, by its
 * name. */
static bool carries_of(struct form_reader *r, const struct ynode *channel, struct str name,
                       const struct channel_draft *x, const struct channel_driver *driver,
                       enum channel_carries *out) {
    static const uint32_t bits[] = {
        [CARRIES_EMAIL] = CHANNEL_EMAIL,
        [CARRIES_SMS] = CHANNEL_SMS,
        [CARRIES_WEBHOOK] = CHANNEL_WEBHOOK,
    };
    for (int i = 0; carried[i]; i++) {
        bool named = x->carries > 0
                         ? x->carries - 1 == i
                         : driver->kinds == bits[i] || str_eq(name, str_from(carried[i]));
        if (!named || !(driver->kinds & bits[i]))
            continue;
        *out = (enum channel_carries)i;
        return true;
    }
    if (x->carries > 0)
        form_error(r, ynode_get(channel, S("kind")), "the driver `%s` carries no %s", driver->name,
                   carried[x->carries - 1]);
    else
        form_error(r, ynode_get(channel, S("driver")),
                   "the driver `%s` needs `kind: email`, `sms` or `webhook` beside it",
                   driver->name);
    return false;
}

static bool is_own(struct str key) {
    return str_eq(key, S("driver")) || str_eq(key, S("in_doubt")) || str_eq(key, S("kind")) ||
           settings_pace_owns(key) || settings_keywords_owns(key);
}

static const struct channel_setting *find_setting(const struct channel_setting *s, struct str key) {
    while (s->name && !str_eq(key, str_from(s->name)))
        s++;
    return s->name ? s : NULL;
}

struct mistakes {
    struct form_reader *r;
    const struct ynode *channel;
};

/* The node that "relays.1.port" leads to, or the last one there is on the way; *key is the key
 * it stands under, NULL in a list. */
static const struct ynode *follow(const struct ynode *at, struct str path,
                                  const struct ynode **key) {
    struct str step;
    *key = NULL;
    while (str_split(&path, '.', &step)) {
        const struct ynode *next = NULL;
        int64_t index;
        if (at->kind == Y_LIST && str_to_int64(step, &index) && index >= 0 && (size_t)index < at->n)
            next = at->items[index];
        for (size_t i = 0; at->kind == Y_MAP && i < at->n; i++)
            if (str_eq(at->pairs[i].key->text, step))
                next = at->pairs[i].value, *key = at->pairs[i].key;
        if (!next)
            break;
        at = next;
    }
    return at;
}

static void on_mistake(void *arg, struct str path, struct str text, struct str hint) {
    const struct mistakes *m = arg;
    const struct ynode *key, *at = follow(m->channel, path, &key);
    if (at->kind == Y_SCALAR && secret_is_reference(at->text))
        return; /* looked up, and checked, when the channel is opened */
    if (key && (hint.n || at->kind != Y_SCALAR || !at->text.n))
        at = key;
    form_error(m->r, at, "%.*s", STR_FMT(text))->hint = str_dup(m->r->a, hint);
}

static void warn_of_literals(struct form_reader *r, const struct ynode *node,
                             const struct channel_setting *table) {
    for (size_t i = 0; node->kind == Y_LIST && i < node->n; i++)
        warn_of_literals(r, node->items[i], table);
    for (size_t i = 0; node->kind == Y_MAP && i < node->n; i++) {
        const struct channel_setting *s = find_setting(table, node->pairs[i].key->text);
        if (s && s->secret)
            settings_warn_of_literal(r, node->pairs[i].value, "this secret");
        if (s && s->type == CHANNEL_LIST)
            warn_of_literals(r, node->pairs[i].value, s->of);
    }
}

static void check_settings(struct form_reader *r, const struct ynode *channel,
                           const struct channel_driver *driver, const struct map *settings) {
    const struct channel_value *values;
    struct mistakes m = {r, channel};
    warn_of_literals(r, channel, driver->settings);
    /* false says what is among the diagnostics already */
    (void)!drivers_settings(r->a, driver, settings, NULL, 0, &values, on_mistake, &m);
}

static struct map *read_settings(struct form_reader *r, const struct ynode *channel) {
    struct map *settings = map_new(r->a, channel->n);
    for (size_t i = 0; i < channel->n; i++)
        if (!is_own(channel->pairs[i].key->text))
            map_set_str(r->a, settings, channel->pairs[i].key->text,
                        ynode_value(r->a, channel->pairs[i].value));
    return settings;
}

static void read_channel(struct form_reader *r, const struct ynode *node,
                         struct settings_channel *out) {
    static const enum address_kind addresses[] = {
        [CARRIES_EMAIL] = ADDRESS_EMAIL,
        [CARRIES_SMS] = ADDRESS_PHONE,
        [CARRIES_WEBHOOK] = ADDRESS_NONE,
    };
    static const struct form_field *const fields[] = {&driver_field, &in_doubt_field, &kind_field};
    struct channel_draft x = {.in_doubt = IN_DOUBT_RESEND};
    out->node = node;
    out->settings = value_map(map_new(r->a, 0));
    if (!form_want_map(r, node, "a channel"))
        return;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const struct ynode *value = ynode_get(node, str_from(fields[i]->key));
        if (value)
            form_read_field(r, fields[i], value, &x);
    }
    if (!ynode_get(node, S("driver"))) {
        struct diag *d = form_error(r, node, "a channel needs `driver`: %s", driver_field.help);
        d->hint = S("for example `driver: smtp`");
    }
    struct map *settings = read_settings(r, node);
    out->driver = x.driver;
    out->in_doubt = (enum in_doubt)x.in_doubt;
    settings_pace_read(r, node, out);
    out->settings = value_map(settings);
    const struct channel_driver *driver = x.driver.n ? find_driver(r, node, x.driver) : NULL;
    if (!driver)
        return;
    check_settings(r, node, driver, settings);
    if (carries_of(r, node, out->name, &x, driver, &out->carries))
        out->address = addresses[out->carries];
    settings_keywords_read(r, node, out);
}

void settings_channels_read(struct form_reader *r, const struct ynode *node, void *out) {
    struct settings *c = out;
    if (!form_want_map(r, node, "`channels`"))
        return;
    struct settings_channel *list = ARENA_ARRAY(r->a, struct settings_channel, node->n + 1);
    c->channels = list;
    for (size_t i = 0; i < node->n; i++) {
        if (!form_want_name(r, node->pairs[i].key, "a channel's name"))
            continue;
        struct settings_channel *x = &list[c->n_channels++];
        x->name = node->pairs[i].key->text;
        x->at = ynode_place(r->file, node->pairs[i].key);
        read_channel(r, node->pairs[i].value, x);
    }
}
