/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/settings_pace.h"

#include "base/arena.h"
#include "base/wallclock.h"

#define GROWTH_MOST 10.0
#define IN_FLIGHT_MOST 1024

static void read_rate(struct form_reader *r, const struct ynode *node,
                      struct settings_channel *out) {
    struct rate rate;
    struct err e = ERR_INIT;
    if (!form_want_text(r, node, "`rate`"))
        return;
    if (rate_parse(node->text, &rate, &e))
        out->rate_per_s = rate_per_second(rate);
    else
        form_error(r, node, "%s", e.text);
}

/* A name of letters, digits, dots and dashes, or * for all others. */
static bool is_domain(struct str s) {
    if (str_eq(s, S("*")))
        return true;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-')
            return false;
    }
    return s.n > 0 && s.n <= 255;
}

static void read_domains(struct form_reader *r, const struct ynode *node,
                         struct settings_channel *out) {
    if (!form_want_map(r, node, "`domains`"))
        return;
    struct settings_domain *list = ARENA_ARRAY(r->a, struct settings_domain, node->n + 1);
    for (size_t i = 0; i < node->n; i++) {
        struct rate rate;
        struct err e = ERR_INIT;
        const struct ynode *key = node->pairs[i].key, *value = node->pairs[i].value;
        if (!is_domain(key->text))
            form_error(r, key, "`%.*s` is no domain in lower case, nor * for all others",
                       STR_FMT(key->text));
        else if (!form_want_text(r, value, "a domain's rate"))
            continue;
        else if (!rate_parse(value->text, &rate, &e))
            form_error(r, value, "%s", e.text);
        else
            list[out->n_domains++] = (struct settings_domain){key->text, rate_per_second(rate)};
    }
    out->domains = list;
}

bool settings_pace_warmup(struct str text, struct settings_warmup *out, struct err *e) {
    ptrdiff_t at = str_find(text, S(" growing "));
    struct str first = at < 0 ? text : str_sub(text, 0, (size_t)at);
    struct str growth = at < 0 ? S("1x") : str_trim(str_sub(text, (size_t)at + 9, text.n));
    struct rate rate;
    struct err ignored = ERR_INIT;
    *out = (struct settings_warmup){0};
    if (!rate_parse(str_trim(first), &rate, &ignored) || rate.seconds != RATE_DAY_S ||
        !str_ends(growth, S("x")) ||
        !str_to_double(str_sub(growth, 0, growth.n - 1), &out->growth) || !(out->growth >= 1) ||
        out->growth > GROWTH_MOST)
        return err_set(e, ERR_INPUT,
                       "`%.*s` is no warm-up; write the first day's number and the growth from day "
                       "to day (1x to 10x): 200/day growing 1.5x",
                       STR_FMT(text));
    out->per_day = rate.count;
    return true;
}

static void read_warmup(struct form_reader *r, const struct ynode *node,
                        struct settings_channel *out) {
    struct err e = ERR_INIT;
    if (!form_want_text(r, node, "`warmup`"))
        return;
    if (!settings_pace_warmup(node->text, &out->warmup, &e))
        form_error(r, node, "%s", e.text);
}

static void read_retry(struct form_reader *r, const struct ynode *node,
                       struct settings_channel *out) {
    struct err e = ERR_INIT;
    if (!form_want_text(r, node, "`retry`"))
        return;
    if (!wallclock_parse_span(node->text, &out->retry_us, &e))
        form_error(r, node, "`retry`: %s", e.text)->hint = S("for example `5m`");
}

static void read_in_flight(struct form_reader *r, const struct ynode *node,
                           struct settings_channel *out) {
    int64_t n;
    if (!form_want_text(r, node, "`in_flight`"))
        return;
    if (str_to_int64(node->text, &n) && n >= 1 && n <= IN_FLIGHT_MOST)
        out->in_flight = (size_t)n;
    else
        form_error(r, node, "`in_flight` is a number from 1 to %d", IN_FLIGHT_MOST);
}

static const struct {
    const char *key;
    void (*read)(struct form_reader *r, const struct ynode *node, struct settings_channel *out);
} keys[] = {{"rate", read_rate},
            {"domains", read_domains},
            {"warmup", read_warmup},
            {"retry", read_retry},
            {"in_flight", read_in_flight}};
#define KEYS (sizeof keys / sizeof *keys)

bool settings_pace_owns(struct str key) {
    for (size_t i = 0; i < KEYS; i++)
        if (str_eq(key, str_from(keys[i].key)))
            return true;
    return false;
}

void settings_pace_read(struct form_reader *r, const struct ynode *channel,
                        struct settings_channel *out) {
    for (size_t i = 0; i < KEYS; i++) {
        const struct ynode *value = ynode_get(channel, str_from(keys[i].key));
        if (value)
            keys[i].read(r, value, out);
    }
}
