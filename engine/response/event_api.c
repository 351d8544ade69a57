/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/event_api.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/wallclock.h"
#include "engine/address.h"
#include "rules/own_events.h"

#include <stdlib.h>

#define KEY_BYTES 255
#define ITEMS_MOST 5000 /* of a batch */
#define SKEW_MOST_US (WALLCLOCK_DAY_S * WALLCLOCK_US_PER_S)

/* What is being read. */
struct reader {
    struct arena *a;
    struct api_batch *out;
    const struct map *context; /* of the batch: default of its items; may be NULL */
    int64_t received_us;
    int64_t ahead_us; /* how far the sender's clock is behind ours; 0: not known */
};

/* ---- values */

/* Text that the database takes: no NUL. STR_NONE when it is not a text, or empty. */
static struct str text(const struct map *m, const char *key) {
    const struct value *v = m ? map_get_str(m, str_from(key)) : NULL;
    if (!v || !value_is(*v, V_STRING) || !v->aux || memchr(v->u.p, 0, v->aux))
        return STR_NONE;
    return value_text(*v);
}

/* A customer's key: libraries also send numbers. */
static struct str key_of(struct arena *a, const struct map *m, const char *key) {
    const struct value *v = map_get_str(m, str_from(key));
    if (v && value_is(*v, V_INT))
        return str_printf(a, "%lld", (long long)v->u.i);
    return text(m, key);
}

static const struct map *map_at(const struct map *m, const char *key) {
    const struct value *v = m ? map_get_str(m, str_from(key)) : NULL;
    return v && value_is(*v, V_MAP) ? v->u.map : NULL;
}

/* jsonb holds no NUL. */
static bool has_nul(struct value v) {
    switch (v.type) {
    case V_STRING:
        return v.aux && memchr(v.u.p, 0, v.aux);
    case V_LIST:
        for (size_t i = 0; i < v.u.list->n; i++)
            if (has_nul(v.u.list->v[i]))
                return true;
        return false;
    case V_MAP:
        for (size_t i = 0; i < v.u.map->n; i++)
            if (has_nul(v.u.map->e[i].key) || has_nul(v.u.map->e[i].value))
                return true;
        return false;
    default:
        return false;
    }
}

static bool instant(const struct map *m, const char *key, int64_t *us) {
    struct str s = text(m, key);
    int64_t seconds;
    uint32_t nanos;
    if (!s.n || !wallclock_parse(s, NULL, &seconds, &nanos, NULL))
        return false;
    *us = seconds * WALLCLOCK_US_PER_S + nanos / 1000;
    return true;
}

static struct str json_of(struct arena *a, const struct map *m) {
    struct buf b = BUF_IN(a);
    json_write(&b, value_map(m));
    return buf_str(&b);
}

/* A copy that more can be put into. */
static struct map *copy_of(struct arena *a, const struct map *m) {
    struct map *copy = map_new(a, m ? m->n + 2 : 2);
    for (size_t i = 0; m && i < m->n; i++)
        map_set(a, copy, m->e[i].key, m->e[i].value);
    return copy;
}

/* ---- items */

static struct api_item *add(struct reader *r, enum api_kind kind, struct str customer) {
    struct api_batch *b = r->out;
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 8;
        b->items = arena_grow(r->a, b->items, b->cap * sizeof *b->items, cap * sizeof *b->items);
        b->cap = cap;
    }
    struct api_item *x = &b->items[b->n++];
    *x = (struct api_item){.kind = kind, .customer = customer};
    return x;
}

/* When it happened by our clock; never later than when it came. */
static int64_t happened(const struct reader *r, const struct map *item, struct map *properties) {
    int64_t at;
    if (!instant(item, "timestamp", &at))
        return r->received_us;
    if (r->ahead_us >= WALLCLOCK_US_PER_S || r->ahead_us <= -WALLCLOCK_US_PER_S)
        map_set_str(r->a, properties, S("originalTimestamp"), value_str(text(item, "timestamp")));
    at += r->ahead_us;
    return at < r->received_us ? at : r->received_us;
}

static const char *add_event(struct reader *r, const struct map *item, struct str customer,
                             struct str name, struct map *properties) {
    struct str dedupe = text(item, "messageId");
    if (name.n > KEY_BYTES)
        return "its event's name is longer than 255 bytes";
    if (own_events_reserved(name))
        return "events whose name begins with message. are Godwit's own";
    if (dedupe.n > KEY_BYTES)
        return "its messageId is longer than 255 bytes";
    int64_t at = happened(r, item, properties);
    struct api_item *x = add(r, API_EVENT, customer);
    x->name = name;
    x->dedupe = dedupe;
    x->at_us = at;
    x->properties = json_of(r->a, properties);
    return NULL;
}

static const char *read_track(struct reader *r, const struct map *item, struct str customer) {
    struct str name = text(item, "event");
    if (!name.n)
        return "it has no `event`";
    return add_event(r, item, customer, name, copy_of(r->a, map_at(item, "properties")));
}

static const char *read_page(struct reader *r, const struct map *item, struct str customer) {
    static const char *const own[] = {"name", "category"};
    struct map *properties = copy_of(r->a, map_at(item, "properties"));
    for (int i = 0; i < 2; i++) {
        struct str s = text(item, own[i]);
        if (s.n)
            map_set_str(r->a, properties, str_from(own[i]), value_str(s));
    }
    return add_event(r, item, customer, S("page.viewed"), properties);
}

/* email, phone, locale and timezone are fields of a customer where they are what they should be;
 * all else, and what is not, is an attribute. */
