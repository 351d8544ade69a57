/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/drivers.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "channels/http_gateway.h"
#include "channels/kannel.h"
#include "channels/maildir.h"
#include "channels/rehearse.h"
#include "channels/smtp.h"
#include "channels/smtps.h"
#include "channels/twilio.h"
#include "channels/webhook.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct channel_driver *const builtin[] = {
    &channel_smtp,    &channel_smtps,    &channel_twilio,
    &channel_kannel,  &channel_http,     &channel_webhook,
    &channel_maildir, &channel_rehearse, NULL};
#define BUILTIN_COUNT (sizeof builtin / sizeof *builtin - 1)

const struct channel_driver *const *drivers_builtin(void) {
    return builtin;
}

/* ---- finding */

/* A name that can be part of a path and means nothing else in it. */
static bool is_name(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
            return false;
        }
    }
    return s.n > 0 && s.n <= 60;
}

static const struct channel_driver *unknown(struct str name, const char *folder, struct err *e) {
    struct str names[BUILTIN_COUNT];
    char list[200] = "";
    for (size_t i = 0; i < BUILTIN_COUNT; i++) {
        names[i] = str_from(builtin[i]->name);
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", builtin[i]->name);
    }
    struct str near = str_nearest(name, names, BUILTIN_COUNT);
    if (near.n > 0) {
        err_set(e, ERR_INPUT, "there is no channel driver `%.*s`; did you mean `%.*s`?",
                STR_FMT(name), STR_FMT(near));
    } else {
        err_set(e, ERR_INPUT,
                "there is no channel driver `%.*s`; built in are %s, others are looked for in %s",
                STR_FMT(name), list, folder);
    }
    return NULL;
}

static bool is_complete(const struct channel_driver *d) {
    return d->name && d->help && d->settings && d->open && d->capacity && d->submit && d->close &&
           !d->receive == !d->answer;
}

static const struct channel_driver *load(const char *path, struct err *e) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        err_set(e, ERR_INPUT, "the channel driver %s cannot be loaded: %s", path, dlerror());
        return NULL;
    }
    const struct channel_driver *d = dlsym(library, CHANNEL_SYMBOL);
    if (!d) {
        err_set(e, ERR_INPUT, "%s is no channel driver: it has no symbol %s", path, CHANNEL_SYMBOL);
    } else if (d->abi != CHANNEL_ABI) {
        err_set(e, ERR_INPUT,
                "%s was built for version %u of the channel contract, this is version %u; "
                "build it again with the header of this Godwit",
                path, (unsigned)d->abi, (unsigned)CHANNEL_ABI);
        d = NULL;
    } else if (!is_complete(d)) {
        err_set(e, ERR_INPUT, "%s is no channel driver: its table has empty fields", path);
        d = NULL;
    }
    if (!d) {
        dlclose(library);
    }
    return d;
}

const struct channel_driver *drivers_find(struct str name, const char *folder, struct err *e) {
    for (size_t i = 0; i < BUILTIN_COUNT; i++) {
        if (str_eq(name, str_from(builtin[i]->name))) {
            return builtin[i];
        }
    }
    folder = folder ? folder : getenv("GODWIT_CHANNELS");
    folder = folder ? folder : GODWIT_PKGLIBDIR "/channels";
    char path[1024];
    if (!is_name(name) ||
        snprintf(path, sizeof path, "%s/%.*s.so", folder, STR_FMT(name)) >= (int)sizeof path ||
        access(path, F_OK) != 0) {
        return unknown(name, folder, e);
    }
    return load(path, e);
}

/* ---- settings */

static bool in_choices(struct str word, const char *choices) {
    struct str rest = str_from(choices), one;
    while (str_split(&rest, '|', &one)) {
        if (str_eq(one, word)) {
            return true;
        }
    }
    return false;
}

static bool in_range(const struct channel_setting *s, int64_t v) {
    return s->least == 0 && s->most == 0 ? v >= 0 : v >= s->least && v <= s->most;
}

static struct str range_of(struct arena *a, const struct channel_setting *s, int64_t unit) {
    if (s->least == 0 && s->most == 0) {
        return S("0 or more");
    }
    return str_printf(a, "%lld to %lld%s", (long long)(s->least / unit),
                      (long long)(s->most / unit), unit > 1 ? " seconds" : "");
}

/* Milliseconds from "30s", "1m30s" or "250ms". */
static bool parse_duration(struct str text, int64_t *ms) {
    int64_t us;
    if (str_ends(text, S("ms"))) {
        return str_to_int64(str_sub(text, 0, text.n - 2), ms);
    }
    if (!wallclock_parse_span(text, &us, NULL)) {
        return false;
    }
    *ms = us / 1000;
    return true;
}

static struct str take_integer(struct arena *a, const struct channel_setting *s, struct value v,
                               struct channel_value *out) {
    bool is_int = value_is(v, V_INT);
    out->integer = is_int ? v.u.i : 0;
    if (value_is(v, V_STRING)) { /* from env: or a default */
        is_int = str_to_int64(value_text(v), &out->integer);
    }
    if (is_int && in_range(s, out->integer)) {
        return STR_NONE;
    }
    return str_printf(a, "`%s` must be a whole number, %.*s", s->name, STR_FMT(range_of(a, s, 1)));
}

static struct str take_duration(struct arena *a, const struct channel_setting *s, struct value v,
                                struct channel_value *out) {
    if (value_is(v, V_STRING) && parse_duration(value_text(v), &out->integer) &&
        in_range(s, out->integer)) {
        return STR_NONE;
    }
    return str_printf(a, "`%s` must be a time such as 30s, 5m or 500ms, %.*s", s->name,
                      STR_FMT(range_of(a, s, 1000)));
}

static struct str take_boolean(struct arena *a, const struct channel_setting *s, struct value v,
                               struct channel_value *out) {
    struct str text = value_is(v, V_STRING) ? value_text(v) : STR_NONE;
    bool yes = str_eq(text, S("true")), no = str_eq(text, S("false"));
    out->boolean = value_is(v, V_BOOL) ? v.u.b : yes;
    if (value_is(v, V_BOOL) || yes || no) {
        return STR_NONE;
    }
    return str_printf(a, "`%s` must be true or false", s->name);
}

static struct str take_text(struct arena *a, const struct channel_setting *s, struct value v,
                            struct channel_value *out) {
    struct str text = STR_NONE;
    if (value_is(v, V_STRING)) {
        text = value_text(v);
    } else if (value_is(v, V_INT)) { /* a password of digits */
        text = str_printf(a, "%lld", (long long)v.u.i);
    } else if (value_is(v, V_BOOL) && s->type == CHANNEL_CHOICE &&
               in_choices(S("off"), s->choices)) {
        text = v.u.b ? S("on") : S("off"); /* YAML's unquoted off */
    }
    if (s->type == CHANNEL_CHOICE && !in_choices(text, s->choices)) {
        return str_printf(a, "`%s` must be one of %s", s->name, s->choices);
    }
    if (text.n == 0 || memchr(text.p, 0, text.n)) {
        return str_printf(a, "`%s` must be text and not empty", s->name);
    }
    out->text = str_cstr(a, text);
    return STR_NONE;
}

/* STR_NONE, or what is wrong. */
static struct str take(struct arena *a, const struct channel_setting *s, struct value v,
                       struct channel_value *out) {
    out->given = true;
    switch (s->type) {
    case CHANNEL_INTEGER:
        return take_integer(a, s, v, out);
    case CHANNEL_DURATION:
        return take_duration(a, s, v, out);
    case CHANNEL_BOOLEAN:
        return take_boolean(a, s, v, out);
    case CHANNEL_TEXT:
    case CHANNEL_CHOICE:
    case CHANNEL_LIST:
        break;
    }
    return take_text(a, s, v, out);
}

static size_t count_settings(const struct channel_setting *settings) {
    size_t n = 0;
    while (settings[n].name) {
        n++;
    }
    return n;
}

/* What stays the same while a channel's settings are gone through. */
struct reading {
    struct arena *a;
    const struct channel_driver *driver;
    const struct str *others;
    size_t other_count;
    drivers_mistake_fn *mistake;
    void *arg;
    bool good;
};

static void complain(struct reading *r, struct str path, struct str text, struct str hint) {
    r->good = false;
    r->mistake(r->arg, path, text, hint);
}

/* "relays.1.port"; the caller's `path` ends with a dot or is empty. */
static struct str path_to(const struct reading *r, struct str path, struct str key) {
    return str_printf(r->a, "%.*s%.*s", STR_FMT(path), STR_FMT(key));
}

/* A key that neither the table nor, at the top, the caller knows. */
static void check_key(struct reading *r, const struct channel_setting *table, struct str path,
                      struct str key) {
    size_t n = count_settings(table), others = path.n > 0 ? 0 : r->other_count;
    struct str *names = ARENA_ARRAY(r->a, struct str, n + others);
    for (size_t i = 0; i < n + others; i++) {
        names[i] = i < n ? str_from(table[i].name) : r->others[i - n];
        if (str_eq(key, names[i])) {
            return;
        }
    }
    struct str near = str_nearest(key, names, n + others);
    struct str hint =
        near.n > 0 ? str_printf(r->a, "did you mean `%.*s`?", STR_FMT(near)) : STR_NONE;
    complain(r, path_to(r, path, key),
             str_printf(r->a, "the driver %s has no setting `%.*s`%s", r->driver->name,
                        STR_FMT(key), path.n > 0 ? " here" : ""),
             hint);
}