static const char *read_identify(struct reader *r, const struct map *item, struct str customer) {
    const struct map *traits = map_at(item, "traits"), *context = map_at(item, "context");
    struct map *attributes = map_new(r->a, traits ? traits->n : 0);
    struct api_item *x = add(r, API_IDENTIFY, customer);
    const struct zone *zone;
    for (size_t i = 0; traits && i < traits->n; i++) {
        struct str key = value_text(traits->e[i].key);
        char name[16] = "";
        memcpy(name, key.p, key.n < sizeof name - 1 ? key.n : 0);
        struct str value = text(traits, name);
        if (str_eq(key, S("email")) && value.n && !address_problem(ADDRESS_EMAIL, value))
            x->email = value;
        else if (str_eq(key, S("phone")) && value.n && !address_problem(ADDRESS_PHONE, value))
            x->phone = value;
        else if (str_eq(key, S("locale")) && value.n && value.n < 36)
            x->locale = value;
        else if (str_eq(key, S("timezone")) && wallclock_zone(value, &zone, NULL))
            x->timezone = value;
        else
            map_set(r->a, attributes, traits->e[i].key, traits->e[i].value);
    }
    struct str locale = text(context, "locale"), timezone = text(context, "timezone");
    if (!locale.n)
        locale = text(r->context, "locale");
    if (!timezone.n)
        timezone = text(r->context, "timezone");
    if (!x->locale.p && locale.n && locale.n < 36)
        x->locale = locale;
    if (!x->timezone.p && timezone.n && wallclock_zone(timezone, &zone, NULL))
        x->timezone = timezone;
    x->properties = json_of(r->a, attributes);
    return NULL;
}

static const char *read_alias(struct reader *r, const struct map *item, struct str customer) {
    struct str previous = key_of(r->a, item, "previousId");
    if (!previous.n || previous.n > KEY_BYTES)
        return "it has no `previousId` of at most 255 bytes";
    add(r, API_ALIAS, customer)->previous = previous;
    return NULL;
}

static const struct {
    const char *type;
    const char *(*read)(struct reader *r, const struct map *item, struct str customer);
} types[] = {
    {"track", read_track}, {"identify", read_identify},
    {"page", read_page},   {"alias", read_alias},
    {"screen", NULL},      {"group", NULL},
};

/* What is wrong with the item; NULL: it was taken, or skipped. */
static const char *read_item(struct reader *r, struct str type, const struct map *item) {
    struct str user = key_of(r->a, item, "userId");
    struct str anonymous = key_of(r->a, item, "anonymousId");
    struct str customer = user.n ? user : anonymous;
    size_t i = 0, n = sizeof types / sizeof *types;
    while (i < n && !str_eq(type, str_from(types[i].type)))
        i++;
    if (i == n)
        return "its `type` is none of track, identify, page, screen, group, alias";
    if (!types[i].read) {
        r->out->skipped++;
        return NULL;
    }
    if (!customer.n)
        return "it has neither `userId` nor `anonymousId`";
    if (customer.n > KEY_BYTES || anonymous.n > KEY_BYTES)
        return "its id is longer than 255 bytes";
    if (has_nul(value_map(item)))
        return "it holds a NUL character";
    if (json_of(r->a, item).n > API_ITEM_BYTES)
        return "it is larger than 32 KiB";
    if (user.n && anonymous.n && types[i].read == read_identify && !str_eq(user, anonymous))
        add(r, API_ALIAS, user)->previous = anonymous;
    return types[i].read(r, item, customer);
}

static void take_item(struct reader *r, struct str type, struct value v) {
    struct api_batch *b = r->out;
    const char *wrong = value_is(v, V_MAP) ? read_item(r, type, v.u.map) : "it is no JSON object";
    if (!wrong)
        return;
    if (!b->rejected++)
        b->complaint = str_from(wrong);
}

/* ---- the body */

static void read_clock(struct reader *r, const struct map *m) {
    int64_t sent;
    if (!instant(m, "sentAt", &sent))
        return;
    int64_t ahead = r->received_us - sent;
    if (ahead <= SKEW_MOST_US && ahead >= -SKEW_MOST_US)
        r->ahead_us = ahead;
}

bool event_api_read(struct arena *a, struct str call, struct str body, int64_t received_us,
                    struct api_batch *out, struct err *e) {
    struct reader r = {.a = a, .out = out, .received_us = received_us};
    struct value v;
    *out = (struct api_batch){0};
    if (body.n > API_BATCH_BYTES)
        return err_set(e, ERR_INPUT, "the body is larger than 500 KB");
    if (!json_parse(a, body, &v, e))
        return err_context(e, "the body is not JSON");
    if (!value_is(v, V_MAP))
        return err_set(e, ERR_INPUT, "the body is no JSON object");
    out->write_key = text(v.u.map, "writeKey");
    r.context = map_at(v.u.map, "context");
    read_clock(&r, v.u.map);
    if (!str_eq(call, S("batch"))) {
        take_item(&r, call, v);
        return true;
    }
    const struct value *list = map_get_str(v.u.map, S("batch"));
    if (!list || !value_is(*list, V_LIST))
        return err_set(e, ERR_INPUT, "`batch` is not there, or no list");
    if (list->u.list->n > ITEMS_MOST)
        return err_set(e, ERR_INPUT, "`batch` has more than %d items", ITEMS_MOST);
    for (size_t i = 0; i < list->u.list->n; i++) {
        struct value item = list->u.list->v[i];
        take_item(&r, value_is(item, V_MAP) ? text(item.u.map, "type") : STR_NONE, item);
    }
    return true;
}