static const struct channel_value *read_map(struct reading *r, const struct channel_setting *table,
                                            struct str path, const struct map *given);

static void read_list(struct reading *r, const struct channel_setting *s, struct str path,
                      struct value v, struct channel_value *out) {
    bool one = value_is(v, V_MAP);
    size_t n = one ? 1 : value_is(v, V_LIST) ? v.u.list->n : 0;
    const struct channel_value **items = ARENA_ARRAY(r->a, const struct channel_value *, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct value item = one ? v : v.u.list->v[i];
        if (!value_is(item, V_MAP)) {
            n = 0;
            break;
        }
        struct str below = one ? str_printf(r->a, "%.*s.", STR_FMT(path))
                               : str_printf(r->a, "%.*s.%zu.", STR_FMT(path), i);
        items[i] = read_map(r, s->of, below, item.u.map);
    }
    if (n == 0) {
        complain(r, path,
                 str_printf(r->a, "`%s` must be a list of maps with the keys `%s`, ...", s->name,
                            s->of[0].name),
                 STR_NONE);
    }
    *out = (struct channel_value){.given = n > 0, .items = items, .count = n};
}

static void read_one(struct reading *r, const struct channel_setting *s, struct str path,
                     const struct map *given, struct channel_value *out) {
    const struct value *v = map_get_str(given, str_from(s->name));
    struct str at = path_to(r, path, str_from(s->name)), wrong = STR_NONE;
    if (v && !value_is(*v, V_NULL)) {
        if (s->type == CHANNEL_LIST) {
            read_list(r, s, at, *v, out);
        } else {
            wrong = take(r->a, s, *v, out);
        }
    } else if (s->standard) {
        wrong = take(r->a, s, value_str(str_from(s->standard)), out);
    } else if (s->required && !(s->unless && map_get_str(given, str_from(s->unless)))) {
        wrong = str_printf(r->a, "the driver %s needs the setting `%.*s`%s%s%s: %s",
                           r->driver->name, STR_FMT(at), s->unless ? " (or `" : "",
                           s->unless ? s->unless : "", s->unless ? "`)" : "", s->help);
    }
    if (wrong.n > 0) {
        complain(r, v ? at : str_sub(path, 0, path.n > 0 ? path.n - 1 : 0), wrong, STR_NONE);
    }
}

static const struct channel_value *read_map(struct reading *r, const struct channel_setting *table,
                                            struct str path, const struct map *given) {
    struct channel_value *values =
        ARENA_ARRAY(r->a, struct channel_value, count_settings(table) + 1);
    for (size_t i = 0; i < given->n; i++) {
        check_key(r, table, path, value_text(given->e[i].key));
    }
    for (size_t i = 0; table[i].name; i++) {
        read_one(r, &table[i], path, given, &values[i]);
    }
    return values;
}

bool drivers_settings(struct arena *a, const struct channel_driver *d, const struct map *given,
                      const struct str *others, size_t other_count,
                      const struct channel_value **out, drivers_mistake_fn *mistake, void *arg) {
    struct reading r = {a, d, others, other_count, mistake, arg, true};
    *out = read_map(&r, d->settings, STR_NONE, given);
    return r.good;
}

/* ---- reference */

static void put_rows(struct buf *out, const char *prefix, const struct channel_setting *settings) {
    static const char *const types[] = {"text", "number", "true or false", "time", "", "list"};
    for (const struct channel_setting *s = settings; s->name; s++) {
        buf_printf(out, "| `%s%s` | ", prefix, s->name);
        if (s->type == CHANNEL_CHOICE) {
            struct str rest = str_from(s->choices), one;
            for (bool first = true; str_split(&rest, '|', &one); first = false) {
                buf_printf(out, "%s`%.*s`", first ? "" : ", ", STR_FMT(one));
            }
        } else {
            buf_printf(out, "%s%s", types[s->type], s->secret ? ", secret" : "");
        }
        const char *left = s->required ? "required" : "";
        buf_printf(out, " | %s%s%s%s%s%s | %s |\n", s->standard ? "`" : "",
                   s->standard ? s->standard : left, s->standard ? "`" : "",
                   s->unless ? ", or `" : "", s->unless ? s->unless : "", s->unless ? "`" : "",
                   s->help);
        if (s->type == CHANNEL_LIST) {
            char below[80];
            snprintf(below, sizeof below, "%s%s: ", prefix, s->name);
            put_rows(out, below, s->of);
        }
    }
}

void drivers_reference(struct buf *out, const struct channel_driver *d) {
    if (!d->settings[0].name) {
        buf_printf(out, "`%s` has no settings.\n", d->name);
        return;
    }
    buf_printf(out, "| setting | value | default | meaning |\n| --- | --- | --- | --- |\n");
    put_rows(out, "", d->settings);
}
